//! What work cost: the parts add up, and nothing unknown passes for free.

use agent_primitives::Usd;
use agent_telemetry::{CostReport, ModelsReport, Outcome, Period, Record, Rollups};
use proptest::prelude::*;

use super::{at, call, record, session, widest};
use crate::arbitrary;

fn report(records: &[Record], period: Period) -> CostReport {
    CostReport::of(
        period,
        period.days().map(|day| (day, Rollups::of(records, day))),
    )
}

fn two_days() -> Period {
    Period::new(at(0), at(2 * 86_400))
}

#[test]
fn cost_is_told_by_agent_kind_of_work_model_and_day() {
    let mut records = Vec::new();
    records.extend(session("s1", "a", "fix", Outcome::Success, 3_000));
    records.extend(session("s2", "a", "review", Outcome::Failed, 5_000));
    records.extend(session("s3", "b", "fix", Outcome::Success, 1_000));
    records.push(record("s1", "a", 86_400, call("house", "large", 11_000)));
    let report = report(&records, two_days());
    let usd = Usd::from_micros;
    assert_eq!(
        (report.cost, report.calls, report.success),
        (usd(20_000), 4, 2)
    );
    assert_eq!(report.cost_per_success, Some(usd(10_000)));
    let agents: Vec<_> = report
        .agents
        .iter()
        .map(|line| {
            (
                line.of.as_ref().map(ToString::to_string),
                line.cost,
                line.success,
            )
        })
        .collect();
    assert_eq!(
        agents,
        [
            (Some("a".into()), usd(19_000), 1),
            (Some("b".into()), usd(1_000), 1)
        ]
    );
    assert_eq!(
        report.agents[0].cost_share.map(|it| format!("{it:.3}")),
        Some("0.950".into())
    );
    let kinds: Vec<_> = report
        .task_types
        .iter()
        .map(|line| (line.of.as_deref(), line.cost, line.cost_per_success))
        .collect();
    assert_eq!(
        kinds,
        [
            (Some("fix"), usd(15_000), Some(usd(7_500))),
            (Some("review"), usd(5_000), None),
        ]
    );
    assert_eq!(report.models[0].model.as_str(), "large");
    let days: Vec<_> = report
        .days
        .iter()
        .map(|it| (it.cost, it.ended, it.models.clone()))
        .collect();
    assert_eq!(
        days,
        [
            (usd(9_000), 3, vec![usd(0), usd(9_000)]),
            (usd(11_000), 0, vec![usd(11_000), usd(0)]),
        ]
    );
    let text = report.to_string();
    assert!(text.contains("$0.0200 for 4 model calls"), "{text}");
    assert!(text.contains("$0.0100, over 2 successes"), "{text}");
}

#[test]
fn calls_without_a_price_are_no_free_ones() {
    let mut unpriced = call("house", "small", 0).usage(agent_primitives::TokenUsage::new(5, 5));
    unpriced.cost = None;
    let records = [record("s", "a", 5, unpriced)];
    let report = report(&records, two_days());
    assert_eq!(
        (report.unpriced_calls, report.agents[0].unpriced_calls),
        (1, 1)
    );
    assert_eq!(report.models[0].cost_share, None);
    let text = report.to_string();
    assert!(
        text.contains("not known: 1 of 1 model call without a known price"),
        "{text}"
    );
    // The day without a call cost nothing, and that is known.
    assert_eq!(text.matches("$0.0").count(), 1, "{text}");
}

#[test]
fn success_of_which_some_calls_have_no_price_costs_what_is_known_at_least() {
    let mut records: Vec<Record> = session("s1", "a", "fix", Outcome::Success, 3_000).into();
    let mut unpriced = call("house", "small", 0).usage(agent_primitives::TokenUsage::new(5, 5));
    unpriced.cost = None;
    records.push(record("s1", "a", 112, unpriced));
    records.extend(session("s2", "b", "fix", Outcome::Success, 4_000));
    let text = report(&records, two_days()).to_string();
    assert!(
        text.contains("per success   ≥ $0.003500, over 2 successes"),
        "{text}"
    );
    let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(line("  a ").ends_with("  ≥ $0.003000"), "{text}");
    assert!(line("  b ").ends_with("    $0.004000"), "{text}");
    let sums = Rollups::of(&records, two_days());
    let text = agent_telemetry::AgentsReport::of(two_days(), &sums).to_string();
    assert!(text.contains("≥ $0.003000"), "{text}");
}

#[test]
fn numbers_without_measure_are_no_trouble() {
    let most = u64::MAX >> 1;
    let usage = agent_primitives::TokenUsage::new(most, most)
        .with_cache_read(most)
        .with_cache_write_1h(most);
    let mut dear = call("house", "small", 0).usage(usage);
    dear.cost = Some(Usd::MAX);
    let mut records = vec![record("s", "a", 5, dear.clone()), record("s", "a", 6, dear)];
    records.extend(session("s", "a", "fix", Outcome::Success, -5));
    let report = report(&records, two_days());
    assert_eq!(report.cost, Usd::MAX - Usd::from_micros(5));
    let text = report.to_string();
    assert!(widest(&text) <= 100 && !text.contains("NaN"), "{text}");
    assert!(text.contains("from cache") && report.to_html().len() > 1_000);
}

#[test]
fn nothing_in_a_period_is_said() {
    let report = report(&[], two_days());
    assert!(report.is_empty());
    let text = report.to_string();
    assert!(
        text.contains("There were no model calls in this period."),
        "{text}"
    );
}

#[test]
fn days_before_the_last_400_are_in_the_sums_alone() {
    let records: Vec<Record> = (0..410)
        .map(|day| record("s", "a", day * 86_400, call("house", "small", 1_000)))
        .collect();
    let period = Period::new(at(0), at(410 * 86_400));
    let report = report(&records, period);
    assert_eq!(
        (report.calls, report.days.len(), report.left_out),
        (410, 400, 1)
    );
    assert_eq!(report.days[0].from, at(10 * 86_400));
}

#[cfg(feature = "sqlite")]
mod stored {
    use agent_telemetry::{Retention, Sink, SqliteSink, SqliteStore};

    use super::*;

    fn store(folder: &tempfile::TempDir, records: &[Record]) -> SqliteStore {
        let path = folder.path().join("telemetry.db");
        let mut sink = SqliteSink::open(&path)
            .unwrap()
            .retention(Retention::FOREVER);
        sink.write(records).unwrap();
        SqliteStore::open_read_only(&path).unwrap()
    }

    #[test]
    fn database_says_what_the_records_say() {
        let records = crate::story::records();
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder, &records);
        let period = Period::parse("2026-11-20..2026-11-21", at(0)).unwrap();
        let stored = store.cost_report(period).unwrap().unwrap();
        assert_eq!(stored, report(&records, period));
        assert!(stored.calls > 0);
    }

    #[test]
    fn dearest_sessions_are_in_order_to_the_last_digit() {
        // Three calls of almost a micro-dollar are more than one of two.
        let cost = |session: &'static str, picos: i128| {
            let mut of = call("house", "small", 0);
            of.cost = Some(Usd::from_picos(picos));
            record(session, "a", 100, of)
        };
        let records = [
            cost("two", 2_000_000),
            cost("many", 999_999),
            cost("many", 999_999),
            cost("many", 999_999),
            cost("below", -5),
            cost("below", -999_999),
            cost("most", i128::from(i64::MAX)),
            cost("most", i128::from(i64::MAX)),
        ];
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder, &records);
        let found = store.dearest_sessions(super::super::day(), 9).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|it| (it.session.as_str(), it.cost.picos()))
            .collect();
        assert_eq!(
            found,
            [
                ("most", 2 * i128::from(i64::MAX)),
                ("many", 2_999_997),
                ("two", 2_000_000),
                ("below", -1_000_004),
            ]
        );
    }

    #[test]
    fn dearest_sessions_are_named_with_what_is_not_known_of_them() {
        let mut records = Vec::new();
        records.extend(session("cheap", "a", "fix", Outcome::Success, 1));
        records.extend(session("dear", "a", "fix", Outcome::Success, 9_000));
        records.extend(session("middle", "a", "fix", Outcome::Success, 500));
        let mut unpriced = call("house", "small", 0).usage(agent_primitives::TokenUsage::new(5, 5));
        unpriced.cost = None;
        records.push(record("dear", "a", 111, unpriced));
        records.push(record("dear", "a", 90_000, call("house", "small", 7)));
        let mut wide = call("house", "small", 0);
        wide.cost = Some(Usd::from_picos(i128::MAX));
        records.push(record("wide", "a", 100, wide));
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder, &records);
        let found = store.dearest_sessions(super::super::day(), 2).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|it| (it.session.as_str(), it.cost, it.calls, it.unpriced_calls))
            .collect();
        assert_eq!(
            found,
            [
                ("dear", Usd::from_micros(9_000), 2, 1),
                ("middle", Usd::from_micros(500), 1, 0),
            ]
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_add_up_to_the_whole(records in arbitrary::records()) {
        let report = report(&records, Period::ALL);
        let models = ModelsReport::of(Period::ALL, &Rollups::of(&records, Period::ALL));
        prop_assert_eq!((report.calls, report.cost), (models.calls, models.cost));
        let sums = [
            report.agents.iter().map(|it| it.calls).sum::<u64>(),
            report.task_types.iter().map(|it| it.calls).sum(),
            report.projects.iter().map(|it| it.calls).sum(),
            report.models.iter().map(|it| it.calls).sum(),
        ];
        prop_assert_eq!(sums, [report.calls; 4]);
        let text = report.to_string();
        prop_assert!(widest(&text) <= 100, "{}", text);
        let json = serde_json::to_string(&report).unwrap();
        prop_assert_eq!(serde_json::from_str::<CostReport>(&json).unwrap(), report);
    }

    #[test]
    fn days_follow_each_other_from_end_to_end(from in any::<i64>(), length in 1..i64::MAX) {
        use agent_primitives::Timestamp;
        let nanos = Timestamp::from_unix_nanos;
        let period = Period::new(nanos(from), nanos(from.saturating_add(length)));
        prop_assume!(!period.is_empty());
        let days: Vec<Period> = period.days().collect();
        prop_assert!((1..=401).contains(&days.len()));
        prop_assert_eq!((days[0].from(), days[days.len() - 1].to()), (period.from(), period.to()));
        for pair in days.windows(2) {
            prop_assert_eq!(pair[0].to(), pair[1].from());
        }
    }
}
