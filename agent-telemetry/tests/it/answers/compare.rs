//! Comparing agents and models: what counts, what is compared with what, and what is said.

use std::time::Duration;

use agent_primitives::Usd;
use agent_telemetry::{
    Body, CompareConfig, CompareReport, Contender, ContenderKind, Outcome, Record, SessionResult,
    Shortage, Task, Verdict,
};
use proptest::prelude::*;

use super::{at, call, day, end, record, session, task, widest};
use crate::arbitrary;
use crate::story::{agent, model, provider, session_id};

fn who(name: &str) -> Contender {
    Contender::Agent(agent(name))
}

/// So many sessions of a kind, of which every `nth` fails, each twice as dear as the one before up to the
/// third.
fn results(name: &str, task_type: &'static str, sessions: u32, nth: u32) -> Vec<SessionResult> {
    let letter = &name[..1];
    let result = |number: u32| {
        let outcome = if number.is_multiple_of(nth) {
            Outcome::Failed
        } else {
            Outcome::Success
        };
        SessionResult::new(
            who(name),
            session_id(&format!("{letter}-{number}")),
            outcome,
        )
        .task_type(task_type)
        .cost(Usd::from_micros(1_000 << (number % 3)))
        .elapsed(Duration::from_secs(u64::from(10 + number % 7)))
    };
    (0..sessions).map(result).collect()
}

fn report(results: &[SessionResult]) -> CompareReport {
    CompareReport::of_results(day(), &CompareConfig::default(), results)
}

#[test]
fn sessions_that_began_and_ended_in_the_period_are_summed_up() {
    let mut records = Vec::new();
    records.extend(session("s1", "a", "fix", Outcome::Success, 3_000));
    records.extend(session("s2", "a", "fix", Outcome::Escalated, 5_000));
    records.extend(session("s3", "b", "fix", Outcome::Aborted, 7_000));
    // Not ended; begun the day before; ended the day after; wholly elsewhere; nobody's.
    records.push(record("s4", "a", 5, task("fix")));
    records.push(record("s5", "a", -5, task("fix")));
    records.push(record("s5", "a", 5, end(Outcome::Success, 10)));
    records.push(record("s6", "a", 86_399, task("fix")));
    records.push(record("s6", "a", 86_401, end(Outcome::Success, 2)));
    records.push(record("s7", "a", 90_000, task("fix")));
    records.push(record("s7", "a", 90_001, end(Outcome::Failed, 1)));
    let nobody = |second, body| Record::new(at(second), body).of_session(session_id("s8"));
    records.extend([nobody(1, task("fix")), nobody(2, end(Outcome::Success, 1))]);

    let report = CompareReport::of(day(), &CompareConfig::default(), &records);
    let side = &report.sides[0];
    assert_eq!(side.who, who("a"));
    assert_eq!((side.sessions, side.success, side.escalated), (2, 1, 1));
    assert_eq!(side.cost, Usd::from_micros(8_000));
    assert_eq!(side.cost_per_success, Some(Usd::from_micros(8_000)));
    assert_eq!(side.time_per_success, Some(Duration::from_secs(40)));
    assert_eq!(report.sides[1].aborted, 1);
    assert_eq!(report.sides[1].cost_per_success, None);
    let left_out = report.left_out;
    assert_eq!(
        (left_out.open, left_out.partly, left_out.unnamed),
        (1, 2, 1)
    );
    let named: Vec<&str> = side
        .evidence
        .sessions
        .iter()
        .map(agent_primitives::SessionId::as_str)
        .collect();
    assert_eq!((side.evidence.count, named), (2, vec!["s1", "s2"]));
}

#[test]
fn resumed_session_counts_once_with_all_that_it_cost() {
    let records = [
        record("s", "a", 10, task("fix")),
        record("s", "a", 20, call("house", "small", 1_000)),
        record("s", "a", 30, end(Outcome::Failed, 20)),
        record("s", "a", 40, Body::SessionResume(Task::default())),
        record("s", "a", 50, call("house", "small", 2_000)),
        record("s", "a", 60, end(Outcome::Success, 20)),
    ];
    let report = CompareReport::of(day(), &CompareConfig::default(), &records);
    let side = &report.sides[0];
    assert_eq!((side.sessions, side.success), (1, 1));
    assert_eq!(side.cost, Usd::from_micros(3_000));
    assert_eq!(side.time_per_success, Some(Duration::from_secs(40)));
    // Begun before the period, its first half would be missing.
    let report = CompareReport::of(day(), &CompareConfig::default(), &records[3..]);
    assert_eq!((report.sides.len(), report.left_out.partly), (0, 1));
}

#[test]
fn model_that_was_asked_first_bears_what_followed() {
    let records = [
        record("s", "a", 10, task("fix")),
        record("s", "a", 20, call("first", "m", 1_000)),
        record("s", "a", 30, call("second", "m", 6_000)),
        record("s", "a", 40, end(Outcome::Success, 30)),
        record("t", "a", 10, task("fix")),
        record("t", "a", 40, end(Outcome::Success, 30)),
    ];
    let mut config = CompareConfig::default();
    config.of = ContenderKind::Models;
    let report = CompareReport::of(day(), &config, &records);
    let first = Contender::Model {
        provider: provider("first"),
        model: model("m"),
    };
    assert_eq!(report.sides.len(), 1);
    assert_eq!(report.sides[0].who, first);
    assert_eq!(report.sides[0].cost, Usd::from_micros(7_000));
    assert_eq!(report.left_out.unnamed, 1, "asked none");
}

#[test]
fn sixty_fifth_agent_of_a_session_is_counted_and_not_followed() {
    let mut records = Vec::new();
    for number in 0..70 {
        let one = session(
            "s",
            &format!("a{number:02}"),
            "fix",
            Outcome::Success,
            1_000,
        );
        records.extend(one);
    }
    // Those before go on.
    records.push(record("s", "a00", 200, call("house", "small", 500)));
    let report = CompareReport::of(day(), &CompareConfig::default(), &records);
    assert_eq!(report.sides.len(), 16);
    assert_eq!((report.left_out.sides, report.left_out.beyond), (48, 6));
    let first = report.sides.iter().find(|side| side.who == who("a00"));
    assert_eq!(first.unwrap().cost, Usd::from_micros(1_500));
}

#[test]
fn only_the_task_type_and_project_asked_for_count() {
    let mut records = Vec::new();
    records.extend(session("s1", "a", "fix", Outcome::Success, 1));
    records.extend(session("s2", "a", "review", Outcome::Success, 1));
    let shop = agent_telemetry::ProjectId::new("shop").unwrap();
    let elsewhere = session("s3", "a", "fix", Outcome::Failed, 1);
    records.extend(elsewhere.map(|record| record.of_project(shop.clone())));
    let sessions = |config: &CompareConfig| {
        let report = CompareReport::of(day(), config, &records);
        report.sides.iter().map(|side| side.sessions).sum::<u64>()
    };
    let mut config = CompareConfig::default();
    assert_eq!(sessions(&config), 3);
    config.task_type = Some("fix".into());
    assert_eq!(sessions(&config), 2);
    config.project = Some(shop.clone());
    assert_eq!(sessions(&config), 1);
}

#[test]
fn who_does_the_harder_work_is_not_called_worse() {
    // Nine of ten easy ones and two of three hard ones succeed, whoever does them.
    let mut all = results("brave", "hard", 600, 3);
    all.extend(results("brave", "easy", 60, 10));
    all.extend(results("timid", "easy", 600, 10));
    all.extend(results("timid", "hard", 60, 3));
    let report = report(&all);
    let [brave, timid] = ["brave", "timid"].map(|name| {
        let side = report.sides.iter().find(|side| side.who == who(name));
        side.unwrap().success_rate.unwrap()
    });
    assert!(timid - brave > 0.15, "seen together: {timid} and {brave}");
    let pair = &report.pairs[0];
    assert!(pair.success.difference.unwrap().abs() < 0.01, "{pair:?}");
    assert_eq!(pair.success.verdict, Verdict::NoDifferenceSeen);
    assert_eq!(pair.task_types.len(), 2);
}

#[test]
fn true_winner_is_found_in_each_measure() {
    let mut all = results("good", "fix", 300, 10);
    let dear = results("poor", "fix", 300, 2).into_iter().map(|mut it| {
        it.cost = it.cost.map(|cost| cost * 2);
        it.elapsed *= 2;
        it
    });
    all.extend(dear);
    let report = report(&all);
    let pair = &report.pairs[0];
    let better = Verdict::Better {
        contender: who("good"),
    };
    for measure in [
        &pair.success,
        &pair.cost_per_success,
        &pair.time_per_success,
    ] {
        assert_eq!(measure.verdict, better, "{measure:?}");
        assert!(measure.adjusted.unwrap() >= measure.probability.unwrap());
    }
    let ratio = pair.cost_per_success.difference.unwrap();
    assert!((ratio - 0.5 * 0.5 / 0.9).abs() < 0.01, "{ratio}");
    let text = report.to_string();
    assert!(text.contains("good is better"), "{text}");
}

#[test]
fn without_common_work_nothing_is_compared() {
    let mut all = results("a", "fix", 200, 3);
    all.extend(results("b", "review", 200, 3));
    // One of a kind is no ground to stand on.
    all.extend(results("b", "fix", 1, 3));
    let report = report(&all);
    let pair = &report.pairs[0];
    let shortage = Shortage::CommonWork;
    for measure in [
        &pair.success,
        &pair.cost_per_success,
        &pair.time_per_success,
    ] {
        let verdict = Verdict::NotEnoughData {
            shortage: shortage.clone(),
        };
        assert_eq!((&measure.verdict, measure.difference), (&verdict, None));
    }
    let text = report.to_string();
    assert!(
        text.contains("1 pair did no work of the same kind"),
        "{text}"
    );
}

/// So many sessions, of which so many of a hundred succeed.
fn share(name: &str, sessions: u32, of_hundred: u32) -> Vec<SessionResult> {
    let mut all = results(name, "fix", sessions, 1);
    for (number, result) in (0_u32..).zip(&mut all) {
        // Spread evenly: 37 has no divisor in common with a hundred.
        if number * 37 % 100 < of_hundred {
            result.outcome = Outcome::Success;
        }
    }
    all
}

#[test]
fn difference_that_may_matter_is_never_called_none() {
    // Nine points apart: the interval is narrower than ten points to either side, but reaches far beyond them.
    let mut all = share("a", 200, 75);
    all.extend(share("b", 200, 66));
    let success = report(&all).pairs[0].success.clone();
    let interval = success.interval.unwrap();
    assert!(
        interval.high - interval.low < 0.2 && interval.high > 0.17,
        "{success:?}"
    );
    let Verdict::NotEnoughData {
        shortage: Shortage::Sessions { first, second },
    } = success.verdict
    else {
        panic!("{success:?}");
    };
    // What is said to be missing shows that they differ, if they are as far apart then.
    assert!(first > 40 && second > 40, "{first} and {second}");
    let more = |more: u64| 200 + u32::try_from(more).unwrap() * 12 / 10;
    let mut all = share("a", more(first), 75);
    all.extend(share("b", more(second), 66));
    let verdict = report(&all).pairs[0].success.verdict.clone();
    assert!(matches!(verdict, Verdict::Better { .. }), "{verdict:?}");
}

#[test]
fn sessions_said_to_be_missing_are_enough() {
    let mut all = results("a", "fix", 40, 4);
    all.extend(results("b", "fix", 400, 4));
    let verdict = |all: &[SessionResult]| report(all).pairs[0].success.verdict.clone();
    let missing = |all: &[SessionResult]| match verdict(all) {
        Verdict::NotEnoughData {
            shortage: Shortage::Sessions { first, second },
        } => [first, second].map(|it| u32::try_from(it).unwrap()),
        other => panic!("{other:?}"),
    };
    // The side with more sessions comes first.
    let [of_b, of_a] = missing(&all);
    assert!(of_b == 0 && (40..200).contains(&of_a), "{of_b} and {of_a}");
    // About: as Wilson's interval narrows a little more slowly than the number grows.
    let mut enough = results("a", "fix", 40 + of_a * 12 / 10, 4);
    enough.extend(results("b", "fix", 400, 4));
    assert_eq!(verdict(&enough), Verdict::NoDifferenceSeen);
    let mut few = results("a", "fix", 40 + of_a * 7 / 10, 4);
    few.extend(results("b", "fix", 400, 4));
    assert!(missing(&few)[1] > 0);
}

#[test]
fn fewer_than_twenty_sessions_are_never_enough() {
    let mut all = results("a", "fix", 19, 100);
    all.extend(results("b", "fix", 1_000, 1));
    let report = report(&all);
    let success = &report.pairs[0].success;
    assert!(success.probability.unwrap() < 1e-9 && success.adjusted.is_none());
    assert!(matches!(success.verdict, Verdict::NotEnoughData { .. }));
}

#[test]
fn cost_is_not_compared_where_prices_are_missing() {
    let mut all = results("a", "fix", 200, 3);
    all.extend(results("b", "fix", 200, 3));
    for result in all.iter_mut().take(11) {
        result.cost = None;
    }
    let pair = report(&all).pairs.remove(0);
    let shortage = Shortage::Prices;
    assert_eq!(
        pair.cost_per_success.verdict,
        Verdict::NotEnoughData { shortage }
    );
    assert_eq!(pair.time_per_success.verdict, Verdict::NoDifferenceSeen);
    assert_eq!(report(&all).sides[0].unpriced_sessions, 11);
    // One of twenty may be missing.
    all[0].cost = Some(Usd::from_micros(1_000));
    let pair = report(&all).pairs.remove(0);
    assert!(pair.cost_per_success.difference.is_some());
}

#[test]
fn few_sessions_that_make_up_most_of_the_cost_decide_nothing() {
    let mut all = results("a", "fix", 200, 3);
    all.extend(results("b", "fix", 200, 3));
    all[1].cost = Some(Usd::from_micros(90_000_000));
    let pair = report(&all).pairs.remove(0);
    let shortage = Shortage::Evenness;
    assert_eq!(
        pair.cost_per_success.verdict,
        Verdict::NotEnoughData { shortage }
    );
}

#[test]
fn seventeenth_side_is_counted_and_not_compared() {
    let mut all = Vec::new();
    for number in 0..17 {
        all.extend(results(&format!("a{number:02}"), "fix", 30 - number, 3));
    }
    let report = report(&all);
    assert_eq!((report.sides.len(), report.pairs.len()), (16, 120));
    assert_eq!(report.left_out.sides, 1);
    assert!(report.sides.iter().all(|side| side.who != who("a16")));
}

#[test]
fn report_reads_back_from_its_json() {
    let mut all = results("a", "fix", 60, 3);
    all.extend(results("b", "review", 60, 3));
    let report = report(&all);
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(
        serde_json::from_str::<CompareReport>(&json).unwrap(),
        report
    );
    assert!(
        json.starts_with(r#"{"schema":1,"period":{"from":0,"#),
        "{json}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_records_make_a_text_of_100_columns(records in arbitrary::records(), models in any::<bool>()) {
        let mut config = CompareConfig::default();
        config.of = if models { ContenderKind::Models } else { ContenderKind::Agents };
        let report = CompareReport::of(agent_telemetry::Period::ALL, &config, &records);
        let text = report.to_string();
        prop_assert!(widest(&text) <= 100, "{}", text);
        prop_assert!(!text.contains("NaN") && !text.contains("inf"), "{}", text);
        let json = serde_json::to_string(&report).unwrap();
        prop_assert_eq!(serde_json::from_str::<CompareReport>(&json).unwrap(), report);
    }
}

#[test]
fn names_of_any_length_fit_100_columns() {
    let [long, other] = ["a", "b"].map(|letter| letter.repeat(128));
    let mut all = results(&long, "fix", 300, 10);
    all.extend(results(&other, "fix", 300, 2));
    all.extend(results(&"c".repeat(128), "other", 3, 2));
    let text = report(&all).to_string();
    assert!(widest(&text) <= 100, "{text}");
}
