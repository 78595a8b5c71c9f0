//! Wrappers in which clouds hand messages on: a function's event of a stream, a queue or a topic,
//! a gateway's request. What is inside is what counts, in any depth up to a limit.
//!
//! Schema: doc (AWS Lambda's event sources, Firehose, SNS, EventBridge, Google Pub/Sub push,
//! CloudEvents).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

/// Wrappers in wrappers that are opened.
const MAX_DEPTH: usize = 6;

/// The messages within `value`: itself, when nothing wraps it. `Err` says what cannot be opened.
pub(super) fn open(value: Value) -> Vec<Result<Value, String>> {
    let mut opened = Vec::new();
    open_into(value, MAX_DEPTH, &mut opened);
    opened
}

fn open_into(value: Value, depth: usize, opened: &mut Vec<Result<Value, String>>) {
    let Value::Object(fields) = &value else {
        opened.push(Ok(value));
        return;
    };
    let inner = match records(fields).or_else(|| single(fields).map(|one| vec![one])) {
        Some(inner) if depth > 0 => inner,
        _ => return opened.push(Ok(value)),
    };
    for inner in inner {
        match inner {
            // One record may hold several messages.
            Ok(Value::Array(list)) => {
                list.into_iter().for_each(|value| open_into(value, depth - 1, opened));
            }
            Ok(value) => open_into(value, depth - 1, opened),
            Err(text) => opened.push(Err(text)),
        }
    }
}

/// What the records of a batch hold: Kinesis, Firehose, SQS, SNS.
fn records(fields: &Map<String, Value>) -> Option<Vec<Result<Value, String>>> {
    let list = fields.get("Records").or_else(|| fields.get("records"))?.as_array()?;
    list.iter().map(|record| content(record.as_object()?)).collect()
}

fn content(record: &Map<String, Value>) -> Option<Result<Value, String>> {
    let data = record.get("kinesis").map_or(Some(record), Value::as_object)?;
    if let Some(data) = text(data, "data").or_else(|| text(data, "Data")) {
        return Some(decoded(data));
    }
    let topic = record.get("Sns").and_then(Value::as_object);
    let text = text(record, "body").or_else(|| text(topic?, "Message"));
    text.map(parsed)
}

/// What a wrapper of one message holds.
fn single(fields: &Map<String, Value>) -> Option<Result<Value, String>> {
    let has = |name: &str| fields.contains_key(name);
    // SNS over HTTP, or in a queue.
    if has("TopicArn") && text(fields, "Type") == Some("Notification") {
        return text(fields, "Message").map(parsed);
    }
    // A record alone.
    if has("kinesis") || has("PartitionKey") || has("receiptHandle") {
        return content(fields);
    }
    // A gateway's request.
    if has("isBase64Encoded") || has("requestContext") {
        let is_encoded = fields.get("isBase64Encoded") == Some(&Value::Bool(true));
        let body = text(fields, "body")?;
        return Some(if is_encoded { decoded(body) } else { parsed(body) });
    }
    // Pub/Sub.
    if has("subscription") {
        let data = fields.get("message")?.as_object()?;
        return text(data, "data").map(decoded);
    }
    if has("specversion") {
        let plain = || fields.get("data").cloned().map(Ok);
        return text(fields, "data_base64").map(decoded).or_else(plain);
    }
    // EventBridge. Genesys reads its own, because the event has an id.
    let detail = fields.get("detail").filter(|_| has("detail-type"))?;
    (detail.is_object() && detail.get("eventBody").is_none()).then(|| Ok(detail.clone()))
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name)?.as_str()
}

fn parsed(text: &str) -> Result<Value, String> {
    let several = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut values: Vec<Value> = several
        .collect::<Result<_, _>>()
        .map_err(|error| format!("what a record holds is not JSON: {error}"))?;
    match values.len() {
        0 => Err("a record is empty".to_owned()),
        1 => Ok(values.remove(0)),
        _ => Ok(Value::Array(values)),
    }
}

/// JSON in base64, as streams carry it.
pub(super) fn decoded(text: &str) -> Result<Value, String> {
    let bytes = BASE64_STANDARD
        .decode(text.trim())
        .map_err(|error| format!("what a record holds is not base64: {error}"))?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| "what a record holds is not UTF-8; it must not be compressed".to_owned())?;
    parsed(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn opened(value: Value) -> Vec<Value> {
        open(value).into_iter().map(|opened| opened.expect("it opens")).collect()
    }

    fn base64(value: &Value) -> String {
        BASE64_STANDARD.encode(value.to_string())
    }

    #[test]
    fn what_clouds_wrap_is_unwrapped() {
        let message = json!({"EventType": "START", "CallId": "c-1"});
        let (plain, encoded) = (message.to_string(), base64(&message));
        for wrapped in [
            message.clone(),
            json!({"Records": [{"kinesis": {"data": encoded, "partitionKey": "k"}}]}),
            json!({"Records": [{"Data": encoded, "PartitionKey": "k"}], "NextShardIterator": "i"}),
            json!({"requestId": "r", "timestamp": 1, "records": [{"data": encoded}]}),
            json!({"Records": [{"messageId": "m", "body": plain, "eventSource": "aws:sqs"}]}),
            json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": plain}}]}),
            json!({"Type": "Notification", "TopicArn": "arn", "Message": plain}),
            json!({"version": "0", "detail-type": "call", "source": "x", "detail": message}),
            json!({"httpMethod": "POST", "body": plain, "isBase64Encoded": false}),
            json!({"body": encoded, "isBase64Encoded": true}),
            json!({"message": {"data": encoded, "messageId": "1"}, "subscription": "s"}),
            json!({"specversion": "1.0", "type": "t", "data": message}),
            json!({"specversion": "1.0", "type": "t", "data_base64": encoded}),
        ] {
            assert_eq!(opened(wrapped.clone()), std::slice::from_ref(&message), "{wrapped}");
        }
    }

    #[test]
    fn wrappers_in_wrappers_and_several_messages_in_a_record() {
        let messages = json!([{"a": 1}, {"b": 2}]);
        let event = json!({"detail-type": "call", "detail": {"a": 1}}).to_string();
        let topic = json!({"Type": "Notification", "TopicArn": "arn", "Message": event});
        let topic = topic.to_string();
        let lines = BASE64_STANDARD.encode("{\"b\":2}\n{\"c\":3}\n");
        let queue = json!({"Records": [{"body": topic}, {"body": "{\"a\":2}"}, {"data": lines}]});
        assert_eq!(
            opened(queue),
            [json!({"a": 1}), json!({"a": 2}), json!({"b": 2}), json!({"c": 3})]
        );
        let list = json!({"Records": [{"kinesis": {"data": base64(&messages)}}]});
        assert_eq!(opened(list), [json!({"a": 1}), json!({"b": 2})]);
        let deep =
            (0..40).fold(json!({"a": 1}), |inner, _| json!({"specversion": "1.0", "data": inner}));
        assert_eq!(opened(deep).len(), 1, "not opened to the end");
    }

    #[test]
    fn a_record_that_cannot_be_opened_says_so_and_spoils_no_other() {
        let good = base64(&json!({"a": 1}));
        let batch = json!({"Records": [{"kinesis": {"data": "%"}}, {"kinesis": {"data": good}},
                                       {"body": "{\"a\":"}]});
        let opened = open(batch);
        assert!(opened[0].as_ref().unwrap_err().contains("not base64"));
        assert!(opened[1].is_ok());
        assert!(opened[2].as_ref().unwrap_err().contains("not JSON"));
    }
}
