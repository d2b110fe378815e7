//! The decision after a failed attempt; pure.

use std::fmt;
use std::time::Duration;

use agent_primitives::Timestamp;
use serde::{Deserialize, Serialize};

use super::policy::RetryPolicy;
use crate::backoff::{Delays, Schedule};
use crate::classify::{Remedy, Verdict};

/// What to do after a failed attempt.
///
/// Later versions may add steps.
///
/// ```
/// use agent_resilience::{GiveUp, NextStep};
///
/// assert_ne!(NextStep::Stop, NextStep::GiveUp(GiveUp::AttemptsUsedUp));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
/// assert!(GiveUp::HintPastDeadline(Duration::from_secs(120)).is_for_want_of_time());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GiveUp {
    /// As many calls as allowed were made.
    AttemptsUsedUp,
    /// The provider asks for a longer pause than is waited for.
    HintTooLong(Duration),
    /// The provider asks for a pause that ends after the deadline: somebody else may be in time.
    HintPastDeadline(Duration),
    /// The deadline would pass during the pause that is due.
    PausePastDeadline(Duration),
    /// The deadline has passed.
    DeadlinePassed,
    /// Too large a share of the traffic is retries already.
    BudgetSpent,
    /// The schedule has no further pause.
    ScheduleEnded,
    /// Calling again would fail in the same way.
    NotRetryable,
    /// The request cannot be sent a second time, for instance because its body is a stream.
    NotReplayable,
}

impl GiveUp {
    /// With a later deadline there would have been another attempt, or a longer one.
    pub const fn is_for_want_of_time(self) -> bool {
        matches!(
            self,
            Self::HintPastDeadline(_) | Self::PausePastDeadline(_) | Self::DeadlinePassed
        )
    }
}

impl fmt::Display for GiveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AttemptsUsedUp => f.write_str("all attempts used up"),
            Self::HintTooLong(hint) => write!(
                f,
                "the provider asks for a pause of {hint:?}, longer than is waited for"
            ),
            Self::HintPastDeadline(hint) => write!(
                f,
                "the provider asks for a pause of {hint:?}, which ends after the deadline"
            ),
            Self::PausePastDeadline(pause) => {
                write!(f, "the deadline would pass during a pause of {pause:?}")
            }
            Self::DeadlinePassed => f.write_str("the deadline has passed"),
            Self::BudgetSpent => f.write_str("the retry budget is spent"),
            Self::ScheduleEnded => f.write_str("the schedule allows no further pause"),
            Self::NotRetryable => f.write_str("calling again would fail in the same way"),
            Self::NotReplayable => {
                f.write_str("the request cannot be sent a second time; send one that can be copied")
            }
        }
    }
}

/// A time that was learned: how long until a failure of this kind usually has cleared.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::Learned;
///
/// let learned = Learned::new(Duration::from_secs(20));
/// assert!(!learned.may_undercut_hint, "unless it is asked for");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Learned {
    /// From now; zero when it should have cleared already.
    pub wait: Duration,
    /// It counts even where the provider asks for more.
    pub may_undercut_hint: bool,
}

impl Learned {
    /// So long from now, and never below a hint.
    pub const fn new(wait: Duration) -> Self {
        Self {
            wait,
            may_undercut_hint: false,
        }
    }
}

/// A failed attempt and what is known when it is decided upon.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{FailureKind, Timestamp};
/// use agent_resilience::{FailedAttempt, GiveUp, NextStep, RetryPolicy};
/// use agent_resilience::classify::{Verdict, When};
///
/// let verdict =
///     Verdict::new(FailureKind::RateLimited).retry_after(When::In(Duration::from_secs(4)));
/// let failed = FailedAttempt::new(&verdict, 1, Timestamp::UNIX_EPOCH).left(Duration::from_secs(3));
/// let policy = RetryPolicy::default();
/// let step = policy.decide(&failed, &mut policy.backoff.delays(7));
/// // Not a pause that ends too late, and not an attempt that comes too early.
/// assert_eq!(step, NextStep::GiveUp(GiveUp::HintPastDeadline(Duration::from_secs(4))));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct FailedAttempt<'a> {
    verdict: &'a Verdict,
    number: u32,
    at: Timestamp,
    left: Duration,
    learned: Option<Learned>,
}

impl<'a> FailedAttempt<'a> {
    /// Attempt `number` (the first is 1) failed with `verdict` at `at`, and there is no deadline.
    pub const fn new(verdict: &'a Verdict, number: u32, at: Timestamp) -> Self {
        Self {
            verdict,
            number,
            at,
            left: Duration::MAX,
            learned: None,
        }
    }

    /// Time left until the deadline; [`Duration::MAX`], which is none, unless set.
    #[must_use]
    pub const fn left(mut self, left: Duration) -> Self {
        self.left = left;
        self
    }

    /// When it is expected to clear, if that was learned.
    #[must_use]
    pub const fn learned(mut self, learned: Option<Learned>) -> Self {
        self.learned = learned;
        self
    }

    /// What the provider asks for, unless experience may count for more and asks for less.
    fn hint(&self) -> Result<Option<Duration>, NextStep> {
        let hint = match self.verdict.remedy() {
            Remedy::Wait(when) => when.delay(self.at),
            Remedy::BackOff => return Ok(None),
            Remedy::SwitchModel | Remedy::SwitchProvider | Remedy::AskHuman => {
                return Err(NextStep::GiveUp(GiveUp::NotRetryable));
            }
            Remedy::ShrinkOutput(_)
            | Remedy::ShrinkContext(_)
            | Remedy::ExtendOutput
            | Remedy::Stop => return Err(NextStep::Stop),
        };
        Ok(Some(match self.learned {
            Some(learned) if learned.may_undercut_hint => hint.min(learned.wait),
            _ => hint,
        }))
    }
}

impl RetryPolicy {
    /// [`decide`](Self::decide) without a deadline and with nothing learned: after attempt number
    /// `attempt` (the first is 1) failed with `verdict` at `now`.
    pub fn next_step(
        &self,
        verdict: &Verdict,
        attempt: u32,
        now: Timestamp,
        delays: &mut Delays,
    ) -> NextStep {
        self.decide(&FailedAttempt::new(verdict, attempt, now), delays)
    }

    /// Decides what follows a failed attempt. Pure, but for taking the next pause from `schedule`.
    ///
    /// A provider's hint is never undercut. Up to a quarter is added to it, as the backoff says, so that
    /// callers who wait for the same moment do not come back together. A hint that is too long, or
    /// that ends after the deadline, means that somebody else should be asked: it is neither slept
    /// through nor answered with an earlier attempt. Where the deadline would pass during the pause,
    /// the answer is to give up now.
    ///
    /// A time that was learned makes a pause longer, up to the longest hint that is waited for.
    pub fn decide<S: Schedule + ?Sized>(
        &self,
        failed: &FailedAttempt<'_>,
        schedule: &mut S,
    ) -> NextStep {
        let kind = failed.verdict.kind;
        let hint = match failed.hint() {
            Ok(hint) => hint,
            Err(step) => return step,
        };
        let longest = self.longest_hint_for(kind);
        let why = match hint {
            Some(hint) if hint > longest => Some(GiveUp::HintTooLong(hint)),
            _ if failed.number >= self.attempts_for(kind).get() => Some(GiveUp::AttemptsUsedUp),
            _ if failed.left.is_zero() => Some(GiveUp::DeadlinePassed),
            Some(hint) if hint >= failed.left => Some(GiveUp::HintPastDeadline(hint)),
            _ => None,
        };
        if let Some(why) = why {
            return NextStep::GiveUp(why);
        }
        let Some(pause) = schedule.next_pause(self.backoff_for(kind)) else {
            return NextStep::GiveUp(GiveUp::ScheduleEnded);
        };
        let learned = failed
            .learned
            .map_or(Duration::ZERO, |it| it.wait.min(longest));
        let least = hint.unwrap_or_default().max(learned);
        // Half of the time that is left after a hint is for the call, so that a hint which can be
        // kept to is not given up for what is added to it.
        let spare = failed.left.saturating_sub(least) / 2;
        let spread = pause.min(least / 4).min(spare);
        let due = pause.max(least.saturating_add(spread));
        if due >= failed.left {
            return NextStep::GiveUp(GiveUp::PausePastDeadline(due));
        }
        NextStep::Again(due)
    }
}
