//! What is kept of calls, and how it fades.

use std::num::NonZeroU32;
use std::time::Duration;

use agent_primitives::Monotonic;
use agent_resilience::{Candidate, Feedback, LearnedConfig, LearnedStats, Permille, Profile};

const SECOND: u64 = 1_000_000_000;

fn at(second: u64) -> Monotonic {
    Monotonic::from_nanos(second * SECOND)
}

fn config(calls: u32, seconds: u64) -> LearnedConfig {
    LearnedConfig {
        half_life_calls: NonZeroU32::new(calls).unwrap(),
        half_life: Duration::from_secs(seconds),
        ..LearnedConfig::default()
    }
}

#[test]
fn figures_are_means_of_what_was_told() {
    let mut stats = LearnedStats::new(config(1_000_000, 1_000_000));
    let answered = Feedback::success().reward(Permille::new(600).unwrap());
    stats.record(
        "a",
        answered
            .first_token(Duration::from_secs(1))
            .total(Duration::from_secs(8)),
        at(0),
    );
    stats.record(
        "a",
        answered
            .first_token(Duration::from_secs(3))
            .total(Duration::from_secs(4)),
        at(0),
    );
    stats.record("a", Feedback::failure(), at(0));
    stats.record("a", Feedback::failure(), at(0));
    let known = stats.estimate("a", at(0)).unwrap();
    assert_eq!(known.success.map(Permille::as_u16), Some(500));
    assert_eq!(
        (known.belief.reward().as_u16(), known.belief.evidence()),
        (300, 4)
    );
    let millis = |time: Option<Duration>| time.map(|time| time.as_millis());
    assert_eq!(millis(known.first_token), Some(2_000));
    assert_eq!(millis(known.total), Some(6_000));
    assert_eq!(stats.estimate("b", at(0)), None);
}

#[test]
fn figures_fade_with_the_calls_of_the_others_and_with_time() {
    let mut stats = LearnedStats::new(config(10, 1_000_000));
    stats.record(
        "a",
        Feedback::success().total(Duration::from_secs(1)),
        at(0),
    );
    for _ in 0..39 {
        stats.record("b", Feedback::success(), at(0));
    }
    // 39 calls are not quite four half-lives, 41 are more.
    assert!(stats.estimate("a", at(0)).unwrap().total.is_some());
    for _ in 0..2 {
        stats.record("b", Feedback::success(), at(0));
    }
    let faded = stats.estimate("a", at(0)).unwrap();
    assert_eq!((faded.total, faded.success), (None, None));
    assert_eq!(faded.belief.evidence(), 0);

    let mut stats = LearnedStats::new(config(1_000_000, 60));
    stats.record(
        "a",
        Feedback::success().total(Duration::from_secs(1)),
        at(0),
    );
    assert!(stats.estimate("a", at(239)).unwrap().total.is_some());
    assert!(stats.estimate("a", at(242)).unwrap().total.is_none());
    assert!(
        stats
            .estimate("a", Monotonic::from_nanos(u64::MAX))
            .is_some()
    );
}

#[test]
fn new_calls_outweigh_old_ones() {
    let mut stats = LearnedStats::new(config(10, 1_000_000));
    for _ in 0..1_000_000 {
        stats.record("a", Feedback::success(), at(0));
    }
    for _ in 0..10 {
        stats.record("a", Feedback::failure(), at(0));
    }
    let success = stats
        .estimate("a", at(0))
        .unwrap()
        .success
        .unwrap()
        .as_u16();
    assert!(
        (495..=505).contains(&success),
        "half is left after a half-life: {success}"
    );
}

#[test]
fn a_candidate_is_informed_of_what_is_known() {
    let profile = Profile::default();
    let mut stats = LearnedStats::new(LearnedConfig::default());
    let untold = stats.inform(Candidate::new(&profile), "a", at(0));
    assert_eq!(
        (untold.latency, untold.success, untold.belief),
        (None, None, None)
    );
    stats.record(
        "a",
        Feedback::success().total(Duration::from_secs(2)),
        at(0),
    );
    let told = stats.inform(Candidate::new(&profile), "a", at(0));
    assert_eq!(told.latency, Some(Duration::from_secs(2)));
    assert_eq!(told.success, Some(Permille::ALL));
    let first = Feedback::success().first_token(Duration::from_millis(300));
    stats.record("a", first.total(Duration::from_secs(2)), at(0));
    let told = stats.inform(Candidate::new(&profile), "a", at(0));
    assert_eq!(told.latency, Some(Duration::from_millis(300)));
}

#[test]
fn the_one_without_a_call_for_longest_makes_room() {
    let mut stats = LearnedStats::new(LearnedConfig {
        capacity: 3,
        ..LearnedConfig::default()
    });
    assert!(stats.is_empty());
    for name in [1, 2, 3, 1] {
        stats.record(name, Feedback::success(), at(0));
    }
    stats.record(4, Feedback::success(), at(0));
    let known = [1, 2, 3, 4].map(|name| stats.estimate(&name, at(0)).is_some());
    assert_eq!(known, [true, false, true, true]);
    assert_eq!((stats.len(), stats.forgotten()), (3, 1));
    for name in 0..10_000 {
        stats.record(name, Feedback::failure(), at(0));
    }
    assert_eq!(stats.len(), 3);
}
