//! How many turns contexts have left.

use agent_primitives::{ContextPressure, TokenUsage};
use agent_telemetry::{
    ContextForecast, ContextSessions, Missing, ModelCall, Outcome, Record, SessionEnd,
};

use super::{at, hours, noon};
use crate::story::{model, provider, session_id};

fn pressures(session: &str, used: impl IntoIterator<Item = u64>) -> Vec<Record> {
    let each = (0..).zip(used);
    each.map(|(turn, used)| {
        let used = ContextPressure::new(used, 200_000);
        Record::new(at(60 * turn), used).of_session(session_id(session))
    })
    .collect()
}

fn told(sessions: ContextSessions, records: &[Record]) -> Vec<ContextForecast> {
    let mut sessions = sessions;
    for record in records {
        sessions.add(record);
    }
    sessions.forecasts(noon(), 7)
}

#[test]
fn steady_turns_fill_what_is_left() {
    let records = pressures("s", (1..=20).map(|turn| 5_000 * turn));
    let told = &told(ContextSessions::new(), &records)[0];
    assert_eq!(
        (told.used, told.threshold, told.growth),
        (100_000, Some(200_000), Some(5_000))
    );
    assert_eq!((told.turns, told.missing), (Some(20), None));
    let interval = told.interval.unwrap();
    assert!(interval.low >= 18 && interval.high <= 22, "{interval:?}");
}

#[test]
fn compaction_is_no_turn_and_says_where_the_next_one_is() {
    let climb = (1..=16).map(|turn| 10_000 * turn);
    let again = (2..=6).map(|turn| 10_000 * turn);
    let records = pressures("s", climb.chain(again));
    let told = &told(ContextSessions::new(), &records)[0];
    assert_eq!((told.compactions, told.threshold), (1, Some(160_000)));
    assert_eq!((told.used, told.turns), (60_000, Some(10)));
    let set = ContextSessions::new().full_at(0.5);
    let told = super::contexts::told(set, &records);
    assert_eq!((told[0].threshold, told[0].turns), (Some(100_000), Some(4)));
}

#[test]
fn outputs_of_tools_now_and_then_widen_the_interval() {
    let mut used = 10_000;
    let small = (0..40).map(|turn| {
        used += if turn % 8 == 7 { 20_000 } else { 1_000 };
        used
    });
    let jumps = pressures("s", small.collect::<Vec<_>>());
    let used = jumps.len() as u64 * 3_375 + 10_000;
    let even = pressures("s", (1..=40).map(|turn| 10_000 + 3_375 * turn));
    let width = |records: &[Record]| {
        let told = told(ContextSessions::new(), records);
        let interval = told[0].interval.unwrap();
        assert_eq!(told[0].used, used);
        interval.high - interval.low
    };
    assert!(
        width(&jumps) >= 6 + width(&even),
        "{} {}",
        width(&jumps),
        width(&even)
    );
}

#[test]
fn full_context_has_no_turn_left() {
    let records = pressures("s", (1..=30).map(|turn| 8_000 * turn));
    let told = &told(ContextSessions::new(), &records)[0];
    assert_eq!((told.turns, told.within_one), (Some(0), Some(1.0)));
}

#[test]
fn calls_say_what_is_in_use_where_nobody_else_does() {
    let call = |turn: i64| {
        let usage = TokenUsage::new(1_000, 500).with_cache_read(4_000 * turn as u64);
        let call = ModelCall::new(provider("claude"), model("claude-haiku-4-5")).usage(usage);
        Record::new(at(60 * turn), call).of_session(session_id("s"))
    };
    let records: Vec<Record> = (0..10).map(call).collect();
    let unknown = &told(ContextSessions::new(), &records)[0];
    assert_eq!(
        (unknown.used, unknown.missing),
        (37_500, Some(Missing::Window))
    );
    let known = &told(ContextSessions::new().window(57_500), &records)[0];
    assert_eq!((known.window, known.turns), (Some(57_500), Some(5)));
}

#[test]
fn turns_of_others_tell_of_a_session_that_just_began() {
    let mut records = pressures("old", (1..=20).map(|turn| 5_000 * turn));
    records.extend(pressures("new", [50_000, 55_000]));
    let told = told(ContextSessions::new(), &records);
    let new = told
        .iter()
        .find(|it| it.session == session_id("new"))
        .unwrap();
    assert_eq!((new.seen, new.turns), (1, Some(29)));
    let alone = super::contexts::told(ContextSessions::new(), &pressures("new", [50_000, 55_000]));
    assert_eq!(
        alone[0].missing,
        Some(Missing::Turns { have: 2, needed: 5 })
    );
}

#[test]
fn ended_sessions_are_forgotten_and_silent_ones_when_there_are_many() {
    let mut records = pressures("s", [1_000, 2_000]);
    let end = SessionEnd::new(Outcome::Success, hours(1));
    records.push(Record::new(at(500), end).of_session(session_id("s")));
    assert!(told(ContextSessions::new(), &records).is_empty());
    let mut sessions = ContextSessions::new();
    for number in 0..300 {
        let used = ContextPressure::new(1_000, 200_000);
        let id = session_id(&format!("s{number}"));
        sessions.add(&Record::new(at(number), used).of_session(id));
    }
    let told = sessions.forecasts(noon(), 7);
    assert_eq!((told.len(), sessions.left_out()), (256, 44));
    assert!(told.iter().all(|it| it.session != session_id("s43")));
}
