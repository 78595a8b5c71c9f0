//! Settings of the server room.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::signature::telnyx_key;

/// How connections are served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Permits `listen` beyond this machine while there are no tokens, for a proxy that asks
    /// itself who everybody is. Anybody who reaches the port can then read every call.
    pub allow_remote_without_tokens: bool,
    /// Pages of other origins that may open websockets, as `https://host:port`. A page of this
    /// server always may; programs that are no browsers send no origin. While there are no tokens,
    /// the server answers to these names, too.
    pub allowed_origins: Vec<String>,
    /// Pages that may show the console page in a frame: `'self'` or origins such as
    /// `https://crm.example` or `https://*.crm.example`; nobody when empty.
    pub frame_ancestors: Vec<String>,
    /// Most connections at a time; one more gets 503 at once.
    pub max_connections: usize,
    /// Most connections from one address (of IPv6: one /64 network) at a time; one more gets 429.
    pub max_connections_per_address: usize,
    /// Most websockets of one token at a time; one more gets 429.
    pub max_sockets_per_token: usize,
    /// Most connections without a request in progress: those that shake hands, have not asked
    /// anything yet, or may ask again. For one more, the one that waits longest is closed.
    pub max_idle_connections: usize,
    /// Longest time for the head of a request, for an idle connection, and for a TLS handshake.
    pub header_timeout_s: u64,
    /// Longest time for the body of a request.
    pub body_timeout_s: u64,
    /// Most bodies of requests that are arriving at a time; for one more, the one that is on its
    /// way longest is given up with 503.
    pub max_bodies: usize,
    /// Longest time in which a peer takes nothing of what waits for it, on any connection.
    pub stalled_s: u64,
    /// Requests a second from one address; over twice that at once the next get 429.
    pub requests_per_s_per_address: u32,
    /// Requests a second that need a token, of one token (where there are no tokens, from one
    /// address); over twice that at once the next get 429.
    pub requests_per_s_per_token: u32,
    /// Largest body of `POST /v1/score`.
    pub score_body_bytes: usize,
    /// Largest body of `POST /v1/webhooks/{format}`.
    pub webhook_body_bytes: usize,
    /// Calls that come by webhook whose state (open utterances, what came before) is kept. Of one
    /// that is forgotten, the next request goes on, but a retry is not recognised any more.
    pub webhook_calls: usize,
    /// Auth token of the Twilio account whose webhooks are taken; requests of format `twilio`
    /// without its signature then get 403. Without it they are not checked. Never printed.
    #[serde(skip_serializing)]
    pub twilio_auth_token: Option<String>,
    /// Public key of the Telnyx account whose webhooks are taken, in base64 as its portal shows it;
    /// requests of format `telnyx` without its signature then get 403. Without it they are not
    /// checked.
    pub telnyx_public_key: Option<String>,
    /// How far the time at which Telnyx signed may be from the time here, in seconds.
    pub telnyx_tolerance_s: u64,
    /// The server as vendors and people reach it, as `https://host`: a part of what Twilio signs,
    /// where links in alerts that are sent lead, and, while there are no tokens, a name that it
    /// answers to beside its address and `localhost`.
    pub public_url: String,
    /// Most items of a REST list in one answer; asking for more gets 400.
    pub max_page_items: usize,
    /// Most whole calls scored at a time for REST; one more gets 503.
    pub max_scoring: usize,
    /// Time between pings.
    pub ping_s: u64,
    /// A peer that is silent for longer is closed.
    pub silent_s: u64,
    /// How long a socket may stay without `call_start` or `subscribe`.
    pub hello_s: u64,
    /// Most un-acked messages on an ingest connection; past it the socket is not read.
    pub credits: usize,
    /// Most un-acked bytes on an ingest connection.
    pub credit_bytes: usize,
    /// Messages a second of one ingest connection; over it the socket is read more slowly.
    pub ingest_messages_per_s: u32,
    /// Messages a second that an ingest connection may bring and still count as modest; a large
    /// message counts as one for each KiB.
    pub modest_messages_per_s: u32,
    /// Messages a second of all ingest connections together that bring more than that, while
    /// modest ones, consoles or REST are there too; over it they are read more slowly. Who is
    /// alone may use all that the machine has.
    pub shared_messages_per_s: u32,
    /// Messages a second of one token (where there are no tokens, from one address) over all
    /// its ingest connections and webhooks; over it sockets are read more slowly, webhooks get 429.
    pub messages_per_s_per_token: u32,
    /// The same for bytes.
    pub bytes_per_s_per_token: u32,
    /// Messages a second of one ingest connection that are refused; over it the socket is read
    /// more slowly.
    pub errors_per_s: u32,
    /// Pings and pongs a second of one websocket; over it the socket is read more slowly.
    pub pings_per_s: u32,
    /// Bytes a second of one websocket that are no message: pings, empty pieces, audio; over it
    /// the socket is read more slowly.
    pub other_bytes_per_s: u32,
    /// Most messages taken from a socket before answers are sent. Larger batches cost less per
    /// message and hold answers back a little longer.
    pub read_batch: usize,
    /// Bytes waiting for a slow peer past which its messages are not read.
    pub outbox_bytes: usize,
    /// Commands a second of one console; over twice that at once it is closed with 4429.
    pub commands_per_s: u32,
    /// Time between looks at the file of rules, in seconds; 0 looks only at SIGHUP.
    pub rules_poll_s: u64,
    /// Longest time from SIGTERM to the end.
    pub drain_timeout_s: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            allow_remote_without_tokens: false,
            allowed_origins: Vec::new(),
            frame_ancestors: vec!["'self'".to_owned()],
            max_connections: 10_000,
            max_connections_per_address: 5_000,
            max_sockets_per_token: 5_000,
            max_idle_connections: 1_000,
            header_timeout_s: 30,
            body_timeout_s: 30,
            max_bodies: 64,
            stalled_s: 60,
            requests_per_s_per_address: 1_000,
            requests_per_s_per_token: 1_000,
            score_body_bytes: 4 << 20,
            webhook_body_bytes: 1 << 20,
            webhook_calls: 10_000,
            twilio_auth_token: None,
            telnyx_public_key: None,
            telnyx_tolerance_s: 300,
            public_url: String::new(),
            max_page_items: 1_000,
            max_scoring: 2,
            ping_s: 25,
            silent_s: 60,
            hello_s: 30,
            credits: 1_024,
            credit_bytes: 4 << 20,
            ingest_messages_per_s: 50_000,
            modest_messages_per_s: 500,
            shared_messages_per_s: 8_000,
            messages_per_s_per_token: 100_000,
            bytes_per_s_per_token: 32 << 20,
            errors_per_s: 1_000,
            pings_per_s: 20,
            other_bytes_per_s: 256 << 10,
            read_batch: 64,
            outbox_bytes: 256 << 10,
            commands_per_s: 20,
            rules_poll_s: 2,
            drain_timeout_s: 5,
        }
    }
}

impl Settings {
    /// # Errors
    /// A sentence naming the first setting that cannot be used.
    pub fn check(&self) -> Result<(), String> {
        if let Some(wrong) = self.frame_ancestors.iter().find(|one| !may_frame(one)) {
            return Err(format!(
                "`frame_ancestors` names {wrong:?}; it must be \"'self'\" or an origin such as \
                 \"https://crm.example\", without a path"
            ));
        }
        for (name, value) in [
            ("max_connections", self.max_connections),
            ("max_connections_per_address", self.max_connections_per_address),
            ("max_sockets_per_token", self.max_sockets_per_token),
            ("max_idle_connections", self.max_idle_connections),
            ("max_bodies", self.max_bodies),
            ("requests_per_s_per_address", self.requests_per_s_per_address as usize),
            ("requests_per_s_per_token", self.requests_per_s_per_token as usize),
            ("messages_per_s_per_token", self.messages_per_s_per_token as usize),
            ("bytes_per_s_per_token", self.bytes_per_s_per_token as usize),
            ("errors_per_s", self.errors_per_s as usize),
            ("pings_per_s", self.pings_per_s as usize),
            ("other_bytes_per_s", self.other_bytes_per_s as usize),
            ("max_page_items", self.max_page_items),
            ("max_scoring", self.max_scoring),
            ("webhook_calls", self.webhook_calls),
            ("credits", self.credits),
            ("credit_bytes", self.credit_bytes),
            ("read_batch", self.read_batch),
            ("outbox_bytes", self.outbox_bytes),
            ("commands_per_s", self.commands_per_s as usize),
            ("modest_messages_per_s", self.modest_messages_per_s as usize),
            ("shared_messages_per_s", self.shared_messages_per_s as usize),
            ("ingest_messages_per_s", self.ingest_messages_per_s as usize),
        ] {
            if value == 0 {
                return Err(format!("`{name}` is 0; it must be at least 1"));
            }
        }
        if self.twilio_auth_token.is_some() && !self.public_url.starts_with("http") {
            return Err(
                "`public_url` must be set beside `twilio_auth_token`, because Twilio signs \
                        the URL; write for example https://calls.example.com"
                    .into(),
            );
        }
        if self.telnyx_public_key.as_deref().is_some_and(|key| telnyx_key(key).is_none()) {
            return Err("`telnyx_public_key` is not an Ed25519 key; copy the base64 text of 44 \
                        characters from the portal, Keys & Credentials, Public Key"
                .into());
        }
        if !self.public_url.is_empty() && !self.public_url.starts_with("http") {
            return Err(format!(
                "`public_url` is {:?}; write for example https://calls.example.com",
                self.public_url
            ));
        }
        if self.silent_s <= self.ping_s {
            return Err(format!(
                "`silent_s` is {} and `ping_s` {}; a peer needs longer than a ping to answer",
                self.silent_s, self.ping_s
            ));
        }
        Ok(())
    }
}

/// `'self'`, or scheme, host and port of a page, a `*` for any name below one.
fn may_frame(ancestor: &str) -> bool {
    let host = ancestor.strip_prefix("https://").or_else(|| ancestor.strip_prefix("http://"));
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '*' | '[' | ']');
    ancestor == "'self'" || host.is_some_and(|host| !host.is_empty() && host.chars().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_origins_may_frame_the_page() {
        for good in
            ["'self'", "https://crm.example", "http://127.0.0.1:9000", "https://*.crm.example"]
        {
            assert!(may_frame(good), "{good}");
        }
        let bad = ["", "*", "https://", "crm.example", "'none'", "https://a.example/b"];
        for bad in bad.into_iter().chain(["https://a; script-src *", "https://a b", "https://a\n"])
        {
            let settings = Settings { frame_ancestors: vec![bad.into()], ..Settings::default() };
            assert!(settings.check().unwrap_err().starts_with("`frame_ancestors`"), "{bad}");
        }
    }
}
