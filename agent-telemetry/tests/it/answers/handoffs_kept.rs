//! Handoffs that are kept: any period, whatever was asked before, as from the records at once.

use std::collections::HashMap;
use std::time::Duration;

use agent_primitives::{Attempt, Handoff, HandoffReason, Timestamp, Usd};
use agent_telemetry::{
    Body, HandoffLedger, HandoffsReport, Outcome, Parent, PathLine, Period, Record, Span, Task,
};
use proptest::prelude::*;
use proptest::sample::select;

use super::{at, call, end, record, task};
use crate::story::{agent, provider, session_id};

const SESSIONS: &[&str] = &["s", "t", "u"];
const AGENTS: &[&str] = &["a", "b", "c"];
const PROVIDERS: &[&str] = &["x", "y"];
const HOUR: i64 = 3_600;
const DAYS: i64 = 3 * 24 * HOUR;

fn handoff() -> impl Strategy<Value = Body> {
    let reason = select(&[HandoffReason::Overloaded, HandoffReason::Manual][..]);
    let two = |names: &'static [&'static str]| (select(names), select(names));
    prop_oneof![
        (two(PROVIDERS), reason).prop_map(|((from, to), reason)| {
            Handoff::automatic(provider(from), provider(to), reason).into()
        }),
        two(AGENTS).prop_map(|(from, to)| {
            Handoff::manual(agent(from), agent(to), HandoffReason::Manual).into()
        }),
    ]
}

fn start() -> impl Strategy<Value = Body> {
    let kind = select(&[None, Some("fix"), Some("review")][..]);
    (kind, prop::option::of(select(SESSIONS)), any::<bool>()).prop_map(
        |(kind, parent, is_resumed)| {
            let mut task = Task::default();
            task.task_type = kind.map(Into::into);
            task.parent = parent.map(|parent| Parent::new(session_id(parent)));
            if is_resumed {
                Body::SessionResume(task)
            } else {
                Body::SessionStart(task)
            }
        },
    )
}

fn body() -> impl Strategy<Value = Body> {
    let attempt = (select(PROVIDERS), 0_u64..9).prop_map(|(of, seconds)| {
        Attempt::new(provider(of), 1, Duration::from_secs(seconds)).into()
    });
    prop_oneof![
        4 => handoff(),
        2 => start(),
        1 => select(Outcome::ALL).prop_map(|outcome| end(outcome, 5)),
        2 => (select(PROVIDERS), 0_i64..9, any::<bool>()).prop_map(|(of, micros, is_priced)| {
            let mut call = call(of, "m", micros);
            call.cost = call.cost.filter(|_| is_priced);
            call.usage = agent_primitives::TokenUsage::new(5, 5);
            call.into()
        }),
        1 => attempt,
    ]
}

/// Recorded in about the order in which they happened, with some that come late or ahead of time.
fn records() -> impl Strategy<Value = Vec<Record>> {
    let one = (
        body(),
        prop::option::weighted(0.95, select(SESSIONS)),
        select(AGENTS),
        prop_oneof![5 => Just(None), 1 => (-HOUR..DAYS).prop_map(Some)],
        any::<bool>(),
    );
    prop::collection::vec(one, 0..90).prop_map(|all| {
        let step = DAYS / 90;
        let records = (0_i64..).zip(all);
        records
            .map(|(n, (body, session, who, odd, is_elsewhere))| {
                let mut record = record("s", who, odd.unwrap_or(n * step), body);
                record.session = session.map(session_id);
                if is_elsewhere && n % 7 == 0 {
                    record.project = Some("p".parse().unwrap());
                }
                record
            })
            .collect()
    })
}

/// Whole hours and days among them.
fn period() -> impl Strategy<Value = Period> {
    let bound = || prop_oneof![-HOUR..DAYS, (0_i64..72).prop_map(|hour| hour * HOUR)];
    prop_oneof![
        1 => Just(Period::ALL),
        6 => (bound(), bound()).prop_map(|(a, b)| Period::new(at(a.min(b)), at(a.max(b)))),
    ]
}

/// What a path comes to: handoffs, sessions, what they spent from the first one here on, calls without a price.
type Plain = HashMap<(String, String), (u64, u64, Usd, u64)>;

/// By another way, which knows no hours: session by session.
fn plain(period: Period, records: &[Record]) -> (u64, Plain) {
    let period = period.outward(Span::Minute);
    let mut paths = Plain::new();
    let mut sessions: HashMap<_, Vec<&Record>> = HashMap::new();
    for record in records {
        let key = (record.project.clone(), record.session.clone());
        sessions.entry(key).or_default().push(record);
    }
    let mut with_any = 0;
    for ((_, session), told) in sessions {
        let mut seen = Vec::new();
        for (place, record) in told.iter().enumerate() {
            let Body::Handoff(handoff) = &record.body else {
                continue;
            };
            if !period.contains(record.at) {
                continue;
            }
            let path = (handoff.from.to_string(), handoff.to.to_string());
            let line = paths.entry(path.clone()).or_default();
            line.0 += 1;
            if session.is_none() || seen.contains(&path) {
                continue;
            }
            seen.push(path);
            line.1 += 1;
            for later in told.iter().skip(place) {
                if let Body::ModelCall(call) = &later.body {
                    line.2 += call.cost.unwrap_or_default();
                    line.3 += u64::from(call.cost.is_none());
                }
            }
        }
        with_any += u64::from(!seen.is_empty());
    }
    (with_any, paths)
}

fn assert_plain(report: &HandoffsReport, records: &[Record]) {
    let (sessions, paths) = plain(report.period, records);
    assert_eq!(report.sessions, sessions);
    let of = |line: &PathLine| {
        let path = (line.from.to_string(), line.to.to_string());
        let sums = (line.evidence.count, line.cost_after, line.unpriced_after);
        (path, (line.handoffs, sums.0, sums.1, sums.2))
    };
    assert_eq!(report.paths.iter().map(of).collect::<Plain>(), paths);
    for line in &report.paths {
        assert_eq!(line.outcomes.total(), line.evidence.count);
        assert_eq!(line.wait.map_or(0, |it| it.count), line.taken_up);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ledger_that_was_asked_before_says_what_the_records_say(
        records in records(),
        asked in prop::collection::vec((0_usize..90, period()), 0..12),
        last in prop::collection::vec(period(), 1..6),
    ) {
        let mut ledger = HandoffLedger::default();
        for (place, record) in records.iter().enumerate() {
            for (_, period) in asked.iter().filter(|(when, _)| *when == place) {
                let report = ledger.report(*period);
                prop_assert_eq!(report, HandoffsReport::of(*period, &records[..place]));
            }
            ledger.add(record);
        }
        for period in last {
            let report = ledger.report(period);
            assert_plain(&report, &records);
            prop_assert_eq!(report, HandoffsReport::of(period, &records));
        }
    }

    #[test]
    fn periods_that_follow_one_another_add_up(records in records(), hour in 0_i64..72) {
        let cut = at(hour * HOUR);
        let parts = [
            Period::new(Period::ALL.from(), cut),
            Period::new(cut, Period::ALL.to()),
            Period::ALL,
        ];
        let [before, after, all] = parts.map(|period| HandoffsReport::of(period, &records));
        let sums = |of: fn(&PathLine) -> u64| {
            [&before, &after, &all].map(|report| report.paths.iter().map(of).sum::<u64>())
        };
        for [before, after, all] in [
            sums(|it| it.handoffs),
            sums(|it| it.taken_up),
            sums(|it| it.succeeded),
            sums(|it| it.failed),
            sums(|it| it.given_back),
            sums(|it| it.given_on),
        ] {
            prop_assert_eq!(before + after, all);
        }
    }
}

fn switch(from: &str, to: &str) -> Handoff {
    Handoff::automatic(provider(from), provider(to), HandoffReason::Overloaded)
}

#[test]
fn session_counts_once_in_a_period_and_again_in_the_next_one() {
    let records = [
        record("s", "a", 10, task("fix")),
        record("s", "a", 20, switch("x", "y")),
        record("s", "a", 30, call("y", "m", 1)),
        record("s", "a", HOUR + 20, switch("x", "y")),
        record("s", "a", HOUR + 30, call("y", "m", 2)),
        record("s", "a", 30 * HOUR, switch("x", "y")),
        record("s", "a", 30 * HOUR + 10, call("y", "m", 4)),
    ];
    let micros = |from, to| {
        let report = HandoffsReport::of(Period::new(at(from * HOUR), at(to * HOUR)), &records);
        let cost = report.paths[0].cost_after;
        assert_eq!((report.sessions, report.paths[0].outcomes.open), (1, 1));
        (report.handoffs, cost)
    };
    assert_eq!(micros(0, 48), (3, Usd::from_micros(7)));
    assert_eq!(micros(0, 1), (1, Usd::from_micros(7)));
    assert_eq!(micros(1, 24), (1, Usd::from_micros(6)));
    assert_eq!(micros(1, 48), (2, Usd::from_micros(6)));
    assert_eq!(micros(24, 48), (1, Usd::from_micros(4)));
}

#[test]
fn what_the_taker_did_next_counts_after_the_period_as_well() {
    let records = [
        record("s", "a", 20, switch("x", "y")),
        record("s", "a", HOUR + 20, switch("y", "x")),
        record("s", "a", HOUR + 21, end(Outcome::Success, 5)),
    ];
    let report = HandoffsReport::of(Period::new(at(0), at(HOUR)), &records);
    assert_eq!((report.handoffs, report.paths[0].given_back), (1, 1));
    assert_eq!((report.chains.len(), report.chains[0].success), (1, 1));
    let report = HandoffsReport::of(Period::new(at(HOUR), at(2 * HOUR)), &records);
    assert!(report.chains.is_empty(), "it began before");
}

#[test]
fn equally_frequent_paths_stand_in_the_order_of_recording_in_the_period() {
    let records = [
        record("s", "a", 20, switch("x", "y")),
        record("s", "a", HOUR + 20, switch("y", "x")),
        record("s", "a", HOUR + 30, switch("x", "y")),
    ];
    let first = |from: i64, to: i64| {
        let report = HandoffsReport::of(Period::new(at(from), at(to)), &records);
        assert_eq!((report.paths.len(), report.sessions), (2, 1));
        report.paths[0].from.to_string()
    };
    assert_eq!(first(HOUR, 2 * HOUR), first(HOUR + 20, 2 * HOUR));
    assert!(
        first(HOUR, 2 * HOUR).contains('y'),
        "{}",
        first(HOUR, 2 * HOUR)
    );
}

#[test]
fn frequent_chain_of_whole_days_is_not_left_out_for_those_of_the_last_hours() {
    let chain = |session: &str, second: i64, [a, b, c]: [&str; 3]| {
        [
            record(session, "a", second, switch(a, b)),
            record(session, "a", second + 1, switch(b, c)),
        ]
    };
    let mut records = Vec::new();
    for number in 0..3 {
        records.extend(chain(&format!("s{number}"), 20 * HOUR, ["x", "y", "z"]));
    }
    // As many others as are told apart, once each.
    for number in 0..1_024 {
        let [a, b] = [number / 32, number % 32].map(|number| format!("p{number}"));
        records.extend(chain(
            &format!("t{number}"),
            30 * HOUR,
            [&a, "m", &format!("to-{b}")],
        ));
    }
    let report = HandoffsReport::of(Period::new(at(0), at(36 * HOUR)), &records);
    assert_eq!(report.chains[0].times, 3);
    assert_eq!(report.left_out.chains, 1_024 - 15);
}

#[test]
fn times_at_the_ends_of_time_are_no_trouble() {
    let mut ledger = HandoffLedger::default();
    for nanos in [i64::MIN, i64::MIN + 1, 0, i64::MAX - 1, i64::MAX] {
        let at = Timestamp::from_unix_nanos(nanos);
        ledger.add(&Record::new(at, switch("x", "y")).of_session(session_id("s")));
        ledger.add(&Record::new(at, task("fix")).of_session(session_id("s")));
    }
    let report = ledger.report(Period::ALL);
    assert_eq!(
        (report.handoffs, report.sessions),
        (4, 1),
        "but the last nanosecond"
    );
}

#[cfg(feature = "sqlite")]
mod stored {
    use agent_telemetry::{Retention, Sink, SqliteSink, SqliteStore};

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn database_says_of_any_period_what_the_records_say(
            records in records(),
            size in 1_usize..40,
            periods in prop::collection::vec(period(), 1..5),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("telemetry.db");
            let open = || SqliteSink::open(&path).unwrap().retention(Retention::FOREVER);
            let mut sink = open();
            let mut kept = SqliteStore::open_read_only(&path).unwrap().into_handoffs();
            let mut written = 0;
            for batch in records.chunks(size) {
                sink.write(batch).unwrap();
                // Another process goes on.
                sink = open();
                written += batch.len();
                let period = periods[written % periods.len()];
                let report = kept.report(period).unwrap();
                prop_assert_eq!(report, HandoffsReport::of(period, &records[..written]));
            }
            for period in periods {
                let expected = HandoffsReport::of(period, &records);
                prop_assert_eq!(&kept.report(period).unwrap(), &expected);
                let once = kept.store().handoffs_report(period).unwrap();
                prop_assert_eq!(&once, &expected);
            }
        }
    }

    #[test]
    fn database_of_the_first_version_is_asked_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("telemetry.db");
        let sql = rusqlite::Connection::open(&path).unwrap();
        sql.execute_batch(include_str!("../../golden/v1.sql"))
            .unwrap();
        drop(sql);
        let store = SqliteStore::open_read_only(&path).unwrap();
        let records: Vec<Record> = store.records().collect::<Result<_, _>>().unwrap();
        let from = records.iter().map(|record| record.at).max().unwrap();
        let last = Period::new(from, Period::ALL.to());
        let mut kept = store.into_handoffs();
        for period in [Period::ALL, last] {
            let expected = HandoffsReport::of(period, &records);
            assert_eq!(kept.report(period).unwrap(), expected);
            assert_eq!(kept.store().handoffs_report(period).unwrap(), expected);
        }
        assert!(kept.report(Period::ALL).unwrap().handoffs > 0);
    }

    #[test]
    fn what_retention_removed_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("telemetry.db");
        let mut sink = SqliteSink::open(&path)
            .unwrap()
            .retention(Retention::FOREVER);
        let day = |day: i64| day * 24 * HOUR;
        let records = [
            record("s", "a", 0, switch("x", "y")),
            record("t", "a", day(39), switch("x", "y")),
            record("t", "a", day(40), switch("y", "x")),
        ];
        sink.write(&records).unwrap();
        let mut kept = SqliteStore::open_read_only(&path).unwrap().into_handoffs();
        assert_eq!(kept.report(Period::ALL).unwrap().handoffs, 3);
        let mut sink = sink.retention(Retention::default());
        assert_eq!(sink.prune().unwrap().records, 1);
        let report = kept.report(Period::ALL).unwrap();
        assert_eq!(report, HandoffsReport::of(Period::ALL, &records[1..]));
        // What comes first in a table is no removal.
        sink.write(&[record("t", "a", day(40) + 5, call("x", "m", 3))])
            .unwrap();
        let report = kept.report(Period::ALL).unwrap();
        assert_eq!(report.paths[1].cost_after, Usd::from_micros(3));
    }
}
