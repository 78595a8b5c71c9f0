//! The AsyncAPI 3.0 document of the two websockets. The server is the application it describes:
//! it receives what platforms and consoles send.

use serde_json::{Map, Value, json};

use super::schemas::{Message, Schemas};
use super::urls::{ConsoleParameters, IngestParameters};
use super::{examples, info};
use crate::wire::answers::Answer;
use crate::wire::commands::form::ConsoleCommand;
use crate::wire::console::Notice;
use crate::wire::ingest::form::PlatformMessage;

const ABOUT: &str = "Live transcripts come in on `/v1/ingest`; forecasts and alerts go out on \
    `/v1/console`. Every message is a text frame with one JSON object, UTF-8. Unknown fields are \
    ignored, and the server may add optional fields and message types; it never renames or drops \
    these. Fields ending in `_ms` are whole milliseconds from the start of the call unless they \
    say otherwise, fields ending in `_at` are RFC 3339. Numbers go out unrounded.\n\n\
    Where tokens are in use, show one as `Authorization: Bearer TOKEN`; a browser passes it as a \
    second subprotocol `bearer.TOKEN`, which is never echoed. Platforms may also use Basic with the \
    token as password, the header `dg-token`, or `?key=`. Without a good token the socket opens and \
    is closed at once with 4401, with one for something else with 4403. What lies outside a token's \
    scopes is answered as if it were not there.";

const INGEST: &str = "For call platforms. One bad message never closes the connection and never \
    touches another call; it is answered with `error`. An `ack` is cumulative and means durable. \
    After a gap in `seq` one `nack` names the `seq` to send again from. At most `credits` \
    messages or `credit_bytes` bytes may be un-acked; past that the server stops reading. With \
    `?format=` the messages of a vendor are read instead of these; the answers stay the same.";

const CONSOLE: &str = "For consoles of agents and supervisors. One subscription a connection. \
    `alert` and `call` messages carry an `offset`, strictly increasing within an `epoch`, and go \
    out after their commit; `subscribe` with `since` gets exactly what was missed, or the full \
    picture. `risk` and `chunk` may be skipped for a console that falls behind, alerts and calls \
    never.";

/// Close codes: the code, what happened, what the client should do.
const CLOSE_CODES: [(&str, &str, &str); 9] = [
    ("1012, 1013", "restarting, overloaded", "reconnect with jitter and resume"),
    ("1007", "a frame is not UTF-8", "mend the client"),
    ("1009", "a frame is over 1 MiB", "mend the client"),
    ("1011", "an error of the server", "reconnect and resume"),
    ("4008", "the console fell behind", "reconnect and resume with `since`"),
    ("4400", "misuse that cannot go on: a binary frame, an unknown subprotocol", "mend the client"),
    ("4408", "no `call_start` or `subscribe` within 30 s", "reconnect"),
    ("4409", "the last call of this connection was taken over", "stop"),
    ("4429", "a console over its command rate", "slow down"),
];

/// Which answers a message may have, by its `type`.
const REPLIES: [(&str, &[&str]); 13] = [
    ("call_start", &["started", "error"]),
    ("chunk", &["ack", "nack", "score", "error"]),
    ("call_update", &["ack", "nack", "error"]),
    ("call_end", &["ack", "nack", "error"]),
    ("subscribe", &["snapshot", "reply"]),
    ("unsubscribe", &["reply"]),
    ("watch", &["reply", "chunk"]),
    ("unwatch", &["reply"]),
    ("acknowledge", &["reply"]),
    ("snooze", &["reply"]),
    ("assign", &["reply"]),
    ("resolve", &["reply"]),
    ("raise_hand", &["reply"]),
];

/// A websocket: what comes in and what goes out.
struct Channel {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    address: &'static str,
    subprotocol: &'static str,
    parameters: Vec<Value>,
    received: Vec<Message>,
    sent: Vec<Message>,
}

pub(super) fn document() -> Value {
    let mut schemas = Schemas::new();
    let channels = [
        Channel {
            name: "ingest",
            title: "Ingest",
            description: INGEST,
            address: "/v1/ingest",
            subprotocol: "escalation.ingest.v1",
            parameters: schemas.parameters::<IngestParameters>(),
            received: schemas.messages_taken::<PlatformMessage>("Message"),
            sent: schemas.messages_sent::<Answer<'_>>("Answer"),
        },
        Channel {
            name: "console",
            title: "Console",
            description: CONSOLE,
            address: "/v1/console",
            subprotocol: "escalation.console.v1",
            parameters: schemas.parameters::<ConsoleParameters>(),
            received: schemas.messages_taken::<ConsoleCommand>("Command"),
            sent: schemas.messages_sent::<Notice<'_>>("Notice"),
        },
    ];
    let mut messages = Map::new();
    let mut operations = Map::new();
    for channel in &channels {
        for message in channel.received.iter().chain(&channel.sent) {
            messages.insert(message.schema.clone(), message.object());
        }
        operations.extend(channel.operations());
    }
    let channels: Map<String, Value> =
        channels.iter().map(|channel| (channel.name.to_owned(), channel.object())).collect();
    json!({
        "asyncapi": "3.0.0",
        "info": info("Forewarn websockets", &format!("{ABOUT}\n\n{}", close_codes())),
        "defaultContentType": "application/json",
        "servers": {"local": {
            "host": "127.0.0.1:8080",
            "protocol": "ws",
            "description": "The default address of `forewarn serve`.",
        }},
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas.finish()},
    })
}

fn close_codes() -> String {
    let row = |(code, why, then): (&str, &str, &str)| format!("| {code} | {why} | {then} |\n");
    let rows: String = CLOSE_CODES.map(row).concat();
    format!("Close codes:\n\n| code | meaning | client should |\n| --- | --- | --- |\n{rows}")
}

impl Channel {
    fn object(&self) -> Value {
        let messages: Map<String, Value> = self
            .received
            .iter()
            .chain(&self.sent)
            .map(|message| {
                let target = format!("#/components/messages/{}", message.schema);
                (message.kind.clone(), json!({"$ref": target}))
            })
            .collect();
        json!({
            "address": self.address,
            "title": self.title,
            "description": self.description,
            "messages": messages,
            "bindings": {"ws": self.binding()},
        })
    }

    /// What the handshake may say.
    fn binding(&self) -> Value {
        let properties: Map<String, Value> = self
            .parameters
            .iter()
            .filter_map(|parameter| {
                let mut schema = parameter["schema"].clone();
                schema["description"] = parameter["description"].clone();
                Some((parameter["name"].as_str()?.to_owned(), schema))
            })
            .collect();
        let subprotocol = json!({"type": "string", "const": self.subprotocol, "description":
            "A client that offers subprotocols must offer this one; one that offers none is \
             served it."});
        json!({
            "method": "GET",
            "query": {"type": "object", "properties": properties},
            "headers": {"type": "object", "properties": {"Sec-WebSocket-Protocol": subprotocol}},
            "bindingVersion": "0.1.0",
        })
    }

    fn operations(&self) -> impl Iterator<Item = (String, Value)> {
        let received = self.received.iter().map(|message| ("receive", message));
        let sent = self.sent.iter().map(|message| ("send", message));
        received.chain(sent).map(|(action, message)| {
            let mut operation = json!({
                "action": action,
                "channel": {"$ref": format!("#/channels/{}", self.name)},
                "summary": message.summary(),
                "messages": [self.message(&message.kind)],
            });
            let replies = REPLIES.iter().find(|(kind, _)| *kind == message.kind);
            if let Some((_, kinds)) = replies.filter(|_| action == "receive") {
                let messages: Vec<Value> = kinds.iter().map(|kind| self.message(kind)).collect();
                operation["reply"] = json!({"channel": operation["channel"], "messages": messages});
            }
            (format!("{action}{}", message.schema), operation)
        })
    }

    fn message(&self, kind: &str) -> Value {
        json!({"$ref": format!("#/channels/{}/messages/{kind}", self.name)})
    }
}

impl Message {
    fn object(&self) -> Value {
        let examples: Vec<Value> =
            examples::of(&self.schema).iter().map(|payload| json!({"payload": payload})).collect();
        json!({
            "name": self.kind,
            "title": self.schema,
            "summary": self.summary(),
            "contentType": "application/json",
            "payload": {"$ref": format!("#/components/schemas/{}", self.schema)},
            "examples": examples,
        })
    }

    /// The first sentence.
    fn summary(&self) -> String {
        let line = self.description.split_whitespace().collect::<Vec<_>>().join(" ");
        let end = line.find(". ").map_or(line.len(), |dot| dot + 1);
        line[..end].to_owned()
    }
}
