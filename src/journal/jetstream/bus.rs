//! The connection to NATS: checked at the start, kept afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::jetstream::{Context, stream::Stream};
use async_nats::{Client, ConnectOptions, Event as Change};
use serde::Deserialize;

use super::names::Names;
use super::settings::hidden;
use super::{BusError, Settings};

/// The oldest server whose streams can fence.
const OLDEST: (u64, u64, u64) = (2, 9, 0);
/// The oldest server that fences on streams with copies (nats-server #4319).
const OLDEST_WITH_COPIES: (u64, u64, u64) = (2, 9, 21);
/// Letters are smaller than this.
pub(super) const MIN_PAYLOAD: usize = 1 << 20;
/// How often the connection is tried. Two unanswered tries mean that it is cut.
const PING: Duration = Duration::from_secs(1);
const CONNECT: Duration = Duration::from_secs(5);
/// How long a server remembers the names of messages, to take none twice.
const DUPLICATES: Duration = Duration::from_secs(120);

/// A connection to the cluster, shared by all who use it.
#[derive(Clone, Debug)]
pub struct Bus {
    pub(super) client: Client,
    pub(super) context: Context,
    pub(super) names: Names,
    pub(super) answer_timeout: Duration,
}

impl Bus {
    /// Connects, checks what the server can do, and makes the streams that are missing.
    ///
    /// # Errors
    /// [`BusError`] with what is missing and how to mend it.
    pub async fn connect(settings: &Settings, node: &str) -> Result<Bus, BusError> {
        let urls = settings.url.as_deref().unwrap_or_default();
        let addresses: Vec<&str> = urls.split(',').map(str::trim).collect();
        let unreachable =
            |why: String| BusError(format!("cannot use NATS at {}: {why}", hidden(urls)));
        let joined = Arc::new(AtomicBool::new(false));
        let options = options(settings, node, &joined).map_err(unreachable)?;
        let connected = tokio::time::timeout(CONNECT, options.connect(addresses)).await;
        let client = connected
            .map_err(|_| unreachable(format!("no answer within {} s", CONNECT.as_secs())))?
            .map_err(|error| unreachable(error.to_string()))?;
        let answer_timeout = settings.answer_timeout();
        let context = ContextBuilder::new().timeout(answer_timeout).ack_timeout(answer_timeout);
        let context = context.build(client.clone());
        let bus = Bus { client, context, names: Names::new(settings), answer_timeout };
        bus.check_server(settings).await.map_err(unreachable)?;
        bus.make_streams(settings).await.map_err(unreachable)?;
        joined.store(true, Ordering::Relaxed);
        Ok(bus)
    }

    async fn check_server(&self, settings: &Settings) -> Result<(), String> {
        let info = self.client.server_info();
        let mut parts =
            info.version.split('.').map_while(|part| part.split('-').next()?.parse::<u64>().ok());
        let mut next = || parts.next().unwrap_or(0);
        let version = (next(), next(), next());
        let (oldest, why) = match settings.replicas {
            1 => (OLDEST, ""),
            _ => (
                OLDEST_WITH_COPIES,
                " with `replicas` above 1: older ones let two nodes write to one call",
            ),
        };
        if version < oldest {
            let (major, minor, patch) = oldest;
            return Err(format!(
                "its version is {}; at least {major}.{minor}.{patch} is needed{why}",
                info.version
            ));
        }
        if !info.headers {
            return Err("it takes no headers; switch them on".into());
        }
        if info.max_payload < MIN_PAYLOAD {
            return Err(format!(
                "it takes messages of {} bytes only; set `max_payload` to at least {MIN_PAYLOAD}",
                info.max_payload
            ));
        }
        self.check_jetstream().await.map_err(|why| {
            format!(
                "JetStream does not answer ({why}); start the server with -js, and let the account \
                 use it"
            )
        })
    }

    /// Asked by hand: what servers of this age answer lacks fields that the client wants.
    async fn check_jetstream(&self) -> Result<(), String> {
        let answer = self.client.request("$JS.API.INFO", "".into()).await;
        let answer = answer.map_err(|error| error.to_string())?;
        let answer: Account =
            serde_json::from_slice(&answer.payload).map_err(|error| error.to_string())?;
        answer.error.map_or(Ok(()), |error| Err(error.description))
    }

    async fn make_streams(&self, settings: &Settings) -> Result<(), String> {
        let names = &self.names;
        let mut wanted: Vec<Config> = names
            .partitions()
            .map(|own| config(settings, names.events_stream(own), names.events_subjects(own)))
            .collect();
        wanted.push(config(settings, names.desk_stream(), names.all("desk")));
        let history = config(settings, names.history_stream(), names.all("history"));
        wanted.push(Config { max_age: settings.retention(), ..history });
        let mut rules = config(settings, names.rules_stream(), names.all("rules"));
        rules.max_messages_per_subject = 1;
        rules.max_age = Duration::ZERO;
        wanted.push(rules);
        for config in wanted {
            let name = config.name.clone();
            let made = self.context.get_or_create_stream(config).await;
            made.map_err(|error| {
                let replicas = settings.replicas;
                format!("stream `{name}` with {replicas} replica(s) could not be made: {error}")
            })?;
        }
        Ok(())
    }

    /// The streams' own name of this history: it changes when they are made anew.
    ///
    /// # Errors
    /// [`BusError`] when NATS does not answer.
    pub async fn epoch(&self) -> Result<String, BusError> {
        Ok(self.history_of_news().await?.0)
    }

    /// The same, and the end of the stream of calls and alerts.
    ///
    /// # Errors
    /// [`BusError`] when NATS does not answer.
    pub async fn history_of_news(&self) -> Result<(String, u64), BusError> {
        let desk = self.stream(&self.names.desk_stream()).await?;
        let info = desk.cached_info();
        let epoch = format!("n{:x}", info.created.unix_timestamp_nanos());
        Ok((epoch, info.state.last_sequence))
    }

    pub(super) async fn stream(&self, name: &str) -> Result<Stream, BusError> {
        let found = self.context.get_stream(name).await;
        found.map_err(|error| BusError(format!("stream `{name}` does not answer: {error}")))
    }

    /// How streams and subjects are called.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Whether there is a connection right now.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }
}

/// What matters of an answer about the account.
#[derive(Deserialize)]
struct Account {
    error: Option<Refused>,
}

#[derive(Deserialize)]
struct Refused {
    #[serde(default)]
    description: String,
}

fn config(settings: &Settings, name: String, subjects: String) -> Config {
    Config {
        name,
        subjects: vec![subjects],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        num_replicas: settings.replicas,
        max_age: settings.news_retention(),
        max_bytes: i64::try_from(settings.max_stream_bytes)
            .map_or(-1, |most| if most == 0 { -1 } else { most }),
        max_messages: -1,
        max_messages_per_subject: -1,
        max_consumers: -1,
        max_message_size: -1,
        duplicate_window: DUPLICATES,
        ..Config::default()
    }
}

/// `joined` is set when changes of the connection are worth telling: before, an error tells.
fn options(
    settings: &Settings,
    node: &str,
    joined: &Arc<AtomicBool>,
) -> Result<ConnectOptions, String> {
    let joined = Arc::clone(joined);
    let mut options = ConnectOptions::new()
        .name(format!("forewarn {node}"))
        .ping_interval(PING)
        .connection_timeout(CONNECT)
        .request_timeout(Some(settings.answer_timeout()))
        .require_tls(settings.require_tls)
        .reconnect_delay_callback(|attempt| {
            let attempt = u32::try_from(attempt.min(6)).unwrap_or(6);
            Duration::from_millis(50 * 2_u64.pow(attempt)).min(Duration::from_secs(2))
        })
        .event_callback(move |change| {
            let is_joined = joined.load(Ordering::Relaxed);
            async move {
                match change {
                    _ if !is_joined => tracing::debug!(event = %change, "NATS"),
                    Change::Connected => tracing::info!("connected to NATS again"),
                    Change::Disconnected => {
                        tracing::warn!("NATS is out of reach; nothing is acked until it is back")
                    }
                    Change::Closed => tracing::debug!("the connection to NATS is closed"),
                    other => tracing::warn!(event = %other, "NATS"),
                }
            }
        });
    if let Some(path) = &settings.credentials {
        let read = std::fs::read_to_string(path);
        let text = read.map_err(|error| format!("`credentials` {}: {error}", path.display()))?;
        options = options
            .credentials(&text)
            .map_err(|error| format!("`credentials` {}: {error}", path.display()))?;
    }
    if let Some(path) = &settings.ca {
        options = options.add_root_certificates(path.clone());
    }
    if let Some((cert, key)) = settings.cert.clone().zip(settings.key.clone()) {
        options = options.add_client_certificate(cert, key);
    }
    Ok(options)
}
