//! A recorded call as the messages of a live one, and when each of them is due.

use std::str::FromStr;
use std::time::Duration;

use super::messages::Outgoing;
use crate::call::Call;

/// What a turn without times is taken to last, per word: 150 words a minute.
const WORD_MS: i64 = 400;

/// How fast calls are played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// So many times as fast as they were spoken.
    Times(f64),
    /// As fast as the server takes them.
    Max,
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Speed, String> {
        if text == "max" {
            return Ok(Speed::Max);
        }
        let times = text.parse::<f64>().ok().filter(|times| *times > 0.0 && times.is_finite());
        times.map(Speed::Times).ok_or_else(|| "write a number above 0, or max".to_owned())
    }
}

impl Speed {
    /// Real time that `ms` of call time take.
    fn real(self, ms: i64) -> Duration {
        match self {
            Speed::Max => Duration::ZERO,
            Speed::Times(times) => {
                let ms = u64::try_from(ms).unwrap_or(0);
                // Beyond a day nobody waits; the bound keeps absurd times from overflowing.
                Duration::from_millis(ms).min(DAY).div_f64(times).min(DAY)
            }
        }
    }
}

const DAY: Duration = Duration::from_secs(86_400);

/// One call to be played: what was said, and where it is said to happen.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// Unique on the server.
    pub call_id: String,
    /// Queue.
    pub queue: Option<String>,
    /// Team.
    pub team: Option<String>,
    /// Agent.
    pub agent_id: Option<String>,
    call: Call,
    /// When each turn has been said, in milliseconds of call time; never decreasing.
    said_ms: Vec<i64>,
}

impl Script {
    /// Plays `call` under another name.
    pub fn new(call_id: String, call: Call) -> Script {
        let mut now = 0_i64;
        let mut said_ms = Vec::with_capacity(call.turns.len());
        for turn in &call.turns {
            let words = i64::try_from(turn.text.split_whitespace().count()).unwrap_or(i64::MAX);
            let lasts = words.saturating_mul(WORD_MS);
            let start = turn.start_ms.unwrap_or(now);
            now = now.max(turn.end_ms.unwrap_or(start.saturating_add(lasts)));
            said_ms.push(now);
        }
        Script { call_id, queue: None, team: None, agent_id: None, call, said_ms }
    }

    /// Messages with a `seq`: the turns, and the end.
    pub(super) fn messages(&self) -> u64 {
        self.said_ms.len() as u64 + 1
    }

    /// Whether message `seq` is a turn.
    pub(super) fn is_chunk(&self, seq: u64) -> bool {
        seq < self.messages()
    }

    /// How long after the call's start message `seq` is due.
    pub(super) fn due(&self, seq: u64, speed: Speed) -> Duration {
        let place = usize::try_from(seq.saturating_sub(1)).unwrap_or(usize::MAX);
        let said = self.said_ms.get(place).or(self.said_ms.last());
        speed.real(said.copied().unwrap_or(0))
    }

    /// The message that opens the call.
    pub(super) fn start(&self) -> String {
        Outgoing::CallStart {
            call_id: &self.call_id,
            queue: self.queue.as_deref(),
            team: self.team.as_deref(),
            agent_id: self.agent_id.as_deref(),
            lang: self.call.lang.as_deref(),
        }
        .to_json()
    }

    /// Message `seq`.
    pub(super) fn message(&self, seq: u64) -> String {
        let call_id = self.call_id.as_str();
        let place = usize::try_from(seq.saturating_sub(1)).unwrap_or(usize::MAX);
        let message = match self.call.turns.get(place) {
            Some(turn) => Outgoing::Chunk {
                call_id,
                seq,
                speaker: turn.speaker,
                start_ms: turn.start_ms,
                end_ms: turn.end_ms,
                is_final: true,
                text: &turn.text,
            },
            None => {
                let outcome = self.call.outcome.as_ref();
                Outgoing::CallEnd { call_id, seq, reason: "completed", outcome }
            }
        };
        message.to_json()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script() -> Script {
        let call = r#"{"id":"x-1","outcome":{"escalated":true,"turn":2},"turns":[
            {"speaker":"agent","start_ms":500,"end_ms":2000,"text":"hello"},
            {"speaker":"customer","text":"five words without any times"},
            {"speaker":"agent","start_ms":100,"end_ms":200,"text":"backwards"}]}"#;
        Script::new("p-x-1".into(), serde_json::from_str(call).unwrap())
    }

    #[test]
    fn a_call_becomes_a_start_its_turns_and_an_end() {
        let script = script();
        assert_eq!(script.start(), r#"{"type":"call_start","call_id":"p-x-1"}"#);
        assert_eq!((script.messages(), script.is_chunk(3), script.is_chunk(4)), (4, true, false));
        assert_eq!(
            script.message(1),
            r#"{"type":"chunk","call_id":"p-x-1","seq":1,"speaker":"agent","start_ms":500,"end_ms":2000,"final":true,"text":"hello"}"#
        );
        assert_eq!(
            script.message(4),
            r#"{"type":"call_end","call_id":"p-x-1","seq":4,"reason":"completed","outcome":{"escalated":true,"turn":2}}"#
        );
    }

    #[test]
    fn messages_are_due_when_their_words_have_been_said() {
        let script = script();
        let due = |seq| script.due(seq, Speed::Times(10.0)).as_millis();
        assert_eq!([due(1), due(2), due(3), due(4)], [200, 400, 400, 400]);
        assert_eq!(script.due(4, Speed::Max), Duration::ZERO);
    }

    #[test]
    fn speeds_are_numbers_or_max() {
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("0.5".parse(), Ok(Speed::Times(0.5)));
        for bad in ["0", "-1", "fast", "NaN", "inf", ""] {
            assert!(bad.parse::<Speed>().is_err(), "{bad}");
        }
    }
}
