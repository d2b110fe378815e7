-- Version 3: sums by minute, hour and day, written with the rows that they sum up.
--
--   span   seconds that a row covers: 60, 3600, 86400
--   start  beginning of the span, seconds since 1970, UTC
-- In the keys of these tables 0 stands for no name. The sums of one span cover all records by
-- themselves, so choose one: WHERE span = 86400.

CREATE TABLE rollup_agents (
    span INTEGER NOT NULL, start INTEGER NOT NULL,
    project             INTEGER NOT NULL,  -- names.id or 0
    agent               INTEGER NOT NULL,  -- names.id or 0
    task_type           INTEGER NOT NULL,  -- names.id or 0, see session_tasks
    records             INTEGER NOT NULL,  -- of any kind
    sessions            INTEGER NOT NULL,  -- that began here
    resumptions         INTEGER NOT NULL,
    success             INTEGER NOT NULL,  -- ends of sessions
    escalated           INTEGER NOT NULL,
    failed              INTEGER NOT NULL,
    aborted             INTEGER NOT NULL,
    elapsed_ns          INTEGER NOT NULL,  -- taken at the ends
    model_calls         INTEGER NOT NULL,  -- failed ones included
    failed_calls        INTEGER NOT NULL,
    priced_calls        INTEGER NOT NULL,
    unpriced_calls      INTEGER NOT NULL,  -- missing from the cost
    tools_ok            INTEGER NOT NULL,
    tools_failed        INTEGER NOT NULL,
    tools_aborted       INTEGER NOT NULL,
    violations_info     INTEGER NOT NULL,
    violations_warning  INTEGER NOT NULL,
    violations_error    INTEGER NOT NULL,
    violations_critical INTEGER NOT NULL,
    violations_fixed    INTEGER NOT NULL,  -- of any severity
    handoffs            INTEGER NOT NULL,
    retries             INTEGER NOT NULL,
    files               INTEGER NOT NULL,
    lines_added         INTEGER NOT NULL,
    lines_removed       INTEGER NOT NULL,
    tasks               INTEGER NOT NULL,  -- that were timed
    queued_ns           INTEGER NOT NULL,
    ran_ns              INTEGER NOT NULL,
    input               INTEGER NOT NULL,  -- tokens in disjoint buckets
    cache_read          INTEGER NOT NULL,
    cache_write_5m      INTEGER NOT NULL,
    cache_write_1h      INTEGER NOT NULL,
    output              INTEGER NOT NULL,
    reasoning           INTEGER NOT NULL,  -- a part of output
    cost_picos          INTEGER,           -- null: see cost_wide
    cost_wide           TEXT,              -- decimal picos of a sum beyond 64 bits, else null
    PRIMARY KEY (span, start, project, agent, task_type)
) STRICT, WITHOUT ROWID;

CREATE TABLE rollup_models (
    span INTEGER NOT NULL, start INTEGER NOT NULL,
    project        INTEGER NOT NULL,       -- names.id or 0
    provider       INTEGER NOT NULL,       -- names.id
    model          INTEGER NOT NULL,       -- names.id
    calls          INTEGER NOT NULL,       -- failed ones included
    failed         INTEGER NOT NULL,
    priced         INTEGER NOT NULL,
    unpriced       INTEGER NOT NULL,       -- missing from the cost
    attempts       INTEGER NOT NULL,
    input          INTEGER NOT NULL,
    cache_read     INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    output         INTEGER NOT NULL,
    reasoning      INTEGER NOT NULL,
    cost_picos     INTEGER,
    cost_wide      TEXT,
    failures       TEXT,                   -- JSON: {"overloaded": 2}, or null where none failed
    latency_ns     BLOB NOT NULL,          -- distribution of successful calls
    first_token_ns BLOB NOT NULL,          -- distribution of successful calls where it is known
    PRIMARY KEY (span, start, project, provider, model)
) STRICT, WITHOUT ROWID;

CREATE TABLE rollup_tools (
    span INTEGER NOT NULL, start INTEGER NOT NULL,
    project    INTEGER NOT NULL,           -- names.id or 0
    tool       INTEGER NOT NULL,           -- names.id
    ok         INTEGER NOT NULL,
    failed     INTEGER NOT NULL,
    aborted    INTEGER NOT NULL,
    latency_ns BLOB NOT NULL,              -- distribution of successful calls
    PRIMARY KEY (span, start, project, tool)
) STRICT, WITHOUT ROWID;

CREATE TABLE rollup_metrics (
    span INTEGER NOT NULL, start INTEGER NOT NULL,
    project INTEGER NOT NULL,              -- names.id or 0
    agent   INTEGER NOT NULL,              -- names.id or 0
    metric  INTEGER NOT NULL,              -- names.id
    unit    TEXT NOT NULL,
    count   INTEGER NOT NULL,
    sum     REAL NOT NULL,
    min     REAL NOT NULL,
    max     REAL NOT NULL,
    PRIMARY KEY (span, start, project, agent, metric, unit)
) STRICT, WITHOUT ROWID;

-- Sessions that have begun.
CREATE TABLE session_tasks (
    session   INTEGER NOT NULL,            -- names.id
    project   INTEGER NOT NULL,            -- names.id or 0
    task_type INTEGER NOT NULL,            -- names.id or 0: as the first mark says that says anything
    began     INTEGER NOT NULL,            -- time of the first mark, seconds since 1970
    PRIMARY KEY (session, project)
) STRICT, WITHOUT ROWID;

-- One row. Times are seconds since 1970; null where nothing has been removed.
CREATE TABLE rollup_state (
    next          INTEGER NOT NULL,        -- the first seq that is not in the sums
    rows_since    INTEGER,                 -- records before this time may have been removed
    minutes_since INTEGER,                 -- rows of span 60 before this time may have been removed
    hours_since   INTEGER,
    days_since    INTEGER,
    pruned        INTEGER                  -- the day that the last removal counted from
) STRICT;
INSERT INTO rollup_state VALUES (-9223372036854775808, NULL, NULL, NULL, NULL, NULL);
