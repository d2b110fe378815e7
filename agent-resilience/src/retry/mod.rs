//! Calling again, when the verdict allows it.

mod blocking;
mod budget;
mod clear_times;
mod course;
mod error;
mod policy;
mod run;
mod step;

use std::fmt;
use std::future::Future;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use agent_primitives::{Clock, ProviderId, SystemClock};

use crate::backoff::{Backoff, Schedule};
use crate::classify::Verdict;
use crate::deadline::TimeLimit;
use crate::sleep::Sleep;

pub(crate) use course::Course;

pub use budget::{RetryBudget, RetryBudgetConfig, Withdrawal};
pub use clear_times::{ClearTime, ClearTimes, ClearTimesConfig, HintRule};
pub use error::{FailedTry, RetryError};
pub use policy::{KindPolicy, RetryPolicy};
pub use run::Run;
pub use step::{FailedAttempt, GiveUp, Learned, NextStep};

/// Runs an operation until it succeeds or its verdict forbids another try. A value: clone it, share
/// it, use it for any number of calls.
///
/// While nothing fails and nobody has to wait, a run reads no clock, arms no timer, allocates nothing
/// and clones nothing.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::FailureKind;
/// use agent_resilience::{Backoff, Retry};
/// use agent_resilience::classify::Verdict;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread()
/// #     .enable_time().start_paused(true).build()?;
/// # runtime.block_on(async {
/// let retry = Retry::new(Backoff::constant(Duration::from_millis(10)));
/// let answer = retry
///     .run(|attempt| async move {
///         if attempt.number < 3 { Err(Verdict::new(FailureKind::Overloaded)) } else { Ok("done") }
///     })
///     .await
///     .unwrap();
/// assert_eq!(answer, "done");
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Without a runtime, [`Retry::blocking`] and [`Retry::run_blocking`] do the same.
#[derive(Clone)]
pub struct Retry<S = Arc<dyn Sleep>> {
    policy: RetryPolicy,
    /// The policy's, worked out once.
    limit: TimeLimit,
    seed: u64,
    /// Runs so far, clones included: gives each its own pauses.
    runs: Arc<AtomicU64>,
    sleep: S,
    clock: Arc<dyn Clock>,
    budget: Option<RetryBudget>,
    learning: Option<Learning>,
    schedule: Option<Arc<MakeSchedule>>,
}

type MakeSchedule = dyn Fn(u64) -> Box<dyn Schedule> + Send + Sync;

#[derive(Clone)]
struct Learning {
    times: ClearTimes,
    provider: ProviderId,
}

/// An attempt, as the operation sees it.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::Retry;
/// use agent_resilience::classify::Verdict;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let (outer, inner) = (Retry::default().total(Duration::from_secs(9)), Retry::default());
/// let limit = outer
///     .run(|outer| {
///         // The inner run ends within the outer one's time.
///         inner.run(move |attempt| async move { Ok::<_, Verdict>(attempt.limit) }).within(outer.limit)
///     })
///     .await
///     .unwrap();
/// assert_eq!(limit, Duration::from_secs(9).into());
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Try {
    /// The first is 1.
    pub number: u32,
    /// How long the attempt and all that may follow it have: to be handed on, or to be made a timeout
    /// of. While the run has not had to wait this is a span that starts with the attempt, so take it
    /// when the operation is called and not later.
    pub limit: TimeLimit,
}

/// A pause that is about to begin.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::FailureKind;
/// use agent_resilience::{Backoff, Retry};
/// use agent_resilience::classify::Verdict;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread()
/// #     .enable_time().start_paused(true).build()?;
/// # runtime.block_on(async {
/// let mut said = Vec::new();
/// let _ = Retry::new(Backoff::constant(Duration::from_secs(1)))
///     .run(|_| async { Err::<(), _>(Verdict::new(FailureKind::Overloaded)) })
///     .notify(|pause| said.push(pause.to_string()))
///     .await;
/// assert_eq!(said, ["attempt 1 failed (overloaded), again in 1s", "attempt 2 failed (overloaded), again in 1s"]);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Pause<'a> {
    /// Number of the attempt that failed.
    pub attempt: u32,
    /// What its failure means.
    pub verdict: &'a Verdict,
    /// How long until the next attempt.
    pub delay: Duration,
}

impl fmt::Display for Pause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            attempt,
            verdict,
            delay,
        } = self;
        write!(
            f,
            "attempt {attempt} failed ({}), again in {delay:?}",
            verdict.kind
        )
    }
}

impl<S> fmt::Debug for Retry<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("policy", &self.policy)
            .field("seed", &self.seed)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "tokio")]
impl Default for Retry {
    /// [`RetryPolicy::default`], waiting with tokio's timer.
    fn default() -> Self {
        Self::with_sleep(RetryPolicy::default(), crate::sleep::TokioSleep)
    }
}

impl Retry {
    /// How it waits.
    pub(crate) fn timer(&self) -> &dyn Sleep {
        &*self.sleep
    }

    /// 3 attempts with the pauses of `backoff`, waiting with tokio's timer.
    #[cfg(feature = "tokio")]
    pub fn new(backoff: Backoff) -> Self {
        Self::default().backoff(backoff)
    }

    /// Any policy, any way of waiting.
    ///
    /// Timeouts wait in the same way: a `sleep` that is over at once, as tests have it, cuts every call
    /// that has to wait, unless the policy has neither an attempt timeout nor a total.
    pub fn with_sleep(policy: RetryPolicy, sleep: impl Sleep + 'static) -> Self {
        Self::build(policy, Arc::new(sleep))
    }

    /// Calls `operation` until it succeeds. The first call is made when the future is first polled.
    ///
    /// The future yields the operation's value, or a [`RetryError`] with what came of the last call and
    /// the reason for giving up.
    ///
    /// # Cancel safety
    /// Dropping the future drops the running attempt or ends the pause; a retry that was withdrawn from
    /// the budget and not made is given back.
    pub fn run<T, E, F, Fut>(
        &self,
        operation: F,
    ) -> Run<'_, E, F, Fut, impl FnMut(&T) -> Option<Verdict>, impl FnMut(&Pause<'_>)>
    where
        F: FnMut(Try) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Run::new(self, operation, |_: &T| None, |_: &Pause<'_>| {})
    }
}

impl Retry<()> {
    /// Any policy, with no timer, for [`run_blocking`](Retry::run_blocking) alone.
    pub fn blocking(policy: RetryPolicy) -> Self {
        Self::build(policy, ())
    }
}

impl<S> Retry<S> {
    fn build(policy: RetryPolicy, sleep: S) -> Self {
        Self {
            limit: policy.limit(),
            policy,
            seed: fastrand::u64(..),
            runs: Arc::default(),
            sleep,
            clock: Arc::new(SystemClock),
            budget: None,
            learning: None,
            schedule: None,
        }
    }

    /// What it goes by.
    pub const fn policy(&self) -> &RetryPolicy {
        &self.policy
    }

    /// Replaces everything that it goes by.
    #[must_use]
    pub fn with_policy(mut self, policy: RetryPolicy) -> Self {
        self.limit = policy.limit();
        self.policy = policy;
        self
    }

    /// Calls in all, the first included; 3 unless set.
    #[must_use]
    pub fn max_attempts(mut self, attempts: NonZeroU32) -> Self {
        self.policy.max_attempts = attempts;
        self
    }

    /// The pauses; [`Backoff::default`] unless set.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.policy.backoff = backoff;
        self
    }

    /// The longest pause that a provider may ask for; 5 s unless set.
    #[must_use]
    pub fn longest_hint(mut self, longest: Duration) -> Self {
        self.policy.longest_hint = longest;
        self
    }

    /// The longest that one attempt may take, from the moment when it first has to wait; no limit
    /// unless set. An attempt that takes longer is dropped, and has failed with
    /// [`FailureKind::Timeout`](agent_primitives::FailureKind::Timeout).
    #[must_use]
    pub fn attempt_timeout(mut self, longest: Duration) -> Self {
        self.policy.attempt_timeout = Some(longest);
        self
    }

    /// The longest that all attempts and pauses may take, from the moment when the first of them has
    /// to wait; 10 min unless set. A run that takes longer is cut.
    #[must_use]
    pub fn total(mut self, longest: Duration) -> Self {
        self.policy.total = Some(longest);
        self.limit = self.policy.limit();
        self
    }

    /// Decides the random part of the pauses, run by run; random unless set.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Where time is read; the system's clock unless set.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Makes retries only as far as `budget` allows; without limit unless set. Share one between all
    /// that call the same provider.
    #[must_use]
    pub fn budget(mut self, budget: RetryBudget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Learns how long the failures of `provider` take to clear, and waits for that long.
    #[must_use]
    pub fn learning(mut self, times: ClearTimes, provider: ProviderId) -> Self {
        self.learning = Some(Learning { times, provider });
        self
    }

    /// Takes the pauses of each run from a schedule of the host's own: `start` is given the seed of the
    /// run. Everything else still holds: hints, attempts, deadline, budget.
    #[must_use]
    pub fn schedule<M: Schedule + 'static>(
        mut self,
        start: impl Fn(u64) -> M + Send + Sync + 'static,
    ) -> Self {
        self.schedule = Some(Arc::new(move |seed| Box::new(start(seed))));
        self
    }

    fn pauses(&self) -> Box<dyn Schedule> {
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let seed = self.seed ^ run.rotate_left(32);
        match &self.schedule {
            Some(start) => start(seed),
            None => Box::new(self.policy.backoff.delays(seed)),
        }
    }
}
