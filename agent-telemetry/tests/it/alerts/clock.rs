//! A clock that was set back, while alerts ran or before a restart, and nothing waits for a time that is not to come.

use agent_telemetry::Record;
use agent_telemetry::alert::{
    AlertState, Alerts, AlertsConfig, Bound, BudgetPeriod, Condition, Rule, Rules, Status,
};

use super::{at, cost, rules, seconds, tokens};

/// So many seconds ahead the clock was.
const AHEAD: i64 = 400_000;

/// What a day's budget, a session's budget, a metric and a window say.
fn all() -> Rules {
    let budget = |period| Condition::Budget {
        period,
        share: 0.5,
        amount: Some("1".parse().unwrap()),
    };
    let depth = Condition::Metric {
        name: "depth".into(),
        bound: Bound::Above(5.0),
        clear: None,
        stale: Some(seconds(100)),
    };
    let busy = Condition::TokensPerMinute {
        above: 100,
        clear: None,
        window: seconds(60),
    };
    rules([
        Rule::new("day", budget(BudgetPeriod::Day)),
        Rule::new("session", budget(BudgetPeriod::Session)),
        Rule::new("depth", depth),
        Rule::new("busy", busy),
    ])
}

fn fires(when: i64) -> Vec<Record> {
    let depth = Record::new(at(when), agent_telemetry::Metric::count("depth", 6));
    vec![cost(when, "1"), depth, tokens(when, 500)]
}

/// All four fire by a clock that is ahead.
fn ahead() -> Alerts {
    let mut alerts = Alerts::new(&all(), at(0));
    let told = alerts.observe_batch(&fires(AHEAD), at(AHEAD));
    assert_eq!(told.len(), 4);
    for it in told {
        alerts.acknowledge(&it.id);
    }
    alerts
}

/// The rules that ended, in order, and after how many seconds.
fn ends(alerts: &mut Alerts) -> Vec<(String, i64)> {
    let mut ended: Vec<_> = alerts.unacknowledged();
    for second in 0..=100_000 {
        if second % 50 == 0 {
            ended.extend(alerts.tick(at(second)));
        }
    }
    assert!(ended.iter().all(|it| it.status == Status::Resolved));
    let passed = |it: agent_primitives::Timestamp| it.unix_seconds() - super::NOON;
    ended
        .into_iter()
        .map(|it| (it.rule, passed(it.at)))
        .collect()
}

fn expected() -> Vec<(String, i64)> {
    // Periods and windows of later begin anew; a value holds from now on, and a session for a day.
    [("day", 0), ("busy", 0), ("depth", 100), ("session", 86_400)]
        .map(|(rule, second)| (rule.to_owned(), second))
        .to_vec()
}

#[test]
fn what_fired_by_a_clock_that_was_ahead_ends_in_the_time_that_it_takes() {
    let mut alerts = ahead();
    let told = alerts.tick(at(0));
    let mut ended: Vec<_> = told.into_iter().map(|it| (it.rule, 0)).collect();
    for it in alerts.unacknowledged() {
        alerts.acknowledge(&it.id);
    }
    ended.extend(ends(&mut alerts));
    assert_eq!(ended, expected());
    assert_eq!(alerts.counts().rewound, 1);
}

#[test]
fn restart_with_a_clock_that_was_set_back_waits_for_nothing_that_is_not_to_come() {
    let state = ahead().state();
    let mut alerts = Alerts::restore(&all(), AlertsConfig::default(), state, at(0));
    assert_eq!(alerts.counts().rewound, 1);
    assert_eq!(ends(&mut alerts), expected());
    // And all of them fire again.
    let told = alerts.observe_batch(&fires(100_001), at(100_001));
    assert_eq!(told.len(), 4);
}

#[test]
fn moment_of_a_state_that_somebody_wrote_is_not_waited_for() {
    let mut alerts = Alerts::new(&all(), at(0));
    assert_eq!(alerts.observe_batch(&fires(0), at(0)).len(), 4);
    for it in alerts.unacknowledged() {
        alerts.acknowledge(&it.id);
    }
    let mut state = serde_json::to_value(alerts.state()).unwrap();
    for rule in state["rules"].as_array_mut().unwrap() {
        for one in rule["states"].as_array_mut().unwrap() {
            one[1]["due"] = i64::MAX.into();
        }
    }
    let state: AlertState = serde_json::from_value(state).unwrap();
    let mut alerts = Alerts::restore(&all(), AlertsConfig::default(), state, at(1));
    let ended = ends(&mut alerts);
    let expected = [
        ("busy", 60),
        ("depth", 100),
        ("day", 43_200),
        ("session", 86_400),
    ]
    .map(|(rule, second)| (rule.to_owned(), second));
    assert_eq!(ended, expected);
}
