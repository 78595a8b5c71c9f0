//! `forewarn serve`.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use super::journal::failure;
use super::{Failure, engine, variables};
use crate::cluster::Joining;
use crate::config::Config;
use crate::engine::Engine;
use crate::journal::sqlite::Sqlite;
use crate::journal::{Journal, Memory};
use crate::{cluster, server, telemetry};

/// Serves call platforms and consoles. Prints `listening on http://ADDR`, with TLS
/// `https://ADDR`, when it is ready.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  forewarn serve
  forewarn serve --listen 127.0.0.1:0 --log-format json
  forewarn serve --data-dir data --config forewarn.toml
  forewarn serve --rules my-rules.toml
  forewarn serve --matrix matrix.toml
  forewarn serve --cluster nats://10.0.0.1:4222,nats://10.0.0.2:4222 --data-dir data
  FOREWARN_DESK_RESUME_GRACE_S=120 forewarn serve

Every setting of the file has a variable: `[desk] resume_grace_s` is FOREWARN_DESK_RESUME_GRACE_S.
Flags win over variables, variables over the file. SIGTERM or Ctrl-C drains and ends it.")]
pub(super) struct Args {
    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen; port 0 picks a free one [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// NATS servers, nats://HOST:PORT, several with commas: this is one node of many then
    /// [default: a single machine].
    #[arg(long, value_name = "URL")]
    cluster: Option<String>,
    /// Where to keep the journal; made when it is missing [default: in memory].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Model file [default: the one that ships].
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Phrases and rules (TOML, as data/triggers.toml); looked at again whenever the file changes
    /// [default: those that ship].
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Playbook (TOML): what to say and do about each reason [default: the one that ships].
    #[arg(long, value_name = "FILE")]
    playbook: Option<PathBuf>,
    /// Escalation matrix (TOML): who is told of alerts [default: the one that ships].
    #[arg(long, value_name = "FILE")]
    matrix: Option<PathBuf>,
    /// Form of the log lines on stderr [default: text].
    #[arg(long, value_name = "FORM")]
    log_format: Option<telemetry::Format>,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let config = config(args)?;
    telemetry::init(&config.log).map_err(Failure::usage)?;
    let engine = engine::of_service(&config)?;
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::failed)?;
    let ended = runtime.block_on(serve(config, Arc::new(engine)));
    // Everything is closed by now; a look-up of a destination's name that hangs holds nobody up.
    runtime.shutdown_background();
    ended
}

fn config(args: Args) -> Result<Config, Failure> {
    let mut config = Config::load(args.config.as_deref(), variables()).map_err(Failure::usage)?;
    if let Some(listen) = args.listen {
        config.server.listen = listen;
    }
    if let Some(format) = args.log_format {
        config.log.format = format;
    }
    config.data_dir = args.data_dir.or(config.data_dir);
    config.cluster.url = args.cluster.or(config.cluster.url);
    config.model = args.model.or(config.model);
    config.rules = args.rules.or(config.rules);
    config.playbook = args.playbook.or(config.playbook);
    config.matrix = args.matrix.or(config.matrix);
    let checked = config.check().and_then(|()| config.check_destinations());
    let checked = checked.and_then(|()| config.check_access());
    checked.map_err(|error| Failure::usage(error.at(args.config.as_deref(), variables())))?;
    Ok(config)
}

async fn serve(config: Config, engine: Arc<Engine>) -> Result<(), Failure> {
    // Before anything runs, so that no signal is missed.
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
    let (journal, joining) = journal(&config, &engine).await?;
    let running = server::start(config.rooms(), engine, journal, joining).await.map_err(
        |error| match error {
            server::StartError::Settings(message) => Failure::Usage(message),
            other => Failure::failed(other),
        },
    )?;
    {
        let mut out = std::io::stdout().lock();
        writeln!(out, "listening on {}://{}", running.scheme(), running.address())
            .and_then(|()| out.flush())
            .map_err(|error| Failure::output(&error))?;
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    let patience = config.server.drain_timeout_s;
    tokio::select! {
        drained = running.drain() => match drained {
            true => Ok(()),
            false => Err(Failure::Failed(format!(
                "not everything could be closed within {patience} s; what was not acked must be \
                 sent again"
            ))),
        },
        _ = interrupt.recv() => Err(Failure::Failed("interrupted again while draining".into())),
    }
}

/// The journal of many nodes, with a place among them; or that of one machine.
async fn journal(
    config: &Config,
    engine: &Engine,
) -> Result<(Box<dyn Journal>, Option<Joining>), Failure> {
    if config.cluster.url.is_none() {
        return Ok((own_journal(config, engine)?, None));
    }
    let tables = match &config.data_dir {
        Some(dir) => {
            Some(Sqlite::open(dir, &config.journal, engine.fingerprint()).map_err(failure)?)
        }
        None => {
            tracing::warn!("without --data-dir this node cannot be asked for calls of the past");
            None
        }
    };
    let (joining, journal) =
        cluster::join(&config.cluster, tables).await.map_err(Failure::failed)?;
    Ok((journal, Some(joining)))
}

/// The journal on disk, or one in memory for a server without a data directory.
fn own_journal(config: &Config, engine: &Engine) -> Result<Box<dyn Journal>, Failure> {
    let Some(dir) = &config.data_dir else {
        tracing::warn!("the journal is in memory: what is acked does not survive this process");
        if !config.destination.is_empty() {
            tracing::warn!(
                "nor do alerts that wait for a destination; set --data-dir to keep them"
            );
        }
        return Ok(Box::<Memory>::default());
    };
    let journal = Sqlite::open(dir, &config.journal, engine.fingerprint()).map_err(failure)?;
    tracing::info!(data_dir = %dir.display(), epoch = journal.epoch(), "the journal is on disk");
    Ok(Box::new(journal))
}
