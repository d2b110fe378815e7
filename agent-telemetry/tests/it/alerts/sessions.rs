//! What is told of a session ends with the last of its agents, and what is told of an agent with that agent.

use std::collections::BTreeSet;

use agent_primitives::{AgentId, ContextPressure, SessionId};
use agent_telemetry::alert::{
    AlertState, Alerts, AlertsConfig, BudgetPeriod, Condition, Only, Rule, Rules,
};
use agent_telemetry::{Body, Outcome, Record, SessionEnd, Task};

use super::{alerts, alerts_of, at, cost, hear, rules, seconds};

fn of(when: i64, agent: &str, body: impl Into<Body>) -> Record {
    Record::new(at(when), body)
        .of_session(SessionId::new("s1").unwrap())
        .of_agent(AgentId::new(agent).unwrap())
}

pub(super) fn starts(when: i64, agent: &str) -> Record {
    of(when, agent, Body::SessionStart(Task::default()))
}

pub(super) fn ends(when: i64, agent: &str) -> Record {
    of(when, agent, SessionEnd::new(Outcome::Success, seconds(1)))
}

pub(super) fn context(when: i64, agent: &str, used: u64) -> Record {
    of(when, agent, ContextPressure::new(used, 100))
}

fn full() -> Condition {
    Condition::ContextShare {
        share: 0.8,
        clear: None,
    }
}

fn budget() -> Condition {
    Condition::Budget {
        period: BudgetPeriod::Session,
        share: 0.8,
        amount: Some("10".parse().unwrap()),
    }
}

/// `cost` has the agent `coder`.
fn spends(when: i64, dollars: &str) -> Record {
    cost(when, dollars)
}

#[test]
fn session_goes_on_when_one_of_its_agents_has_ended() {
    let records = [
        starts(0, "coder"),
        starts(1, "tester"),
        spends(2, "7"),
        ends(3, "tester"),
        spends(4, "1"),
        starts(5, "reviewer"),
        ends(6, "coder"),
        ends(7, "reviewer"),
    ];
    assert_eq!(
        hear(&mut alerts(budget()), &records, 100),
        ["firing 4: session s1", "resolved 7: session s1"]
    );
}

#[test]
fn usage_without_a_call_is_spent_and_puts_nobody_to_work() {
    let usage = |when, dollars| {
        let mut record = spends(when, dollars);
        // A metric does not say of which agent it is.
        record.agent = None;
        if let Body::ModelCall(call) = &mut record.body {
            call.attempts = 0;
        }
        record
    };
    let records = [
        starts(0, "coder"),
        usage(1, "7"),
        usage(2, "1"),
        ends(3, "coder"),
    ];
    assert_eq!(
        hear(&mut alerts(budget()), &records, 100),
        ["firing 2: session s1", "resolved 3: session s1"]
    );
}

#[test]
fn agent_that_was_at_work_before_anybody_looked_is_known_by_its_calls() {
    let records = [
        spends(0, "8"),
        starts(1, "tester"),
        ends(2, "tester"),
        ends(3, "coder"),
    ];
    assert_eq!(
        hear(&mut alerts(budget()), &records, 100),
        ["firing 0: session s1", "resolved 3: session s1"]
    );
}

#[test]
fn each_agent_of_a_session_has_a_context_window_of_its_own() {
    let records = [
        starts(0, "coder"),
        starts(0, "tester"),
        context(1, "coder", 90),
        // Says nothing about the other one.
        context(2, "tester", 10),
        context(3, "tester", 85),
        ends(4, "tester"),
        context(5, "coder", 79),
        ends(6, "coder"),
    ];
    let expected = [
        "firing 1: agent coder, session s1",
        "firing 3: agent tester, session s1",
        "resolved 4: agent tester, session s1",
        "resolved 5: agent coder, session s1",
    ];
    assert_eq!(hear(&mut alerts(full()), &records, 100), expected);
    let mut recommended = Alerts::new(&Rules::recommended(), at(0));
    let told = records[..3]
        .iter()
        .flat_map(|it| recommended.observe(it))
        .count();
    assert_eq!((told, recommended.firing().len()), (1, 1));
}

#[test]
fn rule_on_one_agent_ends_with_that_agent() {
    let coder = Only {
        agent: Some(AgentId::new("coder").unwrap()),
        ..Only::default()
    };
    let records = [
        starts(0, "coder"),
        starts(0, "tester"),
        spends(1, "8"),
        ends(2, "coder"),
    ];
    assert_eq!(
        hear(
            &mut alerts_of(Rule::new("rule", budget()).only(coder)),
            &records,
            100
        ),
        ["firing 1: session s1", "resolved 2: session s1"]
    );
}

#[test]
fn agents_beyond_the_bound_are_counted_and_the_session_ends_with_the_last() {
    let mut alerts = alerts(budget());
    for number in 0..100 {
        assert!(alerts.observe(&starts(0, &format!("a{number}"))).is_empty());
    }
    alerts.observe(&spends(1, "8"));
    assert_eq!(alerts.firing().len(), 1);
    // Those that are known by name first.
    for number in 0..100 {
        assert_eq!(alerts.firing().len(), 1, "{number}");
        alerts.observe(&ends(2, &format!("a{number}")));
    }
    assert!(alerts.firing().is_empty());
}

#[test]
fn agent_beyond_the_bound_that_goes_on_is_counted_once() {
    let mut alerts = alerts(budget());
    for number in 0..65 {
        alerts.observe(&starts(0, &format!("a{number}")));
    }
    let mut resumes = starts(1, "a64");
    resumes.body = agent_telemetry::Body::SessionResume(agent_telemetry::Task::default());
    alerts.observe(&resumes);
    alerts.observe(&spends(1, "8"));
    for number in 0..65 {
        assert_eq!(alerts.firing().len(), 1, "{number}");
        alerts.observe(&ends(2, &format!("a{number}")));
    }
    assert!(alerts.firing().is_empty());
}

#[test]
fn sessions_beyond_the_bound_make_room_and_are_counted() {
    let mut alerts = alerts(budget());
    for number in 0..5_000 {
        let session = SessionId::new(format!("s{number}")).unwrap();
        alerts.observe(&starts(number, "coder").of_session(session));
    }
    let counts = alerts.counts();
    // Two times an eighth of 4 096, and one more.
    assert_eq!(counts.forgotten, 2 * 513);
}

#[test]
fn end_that_names_nobody_is_that_of_the_session() {
    let mut nobody = ends(2, "coder");
    nobody.agent = None;
    let mut records = vec![spends(0, "8"), starts(1, "tester"), nobody];
    let expected = ["firing 0: session s1", "resolved 2: session s1"];
    assert_eq!(hear(&mut alerts(budget()), &records, 100), expected);
    // Unless it is that of somebody without a name.
    let mut unnamed = starts(1, "tester");
    unnamed.agent = None;
    records.insert(1, unnamed);
    assert_eq!(
        hear(&mut alerts(budget()), &records, 100),
        ["firing 0: session s1"]
    );
}

#[test]
fn alert_that_fires_twice_at_one_moment_has_two_ids() {
    let rules = rules([Rule::new("rule", full())]);
    for restarts in [false, true] {
        let mut alerts = Alerts::new(&rules, at(0));
        let mut ids = BTreeSet::new();
        for record in [
            context(1, "coder", 90),
            ends(1, "coder"),
            context(1, "coder", 90),
            ends(1, "coder"),
        ] {
            if restarts {
                alerts = Alerts::restore(&rules, AlertsConfig::default(), alerts.state(), at(1));
            }
            ids.extend(alerts.observe(&record).into_iter().map(|it| it.id));
        }
        assert_eq!(ids.len(), 4);
    }
}

#[test]
fn restart_knows_who_works() {
    let rules = rules([Rule::new("rule", budget())]);
    for restarts in [false, true] {
        let mut alerts = Alerts::new(&rules, at(0));
        let mut told = Vec::new();
        for record in [
            starts(0, "coder"),
            starts(1, "tester"),
            spends(2, "8"),
            ends(3, "tester"),
            ends(4, "coder"),
        ] {
            if restarts {
                let text = serde_json::to_string(&alerts.state()).unwrap();
                let state: AlertState = serde_json::from_str(&text).unwrap();
                assert_eq!(state, alerts.state());
                alerts = Alerts::restore(&rules, AlertsConfig::default(), state, record.at);
            }
            told.extend(alerts.observe(&record));
        }
        let times: Vec<_> = told.iter().map(|it| (it.status.as_str(), it.at)).collect();
        assert_eq!(times, [("firing", at(2)), ("resolved", at(4))]);
    }
}
