//! How a chain is put together.

use std::fmt;
use std::sync::{Arc, Mutex};

use agent_primitives::{Clock, Observer, ProviderId, SystemClock};

use super::health::Health;
use super::{FallbackChain, FallbackConfig, Link, Shared, State};
use crate::breaker::CircuitBreaker;
use crate::provider::Provider;
use crate::sleep::Sleep;

/// Puts a [`FallbackChain`] together. Providers are preferred in the order in which they are added.
///
/// ```
/// use agent_resilience::FallbackChain;
///
/// let error = FallbackChain::<str, ()>::builder().build().unwrap_err();
/// assert_eq!(error.to_string(), "a fallback chain needs at least one provider; add one");
/// ```
pub struct FallbackBuilder<Req: ?Sized, Rep> {
    providers: Vec<Arc<dyn Provider<Req, Reply = Rep>>>,
    config: FallbackConfig,
    seed: u64,
    clock: Arc<dyn Clock>,
    sleep: Option<Arc<dyn Sleep>>,
    observer: Arc<dyn Observer>,
}

/// A chain that cannot work.
///
/// ```
/// use agent_resilience::FallbackChain;
///
/// assert!(FallbackChain::<str, ()>::builder().build().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidChain {
    /// Nobody to ask.
    #[error("a fallback chain needs at least one provider; add one")]
    Empty,
    /// Two providers have one name, so that events and errors could not tell them apart.
    #[error("two providers are named {0}; give each its own id")]
    Duplicate(ProviderId),
    /// The crate is built without a timer of its own.
    #[error("nothing to wait with; enable the feature `tokio` or give a `Sleep`")]
    NoSleep,
}

impl<Req: ?Sized, Rep: Send> fmt::Debug for FallbackBuilder<Req, Rep> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.providers.iter().map(|p| p.id()).collect();
        f.debug_struct("FallbackBuilder")
            .field("providers", &names)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl<Req: ?Sized, Rep> Default for FallbackBuilder<Req, Rep> {
    fn default() -> Self {
        Self {
            providers: Vec::new(),
            config: FallbackConfig::default(),
            seed: fastrand::u64(..),
            clock: Arc::new(SystemClock),
            #[cfg(feature = "tokio")]
            sleep: Some(Arc::new(crate::sleep::TokioSleep)),
            #[cfg(not(feature = "tokio"))]
            sleep: None,
            observer: Arc::new(()),
        }
    }
}

impl<Req: ?Sized, Rep: Send> FallbackBuilder<Req, Rep> {
    /// Adds a provider behind the others.
    #[must_use]
    pub fn provider(mut self, provider: impl Provider<Req, Reply = Rep> + 'static) -> Self {
        self.providers.push(Arc::new(provider));
        self
    }

    /// Replaces all settings.
    #[must_use]
    pub fn config(mut self, config: FallbackConfig) -> Self {
        self.config = config;
        self
    }

    /// Decides the random part of the pauses, request by request; random unless set.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Takes time from `clock`; the system's unless set.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Waits with `sleep`; tokio's timer unless set.
    #[must_use]
    pub fn sleep(mut self, sleep: impl Sleep + 'static) -> Self {
        self.sleep = Some(Arc::new(sleep));
        self
    }

    /// Tells `observer` of attempts, retries, breakers, cooldowns and handoffs.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Checks the parts and puts them together.
    ///
    /// # Errors
    /// [`InvalidChain`] says what is missing.
    pub fn build(self) -> Result<FallbackChain<Req, Rep>, InvalidChain> {
        if self.providers.is_empty() {
            return Err(InvalidChain::Empty);
        }
        let sleep = self.sleep.ok_or(InvalidChain::NoSleep)?;
        let mut links: Vec<Link<Req, Rep>> = Vec::with_capacity(self.providers.len());
        for provider in self.providers {
            let id = provider.id().clone();
            if links.iter().any(|link| link.id == id) {
                return Err(InvalidChain::Duplicate(id));
            }
            let breaker = CircuitBreaker::new(id.clone(), self.config.breaker)
                .on_clock(Arc::clone(&self.clock));
            links.push(Link {
                id,
                provider,
                breaker,
            });
        }
        let state = State {
            healths: vec![Health::default(); links.len()],
            current: None,
            pinned: None,
            unpinned: false,
            calls: 0,
        };
        Ok(FallbackChain {
            shared: Arc::new(Shared {
                links,
                config: self.config,
                seed: self.seed,
                clock: self.clock,
                sleep,
                state: Mutex::new(state),
            }),
            observer: self.observer,
        })
    }
}
