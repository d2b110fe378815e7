//! How often chance alone makes a winner, and a true difference is found, over simulated sessions. A
//! larger study is `compare_study` in the benches.

use std::time::Duration;

use agent_primitives::Usd;
use agent_telemetry::{CompareConfig, CompareReport, Contender, Outcome, SessionResult, Verdict};
use fastrand::Rng;

use super::day;
use crate::story::{agent, session_id};

/// By Box and Muller.
fn normal(rng: &mut Rng) -> f64 {
    let (u, v) = (1.0 - rng.f64(), rng.f64());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// So many sessions of each side; all succeed as often as the rate says but the first, which does more
/// often by so much.
fn simulate(rng: &mut Rng, sides: u32, sessions: u32, better_by: f64) -> CompareReport {
    let id = session_id("s");
    let mut results = Vec::new();
    for side in 0..sides {
        let who = Contender::Agent(agent(&format!("a{side}")));
        let rate = if side == 0 { 0.7 + better_by } else { 0.7 };
        for _ in 0..sessions {
            let success = rng.f64() < rate;
            let outcome = if success {
                Outcome::Success
            } else {
                Outcome::Failed
            };
            // A tenth of the sessions takes half of the cost.
            let cost = normal(rng).exp();
            let seconds = cost * (0.3 * normal(rng)).exp();
            #[expect(clippy::cast_possible_truncation, reason = "a few dollars")]
            let cost = Usd::from_micros((cost * 1e5) as i64);
            results.push(
                SessionResult::new(who.clone(), id.clone(), outcome)
                    .cost(cost)
                    .elapsed(Duration::from_secs_f64(seconds)),
            );
        }
    }
    CompareReport::of_results(day(), &CompareConfig::default(), &results)
}

fn has_winner(report: &CompareReport) -> bool {
    report.pairs.iter().any(|pair| {
        [
            &pair.success,
            &pair.cost_per_success,
            &pair.time_per_success,
        ]
        .iter()
        .any(|it| matches!(it.verdict, Verdict::Better { .. }))
    })
}

#[test]
fn chance_makes_a_winner_in_no_more_than_five_of_a_hundred_reports() {
    let mut rng = Rng::with_seed(11);
    for (sides, sessions, reports) in [(2, 40, 400), (4, 25, 120)] {
        let winners = (0..reports)
            .filter(|_| has_winner(&simulate(&mut rng, sides, sessions, 0.0)))
            .count();
        assert!(
            winners * 20 <= reports,
            "{winners} of {reports} with {sides} sides"
        );
        assert!(winners > 0, "a level that nothing reaches tests nothing");
    }
}

#[test]
fn difference_of_twenty_points_is_found_among_two_hundred_sessions() {
    let mut rng = Rng::with_seed(12);
    let found = (0..40)
        .filter(|_| {
            let report = simulate(&mut rng, 2, 200, 0.2);
            let verdict = &report.pairs[0].success.verdict;
            matches!(verdict, Verdict::Better { contender } if contender.to_string() == "a0")
        })
        .count();
    assert!(found >= 38, "{found} of 40");
}

#[test]
fn difference_that_matters_is_hardly_ever_called_none() {
    let mut rng = Rng::with_seed(14);
    let called_none = (0..200)
        .map(|_| simulate(&mut rng, 2, 200, 0.1))
        .filter(|report| report.pairs[0].success.verdict == Verdict::NoDifferenceSeen)
        .count();
    assert!(called_none <= 10, "{called_none} of 200");
    // The same sides, alike: that is found.
    let report = simulate(&mut rng, 2, 1_000, 0.0);
    assert_eq!(report.pairs[0].success.verdict, Verdict::NoDifferenceSeen);
}

#[test]
fn intervals_hold_the_truth_in_about_95_of_100_cases() {
    let mut rng = Rng::with_seed(13);
    let mut held = [0_u32; 3];
    for _ in 0..300 {
        let report = simulate(&mut rng, 2, 50, 0.1);
        let pair = &report.pairs[0];
        let first = pair.first == Contender::Agent(agent("a0"));
        let by = if first { 0.1 } else { -0.1 };
        // The costs are alike, so that those of a success are as the rates are.
        let times = if first { 0.7 / 0.8 } else { 0.8 / 0.7 };
        let side = report
            .sides
            .iter()
            .find(|side| side.who.to_string() == "a0");
        let inside = [
            pair.success.interval.unwrap().contains(by),
            pair.cost_per_success.interval.unwrap().contains(times),
            side.unwrap().success_interval.unwrap().contains(0.8),
        ];
        for (count, inside) in held.iter_mut().zip(inside) {
            *count += u32::from(inside);
        }
    }
    for count in held {
        assert!((276..=294).contains(&count), "{held:?} of 300");
    }
}
