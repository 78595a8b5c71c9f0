//! What was written to disk once and is read again.

use std::path::Path;

use forewarn::call::{Speaker, Timestamp};
use forewarn::config::Config;
use forewarn::engine::event::{CallStart, Chunk, Event, Recorded};
use forewarn::journal::sqlite::{FILE, Seal, Sqlite, check};
use forewarn::journal::{Journal, Record, Settings};
use proptest::prelude::*;

use super::{fuzz, fuzz_text, is_a_sentence};

fn record(call_id: &str, base_offset: u64, event: Event) -> Record {
    let recorded = Recorded { at: Timestamp(1_800_000_000_000), event, held: Vec::new() };
    Record {
        call_id: call_id.into(),
        recorded,
        base_offset,
        archive: None,
        ruleset: None,
        changes: Vec::new(),
        call: None,
        claim: None,
    }
}

/// The bytes of a journal with two open calls.
fn journal() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Sqlite::open(dir.path(), &Settings::default(), "fuzz").unwrap();
    for (offset, call_id) in [(0, "a"), (1, "b")] {
        let start = CallStart { call_id: call_id.into(), ..CallStart::default() };
        let mut batch = vec![record(call_id, offset, Event::Start(start))];
        batch.extend((1..20).map(|seq| {
            let text = format!("words of the chunk {seq} of {call_id}");
            let chunk = Chunk {
                seq,
                segment_id: None,
                speaker: Speaker::Customer,
                start_ms: None,
                end_ms: None,
                is_final: true,
                confidence: None,
                text,
            };
            record(call_id, offset + 1, Event::Chunk(chunk))
        }));
        journal.commit(&batch, offset + 1).unwrap();
    }
    journal.close().unwrap();
    drop(journal);
    std::fs::read(dir.path().join(FILE)).unwrap()
}

fn open(dir: &Path) -> Result<usize, String> {
    let mut journal = Sqlite::open(dir, &Settings::default(), "fuzz").map_err(|e| e.to_string())?;
    let history = journal.read_back(10).map_err(|error| error.to_string())?;
    Ok(history.records.len())
}

/// A damaged journal is refused with a sentence, or gives back what is whole.
#[test]
fn journals() {
    let whole = journal();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(FILE), &whole).unwrap();
    assert_eq!(open(dir.path()), Ok(40));
    fuzz("journals", &[whole], 150, |bytes| {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), bytes).unwrap();
        if let Err(error) = check(&dir.path().join(FILE), &Seal::default()) {
            is_a_sentence(&error.to_string())?;
        }
        match open(dir.path()) {
            Err(why) => is_a_sentence(&why),
            Ok(records) => {
                prop_assert!(records <= 40, "{records} records from a journal of 40");
                Ok(())
            }
        }
    });
}

#[test]
fn settings() {
    let shown = toml::to_string(&Config::default()).unwrap();
    fuzz_text("settings", &[shown], 1_000, |text| {
        if let Err(error) = toml::from_str::<Config>(text) {
            prop_assert!(!error.message().is_empty());
        }
        Ok(())
    });
}
