//! Twilio ConversationRelay, and Telnyx's of the same name.
//!
//! Schema: doc (Twilio "ConversationRelay websocket messages", Telnyx's AsyncAPI description).
//! What the caller says, that is: the other side is what the application itself answers, and is
//! told when it subscribed to the event `tokens-played`. No times, no end marker.

use super::view::View;
use super::{About, Event, Reading, Said};
use crate::call::Speaker;

pub(super) fn read(message: View<'_>) -> Result<Reading, String> {
    match message.str("type").unwrap_or_default() {
        "setup" => {
            let call = message.name("callSid").or_else(|| message.name("callSessionId"));
            let custom = message.get("customParameters");
            let about = custom.map_or_else(About::default, About::custom);
            Ok(Reading { call, about, events: vec![Event::Start], ..Reading::default() })
        }
        "prompt" => {
            let text = message.str("voicePrompt").ok_or("prompt: `voicePrompt` is missing")?;
            let about = About { lang: message.name("lang"), ..About::default() };
            let said = Said {
                track: "caller".into(),
                speaker: vec!["caller".into(), "0".into()],
                role: Some(Speaker::Customer),
                is_final: message.flag("last").unwrap_or(true),
                text: text.to_owned(),
                ..Said::default()
            };
            Ok(Reading { about, events: vec![Event::Said(said)], ..Reading::default() })
        }
        "info" if message.says("name", "tokensPlayed") => {
            let said = Said {
                track: "agent".into(),
                speaker: vec!["agent".into()],
                is_final: true,
                text: message.str("value").unwrap_or_default().to_owned(),
                ..Said::default()
            };
            Ok(Reading { events: vec![Event::Said(said)], ..Reading::default() })
        }
        _ => Ok(Reading::default()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use crate::wire::vendors::Format;
    use crate::wire::vendors::tests::told;

    pub fn call() -> Vec<Value> {
        vec![
            json!({"type": "setup", "sessionId": "VX1", "callSid": "CA1", "direction": "inbound",
                   "customParameters": {"queue": "retention"}}),
            json!({"type": "prompt", "voicePrompt": "I want", "lang": "en-US", "last": false}),
            json!({"type": "prompt", "voicePrompt": "I want to cancel.", "lang": "en-US",
                   "last": true}),
            json!({"type": "info", "name": "agentSpeaking", "value": "on"}),
            json!({"type": "info", "name": "tokensPlayed", "value": "Let me see."}),
            json!({"type": "interrupt", "utteranceUntilInterrupt": "Let me"}),
            json!({"type": "dtmf", "digit": "0"}),
        ]
    }

    #[test]
    fn the_caller_is_heard_and_what_was_played() {
        assert_eq!(
            told(Format::ConversationRelay, "", &call()),
            [
                "start CA1",
                "#1 customer~ - I want",
                "#1 customer - I want to cancel.",
                "#2 agent - Let me see."
            ]
        );
    }
}
