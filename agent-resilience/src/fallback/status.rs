//! What a person sees of a chain, and what a person can set.

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use agent_primitives::{BreakerState, Clock, FailureKind, HandoffReason, Monotonic, ProviderId};
use serde::{Deserialize, Serialize};

use super::decisions::DecisionRecord;
use super::{FallbackChain, Link};
use crate::limit::{WindowStatus, noun};

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
    /// The share of requests in percent that it has while it comes back; 100 otherwise.
    #[serde(default = "whole")]
    pub share: u8,
    /// Calls that are under way.
    #[serde(default)]
    pub in_flight: u32,
    /// What its limits have left, where they are known: set, or learned from its replies.
    #[serde(default)]
    pub limits: Vec<WindowStatus>,
    /// Why the chain turned away from it, unless it answered since.
    pub reason: Option<HandoffReason>,
    /// How it failed the last time, unless it answered since.
    pub failure: Option<FailureKind>,
}

/// How all providers of a chain stand, in order of preference: read as a slice, shown as a table.
///
/// ```
/// use agent_primitives::{FailureKind, ManualClock, ProviderId};
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
/// # let ollama = Named(ProviderId::new("ollama").unwrap(), None);
/// # runtime.block_on(async {
/// let clock = ManualClock::default();
/// let chain = FallbackChain::builder().provider(groq).provider(ollama).clock(clock).build().unwrap();
/// chain.call("hello").await.unwrap();
/// assert_eq!(
///     chain.status().to_string(),
///     "  provider  breaker  under way  stands\n\
///      \x20 groq      closed           0  rests for 3600s: quota_exhausted\n\
///      > ollama    closed           0  ready\n"
/// );
/// # });
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChainStatus(Vec<ProviderStatus>);

impl std::ops::Deref for ChainStatus {
    type Target = [ProviderStatus];
    fn deref(&self) -> &[ProviderStatus] {
        &self.0
    }
}

impl IntoIterator for ChainStatus {
    type Item = ProviderStatus;
    type IntoIter = std::vec::IntoIter<ProviderStatus>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a ChainStatus {
    type Item = &'a ProviderStatus;
    type IntoIter = std::slice::Iter<'a, ProviderStatus>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for ChainStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|status| status.provider.as_str().len());
        let width = names.max().unwrap_or(0).max("provider".len());
        writeln!(f, "  {:width$}  breaker  under way  stands", "provider")?;
        for status in &self.0 {
            let mark = if status.current { '>' } else { ' ' };
            let breaker = match status.breaker {
                BreakerState::HalfOpen => "half open",
                state => state.as_str(),
            };
            let (name, calls) = (status.provider.as_str(), status.in_flight);
            write!(f, "{mark} {name:width$}  {breaker:7}  {calls:9}  ")?;
            status.stands(f)?;
            writeln!(f)?;
        }
        Ok(())
    }
}

impl ProviderStatus {
    /// Whether it may be asked, and what its limits have left.
    fn stands(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rests_for {
            Some(left) => {
                let left =
                    Duration::from_millis(u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
                write!(f, "rests for {left:?}")?;
                match (self.reason, self.failure) {
                    (Some(HandoffReason::BreakerOpen), _) => f.write_str(": breaker_open")?,
                    (_, Some(failure)) => write!(f, ": {failure}")?,
                    (Some(reason), None) => write!(f, ": {reason}")?,
                    (None, None) => {}
                }
            }
            None if self.share < 100 => write!(f, "comes back, {} %", self.share)?,
            None => f.write_str("ready")?,
        }
        if self.pinned {
            f.write_str(", pinned")?;
        }
        for window in &self.limits {
            let WindowStatus {
                remaining,
                limit,
                resource,
                period,
                ..
            } = window;
            write!(
                f,
                ", {remaining} of {limit} {} in {period:?}",
                noun(*resource)
            )?;
        }
        Ok(())
    }
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

const fn whole() -> u8 {
    100
}

impl<Req: ?Sized, Rep: Send> FallbackChain<Req, Rep> {
    /// How each provider stands, in order of preference.
    pub fn status(&self) -> ChainStatus {
        let now = self.shared.clock.monotonic();
        let state = self.lock();
        let all = self
            .shared
            .links
            .iter()
            .enumerate()
            .map(|(index, link)| ProviderStatus {
                provider: link.id.clone(),
                current: state.current == Some(index),
                pinned: state.pinned == Some(index),
                breaker: link.breaker.state(),
                rests_for: state
                    .rest_left(index, now)
                    .max(state.predicted_left(index, now))
                    .max(state.held_left(index, now))
                    .max(link.breaker.retry_in()),
                share: u8::try_from(state.share(index, &self.shared.config.returning, now))
                    .unwrap_or(100),
                in_flight: link.under_way.load(Ordering::Relaxed),
                limits: self.limits(link, now),
                reason: state.reason(index, now),
                failure: state.failure(index, now),
            })
            .collect();
        ChainStatus(all)
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

    /// The providers in order of preference, for instance to name those of a [`Decision`].
    ///
    /// [`Decision`]: crate::Decision
    pub fn providers(&self) -> Vec<ProviderId> {
        self.shared
            .links
            .iter()
            .map(|link| link.id.clone())
            .collect()
    }

    /// The last decisions, the oldest first.
    pub fn decisions(&self) -> Vec<DecisionRecord> {
        self.lock().log.to_vec()
    }

    /// Decisions that are no longer kept.
    pub fn decisions_dropped(&self) -> u64 {
        self.lock().log.dropped()
    }

    fn limits(&self, link: &Link<Req, Rep>, now: Monotonic) -> Vec<WindowStatus> {
        let allowance = self.shared.allowances.get(link.allowance);
        allowance.map_or_else(Vec::new, |known| known.status(now).collect())
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
