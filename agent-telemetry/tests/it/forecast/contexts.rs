//! How many turns contexts have left.

use agent_primitives::{ContextPressure, TokenUsage};
use agent_telemetry::{
    ContextForecast, ContextSessions, Missing, ModelCall, Outcome, Record, SessionEnd,
};

use super::{at, hours, noon};
use crate::story::{agent as agent_id, model, provider, session_id};

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

fn tokens(second: i64, agent: &str, model_name: &str, used: u64) -> Record {
    let call = ModelCall::new(provider("claude"), model(model_name));
    let call = call.usage(TokenUsage::new(used, 0));
    Record::new(at(second), call)
        .of_session(session_id("s"))
        .of_agent(agent_id(agent))
}

fn end_of(second: i64, agent: &str) -> Record {
    let end = SessionEnd::new(Outcome::Success, hours(1));
    Record::new(at(second), end)
        .of_session(session_id("s"))
        .of_agent(agent_id(agent))
}

#[test]
fn end_of_one_agent_leaves_the_session_to_the_others() {
    let main = (0..20).map(|turn| tokens(60 * turn, "main", "large", 5_000 * (turn as u64 + 1)));
    let mut records: Vec<Record> = main.collect();
    records.insert(10, tokens(590, "aside", "large", 3_000));
    records.push(end_of(1_500, "aside"));
    let window = || ContextSessions::new().window(200_000);
    let goes_on = told(window(), &records);
    assert_eq!((goes_on.len(), goes_on[0].seen), (1, 19));
    records.push(end_of(2_000, "main"));
    assert!(told(window(), &records).is_empty());
    // It goes on in a new process, with a context of its own.
    records.push(tokens(2_100, "main", "large", 4_000));
    let again = &told(window(), &records)[0];
    assert_eq!((again.used, again.seen, again.compactions), (4_000, 0, 0));
}

#[test]
fn what_others_ask_aside_is_no_compaction() {
    let mut records = Vec::new();
    for turn in 0..20 {
        records.push(tokens(
            60 * turn,
            "main",
            "large",
            5_000 * (turn as u64 + 1),
        ));
        records.push(match turn % 2 {
            0 => tokens(60 * turn + 20, "main", "small", 700),
            _ => tokens(60 * turn + 20, "other", "large", 900),
        });
    }
    let told = &told(ContextSessions::new().window(200_000), &records)[0];
    assert_eq!((told.compactions, told.threshold), (0, Some(200_000)));
    assert_eq!((told.used, told.growth), (100_000, Some(5_000)));
    assert_eq!(
        (told.agent.clone(), told.model.clone()),
        (Some(agent_id("main")), Some(model("large")))
    );
    assert_eq!(told.turns, Some(20));
}

#[test]
fn another_model_goes_on_with_the_same_context() {
    let of = |turn: i64| if turn < 12 { "large" } else { "other" };
    let each = (0..20).map(|turn| tokens(60 * turn, "main", of(turn), 5_000 * (turn as u64 + 1)));
    let told = &told(
        ContextSessions::new().window(200_000),
        &each.collect::<Vec<_>>(),
    )[0];
    assert_eq!((told.used, told.seen), (100_000, 19));
    assert_eq!(told.model, Some(model("other")));
}

#[test]
fn fall_that_is_back_at_once_was_none() {
    let climb = |from: u64, to: u64| (from..=to).map(|turn| 5_000 * turn);
    let used = climb(1, 20).chain([2_000, 2_100]).chain(climb(21, 22));
    let told = &told(ContextSessions::new(), &pressures("s", used))[0];
    assert_eq!((told.compactions, told.threshold), (0, Some(200_000)));
    // What was asked aside is no turn of it either.
    assert_eq!((told.growth, told.seen), (Some(5_000), 21));
}

#[test]
fn fall_that_is_back_many_turns_later_was_one() {
    let before = (1..=20).map(|turn| 5_000 * turn);
    let behind = (0..=50).map(|turn| 20_000 + 500 * turn);
    let used = before.chain(behind).chain([85_000]);
    let told = &told(ContextSessions::new(), &pressures("s", used))[0];
    assert_eq!((told.compactions, told.threshold), (1, Some(100_000)));
    assert_eq!(told.seen, 20 - 1 + 50 + 1);
}

#[test]
fn context_that_is_compacted_lower_again_and_again_is_expected_to_be_there() {
    let once = (1..=19).map(|turn| 10_000 * turn);
    let lower = (0..4).flat_map(|_| (1..=8).map(|turn| 10_000 * turn));
    let used = once.chain(lower).chain([10_000]);
    let told = &told(ContextSessions::new(), &pressures("s", used))[0];
    assert_eq!((told.compactions, told.threshold), (5, Some(80_000)));
}

#[test]
fn mark_that_is_passed_is_none() {
    let climb = |to: u64| (1..=to).map(|turn| 5_000 * turn);
    // Cleared at 50 000, and not again where it was.
    let passed = told(
        ContextSessions::new(),
        &pressures("s", climb(10).chain(climb(16))),
    );
    assert_eq!(
        (passed[0].compactions, passed[0].threshold),
        (1, Some(200_000))
    );
    assert_eq!(passed[0].turns, Some(24));
    // Cleared long before it was full, after it had been compacted.
    let cleared = climb(32).chain(climb(8)).chain(climb(4));
    let cleared = told(ContextSessions::new(), &pressures("s", cleared));
    assert_eq!(
        (cleared[0].compactions, cleared[0].threshold),
        (2, Some(160_000))
    );
}
