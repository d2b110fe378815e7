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

CREATE VIEW v_model_calls AS
SELECT c.seq, datetime(c.at / 1000000000, 'unixepoch') AS at_utc, s.name AS session, a.name AS agent,
       p.name AS provider, m.name AS model, c.input, c.cache_read,
       c.cache_write_5m + c.cache_write_1h AS cache_write, c.output, c.reasoning,
       coalesce(c.cost_wide, c.cost_picos) AS cost_picos,
       c.latency_ns / 1000000 AS latency_ms, c.first_token_ns / 1000000 AS first_token_ms,
       c.attempts, c.failure
FROM model_calls c
JOIN names p ON p.id = c.provider
JOIN names m ON m.id = c.model
LEFT JOIN names s ON s.id = c.session
LEFT JOIN names a ON a.id = c.agent;

CREATE VIEW v_tools AS
SELECT n.name AS tool, count(*) AS calls, sum(t.outcome = 'ok') AS ok,
       sum(t.outcome = 'failed') AS failed, sum(t.outcome = 'aborted') AS aborted,
       max(t.elapsed_ns) / 1000000 AS max_ms
FROM tool_calls t JOIN names n ON n.id = t.tool
GROUP BY n.name;

CREATE VIEW v_handoffs AS
SELECT f.name AS from_name, t.name AS to_name, h.reason, h.initiator, count(*) AS times
FROM handoffs h JOIN names f ON f.id = h.from_name JOIN names t ON t.id = h.to_name
GROUP BY h.from_kind, f.name, h.to_kind, t.name, h.reason, h.initiator;

-- SQLite refuses a sum beyond 64 bits (9.2 million dollars) rather than rounding it.
CREATE VIEW v_cost_by_model AS
SELECT p.name AS provider, m.name AS model, count(*) AS calls,
       sum(c.cost_picos IS NULL AND c.cost_wide IS NULL
           AND NOT (c.failure IS NOT NULL AND c.input + c.cache_read + c.cache_write_5m
                    + c.cache_write_1h + c.output = 0)) AS unpriced,
       coalesce(sum(c.cost_picos), 0) AS cost_picos,
       printf('%d.%012d', coalesce(sum(c.cost_picos), 0) / 1000000000000,
              coalesce(sum(c.cost_picos), 0) % 1000000000000) AS cost_usd
FROM model_calls c JOIN names p ON p.id = c.provider JOIN names m ON m.id = c.model
GROUP BY c.provider, c.model;

CREATE VIEW v_sessions AS
SELECT n.name AS session,
       (SELECT a.name FROM session_marks k JOIN names a ON a.id = k.agent
        WHERE k.session = n.id ORDER BY k.at, k.seq LIMIT 1) AS agent,
       (SELECT t.name FROM session_marks k JOIN names t ON t.id = k.task_type
        WHERE k.session = n.id ORDER BY k.at, t.name LIMIT 1) AS task_type,
       datetime(min(x.at) / 1000000000, 'unixepoch') AS first_utc,
       datetime(max(x.at) / 1000000000, 'unixepoch') AS last_utc,
       sum(x.mark IN ('start', 'resume')) AS lives,
       CASE WHEN max(CASE x.mark WHEN 'end' THEN x.at END)
                 >= coalesce(max(CASE WHEN x.mark <> 'end' THEN x.at END), x.at)
            THEN (SELECT k.outcome FROM session_marks k WHERE k.session = n.id AND k.mark = 'end'
                  ORDER BY k.at DESC, k.seq DESC LIMIT 1)
       END AS outcome,
       (SELECT count(*) FROM model_calls c WHERE c.session = n.id) AS model_calls,
       (SELECT coalesce(sum(c.cost_picos), 0) FROM model_calls c WHERE c.session = n.id)
           AS cost_picos
FROM session_marks x JOIN names n ON n.id = x.session
GROUP BY x.session;
