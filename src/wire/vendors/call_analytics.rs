//! Amazon Transcribe Call Analytics streaming: `UtteranceEvent`. Categories are skipped.
//!
//! Schema: doc (Transcribe developer guide "Real-time call analytics", its output examples).

use super::view::View;
use super::{Event, Key, Reading, Said};

pub(super) fn read(message: View<'_>) -> Result<Reading, String> {
    let call = message.name("CallId");
    // The developer guide shows the stream around its events.
    let message = message.get("CallAnalyticsTranscriptResultStream").unwrap_or(message);
    let Some(utterance) = message.get("UtteranceEvent") else {
        let is_bare = message.get("UtteranceId").is_some();
        let events = if is_bare { vec![said(message)?] } else { Vec::new() };
        return Ok(Reading { call, events, ..Reading::default() });
    };
    Ok(Reading { call, events: vec![said(utterance)?], ..Reading::default() })
}

/// One utterance; `lca` has them, too.
pub(super) fn said(utterance: View<'_>) -> Result<Event, String> {
    let role = utterance.name("ParticipantRole");
    let text = utterance.str("Transcript").ok_or("UtteranceEvent: `Transcript` is missing")?;
    Ok(Event::Said(Said {
        track: role.clone().unwrap_or_default(),
        speaker: role.into_iter().collect(),
        key: utterance.name("UtteranceId").map_or(Key::Open, Key::Own),
        start: utterance.millis("BeginOffsetMillis"),
        end: utterance.millis("EndOffsetMillis"),
        is_final: !utterance.flag("IsPartial").unwrap_or(false),
        text: text.to_owned(),
        ..Said::default()
    }))
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use crate::wire::vendors::Format;
    use crate::wire::vendors::tests::told;

    fn utterance(id: &str, role: &str, times: (u64, u64), partial: bool, text: &str) -> Value {
        json!({"UtteranceEvent": {"UtteranceId": id, "ParticipantRole": role, "IsPartial": partial,
            "Transcript": text, "BeginOffsetMillis": times.0, "EndOffsetMillis": times.1,
            "Items": [], "Entities": [], "IssuesDetected": []}})
    }

    pub fn call() -> Vec<Value> {
        vec![
            utterance("u-1", "AGENT", (1_000, 3_000), false, "Thank you for calling."),
            utterance("u-2", "CUSTOMER", (12_400, 13_300), true, "I want to can"),
            json!({"CategoryEvent": {"MatchedCategories": ["cancel-intent"]}}),
            utterance("u-2", "CUSTOMER", (12_400, 15_100), false, "I want to cancel."),
        ]
    }

    #[test]
    fn roles_are_named_and_categories_skipped() {
        assert_eq!(
            told(Format::CallAnalytics, "", &call()),
            [
                "start call_analytics-n",
                "#1 agent 1000-3000 Thank you for calling.",
                "#2 customer~ 12400-13300 I want to can",
                "#2 customer 12400-15100 I want to cancel.",
            ]
        );
    }
}
