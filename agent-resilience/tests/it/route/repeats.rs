//! The same arguments give the same decisions, on every machine and in every build.

use std::time::Duration;

use agent_primitives::{Monotonic, Usd};
use agent_resilience::{
    Candidate, Considered, Feedback, LearnedStats, Needs, Profile, RouteConfig, RouteStrategy,
    RouteWeights, Skip, SpendAdvice, TokenPrice, decide,
};

/// FNV-1a.
struct Hash(u64);

impl Hash {
    fn add(&mut self, value: i64) {
        for byte in value.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// The hash of so many decisions with all their reasons.
fn hash_of(decisions: u32) -> u64 {
    let mut random = fastrand::Rng::with_seed(11);
    let profiles: Vec<_> = (1..=6)
        .map(|step| {
            let price = |times: i64| Usd::from_micros(step * step * times);
            Profile::default()
                .price(TokenPrice::per_million(price(90_000), price(430_000)))
                .strength(random.u8(..4))
        })
        .collect();
    let strategies = [
        RouteStrategy::Preference,
        RouteStrategy::Cheapest,
        RouteStrategy::Fastest,
        RouteStrategy::Balanced(RouteWeights {
            load: 2,
            ..RouteWeights::default()
        }),
        RouteStrategy::Learned,
    ];
    let advices = [
        SpendAdvice::Any,
        SpendAdvice::PreferCheap,
        SpendAdvice::ForceCheap,
    ];
    let mut config = RouteConfig::default();
    let mut stats = LearnedStats::new(config.learned);
    let mut hash = Hash(0xcbf2_9ce4_8422_2325);
    for number in 0..decisions {
        config.strategy = strategies[random.usize(..5)];
        let advice = advices[random.usize(..3)];
        let needs = Needs::default()
            .input(random.u64(..50_000))
            .output(random.u64(..4_000));
        let now = Monotonic::from_nanos(u64::from(number) * 300_000_000);
        let candidates = profiles.iter().zip(0_u8..).map(|(profile, place)| {
            let candidate = Candidate::new(profile).in_flight(random.u32(..8));
            let candidate = stats.inform(candidate, &place, now);
            match random.u8(..4) {
                0 => candidate.skip(Skip::Resting),
                _ => candidate,
            }
        });
        let decision = decide(candidates, &needs, &config, advice, u64::from(number));
        for considered in decision.considered() {
            hash.add(match *considered {
                Considered::Chosen(score) => i64::from(score.milli()),
                Considered::Lost(score) => i64::from(score.milli()) ^ i64::MIN,
                Considered::Skipped(_) => i64::MAX,
            });
        }
        if let Some(chosen) = decision.chosen().and_then(|place| u8::try_from(place).ok()) {
            hash.add(i64::from(chosen));
            let feedback = match random.u8(..5) {
                0 => Feedback::failure(),
                _ => Feedback::success().total(Duration::from_millis(random.u64(100..4_000))),
            };
            stats.record(chosen, feedback, now);
        }
    }
    hash.0
}

#[test]
fn many_decisions_have_the_hash_that_they_always_had() {
    // A change of the rules changes these, and nothing else may.
    assert_eq!(hash_of(20_000), 15_433_627_211_461_746_909);
    if !cfg!(debug_assertions) {
        assert_eq!(hash_of(1_000_000), 12_059_481_810_771_872_929);
    }
}
