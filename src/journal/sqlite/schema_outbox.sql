-- Alerts that changed and wait for destinations, by the offset of their message.
CREATE TABLE outbox (
    offset     INTEGER PRIMARY KEY,
    epoch      TEXT NOT NULL,
    at         TEXT NOT NULL,
    told       INTEGER NOT NULL,
    moved_from TEXT,
    alert      TEXT NOT NULL
) STRICT;

-- How far each destination is: it has had everything up to that offset.
CREATE TABLE destinations (
    name   TEXT PRIMARY KEY,
    offset INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
