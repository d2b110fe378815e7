//! A rate limit for each of many keys.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent_primitives::{Clock, Monotonic, SystemClock};

use super::config::{InvalidLimit, RateLimitConfig};
use super::rate::RateLimit;

/// One [`RateLimit`] for each key: for each model, tenant or API key. A handle: clones share the keys.
///
/// Resolve a key once and keep the handle: a check on it costs what a plain check costs. The number of
/// keys is bounded. When it is reached, keys are dropped that nobody holds a handle of and that are as
/// good as new: nothing used, nothing reserved, nothing blocked. So forgetting a key forgives
/// nothing, and a limit that the provider corrected is corrected again by its next reply; when no such key is left, a new one is refused.
///
/// ```
/// use std::num::NonZeroUsize;
/// use agent_resilience::classify::LimitedResource::Requests;
/// use agent_resilience::{Cost, KeyedLimit, RateLimitConfig, RateWindow};
///
/// let config = RateLimitConfig::default().window(RateWindow::per_minute(Requests, 1));
/// let limits: KeyedLimit<String> = KeyedLimit::new(config, NonZeroUsize::new(1_000).unwrap())?;
/// let haiku = limits.handle("haiku").unwrap();
/// assert!(haiku.try_take(Cost::REQUEST).is_ok());
/// assert!(limits.handle("haiku").unwrap().try_take(Cost::REQUEST).is_err(), "the same windows");
/// assert!(limits.handle("opus").unwrap().try_take(Cost::REQUEST).is_ok());
/// # Ok::<(), agent_resilience::InvalidLimit>(())
/// ```
pub struct KeyedLimit<K> {
    shared: Arc<Shared<K>>,
}

struct Shared<K> {
    config: RateLimitConfig,
    capacity: usize,
    clock: Arc<dyn Clock>,
    /// Locked to look a key up, never while a limit is asked.
    keys: Mutex<HashMap<K, RateLimit>>,
    evicted: AtomicU64,
    refused: AtomicU64,
}

/// All keys are in use. Drop handles, or allow more keys.
///
/// ```
/// use std::num::NonZeroUsize;
/// use agent_resilience::{KeyedLimit, RateLimitConfig};
///
/// let limits: KeyedLimit<u32> = KeyedLimit::new(RateLimitConfig::default(), NonZeroUsize::MIN)?;
/// let held = limits.handle(&1).unwrap();
/// assert_eq!(
///     limits.handle(&2).unwrap_err().to_string(),
///     "all 1 keys are in use: drop handles or allow more keys"
/// );
/// drop(held);
/// assert!(limits.handle(&2).is_ok());
/// # Ok::<(), agent_resilience::InvalidLimit>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("all {capacity} keys are in use: drop handles or allow more keys")]
pub struct KeyedLimitFull {
    /// How many keys there may be.
    pub capacity: usize,
}

impl<K: Eq + Hash> KeyedLimit<K> {
    /// Limits of one shape for at most `capacity` keys, timed by the system's clock.
    ///
    /// # Errors
    /// [`InvalidLimit`] for windows that cannot be counted.
    pub fn new(
        config: RateLimitConfig,
        capacity: std::num::NonZeroUsize,
    ) -> Result<Self, InvalidLimit> {
        Self::with_clock(config, capacity, SystemClock)
    }

    /// Limits of one shape for at most `capacity` keys, timed by `clock`.
    ///
    /// # Errors
    /// [`InvalidLimit`] for windows that cannot be counted.
    pub fn with_clock(
        config: RateLimitConfig,
        capacity: std::num::NonZeroUsize,
        clock: impl Clock + 'static,
    ) -> Result<Self, InvalidLimit> {
        config.check()?;
        Ok(Self {
            shared: Arc::new(Shared {
                config,
                capacity: capacity.get(),
                clock: Arc::new(clock),
                keys: Mutex::default(),
                evicted: AtomicU64::new(0),
                refused: AtomicU64::new(0),
            }),
        })
    }

    /// The limit of `key`, new if the key is.
    ///
    /// # Errors
    /// [`KeyedLimitFull`] when the key is new and no other can be dropped for it.
    pub fn handle<Q>(&self, key: &Q) -> Result<RateLimit, KeyedLimitFull>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        let shared = &*self.shared;
        let mut keys = self.keys();
        if let Some(limit) = keys.get(key) {
            return Ok(limit.clone());
        }
        if keys.len() >= shared.capacity {
            let now = shared.clock.monotonic();
            shared.evict(&mut keys, now);
        }
        let limit = (keys.len() < shared.capacity)
            .then(|| RateLimit::with_clock(&shared.config, Arc::clone(&shared.clock)).ok())
            .flatten();
        let Some(limit) = limit else {
            shared.refused.fetch_add(1, Ordering::Relaxed);
            return Err(KeyedLimitFull {
                capacity: shared.capacity,
            });
        };
        keys.insert(key.to_owned(), limit.clone());
        Ok(limit)
    }

    /// Keys that are known.
    pub fn len(&self) -> usize {
        self.keys().len()
    }

    /// No key is known.
    pub fn is_empty(&self) -> bool {
        self.keys().is_empty()
    }

    /// Keys dropped for others since the start.
    pub fn evicted(&self) -> u64 {
        self.shared.evicted.load(Ordering::Relaxed)
    }

    /// Keys refused for want of room since the start.
    pub fn refused(&self) -> u64 {
        self.shared.refused.load(Ordering::Relaxed)
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<K, RateLimit>> {
        self.shared
            .keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Shared<K> {
    /// Drops all keys that are as good as new, not only one: the look at all of them is paid once for
    /// many new keys.
    fn evict(&self, keys: &mut HashMap<K, RateLimit>, now: Monotonic) {
        let before = keys.len();
        keys.retain(|_, limit| !limit.is_like_new(now));
        let evicted = u64::try_from(before - keys.len()).unwrap_or(u64::MAX);
        self.evicted.fetch_add(evicted, Ordering::Relaxed);
    }
}

impl<K> Clone for KeyedLimit<K> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<K> fmt::Debug for KeyedLimit<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedLimit")
            .field("config", &self.shared.config)
            .field("capacity", &self.shared.capacity)
            .field("evicted", &self.shared.evicted)
            .finish_non_exhaustive()
    }
}
