//! Rules that change while the server runs: their file is looked at now and then, and at SIGHUP.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::signal::unix::Signal;

use super::App;
use crate::engine::rules::MAX_RULES_BYTES;
use crate::wire::audit::Done;

/// What became of the newest look at the file.
#[derive(Debug, Default)]
pub(super) struct RulesStatus(Mutex<Option<String>>);

impl RulesStatus {
    /// Why the file that is there is not in use.
    pub fn warning(&self) -> Option<String> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What tells one state of a file from another: time of change and size.
type Look = Option<(SystemTime, u64)>;

/// Watches the file for as long as it is polled; `hangup` is SIGHUP.
pub(super) async fn watch(app: Arc<App>, path: PathBuf, mut hangup: Signal) {
    let poll_s = app.settings.rules_poll_s;
    let poll = Duration::from_secs(if poll_s == 0 { u64::from(u32::MAX) } else { poll_s });
    let mut seen: Option<Look> = None;
    loop {
        let told = tokio::select! {
            () = tokio::time::sleep(poll) => false,
            _ = hangup.recv() => true,
        };
        let now = look(&path);
        if told || seen != Some(now) {
            seen = Some(now);
            if !reload(&app, &path).await {
                // What calls stand in the way of is tried again.
                seen = None;
            }
        }
    }
}

fn look(path: &Path) -> Look {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Puts the file to use, if it says anything new. False when it should be tried again although
/// it does not change.
async fn reload(app: &Arc<App>, path: &Path) -> bool {
    let present = app.desk.engine();
    let file = path.to_owned();
    // Compiling takes a moment that the threads of sockets do not have.
    let built = tokio::task::spawn_blocking(move || {
        let name = file.display().to_string();
        let text = read(&file).map_err(|error| format!("{name}: {error}"))?;
        if *text == *present.ruleset.text {
            return Ok(None);
        }
        present.with_rules(&text, &name).map(Some).map_err(|error| error.to_string())
    });
    let built = built.await.unwrap_or_else(|_| Err("reading the rules failed".into()));
    let (outcome, done) = match built {
        Ok(None) => (Ok(false), true),
        Err(error) => (Err(error), true),
        Ok(Some(engine)) => {
            let engine = Arc::new(engine);
            match app.desk.use_engine(engine) {
                Ok(()) => (Ok(true), true),
                Err(error) => (Err(error), false),
            }
        }
    };
    let mut warning = app.rules.lock();
    match outcome {
        Ok(changed) => {
            *warning = None;
            if changed {
                let engine = app.desk.engine();
                let rules = engine.rules.all().len();
                app.metrics.rules_loaded(path, rules, &engine.ruleset.hash);
                let file = path.display().to_string();
                app.audit.changed(Done::Rules, Some(&file), Some(&engine.ruleset.hash));
            }
        }
        // The same again is neither counted nor logged.
        Err(error) if warning.as_ref() == Some(&error) => {}
        Err(error) => {
            app.metrics.rules_refused(&error);
            *warning = Some(error);
        }
    }
    done
}

/// Not more than a file of rules may hold.
fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    let most = MAX_RULES_BYTES as u64 + 1;
    std::fs::File::open(path)?.take(most).read_to_string(&mut text)?;
    Ok(text)
}
