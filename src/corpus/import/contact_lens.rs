//! Contact Lens for Amazon Connect and Transcribe Call Analytics, the files written afterwards.
//!
//! Schema: doc (Connect administrator guide, example output files for a call and for a chat;
//! Transcribe developer guide, post-call analytics output). Both have `Transcript[]`; Contact Lens
//! names a participant by `ParticipantId` and his role in `Participants`, Call Analytics has the
//! role on each turn. A chat has `AbsoluteTime` and counts from its first message; its events and
//! attachments say nothing. `Segments[]`, as the Connect API lists them, are taken, too (doc).
//! Redacted and original files of a contact have the same id. Vendors' sentiment is no label.

use std::collections::HashMap;

use serde_json::Value;

use super::draft::{Category, Draft, Piece, stream_ms, wall_ms};
use crate::call::Speaker;
use crate::wire::vendors::view::View;

/// Reads one contact or job.
///
/// # Errors
/// With the path of the field.
pub(super) fn read(document: &Value) -> Result<Draft, String> {
    let view = View(document);
    let about = view.get("CustomerMetadata").unwrap_or(view);
    let ids = [
        about.name("ContactId"),
        view.name("ContactId"),
        view.name("JobName"),
        view.name("SessionId"),
        view.name("InitialContactId"),
    ];
    let mut ids = ids.into_iter().flatten();
    let mut draft = Draft { id: ids.next(), lang: view.name("LanguageCode"), ..Draft::default() };
    draft.also = ids.collect();
    let status = view.name("JobStatus").filter(|status| status != "COMPLETED");
    let Some(items) = items(view) else {
        let status = status.map(|status| format!("; its `JobStatus` is {status}"));
        return Err(format!(
            "`Transcript` must be the list of what was said{}",
            status.unwrap_or_default()
        ));
    };
    draft.chat = view.says("Channel", "CHAT");
    let participants = participants(view);
    let mut zero = None;
    let mut starts = HashMap::new();
    for (path, item) in items {
        let before = draft.pieces.len();
        say(item, &participants, &mut zero, &mut draft)
            .map_err(|error| format!("{path}{error}"))?;
        let start = draft.pieces.get(before).and_then(|piece| piece.start_ms);
        starts.extend(item.name("Id").zip(start));
    }
    // No channel, but moments: the transcript of a chat as Connect itself keeps it.
    draft.chat |= zero.is_some() && view.get("Channel").is_none();
    draft.categories = categories(view, &starts);
    Ok(draft)
}

/// What was said, each with its path.
fn items(view: View<'_>) -> Option<Vec<(String, View<'_>)>> {
    if let Some(list) = view.get("Transcript") {
        let list = list.0.as_array()?.iter().enumerate();
        return Some(list.map(|(at, item)| (format!("Transcript[{at}]"), View(item))).collect());
    }
    view.get("Segments")?.0.as_array()?;
    let segments = view.list("Segments").enumerate();
    let said = segments.filter_map(|(at, segment)| {
        Some((format!("Segments[{at}].Transcript"), segment.get("Transcript")?))
    });
    Some(said.collect())
}

type Participants = HashMap<String, (Option<String>, Option<String>)>;

/// Id → role and name.
fn participants(view: View<'_>) -> Participants {
    let one = |view: View<'_>| {
        Some((
            view.name("ParticipantId")?,
            (view.name("ParticipantRole"), view.name("DisplayName")),
        ))
    };
    view.list("Participants").filter_map(one).collect()
}

fn say(
    item: View<'_>,
    participants: &Participants,
    zero: &mut Option<i64>,
    draft: &mut Draft,
) -> Result<(), String> {
    if !item.0.is_object() {
        return Err(" must be an object".into());
    }
    if item.get("Type").is_some() && !item.says("Type", "MESSAGE") {
        return Ok(());
    }
    let text = match item.get("Content").map(|content| content.0) {
        None => return Ok(()),
        Some(Value::String(text)) => text,
        Some(_) => return Err(".Content must be text".into()),
    };
    let kind = item.str("ContentType").unwrap_or("text/plain");
    if !kind.starts_with("text/") {
        draft.note(format!("messages of the kind {kind} are left out"));
        return Ok(());
    }
    let id = item.name("ParticipantId");
    let known = id.as_ref().and_then(|id| participants.get(id));
    let role = item.name("ParticipantRole").or_else(|| known?.0.clone());
    let name = item.name("DisplayName").or_else(|| known?.1.clone());
    let moment = wall_ms(item.moment("AbsoluteTime"));
    let start_ms = match (stream_ms(item.millis("BeginOffsetMillis")), moment) {
        (Some(ms), _) => Some(ms),
        (None, Some(ms)) => Some(ms - *zero.get_or_insert(ms)),
        (None, None) => None,
    };
    let speaker = role.as_deref().and_then(role_of);
    let keys: Vec<String> = [name, id, role].into_iter().flatten().collect();
    draft.say(Piece {
        // A system's messages are the system's, by whatever name.
        role: speaker,
        keys,
        start_ms,
        end_ms: stream_ms(item.millis("EndOffsetMillis")),
        text: text.clone(),
    });
    Ok(())
}

fn role_of(role: &str) -> Option<Speaker> {
    super::cast::person_named(role)
}

/// What the categories of the vendor's rules matched, and where first: a call has times, a chat the
/// ids of messages, whose `starts` are known.
fn categories(view: View<'_>, starts: &HashMap<String, i64>) -> Vec<Category> {
    let Some(found) = view.get("Categories") else { return Vec::new() };
    let names = found.list("MatchedCategories").filter_map(|name| name.0.as_str());
    let at = |name: &str| {
        let details = found.get("MatchedDetails")?.0.get(name)?;
        let points = View(details).list("PointsOfInterest");
        let place = |point: View<'_>| {
            let ids = point.list("TranscriptItems").filter_map(|item| item.name("Id"));
            let start = ids.filter_map(|id| starts.get(&id).copied()).min();
            stream_ms(point.millis("BeginOffsetMillis")).or(start)
        };
        points.filter_map(place).min()
    };
    names.map(|name| Category { name: name.to_owned(), at_ms: at(name) }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::corpus::import::Cast;

    fn told(document: &Value) -> Vec<String> {
        let draft = read(document).unwrap();
        let call = Cast::default().call(&draft, "c".into()).unwrap();
        let time = |ms: Option<i64>| ms.map_or("?".into(), |ms| ms.to_string());
        let line = |turn: &crate::call::Turn| {
            let (start, end) = (time(turn.start_ms), time(turn.end_ms));
            format!("{start}-{end} {}: {}", turn.speaker.name(), turn.text)
        };
        call.turns.iter().map(line).collect()
    }

    fn call() -> Value {
        json!({"Channel": "VOICE", "JobStatus": "COMPLETED", "LanguageCode": "en-GB",
            "CustomerMetadata": {"ContactId": "c-7f3a", "InstanceId": "i-1"},
            "Participants": [{"ParticipantId": "P2", "ParticipantRole": "CUSTOMER"},
                             {"ParticipantId": "P1", "ParticipantRole": "AGENT"}],
            "Categories": {"MatchedCategories": ["cancels", "whole"], "MatchedDetails": {
                "cancels": {"PointsOfInterest": [{"BeginOffsetMillis": 9_000}, {"BeginOffsetMillis": 2_400}]}}},
            "Transcript": [
                {"Id": "t-2", "ParticipantId": "P2", "Content": "I want to cancel.", "Sentiment": "NEGATIVE",
                 "BeginOffsetMillis": 2_400, "EndOffsetMillis": 3_400, "LoudnessScore": [70.1, null]},
                {"Id": "t-1", "ParticipantId": "P1", "Content": "Thank you, [PII].",
                 "BeginOffsetMillis": 160, "EndOffsetMillis": 2_640}]})
    }

    #[test]
    fn a_call_has_offsets_and_roles_by_participant() {
        let document = call();
        assert_eq!(
            told(&document),
            ["160-2640 agent: Thank you, [PII].", "2400-3400 customer: I want to cancel."]
        );
        let draft = read(&document).unwrap();
        assert_eq!((draft.id.as_deref(), draft.lang.as_deref()), (Some("c-7f3a"), Some("en-GB")));
        assert!(!draft.chat);
        let found: Vec<_> = draft.categories.iter().map(|c| (c.name.as_str(), c.at_ms)).collect();
        assert_eq!(found, [("cancels", Some(2_400)), ("whole", None)]);
    }

    #[test]
    fn a_chat_counts_from_its_first_message() {
        let message = |at: &str, role: &str, name: &str, kind: &str, text: &str| {
            json!({"AbsoluteTime": at, "ParticipantRole": role, "DisplayName": name, "Type": kind,
                   "ContentType": "text/markdown", "Content": text, "ParticipantId": name, "Id": name})
        };
        let mut event = message("2026-11-22T03:39:50Z", "AGENT", "Jo", "EVENT", "");
        event.as_object_mut().unwrap().remove("Content");
        let mut card = message("2026-11-22T03:40:03Z", "AGENT", "Jo", "MESSAGE", "{}");
        card["ContentType"] = json!("application/vnd.amazonaws.connect.message.interactive");
        let document = json!({"Channel": "CHAT", "CustomerMetadata": {"ContactId": "c-1"},
            "Categories": {"MatchedCategories": ["bot"], "MatchedDetails": {"bot": {"PointsOfInterest": [
                {"TranscriptItems": [{"Id": "Agent Smith"}, {"Id": "b"}]}]}}}, "Transcript": [
            event,
            message("2026-11-22T03:40:00.250Z", "SYSTEM", "SYSTEM_MESSAGE", "MESSAGE", "Please wait."),
            card,
            message("2026-11-22T03:40:05.000Z", "CUSTOM_BOT", "b", "MESSAGE", "Hello"),
            message("2026-11-22T03:40:12.750Z", "CUSTOMER", "Agent Smith", "MESSAGE", "My *order*"),
        ]});
        assert_eq!(
            told(&document),
            ["0-? other: Please wait.", "4750-? agent: Hello", "12500-? customer: My *order*"]
        );
        let draft = read(&document).unwrap();
        assert_eq!(draft.categories, [Category { name: "bot".into(), at_ms: Some(4_750) }]);
        assert!(draft.chat && draft.notes[0].contains("interactive are left out"));
    }

    #[test]
    fn call_analytics_has_the_role_on_each_turn() {
        let turn = |role: &str, at: i64, text: &str| {
            json!({"ParticipantRole": role, "Content": text, "Id": "x", "Items": [],
                   "BeginOffsetMillis": at, "EndOffsetMillis": at + 900})
        };
        let mut document = json!({"JobName": "job-1", "Participants": [{"ParticipantRole": "AGENT"}],
            "Transcript": [turn("AGENT", 0, "hello"), turn("CUSTOMER", 500, "hi")]});
        assert_eq!(told(&document), ["0-900 agent: hello", "500-1400 customer: hi"]);
        assert_eq!(read(&document).unwrap().id.as_deref(), Some("job-1"));
        let segments = document["Transcript"].as_array().unwrap();
        let segments: Vec<Value> = segments.iter().map(|t| json!({"Transcript": t})).collect();
        document = json!({"Segments": segments, "ContactId": "c-9"});
        assert_eq!(told(&document).len(), 2);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_path() {
        let refused = |document: Value| read(&document).unwrap_err();
        assert_eq!(
            refused(json!({"Transcript": [{"Content": 3}]})),
            "Transcript[0].Content must be text"
        );
        assert_eq!(refused(json!({"Transcript": [[]]})), "Transcript[0] must be an object");
        let failed = refused(json!({"JobStatus": "FAILED", "CustomerMetadata": {}}));
        assert!(failed.contains("`JobStatus` is FAILED"), "{failed}");
    }

    proptest! {
        #[test]
        fn cut_files_never_panic(length in 0_usize..900) {
            let text = call().to_string();
            let _ = super::super::parse(&text[..length.min(text.len())], None, &Cast::default());
        }

        #[test]
        fn what_is_written_is_read(
            said in prop::collection::vec((any::<bool>(), 0_i64..500_000, 0_i64..9_000, "[a-z]{1,9}"), 1..20)
        ) {
            let mut said = said;
            said.sort_by_key(|one| one.1);
            let items: Vec<Value> = said.iter().map(|(agent, start, length, text)| {
                json!({"ParticipantRole": if *agent { "AGENT" } else { "CUSTOMER" }, "Content": text,
                       "BeginOffsetMillis": start, "EndOffsetMillis": start + length})
            }).collect();
            let lines: Vec<String> = said.iter().map(|(agent, start, length, text)| {
                format!("{start}-{} {}: {text}", start + length, if *agent { "agent" } else { "customer" })
            }).collect();
            prop_assert_eq!(told(&json!({"Transcript": items})), lines);
        }
    }
}
