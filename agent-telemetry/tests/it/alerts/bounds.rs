//! Whatever comes: no panic, no memory without bound, and no clock that wedges it.

use agent_primitives::{ContextPressure, FailureKind, SessionId, Timestamp};
use agent_telemetry::Record;
use agent_telemetry::alert::{
    AlertState, Alerts, AlertsConfig, Calls, Condition, Dimension, Rule, Rules, WindowPair,
};
use proptest::prelude::*;

use super::restart::of_each_kind;
use super::{alerts, at, call, failed, good, hear, rules, seconds, tokens};
use crate::arbitrary;

fn busy() -> Rule {
    Rule::new(
        "rule",
        Condition::TokensPerMinute {
            above: 100,
            clear: None,
            window: seconds(60),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_records_at_any_times_are_taken_in(
        records in arbitrary::records(),
        ticks in prop::collection::vec(any::<i64>(), 4),
    ) {
        let mut all = of_each_kind().as_slice().to_vec();
        all.extend(Rules::recommended().as_slice().iter().cloned());
        let rules = rules(all);
        let few = AlertsConfig { subjects: 3 };
        let mut alerts = Alerts::with_config(&rules, few, Timestamp::UNIX_EPOCH);
        for (number, record) in records.iter().enumerate() {
            let told = alerts.observe(record);
            for it in &told {
                prop_assert!(it.limit.is_finite() && it.value.is_none_or(f64::is_finite));
            }
            if let Some(tick) = ticks.get(number / 8) {
                alerts.tick(Timestamp::from_unix_nanos(*tick));
                alerts.observe_batch(&records, Timestamp::from_unix_nanos(tick / 2));
            }
            if number % 8 == 7 {
                let state = serde_json::to_string(&alerts.state()).unwrap();
                let state: AlertState = serde_json::from_str(&state).unwrap();
                alerts = Alerts::restore(&rules, few, state, record.at);
            }
        }
        prop_assert!(alerts.unacknowledged().len() <= 256);
        let subjects: usize = serde_json::to_value(alerts.state()).unwrap()["rules"]
            .as_array()
            .unwrap()
            .iter()
            .map(|rule| rule["states"].as_array().unwrap().len())
            .max()
            .unwrap();
        prop_assert!(subjects <= 3, "{subjects}");
    }
}

/// Alerts after so many calls, of which so many took longer than the limit or failed.
fn told(when: &Condition, bad: i64, all: i64) -> usize {
    let mut alerts = alerts(when.clone());
    let records = (0..all).map(|number| {
        call(0, |it| {
            let it = it.latency(seconds(if number < bad { 11 } else { 1 }));
            if number < bad {
                it.failed(FailureKind::Server)
            } else {
                it
            }
        })
    });
    // The bad ones come last, so that no share on the way is higher.
    let records: Vec<_> = records.collect();
    records
        .iter()
        .rev()
        .flat_map(|it| alerts.observe(it))
        .count()
}

#[test]
fn exactly_the_allowed_share_fires_nothing_and_one_more_does() {
    for percent in 1..100_u32 {
        let (share, bad) = (f64::from(percent) / 100.0, i64::from(percent) * 10);
        let slow = Condition::Latency {
            of: Calls::ModelCalls,
            quantile: f64::from(100 - percent) / 100.0,
            above: seconds(10),
            clear: None,
            window: seconds(60),
            at_least: 1,
        };
        let errors = Condition::ErrorRate {
            of: Calls::ModelCalls,
            above: share,
            clear: None,
            window: seconds(60),
            at_least: 1,
        };
        let burn = Condition::BurnRate {
            of: Calls::ModelCalls,
            objective: 1.0 - share,
            windows: vec![WindowPair {
                factor: 1.0,
                long: seconds(60),
                short: seconds(10),
            }],
            at_least: 1,
        };
        for when in [slow, errors, burn] {
            assert_eq!(told(&when, bad, 1_000), 0, "{when:?}");
            assert_eq!(told(&when, bad + 1, 1_000), 1, "{when:?}");
        }
    }
}

#[test]
fn record_that_is_ahead_of_the_clock_counts_as_of_now() {
    let mut alerts = alerts(busy().when);
    let mut wild = tokens(0, 200);
    wild.at = Timestamp::MAX;
    assert_eq!(alerts.observe(&wild).len(), 1);
    assert_eq!(alerts.counts().ahead, 1);
    // It ends like any other, and the next one fires as usual.
    assert_eq!(
        hear(&mut alerts, &[tokens(90, 101)], 100),
        ["resolved 60", "firing 90"]
    );
}

#[test]
fn clock_that_jumps_ahead_and_back_does_not_wedge_it() {
    let mut alerts = alerts(busy().when);
    alerts.tick(Timestamp::MAX);
    alerts.observe(&tokens(5, 200));
    let heard = hear(&mut alerts, &[tokens(10, 101), tokens(100, 101)], 100);
    assert_eq!(heard, ["firing 10", "resolved 70", "firing 100"]);
    assert_eq!(alerts.counts().rewound, 1);
}

#[test]
fn late_records_count_as_long_as_their_window_reaches_back() {
    let mut alerts = alerts(busy().when);
    alerts.tick(at(100));
    assert!(alerts.observe(&tokens(50, 60)).is_empty());
    assert_eq!(alerts.observe(&tokens(90, 60)).len(), 1);
    alerts.observe(&tokens(40, 60));
    assert_eq!(alerts.counts().late, 1);
}

#[test]
fn single_value_that_is_long_past_says_nothing_about_now() {
    let context = Condition::ContextShare {
        share: 0.8,
        clear: None,
    };
    let mut alerts = alerts(context);
    let full = |when| Record::new(at(when), ContextPressure::new(9, 10));
    alerts.tick(at(1_000));
    assert!(alerts.observe(&full(699)).is_empty());
    assert_eq!(alerts.counts().late, 1);
    assert_eq!(alerts.observe(&full(700)).len(), 1);
}

#[test]
fn subjects_beyond_the_bound_make_room_where_they_are_quiet() {
    let by = rules([busy().by([Dimension::Session])]);
    let mut alerts = Alerts::with_config(&by, AlertsConfig { subjects: 8 }, at(0));
    let of = |number: i64, record: Record| {
        record.of_session(SessionId::new(format!("s{number}")).unwrap())
    };
    assert_eq!(alerts.observe(&of(0, tokens(0, 200))).len(), 1);
    for number in 1..=7 {
        alerts.observe(&of(number, tokens(number, 60)));
    }
    assert_eq!(alerts.counts().evicted, 0);
    // The two that were quiet for longest make room; the first one fires and stays.
    alerts.observe(&of(8, tokens(8, 60)));
    assert_eq!(alerts.counts().evicted, 2);
    assert!(
        alerts.observe(&of(1, tokens(9, 60))).is_empty(),
        "begins anew"
    );
    assert_eq!(
        alerts.observe(&of(5, tokens(9, 60))).len(),
        1,
        "still known"
    );
    assert_eq!(alerts.firing().len(), 2);
    // Where all fire there is no room.
    for number in 10..30 {
        alerts.observe(&of(number, tokens(10, 200)));
    }
    assert_eq!(alerts.firing().len(), 8);
    assert!(alerts.counts().left_out > 0);
}

#[test]
fn nobody_has_to_tick_while_nothing_can_change() {
    let rules = Rules::recommended();
    let mut alerts = Alerts::new(&rules, at(0));
    alerts.observe_batch(&[good(1)], at(1));
    assert_eq!(alerts.next_tick(), None);
    // A failure may become too many by itself, until it has left all windows.
    alerts.observe(&failed(2));
    assert!(alerts.next_tick().is_some());
    alerts.tick(at(4 * 86_400));
    assert_eq!(alerts.next_tick(), None);
}
