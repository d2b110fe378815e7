//! A chain of providers: the first that works answers.

mod allowance;
mod ask;
pub(crate) mod attempt;
mod builder;
mod call;
mod check;
mod config;
mod decisions;
mod error;
mod health;
mod hedge;
pub(crate) mod journey;
mod moving;
pub(crate) mod operation;
mod options;
mod outlook;
mod place;
mod probe;
mod reply;
mod scopes;
mod select;
mod settle;
mod snapshot;
mod state;
mod status;

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent_primitives::{Clock, Event, Observer, ProviderId, Stamp, Usd};

use crate::breaker::CircuitBreaker;
use crate::limit::ConcurrencyLimit;
use crate::provider::{Metering, Provider};
use crate::route::Profile;
use crate::sleep::Sleep;
use crate::stream::StreamLimits;
use allowance::Allowance;
use state::State;

pub use builder::{FallbackBuilder, InvalidChain};
pub use check::{CheckConfig, CheckLevel, Rejection, ReplyCheck};
pub use config::{FallbackConfig, HedgeConfig, LinkConfig, Rest, Return};
pub use decisions::DecisionRecord;
pub use error::{ChainError, Exhausted, OutOfTime, Outlook, OverBudget};
pub use options::CallOptions;
#[cfg(feature = "tokio")]
pub use probe::ProbeTask;
pub use reply::Reply;
pub use snapshot::ChainSnapshot;
pub use status::{ChainStatus, ProviderStatus, UnknownProvider};

/// Asks providers in order of preference until one answers. Clones share their state.
///
/// For each request: the first provider that neither rests nor was tried for it is called, again and
/// again as [`RetryPolicy`](crate::RetryPolicy) and its circuit breaker allow. When it is given up it
/// rests for as long as it asked for, at least [`Rest::first`], and the next one is called. Once the
/// rest is over, or a probe shows that it works, the next request returns to it.
///
/// A request that is malformed or refused ends the call at once, since it would be so everywhere;
/// malformed by the word of one that stands in for another, it is offered to the rest, which may accept
/// more. One that is too long is offered to the others whose windows may be larger, and nobody rests for
/// it.
///
/// Where a provider asks a request for a short pause that is waited out, the others stay away as long.
///
/// A failure cools as much as it reaches. Where the [`Profile`](crate::Profile)s of several providers
/// name one key, one model, one service or one account, they rest together: a bad key does not cool
/// the model, and an account without credit is asked once and not with each of its keys. A provider
/// that rests by the chain's own caution alone is asked all the same, once, where nobody else is left;
/// limits and what the provider itself asked for are kept to.
///
/// An attempt has [its time](FallbackConfig::attempt_timeout) and so has the whole request. Without a
/// `Policy` inside a provider, the chain is the only one that retries.
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
    observer: Option<Arc<dyn Observer>>,
}

struct Shared<Req: ?Sized, Rep> {
    links: Vec<Link<Req, Rep>>,
    /// As many as there are health entries; links point to them.
    allowances: Vec<Allowance>,
    check: Option<Box<dyn ReplyCheck<Req, Rep>>>,
    /// Requests so far: gives each its own draws.
    calls: AtomicU64,
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
    profile: Profile,
    breaker: CircuitBreaker,
    /// The place of what it counts its limits against.
    allowance: usize,
    slots: Option<ConcurrencyLimit>,
    under_way: Arc<AtomicU32>,
}

impl<Req: ?Sized, Rep> Clone for FallbackChain<Req, Rep> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            observer: self.observer.clone(),
        }
    }
}

impl<Req: ?Sized, Rep: Send> fmt::Debug for FallbackChain<Req, Rep> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackChain")
            .field("providers", &&*self.status())
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
            observer: Some(Arc::new(observer)),
        }
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    pub(crate) fn stream_limits(&self) -> StreamLimits {
        self.shared.config.stream
    }

    /// What a call of the provider at this place cost, as far as is known.
    pub(crate) fn cost_at(&self, index: usize, metering: &Metering) -> Option<Usd> {
        settle::cost_of(&self.shared.links.get(index)?.profile, metering)
    }

    pub(crate) fn sleep(&self) -> &Arc<dyn Sleep> {
        &self.shared.sleep
    }

    /// The link's breaker, telling the observer of this handle.
    fn breaker_of(&self, link: &Link<Req, Rep>) -> CircuitBreaker {
        let breaker = link.breaker.clone();
        match &self.observer {
            Some(observer) => breaker.told(Arc::clone(observer)),
            None => breaker,
        }
    }

    /// Where nobody listens, nothing is put together.
    fn tell(&self, event: impl FnOnce() -> Event) {
        if let Some(observer) = &self.observer {
            observer.observe(Stamp::at(self.shared.clock.timestamp()), &event());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
