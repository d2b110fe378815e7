//! What a restart does to what is told: nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use agent_primitives::SessionId;
use agent_telemetry::Record;
use agent_telemetry::alert::{
    AlertState, Alerts, AlertsConfig, Bound, BudgetPeriod, Calls, Condition, Dimension,
    Notification, Queue, Rule, Rules, Status, WindowPair,
};
use proptest::prelude::*;
use proptest::sample::select;

use super::{alerts_of, at, attempt, cost, failed, good, rules, seconds, sessions, tokens};

/// A rule of each kind, with limits that a few records cross.
pub(super) fn of_each_kind() -> Rules {
    let window = seconds(60);
    let kinds = [
        Condition::ErrorRate {
            of: Calls::ModelCalls,
            above: 0.3,
            clear: Some(0.2),
            window,
            at_least: 3,
        },
        Condition::Latency {
            of: Calls::Attempts,
            quantile: 0.5,
            above: seconds(1) / 2,
            clear: None,
            window,
            at_least: 2,
        },
        Condition::TokensPerMinute {
            above: 100,
            clear: Some(50),
            window,
        },
        Condition::CostPerHour {
            above: "60".parse().unwrap(),
            clear: None,
            window,
        },
        Condition::QueueDepth {
            of: Queue::Tasks,
            above: 1.0,
            clear: None,
            window,
        },
        Condition::Budget {
            period: BudgetPeriod::Day,
            share: 0.5,
            amount: Some("3".parse().unwrap()),
        },
        Condition::Budget {
            period: BudgetPeriod::Session,
            share: 0.5,
            amount: Some("3".parse().unwrap()),
        },
        Condition::ContextShare {
            share: 0.5,
            clear: None,
        },
        Condition::ProviderDown {
            after: seconds(5),
            at_least: 2,
        },
        Condition::BurnRate {
            of: Calls::ModelCalls,
            objective: 0.9,
            windows: vec![WindowPair {
                factor: 2.0,
                long: window,
                short: seconds(10),
            }],
            at_least: 2,
        },
        Condition::Silence { after: seconds(20) },
        Condition::Metric {
            name: "rate".into(),
            bound: Bound::Above(0.0),
            clear: None,
            stale: Some(seconds(30)),
        },
    ];
    let times = [(0, 0), (3, 0), (0, 30), (5, 10)];
    let mut all = Vec::new();
    for (number, when) in kinds.into_iter().enumerate() {
        for (hold, cooldown) in times {
            let rule = Rule::new(format!("{number}-{hold}-{cooldown}"), when.clone());
            all.push(rule.hold(seconds(hold)).cooldown(seconds(cooldown)));
        }
    }
    let mut by = all.first().unwrap().clone();
    by.name = "by".into();
    all.push(by.by([Dimension::Agent, Dimension::Session]));
    rules(all)
}

pub(super) fn event() -> impl Strategy<Value = (i64, u8)> {
    (select(&[0, 1, 2, 5, 11, 40, 90][..]), 0_u8..18)
}

pub(super) fn record(when: i64, kind: u8) -> Record {
    match kind {
        0 | 1 => good(when),
        2 | 3 => failed(when),
        4 => tokens(when, 70),
        5 => cost(when, "0.9"),
        6 => attempt(when, None),
        7 => attempt(when, Some(agent_primitives::FailureKind::Timeout)),
        8 => good(when - 7),
        9..13 => sessions::starts(when, who(kind)),
        13..15 => sessions::ends(when, who(kind)),
        _ => sessions::context(when, who(kind), 80),
    }
}

const fn who(kind: u8) -> &'static str {
    if kind.is_multiple_of(2) {
        "coder"
    } else {
        "tester"
    }
}

/// Everything that was told, in order, with restarts before the steps of these numbers.
fn run(
    rules: &Rules,
    steps: &[(i64, u8)],
    restarts: &BTreeSet<usize>,
    ticks: bool,
) -> Vec<Notification> {
    let mut alerts = Alerts::new(rules, at(0));
    let mut told = Vec::new();
    let mut now = 0;
    for (number, (wait, kind)) in steps.iter().enumerate() {
        now += wait;
        if restarts.contains(&number) {
            let text = serde_json::to_string(&alerts.state()).unwrap();
            let state: AlertState = serde_json::from_str(&text).unwrap();
            assert_eq!(state, alerts.state());
            let before: BTreeSet<_> = ids(&alerts.unacknowledged());
            alerts = Alerts::restore(rules, AlertsConfig::default(), state, at(now));
            let more = alerts.unacknowledged();
            told.extend(more.into_iter().filter(|it| !before.contains(&it.id)));
        }
        if ticks {
            told.extend(alerts.tick(at(now)));
        }
        told.extend(alerts.observe_batch(&[record(now, *kind)], at(now)));
        // Half of it is heard at once.
        for notification in told.iter().step_by(2) {
            alerts.acknowledge(&notification.id);
        }
    }
    told.extend(alerts.tick(at(now + 500)));
    told
}

fn ids(told: &[Notification]) -> BTreeSet<String> {
    told.iter().map(|it| it.id.clone()).collect()
}

/// By subject, each in the order in which it was told.
fn sorted(mut told: Vec<Notification>) -> Vec<Notification> {
    told.sort_by_key(|it| (it.rule.clone(), it.subject.clone()));
    told
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn restarts_at_any_points_change_nothing_of_what_is_told(
        steps in prop::collection::vec(event(), 1..40),
        restarts in prop::collection::btree_set(0_usize..40, 0..10),
    ) {
        let rules = of_each_kind();
        let without = sorted(run(&rules, &steps, &BTreeSet::new(), true));
        let with = sorted(run(&rules, &steps, &restarts, true));
        prop_assert_eq!(ids(&without).len(), without.len(), "told twice");
        prop_assert_eq!(with, without);
    }

    #[test]
    fn each_alert_fires_and_ends_in_turn(steps in prop::collection::vec(event(), 1..40)) {
        let mut open = BTreeSet::new();
        for told in sorted(run(&of_each_kind(), &steps, &BTreeSet::new(), true)) {
            let key = (told.rule.clone(), told.subject.clone());
            match told.status {
                Status::Firing => prop_assert!(open.insert(key), "{told}"),
                _ => prop_assert!(open.remove(&key), "{told}"),
            }
        }
    }
}

fn depth(when: i64, value: u32) -> Record {
    Record::new(at(when), agent_telemetry::Metric::count("depth", value))
}

fn deep() -> Rule {
    let when = Condition::Metric {
        name: "depth".into(),
        bound: Bound::Above(5.0),
        clear: None,
        stale: Some(seconds(100)),
    };
    Rule::new("deep", when)
}

fn restored(rules: &Rules, alerts: &Alerts, now: i64) -> Alerts {
    Alerts::restore(rules, AlertsConfig::default(), alerts.state(), at(now))
}

#[test]
fn what_was_not_acknowledged_is_offered_again_and_what_was_is_not() {
    let mut alerts = alerts_of(deep());
    let told = alerts.observe(&depth(1, 6));
    let again = restored(&rules([deep()]), &alerts, 2);
    assert_eq!(again.unacknowledged(), told, "the same, with the same id");
    assert!(alerts.acknowledge(&told[0].id));
    let mut after = restored(&rules([deep()]), &alerts, 2);
    assert!(after.unacknowledged().is_empty());
    assert_eq!(after.firing().len(), 1, "and it still fires");
    assert!(after.observe(&depth(3, 7)).is_empty());
}

#[test]
fn alert_that_ended_while_nobody_ran_is_told_with_its_own_moment() {
    let mut alerts = alerts_of(deep());
    let told = alerts.observe(&depth(1, 6));
    alerts.acknowledge(&told[0].id);
    let after = restored(&rules([deep()]), &alerts, 5_000);
    let ended = after.unacknowledged();
    assert_eq!((ended.len(), ended[0].status), (1, Status::Resolved));
    assert_eq!(
        (ended[0].at, ended[0].lasted()),
        (at(101), Duration::from_secs(100))
    );
}

#[test]
fn those_that_fire_have_room_first_and_those_without_are_told_as_ended() {
    let busy = Condition::TokensPerMinute {
        above: 100,
        clear: None,
        window: seconds(60),
    };
    let rules = rules([Rule::new("busy", busy).by([Dimension::Session])]);
    let mut alerts = Alerts::new(&rules, at(0));
    for number in 0..10 {
        // The even ones are quiet, and known under the first names.
        let used = if number % 2 == 0 { 10 } else { 200 };
        let session = SessionId::new(format!("s{}-{number}", number % 2)).unwrap();
        for told in alerts.observe(&tokens(number, used).of_session(session)) {
            alerts.acknowledge(&told.id);
        }
    }
    assert_eq!(alerts.firing().len(), 5);
    let few = |subjects| {
        let config = AlertsConfig { subjects };
        let after = Alerts::restore(&rules, config, alerts.state(), at(10));
        let ended = after.unacknowledged();
        assert!(ended.iter().all(|it| it.status == Status::Resolved));
        (after.firing().len(), ended.len(), after.counts().left_out)
    };
    assert_eq!(few(10), (5, 0, 0));
    assert_eq!(few(6), (5, 0, 4));
    assert_eq!(few(5), (5, 0, 5));
    assert_eq!(few(3), (3, 2, 7));
}

#[test]
fn rule_with_times_below_a_millisecond_is_the_same_after_a_restart() {
    let when = Condition::Latency {
        of: Calls::ModelCalls,
        quantile: 0.95,
        above: Duration::from_nanos(1_500_001),
        clear: Some(Duration::from_micros(1_250)),
        window: seconds(60),
        at_least: 1,
    };
    let rules = rules([Rule::new("slow", when)]);
    let mut alerts = Alerts::new(&rules, at(0));
    let told = alerts.observe(&good(1));
    alerts.acknowledge(&told[0].id);
    let text = serde_json::to_string(&alerts.state()).unwrap();
    let state = serde_json::from_str(&text).unwrap();
    let mut after = Alerts::restore(&rules, AlertsConfig::default(), state, at(2));
    assert!(after.unacknowledged().is_empty(), "neither ended");
    assert!(after.observe(&good(3)).is_empty(), "nor told again");
}

#[test]
fn rule_that_changed_or_is_gone_ends_what_it_had_told() {
    let mut alerts = alerts_of(deep());
    let told = alerts.observe(&depth(1, 6));
    alerts.acknowledge(&told[0].id);
    for now in [rules([]), rules([deep().hold(seconds(1))])] {
        let after = restored(&now, &alerts, 2);
        let ended = after.unacknowledged();
        assert_eq!((ended.len(), ended[0].status), (1, Status::Resolved));
        assert!(after.firing().is_empty());
    }
}
