//! The questions of the reports, asked in SQL through the documented views, have the same answers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use agent_primitives::Usd;
use agent_telemetry::{
    AgentsReport, Body, ModelsReport, Period, Record, Retention, Sink, SqliteSink, SqliteStore,
    Stats, ToolsReport,
};
use proptest::prelude::*;
use rusqlite::{Connection, types::Value};
use tempfile::TempDir;

use crate::{arbitrary, story};

/// A database, what the crate reports of it, and a program that knows the file alone.
struct Asked {
    _folder: TempDir,
    path: PathBuf,
    sql: Connection,
}

impl Asked {
    fn of(records: &[Record]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("telemetry.db");
        let sink = SqliteSink::open(&path).unwrap();
        sink.retention(Retention::FOREVER).write(records).unwrap();
        let sql = Connection::open(&path).unwrap();
        Self {
            _folder: folder,
            path,
            sql,
        }
    }

    fn store(&self) -> SqliteStore {
        SqliteStore::open_read_only(&self.path).unwrap()
    }

    /// As the sqlite3 program prints them, sorted.
    fn rows(&self, query: &str) -> Vec<String> {
        let mut statement = self.sql.prepare(query).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            let cells = (0..columns).map(|at| {
                Ok(match row.get::<_, Value>(at)? {
                    Value::Null => String::new(),
                    Value::Integer(number) => number.to_string(),
                    Value::Real(number) => format!("{number:.6}"),
                    Value::Text(text) => text,
                    Value::Blob(_) => "(blob)".to_owned(),
                })
            });
            Ok(cells.collect::<rusqlite::Result<Vec<_>>>()?.join("|"))
        });
        let mut rows: Vec<String> = rows.unwrap().map(Result::unwrap).collect();
        rows.sort_unstable();
        rows
    }

    fn says(&self, query: &str, expected: impl IntoIterator<Item = String>) {
        let mut expected: Vec<String> = expected.into_iter().collect();
        expected.sort_unstable();
        assert_eq!(self.rows(query), expected, "{query}");
    }
}

fn or_empty(name: Option<&impl ToString>) -> String {
    name.map(ToString::to_string).unwrap_or_default()
}

/// What `v_cost_by_model` and `v_agents` print.
fn dollars(cost: Usd) -> String {
    let (sign, picos) = (
        if cost < Usd::ZERO { "-" } else { "" },
        cost.picos().unsigned_abs(),
    );
    let dollar = 1_000_000_000_000;
    format!("{sign}{}.{:012}", picos / dollar, picos % dollar)
}

fn check_decisions_and_work(asked: &Asked, stats: &Stats) {
    asked.says(
        "SELECT subject, choice, count(*), count(outcome), coalesce(sum(outcome = 'success'), 0)
         FROM v_decisions GROUP BY subject, choice",
        stats.decisions.by_choice.iter().map(|line| {
            let known = line.times - line.outcomes.open;
            let choice = or_empty(line.choice.as_ref());
            format!(
                "{}|{choice}|{}|{known}|{}",
                line.subject, line.times, line.outcomes.success
            )
        }),
    );
    let mut handoffs: BTreeMap<String, u64> = BTreeMap::new();
    for line in &stats.quality.handoffs {
        let (from, to) = (line.from.name(), line.to.name());
        let of = format!("{from}|{to}|{}|{}", line.reason, line.initiator);
        *handoffs.entry(of).or_default() += line.count;
    }
    asked.says(
        "SELECT from_name, to_name, reason, initiator, sum(times) FROM v_handoffs GROUP BY 1, 2, 3, 4",
        handoffs.iter().map(|(of, times)| format!("{of}|{times}")),
    );
    asked.says(
        "SELECT severity, count(*), sum(fixed) FROM v_violations GROUP BY severity",
        stats
            .quality
            .violations
            .iter()
            .map(|line| format!("{}|{}|{}", line.severity, line.found, line.fixed)),
    );
    asked.says(
        "SELECT kind, count(*), sum(fixed) FROM v_violations GROUP BY kind",
        stats
            .quality
            .violation_kinds
            .iter()
            .map(|line| format!("{}|{}|{}", line.kind, line.found, line.fixed)),
    );
    asked.says(
        "SELECT file, count(*), sum(fixed) FROM v_violations GROUP BY file",
        stats.quality.violation_files.iter().map(|line| {
            format!(
                "{}|{}|{}",
                or_empty(line.file.as_ref()),
                line.found,
                line.fixed
            )
        }),
    );
    asked.says(
        "SELECT metric, unit, sum(count), min(min), max(max) FROM v_metrics GROUP BY metric, unit",
        stats.quality.metrics.iter().map(|line| {
            let (min, max) = (line.min, line.max);
            format!(
                "{}|{}|{}|{min:.6}|{max:.6}",
                line.name, line.unit, line.count
            )
        }),
    );
    asked.says(
        "SELECT coalesce(outcome, 'open'), count(*) FROM v_sessions GROUP BY outcome",
        [
            ("success", stats.outcomes.success),
            ("escalated", stats.outcomes.escalated),
            ("failed", stats.outcomes.failed),
            ("aborted", stats.outcomes.aborted),
            ("open", stats.outcomes.open),
        ]
        .into_iter()
        .filter(|(_, sessions)| *sessions > 0)
        .map(|(outcome, sessions)| format!("{outcome}|{sessions}")),
    );
    let work = &stats.work;
    asked.says(
        "SELECT (SELECT count(*) FROM files_changed), (SELECT count(*) FROM task_timings)",
        [format!("{}|{}", work.changes, work.tasks)],
    );
}

fn check_calls(asked: &Asked, stats: &Stats) {
    let store = asked.store();
    let stored = store.rollups(Period::ALL).unwrap().unwrap();
    let (period, sums) = (stored.covered, &stored.rollups);
    let models = ModelsReport::of(period, sums);
    asked.says(
        "SELECT provider, model, calls, unpriced, cost_usd FROM v_cost_by_model",
        models.models.iter().map(|line| {
            let cost = dollars(line.cost);
            let (calls, unpriced) = (line.calls, line.unpriced_calls);
            format!("{}|{}|{calls}|{unpriced}|{cost}", line.provider, line.model)
        }),
    );
    asked.says(
        "SELECT provider, model, sum(calls), sum(failed), sum(input + cache_read + cache_write + output)
         FROM v_models_daily GROUP BY provider, model",
        models.models.iter().map(|line| {
            let (calls, failed, tokens) = (line.calls, line.failed(), line.usage.total());
            format!("{}|{}|{calls}|{failed}|{tokens}", line.provider, line.model)
        }),
    );
    asked.says(
        "SELECT provider, model, kind.key, sum(kind.value)
         FROM v_models_daily, json_each(failures) AS kind GROUP BY 1, 2, 3",
        models.models.iter().flat_map(|line| {
            let name = format!("{}|{}", line.provider, line.model);
            let failures = line.failures.iter();
            failures.map(move |it| format!("{name}|{}|{}", it.kind, it.calls))
        }),
    );
    asked.says(
        "SELECT tool, calls, ok, failed, aborted FROM v_tools",
        ToolsReport::of(period, sums).tools.iter().map(|line| {
            let (calls, ok) = (line.calls, line.ok);
            format!(
                "{}|{calls}|{ok}|{}|{}",
                line.tool, line.failed, line.aborted
            )
        }),
    );
    let agents = AgentsReport::of(period, sums);
    asked.says(
        "SELECT agent, sum(sessions), sum(success), sum(escalated + failed + aborted), sum(model_calls),
                sum(unpriced_calls), sum(tools_ok + tools_failed), sum(violations), sum(handoffs),
                sum(cost_picos)
         FROM v_agents GROUP BY agent",
        agents.agents.iter().map(|line| {
            let name = or_empty(line.agent.as_ref());
            let it = &line.sessions;
            let others = it.ended() - it.success;
            let figures = [
                it.started,
                it.success,
                others,
                line.model_calls,
                line.unpriced_calls,
                line.tool_calls,
                line.violations.found(),
                line.handoffs,
            ];
            let figures = figures.map(|it| it.to_string()).join("|");
            format!("{name}|{figures}|{}", line.cost.picos())
        }),
    );
    let (calls, cost) = (stats.overview.model_calls, stats.cost.total.picos());
    asked.says(
        "SELECT coalesce(sum(attempts > 0 OR failure IS NOT NULL), 0), coalesce(sum(cost_picos), 0) FROM v_model_calls",
        [format!("{calls}|{cost}")],
    );
    let models = &stats.performance.models;
    asked.says(
        "SELECT provider, model, stop_reason, count(*) FROM v_model_calls
         WHERE attempts > 0 OR failure IS NOT NULL GROUP BY 1, 2, 3",
        models.iter().flat_map(|line| {
            let name = format!("{}|{}", line.provider, line.model);
            let stops = line.stop_reasons.iter();
            stops.map(move |it| format!("{name}|{}|{}", or_empty(it.reason.as_ref()), it.calls))
        }),
    );
    asked.says(
        "SELECT provider, model, sum(streamed) FROM v_model_calls
         WHERE attempts > 0 OR failure IS NOT NULL GROUP BY 1, 2",
        models
            .iter()
            .map(|line| format!("{}|{}|{}", line.provider, line.model, line.streamed)),
    );
    asked.says(
        "SELECT service_tier, sum(attempts > 0 OR failure IS NOT NULL), coalesce(sum(cost_picos), 0)
         FROM v_model_calls GROUP BY 1",
        stats.cost.by_service_tier.iter().map(|line| {
            let tier = or_empty(line.tier.as_ref());
            format!("{tier}|{}|{}", line.calls, line.cost.picos())
        }),
    );
    asked.says(
        "SELECT agent, sum(files), sum(lines_added), sum(lines_removed) FROM v_daily GROUP BY agent",
        agents.agents.iter().map(|line| {
            let name = or_empty(line.agent.as_ref());
            format!("{name}|{}|{}|{}", line.files, line.lines_added, line.lines_removed)
        }),
    );
}

/// SQLite refuses sums beyond 64 bits rather than to round them, so these stay within them.
fn moderate(mut record: Record) -> Record {
    match &mut record.body {
        Body::ModelCall(call) => {
            call.cost = call.cost.map(|it| Usd::from_picos(it.picos() % (1 << 40)));
        }
        Body::FilesChanged(changed) => {
            changed.files %= 1_000;
            changed.lines_added %= 1_000;
            changed.lines_removed %= 1_000;
        }
        _ => {}
    }
    record
}

#[test]
fn views_answer_like_the_reports_about_a_day() {
    let records = story::records();
    let asked = Asked::of(&records);
    let stats = asked.store().stats().unwrap();
    check_decisions_and_work(&asked, &stats);
    check_calls(&asked, &stats);
    let decided = "SELECT choice, outcome, score FROM v_decisions ORDER BY seq";
    assert_eq!(
        asked.rows(decided),
        ["claude-sonnet-4-5|success|0.900000", "house-model-7b||"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn views_answer_like_the_reports_about_anything(records in arbitrary::records()) {
        let records: Vec<Record> = records.into_iter().map(moderate).collect();
        let asked = Asked::of(&records);
        let stats = Stats::of(&records);
        check_decisions_and_work(&asked, &stats);
        check_calls(&asked, &stats);
    }
}
