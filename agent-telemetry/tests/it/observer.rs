//! Every event that the other crates emit becomes a record.

use std::time::Duration;

use agent_primitives::{
    Attempt, BreakerChange, BreakerState, CheckpointId, CheckpointKind, CheckpointSaved,
    ContextPressure, Cooldown, Event, FailureKind, Handoff, HandoffReason, ManualClock, Observer,
    RecoveryOutcome, RecoveryStep, RecoveryStrategy, Restored, Retry, Scope, SpendAmount,
    SpendCrossing, SpendScope, Stamp, Timestamp, Usd,
};
use agent_telemetry::{Body, MemorySink, Metric, ProjectId, Record, SessionStart, Telemetry, Unit};
use serde_json::Value;

use crate::story::{LONG, agent, provider, recorder, session_id};

const SECOND: Duration = Duration::from_secs(1);

fn events() -> Vec<Event> {
    let checkpoint = || CheckpointId::new("4-a1b2").unwrap();
    let overloaded = FailureKind::Overloaded;
    vec![
        Attempt::new(provider("claude"), 2, SECOND)
            .failed(overloaded)
            .into(),
        Retry::new(provider("claude"), 2, SECOND, overloaded).into(),
        BreakerChange::new(
            provider("claude"),
            BreakerState::Closed,
            BreakerState::Isolated,
        )
        .into(),
        Cooldown::new(provider("claude"), Scope::Account, overloaded, SECOND).into(),
        Handoff::manual(agent("a"), provider("groq"), HandoffReason::Predicted).into(),
        ContextPressure::new(9, 10).into(),
        recovery().into(),
        CheckpointSaved::new(checkpoint(), CheckpointKind::PreRestore)
            .bytes(5, 4)
            .took(SECOND)
            .into(),
        Restored::new(checkpoint(), SECOND).lost(3).into(),
        SpendCrossing::new(
            SpendScope::Day,
            80,
            SpendAmount::Tokens(8),
            SpendAmount::Tokens(10),
        )
        .into(),
    ]
}

fn recovery() -> RecoveryStep {
    let recovered = RecoveryOutcome::Recovered;
    RecoveryStep::new(
        RecoveryStrategy::AskForRest,
        FailureKind::OutputLimit,
        recovered,
    )
    .number(2)
}

fn name_of(event: &Event) -> String {
    let json = serde_json::to_value(event).unwrap();
    let name = json.get("event").and_then(Value::as_str);
    name.unwrap().to_owned()
}

#[test]
fn every_kind_of_event_is_tested_here() {
    let unknown = serde_json::from_str::<Event>(r#"{"event": "?"}"#).unwrap_err();
    let message = unknown.to_string();
    let (_, known) = message.split_once("expected one of ").unwrap();
    let known: Vec<String> = known
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    let tested: Vec<String> = events().iter().map(name_of).collect();
    assert_eq!(tested, known, "{message}");
}

#[test]
fn every_other_event_becomes_a_record_with_the_same_fields() {
    let at = Timestamp::from_unix_seconds(77);
    for event in events() {
        // These become metrics, as the next tests say.
        if matches!(event, Event::Recovery(_) | Event::Spend(_)) {
            continue;
        }
        let record = Record::of_event(Stamp::at(at), &event).unwrap();
        let mut stored = serde_json::to_value(&record).unwrap();
        let mut emitted = serde_json::to_value(&event).unwrap();
        let fields = stored.as_object_mut().unwrap();
        assert_eq!(fields.remove("at"), Some(Value::from(at.unix_nanos())));
        let kind = fields.remove("record").unwrap();
        let emitted_kind = emitted.as_object_mut().unwrap().remove("event").unwrap();
        assert_eq!((kind, stored), (emitted_kind, emitted));
    }
}

#[test]
fn a_crossing_of_a_budget_becomes_a_metric_named_after_the_cap() {
    let (spent, cap) = (
        SpendAmount::Usd(Usd::from_micros(81)),
        SpendAmount::Usd(Usd::from_micros(100)),
    );
    let event = SpendCrossing::new(SpendScope::Session, 80, spent, cap).into();
    let record = Record::of_event(Stamp::at(Timestamp::UNIX_EPOCH), &event).unwrap();
    let share = Metric::new("budget_session_usd", 0.8, Unit::Ratio).unwrap();
    assert_eq!(record.body, share.into());
}

#[test]
fn step_of_a_recovery_is_counted_by_its_strategy_and_outcome() {
    let record = Record::of_event(Stamp::at(Timestamp::UNIX_EPOCH), &recovery().into()).unwrap();
    let counted = Metric::count("recovery_ask_for_rest_recovered", 1);
    assert_eq!(record.body, Body::Metric(counted));
}

#[test]
fn none_is_lost_and_the_session_signs_those_that_name_nobody() {
    let sink = MemorySink::new();
    let telemetry = recorder(sink.clone(), &ManualClock::default());
    let shop = ProjectId::new("shop").unwrap();
    let start = SessionStart::new(session_id("s"), agent("a")).project(shop.clone());
    let session = telemetry.session(start);
    let at = Timestamp::from_unix_seconds(77);
    let (other, tester) = (session_id("other"), agent("tester"));
    for event in events() {
        telemetry.observe(Stamp::at(at), &event);
        session.observer().observe(Stamp::at(at), &event);
        let named = Stamp::at(at).of_session(&other).of_agent(&tester);
        session.observer().observe(named, &event);
    }
    let flushed = telemetry.flush(LONG).unwrap();
    assert_eq!((flushed.stored, flushed.dropped.total()), (31, 0));
    let expected: Vec<Record> = events()
        .iter()
        .flat_map(|event| {
            let record = Record::of_event(Stamp::at(at), event).unwrap();
            let in_shop = record.clone().of_project(shop.clone());
            [
                record,
                in_shop
                    .clone()
                    .of_session(session_id("s"))
                    .of_agent(agent("a")),
                in_shop.of_session(other.clone()).of_agent(tester.clone()),
            ]
        })
        .collect();
    assert_eq!(sink.records()[1..], expected);
}

#[test]
fn recorder_names_its_project_where_nobody_else_does() {
    let sink = MemorySink::new();
    let (shop, site) = (
        ProjectId::new("shop").unwrap(),
        ProjectId::new("site").unwrap(),
    );
    let telemetry = Telemetry::builder(sink.clone())
        .project(shop.clone())
        .start()
        .unwrap();
    for event in events() {
        telemetry.observe(Stamp::at(Timestamp::UNIX_EPOCH), &event);
    }
    let start = SessionStart::new(session_id("s"), agent("a"));
    drop(telemetry.session(start.clone().project(site.clone())));
    drop(telemetry.session(start));
    telemetry.flush(LONG).unwrap();
    let projects: Vec<_> = sink
        .records()
        .into_iter()
        .map(|it| it.project.unwrap())
        .collect();
    let of_events = vec![shop.clone(); events().len()];
    assert_eq!(projects[..of_events.len()], of_events);
    assert_eq!(
        projects[of_events.len()..],
        [site.clone(), site, shop.clone(), shop]
    );
}
