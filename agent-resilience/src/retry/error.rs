//! An operation that was given up, and what its last attempt came to.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use agent_primitives::FailureKind;

use super::step::GiveUp;
use crate::classify::{Classify, Evidence, Verdict};

/// What came of an attempt that failed.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::FailureKind;
/// use agent_resilience::FailedTry;
/// use agent_resilience::classify::{Classify, Evidence, Verdict};
///
/// let slow = FailedTry::<Verdict>::TimedOut(Duration::from_secs(30));
/// let verdict = slow.verdict();
/// assert_eq!((verdict.kind, verdict.evidence), (FailureKind::Timeout, Evidence::Transport));
/// assert_eq!(slow.to_string(), "no answer within 30s");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailedTry<E> {
    /// What the operation returned, untouched.
    Error(E),
    /// It was dropped after this time.
    TimedOut(Duration),
    /// It answered, and the answer would not do.
    Rejected(Box<Verdict>),
}

impl<E> FailedTry<E> {
    #[cold]
    pub(crate) fn rejected(verdict: Verdict) -> Self {
        Self::Rejected(Box::new(verdict))
    }

    /// The operation's own error.
    pub fn error(&self) -> Option<&E> {
        match self {
            Self::Error(error) => Some(error),
            _ => None,
        }
    }

    /// The operation's own error, by value.
    pub fn into_error(self) -> Option<E> {
        match self {
            Self::Error(error) => Some(error),
            _ => None,
        }
    }
}

impl<E: Classify> Classify for FailedTry<E> {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Error(error) => error.verdict(),
            Self::TimedOut(_) => Verdict::new(FailureKind::Timeout).evidence(Evidence::Transport),
            Self::Rejected(verdict) => (**verdict).clone(),
        }
    }
}

impl<E> fmt::Display for FailedTry<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(_) => f.write_str("the operation failed"),
            Self::TimedOut(after) => write!(f, "no answer within {after:?}"),
            Self::Rejected(verdict) => write!(f, "the answer was rejected as {}", verdict.kind),
        }
    }
}

/// An operation that was given up.
///
/// ```
/// use agent_primitives::FailureKind;
/// use agent_resilience::{FailedTry, GiveUp, Retry};
/// use agent_resilience::classify::{Classify, Verdict};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let broke = Verdict::new(FailureKind::QuotaExhausted);
/// let error = Retry::default().run(|_| async { Err::<(), _>(broke.clone()) }).await.unwrap_err();
/// assert_eq!((error.attempts, error.reason), (1, GiveUp::NotRetryable));
/// assert_eq!(error.verdict().kind, FailureKind::QuotaExhausted);
/// assert_eq!(error.last, FailedTry::Error(broke));
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
    /// What came of the last call.
    pub last: FailedTry<E>,
}

impl<E: Classify> Classify for RetryError<E> {
    /// The verdict of the last call.
    fn verdict(&self) -> Verdict {
        self.last.verdict()
    }
}

impl<E> fmt::Display for RetryError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            attempts,
            reason,
            last,
        } = self;
        let plural = if *attempts == 1 { "" } else { "s" };
        write!(f, "failed after {attempts} attempt{plural}: {reason}")?;
        match last {
            // The source says it.
            FailedTry::Error(_) => Ok(()),
            last => write!(f, "; {last}"),
        }
    }
}

impl<E: Error + 'static> Error for RetryError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.last {
            FailedTry::Error(error) => Some(error),
            _ => None,
        }
    }
}
