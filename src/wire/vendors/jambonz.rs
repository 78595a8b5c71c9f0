//! jambonz: `transcriptionHook` of the verb `transcribe`, by HTTP or over its websocket.
//!
//! Schema: spec (jambonz feature server source, verb `transcribe`). Channel 1 is the call's own
//! leg, 2 the one it was connected to. No times. The call status hook ends the call.

use super::view::View;
use super::{About, Event, Reading, Said};
use crate::call::Speaker;

/// Values of `call_status` after which nothing comes.
const OVER: [&str; 4] = ["completed", "failed", "busy", "no-answer"];

pub(super) fn read(message: View<'_>) -> Result<Reading, String> {
    let body = message.get("data").unwrap_or(message);
    let mut reading = Reading {
        call: body.name("call_sid").or_else(|| message.name("call_sid")),
        message_id: message.name("msgid"),
        ..Reading::default()
    };
    if let Some(speech) = body.get("speech") {
        reading.about = About { lang: speech.name("language_code"), ..About::default() };
        reading.events.extend(said(speech)?.map(Event::Said));
    }
    if message.says("type", "session:new") {
        reading.events.push(Event::Start);
    }
    // A leg that was dialled from the call begins and ends on its own.
    let is_leg = body.name("parent_call_sid").is_some();
    let status = body.name("call_status").filter(|_| !is_leg);
    let status = status.map(|status| status.to_ascii_lowercase());
    match status {
        Some(status) if OVER.contains(&status.as_str()) => {
            reading.events.push(Event::End { reason: Some(status) });
        }
        Some(_) if reading.events.is_empty() => reading.events.push(Event::Start),
        _ => {}
    }
    Ok(reading)
}

fn best_of(result: View<'_>) -> Option<View<'_>> {
    result.get("alternatives").and_then(View::first)
}

/// `None` when nothing was heard.
fn said(speech: View<'_>) -> Result<Option<Said>, String> {
    // Some recognisers' results are one level deeper, some have the words at once.
    let inner = speech.get("transcripts").and_then(View::first);
    let best = best_of(speech).or_else(|| inner.and_then(best_of));
    let best = best.or_else(|| speech.str("transcript").map(|_| speech));
    let Some(best) = best else {
        let silence = speech.get("alternatives").map(|_| None);
        return silence.ok_or_else(|| "`speech.alternatives` is missing".into());
    };
    let channel = speech.name("channel_tag").unwrap_or_else(|| "1".into());
    Ok(Some(Said {
        track: channel.clone(),
        role: match channel.as_str() {
            "1" => Some(Speaker::Customer),
            "2" => Some(Speaker::Agent),
            _ => None,
        },
        speaker: vec![channel],
        is_final: speech.flag("is_final").unwrap_or(true),
        text: best.str("transcript").unwrap_or_default().to_owned(),
        confidence: best.confidence("confidence"),
        ..Said::default()
    }))
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use crate::wire::vendors::Format;
    use crate::wire::vendors::tests::told;

    fn said(channel: u64, last: bool, text: &str) -> Value {
        json!({"call_sid": "c-7f3a", "direction": "inbound", "call_status": "in-progress",
               "speech": {"language_code": "en-US", "channel_tag": channel, "is_final": last,
               "alternatives": [{"confidence": 0.94, "transcript": text}]}})
    }

    pub fn call() -> Vec<Value> {
        vec![
            said(2, true, "Thank you for calling."),
            said(1, false, "I want to can"),
            said(1, true, "I want to cancel."),
            json!({"call_sid": "c-7f3a", "call_status": "completed", "duration": 20}),
        ]
    }

    fn told_of_a_call() -> [&'static str; 5] {
        [
            "start c-7f3a en-US",
            "#1 agent - Thank you for calling.",
            "#2 customer~ - I want to can",
            "#2 customer - I want to cancel.",
            "end completed",
        ]
    }

    #[test]
    fn channels_are_legs() {
        assert_eq!(told(Format::Jambonz, "", &call()), told_of_a_call());
    }

    #[test]
    fn results_may_be_nested() {
        let nested = json!({"type": "verb:hook", "msgid": "m-1", "call_sid": "c-1", "data":
            {"speech": {"is_final": true, "transcripts": [{"is_final": true, "alternatives":
            [{"confidence": 0.91, "transcript": "Where is it?"}]}]}}});
        let bare = json!({"call_sid": "c-1", "speech": {"transcript": "Hello?"}});
        let told = told(Format::Jambonz, "", &[nested, bare]);
        assert_eq!(told[1..], ["#1 customer - Where is it?", "#2 customer - Hello?"]);
    }

    #[test]
    fn silence_and_dialled_legs_are_no_words_and_no_end() {
        let silence = json!({"call_sid": "c-1", "speech": {"is_final": true, "alternatives": []}});
        let leg = json!({"call_sid": "c-2", "parent_call_sid": "c-1", "call_status": "completed"});
        assert!(told(Format::Jambonz, "", &[silence, leg]).is_empty());
    }

    #[test]
    fn its_websocket_wraps_the_same() {
        let wrap = |(at, data): (usize, Value)| {
            json!({"type": "verb:hook", "msgid": format!("m-{at}"), "call_sid": "c-7f3a",
                   "hook": "/transcribe", "data": data})
        };
        // Messages of the websocket have ids.
        let twice: Vec<Value> =
            call().into_iter().enumerate().map(wrap).flat_map(|m| [m.clone(), m]).collect();
        assert_eq!(told(Format::Jambonz, "", &twice), told_of_a_call());
    }
}
