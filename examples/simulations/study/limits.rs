//! Limits of four vendors under more demand than they allow, and nobody else to ask.

use std::io;
use std::num::NonZeroU32;
use std::time::Duration;

use agent_primitives::Timestamp;
use agent_resilience::classify::LimitedResource;
use agent_resilience::{
    Backoff, Cost, Policy, RateLimit, RateLimitConfig, RateWindow, Retry, RetryPolicy, WindowKind,
};
use futures_util::future::join_all;

use super::finding::{Extent, Finding, Unit, percent};
use super::quota::{Allowance, Counted, Returns};
use super::time::{SimulatedTime, pause, simulate};
use super::upstream::{Ask, Model, Seen, Upstream};
use super::wire::Maker;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
const WORKERS: u64 = 12;

/// A vendor's limits and how long they are tried.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    pub(crate) name: &'static str,
    pub(crate) model: Model,
    pub(crate) takes: Duration,
}

impl Trace {
    /// The share in percent of what was allowed since `begin`, in the window that is used most.
    pub(crate) fn used(&self, seen: &Seen, begin: Timestamp) -> f64 {
        let share = |allowance: &Allowance| {
            let used = match allowance.counted {
                Counted::Requests => seen.answered,
                Counted::Tokens => seen.tokens,
            };
            percent(used, allowance.most_in(self.takes, begin))
        };
        self.model.allowances.iter().map(share).fold(0.0, f64::max)
    }
}

/// The four traces, the short windows for `time`, the daily one for three days of it to the hour.
pub(crate) fn traces(time: Duration) -> Vec<Trace> {
    let minute = |counted, limit, returns| Allowance::new(counted, limit, MINUTE, returns);
    let trace = |name, maker, takes, allowances: &[Allowance]| Trace {
        name,
        model: Model::of(maker).allows(allowances),
        takes,
    };
    vec![
        trace(
            "fixed minute (Mistral)",
            Maker::Mistral,
            time,
            &[
                minute(Counted::Requests, 60, Returns::AtItsEnd),
                minute(Counted::Tokens, 60_000, Returns::AtItsEnd),
            ],
        ),
        trace(
            "refilling (OpenAI)",
            Maker::OpenAi,
            time,
            &[
                minute(Counted::Requests, 60, Returns::Evenly),
                minute(Counted::Tokens, 60_000, Returns::Evenly),
            ],
        ),
        trace(
            "refilling (Anthropic)",
            Maker::Anthropic,
            time,
            &[
                minute(Counted::Requests, 50, Returns::Evenly),
                minute(Counted::Tokens, 50_000, Returns::Evenly),
            ],
        ),
        trace(
            "a day's (Groq)",
            Maker::Groq,
            time * 24,
            &[
                Allowance::new(Counted::Requests, 1_000, DAY, Returns::Evenly),
                minute(Counted::Tokens, 12_000, Returns::Evenly),
            ],
        ),
    ]
}

/// How the workers keep to the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// They find out by being refused.
    BackingOff,
    /// They ask a `RateLimit` first.
    Asking,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    extent: Extent,
    /// Share of calls that met a 429.
    refused: f64,
    /// Share of what was allowed.
    used: f64,
}

pub(crate) fn findings(time: Duration, seed: u64) -> io::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for trace in traces(time) {
        let naive = run(&trace, Manner::BackingOff, seed)?;
        let asking = run(&trace, Manner::Asking, seed)?;
        let line = |what: &str, outcome: Outcome, measured| {
            let what = format!("{}, {what}", trace.name);
            Finding::new(what, outcome.extent, measured, Unit::Percent)
        };
        findings.extend([
            line(
                "nobody else, backing off: calls that met 429",
                naive,
                naive.refused,
            ),
            line(
                "nobody else, backing off: allowance used",
                naive,
                naive.used,
            ),
            line(
                "nobody else, RateLimit: calls that met 429",
                asking,
                asking.refused,
            )
            .at_most(2.0),
            line(
                "nobody else, RateLimit: allowance used",
                asking,
                asking.used,
            )
            .at_least(95.0),
        ]);
    }
    Ok(findings)
}

fn run(trace: &Trace, manner: Manner, seed: u64) -> io::Result<Outcome> {
    let trace = trace.clone();
    simulate(async move {
        let time = SimulatedTime::begin();
        let begin = time.wall();
        let upstream = Upstream::new("lone", trace.model.clone(), time, seed);
        let policy = match manner {
            Manner::BackingOff => backing_off(seed),
            Manner::Asking => asking(&trace.model, time, seed),
        }
        .clock(time);
        let workers = (0..WORKERS).map(|number| {
            let (upstream, policy) = (upstream.clone(), policy.clone());
            tokio::spawn(work(upstream, policy, seed ^ (number << 8)))
        });
        let workers: Vec<_> = workers.collect();
        tokio::time::sleep(trace.takes).await;
        workers.iter().for_each(tokio::task::JoinHandle::abort);
        let _ = join_all(workers).await;
        let seen = upstream.seen();
        Outcome {
            extent: Extent {
                simulated: time.passed(),
                requests: seen.answered,
            },
            refused: percent(seen.refused, seen.calls),
            used: trace.used(&seen, begin),
        }
    })
}

async fn work(upstream: Upstream, policy: Policy, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    loop {
        let ask = Ask::any(&mut random);
        // Nobody knows the tokens exactly before the provider has counted them.
        let input = ask.tokens.input * 12 / 10;
        let cost = Cost::REQUEST.input(input).output(400);
        let answer = policy
            .run(cost, |_| upstream.ask(ask))
            .settle(|answer| Some(answer.usage))
            .await;
        if let Ok(answer) = answer {
            policy.observe(&answer.limits);
        }
        pause(random.u64(1..200)).await;
    }
}

/// Pauses of 1 to 16 s, as often as it takes.
fn backing_off(seed: u64) -> Policy {
    let retry = RetryPolicy {
        max_attempts: NonZeroU32::MAX,
        backoff: Backoff::exponential(Duration::from_secs(1), Duration::from_secs(16)),
        longest_hint: DAY,
        total: None,
        ..RetryPolicy::default()
    };
    Policy::default().retry(Retry::default().with_policy(retry).seed(seed))
}

/// The limits as the vendor's pages state them; what the replies say corrects them.
pub(crate) fn stated(model: &Model) -> RateLimitConfig {
    let mut config = RateLimitConfig::default();
    for allowance in &model.allowances {
        let resource = match (model.maker, allowance.counted) {
            (_, Counted::Requests) => LimitedResource::Requests,
            (Maker::Anthropic, Counted::Tokens) => LimitedResource::InputTokens,
            (_, Counted::Tokens) => LimitedResource::Tokens,
        };
        let mut window = RateWindow::new(resource, allowance.limit, allowance.period);
        match allowance.returns {
            // Calls may arrive closer together than they were sent, so not the whole of it at once:
            // a tenth of a minute less, or of a day as many as there are workers.
            Returns::Evenly if allowance.period == DAY => {
                window = window.burst(allowance.limit - WORKERS);
            }
            Returns::Evenly => window = window.burst(allowance.limit * 9 / 10),
            Returns::AtItsEnd => window = window.kind(WindowKind::Fixed),
        }
        config = config.window(window);
    }
    config
}

fn asking(model: &Model, time: SimulatedTime, seed: u64) -> Policy {
    let limit =
        RateLimit::with_clock(&stated(model), time).unwrap_or_else(|error| unreachable!("{error}"));
    backing_off(seed).rate_limit(limit)
}
