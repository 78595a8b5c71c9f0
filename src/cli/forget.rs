//! `forewarn forget`.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Parser;

use super::Failure;
use super::journal::{KeyFile, failure};
use super::login::Login;
use crate::access;
use crate::client::{HttpAnswer, delete};
use crate::journal::{Erase, sqlite};
use crate::wire::audit::{AuditEntry, Done};

/// Erases a call, or all calls of a customer, for good.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  forewarn forget c-7f3a --data-dir data                          # no server runs on it
  forewarn forget --customer k9 --url http://127.0.0.1:8080       # through the server
  forewarn forget --customer k9 --url https://calls.example --token-file admin.token

Transcripts, alerts, quotes and what waits for destinations go, from the file's bytes too. Backups,
exports and what destinations were told before are not reached: it names the destinations. A server
that asks for tokens wants an admin's; without tokens, run it where the server runs.")]
pub(super) struct Args {
    /// The call.
    #[arg(value_name = "CALL_ID", required_unless_present = "customer")]
    call_id: Option<String>,
    /// All calls with this `customer_key` among their attributes.
    #[arg(long, value_name = "KEY", conflicts_with = "call_id")]
    customer: Option<String>,
    /// The data directory, when no server runs on it.
    #[arg(long, value_name = "DIR", required_unless_present = "url", conflicts_with = "url")]
    data_dir: Option<PathBuf>,
    /// The server.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    key: KeyFile,
    #[command(flatten)]
    login: Login,
}

/// What was erased, whoever did it.
#[derive(Debug, Default, serde::Deserialize)]
struct Gone {
    calls: Vec<Arc<str>>,
    lines: u64,
    alerts: u64,
    waiting: u64,
    destinations: Vec<Arc<str>>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let gone = match &args.url {
        Some(url) => through_server(args, url)?,
        None => in_directory(args)?,
    };
    if gone.calls.is_empty() {
        return Err(Failure::Failed(format!("{} is kept there", what(args))));
    }
    let mut out = stdout().lock();
    let mut say = |text: String| writeln!(out, "{text}").map_err(|error| Failure::output(&error));
    for call in &gone.calls {
        say(format!("erased {call}"))?;
    }
    say(format!(
        "{} lines of transcripts and events, {} alerts, {} messages that waited for destinations",
        gone.lines, gone.alerts, gone.waiting
    ))?;
    if !gone.destinations.is_empty() {
        say(format!(
            "may have been told before, and are not reached from here: {}",
            gone.destinations.join(", ")
        ))?;
    }
    say("backups and exports made before still have it".into())
}

fn what(args: &Args) -> String {
    match (&args.call_id, &args.customer) {
        (Some(call_id), _) => format!("no call `{call_id}`"),
        (None, key) => format!("no call of customer `{}`", key.as_deref().unwrap_or_default()),
    }
}

fn in_directory(args: &Args) -> Result<Gone, Failure> {
    let dir = args.data_dir.clone().unwrap_or_default();
    let wanted = Erase {
        call_ids: args.call_id.iter().map(|id| Arc::from(id.as_str())).collect(),
        customer: args.customer.clone(),
    };
    let erased = sqlite::forget(&dir, &args.key.seal()?, &wanted).map_err(failure)?;
    note(&dir, args, erased.call_ids.len());
    Ok(Gone {
        calls: erased.call_ids,
        lines: erased.lines,
        alerts: erased.alerts,
        waiting: erased.waiting,
        destinations: erased.destinations,
    })
}

/// Puts it into the audit, with the id of a call and not the key of a customer.
fn note(dir: &Path, args: &Args, calls: usize) {
    let entry = AuditEntry {
        id: 0,
        at: access::now(),
        who: format!("cli:{}", std::env::var("USER").unwrap_or_default()),
        role: None,
        token: None,
        what: Done::Forget,
        on: Some(args.call_id.clone().unwrap_or_else(|| "a customer".into())),
        address: None,
        detail: Some(format!("{calls} calls")),
    };
    if let Err(error) = sqlite::trail(dir).write(&[entry]) {
        eprintln!("this is not in the audit: {error}");
    }
}

fn through_server(args: &Args, url: &str) -> Result<Gone, Failure> {
    let (place, name) = match (&args.call_id, &args.customer) {
        (Some(call_id), _) => ("calls", call_id),
        (None, Some(key)) => ("customers", key),
        (None, None) => return Err(Failure::Usage("name a call or a --customer".into())),
    };
    let name: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let path = format!("/v1/{place}/{}", name.replace('+', "%20"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    let token = args.login.token()?;
    let asked = delete(url, &path, token.as_deref(), args.login.ca());
    let HttpAnswer { status, body } = runtime.block_on(asked).map_err(Failure::Failed)?;
    match status {
        200 => serde_json::from_str(&body)
            .map_err(|error| Failure::Failed(format!("{url} gave an unreadable answer: {error}"))),
        404 if body.contains("no such call") => Ok(Gone::default()),
        _ => Err(Failure::Failed(format!("{url} answered {status}: {}", reason(&body)))),
    }
}

fn reason(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    body["message"].as_str().unwrap_or("without a reason").to_owned()
}
