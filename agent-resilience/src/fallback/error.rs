//! How a chain fails: one answer that says what was tried and when to come back.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use agent_primitives::{FailureKind, HandoffReason, ProviderId, Timestamp};

use super::status::UnknownProvider;
use crate::budget::SpendRefused;
use crate::failure::Failure;

/// A request that no provider answered.
///
/// ```
/// use agent_primitives::{FailureKind, ProviderId};
/// use agent_resilience::classify::Verdict;
/// use agent_resilience::{ChainError, Failure};
///
/// let error = ChainError::Failed {
///     provider: ProviderId::new("claude")?,
///     failure: Failure::new(Verdict::new(FailureKind::ContextTooLong)),
///     attempts: 1,
/// };
/// assert_eq!(error.attempts(), 1);
/// assert_eq!(error.to_string(), "claude cannot answer this request: context_too_long (request)");
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ChainError {
    /// The request itself has to change before anybody can answer it: it is too long, malformed or
    /// refused. The verdict says how.
    Failed {
        /// Who said so.
        provider: ProviderId,
        /// What is wrong.
        failure: Failure,
        /// Calls made for the request, to whomever.
        attempts: u32,
    },
    /// Everybody who could answer was tried or rests.
    Exhausted(Exhausted),
    /// The time for the request was over before anybody answered.
    OutOfTime(OutOfTime),
    /// Whoever could answer costs more than the budget has left.
    OverBudget(OverBudget),
    /// The request asks for a provider that the chain does not have.
    UnknownProvider(UnknownProvider),
}

/// A request that the budget holds back: nobody whom it can pay for answered it.
///
/// ```
/// use agent_primitives::{ProviderId, SessionId};
/// use agent_resilience::{
///     CallOptions, ChainError, FallbackChain, Needs, Profile, SpendBudget, SpendBudgetConfig, SpendCap,
///     TokenPrice,
/// };
/// # use agent_primitives::*; use agent_resilience::*;
/// # struct Fine(ProviderId);
/// # #[async_trait::async_trait]
/// # impl Provider<str> for Fine {
/// #     type Reply = ();
/// #     fn id(&self) -> &ProviderId { &self.0 }
/// #     async fn call(&self, _: &str) -> Result<(), Failure> { Ok(()) }
/// # }
/// # let claude = Fine(ProviderId::new("claude")?);
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let cap = SpendCap::usd("0.10".parse()?);
/// let budget = SpendBudget::new(&SpendBudgetConfig::default().session(cap))?;
/// let price = TokenPrice::per_million("3".parse()?, "15".parse()?);
/// let chain = FallbackChain::builder()
///     .provider_with(claude, Profile::default().price(price))
///     .build()?;
/// let options = CallOptions::new()
///     .needs(Needs::default().input(50_000).output(1_000))
///     .budget(budget.session(&SessionId::new("fix-login")?)?);
/// let Err(ChainError::OverBudget(over)) = chain.call_with("hello", &options).await else { panic!() };
/// assert_eq!((over.attempts, over.refused.cap().to_string().as_str()), (0, "$0.10"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct OverBudget {
    /// Which cap, and when it has room again.
    pub refused: SpendRefused,
    /// The last failure of this request, where anybody was called at all.
    pub last: Option<Failure>,
    /// Calls made for the request, to whomever.
    pub attempts: u32,
}

impl fmt::Display for OverBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refused.fmt(f)
    }
}

impl Error for OverBudget {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        source(self.last.as_ref())
    }
}

/// A request whose time was over before anybody answered.
///
/// ```
/// use agent_resilience::{CallOptions, ChainError, Deadline, FallbackChain};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// # use agent_primitives::*; use agent_resilience::*;
/// # struct Fine(ProviderId);
/// # #[async_trait::async_trait]
/// # impl Provider<str> for Fine {
/// #     type Reply = ();
/// #     fn id(&self) -> &ProviderId { &self.0 }
/// #     async fn call(&self, _: &str) -> Result<(), Failure> { Ok(()) }
/// # }
/// # let groq = Fine(ProviderId::new("groq").unwrap());
/// let clock = ManualClock::default();
/// let chain = FallbackChain::builder().provider(groq).clock(clock.clone()).build().unwrap();
/// let options = CallOptions::new().deadline(Deadline::at(clock.monotonic()));
/// let Err(ChainError::OutOfTime(over)) = chain.call_with("hello", &options).await else { panic!() };
/// assert_eq!(over.to_string(), "no answer within 0ns, 0 calls made: allow more time");
/// # });
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct OutOfTime {
    /// The last failure of this request, where anybody was called at all.
    pub last: Option<Failure>,
    /// Calls made for the request, to whomever.
    pub attempts: u32,
    /// How long it took.
    pub elapsed: Duration,
}

impl fmt::Display for OutOfTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            attempts, elapsed, ..
        } = self;
        let plural = if *attempts == 1 { "" } else { "s" };
        write!(
            f,
            "no answer within {elapsed:?}, {attempts} call{plural} made: allow more time"
        )
    }
}

impl Error for OutOfTime {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        source(self.last.as_ref())
    }
}

fn source(last: Option<&Failure>) -> Option<&(dyn Error + 'static)> {
    last.map(|failure| failure as &(dyn Error + 'static))
}

impl ChainError {
    /// Calls made for the request, to whomever.
    pub const fn attempts(&self) -> u32 {
        match self {
            Self::Failed { attempts, .. } => *attempts,
            Self::Exhausted(exhausted) => exhausted.attempts,
            Self::OutOfTime(over) => over.attempts,
            Self::OverBudget(over) => over.attempts,
            Self::UnknownProvider(_) => 0,
        }
    }

    /// The failure, where the request itself has to change.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed { failure, .. } => Some(failure),
            _ => None,
        }
    }

    /// Who found the request too long, and how, whether or not others may answer it later: a shorter one may
    /// be answered now.
    ///
    /// ```
    /// use agent_primitives::{FailureKind, ProviderId};
    /// use agent_resilience::classify::Verdict;
    /// use agent_resilience::{ChainError, Failure};
    ///
    /// let error = ChainError::Failed {
    ///     provider: ProviderId::new("ollama")?,
    ///     failure: Failure::new(Verdict::new(FailureKind::ContextTooLong)),
    ///     attempts: 1,
    /// };
    /// assert_eq!(error.too_long().map(|(provider, _)| provider.as_str()), Some("ollama"));
    /// # Ok::<(), agent_primitives::InvalidId>(())
    /// ```
    pub fn too_long(&self) -> Option<(&ProviderId, &Failure)> {
        let is_too_long = |kind| {
            matches!(
                kind,
                FailureKind::ContextTooLong | FailureKind::PayloadTooLarge
            )
        };
        match self {
            Self::Failed {
                provider, failure, ..
            } => is_too_long(failure.kind()).then_some((provider, failure)),
            Self::Exhausted(exhausted) => {
                let (provider, failure) = exhausted.too_long.as_deref()?;
                Some((provider, failure))
            }
            _ => None,
        }
    }
}

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed {
                provider, failure, ..
            } => {
                write!(f, "{provider} cannot answer this request: {failure}")
            }
            Self::Exhausted(exhausted) => exhausted.fmt(f),
            Self::OutOfTime(over) => over.fmt(f),
            Self::OverBudget(over) => over.fmt(f),
            Self::UnknownProvider(unknown) => unknown.fmt(f),
        }
    }
}

impl Error for ChainError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed { failure, .. } => failure.source(),
            Self::Exhausted(exhausted) => exhausted.source(),
            Self::OutOfTime(over) => over.source(),
            Self::OverBudget(over) => over.source(),
            Self::UnknownProvider(_) => None,
        }
    }
}

/// No provider can answer now: each of them, why, and when it may be tried again.
///
/// ```
/// use agent_resilience::{ChainError, FallbackChain};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// # use agent_primitives::*; use agent_resilience::*; use agent_resilience::classify::Verdict;
/// # struct Broke(ProviderId);
/// # #[async_trait::async_trait]
/// # impl Provider<str> for Broke {
/// #     type Reply = ();
/// #     fn id(&self) -> &ProviderId { &self.0 }
/// #     async fn call(&self, _: &str) -> Result<(), Failure> {
/// #         Err(Verdict::new(FailureKind::QuotaExhausted).into())
/// #     }
/// # }
/// # let broke = Broke(ProviderId::new("groq").unwrap());
/// # let clock = std::sync::Arc::new(ManualClock::default());
/// let chain = FallbackChain::builder().provider(broke).clock(clock).build().unwrap();
/// let Err(ChainError::Exhausted(exhausted)) = chain.call("hello").await else { panic!() };
/// assert_eq!(
///     exhausted.to_string(),
///     "no provider can answer: groq quota_exhausted, again in 3600s (1970-01-01T01:00:00.000Z)"
/// );
/// # });
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Exhausted {
    /// Every provider of the chain, in order of preference; only the pinned one where one is.
    pub providers: Vec<Outlook>,
    /// The last failure of this request, where anybody was called at all.
    pub last: Option<Failure>,
    /// Calls made for the request, to whomever.
    pub attempts: u32,
    /// It is too long for some of them, by the largest window that said so: a shorter request has more
    /// to choose from. Were it so for all, it would be [`ChainError::Failed`].
    pub too_long: Option<Box<(ProviderId, Failure)>>,
    /// The budget has too little left for some of them. Were it so for all who are able, it would be
    /// [`ChainError::OverBudget`].
    pub over_budget: Option<Box<SpendRefused>>,
}

/// Why one provider cannot answer, and until when.
///
/// ```
/// # use agent_primitives::{FailureKind, ProviderId};
/// # use agent_resilience::{classify::Verdict, *};
/// # struct Named(ProviderId, Option<FailureKind>);
/// # #[async_trait::async_trait]
/// # impl Provider<str> for Named {
/// #     type Reply = String;
/// #     fn id(&self) -> &ProviderId { &self.0 }
/// #     async fn call(&self, _: &str) -> Result<String, Failure> {
/// #         self.1.map_or(Ok("fine".into()), |kind| Err(Verdict::new(kind).into()))
/// #     }
/// # }
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # let groq = Named(ProviderId::new("groq").unwrap(), Some(FailureKind::QuotaExhausted));
/// # runtime.block_on(async {
/// let chain = FallbackChain::builder().provider(groq).build().unwrap();
/// let Err(ChainError::Exhausted(exhausted)) = chain.call("hello").await else { panic!() };
/// let outlook = &exhausted.providers[0];
/// assert_eq!(outlook.provider.as_str(), "groq");
/// assert_eq!(outlook.failure, Some(FailureKind::QuotaExhausted));
/// # });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outlook {
    /// Who.
    pub provider: ProviderId,
    /// How it failed the last time, where it did.
    pub failure: Option<FailureKind>,
    /// Why the chain turned away from it.
    pub reason: Option<HandoffReason>,
    /// Time until it may answer this request: zero when it may be asked at once, a tenth of a second
    /// where nobody can say when, for instance because all its calls are under way. `None` where no
    /// waiting helps: it cannot answer this request as it is, or refused it.
    pub retry_in: Option<Duration>,
    /// The same as a date.
    pub retry_at: Option<Timestamp>,
}

impl Exhausted {
    /// Time until the first of them may answer this request; `None` where none of them ever will as
    /// it is.
    pub fn retry_in(&self) -> Option<Duration> {
        self.providers.iter().filter_map(|p| p.retry_in).min()
    }
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no provider can answer")?;
        let mut separator = ": ";
        for outlook in &self.providers {
            write!(f, "{separator}{}", outlook.provider)?;
            separator = "; ";
            match (outlook.reason, outlook.failure) {
                (Some(reason @ (HandoffReason::BreakerOpen | HandoffReason::Quality)), _) => {
                    write!(f, " {reason}")?;
                }
                (_, Some(failure)) => write!(f, " {failure}")?,
                (Some(reason), None) => write!(f, " {reason}")?,
                (None, None) => f.write_str(" not tried")?,
            }
            match (outlook.retry_in, outlook.retry_at) {
                (Some(left), Some(at)) if !left.is_zero() => {
                    let left =
                        Duration::from_millis(u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
                    write!(f, ", again in {left:?} ({at})")?;
                }
                (Some(_), _) => f.write_str(", may be tried at once")?,
                (None, _) => f.write_str(", not for this request")?,
            }
        }
        Ok(())
    }
}

impl Error for Exhausted {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        source(self.last.as_ref())
    }
}
