//! Settings of a destination: a `[[destination]]` table.

use std::collections::BTreeSet;
use std::path::PathBuf;

use http::Uri;
use serde::{Deserialize, Serialize, Serializer};

use crate::engine::alert::AlertKind;
use crate::engine::policy::Level;

/// Most destinations.
const MAX_DESTINATIONS: usize = 32;
const MAX_NAME_BYTES: usize = 64;
/// Where PagerDuty takes events.
pub(super) const PAGERDUTY_URL: &str = "https://events.pagerduty.com/v2/enqueue";

/// What a destination understands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// CloudEvents 1.0, structured mode: the alert as consoles get it.
    #[default]
    CloudEvents,
    /// A line of text, for Slack's incoming webhooks and whatever takes the same.
    Slack,
    /// PagerDuty Events API v2: trigger, acknowledge, resolve.
    PagerDuty,
}

/// How much of an alert's life is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Changes {
    /// What somebody has to know who was told of the alert.
    #[default]
    Life,
    /// Every change.
    All,
}

/// One destination.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Names it in metrics, logs and the journal. Under another name it is another destination,
    /// which begins with what comes then.
    pub name: String,
    /// What it understands.
    pub format: Format,
    /// Where to send, `http://` or `https://`. Its path may be a secret: only its host is ever
    /// printed. PagerDuty's own when absent.
    #[serde(serialize_with = "host_only", skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A file with the URL, for one that is a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_file: Option<PathBuf>,
    /// A variable of the environment with the URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_env: Option<String>,
    /// A file with the secret: PagerDuty's routing key, else what signs the messages. Of several
    /// lines each signs, so that a secret can be replaced while both are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// A variable of the environment with the secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_env: Option<String>,
    /// A file with more header lines, `Authorization: Bearer …` for example.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers_file: Option<PathBuf>,
    /// Certificates (PEM) of the authorities to trust instead of those of this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Only calls of these queues; of all when empty.
    pub queues: Vec<String>,
    /// Only calls of these teams; of all when empty.
    pub teams: Vec<String>,
    /// Only alerts of these kinds: `risk`, `trigger`, `manual`; all when empty.
    pub kinds: Vec<AlertKind>,
    /// Only alerts of at least this level, `warning` or `critical`.
    pub min_level: Level,
    /// Sends alerts that are held because their team's budget is spent, too.
    pub held: bool,
    /// Sends alerts raised on words that the recogniser may still take back, too.
    pub provisional: bool,
    /// How much of an alert's life is sent. PagerDuty's three actions are always the same.
    pub changes: Changes,
    /// Longest time to connect, and from there to the end of the answer.
    pub timeout_s: u64,
    /// Pause after a first failure; it doubles up to `retry_max_s`.
    pub retry_min_ms: u64,
    /// Longest pause between tries, unless the answer asks for a longer one.
    pub retry_max_s: u64,
    /// How long one message is tried again while the destination answers and does not take it.
    /// While it cannot be reached at all, messages wait as long as the outbox keeps them.
    pub give_up_after_s: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            name: String::new(),
            format: Format::default(),
            url: None,
            url_file: None,
            url_env: None,
            secret_file: None,
            secret_env: None,
            headers_file: None,
            ca_file: None,
            queues: Vec::new(),
            teams: Vec::new(),
            kinds: Vec::new(),
            min_level: Level::Warning,
            held: false,
            provisional: false,
            changes: Changes::default(),
            timeout_s: 10,
            retry_min_ms: 500,
            retry_max_s: 60,
            give_up_after_s: 21_600,
        }
    }
}

/// Checks all destinations.
///
/// # Errors
/// The place of the first that cannot be used, and a sentence naming its setting.
pub fn check(destinations: &[Settings]) -> Result<(), (usize, String)> {
    let mut names = BTreeSet::new();
    for (place, own) in destinations.iter().enumerate() {
        own.check().map_err(|message| (place, message))?;
        if !names.insert(&own.name) {
            let name = &own.name;
            return Err((
                place,
                format!("`name` is {name:?} again; give each destination its own"),
            ));
        }
        if place >= MAX_DESTINATIONS {
            let message =
                format!("`name` {:?} is one too many; {MAX_DESTINATIONS} may be", own.name);
            return Err((place, message));
        }
    }
    Ok(())
}

impl Settings {
    /// # Errors
    /// A sentence naming the first setting that cannot be used.
    fn check(&self) -> Result<(), String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.name.is_empty() || self.name.len() > MAX_NAME_BYTES || !self.name.chars().all(plain)
        {
            return Err(format!(
                "`name` is {:?}; write 1 to {MAX_NAME_BYTES} letters, digits, `-`, `_` or `.`",
                self.name
            ));
        }
        self.check_sources()?;
        if let Some(url) = &self.url {
            parse_url(url).map_err(|why| format!("`url` {why}"))?;
        }
        if self.format == Format::PagerDuty && self.changes == Changes::All {
            return Err("`changes` is \"all\", but PagerDuty knows three actions only; leave it \
                        out"
            .into());
        }
        for (name, value) in [
            ("timeout_s", self.timeout_s),
            ("retry_min_ms", self.retry_min_ms),
            ("retry_max_s", self.retry_max_s),
        ] {
            if value == 0 || value > 86_400_000 {
                return Err(format!("`{name}` is {value}; it must be from 1 to 86400000"));
            }
        }
        Ok(())
    }

    /// Whether it takes its URL or secret from that variable of the environment.
    pub fn reads(&self, variable: &str) -> bool {
        [&self.url_env, &self.secret_env].into_iter().flatten().any(|name| name == variable)
    }

    /// At most one place for each thing, and one for what must be.
    fn check_sources(&self) -> Result<(), String> {
        let given = |options: [bool; 3]| options.into_iter().filter(|given| *given).count();
        let urls = given([self.url.is_some(), self.url_file.is_some(), self.url_env.is_some()]);
        let secrets = given([self.secret_file.is_some(), self.secret_env.is_some(), false]);
        if urls > 1 {
            return Err("`url`, `url_file` and `url_env`: set one of them".into());
        }
        if secrets > 1 {
            return Err("`secret_file` and `secret_env`: set one of them".into());
        }
        match self.format {
            Format::PagerDuty if secrets == 0 => Err("`secret_file` or `secret_env` is missing; \
                it gives the routing key of the PagerDuty service"
                .into()),
            Format::CloudEvents | Format::Slack if urls == 0 => {
                Err("`url` is missing; write where to send, or set `url_file` or `url_env`".into())
            }
            _ => Ok(()),
        }
    }
}

/// Reads a URL that messages can be sent to. What is wrong is said without the URL.
///
/// # Errors
/// The second half of a sentence.
pub(super) fn parse_url(text: &str) -> Result<Uri, String> {
    let url: Uri = text.trim().parse().map_err(|_| "is no URL; write https://host/path")?;
    if !matches!(url.scheme_str(), Some("http" | "https")) {
        return Err("must begin with https:// or http://".into());
    }
    let authority = url.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    if authority.contains('@') {
        return Err("holds a user or password; put them into `headers_file`, as \
                    `Authorization: Basic …`"
            .into());
    }
    Ok(url)
}

/// Scheme and host of a URL: all that may be shown of it.
pub(super) fn shown(url: &Uri) -> String {
    let authority = url.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    format!("{}://{authority}/…", url.scheme_str().unwrap_or_default())
}

fn host_only<S: Serializer>(url: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    let text = url.as_deref().map(|url| match parse_url(url) {
        Ok(parsed) if matches!(parsed.path_and_query().map(|p| p.as_str()), None | Some("/")) => {
            url.to_owned()
        }
        Ok(parsed) => shown(&parsed),
        Err(_) => "…".into(),
    });
    text.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, String> {
        let settings: Settings = toml::from_str(text).map_err(|error| error.to_string())?;
        settings.check().map(|()| settings)
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let ok = "name = \"a\"\nurl = \"https://a.example/hook\"";
        assert_eq!(read(ok).unwrap().format, Format::CloudEvents);
        for (text, why) in [
            ("url = \"https://a.example\"", "`name` is \"\""),
            ("name = \"a b\"\nurl = \"https://a.example\"", "`name` is \"a b\""),
            ("name = \"a\"", "`url` is missing"),
            ("name = \"a\"\nurl = \"ftp://a.example\"", "`url` must begin with https://"),
            ("name = \"a\"\nurl = \"nonsense\"", "`url` must begin with https://"),
            ("name = \"a\"\nurl = \"https://u:secret@a.example\"", "`url` holds a user"),
            ("name = \"a\"\nurl = \"http://a\"\nurl_env = \"A\"", "`url`, `url_file` and"),
            ("name = \"a\"\nformat = \"pagerduty\"", "`secret_file` or `secret_env` is missing"),
            (
                "name = \"a\"\nformat = \"pagerduty\"\nsecret_env = \"K\"\nchanges = \"all\"",
                "`changes` is \"all\"",
            ),
            ("name = \"a\"\nurl = \"http://a\"\ntimeout_s = 0", "`timeout_s` is 0"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(why), "{text}: {error}");
            assert!(!error.contains("secret@"), "{error}");
        }
    }

    #[test]
    fn names_are_unique_and_bounded() {
        let own = |name: usize| Settings {
            name: format!("d{name}"),
            url: Some("http://a.example".into()),
            ..Settings::default()
        };
        assert_eq!(check(&(0..MAX_DESTINATIONS).map(own).collect::<Vec<_>>()), Ok(()));
        let (place, message) = check(&[own(1), own(2), own(1)]).unwrap_err();
        assert!(place == 2 && message.starts_with("`name` is \"d1\" again"), "{message}");
        let (place, _) = check(&(0..=MAX_DESTINATIONS).map(own).collect::<Vec<_>>()).unwrap_err();
        assert_eq!(place, MAX_DESTINATIONS);
    }

    #[test]
    fn only_the_host_of_a_url_is_shown() {
        let url = Some("https://hooks.slack.com/services/T0/B0/s3cr3t".into());
        let text = toml::to_string(&Settings { url, ..Settings::default() }).unwrap();
        assert!(text.contains("url = \"https://hooks.slack.com/…\""), "{text}");
        assert!(!text.contains("s3cr3t"));
    }
}
