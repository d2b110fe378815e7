//! Handoffs: which are counted, and what is said of what came after.

use std::time::Duration;

use agent_primitives::{Attempt, FailureKind, Handoff, HandoffReason, Party, SessionId, Usd};
use agent_telemetry::{
    Body, HandoffsReport, Outcome, Parent, PathLine, Period, Record, SessionStart, Task,
};
use proptest::prelude::*;

use super::{at, call, day, end, record, session, task, widest};
use crate::arbitrary;
use crate::story::{agent, provider, session_id};

fn switch(from: &str, to: &str) -> Handoff {
    Handoff::automatic(provider(from), provider(to), HandoffReason::Overloaded)
}

fn give(from: &str, to: &str) -> Handoff {
    Handoff::manual(agent(from), agent(to), HandoffReason::Manual)
}

fn report(records: &[Record]) -> HandoffsReport {
    HandoffsReport::of(day(), records)
}

fn names(parties: &[Party]) -> Vec<&str> {
    parties.iter().map(Party::name).collect()
}

#[test]
fn next_call_at_the_provider_says_whether_the_handoff_helped() {
    let slow = |call: agent_telemetry::ModelCall| call.latency(Duration::from_secs(4));
    let records = [
        record("s", "a", 10, task("fix")),
        record("s", "a", 20, call("x", "m", 1_000)),
        record("s", "a", 30, switch("x", "y")),
        // Of another provider: says nothing.
        record("s", "a", 31, call("x", "m", 2_000)),
        record("s", "a", 36, slow(call("y", "m", 4_000))),
        record("s", "a", 40, switch("x", "y")),
        record(
            "s",
            "a",
            50,
            slow(call("y", "m", 0)).failed(FailureKind::Timeout),
        ),
        record("s", "a", 60, switch("x", "y")),
        record("s", "a", 70, end(Outcome::Failed, 60)),
    ];
    let report = report(&records);
    assert_eq!(
        (report.handoffs, report.automatic, report.sessions),
        (3, 3, 1)
    );
    let path = &report.paths[0];
    assert_eq!((path.taken_up, path.succeeded, path.failed), (2, 1, 1));
    let wait = path.wait.unwrap();
    // Two and six seconds, within 0.55 %.
    assert!((wait.p50.as_secs_f64() - 2.0).abs() < 0.02, "{wait:?}");
    assert!((wait.p95.as_secs_f64() - 6.0).abs() < 0.04, "{wait:?}");
    assert_eq!((path.outcomes.failed, path.evidence.count), (1, 1));
    assert_eq!(
        path.cost_after,
        Usd::from_micros(6_000),
        "without what came before"
    );
}

#[test]
fn attempt_within_a_call_counts_before_the_call_itself() {
    let attempt = Attempt::new(provider("y"), 1, Duration::from_secs(1));
    let records = [
        record("s", "a", 30, switch("x", "y")),
        record("s", "a", 32, attempt.failed(FailureKind::Overloaded)),
        record("s", "a", 40, call("y", "m", 1)),
    ];
    let path = report(&records).paths.remove(0);
    assert_eq!((path.taken_up, path.succeeded, path.failed), (1, 0, 1));
}

#[test]
fn agent_that_takes_over_is_judged_by_its_own_end() {
    let child = SessionStart::new(session_id("t2"), agent("b"));
    let parent = Parent::new(session_id("t")).agent(agent("a"));
    let records = [
        // In the same session; the giver's end says nothing of the taker.
        record("s", "a", 10, task("fix")),
        record("s", "a", 20, give("a", "b")),
        record("s", "a", 21, end(Outcome::Escalated, 11)),
        record("s", "b", 25, task("fix")),
        record("s", "b", 60, end(Outcome::Success, 35)),
        // In a session of its own, which names this one as its parent.
        record("t", "a", 10, task("fix")),
        record("t", "a", 20, give("a", "b")),
        record("t2", "b", 29, Body::SessionStart(child.parent(parent).task)),
        record("t2", "b", 60, end(Outcome::Failed, 31)),
        // To a person, who leaves no record.
        record("u", "a", 10, task("fix")),
        record("u", "a", 20, give("a", "b")),
        record("u", "a", 21, end(Outcome::Escalated, 11)),
    ];
    let report = report(&records);
    let path = &report.paths[0];
    assert_eq!((path.handoffs, path.manual), (3, 3));
    assert_eq!((path.taken_up, path.succeeded, path.failed), (2, 1, 1));
    assert_eq!(path.outcomes.success, 1);
    assert_eq!(path.outcomes.escalated, 1);
    assert_eq!(path.outcomes.open, 1, "t: its own agent never ended");
    let wait = path.wait.unwrap();
    assert!((wait.p99.as_secs_f64() - 9.0).abs() < 0.06, "{wait:?}");
}

#[test]
fn work_that_goes_on_or_back_is_told_apart_and_makes_chains() {
    let mut records = Vec::new();
    for (session, hops) in [
        ("s", &[("a", "b"), ("b", "a"), ("a", "c")][..]),
        ("t", &[("a", "b"), ("b", "c")]),
        ("u", &[("a", "b"), ("b", "c")]),
        ("v", &[("a", "b"), ("a", "c")]),
    ] {
        records.push(record(session, "a", 1, task("fix")));
        for (second, (from, to)) in (2_i64..).zip(hops) {
            records.push(record(session, "a", second, give(from, to)));
        }
        records.push(record(session, "a", 9, end(Outcome::Success, 8)));
    }
    let report = report(&records);
    let of = |from: &str, to: &str| {
        let mut paths = report.paths.iter();
        paths
            .find(|it| it.from.name() == from && it.to.name() == to)
            .unwrap()
    };
    assert_eq!((of("a", "b").given_back, of("a", "b").given_on), (1, 2));
    assert_eq!((of("b", "a").given_back, of("b", "a").given_on), (0, 1));
    let chains: Vec<(Vec<&str>, u64)> = report
        .chains
        .iter()
        .map(|it| (names(&it.parties), it.times))
        .collect();
    assert_eq!(
        chains,
        [(vec!["a", "b", "c"], 2), (vec!["a", "b", "a", "c"], 1)]
    );
    assert_eq!(report.chains[0].success, 2);
}

#[test]
fn handoff_counts_in_its_period_and_what_follows_counts_after_it() {
    let records = [
        record("s", "a", -5, switch("x", "y")),
        record("s", "a", 86_399, switch("x", "y")),
        record("s", "a", 86_400, switch("x", "y")),
        record("s", "a", 86_420, call("y", "m", 1)),
    ];
    let report = report(&records);
    assert_eq!((report.handoffs, report.paths[0].succeeded), (1, 1));
    let alone = Record::new(at(5), switch("x", "y"));
    let report = HandoffsReport::of(day(), [alone]);
    assert_eq!((report.handoffs, report.left_out.no_session), (1, 1));
    assert_eq!((report.sessions, report.paths[0].taken_up), (0, 0));
}

/// Sessions of one agent and kind of work, of which those with a handoff cost twice as much.
fn sessions(with: u32, without: u32) -> Vec<Record> {
    let mut records = Vec::new();
    for number in 0..with + without {
        let id = format!("s{number}");
        let micros = 1_000 + i64::from(number % 5) * 100;
        let [start, call, end] = session(&id, "a", "fix", Outcome::Success, micros);
        if number < with {
            records.push(start);
            records.push(call.clone());
            records.push(record(&id, "a", 111, switch("x", "y")));
            records.push(call);
            records.push(end);
        } else {
            records.extend([start, call, end]);
        }
    }
    records
}

#[test]
fn extra_cost_is_the_ratio_to_sessions_without_a_handoff() {
    let report = report(&sessions(25, 50));
    let extra = report.paths[0].extra_cost.unwrap();
    assert!((extra.times - 2.0).abs() < 1e-9, "{extra:?}");
    assert!(
        extra.interval.low > 1.8 && extra.interval.high < 2.2,
        "{extra:?}"
    );
    assert_eq!((extra.sessions_with, extra.sessions_without), (25, 50));
    assert!((extra.with - 0.0024).abs() < 1e-9 && (extra.without - 0.0012).abs() < 1e-9);
    let text = report.to_string();
    assert!(text.contains("2.00 ×"), "{text}");
    for (with, without) in [(19, 50), (50, 19)] {
        let report = self::report(&sessions(with, without));
        assert_eq!(report.paths[0].extra_cost, None);
        assert!(report.to_string().contains("not enough data"));
    }
}

#[test]
fn what_is_beyond_the_bounds_is_counted() {
    let mut records: Vec<Record> = (0..70)
        .map(|second| record("s", "a", second, switch("x", "y")))
        .collect();
    for number in 0..66 {
        let path = switch(&format!("p{number}"), "y");
        records.push(record("t", "a", 100 + number, path));
    }
    let report = report(&records);
    assert_eq!((report.handoffs, report.paths.len()), (136, 64));
    assert_eq!(report.paths[0].handoffs, 70, "all are counted");
    assert_eq!(
        report.left_out.beyond,
        6 + 2,
        "what came of these is not known"
    );
    assert_eq!(report.left_out.paths, 3);
}

#[test]
fn session_with_a_handoff_that_is_not_followed_is_none_without_any() {
    // As many paths as are told apart, with that from x to y.
    let mut records: Vec<Record> = (0..4_095)
        .map(|number| Record::new(at(5), switch(&format!("p{number}"), "z")))
        .collect();
    records.extend(sessions(25, 50));
    let extra = |report: &HandoffsReport| {
        let of = |it: &&PathLine| it.from.name() == "x";
        let extra = report.paths.iter().find(of)?.extra_cost?;
        Some((extra.sessions_with, extra.sessions_without))
    };
    assert_eq!(extra(&report(&records)), Some((25, 50)));
    // Ten of those without go on a path beyond.
    records
        .extend((40..50).map(|number| record(&format!("s{number}"), "a", 130, switch("v", "w"))));
    let report = report(&records);
    assert_eq!(report.left_out.paths, 4_096 - 64 + 10);
    assert_eq!(extra(&report), Some((25, 40)));
}

#[test]
fn agents_without_end_in_one_session_are_not_followed() {
    let mut records = vec![record("s", "a", 1, task("fix"))];
    for number in 0..70 {
        let who = format!("a{number:02}");
        records.push(record("s", "a", 10, give("a", &who)));
        records.extend(session("s", &who, "fix", Outcome::Success, 1));
    }
    let report = report(&records);
    assert_eq!((report.handoffs, report.left_out.beyond), (70, 6));
    let sum = |of: fn(&PathLine) -> u64| report.paths.iter().map(of).sum::<u64>();
    // The giver is one of those that are followed.
    assert_eq!((sum(|it| it.taken_up), sum(|it| it.succeeded)), (64, 63));
}

#[test]
fn no_handoff_is_said() {
    let text = HandoffsReport::of(day(), Vec::<Record>::new()).to_string();
    let period = "1970-01-01 00:00 to 1970-01-02 00:00 UTC";
    let said = format!("Handoffs, {period}\n\n  There were no handoffs in this period.\n");
    assert_eq!(text, said);
}

#[cfg(feature = "sqlite")]
#[test]
fn database_says_what_the_records_say() {
    use agent_telemetry::{CompareConfig, CompareReport, Sink, SqliteSink, SqliteStore};

    let mut records = crate::story::records();
    records.extend(sessions(25, 30));
    records.push(record("s1", "a", 300, give("a", "b")));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    let mut sink = SqliteSink::open(&path)
        .unwrap()
        .retention(agent_telemetry::Retention::FOREVER);
    sink.write(&records).unwrap();
    let store = SqliteStore::open_read_only(&path).unwrap();
    let stored = store.handoffs_report(Period::ALL).unwrap();
    assert_eq!(stored, HandoffsReport::of(Period::ALL, &records));
    assert!(stored.handoffs >= 26, "{stored:?}");
    let config = CompareConfig::default();
    let stored = store.compare_report(Period::ALL, &config).unwrap();
    assert_eq!(stored, CompareReport::of(Period::ALL, &config, &records));
    assert!(stored.sides.len() >= 2);
    // Of a period alone, which begins after these sessions.
    let late = Period::new(at(125), Period::ALL.to());
    let cut = store.compare_report(late, &config).unwrap();
    assert!(cut.left_out.partly >= 55, "{:?}", cut.left_out);
    // One that begins in the middle of a minute has the whole of it, which the report says.
    for middle in [at(105), at(130)].map(|from| Period::new(from, at(301))) {
        let stored = store.compare_report(middle, &config).unwrap();
        let of_records = CompareReport::of(middle, &config, &records);
        assert_eq!(stored, of_records, "{middle:?}");
        let stored = store.handoffs_report(middle).unwrap();
        let of_records = HandoffsReport::of(middle, &records);
        assert_eq!(stored.handoffs, of_records.handoffs, "{middle:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_records_make_a_text_of_100_columns(records in arbitrary::records()) {
        let report = HandoffsReport::of(Period::ALL, &records);
        let handoffs = records.iter().filter(|it| matches!(it.body, Body::Handoff(_))).count();
        prop_assert_eq!(report.handoffs, handoffs as u64);
        prop_assert_eq!(report.automatic + report.manual, report.handoffs);
        let text = report.to_string();
        prop_assert!(widest(&text) <= 100, "{}", text);
        let json = serde_json::to_string(&report).unwrap();
        prop_assert_eq!(serde_json::from_str::<HandoffsReport>(&json).unwrap(), report);
    }
}

#[test]
fn session_that_is_its_own_parent_ends_nothing() {
    let mut task = Task::default();
    task.parent = Some(Parent::new(SessionId::new("s").unwrap()));
    let records = [
        record("s", "a", 10, give("a", "a")),
        record("s", "a", 20, Body::SessionStart(task)),
        record("s", "a", 30, end(Outcome::Success, 10)),
    ];
    let path = report(&records).paths.remove(0);
    assert_eq!((path.taken_up, path.succeeded), (1, 1));
}
