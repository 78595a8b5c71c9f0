//! Settings of a cluster: where NATS is, and how much it keeps.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

/// The `[cluster]` table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// NATS servers, `nats://HOST:PORT` or `tls://HOST:PORT`, several with commas between them.
    /// Without any this is one machine for itself. A name and password in it are never printed.
    #[serde(serialize_with = "without_secret", skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Credentials of NATS (a `.creds` file).
    pub credentials: Option<PathBuf>,
    /// Certificates (PEM) that sign the servers', where they are none of the system's.
    pub ca: Option<PathBuf>,
    /// Our own certificate (PEM), where the servers ask for one.
    pub cert: Option<PathBuf>,
    /// Its key (PEM).
    pub key: Option<PathBuf>,
    /// Whether a connection without TLS is refused.
    pub require_tls: bool,
    /// Begins the name of every stream and subject, so that several clusters share servers.
    pub prefix: String,
    /// Copies of every stream: 1, 3 or 5. One may lose what it acked in the last moments before a
    /// power cut.
    pub replicas: usize,
    /// Streams that share the chunks of all calls. The same on all nodes, and for ever.
    pub partitions: u16,
    /// Hours that ended calls are kept in NATS, for nodes whose tables lack them.
    pub retention_h: u32,
    /// Hours that events and what consoles are told of them are kept in NATS. No call, and no alert
    /// that nobody closes, may last as long.
    pub news_retention_h: u32,
    /// Most bytes of each stream; 0 sets no limit of ours.
    pub max_stream_bytes: u64,
    /// A node that has given no sign of life for so long is dead; the others take over its calls.
    pub node_timeout_ms: u64,
    /// How long NATS may take to answer before it is asked again.
    pub answer_timeout_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            url: None,
            credentials: None,
            ca: None,
            cert: None,
            key: None,
            require_tls: false,
            prefix: "forewarn".into(),
            replicas: 1,
            partitions: 1,
            retention_h: 168,
            news_retention_h: 24,
            max_stream_bytes: 0,
            node_timeout_ms: 5_000,
            answer_timeout_ms: 2_000,
        }
    }
}

impl Settings {
    /// # Errors
    /// A sentence naming the first setting that cannot be used.
    pub fn check(&self) -> Result<(), String> {
        if let Some(url) = &self.url {
            check_urls(url)?;
        }
        if ![1, 3, 5].contains(&self.replicas) {
            return Err(format!("`replicas` is {}; it must be 1, 3 or 5", self.replicas));
        }
        if !(1..=256).contains(&self.partitions) {
            return Err(format!("`partitions` is {}; it must be 1 to 256", self.partitions));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.prefix.is_empty() || self.prefix.len() > 32 || !self.prefix.chars().all(plain) {
            return Err("`prefix` must be 1 to 32 letters, digits, `-` or `_`".into());
        }
        if self.cert.is_some() != self.key.is_some() {
            return Err("`cert` and `key` go together; set both or neither".into());
        }
        for (name, value, least) in [
            ("retention_h", u64::from(self.retention_h), 1),
            ("news_retention_h", u64::from(self.news_retention_h), 1),
            ("node_timeout_ms", self.node_timeout_ms, 500),
            ("answer_timeout_ms", self.answer_timeout_ms, 100),
        ] {
            if value < least {
                return Err(format!("`{name}` is {value}; it must be at least {least}"));
            }
        }
        Ok(())
    }

    /// How long a node may be silent.
    pub fn node_timeout(&self) -> Duration {
        Duration::from_millis(self.node_timeout_ms)
    }

    /// How long an answer may take.
    pub fn answer_timeout(&self) -> Duration {
        Duration::from_millis(self.answer_timeout_ms)
    }

    /// How long ended calls are kept.
    pub fn retention(&self) -> Duration {
        Duration::from_secs(u64::from(self.retention_h) * 3_600)
    }

    /// How long everything else is kept.
    pub fn news_retention(&self) -> Duration {
        Duration::from_secs(u64::from(self.news_retention_h) * 3_600)
    }
}

fn check_urls(urls: &str) -> Result<(), String> {
    for url in urls.split(',').map(str::trim) {
        let address = url.strip_prefix("nats://").or_else(|| url.strip_prefix("tls://"));
        let host = address.map(|address| address.rsplit('@').next().unwrap_or(address));
        let port_is_one = |host: &str| match host.rsplit_once(':') {
            Some((_, port)) if !host.ends_with(']') => port.parse::<u16>().is_ok(),
            _ => true,
        };
        let is_usable =
            |host: &str| !host.is_empty() && !host.starts_with(':') && port_is_one(host);
        if !host.is_some_and(is_usable) {
            let shown = hidden(url);
            return Err(format!(
                "`url` must be nats://HOST:PORT or tls://HOST:PORT, not `{shown}`"
            ));
        }
    }
    Ok(())
}

/// URLs without the names and passwords in them, for people to read.
pub fn hidden(urls: &str) -> String {
    let hide = |url: &str| match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        _ => url.to_owned(),
    };
    urls.split(',').map(|url| hide(url.trim())).collect::<Vec<_>>().join(",")
}

fn without_secret<S: Serializer>(url: &Option<String>, to: S) -> Result<S::Ok, S::Error> {
    url.as_deref().map(hidden).serialize(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Settings)) -> String {
        let mut settings = Settings::default();
        change(&mut settings);
        settings.check().unwrap_err()
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        Settings::default().check().unwrap();
        assert!(refused(|own| own.url = Some("localhost:4222".into())).contains("nats://"));
        assert!(refused(|own| own.url = Some("nats://h:port".into())).contains("nats://"));
        assert!(refused(|own| own.replicas = 2).contains("`replicas` is 2"));
        assert!(refused(|own| own.partitions = 0).contains("`partitions`"));
        assert!(refused(|own| own.prefix = "a.b".into()).contains("`prefix`"));
        assert!(refused(|own| own.key = Some("k".into())).contains("`cert` and `key`"));
        assert!(refused(|own| own.node_timeout_ms = 1).contains("`node_timeout_ms`"));
    }

    #[test]
    fn passwords_are_never_shown() {
        let shown = hidden("nats://ana:secret@one:4222, tls://two:4222");
        assert_eq!(shown, "nats://…@one:4222,tls://two:4222");
        assert!(!refused(|own| own.url = Some("http://ana:secret@one".into())).contains("secret"));
    }
}
