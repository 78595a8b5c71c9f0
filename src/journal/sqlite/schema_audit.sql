-- Who did what, when, on which id, from where. Entries are added and never changed; the oldest go
-- when `audit_floor` is raised over them, which is what retention does.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      TEXT NOT NULL,
    who     TEXT NOT NULL,
    role    TEXT,
    token   TEXT,
    what    TEXT NOT NULL,
    on_id   TEXT,
    address TEXT,
    detail  TEXT
) STRICT;

CREATE TABLE audit_floor (id INTEGER NOT NULL) STRICT;
INSERT INTO audit_floor (id) VALUES (0);

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;

CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
WHEN OLD.id > (SELECT max(id) FROM audit_floor)
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;

-- INSERT OR REPLACE deletes without asking the trigger above.
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;

CREATE TRIGGER audit_floor_stays BEFORE DELETE ON audit_floor
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
