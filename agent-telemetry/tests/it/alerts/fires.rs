//! Each kind of rule fires with the record that crosses its limit, once, and ends once.

use agent_primitives::{
    BreakerChange, BreakerState, ContextPressure, FailureKind, ProviderId, SessionId, SpendAmount,
    SpendCrossing, SpendScope, Stamp, ToolName,
};
use agent_telemetry::alert::{Bound, BudgetPeriod, Calls, Condition, Dimension, Only, Queue, Rule};
use agent_telemetry::{
    Metric, Outcome, Record, SessionEnd, TaskTiming, ToolCall, ToolOutcome, Unit,
};

use super::{alerts, alerts_of, at, attempt, call, cost, failed, good, hear, seconds, tokens};

fn errors(above: f64, clear: Option<f64>) -> Condition {
    Condition::ErrorRate {
        of: Calls::ModelCalls,
        above,
        clear,
        window: seconds(300),
        at_least: 20,
    }
}

#[test]
fn error_rate_fires_with_the_call_that_crosses_it_and_ends_when_the_window_has_passed_on() {
    // 18 good calls, then failures: 2 of 20 are 10 %, 3 of 21 are more.
    let mut records: Vec<_> = (0..18).map(good).collect();
    records.extend([failed(18), failed(19), failed(20)]);
    // The failures leave the window of 300 s with its parts of 5 s, behind the good calls; then nothing is known.
    let heard = hear(&mut alerts(errors(0.1, None)), &records, 400);
    assert_eq!(heard, ["firing 20", "resolved 320"]);
}

#[test]
fn error_rate_may_be_crossed_by_good_calls_that_grow_old() {
    let mut records: Vec<_> = (0..30).map(|_| good(0)).collect();
    records.extend((0..30).map(|_| good(200)));
    records.extend((0..5).map(|_| failed(200)));
    // 5 of 65 until the first 30 have gone; 5 of 35 after that.
    let heard = hear(&mut alerts(errors(0.1, None)), &records, 600);
    assert_eq!(heard, ["firing 300", "resolved 500"]);
}

#[test]
fn nothing_is_said_of_too_few_calls() {
    let records: Vec<_> = (0..19).map(failed).collect();
    assert!(hear(&mut alerts(errors(0.1, None)), &records, 400).is_empty());
    let records: Vec<_> = (0..20).map(failed).collect();
    assert_eq!(
        hear(&mut alerts(errors(0.1, None)), &records, 100),
        ["firing 19"]
    );
}

#[test]
fn alert_does_not_come_and_go_where_calls_are_as_few_as_are_needed() {
    // One in 15 s: 19 or 20 in 300 s, as the parts of the window fall.
    let records: Vec<_> = (0..100).map(|number| failed(number * 15)).collect();
    let heard = hear(&mut alerts(errors(0.1, None)), &records, 3_000);
    assert_eq!(heard, ["firing 285", "resolved 1785"]);
    // Good ones end it, however few.
    let mut records: Vec<_> = (0..20).map(failed).collect();
    records.extend((0..10).map(|number| good(200 + number * 20)));
    let heard = hear(&mut alerts(errors(0.1, None)), &records, 3_000);
    assert_eq!(heard, ["firing 19", "resolved 315"]);
}

#[test]
fn alert_between_its_limits_stays_as_it_is() {
    // 3 of 21, then good ones: 3 of 30 are 10 %, 3 of 60 are 5 %.
    let mut records: Vec<_> = (0..18).map(good).collect();
    records.extend([failed(18), failed(18), failed(18)]);
    records.extend((19..58).map(good));
    let at_once = hear(&mut alerts(errors(0.1, None)), &records, 57);
    assert_eq!(at_once, ["firing 18", "resolved 27"]);
    let with_room = hear(&mut alerts(errors(0.1, Some(0.05))), &records, 57);
    assert_eq!(with_room, ["firing 18", "resolved 57"]);
}

#[test]
fn held_rule_fires_when_its_time_is_over_without_another_record() {
    let rule = Rule::new("rule", errors(0.1, None))
        .hold(seconds(60))
        .cooldown(seconds(600));
    let records: Vec<_> = (0..20).map(failed).collect();
    let heard = hear(&mut alerts_of(rule), &records, 400);
    assert_eq!(heard, ["firing 79", "resolved 315"]);
}

#[test]
fn cooldown_lets_an_alert_come_back_once_it_is_over() {
    let rule = Rule::new(
        "rule",
        Condition::Metric {
            name: "depth".into(),
            bound: Bound::Above(5.0),
            clear: None,
            stale: None,
        },
    );
    let depth = |when, value| Record::new(at(when), Metric::count("depth", value));
    let records = [
        depth(1, 6),
        depth(2, 5),
        depth(3, 6),
        depth(4, 5),
        depth(5, 7),
    ];
    let heard = hear(&mut alerts_of(rule.clone()), &records, 30);
    assert_eq!(
        heard,
        [
            "firing 1",
            "resolved 2",
            "firing 3",
            "resolved 4",
            "firing 5"
        ]
    );
    let heard = hear(&mut alerts_of(rule.cooldown(seconds(10))), &records, 30);
    assert_eq!(heard, ["firing 1", "resolved 2", "firing 12"]);
}

#[test]
fn latency_fires_when_more_than_one_call_in_twenty_is_slow() {
    let slow = |of, clear| Condition::Latency {
        of,
        quantile: 0.95,
        above: seconds(10),
        clear,
        window: seconds(300),
        at_least: 20,
    };
    let took = |when, time| call(when, |call| call.latency(seconds(time)));
    let mut records: Vec<_> = (0..38).map(|when| took(when, 2)).collect();
    // Exactly the limit is not above it, and 2 of 40 are one in twenty.
    records.extend([took(38, 10), took(39, 11), took(40, 11), took(41, 11)]);
    let mut all = alerts(slow(Calls::ModelCalls, None));
    assert_eq!(hear(&mut all, &records, 41), ["firing 41"]);

    let grepped = |when, time| {
        let grep = ToolName::new("grep").unwrap();
        Record::new(
            at(when),
            ToolCall::new(grep, ToolOutcome::Ok, seconds(time)),
        )
    };
    let records: Vec<_> = (0..20).map(|when| grepped(when, 11)).collect();
    let mut tools =
        alerts_of(Rule::new("rule", slow(Calls::ToolCalls, None)).by([Dimension::Tool]));
    assert_eq!(hear(&mut tools, &records, 30), ["firing 19: tool grep"]);
    // 9 s are not slow enough to fire, and slow enough to stay.
    let mut records: Vec<_> = (0..20).map(|when| took(when, 11)).collect();
    records.extend((20..300).map(|when| took(when, 9)));
    let quick = hear(&mut alerts(slow(Calls::ModelCalls, None)), &records, 310);
    // 15 of 295 are more than one in twenty, 10 of 290 are not.
    assert_eq!(quick, ["firing 19", "resolved 305"]);
    let near = hear(
        &mut alerts(slow(Calls::ModelCalls, Some(seconds(8)))),
        &records,
        310,
    );
    assert_eq!(near, ["firing 19"]);
}

#[test]
fn tokens_and_money_are_counted_by_the_minute_and_the_hour() {
    let by_agent = Rule::new(
        "rule",
        Condition::TokensPerMinute {
            above: 10_000,
            clear: None,
            window: seconds(300),
        },
    );
    // 50 000 in 5 minutes are 10 000 a minute, and one more is more.
    let records = [tokens(1, 20_000), tokens(100, 30_000), tokens(200, 1)];
    let heard = hear(
        &mut alerts_of(by_agent.by([Dimension::Agent])),
        &records,
        500,
    );
    assert_eq!(
        heard,
        ["firing 200: agent coder", "resolved 300: agent coder"]
    );

    let money = Condition::CostPerHour {
        above: "10".parse().unwrap(),
        clear: Some("2.5".parse().unwrap()),
        window: seconds(3_600),
    };
    let records = [cost(1, "7.5"), cost(60, "2.5"), cost(61, "0.000000000001")];
    let heard = hear(&mut alerts(money), &records, 3_700);
    assert_eq!(heard, ["firing 61", "resolved 3660"]);
}

#[test]
fn tasks_that_wait_are_as_many_as_their_waiting_times_fill_the_window() {
    let waiting = Condition::QueueDepth {
        of: Queue::Tasks,
        above: 100.0,
        clear: None,
        window: seconds(60),
    };
    // 100 tasks that waited a minute each within a minute: 100 waited on average.
    let task = |when, queued| Record::new(at(when), TaskTiming::new(seconds(queued), seconds(1)));
    let mut records: Vec<_> = (0..100).map(|_| task(10, 60)).collect();
    records.push(task(11, 1));
    assert_eq!(
        hear(&mut alerts(waiting), &records, 120),
        ["firing 11", "resolved 70"]
    );
}

#[test]
fn recorder_that_falls_behind_is_told_by_the_host() {
    let waiting = Condition::QueueDepth {
        of: Queue::Recorder,
        above: 100.0,
        clear: Some(50.0),
        window: seconds(60),
    };
    let mut alerts = alerts(waiting);
    let told: Vec<_> = [(0, 100), (1, 101), (2, 500), (3, 60), (4, 50), (5, 0)]
        .into_iter()
        .flat_map(|(second, records)| alerts.waiting(records, at(second)))
        .map(|it| (it.status.as_str(), it.value))
        .collect();
    assert_eq!(told, [("firing", Some(101.0)), ("resolved", Some(50.0))]);
}

#[test]
fn budget_is_summed_up_by_day_month_and_session() {
    let budget = |period| Condition::Budget {
        period,
        share: 0.8,
        amount: Some("10".parse().unwrap()),
    };
    let records = [
        cost(10, "7.999999999999"),
        cost(20, "0.000000000001"),
        cost(30, "9"),
    ];
    let day = hear(&mut alerts(budget(BudgetPeriod::Day)), &records, 43_300);
    assert_eq!(day, ["firing 20", "resolved 43200"], "until midnight");
    let month = hear(&mut alerts(budget(BudgetPeriod::Month)), &records, 43_300);
    assert_eq!(month, ["firing 20"]);
    let mut records = records.to_vec();
    records.push(ended(40));
    let session = hear(&mut alerts(budget(BudgetPeriod::Session)), &records, 100);
    assert_eq!(
        session,
        ["firing 20: session s1", "resolved 40: session s1"]
    );
}

fn ended(when: i64) -> Record {
    Record::new(at(when), SessionEnd::new(Outcome::Success, seconds(60)))
        .of_session(SessionId::new("s1").unwrap())
}

#[test]
fn budget_that_the_host_guards_is_known_from_its_crossings() {
    let spent = |when, scope, percent| {
        let cap = SpendAmount::Usd("10".parse().unwrap());
        let crossing = SpendCrossing::new(scope, percent, cap, cap);
        Record::of_event(Stamp::at(at(when)), &crossing.into()).unwrap()
    };
    let budget = |period| Condition::Budget {
        period,
        share: 0.8,
        amount: None,
    };
    let records = [
        spent(1, SpendScope::Session, 100),
        spent(2, SpendScope::Day, 50),
        spent(3, SpendScope::Day, 80),
        spent(4, SpendScope::Day, 100),
    ];
    let heard = hear(&mut alerts(budget(BudgetPeriod::Day)), &records, 43_300);
    assert_eq!(heard, ["firing 3", "resolved 43200"]);
    let heard = hear(&mut alerts(budget(BudgetPeriod::Session)), &records, 60);
    assert_eq!(heard, ["firing 1"]);
}

#[test]
fn context_window_is_told_by_session_and_ends_with_it() {
    let context = |when, session: &str, used| {
        Record::new(at(when), ContextPressure::new(used, 200))
            .of_session(SessionId::new(session).unwrap())
    };
    let full = Condition::ContextShare {
        share: 0.8,
        clear: Some(0.7),
    };
    let records = [
        context(1, "s1", 159),
        context(2, "s1", 160),
        context(3, "s2", 199),
        context(4, "s2", 141),
        context(5, "s2", 139),
        ended(6),
    ];
    assert_eq!(
        hear(&mut alerts(full), &records, 60),
        [
            "firing 2: session s1",
            "firing 3: session s2",
            "resolved 5: session s2",
            "resolved 6: session s1"
        ]
    );
}

#[test]
fn provider_is_down_while_its_breaker_is_open_or_nothing_is_answered() {
    let down = || Condition::ProviderDown {
        after: seconds(60),
        at_least: 3,
    };
    let breaker = |when, to| {
        let claude = ProviderId::new("claude").unwrap();
        Record::new(
            at(when),
            BreakerChange::new(claude, BreakerState::Closed, to),
        )
    };
    let records = [
        breaker(1, BreakerState::Open),
        breaker(31, BreakerState::HalfOpen),
        breaker(32, BreakerState::Open),
        breaker(62, BreakerState::HalfOpen),
        breaker(63, BreakerState::Closed),
    ];
    assert_eq!(
        hear(&mut alerts(down()), &records, 100),
        ["firing 1: provider claude", "resolved 63: provider claude"]
    );
    let server = Some(FailureKind::Server);
    let records = [
        attempt(0, server),
        attempt(30, server),
        attempt(31, None),
        attempt(40, server),
        attempt(99, server),
        // What the request is to blame for says nothing.
        attempt(100, Some(FailureKind::InvalidRequest)),
        attempt(101, server),
        attempt(102, server),
        attempt(110, None),
    ];
    assert_eq!(
        hear(&mut alerts(down()), &records, 200),
        [
            "firing 101: provider claude",
            "resolved 110: provider claude"
        ]
    );
}

#[test]
fn silence_begins_when_nothing_was_recorded_for_its_time() {
    let silence = Condition::Silence { after: seconds(60) };
    let heard = hear(&mut alerts(silence), &[good(30), good(200)], 300);
    assert_eq!(heard, ["firing 90", "resolved 200", "firing 260"]);
}

#[test]
fn metric_is_watched_on_either_side_and_for_as_long_as_it_says_anything() {
    let rate = |when, value| {
        Record::new(
            at(when),
            Metric::new("pass_rate", value, Unit::Ratio).unwrap(),
        )
    };
    let below = Condition::Metric {
        name: "pass_rate".into(),
        bound: Bound::Below(0.9),
        clear: Some(0.95),
        stale: Some(seconds(100)),
    };
    let other = Record::new(at(0), Metric::count("other", 0));
    let records = [
        other,
        rate(1, 0.9),
        rate(2, 0.89),
        rate(3, 0.94),
        rate(4, 0.95),
        rate(5, 0.1),
    ];
    assert_eq!(
        hear(&mut alerts(below), &records, 200),
        ["firing 2", "resolved 4", "firing 5", "resolved 105"]
    );
}

#[test]
fn rule_sees_only_what_it_is_about() {
    let rule = Rule::new("rule", errors(0.1, None));
    let only = |json: &str| {
        rule.clone()
            .only(serde_json::from_str::<Only>(json).unwrap())
    };
    let records: Vec<_> = (0..20).map(failed).collect();
    for (json, fires) in [
        (
            r#"{"agent": "coder", "provider": "claude", "model": "small", "session": "s1"}"#,
            1,
        ),
        (r#"{"agent": "reviewer"}"#, 0),
        (r#"{"provider": "groq"}"#, 0),
        (r#"{"model": "large"}"#, 0),
        (r#"{"session": "s2"}"#, 0),
        (r#"{"project": "shop"}"#, 0),
        (r#"{"tool": "grep"}"#, 0),
    ] {
        assert_eq!(
            hear(&mut alerts_of(only(json)), &records, 100).len(),
            fires,
            "{json}"
        );
    }
}
