//! Every stage around one call, in the one order that holds.

mod admission;
mod error;
mod failure;
mod money;
mod run;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{Clock, Observer, ProviderId, TokenUsage};

use crate::breaker::CircuitBreaker;
use crate::budget::{SessionBudget, TokenPrice};
use crate::classify::{LimitSnapshot, Verdict};
use crate::clock::CoarseClock;
use crate::limit::{ConcurrencyLimit, Cost, RateLimit};
use crate::retry::{Pause, Retry, RetryBudget, RetryPolicy, Try};
use crate::sleep::Sleep;

pub use error::{PolicyError, Refusal};
use money::Money;
pub use run::PolicyRun;

/// Composes the stages around a call:
///
/// ```text
/// deadline → retry budget → per attempt: spend budget → rate limit → concurrency → circuit breaker → attempt timeout → call
///          ← failure: classified once; breaker, limits and retry decide from the one verdict
///          ← reply: money and tokens settled, slot and permit given back
/// ```
///
/// The order is fixed because each place is chosen: what is counted against a provider's limit comes
/// before what is held while the call lasts, so that nobody holds a slot while waiting for tokens; the
/// breaker is asked last, so that its answer is fresh; the timeout covers the call and not the queue;
/// retries are outside, so that every attempt is counted, and inside the deadline, so that they end.
///
/// Stages that are not set cost nothing. A call that is ready at once reads the clock once, arms no
/// timer and allocates nothing; one that waits reads it once more when it ends. All stages must read
/// the same time: each takes the system's unless told otherwise, and a test gives clones of one
/// [`ManualClock`](agent_primitives::ManualClock) to all of them.
///
/// A value: clone it, share it, use it for any number of calls. Breakers, limits and budgets are
/// shared with those that were put in.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{FailureKind, ProviderId};
/// use agent_resilience::classify::{LimitedResource, Verdict};
/// use agent_resilience::{
///     BreakerConfig, CircuitBreaker, Cost, Policy, RateLimit, RateLimitConfig, RateWindow,
/// };
///
/// # let runtime = tokio::runtime::Builder::new_current_thread()
/// #     .enable_time().start_paused(true).build()?;
/// # runtime.block_on(async {
/// let minute = RateWindow::per_minute(LimitedResource::Requests, 50);
/// let policy = Policy::default()
///     .breaker(CircuitBreaker::new(ProviderId::new("groq")?, BreakerConfig::default()))
///     .rate_limit(RateLimit::new(&RateLimitConfig::default().window(minute))?)
///     .attempt_timeout(Duration::from_secs(30));
/// let answer = policy
///     .run(Cost::REQUEST.input(1_200).output(400), |attempt| async move {
///         if attempt.number == 1 { Err(Verdict::new(FailureKind::Overloaded)) } else { Ok("done") }
///     })
///     .await
///     .unwrap();
/// assert_eq!(answer, "done");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Policy {
    stages: Stages,
}

#[derive(Clone)]
struct Stages {
    retry: Retry,
    money: Option<Money>,
    rate: Option<RateLimit>,
    concurrency: Option<ConcurrencyLimit>,
    breaker: Option<CircuitBreaker>,
    clock: Arc<dyn Clock>,
    observed: Option<Observed>,
}

/// Who hears of the attempts, and under which name.
#[derive(Clone)]
struct Observed {
    provider: ProviderId,
    observer: Arc<dyn Observer>,
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("retry", &self.stages.retry)
            .field("rate_limit", &self.stages.rate)
            .field("concurrency", &self.stages.concurrency)
            .field("breaker", &self.stages.breaker)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "tokio")]
impl Default for Policy {
    /// Retries as [`RetryPolicy::default`] says, waiting with tokio's timer; no other stage.
    fn default() -> Self {
        Self::new(Retry::default())
    }
}

impl Policy {
    /// Retries as `retry` does, and no other stage yet. `retry` brings the timer, the deadline, the
    /// timeout of an attempt, the budget and what it learns; its clock is replaced by the policy's.
    pub fn new(retry: Retry) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(CoarseClock);
        Self {
            stages: Stages {
                retry: retry.clock(Arc::clone(&clock)),
                money: None,
                rate: None,
                concurrency: None,
                breaker: None,
                clock,
                observed: None,
            },
        }
    }

    /// Retries as `policy` says, and waits with `sleep`.
    pub fn with_sleep(policy: RetryPolicy, sleep: impl Sleep + 'static) -> Self {
        Self::new(Retry::with_sleep(policy, sleep))
    }

    /// Replaces how failures are retried; the policy's clock is kept.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.stages.retry = retry.clock(Arc::clone(&self.stages.clock));
        self
    }

    /// Lets only as many retries through as `budget` allows.
    #[must_use]
    pub fn retry_budget(mut self, budget: RetryBudget) -> Self {
        self.stages.retry = self.stages.retry.budget(budget);
        self
    }

    /// The longest that all attempts, pauses and queues may take together; 10 min unless set. See
    /// [`Retry::total`].
    #[must_use]
    pub fn total(mut self, longest: Duration) -> Self {
        self.stages.retry = self.stages.retry.total(longest);
        self
    }

    /// The longest that one attempt may take once it is let in; no limit unless set. See
    /// [`Retry::attempt_timeout`].
    #[must_use]
    pub fn attempt_timeout(mut self, longest: Duration) -> Self {
        self.stages.retry = self.stages.retry.attempt_timeout(longest);
        self
    }

    /// Holds what each attempt may cost in `budget`, at `price`, before anything else is asked; refuses where a
    /// cap does not hold it. What it did cost is spent afterwards: by the usage that
    /// [`PolicyRun::settle`] is told, else as held. Attempts that were turned away (rate limits, overload,
    /// keys, malformed requests) give it back; those that may have been answered, and calls that are dropped
    /// under way, keep it.
    ///
    /// ```
    /// use agent_primitives::{SessionId, TokenUsage, Usd};
    /// use agent_resilience::classify::Verdict;
    /// use agent_resilience::{
    ///     Cost, Policy, PolicyError, Refusal, SpendBudget, SpendBudgetConfig, SpendCap, TokenPrice,
    /// };
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    /// # runtime.block_on(async {
    /// let config = SpendBudgetConfig {
    ///     session: SpendCap { usd: Some(Usd::from_micros(10_000)), ..SpendCap::default() },
    ///     ..SpendBudgetConfig::default()
    /// };
    /// let session = SpendBudget::new(&config)?.session(&SessionId::new("fix-the-build")?)?;
    /// let price = TokenPrice::per_million("3".parse()?, "15".parse()?);
    /// let policy = Policy::default().spend_budget(session.clone(), price);
    ///
    /// // Held at most $0.0090, spent $0.0045.
    /// let call = policy.run(Cost::REQUEST.input(1_000).output(400), |_| async { Ok::<_, Verdict>(()) });
    /// call.settle(|()| Some(TokenUsage::new(1_000, 100))).await.unwrap();
    /// assert_eq!(session.spent().usd, Usd::from_micros(4_500));
    ///
    /// let call = policy.run(Cost::REQUEST.input(1_000).output(400), |_| async { Ok::<_, Verdict>(()) });
    /// let error = call.await.unwrap_err();
    /// assert!(matches!(error, PolicyError::Refused { by: Refusal::Budget(_), attempts: 0, .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn spend_budget(mut self, budget: SessionBudget, price: TokenPrice) -> Self {
        self.stages.money = Some(Money { budget, price });
        self
    }

    /// Reserves the cost of each attempt, and waits in turn where it does not fit, until the deadline.
    /// A pause that the provider asks for because of its limit is waited for in the same line, so that
    /// calls which were told the same moment come back over the limit's
    /// [ramp](crate::RateLimitConfig::ramp) and not together.
    #[must_use]
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.stages.rate = Some(limit);
        self
    }

    /// Has only so many calls under way, and waits in turn for a place, until the deadline.
    #[must_use]
    pub fn concurrency(mut self, limit: ConcurrencyLimit) -> Self {
        self.stages.concurrency = Some(limit);
        self
    }

    /// Refuses at once while `breaker` is open.
    #[must_use]
    pub fn breaker(mut self, breaker: CircuitBreaker) -> Self {
        self.stages.breaker = Some(breaker);
        self
    }

    /// Tells `observer` of each attempt on `provider` and of each retry. The breaker has an observer of
    /// its own.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use agent_primitives::{Event, ProviderId, Stamp};
    /// use agent_resilience::classify::Verdict;
    /// use agent_resilience::{Cost, Policy};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    /// # runtime.block_on(async {
    /// let seen = Arc::new(Mutex::new(Vec::new()));
    /// let sink = Arc::clone(&seen);
    /// let policy = Policy::default().observer(
    ///     ProviderId::new("groq").unwrap(),
    ///     move |_: Stamp<'_>, event: &Event| sink.lock().unwrap().push(event.clone()),
    /// );
    /// policy.run(Cost::REQUEST, |_| async { Ok::<_, Verdict>(()) }).await.unwrap();
    /// assert!(matches!(&seen.lock().unwrap()[..], [Event::Attempt(attempt)] if attempt.failure.is_none()));
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn observer(mut self, provider: ProviderId, observer: impl Observer + 'static) -> Self {
        let observer = Arc::new(observer);
        self.stages.observed = Some(Observed { provider, observer });
        self
    }

    /// Where time is read; [`CoarseClock`] unless set, since deadlines, windows and rests are counted
    /// in seconds. The stages have clocks of their own for what they do alone: leave all of them on
    /// the system's time, or give all of them the same.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.stages.clock = Arc::new(clock);
        self.stages.retry = self.stages.retry.clock(Arc::clone(&self.stages.clock));
        self
    }

    /// Takes over what a reply that succeeded says of the provider's limits; a policy without a rate limit
    /// has no use for it. What a failure says is taken over by itself.
    ///
    /// ```
    /// use agent_resilience::classify::{LimitSnapshot, LimitWindow, LimitedResource::Requests};
    /// use agent_resilience::{Policy, RateLimit, RateLimitConfig, RateWindow};
    ///
    /// let config = RateLimitConfig::default().window(RateWindow::per_minute(Requests, 50));
    /// let limit = RateLimit::new(&config)?;
    /// let policy = Policy::default().rate_limit(limit.clone());
    /// let mut stated = LimitWindow::new(Requests);
    /// (stated.limit, stated.remaining) = (Some(50), Some(0));
    /// let mut snapshot = LimitSnapshot::NONE;
    /// snapshot.push(stated);
    /// policy.observe(&snapshot);
    /// assert!(limit.try_acquire(agent_resilience::Cost::REQUEST).is_err());
    /// # Ok::<(), agent_resilience::InvalidLimit>(())
    /// ```
    pub fn observe(&self, limits: &LimitSnapshot) {
        if let Some(rate) = &self.stages.rate {
            rate.observe(limits, self.stages.now());
        }
    }

    /// The wall clock's time on the policy's clock, by which headers are read.
    #[cfg(any(feature = "tower", feature = "reqwest"))]
    pub(crate) fn timestamp(&self) -> agent_primitives::Timestamp {
        self.stages.clock.timestamp()
    }

    /// Calls `operation` under all stages until it succeeds or the verdict forbids another try. `cost`
    /// is what each attempt is expected to take from the rate limit. Nothing happens before the
    /// future is first polled.
    ///
    /// The future yields the operation's value, or a [`PolicyError`]: refused by a stage, or failed.
    ///
    /// # Cancel safety
    /// Dropping the future drops the running attempt, ends the pause or leaves the queue, and gives
    /// back every permit, slot and reservation and a retry that was withdrawn and not made.
    #[expect(
        clippy::type_complexity,
        reason = "three closures that a caller may replace and never names"
    )]
    #[inline]
    pub fn run<T, E, F, Fut>(
        &self,
        cost: Cost,
        operation: F,
    ) -> PolicyRun<
        '_,
        E,
        F,
        Fut,
        impl FnMut(&T) -> Option<Verdict>,
        impl FnMut(&T) -> Option<TokenUsage>,
        impl FnMut(&Pause<'_>),
    >
    where
        F: FnMut(Try) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        PolicyRun::new(
            &self.stages,
            cost,
            operation,
            |_: &T| None,
            |_: &T| None,
            |_: &Pause<'_>| {},
        )
    }
}
