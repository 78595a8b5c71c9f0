-- Schema 1. ARCHITECTURE.md says what the tables mean and what may change.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The event log: one row for each group commit, its events as JSON Lines.
CREATE TABLE batches (
    batch       INTEGER PRIMARY KEY,
    last_offset INTEGER NOT NULL,
    crc         INTEGER NOT NULL,
    events      TEXT NOT NULL
) STRICT;

-- Calls whose events in the log count. Lines of other calls are remains.
CREATE TABLE log_calls (
    call         INTEGER PRIMARY KEY,
    call_id      TEXT NOT NULL,
    final_offset INTEGER
) STRICT;

CREATE TABLE calls (
    call             INTEGER PRIMARY KEY,
    call_id          TEXT NOT NULL,
    queue            TEXT,
    team             TEXT,
    agent_id         TEXT,
    lang             TEXT,
    previous_call_id TEXT,
    attributes       TEXT NOT NULL,
    state            TEXT NOT NULL,
    started_at       TEXT NOT NULL,
    ended_at         TEXT,
    reason           TEXT,
    escalated        INTEGER,
    outcome          TEXT,
    last_seq         INTEGER NOT NULL,
    at_ms            INTEGER NOT NULL,
    turns            INTEGER NOT NULL,
    risk             REAL,
    sentiment        REAL,
    trend            REAL,
    level            TEXT,
    model            TEXT NOT NULL,
    ended_for_good   INTEGER NOT NULL,
    is_final         INTEGER NOT NULL
) STRICT;
CREATE INDEX calls_by_id ON calls (call_id);

CREATE TABLE transcript (
    call       INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    segment_id TEXT,
    speaker    TEXT NOT NULL,
    start_ms   INTEGER,
    end_ms     INTEGER,
    text       TEXT NOT NULL,
    sentiment  REAL,
    risk       REAL,
    highlights TEXT,
    acts       TEXT,
    forced     INTEGER NOT NULL,
    PRIMARY KEY (call, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE alerts (
    call      INTEGER NOT NULL,
    alert_id  TEXT NOT NULL,
    dedup_key TEXT NOT NULL,
    kind      TEXT NOT NULL,
    level     TEXT NOT NULL,
    state     TEXT NOT NULL,
    owner     TEXT,
    outcome   TEXT,
    risk      REAL,
    threshold REAL,
    sentiment REAL,
    raised_at TEXT NOT NULL,
    at_ms     INTEGER NOT NULL,
    seq       INTEGER NOT NULL,
    alert     TEXT NOT NULL,
    PRIMARY KEY (call, alert_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE alert_events (
    call     INTEGER NOT NULL,
    alert_id TEXT NOT NULL,
    n        INTEGER NOT NULL,
    state    TEXT NOT NULL,
    at       TEXT NOT NULL,
    by       TEXT NOT NULL,
    what     TEXT,
    note     TEXT,
    PRIMARY KEY (call, alert_id, n)
) STRICT, WITHOUT ROWID;
