//! What the load says: turns of real corpus calls, as messages of a platform, framed.

use std::path::Path;

use anyhow::{Context, ensure};

use crate::frames;

/// Turns that are said again and again.
pub const TURNS: usize = 2_000;

/// Turns of about twenty words, 15 to 25.
pub struct Turns(Vec<Turn>);

/// What somebody said.
pub struct Turn {
    pub text: String,
    /// Speaker and text as the end of a JSON object.
    json: String,
}

impl Turns {
    /// The first [`TURNS`] of them in `data/calls`.
    ///
    /// # Errors
    /// When the corpus cannot be read.
    pub fn load() -> anyhow::Result<Turns> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/calls");
        let files = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
        let mut files = files.map(|file| Ok(file?.path())).collect::<anyhow::Result<Vec<_>>>()?;
        files.sort();
        let mut turns = Vec::new();
        for file in files {
            for line in std::fs::read_to_string(file)?.lines() {
                let call: serde_json::Value = serde_json::from_str(line)?;
                turns.extend(call["turns"].as_array().into_iter().flatten().filter_map(Turn::read));
            }
        }
        turns.truncate(TURNS);
        ensure!(turns.len() == TURNS, "the corpus has {} such turns only", turns.len());
        Ok(Turns(turns))
    }

    /// All of them.
    pub fn all(&self) -> &[Turn] {
        &self.0
    }

    /// Appends chunk `seq` of a call; `pick` chooses what is said in the call.
    pub fn chunk(&self, out: &mut Vec<u8>, call_id: &str, seq: u64, pick: usize) {
        frames::write(out, &self.message(call_id, seq, pick));
    }

    /// The same without a frame.
    pub fn message(&self, call_id: &str, seq: u64, pick: usize) -> String {
        let turn = &self.0[(pick * 31 + seq as usize * 7) % self.0.len()];
        chunk(call_id, seq, &turn.json)
    }
}

impl Turn {
    fn read(turn: &serde_json::Value) -> Option<Turn> {
        let text = turn["text"].as_str()?;
        if !(15..=25).contains(&text.split(' ').count()) {
            return None;
        }
        let speaker = turn["speaker"].as_str()?;
        let json = format!(r#""speaker":"{speaker}","text":{}"#, serde_json::json!(text));
        Some(Turn { text: text.to_owned(), json })
    }
}

fn chunk(call_id: &str, seq: u64, said: &str) -> String {
    let (start_ms, end_ms) = (seq * 4_000, seq * 4_000 + 3_500);
    format!(
        r#"{{"type":"chunk","call_id":"{call_id}","seq":{seq},"start_ms":{start_ms},"end_ms":{end_ms},{said}}}"#
    )
}

/// Appends a first chunk in which a phrase raises an alert by itself.
pub fn alerting_chunk(out: &mut Vec<u8>, call_id: &str) {
    let said = r#""speaker":"customer","text":"this has been going on for weeks now and nobody helps so get me your manager please""#;
    frames::write(out, &chunk(call_id, 1, said));
}

/// Appends the start of a call.
pub fn call_start(out: &mut Vec<u8>, call_id: &str) {
    frames::write(out, &format!(r#"{{"type":"call_start","call_id":"{call_id}","queue":"q"}}"#));
}

/// Appends its end.
pub fn call_end(out: &mut Vec<u8>, call_id: &str, seq: u64) {
    frames::write(out, &format!(r#"{{"type":"call_end","call_id":"{call_id}","seq":{seq}}}"#));
}

/// The kind, number and `seq` that a message has in its head: `b'c'`, 7 and 3 of
/// `"call_id":"c-7"` and `"seq":3`. Without a `seq` that is 0.
pub fn address(message: &[u8]) -> Option<(u8, usize, u64)> {
    let rest = after(message, br#""call_id":""#)?;
    let (&kind, rest) = rest.split_first()?;
    let (number, rest) = number(rest.strip_prefix(b"-")?)?;
    let seq = rest.strip_prefix(br#"","seq":"#).and_then(number_only);
    Some((kind, number as usize, seq.unwrap_or(0)))
}

fn after<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    let place = bytes.windows(mark.len()).position(|window| window == mark)?;
    Some(&bytes[place + mark.len()..])
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let value = std::str::from_utf8(&bytes[..digits]).ok()?.parse().ok()?;
    Some((value, &bytes[digits..]))
}

fn number_only(bytes: &[u8]) -> Option<u64> {
    number(bytes).map(|(value, _)| value)
}
