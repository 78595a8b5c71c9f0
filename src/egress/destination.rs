//! A destination as it is used: its settings with what their files and variables hold.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use form_urlencoded::byte_serialize;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::uri::Uri;

use super::client::now;
use super::secrets::{self, Secret};
use super::settings::{Format, PAGERDUTY_URL, Settings, parse_url, shown};
use super::signature::{self, Key};
use super::told::Told;
use super::wanted::{News, Wanted};
use super::{cloudevents, pagerduty, sample, slack};
use crate::engine::alert::Alert;
use crate::journal::Outgoing;

/// Headers that a request has anyway.
const OWN_HEADERS: [&str; 9] = [
    "host",
    "content-length",
    "content-type",
    "connection",
    "transfer-encoding",
    "expect",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
];

/// What is sent in one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The same each time it is sent.
    pub id: String,
    /// Type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Bytes,
}

/// Where alerts can be looked at.
#[derive(Clone, Debug)]
pub(super) struct Links(String);

impl Links {
    /// `public_url` is the server as people reach it; empty for no links.
    pub fn new(public_url: &str) -> Links {
        Links(public_url.trim_end_matches('/').to_owned())
    }

    /// The page of an alert's call, at the words that raised it.
    pub fn to_alert(&self, alert: &Alert) -> Option<String> {
        // As `encodeURIComponent` does it: a space is no plus.
        let call: String = byte_serialize(alert.call_id.as_bytes()).collect();
        let call = call.replace('+', "%20");
        (!self.0.is_empty()).then(|| format!("{}/#/call/{call}/{}", self.0, alert.seq))
    }

    /// What names this server in events.
    fn source(&self) -> &str {
        if self.0.is_empty() { "/forewarn" } else { &self.0 }
    }
}

/// At most so many characters of a text, with a sign where the rest was.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// A destination, ready to be sent to.
#[derive(Debug)]
pub struct Destination {
    /// Its name.
    pub name: Arc<str>,
    pub(super) settings: Settings,
    pub(super) url: Uri,
    pub(super) headers: HeaderMap,
    pub(super) authorities: Option<String>,
    wanted: Wanted,
    links: Links,
    /// PagerDuty's routing key.
    routing_key: Option<Secret>,
    keys: Vec<Key>,
    /// All that must not be shown.
    hidden: Vec<Secret>,
}

impl Destination {
    /// Reads what the settings name. `public_url` is the server as people reach it, for links.
    ///
    /// # Errors
    /// A sentence naming the setting; it never holds a secret.
    pub fn load(settings: &Settings, public_url: &str) -> Result<Destination, String> {
        let (file, variable) = (settings.url_file.as_deref(), settings.url_env.as_deref());
        let read = secrets::lines("url", file, variable)?;
        let url = match (&read, &settings.url) {
            (Some(lines), _) => lines[0].reveal(),
            (None, Some(url)) => url,
            (None, None) => PAGERDUTY_URL,
        };
        let parsed = parse_url(url).map_err(|why| match read {
            Some(_) => format!("`url_file` or `url_env`: what it holds {why}"),
            None => format!("`url` {why}"),
        })?;
        let (file, variable) = (settings.secret_file.as_deref(), settings.secret_env.as_deref());
        let secrets = secrets::lines("secret", file, variable)?.unwrap_or_default();
        let is_key = settings.format == Format::PagerDuty;
        let routing_key = secrets.first().filter(|_| is_key).cloned();
        let signing = secrets.iter().filter(|_| !is_key);
        let keys = signing
            .map(|secret| Key::new(secret).map_err(|why| format!("the secret {why}")))
            .collect::<Result<_, _>>()?;
        let mut hidden = secrets.clone();
        hidden.push(Secret::new(parsed.path_and_query().map_or("/", |path| path.as_str())));
        hidden.retain(|secret| secret.reveal() != "/");
        let (headers, values) = headers(settings)?;
        hidden.extend(values);
        let authorities = settings.ca_file.as_deref();
        Ok(Destination {
            name: settings.name.as_str().into(),
            settings: settings.clone(),
            url: parsed,
            headers,
            authorities: authorities.map(|path| secrets::read("`ca_file`", path)).transpose()?,
            wanted: Wanted::of(settings),
            links: Links::new(public_url),
            routing_key,
            keys,
            hidden,
        })
    }

    /// What it is to be sent of a change; `None` when it wants nothing of it.
    ///
    /// # Errors
    /// When another version wrote the change and it cannot be read.
    pub fn message(&self, outgoing: Outgoing) -> Result<Option<Message>, serde_json::Error> {
        let told = Told::of(outgoing)?;
        Ok(self.wanted.news(&told).and_then(|news| self.render(news, &told)))
    }

    /// What a test sends, whatever the filter: a made-up alert that says so. To PagerDuty also its
    /// end, so that nobody has to take care of it.
    pub fn samples(&self) -> Vec<Message> {
        let both = [(News::Comes, false), (News::Step, true)];
        let number = if self.settings.format == Format::PagerDuty { 2 } else { 1 };
        let told = both
            .into_iter()
            .take(number)
            .map(|(news, is_over)| self.render(news, &sample::told(&self.name, is_over, now())));
        told.flatten().collect()
    }

    fn render(&self, news: News, told: &Told) -> Option<Message> {
        let details = self.wanted.wants_details();
        match self.settings.format {
            Format::CloudEvents => cloudevents::message(self.links.source(), details, news, told),
            Format::Slack => slack::message(&self.links, details, news, told),
            Format::PagerDuty => {
                let key = self.routing_key.as_ref().map_or("", |key| key.reveal());
                pagerduty::message(key, &self.links, news, told)
            }
        }
    }

    /// Headers that sign a message; none without a secret. `now_s` is in seconds since 1970.
    pub(super) fn signature(&self, message: &Message, now_s: i64) -> Vec<(&'static str, String)> {
        if self.keys.is_empty() {
            return Vec::new();
        }
        let signature = signature::sign(&self.keys, &message.id, now_s, &message.body);
        vec![
            ("webhook-id", message.id.clone()),
            ("webhook-timestamp", now_s.to_string()),
            ("webhook-signature", signature),
        ]
    }

    /// Longest time of one request.
    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs(self.settings.timeout_s)
    }

    /// Scheme and host of its URL.
    pub fn host(&self) -> String {
        shown(&self.url)
    }

    /// What may be shown of a text that came back.
    pub fn without_secrets(&self, text: &str) -> String {
        self.hidden.iter().fold(text.to_owned(), |text, secret| secret.hide_in(&text))
    }
}

/// The lines of the file of headers, and what of them must not be shown.
fn headers(settings: &Settings) -> Result<(HeaderMap, Vec<Secret>), String> {
    let mut headers = HeaderMap::new();
    let Some(path) = &settings.headers_file else { return Ok((headers, Vec::new())) };
    let mut hidden = Vec::new();
    let text = secrets::read("`headers_file`", path)?;
    for (line, number) in text.lines().map(str::trim).zip(1..) {
        if line.is_empty() {
            continue;
        }
        let place = format!("`headers_file`: {}:{number}", path.display());
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| format!("{place}: a line is a header, as `Authorization: Bearer …`"))?;
        let header: HeaderName =
            name.trim().to_ascii_lowercase().parse().map_err(|_| {
                format!("{place}: what stands before the `:` is no name of a header")
            })?;
        if OWN_HEADERS.contains(&header.as_str()) {
            return Err(format!("{place}: `{header}` is set by forewarn itself; leave it out"));
        }
        let mut value_header: HeaderValue = value.trim().parse().map_err(|_| {
            format!("{place}: the value of `{header}` has signs that none may have")
        })?;
        value_header.set_sensitive(true);
        headers.append(header, value_header);
        hidden.push(Secret::new(value.trim()));
    }
    Ok((headers, hidden))
}
