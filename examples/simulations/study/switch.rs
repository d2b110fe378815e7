//! A limited provider that is preferred, and another one beside it: whether the limit is ever met.

use std::io;
use std::time::Duration;

use agent_resilience::{CallOptions, FallbackChain, FallbackConfig, Needs, Profile, Provider};
use futures_util::future::join_all;

use super::finding::{Extent, Finding, Unit, figure, percent};
use super::limits::{Trace, stated, traces};
use super::time::{SimulatedTime, pause, simulate};
use super::upstream::{Ask, Model, Upstream};
use super::wire::Maker;

const WORKERS: u64 = 12;

/// What the chain goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Knows {
    /// It finds out by being refused.
    Nothing,
    /// What the replies say.
    Replies,
    /// The limits are set.
    Limits,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    extent: Extent,
    answered: u64,
    /// Requests that the preferred one refused while the other had room.
    avoidable: u64,
    /// Requests that the preferred one answered, for each that it allows.
    used: f64,
}

pub(crate) fn findings(time: Duration, seed: u64) -> io::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for trace in traces(time) {
        let line = |what: &str, outcome: Outcome, measured, unit| {
            let what = format!("{}, another beside{what}", trace.name);
            Finding::new(what, outcome.extent, measured, unit)
        };
        let avoidable = |what: &str, outcome: Outcome| {
            let what = format!("{what}: avoidable 429");
            line(&what, outcome, figure(outcome.avoidable), Unit::Count)
        };
        let used = |what: &str, outcome: Outcome| {
            let what = format!("{what}: allowance used");
            line(&what, outcome, outcome.used, Unit::Percent)
        };
        let answered = |outcome: Outcome| {
            let share = percent(outcome.answered, outcome.extent.requests);
            line(": requests answered", outcome, share, Unit::Percent)
        };
        let blind = run(&trace, Knows::Nothing, seed)?;
        let reading = run(&trace, Knows::Replies, seed)?;
        let told = run(&trace, Knows::Limits, seed)?;
        findings.extend([
            avoidable(", no prediction", blind),
            avoidable("", reading).at_most(0.0),
            used("", reading),
            answered(reading).at_least(100.0),
            avoidable(", limits set", told).at_most(0.0),
            used(", limits set", told),
        ]);
    }
    Ok(findings)
}

fn run(trace: &Trace, knows: Knows, seed: u64) -> io::Result<Outcome> {
    let trace = trace.clone();
    simulate(async move {
        let time = SimulatedTime::begin();
        let begin = time.wall();
        let limited = Upstream::new("preferred", trace.model.clone(), time, seed);
        let other = Upstream::new("other", Model::of(Maker::Anthropic), time, seed ^ 1);
        limited.beside(&other);
        let vendor = trace.model.maker.vendor();
        let mut config = FallbackConfig {
            predict: knows == Knows::Replies,
            ..FallbackConfig::default()
        };
        if knows == Knows::Limits {
            let own = config.links.entry(limited.id().clone()).or_default();
            own.rate_limit = Some(stated(&trace.model));
        }
        let chain = FallbackChain::builder()
            .provider_with(limited.clone(), Profile::default().vendor(vendor.as_str()))
            .provider(other)
            .config(config)
            .clock(time)
            .seed(seed)
            .build()
            .unwrap_or_else(|error| unreachable!("{error}"));
        let workers = (0..WORKERS).map(|number| {
            tokio::spawn(work(chain.clone(), time, trace.takes, seed ^ (number << 8)))
        });
        let done = join_all(workers).await;
        let (requests, answered) = done
            .into_iter()
            .flatten()
            .fold((0, 0), |sum: (u64, u64), one| {
                (sum.0 + one.0, sum.1 + one.1)
            });
        let seen = limited.seen();
        Outcome {
            extent: Extent {
                simulated: time.passed(),
                requests,
            },
            answered,
            avoidable: seen.avoidable,
            used: trace.used(&seen, begin),
        }
    })
}

/// Asks until the time is over; how often, and how often it was answered.
async fn work(
    chain: FallbackChain<Ask, super::upstream::Answer>,
    time: SimulatedTime,
    takes: Duration,
    seed: u64,
) -> (u64, u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut requests, mut answered) = (0, 0);
    pause(random.u64(0..2_000)).await;
    while time.passed() < takes {
        let ask = Ask::any(&mut random);
        let needs = Needs::default()
            .input(ask.tokens.input * 12 / 10)
            .output(400);
        let options = CallOptions::new().needs(needs);
        requests += 1;
        answered += u64::from(chain.call_with(&ask, &options).await.is_ok());
        pause(random.u64(1..200)).await;
    }
    (requests, answered)
}
