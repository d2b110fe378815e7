//! Errors: what counts as a failure, as a remedy, and as a recovery.

use std::time::Duration;

use agent_primitives::{
    Attempt, BreakerChange, BreakerState, CheckpointId, Cooldown, FailureKind, Handoff,
    HandoffReason, Restored, Retry, Scope, TokenUsage, Usd,
};
use agent_telemetry::{
    Body, CsvTable, ErrorsReport, Metric, ModelCall, Outcome, Period, Record, Remedy, RemedyLine,
    Task, ToolCall, ToolOutcome,
};
use proptest::prelude::*;

use super::{at, call, day, end, record, task, widest};
use crate::arbitrary;
use crate::story::{model, provider, tool};

const OVERLOADED: FailureKind = FailureKind::Overloaded;
const TOO_LONG: FailureKind = FailureKind::ContextTooLong;

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn attempt(of: &str, took: u64) -> Attempt {
    Attempt::new(provider(of), 1, seconds(took))
}

fn failed(of: &str, took: u64, kind: FailureKind) -> Attempt {
    attempt(of, took).failed(kind)
}

fn retry(of: &str, delay: u64) -> Retry {
    Retry::new(provider(of), 2, seconds(delay), OVERLOADED)
}

fn cooldown(of: &str) -> Cooldown {
    Cooldown::new(provider(of), Scope::Provider, OVERLOADED, seconds(60))
}

fn opens(of: &str) -> BreakerChange {
    BreakerChange::new(provider(of), BreakerState::Closed, BreakerState::Open)
}

fn switch(from: &str, to: &str) -> Handoff {
    Handoff::automatic(provider(from), provider(to), HandoffReason::Overloaded)
}

fn restored() -> Restored {
    Restored::new(CheckpointId::new("1-a").unwrap(), seconds(2)).lost(7)
}

fn use_tool(outcome: ToolOutcome, took: u64) -> ToolCall {
    ToolCall::new(tool("grep"), outcome, seconds(took))
}

fn report(records: &[Record]) -> ErrorsReport {
    ErrorsReport::of(day(), records)
}

fn line(report: &ErrorsReport, remedy: Remedy) -> &RemedyLine {
    let mut lines = report.remedies.iter();
    lines.find(|line| line.remedy == remedy).unwrap()
}

/// Tried, recovered, failed, open.
fn told(report: &ErrorsReport, remedy: Remedy) -> [u64; 4] {
    let line = line(report, remedy);
    [line.tried, line.recovery.recovered, line.failed, line.open]
}

/// A session with attempts, one without, one that was interrupted, and a failure that names none.
fn some_day() -> Vec<Record> {
    let answer = |of: &str, micros: i64| call(of, "m", micros);
    // Without a known price.
    let kept = |of: &str, kind, took| {
        ModelCall::new(provider(of), model("m"))
            .latency(seconds(took))
            .failed(kind)
    };
    vec![
        record("s", "a", 10, task("fix")),
        record("s", "a", 20, failed("x", 2, OVERLOADED)),
        record("s", "a", 20, retry("x", 1)),
        record("s", "a", 24, failed("x", 3, OVERLOADED)),
        record("s", "a", 24, cooldown("x")),
        record("s", "a", 24, switch("x", "y")),
        record("s", "a", 30, attempt("y", 5)),
        record("s", "a", 30, answer("y", 4_000).attempts(3)),
        record("s", "a", 40, failed("y", 1, TOO_LONG)),
        record("s", "a", 45, attempt("y", 4)),
        record(
            "s",
            "a",
            45,
            Metric::count("recovery_compact_history_recovered", 1),
        ),
        record("s", "a", 45, answer("y", 4_000).attempts(2)),
        record("s", "a", 50, use_tool(ToolOutcome::Failed, 1)),
        record("s", "a", 52, use_tool(ToolOutcome::Ok, 2)),
        record("s", "a", 60, end(Outcome::Success, 50)),
        record("t", "b", 10, task("fix")),
        record(
            "t",
            "b",
            20,
            answer("x", 1_000)
                .latency(seconds(10))
                .failed(FailureKind::Timeout),
        ),
        record(
            "t",
            "b",
            30,
            kept("y", FailureKind::RateLimited, 2).usage(TokenUsage::new(5, 0)),
        ),
        Record::new(at(31), opens("y")),
        record("t", "b", 50, answer("y", 2_000)),
        record("t", "b", 55, kept("y", FailureKind::Timeout, 3)),
        record("t", "b", 60, end(Outcome::Failed, 50)),
        record("u", "a", 10, task("fix")),
        record("u", "a", 15, Body::SessionResume(Task::default())),
        record("u", "a", 16, restored()),
        record("u", "a", 20, answer("y", 3_000)),
        record("u", "a", 25, end(Outcome::Success, 10)),
        Record::new(at(70), failed("x", 9, FailureKind::Network)),
    ]
}

#[test]
fn every_figure_of_some_day_is_the_one_worked_out_by_hand() {
    let report = report(&some_day());
    assert_eq!((report.model_calls, report.failed_model_calls), (7, 3));
    assert_eq!((report.attempts, report.failed_attempts), (6, 4));
    assert_eq!((report.tool_calls, report.failed_tool_calls), (2, 1));
    // Overloaded twice, too long once; two timeouts and a rate limit that no attempt tells of.
    assert_eq!((report.failures, report.given_up), (6, 1));
    // Both calls of s; three of t took one attempt each, and that failed.
    assert_eq!((report.hindered.recovered, report.hindered.of), (2, 5));
    assert_eq!(report.time_lost, seconds(2 + 3 + 1 + 10 + 2 + 3));
    assert_eq!(report.waited, seconds(1));
    assert_eq!(report.cost, Usd::from_micros(1_000));
    assert_eq!(report.unpriced_calls, 1, "without tokens nothing is owed");
    assert_eq!(report.left_out.no_session, 1);

    let kinds: Vec<_> = report
        .kinds
        .iter()
        .map(|it| {
            let recovered = (it.recovery.recovered, it.recovery.of);
            (
                it.kind.as_str(),
                it.model_calls,
                it.attempts,
                recovered,
                it.given_up,
            )
        })
        .collect();
    assert_eq!(
        kinds,
        [
            ("timeout", 2, 0, (0, 2), 1),
            ("rate_limited", 1, 0, (1, 1), 0),
            ("overloaded", 0, 2, (1, 2), 0),
            ("context_too_long", 0, 1, (1, 1), 0),
            ("network", 0, 1, (0, 0), 0),
        ]
    );
    let timeout = &report.kinds[0];
    assert_eq!(timeout.model_call_share, Some(2.0 / 7.0));
    assert_eq!((timeout.first, timeout.last), (at(20), at(55)));
    assert_eq!(
        (timeout.cost, timeout.time_lost),
        (Usd::from_micros(1_000), seconds(13))
    );
    assert_eq!(timeout.evidence.sessions, ["t".parse().unwrap()]);
    let places: Vec<_> = timeout
        .places
        .iter()
        .map(|it| (it.provider.as_str(), it.model.is_some(), it.model_calls))
        .collect();
    assert_eq!(places, [("x", true, 1), ("y", true, 1)]);
    assert_eq!(report.kinds[2].attempt_share, Some(2.0 / 6.0));

    let remedies: Vec<_> = report
        .remedies
        .iter()
        .map(|it| {
            let took = it.took.map(|it| it.p50.as_secs_f64().round());
            (it.remedy, told(&report, it.remedy), it.failures, took)
        })
        .collect();
    assert_eq!(
        remedies,
        [
            (Remedy::OtherProvider, [2, 1, 1, 0], 2, Some(6.0)),
            (Remedy::Retry, [1, 0, 1, 0], 1, None),
            (Remedy::Wait, [1, 1, 0, 0], 1, Some(20.0)),
            (Remedy::CompactHistory, [1, 1, 0, 0], 1, Some(5.0)),
            (Remedy::Restore, [1, 1, 0, 0], 0, Some(4.0)),
            (Remedy::Resume, [1, 1, 0, 0], 0, Some(5.0)),
        ]
    );
    let other = line(&report, Remedy::OtherProvider);
    assert_eq!((other.outcomes.success, other.outcomes.failed), (1, 1));
    assert_eq!(other.evidence.count, 2);
    let kinds: Vec<_> = other
        .kinds
        .iter()
        .map(|it| (it.kind, it.recovery.recovered))
        .collect();
    assert_eq!(kinds, [(OVERLOADED, 1), (FailureKind::Timeout, 0)]);

    let grep = &report.tools[0];
    assert_eq!(
        (grep.calls, grep.failed, grep.failure_rate),
        (2, 1, Some(0.5))
    );
    assert_eq!((grep.again.recovered, grep.again.of), (1, 1));
    assert_eq!((grep.time_lost, grep.first), (seconds(1), at(50)));

    let it = &report.interruptions;
    assert_eq!(
        (it.crashes, it.resumes, it.restores, it.lost_bytes),
        (1, 1, 1, 7)
    );
    assert_eq!((it.time_restoring, it.outcomes.success), (seconds(2), 1));
}

#[test]
fn text_of_some_day_is_the_golden_one() {
    let text = report(&some_day()).to_string();
    assert_eq!(text, include_str!("../../golden/errors.txt"), "\n{text}");
}

#[test]
fn json_of_some_day_is_the_golden_one_and_reads_back() {
    let report = report(&some_day());
    let json = serde_json::to_string_pretty(&report).unwrap() + "\n";
    assert_eq!(json, include_str!("../../golden/errors.json"), "\n{json}");
    assert_eq!(serde_json::from_str::<ErrorsReport>(&json).unwrap(), report);
}

#[test]
fn fewer_than_ten_cases_are_not_enough_and_ten_have_wilsons_interval() {
    let cases = |successes: usize, of: usize| {
        let mut records = Vec::new();
        for case in 0..of {
            let id = format!("s{case}");
            records.push(record(&id, "a", 10, failed("x", 1, OVERLOADED)));
            let next = if case < successes {
                attempt("x", 1)
            } else {
                failed("x", 1, FailureKind::Auth)
            };
            records.push(record(&id, "a", 20, next));
        }
        report(&records)
    };
    let few = cases(7, 9);
    let line = &few.remedies[0];
    assert_eq!(
        (line.recovery.rate, line.recovery.interval),
        (Some(7.0 / 9.0), None)
    );
    assert!(!line.recovery.is_enough() && few.to_string().contains("not enough data"));
    let enough = cases(9, 12);
    let interval = enough.remedies[0].recovery.interval.unwrap();
    assert!((interval.low - 0.4677).abs() < 5e-5, "{interval:?}");
    assert!((interval.high - 0.9111).abs() < 5e-5, "{interval:?}");
    assert!(enough.to_string().contains("46.8 to 91.1 %"), "{enough}");
}

#[test]
fn failed_model_call_is_the_end_of_its_last_attempt_and_counts_once() {
    let fails = || call("x", "m", 0).failed(OVERLOADED);
    let records = [
        record("s", "a", 10, failed("x", 1, OVERLOADED)),
        record("s", "a", 10, fails()),
        // Without attempts of its own.
        record("s", "a", 20, fails()),
        // The attempt was answered, and the answer was no good.
        record("s", "a", 30, attempt("x", 1)),
        record(
            "s",
            "a",
            30,
            call("x", "m", 0).failed(FailureKind::OutputLimit),
        ),
    ];
    let report = report(&records);
    assert_eq!((report.failed_model_calls, report.failed_attempts), (3, 1));
    assert_eq!((report.failures, report.given_up), (3, 1));
    assert_eq!(told(&report, Remedy::Retry), [2, 1, 1, 0]);
    // The last one had no failed attempt.
    assert_eq!((report.hindered.recovered, report.hindered.of), (0, 2));
}

#[test]
fn call_is_answered_in_spite_of_a_failed_attempt_or_not_answered_for_one() {
    let ask = || call("x", "m", 0);
    let hindered = |calls: &[ModelCall]| {
        let in_session = |it: &ModelCall| record("s", "a", 10, it.clone());
        let outside = |it: &ModelCall| Record::new(at(10), it.clone());
        let one = report(&calls.iter().map(in_session).collect::<Vec<_>>()).hindered;
        let other = report(&calls.iter().map(outside).collect::<Vec<_>>()).hindered;
        assert_eq!(one, other, "within a session or not");
        (one.recovered, one.of)
    };
    assert_eq!(hindered(&[ask()]), (0, 0));
    assert_eq!(hindered(&[ask().attempts(2)]), (1, 1));
    assert_eq!(hindered(&[ask().failed(OVERLOADED).attempts(2)]), (0, 1));
    assert_eq!(hindered(&[ask().failed(OVERLOADED)]), (0, 1));
    // Given up before anybody was asked.
    assert_eq!(hindered(&[ask().failed(OVERLOADED).attempts(0)]), (0, 0));
}

#[test]
fn provider_that_rested_since_the_failure_was_waited_for() {
    let next = |between: Vec<Record>| {
        let mut records = vec![record("s", "a", 10, failed("x", 1, OVERLOADED))];
        records.extend(between);
        records.push(record("s", "a", 90, attempt("x", 1)));
        report(&records).remedies.remove(0).remedy
    };
    let alone = |body: Body| vec![Record::new(at(20), body)];
    assert_eq!(next(Vec::new()), Remedy::Retry);
    assert_eq!(next(alone(cooldown("x").into())), Remedy::Wait);
    assert_eq!(next(alone(opens("x").into())), Remedy::Wait);
    assert_eq!(next(alone(cooldown("y").into())), Remedy::Retry);
    let announced = vec![
        record("s", "a", 11, cooldown("x")),
        record("s", "a", 12, retry("x", 1)),
    ];
    assert_eq!(next(announced), Remedy::Retry, "it was announced");
}

#[test]
fn change_of_the_request_takes_the_place_of_the_call_that_it_led_to() {
    let records = [
        record("s", "a", 10, failed("x", 1, TOO_LONG)),
        record("s", "a", 20, failed("x", 1, TOO_LONG)),
        record(
            "s",
            "a",
            20,
            Metric::count("recovery_shrink_output_failed", 1),
        ),
        record("s", "a", 20, Metric::count("recovery_chunk_skipped", 1)),
        record("s", "a", 30, attempt("z", 1)),
        record(
            "s",
            "a",
            30,
            Metric::count("recovery_bigger_window_recovered", 1),
        ),
        // Before anything was sent: the answer to no failure.
        record(
            "s",
            "a",
            40,
            Metric::count("recovery_bigger_window_failed", 1),
        ),
        record("s", "a", 40, Metric::count("recovery_stop_failed", 1)),
        // No change can be the answer to this.
        record("s", "a", 50, failed("x", 1, OVERLOADED)),
        record("s", "a", 60, attempt("x", 1)),
        record(
            "s",
            "a",
            60,
            Metric::count("recovery_bigger_window_recovered", 1),
        ),
    ];
    let report = report(&records);
    assert_eq!(told(&report, Remedy::ShrinkOutput), [1, 0, 1, 0]);
    assert_eq!(told(&report, Remedy::BiggerWindow), [3, 2, 1, 0]);
    assert_eq!(told(&report, Remedy::Retry), [1, 1, 0, 0]);
    assert_eq!(line(&report, Remedy::BiggerWindow).failures, 1);
    assert_eq!((report.remedies.len(), report.steps_given_up), (3, 1));
    assert_eq!(report.kinds[0].recovery.recovered, 1);
    // Nobody told of a change: then the other provider was it.
    let untold = self::report(&[records[0].clone(), records[4].clone()]);
    assert_eq!(told(&untold, Remedy::OtherProvider), [1, 1, 0, 0]);
}

#[test]
fn restart_is_judged_by_the_next_call_or_by_the_end() {
    let resume = || Body::SessionResume(Task::default());
    let records = [
        // Again before anything was called, then a call that succeeds.
        record("s", "a", 10, failed("x", 1, FailureKind::Network)),
        record("s", "a", 20, resume()),
        record("s", "a", 30, resume()),
        record("s", "a", 40, attempt("x", 1)),
        record("t", "a", 10, resume()),
        record("t", "a", 20, failed("x", 1, OVERLOADED)),
        record("u", "a", 10, restored()),
        record("u", "a", 20, end(Outcome::Success, 1)),
        record("v", "a", 10, restored()),
        record("v", "a", 20, end(Outcome::Aborted, 1)),
        record("w", "a", 10, restored()),
    ];
    let report = report(&records);
    assert_eq!(told(&report, Remedy::Resume), [3, 1, 2, 0]);
    assert_eq!(line(&report, Remedy::Resume).failures, 1);
    assert_eq!(told(&report, Remedy::Restore), [3, 1, 1, 1]);
    assert_eq!(
        report.interruptions.crashes, 1,
        "the second resumption of s"
    );
    assert_eq!((report.failures, report.given_up), (2, 1));
}

#[test]
fn failure_counts_in_its_period_and_what_follows_counts_after_it() {
    let records = [
        record("s", "a", -5, failed("x", 1, OVERLOADED)),
        record("s", "a", 86_399, failed("x", 1, OVERLOADED)),
        record("s", "a", 86_400, failed("y", 1, OVERLOADED)),
        record("s", "a", 86_420, attempt("x", 1)),
    ];
    let report = report(&records);
    assert_eq!(
        (report.attempts, report.failures, report.given_up),
        (1, 1, 0)
    );
    assert_eq!(told(&report, Remedy::OtherProvider), [1, 0, 1, 0]);
    assert_eq!(report.remedies.len(), 1);
}

#[test]
fn what_is_beyond_the_bounds_is_counted() {
    let mut records = Vec::new();
    for number in 0..70 {
        let name = format!("tool-{number}");
        let call = ToolCall::new(tool(&name), ToolOutcome::Failed, seconds(1));
        records.push(record("s", "a", number, call));
        let place = failed(&format!("p{number}"), 1, OVERLOADED);
        records.push(record("s", "a", number, place));
    }
    let report = report(&records);
    assert_eq!((report.tools.len(), report.left_out.tools), (64, 6));
    assert_eq!(report.failed_tool_calls, 70);
    assert_eq!(
        (report.kinds[0].places.len(), report.kinds[0].elsewhere),
        (16, 54)
    );
    assert_eq!(report.failures, 70);
}

#[test]
fn nothing_called_and_nothing_failed_are_told_apart() {
    let period = "1970-01-01 00:00 to 1970-01-02 00:00 UTC";
    let empty = ErrorsReport::of(day(), Vec::<Record>::new());
    let said = format!("Errors, {period}\n\n  There were no calls in this period.\n");
    assert_eq!(empty.to_string(), said);
    assert!(empty.is_empty());
    let failed = report(&[record("s", "a", 10, call("x", "m", 1).failed(OVERLOADED))]);
    let text = failed.to_string();
    assert!(!text.contains("answered "), "{text}");
    assert!(
        text.contains("overloaded            1  100.0 %         -       -"),
        "attempts are not recorded: {text}"
    );
    let well = report(&[record("s", "a", 10, call("x", "m", 1))]);
    assert!(!well.is_empty());
    let text = well.to_string();
    assert!(text.contains("0 of 1 failed, 0.0 %"), "{text}");
    assert!(text.contains("Nothing failed."), "{text}");
    assert_eq!(well.hindered.rate, None);
}

#[test]
fn lists_are_tables_for_a_spreadsheet() {
    let tables = CsvTable::of(&report(&some_day())).unwrap();
    let names: Vec<&str> = tables.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["report", "kinds", "tools", "remedies"]);
    let remedies = &tables[3].text;
    assert!(
        remedies
            .starts_with("remedy,tried,failed,open,recovery.recovered,recovery.of,recovery.rate"),
        "{remedies}"
    );
    assert!(
        remedies.contains("\r\nother_provider,2,1,0,1,2,0.5,"),
        "{remedies}"
    );
}

#[cfg(feature = "sqlite")]
#[test]
fn database_says_what_the_records_say() {
    use agent_telemetry::{Sink, SqliteSink, SqliteStore};

    let mut records = crate::story::records();
    records.extend(some_day());
    // What follows a failure counts after its day.
    records.push(record("late", "a", 86_399, failed("x", 1, OVERLOADED)));
    records.push(record("late", "a", 86_420, attempt("x", 1)));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    let mut sink = SqliteSink::open(&path)
        .unwrap()
        .retention(agent_telemetry::Retention::FOREVER);
    sink.write(&records).unwrap();
    let store = SqliteStore::open_read_only(&path).unwrap();
    let stored = store.errors_report(Period::ALL).unwrap();
    assert_eq!(stored, ErrorsReport::of(Period::ALL, &records));
    assert!(
        stored.failures >= 8 && stored.interruptions.crashes == 2,
        "{stored:?}"
    );
    assert_eq!(
        store.errors_report(day()).unwrap(),
        ErrorsReport::of(day(), &records)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_of_any_records_add_up_to_the_whole(records in arbitrary::records()) {
        let report = ErrorsReport::of(Period::ALL, &records);
        let sum = |of: fn(&RemedyLine) -> u64| report.remedies.iter().map(of).sum::<u64>();
        let failures: u64 = report.kinds.iter().map(|it| it.failures).sum();
        prop_assert_eq!(report.failures, failures);
        prop_assert_eq!(sum(|it| it.failures) + report.given_up, failures);
        for line in &report.remedies {
            prop_assert_eq!(line.tried, line.recovery.of + line.open);
            prop_assert_eq!(line.recovery.of, line.recovery.recovered + line.failed);
            prop_assert_eq!(line.kinds.iter().map(|it| it.failures).sum::<u64>(), line.failures);
            prop_assert!(line.evidence.count <= 8, "sessions of two projects and of none: {:?}", line.evidence);
        }
        for line in &report.kinds {
            let places: u64 = line.places.iter().map(|it| it.attempts + it.model_calls).sum();
            prop_assert_eq!(places + line.elsewhere, line.attempts + line.model_calls);
            let of_kind = report.remedies.iter().flat_map(|it| &it.kinds).filter(|it| it.kind == line.kind);
            let recovered: u64 = of_kind.map(|it| it.recovery.recovered).sum();
            prop_assert_eq!(line.recovery.recovered, recovered);
        }
        let calls = |of: fn(&Body) -> bool| records.iter().filter(|it| of(&it.body)).count() as u64;
        prop_assert_eq!(report.attempts, calls(|it| matches!(it, Body::Attempt(_))));
        prop_assert_eq!(report.model_calls, calls(|it| matches!(it, Body::ModelCall(it) if !it.is_unexplained())));
        prop_assert_eq!(report.tool_calls, calls(|it| matches!(it, Body::ToolCall(_))));
        let text = report.to_string();
        prop_assert!(widest(&text) <= 100 && !text.contains("NaN"), "{}", text);
        let json = serde_json::to_string(&report).unwrap();
        prop_assert_eq!(serde_json::from_str::<ErrorsReport>(&json).unwrap(), report);
    }
}
