//! Azure Communication Services: real-time transcription of call automation.
//!
//! Schema: doc (Microsoft how-to "Add real-time transcription into your application").
//! The first frame names the call, the others a participant: `4:` is a phone number, so the
//! customer; `8:` a user of the service and `28:` a bot, so who answers. Offsets are ticks, in the
//! how-to's own example as many as are left until the year 9999. No end marker: the call ends with
//! the socket.

use super::view::View;
use super::{About, Event, Reading, Said};
use crate::call::Speaker;

pub(super) fn read(message: View<'_>) -> Result<Reading, String> {
    if let Some(metadata) = message.get("transcriptionMetadata") {
        let call = metadata.name("callConnectionId").or_else(|| metadata.name("correlationId"));
        let about = About { lang: metadata.name("locale"), ..About::default() };
        return Ok(Reading { call, about, events: vec![Event::Start], ..Reading::default() });
    }
    let Some(data) = message.get("transcriptionData") else { return Ok(Reading::default()) };
    let text = data.str("text").ok_or("transcriptionData: `text` is missing")?;
    let participant = data.name("participantRawID");
    let participant = participant.or_else(|| data.get("participant")?.name("rawId"));
    let participant = participant.unwrap_or_default();
    let status = data.str("resultStatus").or_else(|| data.str("resultState"));
    let start = data.ticks("offset");
    let said = Said {
        track: participant.clone(),
        role: match participant.split(':').next() {
            Some("4") => Some(Speaker::Customer),
            Some("8" | "28") => Some(Speaker::Agent),
            _ => None,
        },
        speaker: vec![participant],
        start,
        end: start.map(|start| start.plus(data.ticks("duration"))),
        is_final: !status.is_some_and(|status| status.eq_ignore_ascii_case("intermediate")),
        text: text.to_owned(),
        confidence: data.confidence("confidence"),
        ..Said::default()
    };
    Ok(Reading { events: vec![Event::Said(said)], ..Reading::default() })
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use crate::wire::vendors::Format;
    use crate::wire::vendors::tests::told;

    fn data(who: &str, offset: u64, duration: u64, status: &str, text: &str) -> Value {
        json!({"kind": "TranscriptionData", "transcriptionData": {"text": text,
            "format": "display", "confidence": 0.91, "offset": offset, "duration": duration,
            "words": [], "participantRawID": who, "resultStatus": status}})
    }

    pub fn call() -> Vec<Value> {
        vec![
            json!({"kind": "TranscriptionMetadata", "transcriptionMetadata": {
                "subscriptionId": "sub-1", "locale": "en-US", "callConnectionId": "cc-1",
                "correlationId": "cor-1"}}),
            data("8:acs:a-17", 10_000_000, 20_000_000, "Final", "Thank you for calling."),
            data("4:+14255550123", 124_000_000, 9_000_000, "Intermediate", "I want to can"),
            data("4:+14255550123", 124_000_000, 27_000_000, "final", "I want to cancel."),
        ]
    }

    #[test]
    fn participants_and_ticks() {
        assert_eq!(
            told(Format::Acs, "", &call()),
            [
                "start cc-1 en-US",
                "#1 agent 1000-3000 Thank you for calling.",
                "#2 customer~ 12400-13300 I want to can",
                "#2 customer 12400-15100 I want to cancel.",
            ]
        );
    }
}
