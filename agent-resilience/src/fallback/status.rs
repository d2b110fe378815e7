//! What a person sees of a chain, and what a person can set.

use std::time::Duration;

use agent_primitives::{BreakerState, FailureKind, HandoffReason, ProviderId};
use serde::{Deserialize, Serialize};

use super::FallbackChain;
use super::error::Outlook;

/// How one provider of a chain stands.
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
/// # let groq = Named(ProviderId::new("groq").unwrap(), Some(FailureKind::Auth));
/// # runtime.block_on(async {
/// let chain = FallbackChain::builder().provider(groq).build().unwrap();
/// assert_eq!(chain.status()[0].rests_for, None);
/// chain.call("hello").await.unwrap_err();
/// let status = &chain.status()[0];
/// assert!(status.current && status.rests_for.is_some());
/// assert_eq!(status.failure, Some(FailureKind::Auth));
/// # });
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProviderStatus {
    /// Who.
    pub provider: ProviderId,
    /// Whether the last request went there.
    pub current: bool,
    /// Whether somebody pinned the chain to it.
    pub pinned: bool,
    /// Its circuit breaker.
    pub breaker: BreakerState,
    /// Time until it is tried again; `None` when it may be tried now.
    pub rests_for: Option<Duration>,
    /// Why the chain turned away from it, unless it answered since.
    pub reason: Option<HandoffReason>,
    /// How it failed the last time, unless it answered since.
    pub failure: Option<FailureKind>,
}

/// A name that no provider of the chain has.
///
/// ```
/// # use agent_resilience::*; use agent_primitives::*;
/// # struct P(ProviderId);
/// # #[async_trait::async_trait]
/// # impl Provider<str> for P {
/// #     type Reply = ();
/// #     fn id(&self) -> &ProviderId { &self.0 }
/// #     async fn call(&self, _: &str) -> Result<(), Failure> { Ok(()) }
/// # }
/// # let claude = P(ProviderId::new("claude").unwrap());
/// let chain = FallbackChain::builder().provider(claude).build().unwrap();
/// let error = chain.pin(&ProviderId::new("grok").unwrap()).unwrap_err();
/// assert_eq!(error.to_string(), "no provider named grok; the chain has claude");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no provider named {name}; the chain has {known}")]
pub struct UnknownProvider {
    name: ProviderId,
    known: String,
}

impl<Req: ?Sized, Rep: Send> FallbackChain<Req, Rep> {
    /// How each provider stands, in order of preference.
    pub fn status(&self) -> Vec<ProviderStatus> {
        let now = self.shared.clock.monotonic();
        let state = self.lock();
        self.shared
            .links
            .iter()
            .enumerate()
            .map(|(index, link)| ProviderStatus {
                provider: link.id.clone(),
                current: state.current == Some(index),
                pinned: state.pinned == Some(index),
                breaker: link.breaker.state(),
                rests_for: state.rest_left(index, now).max(link.breaker.retry_in()),
                reason: state.reason(index, now),
                failure: state.failure(index, now),
            })
            .collect()
    }

    /// Sends every request to `provider` and to nobody else, whatever its health, until
    /// [`unpin`](Self::unpin).
    ///
    /// # Errors
    /// [`UnknownProvider`] names those that the chain has.
    pub fn pin(&self, provider: &ProviderId) -> Result<(), UnknownProvider> {
        match self.position(provider) {
            Some(index) => {
                self.lock().pinned = Some(index);
                Ok(())
            }
            None => Err(self.unknown(provider)),
        }
    }

    /// Goes back to choosing by preference and health.
    pub fn unpin(&self) {
        let mut state = self.lock();
        state.unpinned |= state.pinned.take().is_some();
    }

    /// Forgets a provider's failures, and those of what it shares with others, and closes its breaker:
    /// somebody mended it.
    ///
    /// # Errors
    /// [`UnknownProvider`] names those that the chain has.
    pub fn reset(&self, provider: &ProviderId) -> Result<(), UnknownProvider> {
        let Some(index) = self.position(provider) else {
            return Err(self.unknown(provider));
        };
        self.lock().forget(index);
        if let Some(link) = self.shared.links.get(index) {
            self.breaker_of(link).close();
        }
        Ok(())
    }

    /// How everybody stands whom a request could be sent to.
    pub(super) fn outlooks(&self, own_pin: Option<usize>) -> Vec<Outlook> {
        let at = self.shared.clock.timestamp();
        let status = self.status();
        // With a pin, nobody else would be asked.
        let pinned = own_pin.or_else(|| status.iter().position(|status| status.pinned));
        status
            .into_iter()
            .enumerate()
            .filter(|(index, _)| pinned.is_none_or(|pinned| pinned == *index))
            .map(|(_, status)| {
                let retry_in = status.rests_for.unwrap_or_default();
                Outlook {
                    provider: status.provider,
                    failure: status.failure,
                    reason: status.reason,
                    retry_in,
                    retry_at: at + retry_in,
                }
            })
            .collect()
    }

    pub(super) fn position(&self, provider: &ProviderId) -> Option<usize> {
        self.shared
            .links
            .iter()
            .position(|link| link.id == *provider)
    }

    pub(super) fn unknown(&self, provider: &ProviderId) -> UnknownProvider {
        let known: Vec<_> = self.shared.links.iter().map(|l| l.id.as_str()).collect();
        UnknownProvider {
            name: provider.clone(),
            known: known.join(", "),
        }
    }
}
