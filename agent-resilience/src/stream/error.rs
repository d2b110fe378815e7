//! How a stream ends that does not end well.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use agent_primitives::{FailureKind, Scope};

use super::delivered::{Delivered, Phase};
use super::limits::StreamClock;
use crate::classify::{Evidence, Verdict};
use crate::failure::Failure;

/// The last item of a stream that did not end well.
///
/// It does not implement [`Classify`](crate::classify::Classify), so that no retry around the reading
/// of a stream sends again what was shown already: match on it, and decide.
///
/// ```
/// use agent_primitives::FailureKind;
/// use agent_resilience::classify::Verdict;
/// use agent_resilience::{Failure, StreamError};
///
/// let error = StreamError::Failed(Failure::new(Verdict::new(FailureKind::Overloaded)));
/// assert_eq!(error.verdict().kind, FailureKind::Overloaded);
/// assert!(error.partial().is_none(), "nothing was shown: the request may be sent again");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum StreamError {
    /// Nothing of an answer was delivered: the request may be sent again, or to somebody else, as the
    /// verdict allows.
    Failed(Failure),
    /// A part of the answer was delivered, and no more of it comes.
    Partial(Box<Partial>),
}

impl StreamError {
    /// What it means.
    pub fn verdict(&self) -> &Verdict {
        self.failure().verdict()
    }

    /// What went wrong.
    pub fn failure(&self) -> &Failure {
        match self {
            Self::Failed(failure) => failure,
            Self::Partial(partial) => &partial.failure,
        }
    }

    /// What was delivered, unless it was nothing.
    pub fn partial(&self) -> Option<&Partial> {
        match self {
            Self::Failed(_) => None,
            Self::Partial(partial) => Some(partial),
        }
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => write!(f, "no answer: {failure}"),
            Self::Partial(partial) => partial.fmt(f),
        }
    }
}

impl Error for StreamError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.failure().source()
    }
}

/// What a stream delivered before it broke off, and why it did.
///
/// ```
/// use agent_primitives::FailureKind;
/// use agent_resilience::classify::Verdict;
/// use agent_resilience::{Delivered, Failure, Partial};
///
/// let mut delivered = Delivered::default();
/// delivered.text_bytes = 11;
/// let cut = || Failure::new(Verdict::new(FailureKind::StreamCut));
/// assert!(Partial::new(delivered, cut()).may_continue());
/// delivered.tool_calls = 1;
/// let partial = Partial::new(delivered, cut());
/// assert!(!partial.may_continue());
/// assert_eq!(
///     partial.to_string(),
///     "the answer broke off after 11 bytes of text, 1 tool call (0 whole): stream_cut (provider)",
/// );
/// ```
///
/// [`Debug`] shows how long the text is, and not the text.
#[non_exhaustive]
pub struct Partial {
    /// What the consumer was given.
    pub delivered: Delivered,
    /// Why no more comes.
    pub failure: Failure,
    /// The text that was delivered, where it was [kept](crate::GuardedStream::keep_text) and within its
    /// bound.
    pub text: Option<String>,
}

impl Partial {
    /// A partial answer, its text not kept.
    pub const fn new(delivered: Delivered, failure: Failure) -> Self {
        Self {
            delivered,
            failure,
            text: None,
        }
    }

    /// Why no more comes.
    pub fn verdict(&self) -> &Verdict {
        self.failure.verdict()
    }

    /// Whether a model could go on where the answer broke off: only plain text was delivered, and it was
    /// not a filter or the caller that ended it.
    ///
    /// Never across a tool call, which would be made twice; never across reasoning, whose blocks are
    /// signed and belong to one model; never across structured output, of which two halves from two
    /// models are not one whole.
    pub fn may_continue(&self) -> bool {
        let is_final = matches!(
            self.failure.kind(),
            FailureKind::ContentPolicy | FailureKind::Cancelled
        );
        self.delivered.is_plain_text() && !is_final
    }
}

impl fmt::Debug for Partial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partial")
            .field("delivered", &self.delivered)
            .field("failure", &self.failure)
            .field("text_kept", &self.text.as_ref().map(String::len))
            .finish()
    }
}

impl fmt::Display for Partial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            delivered, failure, ..
        } = self;
        write!(f, "the answer broke off after {delivered}: {failure}")
    }
}

/// A stream ended without a word that it is complete.
#[derive(Debug, thiserror::Error)]
#[error("the stream ended before the answer did")]
struct Unfinished;

pub(super) fn unfinished() -> Failure {
    let verdict = Verdict::new(FailureKind::StreamCut).evidence(Evidence::Stream);
    Failure::new(verdict).with_source(Unfinished)
}

/// One of the clocks ran out.
#[derive(Debug, thiserror::Error)]
#[error("the stream was not on time: {clock} is limited to {limit:?}")]
struct Overdue {
    clock: StreamClock,
    limit: Duration,
}

pub(super) fn overdue(clock: StreamClock, limit: Duration, phase: Phase) -> Failure {
    let mut verdict = Verdict::new(FailureKind::Timeout).evidence(Evidence::Stream);
    let is_blameless = match clock {
        // The caller had no more time.
        StreamClock::Deadline => true,
        // The time of the reader is in it, too, once there is something to read.
        StreamClock::Total => phase != Phase::Waiting,
        StreamClock::FirstToken | StreamClock::Idle => false,
    };
    if is_blameless {
        verdict.scope = Scope::Request;
    }
    Failure::new(verdict).with_source(Overdue { clock, limit })
}
