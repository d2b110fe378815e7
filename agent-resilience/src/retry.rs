//! Calling again, when the verdict allows it.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use agent_primitives::{Clock, SystemClock, Timestamp};
use serde::{Deserialize, Serialize};

use crate::backoff::{Backoff, Delays};
use crate::classify::{Classify, Remedy, Verdict};
use crate::sleep::Sleep;

/// When to call again, as plain data: how often, how long between, and the longest hint that is
/// waited for.
///
/// The default is 3 attempts, [`Backoff::default`], and hints of at most 5 s.
///
/// ```
/// use agent_resilience::RetryPolicy;
///
/// let policy: RetryPolicy = serde_json::from_str(r#"{"max_attempts": 4}"#)?;
/// assert_eq!(policy.max_attempts.get(), 4);
/// assert_eq!(policy.longest_hint, RetryPolicy::default().longest_hint);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryPolicy {
    /// Calls in all, the first included.
    pub max_attempts: NonZeroU32,
    /// The pauses between them.
    pub backoff: Backoff,
    /// A provider that asks for a longer pause than this is not waited for.
    pub longest_hint: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: NonZeroU32::MIN.saturating_add(2),
            backoff: Backoff::default(),
            longest_hint: Duration::from_secs(5),
        }
    }
}

/// What to do after a failed attempt.
///
/// Later versions may add steps.
///
/// ```
/// use agent_resilience::{GiveUp, NextStep};
///
/// assert_ne!(NextStep::Stop, NextStep::GiveUp(GiveUp::AttemptsUsedUp));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NextStep {
    /// Call again after this pause.
    Again(Duration),
    /// Not here any more; another provider may do.
    GiveUp(GiveUp),
    /// Nowhere in this form: the request itself has to change.
    Stop,
}

/// Why the same provider is not called again.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::GiveUp;
///
/// assert_eq!(GiveUp::AttemptsUsedUp.to_string(), "all attempts used up");
/// assert_eq!(
///     GiveUp::HintTooLong(Duration::from_secs(120)).to_string(),
///     "the provider asks for a pause of 120s, longer than is waited for"
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GiveUp {
    /// As many calls as allowed were made.
    AttemptsUsedUp,
    /// The provider asks for a longer pause than is waited for.
    HintTooLong(Duration),
    /// Calling again would fail in the same way.
    NotRetryable,
}

impl fmt::Display for GiveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AttemptsUsedUp => f.write_str("all attempts used up"),
            Self::HintTooLong(hint) => write!(
                f,
                "the provider asks for a pause of {hint:?}, longer than is waited for"
            ),
            Self::NotRetryable => f.write_str("calling again would fail in the same way"),
        }
    }
}

impl RetryPolicy {
    /// Decides after attempt number `attempt` (the first is 1) failed with `verdict` at `now`. Pure,
    /// but for taking the next pause from `delays`.
    ///
    /// A provider's hint is never undercut. Up to a quarter is added to it, as the backoff says, so that
    /// callers who wait for the same moment do not come back together.
    pub fn next_step(
        &self,
        verdict: &Verdict,
        attempt: u32,
        now: Timestamp,
        delays: &mut Delays,
    ) -> NextStep {
        let hint = match verdict.remedy() {
            Remedy::Wait(when) => Some(when.delay(now)),
            Remedy::BackOff => None,
            Remedy::SwitchModel | Remedy::SwitchProvider | Remedy::AskHuman => {
                return NextStep::GiveUp(GiveUp::NotRetryable);
            }
            Remedy::ShrinkOutput(_)
            | Remedy::ShrinkContext(_)
            | Remedy::ExtendOutput
            | Remedy::Stop => return NextStep::Stop,
        };
        if let Some(hint) = hint
            && hint > self.longest_hint
        {
            return NextStep::GiveUp(GiveUp::HintTooLong(hint));
        }
        if attempt >= self.max_attempts.get() {
            return NextStep::GiveUp(GiveUp::AttemptsUsedUp);
        }
        let pause = delays.next().unwrap_or_default();
        NextStep::Again(match hint {
            Some(hint) => pause.max(hint.saturating_add(pause.min(hint / 4))),
            None => pause,
        })
    }
}

/// Runs an operation until it succeeds or its verdict forbids another try. A value: clone it, share
/// it, use it for any number of calls.
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
///         if attempt < 3 { Err(Verdict::new(FailureKind::Overloaded)) } else { Ok("done") }
///     })
///     .await
///     .unwrap();
/// assert_eq!(answer, "done");
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Retry {
    policy: RetryPolicy,
    seed: u64,
    /// Runs so far, clones included: gives each its own pauses.
    runs: Arc<AtomicU64>,
    sleep: Arc<dyn Sleep>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("policy", &self.policy)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

impl Retry {
    /// 3 attempts with the pauses of `backoff`, waiting with tokio's timer.
    #[cfg(feature = "tokio")]
    pub fn new(backoff: Backoff) -> Self {
        Self::with_sleep(
            RetryPolicy {
                backoff,
                ..RetryPolicy::default()
            },
            crate::sleep::TokioSleep,
        )
    }

    /// Any policy, any way of waiting.
    pub fn with_sleep(policy: RetryPolicy, sleep: impl Sleep + 'static) -> Self {
        Self {
            policy,
            seed: fastrand::u64(..),
            runs: Arc::default(),
            sleep: Arc::new(sleep),
            clock: Arc::new(SystemClock),
        }
    }

    /// Calls in all, the first included; 3 unless set.
    #[must_use]
    pub const fn max_attempts(mut self, attempts: NonZeroU32) -> Self {
        self.policy.max_attempts = attempts;
        self
    }

    /// The longest pause that a provider may ask for; 5 s unless set.
    #[must_use]
    pub const fn longest_hint(mut self, longest: Duration) -> Self {
        self.policy.longest_hint = longest;
        self
    }

    /// Decides the random part of the pauses, run by run; random unless set.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Where hints with a date are measured from; the system's clock unless set.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Calls `operation` with the number of the attempt (the first is 1) until it succeeds.
    ///
    /// # Errors
    /// [`RetryError`] with the last error and the reason for giving up.
    ///
    /// # Cancel safety
    /// Dropping the future drops the running attempt or ends the pause; nothing is left behind.
    pub async fn run<T, E, F, Fut>(&self, mut operation: F) -> Result<T, RetryError<E>>
    where
        F: FnMut(u32) -> Fut,
        Fut: Future<Output = Result<T, E>>,
        E: Classify,
    {
        let mut delays = None;
        let mut attempt = 1;
        loop {
            let error = match operation(attempt).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let verdict = error.verdict();
            let delays = delays.get_or_insert_with(|| {
                let run = self.runs.fetch_add(1, Ordering::Relaxed);
                self.policy.backoff.delays(self.seed ^ run.rotate_left(32))
            });
            let now = self.clock.timestamp();
            let reason = match self.policy.next_step(&verdict, attempt, now, delays) {
                NextStep::Again(pause) => {
                    tracing::debug!(attempt, error.type = %verdict.kind, ?pause, "retry");
                    self.sleep.sleep(pause).await;
                    attempt = attempt.saturating_add(1);
                    continue;
                }
                NextStep::GiveUp(reason) => reason,
                NextStep::Stop => GiveUp::NotRetryable,
            };
            return Err(RetryError {
                attempts: attempt,
                reason,
                last: error,
            });
        }
    }
}

/// An operation that was given up.
///
/// ```
/// use agent_primitives::FailureKind;
/// use agent_resilience::{Backoff, GiveUp, Retry};
/// use agent_resilience::classify::Verdict;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let error = Retry::new(Backoff::default())
///     .run(|_| async { Err::<(), _>(Verdict::new(FailureKind::QuotaExhausted)) })
///     .await
///     .unwrap_err();
/// assert_eq!((error.attempts, error.reason), (1, GiveUp::NotRetryable));
/// assert_eq!(error.last.kind, FailureKind::QuotaExhausted);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryError<E> {
    /// Calls that were made.
    pub attempts: u32,
    /// Why there was no further one.
    pub reason: GiveUp,
    /// The error of the last call, untouched.
    pub last: E,
}

impl<E> fmt::Display for RetryError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "failed after {} attempts: {}",
            self.attempts, self.reason
        )
    }
}

impl<E: Error + 'static> Error for RetryError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.last)
    }
}
