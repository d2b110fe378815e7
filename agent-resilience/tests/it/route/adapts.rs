//! Learned selection follows candidates that become better or worse.

use std::num::NonZeroU32;
use std::time::Duration;

use agent_primitives::Monotonic;
use agent_resilience::{
    Candidate, Feedback, LearnedStats, Needs, Profile, RouteConfig, RouteStrategy, SpendAdvice,
    decide,
};

/// The share of its calls that each candidate answers well, in percent, before and after a change.
struct World {
    name: &'static str,
    before: &'static [u8],
    after: &'static [u8],
}

const WORLDS: [World; 6] = [
    World {
        name: "nothing changes",
        before: &[60, 90, 70, 40],
        after: &[60, 90, 70, 40],
    },
    World {
        name: "the best breaks down",
        before: &[60, 95, 80, 40],
        after: &[60, 5, 80, 40],
    },
    World {
        name: "the worst becomes the best",
        before: &[60, 70, 65, 10],
        after: &[60, 70, 65, 98],
    },
    World {
        name: "best and worst change places",
        before: &[50, 95, 50, 20],
        after: &[50, 20, 50, 95],
    },
    World {
        name: "all fail but one that failed",
        before: &[95, 0],
        after: &[0, 95],
    },
    World {
        name: "sixteen, and another is the best",
        before: &[
            95, 60, 50, 40, 60, 50, 40, 60, 50, 40, 60, 50, 40, 60, 50, 40,
        ],
        after: &[
            40, 60, 50, 40, 60, 50, 40, 60, 50, 40, 60, 50, 40, 95, 50, 40,
        ],
    },
];

const CHANGE: u64 = 1_000;
const SETTLED: u64 = CHANGE + 200;
const END: u64 = SETTLED + 300;

/// What is earned of what somebody who knew the best would earn, in thousandths: before the change,
/// and from 200 calls after it.
fn earned(world: &World, config: &RouteConfig, seed: u64) -> (u64, u64) {
    let mut draws = fastrand::Rng::with_seed(seed);
    let mut stats = LearnedStats::new(config.learned);
    let profile = Profile::default();
    let (mut before, mut after) = ((0, 0), (0, 0));
    for call in 0..END {
        let shares = if call < CHANGE {
            world.before
        } else {
            world.after
        };
        let now = Monotonic::from_nanos(call * 1_000_000_000);
        let candidates =
            (0..shares.len()).map(|place| stats.inform(Candidate::new(&profile), &place, now));
        let decision = decide(
            candidates,
            &Needs::default(),
            config,
            SpendAdvice::Any,
            draws.u64(..),
        );
        let chosen = decision.chosen().unwrap();
        let good = draws.u8(..100) < shares[chosen];
        let feedback = if good {
            Feedback::success().total(Duration::from_secs(1))
        } else {
            Feedback::failure()
        };
        stats.record(chosen, feedback, now);
        let best = u64::from(*shares.iter().max().unwrap());
        let sums = match call {
            500..CHANGE => &mut before,
            SETTLED.. => &mut after,
            _ => continue,
        };
        sums.0 += u64::from(shares[chosen]);
        sums.1 += best;
    }
    let share = |(part, whole): (u64, u64)| part * 1_000 / whole;
    (share(before), share(after))
}

/// The mean over several seeds, before the change and after it, and the worst after it.
fn earned_on_average(world: &World, config: &RouteConfig) -> [u64; 3] {
    const RUNS: u64 = 10;
    let runs: Vec<_> = (0..RUNS).map(|seed| earned(world, config, seed)).collect();
    let mean = |of: fn(&(u64, u64)) -> u64| runs.iter().map(of).sum::<u64>() / RUNS;
    let worst = runs.iter().map(|run| run.1).min().unwrap();
    [mean(|run| run.0), mean(|run| run.1), worst]
}

#[test]
fn nine_tenths_of_the_best_are_earned_two_hundred_calls_after_a_change() {
    let config = RouteConfig::new(RouteStrategy::Learned);
    for world in &WORLDS {
        let [before, after, worst] = earned_on_average(world, &config);
        println!("{:35} {before} {after} {worst}", world.name);
        assert!(before >= 950, "{}: {before} before", world.name);
        assert!(after >= 950, "{}: {after} after", world.name);
        assert!(worst >= 800, "{}: {worst} with the worst seed", world.name);
    }
}

#[test]
fn without_fading_a_change_is_missed() {
    let mut config = RouteConfig::new(RouteStrategy::Learned);
    config.learned.half_life_calls = NonZeroU32::MAX;
    config.learned.half_life = Duration::from_secs(86_400 * 365);
    let [_, breaks, _] = earned_on_average(&WORLDS[1], &config);
    let [_, rises, _] = earned_on_average(&WORLDS[2], &config);
    println!("{breaks} {rises}");
    assert!(breaks < 900 && rises < 900, "{breaks} {rises}");
}
