//! The simulations, shorter than the program runs them: every bound holds, and what is shown beside is
//! worse.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

#[path = "../simulations/study/mod.rs"]
#[allow(dead_code, reason = "the program prints more than is looked at here")]
mod study;

use std::time::Duration;

use study::finding::Finding;
use study::{amplification, flapping, herd, limits, replay, switch};

const MINUTE: Duration = Duration::from_secs(60);
const SEED: u64 = 7;

fn all_hold(findings: &[Finding]) {
    for finding in findings {
        assert!(finding.holds(), "{finding}");
    }
    let bounded = findings.iter().filter(|finding| finding.bound.is_some());
    assert!(bounded.count() > 0, "nothing was looked at");
}

/// The figure of the line that begins so.
fn measured(findings: &[Finding], what: &str) -> f64 {
    let mut lines = findings.iter().filter(|line| line.what.starts_with(what));
    lines.next().unwrap_or_else(|| panic!("no {what}")).measured
}

#[test]
fn an_outage_is_sent_a_fifth_more_than_the_demand_and_rare_failures_are_not_seen() {
    let findings = amplification::findings(3_000, SEED).unwrap();
    all_hold(&findings);
    let unbounded = measured(&findings, "all calls fail: 3 attempts, no budget");
    assert!((unbounded - 3.0).abs() < 1e-9, "{unbounded}");
    let budgeted = measured(&findings, "all calls fail: the default");
    assert!(
        budgeted > 1.19,
        "the budget is there to be used: {budgeted}"
    );
}

#[test]
fn with_nobody_else_to_ask_limits_are_used_and_not_met() {
    let findings = limits::findings(10 * MINUTE, 60 * MINUTE, SEED).unwrap();
    all_hold(&findings);
    for trace in limits::traces(MINUTE, MINUTE) {
        let naive = format!("{}, nobody else, backing off: calls", trace.name);
        let refused = measured(&findings, &naive);
        assert!(refused > 10.0, "{naive}: {refused}");
    }
}

#[test]
fn with_somebody_else_to_ask_no_limit_is_met() {
    let findings = switch::findings(2 * MINUTE, 20 * MINUTE, SEED).unwrap();
    all_hold(&findings);
    for trace in limits::traces(MINUTE, MINUTE) {
        let blind = format!("{}, another beside, no prediction", trace.name);
        let avoidable = measured(&findings, &blind);
        assert!(avoidable > 0.0, "{blind}: {avoidable}");
        for known in ["", ", limits set"] {
            let used = format!("{}, another beside{known}: allowance", trace.name);
            let share = measured(&findings, &used);
            assert!(
                share > 40.0,
                "a limit is not kept to by leaving it unused: {used}, {share}"
            );
        }
    }
}

#[test]
fn tasks_behind_one_cooldown_come_back_spread() {
    let findings = herd::findings(SEED).unwrap();
    all_hold(&findings);
    assert!(measured(&findings, "64 tasks behind 60 s, each sleeps as told") > 10.0);
}

#[test]
fn a_provider_that_flaps_is_left_once_in_a_while_and_returned_to_when_it_works() {
    let findings = flapping::findings(5 * MINUTE, SEED).unwrap();
    all_hold(&findings);
    assert!(measured(&findings, "flaps every 4 s: returns in any 30 s, no rest") > 2.0);
}

#[test]
fn one_seed_gives_one_log_of_decisions() {
    let findings = replay::findings(10_000, SEED).unwrap();
    all_hold(&findings);
}
