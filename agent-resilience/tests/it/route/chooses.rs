//! Who wins under each strategy and each advice.

use std::time::Duration;

use agent_primitives::Usd;
use agent_resilience::{
    Belief, Candidate, Considered, Needs, Permille, Profile, RouteConfig, RouteStrategy,
    RouteWeights, Score, SpendAdvice, TokenPrice, decide,
};

const NEEDS: Needs = Needs {
    tools: false,
    vision: false,
    json_mode: false,
    prefill: false,
    input_tokens: 10_000,
    output_tokens: 1_000,
};

/// Cents for a million tokens.
fn priced(input: i64, output: i64) -> Profile {
    let cents = |cents: i64| Usd::from_micros(cents * 10_000);
    Profile::default().price(TokenPrice::per_million(cents(input), cents(output)))
}

fn chosen<'a>(
    candidates: impl IntoIterator<Item = Candidate<'a>>,
    strategy: RouteStrategy,
    advice: SpendAdvice,
) -> Option<usize> {
    decide(candidates, &NEEDS, &RouteConfig::new(strategy), advice, 0).chosen()
}

#[test]
fn each_strategy_takes_the_first_by_its_own_measure() {
    let (dear, cheap, middle) = (priced(300, 1_500), priced(10, 40), priced(80, 400));
    let candidates = [
        Candidate::new(&dear).latency(Duration::from_secs(2)),
        Candidate::new(&cheap).latency(Duration::from_secs(9)),
        Candidate::new(&middle).latency(Duration::from_millis(700)),
    ];
    let by = |strategy| chosen(candidates, strategy, SpendAdvice::Any);
    assert_eq!(by(RouteStrategy::Preference), Some(0));
    assert_eq!(by(RouteStrategy::Cheapest), Some(1));
    assert_eq!(by(RouteStrategy::Fastest), Some(2));
    assert_eq!(by(RouteStrategy::default()), Some(0));
}

#[test]
fn the_price_is_that_of_this_request() {
    // One is cheap to send to, the other to hear from.
    let (sent, heard) = (priced(10, 1_000), priced(100, 100));
    let candidates = [Candidate::new(&sent), Candidate::new(&heard)];
    let config = RouteConfig::new(RouteStrategy::Cheapest);
    let chosen = |needs: Needs| decide(candidates, &needs, &config, SpendAdvice::Any, 0).chosen();
    assert_eq!(chosen(Needs::default().input(100_000).output(100)), Some(0));
    assert_eq!(chosen(Needs::default().input(1_000).output(1_000)), Some(1));
    // Of nothing said, three parts to one: 1030 against 400 cents.
    assert_eq!(chosen(Needs::default()), Some(1));
}

#[test]
fn a_warm_cache_outweighs_a_lower_price() {
    let warm = Profile::default().price(
        TokenPrice::per_million(Usd::from_micros(3_000_000), Usd::from_micros(15_000_000))
            .with_cache_read(Usd::from_micros(300_000)),
    );
    let cold = priced(200, 1_000);
    let by_price = |cached| {
        let candidates = [
            Candidate::new(&warm).cached_tokens(cached),
            Candidate::new(&cold),
        ];
        chosen(candidates, RouteStrategy::Cheapest, SpendAdvice::Any)
    };
    assert_eq!(by_price(0), Some(1));
    assert_eq!(by_price(9_000), Some(0));
    assert_eq!(
        by_price(u64::MAX),
        Some(0),
        "no more can be cached than is sent"
    );
}

#[test]
fn what_is_not_known_is_assumed() {
    let (unknown, known) = (Profile::default(), priced(1_000, 5_000));
    let candidates = [Candidate::new(&unknown), Candidate::new(&known)];
    let cheapest = chosen(candidates, RouteStrategy::Cheapest, SpendAdvice::Any);
    assert_eq!(
        cheapest,
        Some(1),
        "an unknown price is none of the low ones"
    );

    let timed = |latency| {
        [
            Candidate::new(&unknown),
            Candidate::new(&known).latency(latency),
        ]
    };
    let fastest = |latency| chosen(timed(latency), RouteStrategy::Fastest, SpendAdvice::Any);
    assert_eq!(fastest(Duration::from_millis(1_100)), Some(0));
    assert_eq!(fastest(Duration::from_millis(900)), Some(1));
}

#[test]
fn free_and_instant_ones_are_compared_like_others() {
    let free = Profile::default().price(TokenPrice::FREE);
    let candidates = [
        Candidate::new(&free).latency(Duration::ZERO),
        Candidate::new(&free).latency(Duration::MAX),
    ];
    let config = RouteConfig::new(RouteStrategy::Balanced(RouteWeights::default()));
    let decision = decide(candidates, &NEEDS, &config, SpendAdvice::Any, 0);
    assert_eq!(decision.chosen(), Some(0));
    // 2^19.93 times cheaper than a dollar, 2^15.87 times shorter than a minute.
    let score = Score::from_milli(19_932 + 15_873);
    assert_eq!(decision.of(0), Some(Considered::Chosen(score)));
}

#[test]
fn twice_the_price_is_worth_half_the_time() {
    let (cheap, dear) = (priced(100, 500), priced(200, 1_000));
    let weights = RouteWeights {
        price: 1,
        latency: 1,
        ..RouteWeights::default()
    };
    let faster = |millis| {
        let candidates = [
            Candidate::new(&cheap).latency(Duration::from_secs(1)),
            Candidate::new(&dear).latency(Duration::from_millis(millis)),
        ];
        chosen(
            candidates,
            RouteStrategy::Balanced(weights),
            SpendAdvice::Any,
        )
    };
    assert_eq!((faster(490), faster(510)), (Some(1), Some(0)));
}

#[test]
fn failures_load_and_strength_count_by_their_weights() {
    let (plain, strong) = (Profile::default(), Profile::default().strength(2));
    let weighing = |weights, candidates: [Candidate<'_>; 2]| {
        chosen(
            candidates,
            RouteStrategy::Balanced(weights),
            SpendAdvice::Any,
        )
    };
    let plain = Candidate::new(&plain);
    let weights = RouteWeights::default();
    let failing = plain.success(Permille::of(9, 10));
    assert_eq!(weighing(weights, [failing, plain]), Some(1));
    assert_eq!(
        weighing(
            weights,
            [failing, plain.latency(Duration::from_millis(1_600))]
        ),
        Some(0)
    );
    assert_eq!(
        weighing(
            weights,
            [failing, plain.latency(Duration::from_millis(1_400))]
        ),
        Some(1)
    );
    assert_eq!(weighing(weights, [plain, Candidate::new(&strong)]), Some(1));

    // The latency of the calls under way and one's own, one after the other.
    let loaded = RouteWeights { load: 1, ..weights };
    let busy = plain.in_flight(3).latency(Duration::from_millis(100));
    let idle = |millis| plain.latency(Duration::from_millis(millis));
    assert_eq!(weighing(loaded, [busy, idle(390)]), Some(1));
    assert_eq!(weighing(loaded, [busy, idle(410)]), Some(0));
    assert_eq!(weighing(weights, [busy, idle(390)]), Some(0));
}

#[test]
fn advice_shifts_the_choice_to_the_cheap() {
    let (dear, half, tenth) = (priced(300, 1_500), priced(140, 700), priced(20, 100));
    let among = |profiles: &[&Profile], advice| {
        let candidates = profiles.iter().map(|profile| Candidate::new(profile));
        chosen(candidates, RouteStrategy::Preference, advice)
    };
    // A place in the order is worth a halving of the price.
    assert_eq!(among(&[&dear, &half], SpendAdvice::Any), Some(0));
    assert_eq!(among(&[&dear, &half], SpendAdvice::PreferCheap), Some(1));
    assert_eq!(
        among(&[&dear, &dear, &half], SpendAdvice::PreferCheap),
        Some(0)
    );
    assert_eq!(
        among(&[&dear, &dear, &tenth], SpendAdvice::PreferCheap),
        Some(2)
    );
    assert_eq!(
        among(&[&dear, &dear, &half], SpendAdvice::ForceCheap),
        Some(2)
    );

    // Four seconds against a half, and a third of the price.
    let candidates = [
        Candidate::new(&dear).latency(Duration::from_millis(500)),
        Candidate::new(&tenth).latency(Duration::from_secs(5)),
    ];
    let fastest = |advice| chosen(candidates, RouteStrategy::Fastest, advice);
    assert_eq!(fastest(SpendAdvice::Any), Some(0));
    assert_eq!(fastest(SpendAdvice::PreferCheap), Some(1));
    assert_eq!(fastest(SpendAdvice::ForceCheap), Some(1));
}

#[test]
fn equals_share_the_requests_evenly_and_the_preferred_does_not_share() {
    let profile = Profile::default();
    let mut draws = fastrand::Rng::with_seed(3);
    let mut counts = [0_u32; 3];
    for _ in 0..3_000 {
        let candidates = [Candidate::new(&profile); 3];
        let config = RouteConfig::new(RouteStrategy::Cheapest);
        let decision = decide(candidates, &NEEDS, &config, SpendAdvice::Any, draws.u64(..));
        counts[decision.chosen().unwrap()] += 1;
        let config = RouteConfig::default();
        let preferred = decide(candidates, &NEEDS, &config, SpendAdvice::Any, draws.u64(..));
        assert_eq!(preferred.chosen(), Some(0));
    }
    assert!(
        counts.iter().all(|count| (900..1_100).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn those_beyond_the_table_are_chosen_from_and_counted() {
    let (dear, cheap) = (priced(300, 1_500), priced(10, 40));
    let candidates = (0..100).map(|place| Candidate::new(if place == 70 { &cheap } else { &dear }));
    let config = RouteConfig::new(RouteStrategy::Cheapest);
    let decision = decide(candidates, &NEEDS, &config, SpendAdvice::Any, 0);
    assert_eq!(decision.chosen(), Some(70));
    assert_eq!((decision.considered().len(), decision.left_out()), (32, 68));
    assert!(
        decision
            .considered()
            .iter()
            .all(|it| matches!(it, Considered::Lost(_)))
    );
    let table = decision.to_string();
    assert!(
        table.ends_with("and 68 more, of which #70 is chosen\n"),
        "{table}"
    );
}

#[test]
fn what_was_learned_outweighs_what_is_hoped() {
    let profile = Profile::default();
    let good = Candidate::new(&profile).belief(Belief::new(Permille::of(95, 100), 100));
    let bad = Candidate::new(&profile).belief(Belief::new(Permille::of(30, 100), 100));
    let mut greedy = RouteConfig::new(RouteStrategy::Learned);
    greedy.learned.explore = 0;
    let chosen = |candidates: [Candidate<'_>; 2]| {
        decide(candidates, &NEEDS, &greedy, SpendAdvice::Any, 1).chosen()
    };
    assert_eq!(chosen([bad, good]), Some(1));
    assert_eq!(
        chosen([bad, Candidate::new(&profile)]),
        Some(1),
        "hope is above what is bad"
    );
    assert_eq!(
        chosen([Candidate::new(&profile), good]),
        Some(1),
        "and below what is good"
    );
}
