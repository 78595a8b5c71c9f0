//! Parameters of the URLs of sockets and webhooks, for their schema alone.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::schemas;
use crate::wire::vendors::Format;

/// Of `GET /v1/ingest`.
#[derive(JsonSchema)]
pub struct IngestParameters {
    /// The format of the messages; `native`, protocol v1, when absent. The parameters after
    /// `scores` say what the messages of other formats lack.
    pub format: Option<SocketFormat>,
    /// Whether each chunk is answered by a `score`; false when absent.
    pub scores: Option<bool>,
    /// What the messages lack.
    #[schemars(flatten)]
    pub lacking: WebhookParameters,
}

/// Of `POST /v1/webhooks/{format}`, and of a websocket in a vendor's format.
#[derive(JsonSchema)]
pub struct WebhookParameters {
    /// The call, where the messages name none.
    pub call_id: Option<String>,
    /// Queue of its calls.
    pub queue: Option<String>,
    /// Team of its calls.
    pub team: Option<String>,
    /// Agent of its calls.
    pub agent_id: Option<String>,
    /// BCP 47 language of its calls.
    pub lang: Option<String>,
    /// Who speaks, by channel, track, participant or label: `0:agent,1:customer`.
    pub roles: Option<String>,
}

/// Of `GET /v1/console`.
#[derive(JsonSchema)]
pub struct ConsoleParameters {
    /// Who the console is, as others see it; a number is given when absent.
    #[schemars(length(min = 1, max = 64))]
    pub user: Option<String>,
}

/// The formats of `GET /v1/ingest`.
pub struct SocketFormat;

impl JsonSchema for SocketFormat {
    fn schema_name() -> Cow<'static, str> {
        "SocketFormat".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemas::one_of(Format::all())
    }
}

/// The formats of webhooks.
pub struct WebhookFormat;

impl JsonSchema for WebhookFormat {
    fn schema_name() -> Cow<'static, str> {
        "WebhookFormat".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemas::one_of(Format::all().filter(|name| *name != Format::Native.name()))
    }
}
