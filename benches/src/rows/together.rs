//! All policies around one call: a limit, a breaker, a timeout and retries, with and without a bound
//! on calls at the same time.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use agent_primitives::ProviderId;
use agent_resilience::{
    BreakerConfig, CircuitBreaker, CoarseClock, ConcurrencyLimit, Cost, Policy, RateLimit,
};
use backon::{ExponentialBuilder, Retryable};
use governor::{DefaultDirectRateLimiter, RateLimiter};
use recloser::{AsyncRecloser, Recloser};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::executor::{Ending, Executor};
use super::layers::{layer, tower, tower_resilience};
use super::operation::{Operation, Refused, answer, answer_async, answer_later};
use super::rate_limit::{plenty, unlimited};
use crate::harness::{Broken, Case, Group, Kind, Plan, version_of};

/// Longer than any call here takes.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);
/// More than any group has threads.
pub(super) const AT_ONCE: usize = 64;
const AT_ONCE_OURS: NonZeroU32 = NonZeroU32::MIN.saturating_add(63);

pub(super) fn plans() -> Vec<Plan> {
    let mut plans = Vec::new();
    for threads in [1, 2] {
        plans.push(Plan::new("all together, ready call", move |name| {
            let mut cases = vec![least()];
            cases.extend(cases_of(threads, answer_async, &Executor::spinning()?)?);
            Ok(Group::new(name, cases).threads(threads))
        }));
        plans.push(Plan::new(
            "all together, call that suspends once",
            move |name| {
                let executor = Executor::waking()?;
                let mut cases = vec![timeout_only(&executor)?];
                cases.extend(cases_of(threads, answer_later, &executor)?);
                Ok(Group::new(name, cases).threads(threads))
            },
        ));
    }
    plans
}

fn cases_of<O: Operation>(
    threads: usize,
    operation: O,
    executor: &Executor,
) -> Result<Vec<Case>, Broken> {
    let mut cases = vec![
        bare(operation.clone(), executor)?,
        policy("policy", ours()?, operation.clone(), executor)?,
        policy(
            "policy, with a concurrency limit",
            ours()?.concurrency(ConcurrencyLimit::fixed(AT_ONCE_OURS)),
            operation.clone(),
            executor,
        )?,
        layer(ours()?, operation.clone(), executor)?,
        by_hand(operation.clone(), executor)?,
        by_hand_bounded(operation.clone(), executor)?,
        tower_resilience(operation.clone(), executor)?,
    ];
    if threads == 1 {
        // tower's rate limit belongs to one task.
        cases.push(tower(operation, executor)?);
    }
    Ok(cases)
}

fn bare<O: Operation>(operation: O, executor: &Executor) -> Result<Case, Broken> {
    executor.case(
        Kind::Floor,
        "the bare call",
        "",
        Ending::Answered,
        move || {
            let operation = operation.clone();
            async move |number| operation.call(number).await
        },
    )
}

/// Deadline, rate limit, breaker with a failure rate and bounded probes, timeout, retries.
fn ours() -> Result<Policy, Broken> {
    let provider = ProviderId::new("claude").map_err(Broken::when("name a provider"))?;
    let limit = RateLimit::with_clock(&unlimited(), CoarseClock)
        .map_err(Broken::when("configure a limit"))?;
    let breaker = CircuitBreaker::new(provider, BreakerConfig::default());
    Ok(Policy::default()
        .clock(CoarseClock)
        .attempt_timeout(TIMEOUT)
        .rate_limit(limit)
        .breaker(breaker))
}

fn policy<O: Operation>(
    name: &str,
    policy: Policy,
    operation: O,
    executor: &Executor,
) -> Result<Case, Broken> {
    let version = version_of("agent-resilience");
    executor.case(Kind::Ours, name, version, Ending::Answered, move || {
        let (policy, operation) = (policy.clone(), operation.clone());
        async move |number| policy.run(Cost::REQUEST, |_| operation.call(number)).await
    })
}

/// The least that all of them take: the time read, one word swapped, one counted up.
fn least() -> Case {
    let (free_at, calls_seen) = (AtomicU64::new(0), AtomicU64::new(0));
    let origin = Instant::now();
    Case::looped(
        Kind::Floor,
        "one clock read, one swap, one add",
        "",
        move |calls| {
            super::operation::repeat(calls, |number| {
                let now = u64::try_from(origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
                let allowed = free_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |at| {
                    Some(at.max(now) + 1)
                });
                let answered = allowed.map_err(|_| Refused).and_then(|_| answer(number));
                calls_seen.fetch_add(1, Ordering::Relaxed);
                answered
            });
        },
    )
}

fn timeout_only(executor: &Executor) -> Result<Case, Broken> {
    executor.case(
        Kind::Floor,
        "tokio's timeout alone",
        version_of("tokio"),
        Ending::Answered,
        || {
            async |number| match timeout(TIMEOUT, answer_later(number)).await {
                Ok(answered) => answered,
                Err(_) => Err(Refused),
            }
        },
    )
}

/// Why a call made by hand did not succeed.
#[derive(Debug)]
enum Failed {
    Limited,
    Open,
    TimedOut,
    Refused,
}

/// What a careful host writes with the crates that are used most.
struct ByHand {
    limit: DefaultDirectRateLimiter,
    breaker: AsyncRecloser,
    at_once: Semaphore,
}

impl ByHand {
    fn new() -> Self {
        Self {
            limit: RateLimiter::direct(plenty()),
            breaker: AsyncRecloser::from(Recloser::default()),
            at_once: Semaphore::new(AT_ONCE),
        }
    }

    async fn attempt<O: Operation>(&self, operation: &O, number: u32) -> Result<u32, Failed> {
        self.limit.check().map_err(|_| Failed::Limited)?;
        let limited = async {
            match timeout(TIMEOUT, operation.call(number)).await {
                Ok(answered) => answered.map_err(|Refused| Failed::Refused),
                Err(_) => Err(Failed::TimedOut),
            }
        };
        self.breaker
            .call(limited)
            .await
            .map_err(|error| match error {
                recloser::Error::Inner(failed) => failed,
                recloser::Error::Rejected => Failed::Open,
            })
    }
}

fn worth_another(failed: &Failed) -> bool {
    match failed {
        Failed::TimedOut | Failed::Refused => true,
        Failed::Limited | Failed::Open => false,
    }
}

fn versions() -> String {
    ["backon", "recloser", "governor", "tokio"]
        .map(version_of)
        .join("+")
}

fn by_hand<O: Operation>(operation: O, executor: &Executor) -> Result<Case, Broken> {
    let parts = Arc::new(ByHand::new());
    executor.case(
        Kind::Peer,
        "by hand",
        versions(),
        Ending::Answered,
        move || {
            let (parts, operation) = (Arc::clone(&parts), operation.clone());
            async move |number| {
                let attempt = || parts.attempt(&operation, number);
                let retried = attempt.retry(ExponentialBuilder::default());
                retried.when(worth_another).await
            }
        },
    )
}

fn by_hand_bounded<O: Operation>(operation: O, executor: &Executor) -> Result<Case, Broken> {
    let parts = Arc::new(ByHand::new());
    executor.case(
        Kind::Peer,
        "by hand, with a semaphore",
        versions(),
        Ending::Answered,
        move || {
            let (parts, operation) = (Arc::clone(&parts), operation.clone());
            async move |number| {
                let attempt = || async {
                    let _permit = parts.at_once.acquire().await.map_err(|_| Failed::Limited)?;
                    parts.attempt(&operation, number).await
                };
                let retried = attempt.retry(ExponentialBuilder::default());
                retried.when(worth_another).await
            }
        },
    )
}
