//! Many tasks behind one cooldown: how they come back.

use std::io;
use std::time::Duration;

use agent_primitives::{Clock, FailureKind};
use agent_resilience::classify::Verdict;
use agent_resilience::{
    CooldownGate, Cost, GateConfig, Policy, RateLimit, RateLimitConfig, Retry, RetryPolicy,
};
use futures_util::future::join_all;

use super::finding::{Extent, Finding, Unit, figure};
use super::time::{SimulatedTime, simulate};
use super::upstream::{Ask, Model, Upstream, Weather};
use super::wire::Maker;

const TASKS: u64 = 64;
const COOLDOWN: Duration = Duration::from_secs(60);

/// How a task waits for the end of the cooldown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// As long as the reply says.
    Told,
    /// Behind a gate that all share.
    Gate,
    /// In the queue of a limit that all share, under a policy.
    Limit,
}

/// The largest number of calls in any second, beside what an even spread over the ramp would give.
pub(crate) fn findings(seed: u64) -> io::Result<Vec<Finding>> {
    let gate = GateConfig::default().ramp(COOLDOWN);
    let limit = RateLimitConfig::default().ramp;
    let line = |what: &str, manner, ramp: Duration| -> io::Result<Finding> {
        let (extent, most) = come_back(manner, seed)?;
        let fair = figure(TASKS) / ramp.as_secs_f64();
        Ok(Finding::new(
            what,
            extent,
            figure(most) / fair,
            Unit::Shares,
        ))
    };
    Ok(vec![
        line(
            "64 tasks behind 60 s, each sleeps as told: peak of a second",
            Manner::Told,
            gate,
        )?,
        line(
            "64 tasks behind 60 s at a CooldownGate: peak of a second",
            Manner::Gate,
            gate,
        )?
        .at_most(2.0),
        line(
            "64 tasks behind 60 s under a policy with a RateLimit",
            Manner::Limit,
            limit,
        )?
        .at_most(2.0),
    ])
}

fn come_back(manner: Manner, seed: u64) -> io::Result<(Extent, u64)> {
    simulate(async move {
        let time = SimulatedTime::begin();
        let model = Model::of(Maker::Anthropic).weather(Weather::Closed { until: COOLDOWN });
        let upstream = Upstream::new("claude", model, time, seed);
        let gate = CooldownGate::with_clock(
            GateConfig {
                seed,
                ..GateConfig::default()
            },
            time,
        );
        let policy = policy(time, seed);
        let tasks = (0..TASKS).map(|_| {
            let (upstream, gate, policy) = (upstream.clone(), gate.clone(), policy.clone());
            tokio::spawn(async move {
                match manner {
                    Manner::Told => {
                        while let Some(wait) = refused(&upstream, time).await {
                            tokio::time::sleep(wait).await;
                        }
                    }
                    Manner::Gate => {
                        while let Some(wait) = refused(&upstream, time).await {
                            gate.close_for(wait);
                            gate.wait().await;
                        }
                    }
                    Manner::Limit => {
                        let run = policy.run(Cost::REQUEST, |_| upstream.ask(Ask::SMALL));
                        let _ = run.await;
                    }
                }
            })
        });
        join_all(tasks).await;
        let mut arrivals = upstream.seen().arrivals;
        arrivals.retain(|at| *at >= COOLDOWN);
        let extent = Extent {
            simulated: time.passed(),
            requests: TASKS,
        };
        (extent, busiest_second(&arrivals))
    })
}

/// One limit for all; no window, only what the provider asks for.
fn policy(time: SimulatedTime, seed: u64) -> Policy {
    let retry = RetryPolicy {
        longest_hint: COOLDOWN * 2,
        ..RetryPolicy::default()
    };
    let limit = RateLimit::with_clock(&RateLimitConfig::default(), time)
        .unwrap_or_else(|error| unreachable!("{error}"));
    Policy::default()
        .retry(Retry::default().with_policy(retry).seed(seed))
        .rate_limit(limit)
        .clock(time)
}

/// How long the provider wants to be left alone; `None` when it answered.
async fn refused(upstream: &Upstream, time: SimulatedTime) -> Option<Duration> {
    let failure = upstream.ask(Ask::SMALL).await.err()?;
    let verdict: &Verdict = failure.verdict();
    debug_assert_eq!(verdict.kind, FailureKind::RateLimited);
    let when = verdict.retry_after?;
    Some(when.delay(time.timestamp()))
}

/// The most arrivals in any second, wherever it begins.
fn busiest_second(arrivals: &[Duration]) -> u64 {
    let second = Duration::from_secs(1);
    let within = |from: Duration| {
        arrivals
            .iter()
            .filter(move |at| (from..from + second).contains(*at))
    };
    arrivals
        .iter()
        .map(|from| within(*from).count() as u64)
        .max()
        .unwrap_or(0)
}
