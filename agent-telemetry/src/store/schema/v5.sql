-- Version 5: what whoever makes records must find again after a crash, stored with its records.

-- The newest of each key.
CREATE TABLE marks (
    key   BLOB PRIMARY KEY,           -- 16 bytes, the highest first
    at    INTEGER NOT NULL,           -- when it was stored, nanoseconds since 1970
    state BLOB NOT NULL               -- at most 64 KiB, means nothing to this crate
) STRICT, WITHOUT ROWID;
CREATE INDEX marks_at ON marks (at);
