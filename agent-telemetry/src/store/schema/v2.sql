-- Version 2: projects, parents, users, and the records that version 1 did not know.
--
--   project  names.id, or null where the record belongs to none

ALTER TABLE session_marks ADD COLUMN project INTEGER;
ALTER TABLE model_calls ADD COLUMN project INTEGER;
ALTER TABLE tool_calls ADD COLUMN project INTEGER;
ALTER TABLE handoffs ADD COLUMN project INTEGER;
ALTER TABLE attempts ADD COLUMN project INTEGER;
ALTER TABLE retries ADD COLUMN project INTEGER;
ALTER TABLE breaker_changes ADD COLUMN project INTEGER;
ALTER TABLE cooldowns ADD COLUMN project INTEGER;
ALTER TABLE context_pressure ADD COLUMN project INTEGER;
ALTER TABLE checkpoints ADD COLUMN project INTEGER;
ALTER TABLE restores ADD COLUMN project INTEGER;
ALTER TABLE metrics ADD COLUMN project INTEGER;
ALTER TABLE violations ADD COLUMN project INTEGER;

ALTER TABLE session_marks ADD COLUMN parent_session INTEGER;  -- names.id: who gave the work
ALTER TABLE session_marks ADD COLUMN parent_agent INTEGER;    -- names.id
ALTER TABLE session_marks ADD COLUMN user TEXT;               -- 32 hexadecimal digits, see store_key

ALTER TABLE model_calls ADD COLUMN service_tier TEXT;         -- standard, batch, flex, priority, other
ALTER TABLE model_calls ADD COLUMN stop_reason TEXT;          -- stop, length, tool_calls, content_filter, other
ALTER TABLE model_calls ADD COLUMN streamed INTEGER;          -- 1: piece by piece

CREATE TABLE decisions (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER, project INTEGER,
    decision   TEXT NOT NULL,         -- its id
    subject    INTEGER NOT NULL,      -- names.id: what was decided
    choice     INTEGER,               -- names.id, or null where nothing would do
    confidence REAL,                  -- from 0 to 1
    candidates TEXT NOT NULL,         -- JSON: [{"name", "score", "lost"}]
    omitted    INTEGER NOT NULL       -- candidates that are not in the list
) STRICT;

CREATE TABLE decision_outcomes (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER, project INTEGER,
    decision TEXT NOT NULL,           -- decisions.decision
    outcome  TEXT NOT NULL,           -- success, escalated, failed, aborted
    score    REAL
) STRICT;

CREATE TABLE files_changed (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER, project INTEGER,
    files         INTEGER NOT NULL,
    lines_added   INTEGER NOT NULL,
    lines_removed INTEGER NOT NULL
) STRICT;

CREATE TABLE task_timings (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER, project INTEGER,
    queued_ns INTEGER NOT NULL,
    ran_ns    INTEGER NOT NULL
) STRICT;

-- What turns an e-mail address into a value of session_marks.user. Without it no guess can be tested.
CREATE TABLE store_key (
    key BLOB NOT NULL                 -- 16 random bytes
) STRICT;
