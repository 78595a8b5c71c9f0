//! How the journal is written and what it keeps.

use serde::{Deserialize, Serialize};

/// Less would not hold a busy minute.
const MIN_FILE_BYTES: u64 = 1 << 20;

/// Settings of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Most records waiting for their commit. When it is full, sockets are read more slowly.
    /// A larger queue rides out longer stalls of the disk and holds more memory.
    pub queue_records: usize,
    /// Most records in one commit. Larger groups write more a second and wait longer each.
    pub commit_records: usize,
    /// Longest wait of a commit for more records in a busy time, in microseconds: a commit costs
    /// much more than a record in it. While little comes none waits. 0 never waits.
    pub gather_us: u64,
    /// First pause after a commit that failed; it doubles up to `retry_max_ms`.
    pub retry_min_ms: u64,
    /// Longest pause between attempts.
    pub retry_max_ms: u64,
    /// A commit that takes longer makes `/readyz` say so and is counted.
    pub slow_commit_ms: u64,
    /// Most bytes of the file, its log beside it not counted. When they are used up nothing is
    /// acked until there is room: ended calls over `max_bytes` or `keep_days` go. 0 leaves it to
    /// the file system.
    pub max_file_bytes: u64,
    /// Numbered messages that a console may have missed and still gets one by one after a
    /// restart. Ended calls stay in the event log for so long; more of them make a restart slower.
    pub history_messages: u64,
    /// Days that ended calls are kept, with transcripts and alerts. 0 keeps them for ever.
    pub keep_days: u32,
    /// Bytes in use over which the oldest ended calls are dropped, whatever their age. Open calls
    /// are never dropped. 0 sets no limit.
    pub max_bytes: u64,
    /// Most REST requests that read the journal at a time; others wait for their turn.
    pub max_readings: usize,
    /// Longest time of one reading, and of the wait for it. A list gives what it found by then;
    /// what cannot be given in parts gets 503.
    pub reading_ms: u64,
    /// Bytes of alerts that wait for destinations over which the oldest go unsent.
    pub outbox_bytes: u64,
    /// Hours after which an alert that still waits for a destination goes unsent. 0 sets no limit.
    pub outbox_hours: u32,
    /// Days that entries of the audit are kept. 0 keeps them for ever.
    pub audit_keep_days: u32,
    /// Entries of the audit over which the oldest are dropped. 0 sets no limit.
    pub audit_max_entries: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            queue_records: 16_384,
            commit_records: 1_024,
            gather_us: 2_000,
            retry_min_ms: 50,
            retry_max_ms: 2_000,
            slow_commit_ms: 2_000,
            max_file_bytes: 0,
            history_messages: 20_000,
            keep_days: 90,
            max_bytes: 16 << 30,
            max_readings: 2,
            reading_ms: 2_000,
            outbox_bytes: 256 << 20,
            outbox_hours: 72,
            audit_keep_days: 400,
            audit_max_entries: 1_000_000,
        }
    }
}

impl Settings {
    /// # Errors
    /// A sentence naming the first setting that cannot be used.
    pub fn check(&self) -> Result<(), String> {
        for (name, value) in [
            ("queue_records", self.queue_records),
            ("commit_records", self.commit_records),
            ("max_readings", self.max_readings),
            ("reading_ms", usize::try_from(self.reading_ms).unwrap_or(usize::MAX)),
            ("outbox_bytes", usize::try_from(self.outbox_bytes).unwrap_or(usize::MAX)),
        ] {
            if value == 0 {
                return Err(format!("`{name}` is 0; it must be at least 1"));
            }
        }
        let (file, kept) = (self.max_file_bytes, self.max_bytes);
        if file > 0 && file < MIN_FILE_BYTES {
            return Err(format!("`max_file_bytes` is {file}; set at least {MIN_FILE_BYTES}, or 0"));
        }
        if file > 0 && (kept == 0 || kept >= file) {
            return Err(format!(
                "`max_file_bytes` is {file} and `max_bytes` {kept}; set `max_bytes` lower, so that \
                 ended calls go before the file is full"
            ));
        }
        Ok(())
    }
}
