//! What a recovery ends with.

use std::error::Error;
use std::fmt;

use agent_primitives::{FailureKind, RecoveryStep};

use super::request::Recoverable;
use crate::classify::Verdict;
use crate::failure::Failure;

/// An answered request, with what it took.
#[non_exhaustive]
pub struct Recovered<R: Recoverable> {
    /// The answer; whole.
    pub reply: R::Reply,
    /// The request as it was answered, where it had to be changed: a host whose history was shortened
    /// goes on with this one. `None` where the request was answered as it stood, or in parts.
    pub request: Option<R>,
    /// Each step that was taken, in order.
    pub steps: Vec<RecoveryStep>,
    /// Calls made, those to parts included.
    pub calls: u32,
}

impl<R: Recoverable> fmt::Debug for Recovered<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recovered")
            .field("is_changed", &self.request.is_some())
            .field("steps", &self.steps)
            .field("calls", &self.calls)
            .finish_non_exhaustive()
    }
}

/// A request that could not be answered, with what was tried.
///
/// ```
/// use agent_primitives::FailureKind;
/// use agent_resilience::classify::Verdict;
/// use agent_resilience::{Needs, Recoverable, Recovery};
///
/// struct Fixed;
/// impl Recoverable for Fixed {
///     type Reply = String;
///     fn needs(&self) -> Needs { Needs::default().input(9_000) }
/// }
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let error = Recovery::default()
///     .run(&Fixed, async |_, _| Err(Verdict::new(FailureKind::ContextTooLong)))
///     .await
///     .unwrap_err();
/// assert_eq!(error.to_string(), "context_too_long (request), not recovered after 0 changes and 1 call");
/// assert_eq!(error.kind(), FailureKind::ContextTooLong);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct RecoveryError<R: Recoverable>(Box<Trail<R>>);

struct Trail<R: Recoverable> {
    failure: Failure,
    partial: Vec<R::Reply>,
    steps: Vec<RecoveryStep>,
    changes: u32,
    calls: u32,
}

impl<R: Recoverable> RecoveryError<R> {
    pub(super) fn new(
        failure: Failure,
        partial: Vec<R::Reply>,
        steps: Vec<RecoveryStep>,
        changes: u32,
        calls: u32,
    ) -> Self {
        Self(Box::new(Trail {
            failure,
            partial,
            steps,
            changes,
            calls,
        }))
    }

    /// The last failure.
    pub fn failure(&self) -> &Failure {
        &self.0.failure
    }

    /// What it means.
    pub fn verdict(&self) -> &Verdict {
        self.0.failure.verdict()
    }

    /// What went wrong, in one word.
    pub fn kind(&self) -> FailureKind {
        self.0.failure.kind()
    }

    /// Each step that was taken, in order; the last one is the giving up, where the ladder had anything to
    /// offer.
    pub fn steps(&self) -> &[RecoveryStep] {
        &self.0.steps
    }

    /// Calls made, those to parts included.
    pub fn calls(&self) -> u32 {
        self.0.calls
    }

    /// What was answered all the same: the answer that was cut, or the answers to the first parts, in
    /// order. None of it is whole.
    pub fn partial(&self) -> &[R::Reply] {
        &self.0.partial
    }

    /// What was answered all the same, and the last failure.
    pub fn into_parts(self) -> (Failure, Vec<R::Reply>) {
        let trail = *self.0;
        (trail.failure, trail.partial)
    }
}

impl<R: Recoverable> From<RecoveryError<R>> for Failure {
    /// The last failure; what was answered all the same is dropped.
    fn from(error: RecoveryError<R>) -> Self {
        error.0.failure
    }
}

impl<R: Recoverable> fmt::Display for RecoveryError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Trail {
            failure,
            changes,
            calls,
            ..
        } = &*self.0;
        let plural = |number: u32| if number == 1 { "" } else { "s" };
        write!(
            f,
            "{failure}, not recovered after {changes} change{} and {calls} call{}",
            plural(*changes),
            plural(*calls)
        )
    }
}

impl<R: Recoverable> fmt::Debug for RecoveryError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveryError")
            .field("failure", &self.0.failure)
            .field("partial", &self.0.partial.len())
            .field("steps", &self.0.steps)
            .field("calls", &self.0.calls)
            .finish_non_exhaustive()
    }
}

impl<R: Recoverable> Error for RecoveryError<R> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.failure.source()
    }
}
