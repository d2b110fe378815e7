//! How long failures take to clear, learned and shared.

mod table;

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agent_primitives::{FailureKind, Monotonic, ProviderId};
use serde::{Deserialize, Serialize};

use super::step::Learned;
use table::Table;

/// Settings of [`ClearTimes`], as plain data.
///
/// ```
/// use agent_resilience::{ClearTimesConfig, HintRule};
///
/// let config: ClearTimesConfig = serde_json::from_str(r#"{"hints": "may_undercut"}"#)?;
/// assert_eq!(config.hints, HintRule::MayUndercut);
/// assert_eq!((config.half_life.as_secs(), config.max_keys.get()), (1_800, 128));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClearTimesConfig {
    /// After this time without a new sample, what was learned counts half; after four times this it
    /// is forgotten. 30 min by default, since load follows the time of day.
    #[serde(with = "crate::duration")]
    pub half_life: Duration,
    /// Pairs of provider and kind that are remembered; 128 by default. The one that was longest
    /// without a failure makes room.
    pub max_keys: NonZeroUsize,
    /// Whether experience may go below what a provider asks for.
    pub hints: HintRule,
}

/// What counts when a provider asks for more time than its failures usually take to clear.
///
/// ```
/// assert_eq!(agent_resilience::HintRule::default(), agent_resilience::HintRule::Keep);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HintRule {
    /// The provider's word.
    #[default]
    Keep,
    /// Experience, once there are three samples of it. For providers whose hints are known to be
    /// far too long; some count calls that come early.
    MayUndercut,
}

impl Default for ClearTimesConfig {
    fn default() -> Self {
        Self {
            half_life: Duration::from_secs(1_800),
            max_keys: const { NonZeroUsize::new(128).expect("not zero") },
            hints: HintRule::Keep,
        }
    }
}

/// Learns how long the failures of each kind take to clear at each provider. Clones share what they
/// learn; give one to every [`Retry`](crate::Retry) for the same account.
///
/// Hints are wrong in both directions: one provider asks for a minute and answers again after a
/// quarter of it, another asks for none and stays closed for a minute. A burst of failures of one kind
/// begins with the first and is ended by the first call to succeed that was begun after the last of
/// them. It cleared at some time between these two calls, so the sample is the middle, counted from
/// the first failure. The first sample is the estimate; then
///
/// ```text
/// estimate = estimate + share * (sample - estimate)
/// share    = 1 - (1 - s) * 2^(-age / half_life)        s = 1/4 for a longer sample, 1/8 for a shorter
/// ```
///
/// so that a change is followed within some ten bursts, an old estimate weighs little, and an estimate
/// that is too short is mended sooner than one that is too long. A pause is made at least as long as
/// the rest of the estimate; a hint is undercut only with [`HintRule::MayUndercut`].
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{FailureKind, Monotonic, ProviderId};
/// use agent_resilience::ClearTimes;
///
/// let times = ClearTimes::default();
/// let groq = ProviderId::new("groq")?;
/// let at = |seconds: u64| Monotonic::from_nanos(seconds * 1_000_000_000);
/// assert_eq!(times.expected(&groq, FailureKind::RateLimited, at(0)), None);
///
/// times.failed(&groq, FailureKind::RateLimited, at(0));
/// times.failed(&groq, FailureKind::RateLimited, at(18));
/// times.succeeded(&groq, at(22));
///
/// times.failed(&groq, FailureKind::RateLimited, at(100));
/// let learned = times.expected(&groq, FailureKind::RateLimited, at(105)).ok_or("one sample")?;
/// assert_eq!(learned.wait, Duration::from_secs(15), "20 s from the first failure, 5 are over");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ClearTimes(Arc<Shared>);

struct Shared {
    /// Bursts that no success has ended, so that a success costs one load while all is well.
    open: AtomicUsize,
    table: Mutex<Table>,
}

/// What was learned about one kind of failure at one provider.
///
/// ```
/// use agent_primitives::{FailureKind, Monotonic, ProviderId};
/// use agent_resilience::ClearTimes;
///
/// let times = ClearTimes::default();
/// let groq = ProviderId::new("groq")?;
/// times.failed(&groq, FailureKind::Overloaded, Monotonic::from_nanos(0));
/// times.succeeded(&groq, Monotonic::from_nanos(8_000_000_000));
/// let learned = times.all();
/// assert_eq!((learned[0].kind, learned[0].time.as_secs()), (FailureKind::Overloaded, 4));
/// assert_eq!(learned[0].samples, 1);
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClearTime {
    /// Whose failures.
    pub provider: ProviderId,
    /// Which failures.
    pub kind: FailureKind,
    /// From the first failure of a burst until it has cleared, as estimated.
    #[serde(with = "crate::duration")]
    pub time: Duration,
    /// Bursts that the estimate rests on.
    pub samples: u32,
    /// When the last of them ended.
    pub at: Monotonic,
}

impl Default for ClearTimes {
    fn default() -> Self {
        Self::new(ClearTimesConfig::default())
    }
}

impl fmt::Debug for ClearTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClearTimes").field(&*self.lock()).finish()
    }
}

impl ClearTimes {
    /// Nothing is learned yet.
    pub fn new(config: ClearTimesConfig) -> Self {
        Self(Arc::new(Shared {
            open: AtomicUsize::new(0),
            table: Mutex::new(Table::new(config)),
        }))
    }

    /// A call failed; says so even where nobody is going to call again.
    pub fn failed(&self, provider: &ProviderId, kind: FailureKind, now: Monotonic) {
        self.change(|table| table.failed(provider, kind, now));
    }

    /// A call that was begun at `began` succeeded. Costs one load while no failure is to clear.
    #[inline]
    pub fn succeeded(&self, provider: &ProviderId, began: Monotonic) {
        if self.is_waiting() {
            self.change(|table| table.succeeded(provider, began));
        }
    }

    /// A failure has not been followed by a success yet, so that the next success is worth telling.
    #[inline]
    pub fn is_waiting(&self) -> bool {
        self.0.open.load(Ordering::Relaxed) != 0
    }

    /// How long from `now` until failures of this kind have cleared, if that was learned.
    pub fn expected(
        &self,
        provider: &ProviderId,
        kind: FailureKind,
        now: Monotonic,
    ) -> Option<Learned> {
        self.lock().expected(provider, kind, now)
    }

    /// Everything learned.
    pub fn all(&self) -> Vec<ClearTime> {
        self.lock().all()
    }

    /// Pairs of provider and kind that were forgotten to make room.
    pub fn evicted(&self) -> u64 {
        self.lock().evicted()
    }

    fn change(&self, with: impl FnOnce(&mut Table)) {
        let mut table = self.lock();
        with(&mut table);
        self.0.open.store(table.open(), Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Nothing that can panic runs under the lock.
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
