//! The configuration of the service: a TOML file, then `FOREWARN_*` variables, then flags.
//!
//! Each room defines its own settings; here they are only put together and checked once.
//! `[desk] resume_grace_s` in the file is `FOREWARN_DESK_RESUME_GRACE_S` in the environment.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use toml::{Table, Value};

use crate::server::Rooms;
use crate::text::{one_line, redact};
use crate::{access, cluster, desk, egress, engine, hub, journal, server, telemetry, wire};

const PREFIX: &str = "FOREWARN_";
/// Longest message of a platform where several nodes share NATS.
const CLUSTER_MESSAGE_BYTES: usize = 512 << 10;
/// The variable with the token of clients.
pub const TOKEN: &str = "FOREWARN_TOKEN";

/// Everything that can be set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the server keeps its data; in memory when absent.
    pub data_dir: Option<PathBuf>,
    /// Model file; the built-in model when absent.
    pub model: Option<PathBuf>,
    /// Phrases and rules; the built-in ones when absent.
    pub rules: Option<PathBuf>,
    /// Playbook; the one that ships when absent.
    pub playbook: Option<PathBuf>,
    /// Escalation matrix; the one that ships when absent.
    pub matrix: Option<PathBuf>,
    /// Log lines.
    pub log: telemetry::Settings,
    /// Certificates.
    pub tls: server::TlsSettings,
    /// Who may come in.
    pub auth: access::Settings,
    /// Connections.
    pub server: server::Settings,
    /// Messages.
    pub wire: wire::Settings,
    /// Calls.
    pub desk: desk::Settings,
    /// Consoles.
    pub hub: hub::Settings,
    /// The journal.
    pub journal: journal::Settings,
    /// Other nodes, where there are some.
    pub cluster: cluster::Settings,
    /// Forecast and alert policy.
    pub engine: engine::Settings,
    /// What is taken out of transcripts.
    pub redaction: redact::Settings,
    /// Where alerts are sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destination: Vec<egress::Settings>,
}

/// Why a configuration was refused: where, what, how to mend it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConfigError {
    message: String,
    /// Section and name, when it is about one setting.
    setting: Option<(Section, String)>,
}

/// A table of the file, or one of several of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Section {
    name: &'static str,
    nth: Option<usize>,
}

impl ConfigError {
    fn new(message: String) -> ConfigError {
        ConfigError { message, setting: None }
    }

    /// Of a section's own check, which names the setting first, in backticks.
    fn in_section(section: &'static str, message: &str) -> ConfigError {
        ConfigError::placed(Section { name: section, nth: None }, format!("[{section}] {message}"))
    }

    /// Of the check of destinations: which of them, and a message as above.
    fn in_destination((place, message): (usize, String)) -> ConfigError {
        let section = Section { name: "destination", nth: Some(place) };
        ConfigError::placed(section, format!("[[destination]] {message}"))
    }

    fn placed(section: Section, message: String) -> ConfigError {
        let name = message.split('`').nth(1).map(str::to_owned);
        ConfigError { setting: name.map(|name| (section, name)), message }
    }

    /// The same with the place where the setting was given: a variable, or a line of the file.
    #[must_use]
    pub fn at(
        self,
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> ConfigError {
        let Some((section, name)) = &self.setting else { return self };
        let own = format!("{PREFIX}{}_{name}", section.name).to_ascii_uppercase();
        if variables.into_iter().any(|(variable, _)| variable.eq_ignore_ascii_case(&own)) {
            return ConfigError::new(format!("environment variable {own}: {self}"));
        }
        let line = file.and_then(|path| {
            let text = std::fs::read_to_string(path).ok()?;
            Some(format!("{}:{}", path.display(), line_of(&text, *section, name)?))
        });
        match line {
            Some(line) => ConfigError::new(format!("{line}: {self}")),
            None => self,
        }
    }
}

/// The line on which a section sets a name; of one among several, that on which it begins when it
/// does not set it.
fn line_of(text: &str, section: Section, name: &str) -> Option<usize> {
    let header = match section.nth {
        None => format!("[{}]", section.name),
        Some(_) => format!("[[{}]]", section.name),
    };
    let (mut inside, mut seen, mut begins) = (false, 0, None);
    let found = text.lines().position(|line| {
        let line = line.trim();
        if line.starts_with('[') {
            let is_named = line.starts_with(&header);
            inside = is_named && section.nth.is_none_or(|nth| nth == seen);
            seen += usize::from(is_named);
        }
        inside && line.split_once('=').is_some_and(|(key, _)| key.trim() == name)
    });
    if let Some(nth) = section.nth {
        let headers = text.lines().enumerate().filter(|(_, line)| line.trim().starts_with(&header));
        begins = headers.map(|(index, _)| index).nth(nth);
    }
    found.or(begins).map(|index| index + 1)
}

impl Config {
    /// Reads the file, if there is one, and the variables.
    ///
    /// # Errors
    /// [`ConfigError`] for the first thing that cannot be used.
    pub fn load(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Config, ConfigError> {
        let (name, text) = match file {
            None => (String::new(), String::new()),
            Some(path) => {
                let name = path.display().to_string();
                let text = std::fs::read_to_string(path)
                    .map_err(|error| ConfigError::new(format!("cannot read {name}: {error}")))?;
                (name, text)
            }
        };
        Config::parse(&name, &text, variables)
    }

    fn parse(
        name: &str,
        text: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Config, ConfigError> {
        // Read once for errors with lines, and once as the ground for the variables.
        let mut config: Config =
            toml::from_str(text).map_err(|error| in_file(name, text, &error))?;
        let mut table: Table = toml::from_str(text).map_err(|error| in_file(name, text, &error))?;
        let mut own: Vec<_> =
            variables.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
        // A variable that holds a destination's secret is no setting.
        let named = |name: &str| config.destination.iter().any(|own| own.reads(name));
        // Nor is the token that `replay` and `watch` show.
        own.retain(|(name, _)| !named(name) && name != TOKEN);
        own.sort();
        for (variable, value) in own {
            set(&mut table, &variable, &value);
            config = Config::deserialize(table.clone()).map_err(|error| {
                let message = one_line(error.message());
                ConfigError::new(format!("environment variable {variable}: {message}"))
            })?;
        }
        Ok(config)
    }

    /// Checks what the types alone cannot.
    ///
    /// # Errors
    /// [`ConfigError`] naming the section and the setting.
    pub fn check(&self) -> Result<(), ConfigError> {
        for (section, checked) in [
            ("log", self.log.check()),
            ("tls", self.tls.check()),
            ("auth", self.auth.check()),
            ("server", self.server.check()),
            ("wire", self.wire.check()),
            ("desk", self.desk.check()),
            ("hub", self.hub.check()),
            ("journal", self.journal.check()),
            ("cluster", self.cluster.check()),
            ("engine", self.engine.check()),
        ] {
            checked.map_err(|message| ConfigError::in_section(section, &message))?;
        }
        self.check_for_cluster()?;
        egress::check(&self.destination).map_err(ConfigError::in_destination)
    }

    /// What many nodes cannot have.
    fn check_for_cluster(&self) -> Result<(), ConfigError> {
        if self.cluster.url.is_none() {
            return Ok(());
        }
        if self.wire.max_message_bytes > CLUSTER_MESSAGE_BYTES {
            let message = format!(
                "`max_message_bytes` must be at most {CLUSTER_MESSAGE_BYTES} in a cluster: NATS takes no \
                 larger letters"
            );
            return Err(ConfigError::in_section("wire", &message));
        }
        if !self.destination.is_empty() {
            let message = "`url` is set: alerts are not yet sent to destinations from a cluster; leave \
                           out every [[destination]]";
            return Err(ConfigError::in_section("cluster", message));
        }
        Ok(())
    }

    /// Checks the files and variables that destinations name, too.
    ///
    /// # Errors
    /// [`ConfigError`] naming the destination's setting.
    pub fn check_destinations(&self) -> Result<(), ConfigError> {
        let opened = egress::open(&self.destination, &self.server.public_url);
        opened.map(drop).map_err(ConfigError::in_destination)
    }

    /// Checks the files of tokens and keys, too, and that nobody but this machine reaches a server
    /// without any.
    ///
    /// # Errors
    /// [`ConfigError`] naming the section and the setting.
    pub fn check_access(&self) -> Result<(), ConfigError> {
        let checked = self.rooms().check_access();
        checked.map_err(|(section, why)| ConfigError::in_section(section, &why))
    }

    /// A hash of all that can be seen of it; secrets are no part.
    fn fingerprint(&self) -> String {
        let text = toml::to_string(self).unwrap_or_default();
        Sha256::digest(text.as_bytes())[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The settings of the rooms of the server.
    pub fn rooms(&self) -> Rooms {
        Rooms {
            server: self.server.clone(),
            tls: self.tls.clone(),
            auth: self.auth.clone(),
            data_dir: self.data_dir.clone(),
            desk: self.desk.clone(),
            hub: self.hub.clone(),
            journal: self.journal.clone(),
            wire: self.wire.clone(),
            rules: self.rules.clone(),
            destinations: self.destination.clone(),
            fingerprint: self.fingerprint(),
        }
    }
}

fn in_file(name: &str, text: &str, error: &toml::de::Error) -> ConfigError {
    let start = error.span().map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or("");
    let line = before.matches('\n').count() + 1;
    ConfigError::new(format!("{name}:{line}: {}", one_line(error.message())))
}

/// Puts a variable's value where it belongs. A first part that names a section leads into it.
fn set(table: &mut Table, variable: &str, text: &str) {
    let path = variable[PREFIX.len()..].to_ascii_lowercase();
    // A number, a flag or a list as in the file; anything else is a string.
    let parsed: Result<Table, _> = toml::from_str(&format!("value = {text}"));
    let value = parsed.ok().and_then(|mut table| table.remove("value"));
    let value = value.unwrap_or_else(|| Value::String(text.to_owned()));
    let sections = [
        "log",
        "tls",
        "auth",
        "server",
        "wire",
        "desk",
        "hub",
        "journal",
        "cluster",
        "engine",
        "redaction",
    ];
    match path.split_once('_') {
        Some((section, key)) if sections.contains(&section) => {
            let entry = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = entry {
                inner.insert(key.to_owned(), value);
            }
        }
        _ => {
            table.insert(path, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(name: &'static str) -> Section {
        Section { name, nth: None }
    }

    fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Config::parse("my.toml", text, variables).map_err(|error| error.to_string())
    }

    #[test]
    fn variables_win_over_the_file() {
        let file = "[desk]\nresume_grace_s = 5\nmax_open_calls = 7\n[engine]\nprior = 0.1";
        let config = parse(
            file,
            &[
                ("FOREWARN_DESK_RESUME_GRACE_S", "9"),
                ("FOREWARN_SERVER_LISTEN", "127.0.0.1:0"),
                ("FOREWARN_DATA_DIR", "/tmp/x"),
                ("FOREWARN_LOG_FORMAT", "json"),
                ("FOREWARN_TOKEN", "of a client"),
                ("PATH", "/bin"),
            ],
        )
        .unwrap();
        assert_eq!((config.desk.resume_grace_s, config.desk.max_open_calls), (9, 7));
        assert_eq!(config.server.listen.port(), 0);
        assert_eq!(config.data_dir, Some(PathBuf::from("/tmp/x")));
        assert_eq!(config.log.format, telemetry::Format::Json);
        assert_eq!(config.engine.prior, 0.1);
    }

    #[test]
    fn what_many_nodes_cannot_have_is_refused() {
        let url = [("FOREWARN_CLUSTER_URL", "nats://one:4222")];
        let check = |file: &str, variables: &[(&str, &str)]| {
            parse(file, variables).unwrap().check().map_err(|error| error.to_string())
        };
        let large = "[wire]\nmax_message_bytes = 600000";
        check(large, &[]).unwrap();
        check("", &url).unwrap();
        let error = check(large, &url).unwrap_err();
        assert!(error.contains("`max_message_bytes` must be at most 524288"), "{error}");
        let out = "[[destination]]\nname = \"x\"\nurl = \"https://example.org\"";
        assert!(check(out, &url).unwrap_err().contains("[[destination]]"));
    }

    #[test]
    fn errors_name_the_place() {
        let error = parse("[desk]\n\nresume_grace = 5\n", &[]).unwrap_err();
        assert!(error.starts_with("my.toml:3: unknown field `resume_grace`"), "{error}");
        let error = parse("[server]\nlisten = 8080\n", &[]).unwrap_err();
        assert!(error.starts_with("my.toml:2: "), "{error}");
        let error = parse("[server\n", &[]).unwrap_err();
        assert!(error.starts_with("my.toml:1: ") && !error.contains('\n'), "{error}");
        let error = parse("", &[("FOREWARN_DESK_GRACE", "1")]).unwrap_err();
        assert!(error.starts_with("environment variable FOREWARN_DESK_GRACE: "), "{error}");
    }

    #[test]
    fn a_setting_that_cannot_be_used_is_placed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my.toml");
        let text = "[hub]\ncredits = 1\n[server] # limits\n\ncredits = 0\n";
        std::fs::write(&path, text).unwrap();
        assert_eq!(line_of(text, section("server"), "credits"), Some(5));
        assert_eq!(line_of(text, section("wire"), "credits"), None);
        let error = || parse("[server]\ncredits = 0", &[]).unwrap().check().unwrap_err();
        let placed = error().at(Some(&path), []).to_string();
        assert!(placed.ends_with("my.toml:5: [server] `credits` is 0; it must be at least 1"));
        let variable = ("FOREWARN_SERVER_CREDITS".to_owned(), "0".to_owned());
        let placed = error().at(Some(&path), [variable]).to_string();
        assert!(placed.starts_with("environment variable FOREWARN_SERVER_CREDITS: [server]"));
        assert_eq!(error().at(None, []), error());
    }

    #[test]
    fn a_destination_is_placed_among_the_others() {
        let text = "[[destination]]\nname = \"a\"\nurl = \"http://a\"\n\n[server]\ncredits = 4\n\
                    [[destination]]\nname = \"b\"\nurl = \"b\"\n";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my.toml");
        let placed = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let config = parse(text, &[]).unwrap();
            let checked = config.check().and_then(|()| config.check_destinations());
            checked.unwrap_err().at(Some(&path), []).to_string()
        };
        let error = placed(text);
        assert!(error.contains("my.toml:9: [[destination]] `url` must begin with"), "{error}");
        // What is missing is told of the table's own line.
        let error = placed(&text.replace("url = \"b\"\n", ""));
        assert!(error.contains("my.toml:7: [[destination]] `url` is missing"), "{error}");
        let error =
            placed(&text.replace("url = \"b\"", "url = \"http://b\"\nca_file = \"nowhere\""));
        assert!(error.contains("my.toml:10: [[destination]] `ca_file`: cannot read"), "{error}");
    }

    #[test]
    fn a_variable_with_a_secret_is_no_setting() {
        let text = "[[destination]]\nname = \"a\"\nurl_env = \"FOREWARN_SLACK_URL\"\n";
        let variables = [("FOREWARN_SLACK_URL", "https://hooks.slack.com/services/s3cr3t")];
        let config = parse(text, &variables).unwrap();
        assert!(!toml::to_string(&config).unwrap().contains("s3cr3t"));
        let error = parse("", &variables).unwrap_err();
        assert!(!error.contains("s3cr3t"), "{error}");
    }

    #[test]
    fn the_port_is_not_opened_to_all_by_accident() {
        let config = parse("[server]\nlisten = \"0.0.0.0:80\"", &[]).unwrap();
        let error = config.check_access().unwrap_err().to_string();
        assert!(error.starts_with("[server] `listen` is 0.0.0.0:80"), "{error}");
        assert!(error.contains("`forewarn token new"), "{error}");
        let more = "[server]\nlisten = \"0.0.0.0:80\"\nallow_remote_without_tokens = true";
        assert_eq!(parse(more, &[]).unwrap().check_access(), Ok(()));
    }

    #[test]
    fn the_defaults_survive_their_own_file() {
        let text = toml::to_string(&Config::default()).unwrap();
        assert_eq!(parse(&text, &[]), Ok(Config::default()));
    }
}
