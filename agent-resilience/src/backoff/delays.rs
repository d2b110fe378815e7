//! The pauses of one run, one after the other.

use std::time::Duration;

use super::{Backoff, Jitter};

/// Where the pauses of a run come from. [`Delays`] is the crate's own.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::FailureKind;
/// use agent_resilience::{Backoff, Retry, Schedule};
/// use agent_resilience::classify::Verdict;
///
/// /// Two pauses of a millisecond, then no further attempt.
/// struct Twice(u32);
///
/// impl Schedule for Twice {
///     fn next_pause(&mut self, _: &Backoff) -> Option<Duration> {
///         self.0 = self.0.checked_sub(1)?;
///         Some(Duration::from_millis(1))
///     }
/// }
///
/// # let runtime = tokio::runtime::Builder::new_current_thread()
/// #     .enable_time().start_paused(true).build()?;
/// # runtime.block_on(async {
/// let retry = Retry::default().max_attempts(9.try_into()?).schedule(|_seed| Twice(2));
/// let busy = || async { Err::<(), _>(Verdict::new(FailureKind::Overloaded)) };
/// let error = retry.run(|_| busy()).await.unwrap_err();
/// assert_eq!(error.to_string(), "failed after 3 attempts: the schedule allows no further pause");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Schedule: Send {
    /// The next pause, or `None` when there is to be no further attempt. `backoff` is what the
    /// policy has for the failure at hand; a schedule with ideas of its own does not look at it.
    fn next_pause(&mut self, backoff: &Backoff) -> Option<Duration>;
}

impl<S: Schedule + ?Sized> Schedule for Box<S> {
    fn next_pause(&mut self, backoff: &Backoff) -> Option<Duration> {
        (**self).next_pause(backoff)
    }
}

/// The pauses of a [`Backoff`], one after the other; never ends.
///
/// As a [`Schedule`] it follows the backoff that it is asked with, and keeps its place: the third
/// pause of a run is a third pause, whichever backoff the two before it came from.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::Backoff;
///
/// let longest = Duration::from_secs(1);
/// let mut delays = Backoff::exponential(Duration::from_millis(1), longest).delays(42);
/// assert!(delays.by_ref().take(1_000).all(|delay| delay <= longest));
/// ```
#[derive(Debug, Clone)]
pub struct Delays {
    backoff: Backoff,
    step: u32,
    previous: Option<Duration>,
    random: fastrand::Rng,
}

impl Delays {
    pub(super) fn new(backoff: Backoff, seed: u64) -> Self {
        Self {
            backoff,
            step: 0,
            previous: None,
            random: fastrand::Rng::with_seed(seed),
        }
    }

    fn next_of(&mut self, backoff: &Backoff) -> Duration {
        let computed = backoff.computed(self.step);
        self.step = self.step.saturating_add(1);
        let delay = match backoff.jitter {
            Jitter::None => computed,
            Jitter::Full => self.between(Duration::ZERO, computed),
            Jitter::Equal => self.between(computed / 2, computed),
            Jitter::Decorrelated => {
                let high = self.previous.unwrap_or(backoff.first).saturating_mul(3);
                self.between(backoff.first, high).min(backoff.longest)
            }
        };
        self.previous = Some(delay);
        delay
    }

    fn between(&mut self, low: Duration, high: Duration) -> Duration {
        let nanos = |d: Duration| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
        let (low, high) = (nanos(low), nanos(high));
        Duration::from_nanos(self.random.u64(low..=high.max(low)))
    }
}

impl Iterator for Delays {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let backoff = self.backoff;
        Some(self.next_of(&backoff))
    }
}

impl Schedule for Delays {
    fn next_pause(&mut self, backoff: &Backoff) -> Option<Duration> {
        Some(self.next_of(backoff))
    }
}
