//! Log set-up. What is measured lies with each room, in its `metrics`: a method there is one
//! event, which it logs and counts in one place. No log line holds words of a transcript.

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

/// How logs are written, to stderr.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `text` for people, `json` for programs: one object a line.
    pub format: Format,
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `warn,forewarn::desk=debug`.
    pub level: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { format: Format::Text, level: "info".into() }
    }
}

/// Form of the log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Settings {
    fn filter(&self) -> Result<EnvFilter, String> {
        EnvFilter::try_new(&self.level).map_err(|error| {
            format!(
                "log level `{}` cannot be used ({error}); write error, warn, info, debug or trace",
                self.level
            )
        })
    }

    /// # Errors
    /// A sentence naming the setting that cannot be used.
    pub fn check(&self) -> Result<(), String> {
        self.filter().map(|_| ())
    }
}

/// Begins to log. Called again, it changes nothing: one process logs in one way.
///
/// # Errors
/// A sentence naming the setting that cannot be used.
pub fn init(settings: &Settings) -> Result<(), String> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(settings.filter()?)
        .with_writer(std::io::stderr)
        .with_target(true);
    // It fails only when logging was set up before.
    let _ = match settings.format {
        Format::Text => builder.with_ansi(false).try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(())
}
