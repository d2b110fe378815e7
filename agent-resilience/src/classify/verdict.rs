//! What a failure means and what to do about it.

use std::fmt;

use agent_primitives::{FailureKind, Scope};
use serde::{Deserialize, Serialize};

use super::hint::When;
use super::limits::LimitSnapshot;

/// A failure, classified: every policy of this crate decides from one of these and from nothing
/// else.
///
/// ```
/// use agent_primitives::{FailureKind, Scope};
/// use agent_resilience::classify::{Remedy, Verdict};
///
/// let verdict = Verdict::new(FailureKind::Overloaded).scope(Scope::Model);
/// assert_eq!(verdict.remedy(), Remedy::BackOff);
/// assert_eq!(Verdict::new(FailureKind::QuotaExhausted).remedy(), Remedy::SwitchProvider);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Verdict {
    /// What went wrong.
    pub kind: FailureKind,
    /// What else would fail in the same way now.
    pub scope: Scope,
    /// When the provider wants to be asked again.
    #[serde(default)]
    pub retry_after: Option<When>,
    /// The rate limits that came with the failure.
    #[serde(default)]
    pub limits: LimitSnapshot,
    /// The numbers of a context that is too long.
    #[serde(default)]
    pub context: Option<ContextNumbers>,
    /// Which signal decided.
    pub evidence: Evidence,
}

/// Which signal a verdict rests on, from the strongest to the weakest.
///
/// ```
/// use agent_resilience::classify::Evidence;
///
/// assert!(Evidence::Code < Evidence::Prose, "a code is stronger than a sentence");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Evidence {
    /// The connection failed; there was no reply.
    Transport,
    /// The reply broke off, or said inside a successful reply that it failed.
    Stream,
    /// A structured type or code in the body.
    Code,
    /// A detail beside the code.
    Details,
    /// A header.
    Header,
    /// The HTTP status.
    Status,
    /// The sentence for people.
    Prose,
    /// The caller said so, or nothing could be told.
    Assumed,
}

/// The numbers of a context error, as far as the provider gave them.
///
/// ```
/// use agent_resilience::classify::{self, Vendor};
///
/// let body = br#"{"type":"error","error":{"type":"invalid_request_error",
///   "message":"prompt is too long: 215000 tokens > 200000 maximum"}}"#;
/// let verdict = classify::http(Vendor::Anthropic, 400, &http::HeaderMap::new(), body);
/// let numbers = verdict.context.unwrap();
/// assert_eq!((numbers.used, numbers.limit), (Some(215_000), Some(200_000)));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextNumbers {
    /// Tokens of the request's input.
    pub used: Option<u64>,
    /// Tokens that the model, or the allowance, takes at most.
    pub limit: Option<u64>,
    /// The largest output limit that would have fitted, where the input itself fits.
    pub output_fits: Option<u64>,
}

/// What to do about a failure.
///
/// ```
/// use agent_primitives::FailureKind;
/// use agent_resilience::classify::{Remedy, Verdict};
///
/// assert_eq!(Verdict::new(FailureKind::ContentPolicy).remedy(), Remedy::Stop);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Remedy {
    /// Send the same again, not before this moment.
    Wait(When),
    /// Send the same again after a growing pause.
    BackOff,
    /// Ask for fewer output tokens: at most so many, where known.
    ShrinkOutput(Option<u64>),
    /// Send less: at most so many tokens, where known.
    ShrinkContext(Option<u64>),
    /// Allow more output tokens, or ask for the rest.
    ExtendOutput,
    /// Use another model.
    SwitchModel,
    /// Use another provider.
    SwitchProvider,
    /// A person has to change something: a key, a permission, a plan.
    AskHuman,
    /// Nothing helps; tell the caller.
    Stop,
}

impl Verdict {
    /// A verdict of which only the kind is known; the scope is the usual one of that kind.
    pub const fn new(kind: FailureKind) -> Self {
        Self {
            kind,
            scope: usual_scope(kind),
            retry_after: None,
            limits: LimitSnapshot::NONE,
            context: None,
            evidence: Evidence::Assumed,
        }
    }

    /// Sets what else would fail.
    #[must_use]
    pub const fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Sets when the provider wants to be asked again.
    #[must_use]
    pub const fn retry_after(mut self, when: When) -> Self {
        self.retry_after = Some(when);
        self
    }

    /// Sets which signal decided.
    #[must_use]
    pub const fn evidence(mut self, evidence: Evidence) -> Self {
        self.evidence = evidence;
        self
    }

    /// Sets the numbers of a context error.
    #[must_use]
    pub const fn context(mut self, numbers: ContextNumbers) -> Self {
        self.context = Some(numbers);
        self
    }

    /// What to do. A pure function of the verdict.
    pub fn remedy(&self) -> Remedy {
        let numbers = self.context.unwrap_or_default();
        match self.kind {
            FailureKind::RateLimited
            | FailureKind::Overloaded
            | FailureKind::Server
            | FailureKind::Timeout
            | FailureKind::Network
            | FailureKind::StreamCut => match self.retry_after {
                Some(when) => Remedy::Wait(when),
                None => Remedy::BackOff,
            },
            FailureKind::ContextTooLong => match numbers.output_fits {
                Some(_) => Remedy::ShrinkOutput(numbers.output_fits),
                None => Remedy::ShrinkContext(numbers.limit),
            },
            FailureKind::PayloadTooLarge => Remedy::ShrinkContext(None),
            FailureKind::OutputLimit => Remedy::ExtendOutput,
            FailureKind::NotFound => Remedy::SwitchModel,
            FailureKind::Auth | FailureKind::Permission => Remedy::AskHuman,
            FailureKind::InvalidRequest | FailureKind::ContentPolicy | FailureKind::Cancelled => {
                Remedy::Stop
            }
            // Also where nothing is known: the same request is not sent there again, but somebody
            // else may be asked.
            _ => Remedy::SwitchProvider,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, scope, .. } = self;
        write!(f, "{kind} ({scope})")?;
        match self.retry_after {
            Some(When::In(delay)) => write!(f, ", may be tried again in {delay:?}"),
            Some(When::At(at)) => write!(f, ", may be tried again at {at}"),
            None => Ok(()),
        }
    }
}

/// For an operation whose only error is the verdict; [`Failure`](crate::Failure) keeps the cause as well.
impl std::error::Error for Verdict {}

const fn usual_scope(kind: FailureKind) -> Scope {
    match kind {
        FailureKind::RateLimited | FailureKind::Overloaded | FailureKind::NotFound => Scope::Model,
        FailureKind::QuotaExhausted => Scope::Account,
        FailureKind::Auth | FailureKind::Permission => Scope::Key,
        FailureKind::Timeout
        | FailureKind::Network
        | FailureKind::Server
        | FailureKind::StreamCut
        | FailureKind::Unknown => Scope::Provider,
        _ => Scope::Request,
    }
}

/// For a host's own error type: its verdict.
///
/// ```
/// use agent_primitives::FailureKind;
/// use agent_resilience::classify::{Classify, Verdict};
///
/// enum MyError { Busy, Broken }
///
/// impl Classify for MyError {
///     fn verdict(&self) -> Verdict {
///         Verdict::new(match self {
///             MyError::Busy => FailureKind::Overloaded,
///             MyError::Broken => FailureKind::InvalidRequest,
///         })
///     }
/// }
/// assert_eq!(MyError::Busy.verdict().kind, FailureKind::Overloaded);
/// assert_eq!(MyError::Broken.verdict().kind, FailureKind::InvalidRequest);
/// ```
pub trait Classify {
    /// What this error means.
    fn verdict(&self) -> Verdict;
}

impl Classify for Verdict {
    fn verdict(&self) -> Verdict {
        self.clone()
    }
}
