//! A failed call: its verdict, and what lies behind it.

use std::error::Error;
use std::fmt;

use agent_primitives::FailureKind;

use crate::classify::{Classify, Verdict};

/// A failed call to a provider, classified.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::FailureKind;
/// use agent_resilience::Failure;
/// use agent_resilience::classify::{Verdict, When};
///
/// let verdict =
///     Verdict::new(FailureKind::RateLimited).retry_after(When::In(Duration::from_secs(20)));
/// let failure = Failure::new(verdict).with_source(std::io::Error::other("HTTP 429"));
/// assert_eq!(failure.to_string(), "rate_limited (model), may be tried again in 20s");
/// assert_eq!(std::error::Error::source(&failure).unwrap().to_string(), "HTTP 429");
/// ```
#[derive(Debug)]
pub struct Failure {
    // Boxed: a `Result` with this error is returned from every call, mostly with a success in it.
    verdict: Box<Verdict>,
    source: Option<Box<dyn Error + Send + Sync>>,
    /// A chain's: others, with other limits, are asked first the next time.
    is_of_chain: bool,
}

impl Failure {
    /// A failure of which only the verdict is known.
    pub fn new(verdict: Verdict) -> Self {
        Self {
            verdict: Box::new(verdict),
            source: None,
            is_of_chain: false,
        }
    }

    pub(crate) const fn of_chain(mut self) -> Self {
        self.is_of_chain = true;
        self
    }

    pub(crate) const fn is_of_chain(&self) -> bool {
        self.is_of_chain
    }

    /// Keeps the error that led to the verdict.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What it means.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// What went wrong, in one word.
    pub fn kind(&self) -> FailureKind {
        self.verdict.kind
    }
}

impl From<Verdict> for Failure {
    fn from(verdict: Verdict) -> Self {
        Self::new(verdict)
    }
}

impl Classify for Failure {
    fn verdict(&self) -> Verdict {
        (*self.verdict).clone()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.verdict.fmt(f)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.source.as_deref()?;
        Some(source)
    }
}
