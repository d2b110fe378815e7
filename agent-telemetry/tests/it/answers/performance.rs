//! Performance: which operations count for what, and against what they are set.

use std::time::Duration;

use agent_primitives::{
    Attempt, CheckpointId, CheckpointKind, CheckpointSaved, FailureKind, Restored, Retry,
    TokenUsage,
};
use agent_telemetry::{
    Body, CsvTable, ModelCall, Operated, PerformanceReport, Period, ProfileLine, Record,
    TaskTiming, ToolCall, ToolOutcome,
};
use proptest::prelude::*;

use super::{at, call, day, record, task, widest};
use crate::arbitrary;
use crate::story::{model, provider, session_id, tool};

const LIMITED: FailureKind = FailureKind::RateLimited;

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn answer(took: u64, first: u64, tokens: u64) -> ModelCall {
    call("x", "m", 1)
        .latency(seconds(took))
        .first_token(seconds(first))
        .usage(TokenUsage::new(10, tokens))
}

fn grep(outcome: ToolOutcome, took: u64) -> ToolCall {
    ToolCall::new(tool("grep"), outcome, seconds(took))
}

fn attempt(took: u64) -> Attempt {
    Attempt::new(provider("x"), 1, seconds(took))
}

fn retry(failure: FailureKind, delay: u64) -> Retry {
    Retry::new(provider("x"), 2, seconds(delay), failure)
}

fn id() -> CheckpointId {
    CheckpointId::new("1-a").unwrap()
}

fn report(records: &[Record]) -> PerformanceReport {
    PerformanceReport::of(day(), records)
}

/// One of everything, and a few calls around the period.
fn some_day() -> Vec<Record> {
    let failed = call("x", "m", 1).latency(seconds(10));
    let saved = CheckpointSaved::new(id(), CheckpointKind::Auto).took(seconds(1));
    vec![
        record("s", "a", -20, task("fix")),
        record("s", "a", -10, grep(ToolOutcome::Ok, 500)),
        record("s", "a", 10, answer(4, 1, 300)),
        record("s", "a", 20, answer(6, 2, 200)),
        record("s", "a", 30, attempt(10).failed(FailureKind::Timeout)),
        record("s", "a", 30, retry(LIMITED, 8)),
        record("s", "a", 30, retry(FailureKind::Overloaded, 2)),
        record("s", "a", 40, attempt(4)),
        record("s", "a", 40, failed.failed(FailureKind::Timeout)),
        record("s", "a", 50, grep(ToolOutcome::Ok, 1)),
        record("s", "a", 60, grep(ToolOutcome::Ok, 3)),
        Record::new(at(70), grep(ToolOutcome::Failed, 2)),
        record("s", "a", 80, saved),
        record("s", "a", 90, Restored::new(id(), seconds(2))),
        record("s", "a", 99, TaskTiming::new(seconds(5), seconds(60))),
        record("s", "a", 86_400, grep(ToolOutcome::Ok, 700)),
    ]
}

/// What it was, how many, how many failed, and the seconds of all.
fn told(lines: &[ProfileLine]) -> Vec<(String, u64, u64, u64)> {
    lines
        .iter()
        .map(|it| (it.of.to_string(), it.count, it.failed, it.time.as_secs()))
        .collect()
}

fn line(name: &str, count: u64, failed: u64, seconds: u64) -> (String, u64, u64, u64) {
    (name.to_owned(), count, failed, seconds)
}

#[test]
fn every_figure_of_some_day_is_the_one_worked_out_by_hand() {
    let report = report(&some_day());
    assert_eq!(report.before, Period::new(at(-86_400), at(0)));
    assert_eq!(report.time, seconds(20 + 6 + 2 + 1));
    assert_eq!(
        told(&report.calls),
        [
            line("x · m", 3, 1, 20),
            line("grep", 3, 1, 6),
            line("restore", 1, 0, 2),
            line("auto", 1, 0, 1),
        ]
    );
    let model_calls = &report.calls[0];
    let of = Operated::ModelCall {
        provider: provider("x"),
        model: model("m"),
        task_type: None,
    };
    assert_eq!(
        (&model_calls.of, model_calls.of.operation()),
        (&of, "model_call")
    );
    assert_eq!(model_calls.time_share, Some(20.0 / 29.0));
    let latency = model_calls.latency.unwrap();
    // Of the successful ones; the least and the greatest are exact.
    assert_eq!(
        (latency.count, latency.p50, latency.p99),
        (2, seconds(4), seconds(6))
    );
    let first = model_calls.first_token.unwrap();
    assert_eq!(
        (first.count, first.p50, first.p95),
        (2, seconds(1), seconds(2))
    );
    let output = model_calls.output.unwrap();
    // 300 tokens in 3 seconds, and 200 in 4.
    assert_eq!((output.calls, output.p50, output.p05), (2, 50.0, 50.0));
    let slowest: Vec<_> = model_calls
        .slowest
        .iter()
        .map(|it| (it.elapsed.as_secs(), it.at, it.failed))
        .collect();
    assert_eq!(
        slowest,
        [(10, at(40), true), (6, at(20), false), (4, at(10), false)]
    );
    assert_eq!(model_calls.slowest[0].session, Some(session_id("s")));
    assert_eq!(report.calls[1].slowest[1].session, None);

    assert_eq!(told(&report.task_types), [line("x · m, fix", 3, 1, 20)]);
    assert_eq!(told(&report.attempts), [line("x", 2, 1, 14)]);
    assert_eq!(report.attempts[0].time_share, Some(1.0));
    assert_eq!(
        told(&report.tasks),
        [line("task_run", 1, 0, 60), line("task_wait", 1, 0, 5)]
    );
    assert_eq!(
        told(&report.waits),
        [
            line("x, rate_limited", 1, 0, 8),
            line("x, overloaded", 1, 0, 2)
        ]
    );
    assert_eq!(report.waits[0].time_share, Some(0.8));
    assert_eq!(
        (report.waited, report.waited_for_limits),
        (seconds(10), seconds(8))
    );
    assert_eq!(report.left_out, 0);
}

#[test]
fn text_of_some_day_is_the_golden_one() {
    let mut records = some_day();
    records.extend(calls(-100, 30, 2));
    records.extend(calls(100, 30, 3));
    let text = report(&records).to_string();
    assert_eq!(
        text,
        include_str!("../../golden/performance.txt"),
        "\n{text}"
    );
}

#[test]
fn json_of_some_day_is_the_golden_one_and_reads_back() {
    let mut records = some_day();
    records.extend(calls(-100, 30, 2));
    records.extend(calls(100, 30, 3));
    let report = report(&records);
    let json = serde_json::to_string_pretty(&report).unwrap() + "\n";
    assert_eq!(
        json,
        include_str!("../../golden/performance.json"),
        "\n{json}"
    );
    assert_eq!(
        serde_json::from_str::<PerformanceReport>(&json).unwrap(),
        report
    );
}

/// Successful calls of a tool, of so many seconds each.
fn calls(from: i64, number: u32, took: u64) -> Vec<Record> {
    let call = ToolCall::new(tool("search"), ToolOutcome::Ok, seconds(took));
    (0..number)
        .map(|number| record("s", "a", from + i64::from(number), call.clone()))
        .collect()
}

#[test]
fn trend_is_told_where_both_periods_have_thirty_successful_operations() {
    let trend = |before: u32, now: u32| {
        let mut records = calls(-1_000, before, 2);
        records.extend(calls(1_000, now, 3));
        report(&records).calls.remove(0).trend
    };
    let told = trend(30, 30).unwrap();
    assert_eq!((told.p50, told.p95), (Some(1.5), Some(1.5)));
    assert_eq!((told.before.count, told.before.p99), (30, seconds(2)));
    assert_eq!(trend(29, 30), None);
    assert_eq!(trend(30, 29), None);
    let mut records = calls(-1_000, 30, 0);
    records.extend(calls(1_000, 30, 3));
    let line = report(&records).calls.remove(0);
    assert_eq!(
        line.trend.unwrap().p50,
        None,
        "of no time there is no multiple"
    );
    // What came before the preceding period says nothing.
    let mut records = calls(-90_000, 30, 2);
    records.extend(calls(1_000, 30, 3));
    assert_eq!(report(&records).calls[0].trend, None);
}

#[test]
fn kind_of_work_is_the_one_that_the_session_names_first() {
    let elsewhere = record("s", "a", 30, answer(3, 1, 1));
    let records = [
        record("s", "a", 5, task("fix")),
        record("s", "a", 6, task("review")),
        record("s", "a", 10, answer(1, 1, 1)),
        record("t", "a", 20, answer(2, 1, 1)),
        // The same name in another project is another session.
        elsewhere.of_project("shop".parse().unwrap()),
    ];
    let report = report(&records);
    assert_eq!(told(&report.calls), [line("x · m", 3, 0, 6)]);
    assert_eq!(told(&report.task_types), [line("x · m, fix", 1, 0, 1)]);
}

#[test]
fn speed_is_told_of_calls_with_output_behind_a_first_token() {
    let records = [
        record("s", "a", 10, answer(5, 1, 80)),
        record("s", "a", 11, answer(5, 5, 80)),
        record("s", "a", 12, answer(5, 9, 80)),
        record("s", "a", 13, answer(5, 1, 0)),
        record("s", "a", 14, call("x", "m", 1).latency(seconds(5))),
        record("s", "a", 15, answer(5, 1, 9_000).failed(LIMITED)),
    ];
    let line = report(&records).calls.remove(0);
    assert_eq!(line.output.map(|it| (it.calls, it.p50)), Some((1, 20.0)));
    assert_eq!(line.first_token.map(|it| it.count), Some(4));
}

#[test]
fn what_is_beyond_the_bounds_is_counted() {
    let mut records = Vec::new();
    for number in 0..600 {
        let name = tool(&format!("tool-{number}"));
        let call = ToolCall::new(name, ToolOutcome::Ok, seconds(1_000 - number));
        records.push(record("s", "a", 10, call.clone()));
        records.push(record("s", "a", 20, call));
    }
    let report = report(&records);
    assert_eq!((report.calls.len(), report.left_out), (64, 2 * (600 - 64)));
    assert_eq!(
        report.calls[0].of.to_string(),
        "tool-0",
        "the slowest first"
    );
    assert!(report.to_string().contains("1072 operations"), "{report}");
    let mut records = Vec::new();
    for took in [1, 9, 3, 8, 8, 2, 7] {
        records.push(record(
            "s",
            "a",
            i64::try_from(took).unwrap(),
            grep(ToolOutcome::Ok, took),
        ));
    }
    let slowest = self::report(&records).calls.remove(0).slowest;
    let took: Vec<u64> = slowest.iter().map(|it| it.elapsed.as_secs()).collect();
    assert_eq!(took, [9, 8, 8, 7, 3]);
}

#[test]
fn no_operation_is_said() {
    let text = report(&[record("s", "a", 10, task("fix"))]).to_string();
    let period = "1970-01-01 00:00 to 1970-01-02 00:00 UTC";
    let said = format!("Performance, {period}\n\n  There were no operations in this period.\n");
    assert_eq!(text, said);
}

#[test]
fn lists_are_tables_for_a_spreadsheet() {
    let tables = CsvTable::of(&report(&some_day())).unwrap();
    let names: Vec<&str> = tables.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "report",
            "calls",
            "task_types",
            "attempts",
            "tasks",
            "waits"
        ]
    );
    let calls = &tables[1].text;
    assert!(
        calls.starts_with("operation,provider,model,count,failed,time_s,"),
        "{calls}"
    );
    assert!(calls.contains("\r\nmodel_call,x,m,3,1,20,0.689"), "{calls}");
}

#[cfg(feature = "sqlite")]
#[test]
fn database_says_what_the_records_say() {
    use agent_telemetry::{Sink, SqliteSink, SqliteStore};

    let mut records = crate::story::records();
    records.extend(some_day());
    records.extend(calls(-1_000, 30, 2));
    records.extend(calls(1_000, 30, 3));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    let mut sink = SqliteSink::open(&path)
        .unwrap()
        .retention(agent_telemetry::Retention::FOREVER);
    sink.write(&records).unwrap();
    let store = SqliteStore::open_read_only(&path).unwrap();
    for period in [Period::ALL, day(), Period::new(at(9), at(50_000))] {
        let stored = store.performance_report(period).unwrap();
        assert_eq!(stored, PerformanceReport::of(period, &records));
    }
    let day = store.performance_report(day()).unwrap();
    assert!(day.calls[0].trend.is_some(), "{day:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_of_any_records_add_up_to_the_whole(records in arbitrary::records(), middle in -9_i64..9) {
        let count = |period: Period, of: fn(&Body) -> bool| {
            let within = records.iter().filter(|it| period.contains(it.at));
            within.filter(|it| of(&it.body)).count() as u64
        };
        let half = Period::new(at(middle * 1_000_000_000), Period::ALL.to());
        for period in [Period::ALL, half] {
            let report = PerformanceReport::of(period, &records);
            let period = report.period;
            for (lines, records) in [
                (&report.calls, count(period, |it| match it {
                    Body::ModelCall(it) => !it.is_unexplained(),
                    it => matches!(it, Body::ToolCall(_) | Body::CheckpointSaved(_) | Body::Restored(_)),
                })),
                (&report.attempts, count(period, |it| matches!(it, Body::Attempt(_)))),
                (&report.tasks, 2 * count(period, |it| matches!(it, Body::TaskTiming(_)))),
                (&report.waits, count(period, |it| matches!(it, Body::Retry(_)))),
            ] {
                prop_assert_eq!(lines.iter().map(|it| it.count).sum::<u64>(), records);
                let whole = lines.iter().map(|it| it.time).fold(Duration::ZERO, Duration::saturating_add);
                let shares: f64 = lines.iter().filter_map(|it| it.time_share).sum();
                prop_assert!(whole.is_zero() || (shares - 1.0).abs() < 1e-9, "{}", shares);
                for line in lines {
                    prop_assert_eq!(line.latency.map_or(0, |it| it.count), line.count - line.failed);
                    prop_assert!(line.slowest.len() as u64 == line.count.min(5));
                    prop_assert!(line.slowest.iter().all(|it| it.elapsed <= line.slowest[0].elapsed));
                }
            }
            prop_assert!(report.waited_for_limits <= report.waited);
            prop_assert_eq!(report.left_out, 0);
            let text = report.to_string();
            prop_assert!(widest(&text) <= 100 && !text.contains("NaN"), "{}", text);
            let json = serde_json::to_string(&report).unwrap();
            prop_assert_eq!(serde_json::from_str::<PerformanceReport>(&json).unwrap(), report);
        }
    }
}
