//! How many calls an outage is sent for each request, and what a rare failure costs.

use std::future::Future;
use std::io;
use std::num::NonZeroU16;

use agent_primitives::ProviderId;
use agent_resilience::{
    BreakerConfig, CircuitBreaker, Cost, FallbackChain, FallbackConfig, Policy, Retry, RetryBudget,
};
use futures_util::future::join_all;

use super::finding::{Extent, Finding, Unit, percent, ratio};
use super::time::{SimulatedTime, pause, simulate};
use super::upstream::{Ask, Model, Upstream, Weather};
use super::wire::Maker;

/// Milliseconds between two requests: 50 a second, whatever becomes of them.
const EVERY: u64 = 20;

/// What came of all requests.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    extent: Extent,
    succeeded: u64,
    /// Calls that reached each provider.
    calls: [u64; 2],
}

/// All figures, for so many requests each.
pub(crate) fn findings(requests: u64, seed: u64) -> io::Result<Vec<Finding>> {
    let budget = || Some(RetryBudget::default());
    let down = Weather::Down;
    let bare = under_policy(down, None, None, requests, seed)?;
    let budgeted = under_policy(down, budget(), None, requests, seed)?;
    let guarded = under_policy(down, budget(), Some(breaker()), requests, seed)?;
    let rare = Weather::Fails { permille: 10 };
    let sometimes = under_policy(rare, budget(), Some(breaker()), requests, seed)?;
    let chained = under_chain(down, requests, seed)?;
    let chained_rarely = under_chain(rare, requests, seed)?;

    // A budget begins with the minimum of one window in it: 10 retries, once.
    let first = ratio(10, requests);
    let calls = |what: &str, outcome: Outcome, provider: usize| {
        let calls = outcome.calls.get(provider).copied().unwrap_or_default();
        let measured = ratio(calls, outcome.extent.requests);
        Finding::new(what, outcome.extent, measured, Unit::Times)
    };
    let success = |what: &str, outcome: Outcome| {
        let measured = percent(outcome.succeeded, outcome.extent.requests);
        Finding::new(what, outcome.extent, measured, Unit::Percent).at_least(99.99)
    };
    Ok(vec![
        calls("all calls fail: 3 attempts, no budget", bare, 0),
        calls("all calls fail: the default retry budget", budgeted, 0).at_most(1.2 + first),
        calls("all calls fail: budget and breaker", guarded, 0).at_most(1.2),
        calls("both of a chain fail: calls to the first", chained, 0).at_most(1.2),
        calls("both of a chain fail: calls to the second", chained, 1).at_most(1.2),
        success("1 % of calls fail: policy, answered", sometimes),
        success("1 % of calls fail: chain, answered", chained_rarely),
    ])
}

fn breaker() -> BreakerConfig {
    BreakerConfig {
        consecutive_failures: NonZeroU16::new(5),
        ..BreakerConfig::default()
    }
}

/// Makes requests at an even pace, each a task of its own, and waits for all of them.
async fn stream_of<F>(requests: u64, ask: impl Fn(u64) -> F) -> u64
where
    F: Future<Output = bool> + Send + 'static,
{
    let mut tasks = Vec::new();
    for number in 0..requests {
        tasks.push(tokio::spawn(ask(number)));
        pause(EVERY).await;
    }
    let answered = join_all(tasks).await;
    answered
        .iter()
        .filter(|done| matches!(done, Ok(true)))
        .count() as u64
}

fn under_policy(
    weather: Weather,
    budget: Option<RetryBudget>,
    breaker: Option<BreakerConfig>,
    requests: u64,
    seed: u64,
) -> io::Result<Outcome> {
    simulate(async move {
        let time = SimulatedTime::begin();
        let model = Model::of(Maker::Anthropic).weather(weather);
        let upstream = Upstream::new("claude", model, time, seed);
        let mut policy = Policy::default()
            .retry(Retry::default().seed(seed))
            .clock(time);
        if let Some(budget) = budget {
            policy = policy.retry_budget(budget);
        }
        if let Some(config) = breaker {
            let id = ProviderId::new("claude").unwrap_or_else(|_| unreachable!("a name"));
            policy = policy.breaker(CircuitBreaker::new(id, config).clock(time));
        }
        let succeeded = stream_of(requests, |_| {
            let (policy, upstream) = (policy.clone(), upstream.clone());
            async move {
                let run = policy.run(Cost::REQUEST, |_| upstream.ask(Ask::SMALL));
                run.await.is_ok()
            }
        });
        let succeeded = succeeded.await;
        Outcome {
            extent: Extent {
                simulated: time.passed(),
                requests,
            },
            succeeded,
            calls: [upstream.seen().calls, 0],
        }
    })
}

fn under_chain(weather: Weather, requests: u64, seed: u64) -> io::Result<Outcome> {
    simulate(async move {
        let time = SimulatedTime::begin();
        let make =
            |name, maker, seed| Upstream::new(name, Model::of(maker).weather(weather), time, seed);
        let first = make("claude", Maker::Anthropic, seed);
        let second = make("gpt", Maker::OpenAi, seed ^ 1);
        let chain = FallbackChain::builder()
            .provider(first.clone())
            .provider(second.clone())
            .config(FallbackConfig::default())
            .clock(time)
            .seed(seed)
            .build()
            .unwrap_or_else(|error| unreachable!("{error}"));
        let _probes = chain.spawn_probes();
        let succeeded = stream_of(requests, |_| {
            let chain = chain.clone();
            async move { chain.call(&Ask::SMALL).await.is_ok() }
        });
        let succeeded = succeeded.await;
        Outcome {
            extent: Extent {
                simulated: time.passed(),
                requests,
            },
            succeeded,
            calls: [first.seen().calls, second.seen().calls],
        }
    })
}
