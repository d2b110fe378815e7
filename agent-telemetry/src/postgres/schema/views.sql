-- The views for SQL tools. No part of the numbered schema: a program that opens the store for writing
-- replaces them where they are others than its own. Sums are numeric, so none is too great for its type.

CREATE VIEW v_model_calls AS
SELECT c.seq, to_char(to_timestamp(c.at / 1000000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS at_utc,
       s.name AS session, a.name AS agent,
       p.name AS provider, m.name AS model, c.input, c.cache_read,
       c.cache_write_5m + c.cache_write_1h AS cache_write, c.output, c.reasoning,
       coalesce(c.cost_wide::numeric, c.cost_picos) AS cost_picos,
       c.latency_ns / 1000000 AS latency_ms, c.first_token_ns / 1000000 AS first_token_ms,
       c.attempts, c.failure, j.name AS project, c.service_tier, c.stop_reason, c.streamed
FROM model_calls c
JOIN names p ON p.id = c.provider
JOIN names m ON m.id = c.model
LEFT JOIN names s ON s.id = c.session
LEFT JOIN names a ON a.id = c.agent
LEFT JOIN names j ON j.id = c.project;

CREATE VIEW v_tools AS
SELECT n.name AS tool, count(*) AS calls, count(*) FILTER (WHERE t.outcome = 'ok') AS ok,
       count(*) FILTER (WHERE t.outcome = 'failed') AS failed,
       count(*) FILTER (WHERE t.outcome = 'aborted') AS aborted,
       max(t.elapsed_ns) / 1000000 AS max_ms
FROM tool_calls t JOIN names n ON n.id = t.tool
GROUP BY n.name;

CREATE VIEW v_handoffs AS
SELECT f.name AS from_name, t.name AS to_name, h.reason, h.initiator, count(*) AS times
FROM handoffs h JOIN names f ON f.id = h.from_name JOIN names t ON t.id = h.to_name
GROUP BY h.from_kind, f.name, h.to_kind, t.name, h.reason, h.initiator;

CREATE VIEW v_cost_by_model AS
WITH sums AS (
    SELECT c.provider, c.model, count(*) FILTER (WHERE c.attempts > 0 OR c.failure IS NOT NULL) AS calls,
           count(*) FILTER (WHERE c.cost_picos IS NULL AND c.cost_wide IS NULL
               AND NOT ((c.failure IS NOT NULL OR c.attempts = 0) AND c.input::numeric + c.cache_read + c.cache_write_5m
                        + c.cache_write_1h + c.output = 0)) AS unpriced,
           count(c.cost_wide) AS wide_calls,
           coalesce(sum(coalesce(c.cost_wide::numeric, c.cost_picos)), 0) AS cost_picos
    FROM model_calls c
    GROUP BY c.provider, c.model
)
SELECT p.name AS provider, m.name AS model, s.calls, s.unpriced, s.wide_calls, s.cost_picos,
       round(s.cost_picos * 0.000000000001, 12)::text AS cost_usd
FROM sums s JOIN names p ON p.id = s.provider JOIN names m ON m.id = s.model;

-- Every session that any record names, apart for each project. The outcome is null while an agent in it
-- has no end behind its last start or resumption; marks count in the order of recording.
CREATE VIEW v_sessions AS
WITH
    happened AS (
         SELECT project, session, at FROM session_marks
         UNION ALL SELECT project, session, at FROM model_calls
         UNION ALL SELECT project, session, at FROM tool_calls
         UNION ALL SELECT project, session, at FROM handoffs
         UNION ALL SELECT project, session, at FROM attempts
         UNION ALL SELECT project, session, at FROM retries
         UNION ALL SELECT project, session, at FROM breaker_changes
         UNION ALL SELECT project, session, at FROM cooldowns
         UNION ALL SELECT project, session, at FROM context_pressure
         UNION ALL SELECT project, session, at FROM checkpoints
         UNION ALL SELECT project, session, at FROM restores
         UNION ALL SELECT project, session, at FROM metrics
         UNION ALL SELECT project, session, at FROM violations
         UNION ALL SELECT project, session, at FROM decisions
         UNION ALL SELECT project, session, at FROM decision_outcomes
         UNION ALL SELECT project, session, at FROM files_changed
         UNION ALL SELECT project, session, at FROM task_timings
    ),
    -- 0 for no project, so that tables can be joined by equality.
    periods AS (
        SELECT coalesce(project, 0) AS project, session, min(at) AS first, max(at) AS last FROM happened
        WHERE session IS NOT NULL GROUP BY project, session
    ),
    marks AS (
        SELECT coalesce(project, 0) AS project, session, agent, seq, at, mark, task_type, outcome
        FROM session_marks WHERE session IS NOT NULL
    ),
    lives AS (
        SELECT project, session, count(*) FILTER (WHERE mark <> 'end') AS lives FROM marks
        GROUP BY project, session
    ),
    agents AS (
        SELECT DISTINCT ON (project, session) project, session, agent FROM marks
        WHERE agent IS NOT NULL ORDER BY project, session, seq
    ),
    tasks AS (
        SELECT DISTINCT ON (k.project, k.session) k.project, k.session, t.name AS task_type
        FROM marks k JOIN names t ON t.id = k.task_type ORDER BY k.project, k.session, k.at, t.name
    ),
    latest AS (
        SELECT DISTINCT ON (project, session, agent) project, session, mark FROM marks
        ORDER BY project, session, agent, seq DESC
    ),
    open AS (SELECT DISTINCT project, session FROM latest WHERE mark <> 'end'),
    ends AS (
        SELECT DISTINCT ON (project, session) project, session, outcome FROM marks WHERE mark = 'end'
        ORDER BY project, session, seq DESC
    ),
    costs AS (
        SELECT coalesce(project, 0) AS project, session,
               count(*) FILTER (WHERE attempts > 0 OR failure IS NOT NULL) AS calls,
               count(cost_wide) AS wide_calls,
               coalesce(sum(coalesce(cost_wide::numeric, cost_picos)), 0) AS picos
        FROM model_calls WHERE session IS NOT NULL GROUP BY project, session
    )
SELECT j.name AS project, n.name AS session, a.name AS agent, t.task_type,
       to_char(to_timestamp(p.first / 1000000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS first_utc,
       to_char(to_timestamp(p.last / 1000000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS last_utc,
       coalesce(l.lives, 0) AS lives,
       CASE WHEN o.session IS NULL THEN e.outcome END AS outcome,
       coalesce(c.calls, 0) AS model_calls,
       coalesce(c.wide_calls, 0) AS wide_calls,
       coalesce(c.picos, 0) AS cost_picos
FROM periods p JOIN names n ON n.id = p.session
LEFT JOIN names j ON j.id = p.project
LEFT JOIN lives l ON l.session = p.session AND l.project = p.project
LEFT JOIN agents g ON g.session = p.session AND g.project = p.project
LEFT JOIN names a ON a.id = g.agent
LEFT JOIN tasks t ON t.session = p.session AND t.project = p.project
LEFT JOIN open o ON o.session = p.session AND o.project = p.project
LEFT JOIN ends e ON e.session = p.session AND e.project = p.project
LEFT JOIN costs c ON c.session = p.session AND c.project = p.project;

CREATE VIEW v_decisions AS
SELECT d.seq, to_char(to_timestamp(d.at / 1000000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS at_utc,
       j.name AS project, s.name AS session, a.name AS agent, d.decision, n.name AS subject,
       c.name AS choice, d.confidence, d.candidates, o.outcome, o.score
FROM decisions d
JOIN names n ON n.id = d.subject
LEFT JOIN names c ON c.id = d.choice
LEFT JOIN names j ON j.id = d.project
LEFT JOIN names s ON s.id = d.session
LEFT JOIN names a ON a.id = d.agent
LEFT JOIN decision_outcomes o ON o.seq = (
    SELECT max(l.seq) FROM decision_outcomes l
    WHERE l.decision = d.decision AND l.session IS NOT DISTINCT FROM d.session
      AND l.project IS NOT DISTINCT FROM d.project
);

-- From the sums by day, so that they reach back a year and are fast.
CREATE VIEW v_daily AS
SELECT to_char(to_timestamp(r.start) AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day,
       j.name AS project, a.name AS agent, t.name AS task_type,
       r.records, r.sessions, r.success, r.escalated, r.failed, r.aborted, r.model_calls,
       r.failed_calls, r.unpriced_calls, r.input, r.cache_read,
       r.cache_write_5m::numeric + r.cache_write_1h AS cache_write, r.output, r.reasoning,
       r.tools_ok + r.tools_failed + r.tools_aborted AS tool_calls, r.handoffs,
       r.files, r.lines_added, r.lines_removed,
       coalesce(r.cost_wide::numeric, r.cost_picos) AS cost_picos
FROM rollup_agents r
LEFT JOIN names j ON j.id = r.project
LEFT JOIN names a ON a.id = r.agent
LEFT JOIN names t ON t.id = r.task_type
WHERE r.span = 86400;

CREATE VIEW v_agents AS
WITH sums AS (
    SELECT project, agent, sum(sessions) AS sessions, sum(success) AS success,
           sum(escalated) AS escalated, sum(failed) AS failed, sum(aborted) AS aborted,
           sum(model_calls) AS model_calls, sum(failed_calls) AS failed_calls,
           sum(unpriced_calls) AS unpriced_calls, sum(input) AS input,
           sum(cache_read) AS cache_read, sum(cache_write_5m::numeric + cache_write_1h) AS cache_write,
           sum(output) AS output, sum(tools_ok) AS tools_ok,
           sum(tools_failed + tools_aborted) AS tools_failed,
           sum(violations_info + violations_warning + violations_error + violations_critical)
               AS violations,
           sum(handoffs) AS handoffs,
           coalesce(sum(coalesce(cost_wide::numeric, cost_picos)), 0) AS cost_picos
    FROM rollup_agents WHERE span = 86400 GROUP BY project, agent
)
SELECT j.name AS project, a.name AS agent, s.sessions, s.success, s.escalated, s.failed, s.aborted,
       s.model_calls, s.failed_calls, s.unpriced_calls, s.input, s.cache_read, s.cache_write,
       s.output, s.tools_ok, s.tools_failed, s.violations, s.handoffs, s.cost_picos,
       round(s.cost_picos * 0.000000000001, 12)::text AS cost_usd
FROM sums s LEFT JOIN names j ON j.id = s.project LEFT JOIN names a ON a.id = s.agent;

CREATE VIEW v_models_daily AS
SELECT to_char(to_timestamp(r.start) AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day,
       j.name AS project, p.name AS provider, m.name AS model,
       r.calls, r.failed, r.unpriced, r.attempts, r.input, r.cache_read,
       r.cache_write_5m::numeric + r.cache_write_1h AS cache_write, r.output, r.reasoning,
       coalesce(r.cost_wide::numeric, r.cost_picos) AS cost_picos, r.failures
FROM rollup_models r
JOIN names p ON p.id = r.provider
JOIN names m ON m.id = r.model
LEFT JOIN names j ON j.id = r.project
WHERE r.span = 86400;

CREATE VIEW v_violations AS
SELECT to_char(to_timestamp(v.at / 1000000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS at_utc,
       j.name AS project, s.name AS session, a.name AS agent, k.name AS kind, v.severity, v.message,
       v.file, v.line, v.fixed
FROM violations v
JOIN names k ON k.id = v.kind
LEFT JOIN names j ON j.id = v.project
LEFT JOIN names s ON s.id = v.session
LEFT JOIN names a ON a.id = v.agent;

CREATE VIEW v_metrics AS
SELECT j.name AS project, a.name AS agent, n.name AS metric, r.unit, sum(r.count) AS count,
       sum(r.sum) / sum(r.count)::double precision AS mean, min(r.min) AS min, max(r.max) AS max
FROM rollup_metrics r
JOIN names n ON n.id = r.metric
LEFT JOIN names j ON j.id = r.project
LEFT JOIN names a ON a.id = r.agent
WHERE r.span = 86400
GROUP BY j.name, a.name, n.name, r.unit;
