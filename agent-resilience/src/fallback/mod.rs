//! A chain of providers: the first that works answers.

mod builder;
mod call;
mod config;
mod error;
mod health;
mod probe;
mod status;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agent_primitives::{Clock, Event, Handoff, Observer, ProviderId, Stamp};

use crate::breaker::CircuitBreaker;
use crate::provider::Provider;
use crate::sleep::Sleep;
use health::Health;

pub use builder::{FallbackBuilder, InvalidChain};
pub use config::{FallbackConfig, Rest};
pub use error::{ChainError, Exhausted, Outlook};
#[cfg(feature = "tokio")]
pub use probe::ProbeTask;
pub use status::{ProviderStatus, UnknownProvider};

/// Asks providers in order of preference until one answers. Clones share their state.
///
/// For each request: the first provider that neither rests nor was tried for it is called, again and
/// again as [`RetryPolicy`](crate::RetryPolicy) and its circuit breaker allow. When it is given up it
/// rests for as long as it asked for, at least [`Rest::first`], and the next one is called. Once the
/// rest is over, or a probe shows that it works, the next request returns to it.
///
/// A request that is malformed or refused ends the call at once, since it would be so everywhere. One
/// that is too long is offered to the others, whose windows may be larger, and nobody rests for it.
///
/// ```
/// use std::sync::Arc;
/// use agent_primitives::{FailureKind, ProviderId};
/// use agent_resilience::classify::Verdict;
/// use agent_resilience::{Failure, FallbackChain, Provider};
///
/// struct Named(ProviderId, Option<FailureKind>);
///
/// #[async_trait::async_trait]
/// impl Provider<str> for Named {
///     type Reply = String;
///     fn id(&self) -> &ProviderId {
///         &self.0
///     }
///     async fn call(&self, question: &str) -> Result<String, Failure> {
///         match self.1 {
///             Some(kind) => Err(Verdict::new(kind).into()),
///             None => Ok(format!("{} answers {question}", self.0)),
///         }
///     }
/// }
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let chain = FallbackChain::builder()
///     .provider(Named(ProviderId::new("claude")?, Some(FailureKind::QuotaExhausted)))
///     .provider(Named(ProviderId::new("groq")?, None))
///     .build()
///     .unwrap();
/// let reply = chain.call("why").await.unwrap();
/// assert_eq!(reply.value, "groq answers why");
/// assert_eq!(reply.handoffs[0].to_string(), "claude -> groq (quota_exhausted, automatic)");
/// # Ok::<(), agent_primitives::InvalidId>(())
/// # }).unwrap();
/// ```
pub struct FallbackChain<Req: ?Sized, Rep> {
    shared: Arc<Shared<Req, Rep>>,
    observer: Arc<dyn Observer>,
}

struct Shared<Req: ?Sized, Rep> {
    links: Vec<Link<Req, Rep>>,
    config: FallbackConfig,
    seed: u64,
    clock: Arc<dyn Clock>,
    sleep: Arc<dyn Sleep>,
    /// Held for a few instructions, never while calling, waiting or telling an observer.
    state: Mutex<State>,
}

struct Link<Req: ?Sized, Rep> {
    id: ProviderId,
    provider: Arc<dyn Provider<Req, Reply = Rep>>,
    breaker: CircuitBreaker,
}

struct State {
    healths: Vec<Health>,
    /// Who was chosen last.
    current: Option<usize>,
    pinned: Option<usize>,
    /// Somebody took the pin away since the last choice.
    unpinned: bool,
    /// Requests so far: gives each its own pauses.
    calls: u64,
}

/// An answer, who gave it, and what it took.
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
/// # let groq = Named(ProviderId::new("groq").unwrap(), None);
/// # runtime.block_on(async {
/// let chain = FallbackChain::builder().provider(groq).build().unwrap();
/// let reply = chain.call("how are you").await.unwrap();
/// assert_eq!((reply.value.as_str(), reply.provider.as_str()), ("fine", "groq"));
/// assert_eq!((reply.attempts, reply.handoffs.len()), (1, 0));
/// # });
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Reply<T> {
    /// The answer.
    pub value: T,
    /// Who gave it.
    pub provider: ProviderId,
    /// Calls made for it, to whomever.
    pub attempts: u32,
    /// How long the call took that was answered, without what failed before it.
    pub latency: Duration,
    /// From the request to the answer, failed calls and pauses included.
    pub elapsed: Duration,
    /// How the work moved on the way, a return to a preferred provider included.
    pub handoffs: Vec<Handoff>,
}

impl<Req: ?Sized, Rep> Clone for FallbackChain<Req, Rep> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            observer: Arc::clone(&self.observer),
        }
    }
}

impl<Req: ?Sized, Rep: Send> fmt::Debug for FallbackChain<Req, Rep> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackChain")
            .field("providers", &self.status())
            .finish_non_exhaustive()
    }
}

impl<Req: ?Sized, Rep: Send> FallbackChain<Req, Rep> {
    /// Starts a chain with no providers and the default settings.
    pub fn builder() -> FallbackBuilder<Req, Rep> {
        FallbackBuilder::default()
    }

    /// A handle on the same chain that tells another observer, for instance one that is
    /// [`Scoped`](agent_primitives::Scoped) to a session.
    #[must_use]
    pub fn observed_by(&self, observer: impl Observer + 'static) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            observer: Arc::new(observer),
        }
    }

    /// The link's breaker, telling the observer of this handle.
    fn breaker_of(&self, link: &Link<Req, Rep>) -> CircuitBreaker {
        let breaker = link.breaker.clone();
        breaker.told(Arc::clone(&self.observer))
    }

    fn tell(&self, event: &Event) {
        self.observer
            .observe(Stamp::at(self.shared.clock.timestamp()), event);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
