//! What holds of every decision, whatever the candidates.

use std::time::Duration;

use agent_primitives::Usd;
use agent_resilience::{
    Belief, Candidate, Capabilities, Considered, Decision, Needs, Permille, Profile, RouteConfig,
    RouteStrategy, RouteWeights, Skip, SpendAdvice, TokenPrice, decide,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// A candidate with its profile.
#[derive(Debug, Clone)]
struct Someone {
    profile: Profile,
    skip: Option<Skip>,
    latency: Option<Duration>,
    success: Option<Permille>,
    in_flight: u32,
    cached_tokens: u64,
    belief: Option<Belief>,
}

impl Someone {
    fn candidate(&self) -> Candidate<'_> {
        let mut candidate = Candidate::new(&self.profile)
            .in_flight(self.in_flight)
            .cached_tokens(self.cached_tokens);
        candidate.latency = self.latency;
        candidate.success = self.success;
        candidate.belief = self.belief;
        match self.skip {
            Some(skip) => candidate.skip(skip),
            None => candidate,
        }
    }
}

fn tokens() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..10_u64, 4 => 0..200_000_u64, 1 => Just(u64::MAX)]
}

fn capabilities() -> impl Strategy<Value = Capabilities> {
    let able = prop::bool::weighted(0.8);
    let size = || prop::option::of(tokens());
    (able, able, able, able, size(), size()).prop_map(
        |(tools, vision, json_mode, prefill, context_window, max_output)| Capabilities {
            tools,
            vision,
            json_mode,
            prefill,
            context_window,
            max_output,
        },
    )
}

fn needs() -> impl Strategy<Value = Needs> {
    let needed = prop::bool::weighted(0.2);
    (needed, needed, needed, needed, tokens(), tokens()).prop_map(
        |(tools, vision, json_mode, prefill, input_tokens, output_tokens)| Needs {
            tools,
            vision,
            json_mode,
            prefill,
            input_tokens,
            output_tokens,
        },
    )
}

fn price() -> impl Strategy<Value = TokenPrice> {
    let dollars = prop_oneof![
        1 => Just(Usd::ZERO),
        8 => (0..100_000_000_i64).prop_map(Usd::from_micros),
        1 => Just(Usd::MAX),
    ];
    (dollars.clone(), dollars.clone(), dollars).prop_map(|(input, output, cached)| {
        TokenPrice::per_million(input, output).with_cache_read(cached)
    })
}

fn someone() -> impl Strategy<Value = Someone> {
    let share = (0..=1_000_u16).prop_map(|share| Permille::new(share).unwrap());
    let belief = (share.clone(), any::<u32>()).prop_map(|(share, n)| Belief::new(share, n % 300));
    let latency = prop_oneof![
        8 => (0..60_000_u64).prop_map(Duration::from_millis),
        1 => Just(Duration::MAX),
    ];
    (
        (capabilities(), prop::option::of(price()), 0..6_u8),
        prop::option::weighted(0.25, prop::sample::select(Skip::ALL)),
        prop::option::of(latency),
        prop::option::of(share),
        prop_oneof![8 => 0..20_u32, 1 => Just(u32::MAX)],
        tokens(),
        prop::option::of(belief),
    )
        .prop_map(
            |(
                (capabilities, price, strength),
                skip,
                latency,
                success,
                in_flight,
                cached,
                belief,
            )| {
                let mut profile = Profile::default()
                    .capabilities(capabilities)
                    .strength(strength);
                profile.price = price;
                Someone {
                    profile,
                    skip,
                    latency,
                    success,
                    in_flight,
                    cached_tokens: cached,
                    belief,
                }
            },
        )
}

fn strategy() -> impl Strategy<Value = RouteStrategy> {
    let weights = any::<[u8; 7]>().prop_map(
        |[price, latency, success, load, strength, order, learned]| RouteWeights {
            price,
            latency,
            success,
            load,
            strength,
            order,
            learned,
        },
    );
    prop_oneof![
        Just(RouteStrategy::Preference),
        Just(RouteStrategy::Cheapest),
        Just(RouteStrategy::Fastest),
        Just(RouteStrategy::Learned),
        weights.prop_map(RouteStrategy::Balanced),
    ]
}

fn advice() -> impl Strategy<Value = SpendAdvice> {
    prop::sample::select(vec![
        SpendAdvice::Any,
        SpendAdvice::PreferCheap,
        SpendAdvice::ForceCheap,
    ])
}

/// Whether a request with these needs could be answered, said without the crate's own words.
fn suits(able: &Capabilities, needs: &Needs) -> bool {
    let answer = u128::from(needs.output_tokens.max(1));
    let all = u128::from(needs.input_tokens) + answer;
    (able.tools || !needs.tools)
        && (able.vision || !needs.vision)
        && (able.json_mode || !needs.json_mode)
        && (able.prefill || !needs.prefill)
        && able
            .context_window
            .is_none_or(|window| all <= u128::from(window))
        && able
            .max_output
            .is_none_or(|longest| answer <= u128::from(longest))
}

fn decision(
    people: &[Someone],
    needs: &Needs,
    strategy: RouteStrategy,
    advice: SpendAdvice,
    draw: u64,
) -> Decision {
    let config = RouteConfig::new(strategy);
    decide(
        people.iter().map(Someone::candidate),
        needs,
        &config,
        advice,
        draw,
    )
}

fn cost(someone: &Someone, needs: &Needs) -> Usd {
    let price = someone
        .profile
        .price
        .unwrap_or(RouteConfig::default().assumed_price);
    let cached = someone.cached_tokens.min(needs.input_tokens);
    let usage = agent_primitives::TokenUsage::new(needs.input_tokens - cached, needs.output_tokens);
    price.cost(&usage.with_cache_read(cached))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        rng_seed: RngSeed::Fixed(5),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn only_who_is_ready_and_able_is_chosen_and_somebody_is_whenever_there_is_one(
        people in prop::collection::vec(someone(), 0..40),
        needs in needs(),
        strategy in strategy(),
        advice in advice(),
        draw in any::<u64>(),
    ) {
        let decision = decision(&people, &needs, strategy, advice, draw);
        let fit = |someone: &Someone| someone.skip.is_none() && suits(&someone.profile.capabilities, &needs);
        prop_assert_eq!(decision.chosen().is_some(), people.iter().any(fit));
        if let Some(chosen) = decision.chosen() {
            prop_assert!(fit(&people[chosen]));
        }
        let named = people.len().min(Decision::CAPACITY);
        prop_assert_eq!(decision.considered().len(), named);
        prop_assert_eq!(decision.left_out() as usize, people.len() - named);
        let mut best = None;
        for (someone, considered) in people.iter().zip(decision.considered()) {
            match considered {
                Considered::Skipped(skip) => {
                    prop_assert!(!fit(someone));
                    let misfit = !suits(&someone.profile.capabilities, &needs);
                    let said = if misfit { skip.is_misfit() } else { someone.skip == Some(*skip) };
                    prop_assert!(said);
                }
                Considered::Lost(score) | Considered::Chosen(score) => {
                    prop_assert!(fit(someone));
                    best = best.max(Some(*score));
                }
            }
        }
        if let Some(Considered::Chosen(score)) = decision.chosen().and_then(|place| decision.of(place)) {
            prop_assert_eq!(Some(score), best);
        }
    }

    #[test]
    fn the_cheapest_is_the_cheapest_and_the_fastest_the_fastest(
        people in prop::collection::vec(someone(), 1..12),
        needs in needs(),
        draw in any::<u64>(),
    ) {
        prop_assume!(needs.input_tokens > 0 || needs.output_tokens > 0);
        let fit = |someone: &&Someone| someone.skip.is_none() && suits(&someone.profile.capabilities, &needs);
        let cheapest = decision(&people, &needs, RouteStrategy::Cheapest, SpendAdvice::Any, draw);
        if let Some(chosen) = cheapest.chosen() {
            // Told apart to a thousandth of a halving, and from a millionth of a dollar on.
            let least = people.iter().filter(fit).map(|someone| cost(someone, &needs)).min().unwrap();
            let taken = cost(&people[chosen], &needs).picos().min(i128::from(u64::MAX));
            let allowed = least.picos().clamp(1_000_000, u64::MAX.into());
            prop_assert!(taken <= allowed + allowed / 700, "{taken} {allowed}");
        }
        let fastest = decision(&people, &needs, RouteStrategy::Fastest, SpendAdvice::Any, draw);
        if let Some(chosen) = fastest.chosen() {
            let latency = |someone: &Someone| someone.latency.unwrap_or(Duration::from_secs(1)).as_nanos().min(u64::MAX.into());
            let least = people.iter().filter(fit).map(latency).min().unwrap().max(1_000_000);
            prop_assert!(latency(&people[chosen]) <= least + least / 700);
        }
    }

    #[test]
    fn where_places_do_not_count_the_order_does_not_either(
        people in prop::collection::vec(someone(), 1..12),
        needs in needs(),
        draw in any::<u64>(),
        turn in 0..12_usize,
    ) {
        let weights = RouteWeights { load: 1, ..RouteWeights::default() };
        let score = |decision: Decision| decision.chosen().and_then(|place| decision.of(place));
        for strategy in [RouteStrategy::Cheapest, RouteStrategy::Fastest, RouteStrategy::Balanced(weights)] {
            let one = decision(&people, &needs, strategy, SpendAdvice::Any, draw);
            let mut others = people.clone();
            let by = turn % others.len();
            others.rotate_left(by);
            others.reverse();
            let other = decision(&others, &needs, strategy, SpendAdvice::Any, draw);
            prop_assert_eq!(score(one), score(other));
        }
    }

    #[test]
    fn who_lost_could_as_well_not_have_been_there(
        people in prop::collection::vec(someone(), 2..12),
        needs in needs(),
        advice in advice(),
    ) {
        let strategy = RouteStrategy::Balanced(RouteWeights::default());
        let all = decision(&people, &needs, strategy, advice, 0);
        if let Some(chosen) = all.chosen() {
            for gone in (0..people.len()).filter(|place| *place != chosen) {
                let mut fewer = people.clone();
                fewer.remove(gone);
                let again = decision(&fewer, &needs, strategy, advice, 0);
                let place = again.chosen().unwrap();
                prop_assert_eq!(again.of(place), all.of(chosen));
            }
        }
    }

    #[test]
    fn learned_selection_stays_within_bounds(
        people in prop::collection::vec(someone(), 1..12),
        needs in needs(),
        draws in prop::collection::vec(any::<u64>(), 8),
    ) {
        for draw in draws {
            let once = decision(&people, &needs, RouteStrategy::Learned, SpendAdvice::Any, draw);
            let twice = decision(&people, &needs, RouteStrategy::Learned, SpendAdvice::Any, draw);
            prop_assert_eq!(once, twice);
            for considered in once.considered() {
                if let Considered::Chosen(score) | Considered::Lost(score) = considered {
                    prop_assert!((-4_000..=14_000).contains(&score.milli()), "{score}");
                }
            }
        }
    }
}
