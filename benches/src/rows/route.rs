//! Choosing one of sixteen candidates and saying why not the others.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::task::{Context, Poll};
use std::time::Duration;

use agent_primitives::Usd;
use agent_resilience::{
    Belief, Candidate, Capabilities, Decision, Needs, Permille, Profile, RouteConfig,
    RouteStrategy, RouteWeights, Skip, SpendAdvice, TokenPrice, decide,
};
use tower::Service;
use tower::balance::p2c::Balance;
use tower::discover::ServiceList;
use tower::load::{CompleteOnResponse, PeakEwma};

use super::executor::{Ending, Executor};
use super::operation::repeat;
use crate::harness::{Broken, Case, Group, Kind, Plan, version_of};

const CANDIDATES: u32 = 16;

/// What the request needs: two of the candidates do not call tools, two have too small a window.
fn needs() -> Needs {
    Needs::default().tools().input(12_000).output(2_000)
}

pub(super) fn plans() -> Vec<Plan> {
    vec![Plan::new("route decision, 16 candidates", |name| {
        let balanced = RouteStrategy::Balanced(RouteWeights {
            load: 1,
            ..RouteWeights::default()
        });
        Ok(Group::new(
            name,
            vec![
                bare(),
                ours("preference", RouteStrategy::Preference)?,
                ours("cheapest", RouteStrategy::Cheapest)?,
                ours("balanced", balanced)?,
                ours("learned", RouteStrategy::Learned)?,
                by_hand()?,
                balance()?,
            ],
        ))
    })]
}

/// What is known of each: a host's figures, which are there before a request comes.
#[derive(Debug, Clone)]
struct Known {
    profile: Profile,
    resting: bool,
    latency: Duration,
    success: Permille,
    in_flight: u32,
}

impl Known {
    fn candidate(&self) -> Candidate<'_> {
        let candidate = Candidate::new(&self.profile)
            .latency(self.latency)
            .success(self.success)
            .in_flight(self.in_flight)
            .belief(Belief::new(self.success, 20));
        if self.resting {
            candidate.skip(Skip::Resting)
        } else {
            candidate
        }
    }
}

fn known() -> Vec<Known> {
    let one = |place: u32| {
        let cents = i64::from(place % 5 + 1);
        let dollars = |cents: i64| Usd::from_micros(cents * 200_000);
        let mut able = Capabilities::default()
            .context_window(200_000)
            .max_output(8_000);
        match place % 8 {
            3 => able = able.without_tools(),
            5 => able = able.context_window(8_192),
            _ => {}
        }
        Known {
            profile: Profile::default()
                .capabilities(able)
                .price(TokenPrice::per_million(dollars(cents), dollars(cents * 5)))
                .strength(u8::try_from(place % 3).unwrap_or(0)),
            resting: place % 8 == 1,
            latency: Duration::from_millis(u64::from(300 + place * 70)),
            success: Permille::of(1_000 - place * 3, 1_000),
            in_flight: place % 4,
        }
    };
    (0..CANDIDATES).map(one).collect()
}

fn ours(name: &str, strategy: RouteStrategy) -> Result<Case, Broken> {
    let (known, needs, config) = (known(), needs(), RouteConfig::new(strategy));
    let decided = move |draw: u32| -> Decision {
        let candidates = known.iter().map(Known::candidate);
        decide(candidates, &needs, &config, SpendAdvice::Any, draw.into())
    };
    let skipped = decided(0)
        .considered()
        .iter()
        .filter(|it| is_skipped(**it))
        .count();
    if skipped != 6 || decided(0).chosen().is_none() {
        return Err(Broken::new(
            "decide",
            "other candidates are skipped than should be",
        ));
    }
    Ok(Case::looped(
        Kind::Ours,
        name,
        version_of("agent-resilience"),
        move |calls| repeat(calls, &decided),
    ))
}

const fn is_skipped(considered: agent_resilience::Considered) -> bool {
    matches!(considered, agent_resilience::Considered::Skipped(_))
}

/// Why one was not taken, as the careful host of [`by_hand`] says it.
#[derive(Debug, Clone, Copy)]
enum Reason {
    Skipped(&'static str),
    Score(f64),
}

impl Known {
    fn misfit(&self, needs: &Needs) -> Option<&'static str> {
        let able = &self.profile.capabilities;
        if needs.tools && !able.tools {
            return Some("no tools");
        }
        if able
            .context_window
            .is_some_and(|window| needs.input_tokens + needs.output_tokens > window)
        {
            return Some("context window");
        }
        self.resting.then_some("resting")
    }

    fn score(&self, needs: &Needs) -> f64 {
        let price = self.profile.price.unwrap_or(TokenPrice::FREE);
        let cost = price.estimate(needs.input_tokens, needs.output_tokens);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a host that weighs in floats accepts that"
        )]
        let dollars = cost.picos() as f64 / 1e12;
        let failing = 1.0 - f64::from(self.success.as_u16()) / 1_000.0;
        let loaded = self.latency.as_secs_f64() * f64::from(self.in_flight + 1);
        -(dollars.log2() + loaded.log2() + 4.0 * failing)
    }
}

/// The same balance of price, latency and success in floats, the reasons in a map, the scores sorted.
fn by_hand() -> Result<Case, Broken> {
    let (known, needs) = (known(), needs());
    let decided = move |_: u32| {
        let mut reasons = HashMap::new();
        let mut scores = Vec::new();
        for (place, one) in known.iter().enumerate() {
            let reason = if let Some(misfit) = one.misfit(&needs) {
                Reason::Skipped(misfit)
            } else {
                let score = one.score(&needs);
                scores.push((place, score));
                Reason::Score(score)
            };
            reasons.insert(place, reason);
        }
        scores.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap_or(Ordering::Equal));
        (scores.first().map(|best| best.0), reasons)
    };
    let (chosen, reasons) = decided(0);
    let skipped = reasons
        .values()
        .filter(|it| matches!(it, Reason::Skipped(why) if !why.is_empty()));
    let scored = reasons
        .values()
        .filter(|it| matches!(it, Reason::Score(score) if score.is_finite()));
    if (skipped.count(), scored.count()) != (6, 10) || chosen.is_none() {
        return Err(Broken::new(
            "decide by hand",
            "other candidates are skipped than should be",
        ));
    }
    Ok(Case::looped(Kind::Peer, "by hand", "", move |calls| {
        repeat(calls, &decided);
    }))
}

/// The least that a look at all of them takes: the shortest latency among them.
fn bare() -> Case {
    let known = known();
    Case::looped(Kind::Floor, "the shortest latency", "", move |calls| {
        repeat(calls, |_| {
            let ready = black_box(&known).iter().filter(|one| !one.resting);
            ready.min_by_key(|one| one.latency).map(|one| one.in_flight)
        });
    })
}

/// One of those that tower chooses between.
#[derive(Debug, Clone)]
struct Answers;

impl Service<u32> for Answers {
    type Response = u32;
    type Error = Infallible;
    type Future = Ready<Result<u32, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, number: u32) -> Self::Future {
        ready(Ok(number))
    }
}

/// The better of two that are drawn, by latency and calls under way. It looks at no needs and gives no
/// reason; a call that is ready at once is in its figure.
fn balance() -> Result<Case, Broken> {
    let executor = Executor::spinning()?;
    let version = version_of("tower");
    executor.case(
        Kind::Peer,
        "tower balance",
        version,
        Ending::Answered,
        || {
            let service = || {
                let (default, decay) = (Duration::from_millis(300), 10e9);
                PeakEwma::new(Answers, default, decay, CompleteOnResponse::default())
            };
            let services: Vec<_> = (0..CANDIDATES).map(|_| service()).collect();
            let mut balance = Balance::new(ServiceList::new::<u32>(services));
            async move |number| {
                std::future::poll_fn(|context| balance.poll_ready(context)).await?;
                balance.call(number).await
            }
        },
    )
}
