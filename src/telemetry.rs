//! Log set-up. What is measured lies with each room, in its `metrics`: a method there is one
//! event, which it logs and counts in one place. No log line holds words of a transcript.

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

/// Libraries that log the bytes that go through them, below `info`.
const WORDY: [&str; 5] = ["tungstenite", "tokio_tungstenite", "hyper", "hyper_util", "rustls"];

/// How logs are written, to stderr.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `text` for people, `json` for programs: one object a line.
    pub format: Format,
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `warn,forewarn::desk=debug`.
    pub level: String,
    /// Whether words of calls may be logged: at `trace` the websocket library tells every frame,
    /// and the message of a failure in the program may quote what it failed on. Default false.
    pub transcripts: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { format: Format::Text, level: "info".into(), transcripts: false }
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
        let mut filter = EnvFilter::try_new(&self.level).map_err(|error| {
            format!(
                "log level `{}` cannot be used ({error}); write error, warn, info, debug or trace",
                self.level
            )
        })?;
        for target in WORDY.iter().filter(|_| !self.transcripts) {
            let directive = format!("{target}=info").parse();
            filter = filter.add_directive(directive.map_err(|error| format!("{error}"))?);
        }
        // It tells each change of its connection once more.
        if !self.level.contains("async_nats") {
            let directive = "async_nats=error".parse();
            filter = filter.add_directive(directive.map_err(|error| format!("{error}"))?);
        }
        Ok(filter)
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
    if !settings.transcripts {
        std::panic::set_hook(Box::new(withhold));
    }
    // It fails only when logging was set up before.
    let _ = match settings.format {
        Format::Text => builder.with_ansi(false).try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(())
}

/// Logs that the program failed, and where. A message that was put together then may quote what it
/// failed on, so only fixed ones are told.
fn withhold(failure: &std::panic::PanicHookInfo<'_>) {
    let message = failure.payload().downcast_ref::<&'static str>().copied();
    let message = message.unwrap_or("(it may quote a call; `[log] transcripts` shows it)");
    let place = failure.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, "the program failed, which is our fault: {message}");
}
