-- Phrases and rules that calls in the log began with, by the hash that their start names.
CREATE TABLE rulesets (
    hash TEXT PRIMARY KEY,
    text TEXT NOT NULL
) STRICT, WITHOUT ROWID;
ALTER TABLE log_calls ADD COLUMN ruleset TEXT;
