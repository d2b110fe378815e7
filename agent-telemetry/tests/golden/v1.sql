-- The database of tests/it/story.rs in schema 1, as sqlite3 dumps it.
PRAGMA application_id = 1634169965;
PRAGMA user_version = 1;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE names (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO names VALUES(1,'s-1');
INSERT INTO names VALUES(2,'coder');
INSERT INTO names VALUES(3,'bug_fix');
INSERT INTO names VALUES(4,'claude');
INSERT INTO names VALUES(5,'claude-sonnet-4-5');
INSERT INTO names VALUES(6,'read_file');
INSERT INTO names VALUES(7,'run_tests');
INSERT INTO names VALUES(8,'unwrap_used');
INSERT INTO names VALUES(9,'tests');
INSERT INTO names VALUES(10,'test_pass_rate');
INSERT INTO names VALUES(11,'files_changed');
INSERT INTO names VALUES(12,'s-2');
INSERT INTO names VALUES(13,'refactoring');
INSERT INTO names VALUES(14,'groq');
INSERT INTO names VALUES(15,'openai/gpt-oss-120b');
INSERT INTO names VALUES(16,'deploy');
INSERT INTO names VALUES(17,'on-call');
INSERT INTO names VALUES(18,'s-3');
INSERT INTO names VALUES(19,'reviewer');
INSERT INTO names VALUES(20,'house');
INSERT INTO names VALUES(21,'house-model-7b');
INSERT INTO names VALUES(22,'s-4');
CREATE TABLE sequence (next INTEGER NOT NULL) STRICT;
INSERT INTO sequence VALUES(64);
CREATE TABLE session_marks (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    mark        TEXT NOT NULL,    -- start, resume, end
    task_type   INTEGER,          -- names.id
    description TEXT,
    outcome     TEXT,             -- of an end: success, escalated, failed, aborted
    elapsed_ns  INTEGER           -- of an end
) STRICT;
INSERT INTO session_marks VALUES(1,1795161600000000000,1,2,'start',3,'login fails',NULL,NULL);
INSERT INTO session_marks VALUES(33,1795161627789000000,1,2,'resume',3,NULL,NULL,NULL);
INSERT INTO session_marks VALUES(40,1795161627789000000,1,2,'end',NULL,NULL,'success',0);
INSERT INTO session_marks VALUES(41,1795161687789000000,12,2,'start',13,NULL,NULL,NULL);
INSERT INTO session_marks VALUES(57,1795161689052000000,12,2,'end',NULL,NULL,'escalated',1263000000);
INSERT INTO session_marks VALUES(58,1795161749052000000,18,19,'start',3,NULL,NULL,NULL);
INSERT INTO session_marks VALUES(62,1795161749177000000,18,19,'end',NULL,NULL,'failed',125000000);
INSERT INTO session_marks VALUES(63,1795161749177000000,22,19,'start',NULL,NULL,NULL,NULL);
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
INSERT INTO model_calls VALUES(3,1795161601800000000,1,2,4,5,1500,0,0,0,220,0,7800000000,NULL,1800000000,450000000,1,NULL);
INSERT INTO model_calls VALUES(8,1795161606054000000,1,2,4,5,1510,8000,0,0,220,0,10230000000,NULL,1950000000,487000000,1,NULL);
INSERT INTO model_calls VALUES(13,1795161610459000000,1,2,4,5,1520,16000,0,0,220,0,12660000000,NULL,2100000000,525000000,1,NULL);
INSERT INTO model_calls VALUES(18,1795161615015000000,1,2,4,5,1530,24000,0,0,220,0,15090000000,NULL,2250000000,562000000,1,NULL);
INSERT INTO model_calls VALUES(23,1795161619722000000,1,2,4,5,1540,32000,0,0,220,0,17520000000,NULL,2400000000,600000000,1,NULL);
INSERT INTO model_calls VALUES(28,1795161624580000000,1,2,4,5,1550,40000,0,0,220,0,19950000000,NULL,2550000000,637000000,1,NULL);
INSERT INTO model_calls VALUES(49,1795161688209000000,12,2,14,15,4000,0,0,0,380,0,828000000,NULL,420000000,105000000,1,NULL);
INSERT INTO model_calls VALUES(51,1795161688630000000,12,2,14,15,4000,0,0,0,380,0,828000000,NULL,421000000,105000000,1,NULL);
INSERT INTO model_calls VALUES(53,1795161689052000000,12,2,14,15,4000,0,0,0,380,0,828000000,NULL,422000000,105000000,1,NULL);
INSERT INTO model_calls VALUES(60,1795161749147000000,18,19,20,21,900,0,0,0,40,0,NULL,NULL,95000000,23000000,1,NULL);
INSERT INTO model_calls VALUES(61,1795161749177000000,18,19,20,21,0,0,0,0,0,0,NULL,NULL,0,NULL,3,'timeout');
CREATE TABLE tool_calls (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    tool       INTEGER NOT NULL,      -- names.id
    outcome    TEXT NOT NULL,         -- ok, failed, aborted
    elapsed_ns INTEGER NOT NULL
) STRICT;
INSERT INTO tool_calls VALUES(4,1795161601804000000,1,2,6,'ok',4000000);
INSERT INTO tool_calls VALUES(5,1795161604104000000,1,2,7,'failed',2300000000);
INSERT INTO tool_calls VALUES(9,1795161606059000000,1,2,6,'ok',5000000);
INSERT INTO tool_calls VALUES(10,1795161608359000000,1,2,7,'failed',2300000000);
INSERT INTO tool_calls VALUES(14,1795161610465000000,1,2,6,'ok',6000000);
INSERT INTO tool_calls VALUES(15,1795161612765000000,1,2,7,'failed',2300000000);
INSERT INTO tool_calls VALUES(19,1795161615022000000,1,2,6,'ok',7000000);
INSERT INTO tool_calls VALUES(20,1795161617322000000,1,2,7,'failed',2300000000);
INSERT INTO tool_calls VALUES(24,1795161619730000000,1,2,6,'ok',8000000);
INSERT INTO tool_calls VALUES(25,1795161622030000000,1,2,7,'failed',2300000000);
INSERT INTO tool_calls VALUES(29,1795161624589000000,1,2,6,'ok',9000000);
INSERT INTO tool_calls VALUES(30,1795161626889000000,1,2,7,'ok',2300000000);
INSERT INTO tool_calls VALUES(55,1795161689052000000,12,2,16,'aborted',0);
CREATE TABLE handoffs (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    from_kind TEXT NOT NULL,          -- provider, agent
    from_name INTEGER NOT NULL,       -- names.id
    to_kind   TEXT NOT NULL,
    to_name   INTEGER NOT NULL,
    reason    TEXT NOT NULL,
    initiator TEXT NOT NULL           -- automatic, manual
) STRICT;
INSERT INTO handoffs VALUES(47,1795161687789000000,12,2,'provider',4,'provider',14,'overloaded','automatic');
INSERT INTO handoffs VALUES(54,1795161689052000000,12,2,'provider',14,'provider',4,'recovered','automatic');
INSERT INTO handoffs VALUES(56,1795161689052000000,12,2,'agent',2,'agent',17,'manual','manual');
CREATE TABLE attempts (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    provider   INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    elapsed_ns INTEGER NOT NULL,
    failure    TEXT
) STRICT;
INSERT INTO attempts VALUES(2,1795161601800000000,1,2,4,1,1800000000,NULL);
INSERT INTO attempts VALUES(7,1795161606054000000,1,2,4,1,1950000000,NULL);
INSERT INTO attempts VALUES(12,1795161610459000000,1,2,4,1,2100000000,NULL);
INSERT INTO attempts VALUES(17,1795161615015000000,1,2,4,1,2250000000,NULL);
INSERT INTO attempts VALUES(22,1795161619722000000,1,2,4,1,2400000000,NULL);
INSERT INTO attempts VALUES(27,1795161624580000000,1,2,4,1,2550000000,NULL);
INSERT INTO attempts VALUES(42,1795161687789000000,12,2,4,1,300000000,'overloaded');
INSERT INTO attempts VALUES(43,1795161687789000000,12,2,4,2,300000000,'overloaded');
INSERT INTO attempts VALUES(48,1795161688209000000,12,2,14,1,420000000,NULL);
INSERT INTO attempts VALUES(50,1795161688630000000,12,2,14,1,421000000,NULL);
INSERT INTO attempts VALUES(52,1795161689052000000,12,2,14,1,422000000,NULL);
INSERT INTO attempts VALUES(59,1795161749147000000,18,19,20,1,95000000,NULL);
CREATE TABLE retries (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    provider INTEGER NOT NULL,
    attempt  INTEGER NOT NULL,
    delay_ns INTEGER NOT NULL,
    failure  TEXT NOT NULL
) STRICT;
INSERT INTO retries VALUES(44,1795161687789000000,12,2,4,2,2000000000,'overloaded');
CREATE TABLE breaker_changes (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    provider   INTEGER NOT NULL,
    from_state TEXT NOT NULL,         -- closed, open, half_open, isolated
    to_state   TEXT NOT NULL
) STRICT;
INSERT INTO breaker_changes VALUES(45,1795161687789000000,12,2,4,'closed','open');
CREATE TABLE cooldowns (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    provider    INTEGER NOT NULL,
    scope       TEXT NOT NULL,        -- request, key, model, provider, account
    failure     TEXT NOT NULL,
    duration_ns INTEGER NOT NULL
) STRICT;
INSERT INTO cooldowns VALUES(46,1795161687789000000,12,2,4,'provider','overloaded',60000000000);
CREATE TABLE context_pressure (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    used   INTEGER NOT NULL,          -- tokens
    window INTEGER NOT NULL
) STRICT;
INSERT INTO context_pressure VALUES(32,1795161626889000000,1,2,148000,200000);
CREATE TABLE checkpoints (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    checkpoint    TEXT NOT NULL,
    kind          TEXT NOT NULL,      -- auto, error, manual, workflow, handoff, pre_restore
    logical_bytes INTEGER NOT NULL,
    stored_bytes  INTEGER NOT NULL,
    elapsed_ns    INTEGER NOT NULL
) STRICT;
INSERT INTO checkpoints VALUES(6,1795161604104000000,1,2,'0-c0ffee','auto',9000,3100,240000);
INSERT INTO checkpoints VALUES(11,1795161608359000000,1,2,'1-c0ffee','auto',9001,3100,240000);
INSERT INTO checkpoints VALUES(16,1795161612765000000,1,2,'2-c0ffee','auto',9002,3100,240000);
INSERT INTO checkpoints VALUES(21,1795161617322000000,1,2,'3-c0ffee','auto',9003,3100,240000);
INSERT INTO checkpoints VALUES(26,1795161622030000000,1,2,'4-c0ffee','auto',9004,3100,240000);
INSERT INTO checkpoints VALUES(31,1795161626889000000,1,2,'5-c0ffee','auto',9005,3100,240000);
CREATE TABLE restores (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    checkpoint TEXT NOT NULL,
    lost_bytes INTEGER NOT NULL,
    elapsed_ns INTEGER NOT NULL
) STRICT;
INSERT INTO restores VALUES(34,1795161627789000000,1,2,'5-c0ffee',512,2000000);
CREATE TABLE metrics (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    metric INTEGER NOT NULL,          -- names.id
    value  REAL NOT NULL,
    unit   TEXT NOT NULL              -- ratio, count, seconds, bytes, tokens, score
) STRICT;
INSERT INTO metrics VALUES(37,1795161627789000000,1,2,10,0.75,'ratio');
INSERT INTO metrics VALUES(38,1795161627789000000,1,2,10,1.0,'ratio');
INSERT INTO metrics VALUES(39,1795161627789000000,1,2,11,4.0,'count');
CREATE TABLE violations (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, session INTEGER, agent INTEGER,
    kind     INTEGER NOT NULL,        -- names.id
    severity TEXT NOT NULL,           -- info, warning, error, critical
    message  TEXT NOT NULL,
    file     TEXT,
    line     INTEGER,
    fixed    INTEGER NOT NULL         -- 0, 1
) STRICT;
INSERT INTO violations VALUES(35,1795161627789000000,1,2,8,'warning','unwrap','a.rs',9,0);
INSERT INTO violations VALUES(36,1795161627789000000,1,2,9,'error','2 failed',NULL,NULL,1);
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
COMMIT;
