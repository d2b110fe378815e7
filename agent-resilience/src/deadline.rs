//! How much time a call has, as a moment and as a span that has not begun.

use std::time::Duration;

use agent_primitives::Monotonic;
use serde::{Deserialize, Serialize};

/// The moment by which something has to be over, on one clock. Only compare deadlines and readings of
/// the same clock.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::Monotonic;
/// use agent_resilience::Deadline;
///
/// let now = Monotonic::from_nanos(0);
/// let deadline = Deadline::after(now, Duration::from_secs(10));
/// let later = now + Duration::from_secs(4);
/// assert_eq!(deadline.left(later), Duration::from_secs(6));
/// assert!(!deadline.is_over(later) && deadline.is_over(now + Duration::from_secs(10)));
/// assert_eq!(deadline.min(Deadline::NEVER), deadline, "the sooner of two");
/// assert_eq!(Deadline::NEVER.left(later), Duration::MAX);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Deadline(Monotonic);

impl Deadline {
    /// No deadline.
    pub const NEVER: Self = Self(Monotonic::from_nanos(u64::MAX));

    /// At this moment.
    pub const fn at(moment: Monotonic) -> Self {
        Self(moment)
    }

    /// So long after `now`.
    pub fn after(now: Monotonic, time: Duration) -> Self {
        Self(now + time)
    }

    /// The moment itself.
    pub const fn moment(self) -> Monotonic {
        self.0
    }

    /// Time left at `now`: zero once it is over, [`Duration::MAX`] when it never is.
    pub fn left(self, now: Monotonic) -> Duration {
        if self == Self::NEVER {
            Duration::MAX
        } else {
            self.0.since(now)
        }
    }

    /// No time is left at `now`.
    pub fn is_over(self, now: Monotonic) -> bool {
        self.left(now).is_zero()
    }
}

/// How long something may take: a span counted from its own start, a moment, or both, of which the
/// sooner counts. A span needs no clock until somebody has to wait, so that a limit can be handed to a
/// call that is over at once for nothing.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::Monotonic;
/// use agent_resilience::{Deadline, TimeLimit};
///
/// let now = Monotonic::from_nanos(0);
/// let second = Duration::from_secs(1);
/// let own = TimeLimit::within(30 * second);
/// let callers = TimeLimit::until(Deadline::after(now, 10 * second));
/// let both = own.and(callers);
/// assert_eq!(both.starting(now), Deadline::after(now, 10 * second));
/// assert_eq!(own.and(TimeLimit::within(5 * second)), TimeLimit::within(5 * second));
/// assert_eq!(TimeLimit::NONE.starting(now), Deadline::NEVER);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimit {
    /// The span in nanoseconds, which reach for 584 years; the greatest number is none. It keeps what
    /// is handed to every call in two words.
    within: u64,
    until: Deadline,
}

impl TimeLimit {
    /// As long as it takes.
    pub const NONE: Self = Self {
        within: u64::MAX,
        until: Deadline::NEVER,
    };

    /// So long from the start.
    pub fn within(time: Duration) -> Self {
        Self {
            within: u64::try_from(time.as_nanos()).unwrap_or(u64::MAX),
            ..Self::NONE
        }
    }

    /// Until this moment.
    pub const fn until(deadline: Deadline) -> Self {
        Self {
            until: deadline,
            ..Self::NONE
        }
    }

    /// Both limits: the shorter span and the sooner moment.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            within: self.within.min(other.within),
            until: self.until.min(other.until),
        }
    }

    /// There is none.
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// The deadline of something that starts `now`.
    pub fn starting(self, now: Monotonic) -> Deadline {
        let own = Monotonic::from_nanos(now.nanos().saturating_add(self.within));
        self.until.min(Deadline::at(own))
    }

    /// Time left for something that starts `now`.
    pub fn left(self, now: Monotonic) -> Duration {
        self.starting(now).left(now)
    }
}

impl Default for TimeLimit {
    fn default() -> Self {
        Self::NONE
    }
}

impl From<Deadline> for TimeLimit {
    fn from(deadline: Deadline) -> Self {
        Self::until(deadline)
    }
}

impl From<Duration> for TimeLimit {
    fn from(time: Duration) -> Self {
        Self::within(time)
    }
}
