-- Version 1. Only added to by later steps, never changed.
--
-- Every record is one row of one table. In all of them:
--   seq      order of recording, over all tables
--   at       nanoseconds since 1970-01-01T00:00:00Z
--   session  names.id, or null where the record belongs to none
--   agent    names.id, or null
-- Durations are nanoseconds, money is whole pico-dollars (10^-12 dollars), and both are integers.

CREATE TABLE names (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE sequence (next INTEGER NOT NULL) STRICT;
INSERT INTO sequence VALUES (1);

CREATE TABLE session_marks (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    mark        TEXT NOT NULL,    -- start, resume, end
    task_type   INTEGER,          -- names.id
    description TEXT,
    outcome     TEXT,             -- of an end: success, escalated, failed, aborted
    elapsed_ns  INTEGER           -- of an end
) STRICT;

CREATE TABLE model_calls (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    provider       INTEGER NOT NULL,  -- names.id
    model          INTEGER NOT NULL,  -- names.id
    input          INTEGER NOT NULL,  -- tokens in disjoint buckets
    cache_read     INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    output         INTEGER NOT NULL,
    reasoning      INTEGER NOT NULL,  -- a part of output
    cost_picos     INTEGER,           -- null: no known price, or see cost_wide
    cost_wide      TEXT,              -- decimal picos of an amount beyond 64 bits, else null
    latency_ns     INTEGER NOT NULL,
    first_token_ns INTEGER,
    attempts       INTEGER NOT NULL,
    failure        TEXT               -- null: success
) STRICT;

CREATE TABLE tool_calls (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    tool       INTEGER NOT NULL,      -- names.id
    outcome    TEXT NOT NULL,         -- ok, failed, aborted
    elapsed_ns INTEGER NOT NULL
) STRICT;

CREATE TABLE handoffs (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    from_kind TEXT NOT NULL,          -- provider, agent
    from_name INTEGER NOT NULL,       -- names.id
    to_kind   TEXT NOT NULL,
    to_name   INTEGER NOT NULL,
    reason    TEXT NOT NULL,
    initiator TEXT NOT NULL           -- automatic, manual
) STRICT;

CREATE TABLE attempts (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    provider   INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    elapsed_ns INTEGER NOT NULL,
    failure    TEXT
) STRICT;

CREATE TABLE retries (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    provider INTEGER NOT NULL,
    attempt  INTEGER NOT NULL,
    delay_ns INTEGER NOT NULL,
    failure  TEXT NOT NULL
) STRICT;

CREATE TABLE breaker_changes (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    provider   INTEGER NOT NULL,
    from_state TEXT NOT NULL,         -- closed, open, half_open, isolated
    to_state   TEXT NOT NULL
) STRICT;

CREATE TABLE cooldowns (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    provider    INTEGER NOT NULL,
    scope       TEXT NOT NULL,        -- request, key, model, provider, account
    failure     TEXT NOT NULL,
    duration_ns INTEGER NOT NULL
) STRICT;

CREATE TABLE context_pressure (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    used   INTEGER NOT NULL,          -- tokens
    window INTEGER NOT NULL
) STRICT;

CREATE TABLE checkpoints (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    checkpoint    TEXT NOT NULL,
    kind          TEXT NOT NULL,      -- auto, error, manual, workflow, handoff, pre_restore
    logical_bytes INTEGER NOT NULL,
    stored_bytes  INTEGER NOT NULL,
    elapsed_ns    INTEGER NOT NULL
) STRICT;

CREATE TABLE restores (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    checkpoint TEXT NOT NULL,
    lost_bytes INTEGER NOT NULL,
    elapsed_ns INTEGER NOT NULL
) STRICT;

CREATE TABLE metrics (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    metric INTEGER NOT NULL,          -- names.id
    value  REAL NOT NULL,
    unit   TEXT NOT NULL              -- ratio, count, seconds, bytes, tokens, score
) STRICT;

CREATE TABLE violations (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    kind     INTEGER NOT NULL,        -- names.id
    severity TEXT NOT NULL,           -- info, warning, error, critical
    message  TEXT NOT NULL,
    file     TEXT,
    line     INTEGER,
    fixed    INTEGER NOT NULL         -- 0, 1
) STRICT;
