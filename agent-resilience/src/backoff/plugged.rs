//! The crate `backoff` as a source of pauses.

use std::fmt;
use std::time::Duration;

use super::{Backoff, Schedule};

/// Any [`backoff::backoff::Backoff`] as the [`Schedule`] of a run; its `None` ends the run.
///
/// It is for hosts that have schedules of that crate already. The crate is unmaintained
/// (RUSTSEC-2025-0012), and nothing else here needs it.
///
/// A provider's hint is not undercut by it either, and attempts, deadline and budget still hold. Its
/// own `max_elapsed_time` reads the system's clock; with a manual clock, set it to `None`.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::{Backoff, BackoffSchedule, Schedule};
/// use backoff::backoff::{Constant, Stop};
///
/// let mut pauses = BackoffSchedule::new(Constant::new(Duration::from_millis(20)));
/// assert_eq!(pauses.next_pause(&Backoff::default()), Some(Duration::from_millis(20)));
/// assert_eq!(BackoffSchedule::new(Stop {}).next_pause(&Backoff::default()), None);
/// ```
#[derive(Clone)]
pub struct BackoffSchedule<B>(B);

impl<B: ::backoff::backoff::Backoff> BackoffSchedule<B> {
    /// Takes the pauses from `backoff`, from its beginning.
    pub fn new(mut backoff: B) -> Self {
        backoff.reset();
        Self(backoff)
    }
}

impl<B> fmt::Debug for BackoffSchedule<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackoffSchedule").finish_non_exhaustive()
    }
}

impl<B: ::backoff::backoff::Backoff + Send> Schedule for BackoffSchedule<B> {
    fn next_pause(&mut self, _: &Backoff) -> Option<Duration> {
        self.0.next_backoff()
    }
}
