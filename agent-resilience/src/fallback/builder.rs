//! How a chain is put together.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use agent_primitives::{Clock, Observer, ProviderId, SystemClock};

use super::allowance::Allowance;
use super::scopes::Places;
use super::state::State;
use super::{FallbackChain, FallbackConfig, Link, ReplyCheck, Shared};
use crate::breaker::CircuitBreaker;
use crate::limit::{ConcurrencyLimit, InvalidLimit, RateLimit};
use crate::provider::Provider;
use crate::route::{Decision, Profile};
use crate::settings::{InvalidConfig, Settings};
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
    providers: Vec<(Arc<dyn Provider<Req, Reply = Rep>>, Profile)>,
    config: FallbackConfig,
    seed: u64,
    clock: Arc<dyn Clock>,
    sleep: Option<Arc<dyn Sleep>>,
    observer: Option<Arc<dyn Observer>>,
    check: Option<Box<dyn ReplyCheck<Req, Rep>>>,
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
    /// More providers than a chain keeps apart.
    #[error("{0} providers; a fallback chain has at most {max}: take some out, or put a chain in the place of several", max = FallbackBuilder::<(), ()>::MOST)]
    TooMany(usize),
    /// Settings for somebody who is not there.
    #[error("settings for {0}, which the chain does not have; add it or take them out")]
    UnknownLink(ProviderId),
    /// A limit that cannot hold.
    #[error("the limit of {provider}: {why}")]
    Limit {
        /// Whose.
        provider: ProviderId,
        /// Why it cannot.
        why: InvalidLimit,
    },
    /// Two providers of one model and one account have a limit each, which would be counted as one.
    #[error("{0} shares its limit with a provider before it, which has one; set it once")]
    TwoLimits(ProviderId),
    /// Settings that cannot hold.
    #[error(transparent)]
    Settings(#[from] InvalidConfig),
    /// The crate is built without a timer of its own.
    #[error("nothing to wait with; enable the feature `tokio` or give a `Sleep`")]
    NoSleep,
}

impl<Req: ?Sized, Rep: Send> fmt::Debug for FallbackBuilder<Req, Rep> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.providers.iter().map(|(p, _)| p.id()).collect();
        f.debug_struct("FallbackBuilder")
            .field("providers", &names)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl<Req: ?Sized, Rep> FallbackBuilder<Req, Rep> {
    /// Providers that one chain has at the most: as many as a [`Decision`] names, so that it says of each
    /// what became of it.
    pub const MOST: usize = Decision::CAPACITY;
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
            observer: None,
            check: None,
        }
    }
}

impl<Req: ?Sized, Rep: Send> FallbackBuilder<Req, Rep> {
    /// Adds a provider behind the others.
    #[must_use]
    pub fn provider(self, provider: impl Provider<Req, Reply = Rep> + 'static) -> Self {
        self.provider_with(provider, Profile::default())
    }

    /// Adds a provider behind the others, and says what it is able to do and what it shares with them:
    /// those of one key, model, region or account fail and rest together.
    ///
    /// ```
    /// use agent_resilience::{Capabilities, FallbackChain, Profile};
    /// # use agent_resilience::*; use agent_primitives::*;
    /// # struct P(ProviderId);
    /// # #[async_trait::async_trait]
    /// # impl Provider<str> for P {
    /// #     type Reply = ();
    /// #     fn id(&self) -> &ProviderId { &self.0 }
    /// #     async fn call(&self, _: &str) -> Result<(), Failure> { Ok(()) }
    /// # }
    /// # let claude = |name| P(ProviderId::new(name).unwrap());
    /// # let clock = std::sync::Arc::new(ManualClock::default());
    /// let team = Profile::default().vendor("anthropic").account("team");
    /// let chain = FallbackChain::builder()
    ///     .provider_with(claude("first-key"), team.clone().key("first"))
    ///     .provider_with(claude("second-key"), team.key("second"))
    ///     .build()
    ///     .unwrap();
    /// assert_eq!(chain.status().len(), 2);
    /// ```
    #[must_use]
    pub fn provider_with(
        mut self,
        provider: impl Provider<Req, Reply = Rep> + 'static,
        profile: Profile,
    ) -> Self {
        self.providers.push((Arc::new(provider), profile));
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

    /// Has each whole reply looked at before it is taken; see [`CheckConfig`](crate::CheckConfig).
    /// Streams are not looked at: their consumer has them by then.
    #[must_use]
    pub fn reply_check(mut self, check: impl ReplyCheck<Req, Rep> + 'static) -> Self {
        self.check = Some(Box::new(check));
        self
    }

    /// Tells `observer` of attempts, retries, breakers, cooldowns and handoffs.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
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
        self.config.validate()?;
        if self.providers.len() > Self::MOST {
            return Err(InvalidChain::TooMany(self.providers.len()));
        }
        let sleep = self.sleep.ok_or(InvalidChain::NoSleep)?;
        let profiles: Vec<_> = self.providers.iter().map(|(_, profile)| profile).collect();
        let (places, entries) = Places::of_all(&profiles);
        let mut allowances: Vec<_> = (0..entries).map(|_| Allowance::default()).collect();
        let mut links: Vec<Link<Req, Rep>> = Vec::with_capacity(self.providers.len());
        for ((provider, profile), places) in self.providers.into_iter().zip(&places) {
            let id = provider.id().clone();
            if links.iter().any(|link| link.id == id) {
                return Err(InvalidChain::Duplicate(id));
            }
            let own = self.config.links.get(&id);
            let place = places.allowance();
            if let Some(allowance) = allowances.get_mut(place) {
                if !allowance.is_known() {
                    *allowance = Allowance::unknown(profile.vendor.as_deref());
                }
                if let Some(config) = own.and_then(|own| own.rate_limit.as_ref()) {
                    let limit = RateLimit::with_clock(config, Arc::clone(&self.clock));
                    if !allowance.set(limit.map_err(|why| InvalidChain::limit(&id, why))?) {
                        return Err(InvalidChain::TwoLimits(id));
                    }
                }
            }
            let slots = own
                .and_then(|own| own.concurrency.as_ref())
                .map(|config| ConcurrencyLimit::with_clock(config, Arc::clone(&self.clock)))
                .transpose()
                .map_err(|why| InvalidChain::limit(&id, why))?;
            let breaker = CircuitBreaker::new(id.clone(), self.config.breaker)
                .on_clock(Arc::clone(&self.clock));
            links.push(Link {
                id,
                provider,
                profile,
                breaker,
                allowance: place,
                slots,
                under_way: Arc::default(),
            });
        }
        let is_link = |name: &&ProviderId| links.iter().any(|link| link.id == **name);
        if let Some(name) = self.config.links.keys().find(|name| !is_link(name)) {
            return Err(InvalidChain::UnknownLink(name.clone()));
        }
        let state = State::new(places, entries, &self.config);
        Ok(FallbackChain {
            shared: Arc::new(Shared {
                links,
                allowances,
                check: self.check,
                calls: AtomicU64::new(0),
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

impl InvalidChain {
    fn limit(provider: &ProviderId, why: InvalidLimit) -> Self {
        Self::Limit {
            provider: provider.clone(),
            why,
        }
    }
}
