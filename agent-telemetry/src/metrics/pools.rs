//! Where new counters and histograms get their words, and what a handle is.

use std::sync::{Arc, Mutex, PoisonError};

use super::counter::{COUNTERS, Counter, Counters};
use super::gauge::Gauge;
use super::histogram::{HISTOGRAMS, Histogram, Histograms};
use super::snapshot::{InstrumentKind, Value};

/// What the series of a family are: [`Counter`], [`Gauge`] or [`Histogram`](crate::Histogram). Nothing
/// else can be.
///
/// ```
/// use agent_telemetry::{Counter, Family, Handle, InstrumentKind};
///
/// fn kind<L, M: Handle>(_: &Family<L, M>) -> InstrumentKind {
///     M::KIND
/// }
/// # let metrics = agent_telemetry::Metrics::new();
/// let family = metrics.counter(agent_telemetry::Instrument::<()>::new("a", "1", []))?;
/// assert_eq!(kind(&family), InstrumentKind::Counter);
/// # Ok::<(), agent_telemetry::MetricsError>(())
/// ```
pub trait Handle: Made {
    /// Which of them it is.
    const KIND: InstrumentKind;
}

/// Keeps [`Handle`] to the types here.
pub trait Made: Clone + Send + Sync + 'static {
    #[doc(hidden)]
    fn make(pools: &Pools) -> Self;
    #[doc(hidden)]
    fn read(&self) -> Value;
}

/// Blocks with room in them.
#[derive(Debug, Default)]
pub struct Pools {
    counters: Mutex<Option<(Arc<Counters>, usize)>>,
    histograms: Mutex<Option<(Arc<Histograms>, usize)>>,
}

impl Pools {
    pub(super) fn make<M: Handle>(&self) -> M {
        M::make(self)
    }

    pub(super) fn counter(&self) -> Counter {
        let (block, index) = place(&self.counters, COUNTERS, Counters::new);
        Counter::of(&block, index)
    }
}

/// The next place of a block that holds `size`.
fn place<B>(room: &Mutex<Option<(Arc<B>, usize)>>, size: usize, new: fn() -> B) -> (Arc<B>, u32) {
    let mut room = room.lock().unwrap_or_else(PoisonError::into_inner);
    let (block, index) = match room.take() {
        Some((block, next)) if next < size => (block, next),
        _ => (Arc::new(new()), 0),
    };
    *room = Some((Arc::clone(&block), index + 1));
    (block, u32::try_from(index).unwrap_or_default())
}

impl Handle for Counter {
    const KIND: InstrumentKind = InstrumentKind::Counter;
}

impl Made for Counter {
    fn make(pools: &Pools) -> Self {
        pools.counter()
    }

    fn read(&self) -> Value {
        Value::Counter(self.value())
    }
}

impl Handle for Gauge {
    const KIND: InstrumentKind = InstrumentKind::Gauge;
}

impl Made for Gauge {
    fn make(_pools: &Pools) -> Self {
        Self::new()
    }

    fn read(&self) -> Value {
        Value::Gauge(self.value())
    }
}

impl Handle for Histogram {
    const KIND: InstrumentKind = InstrumentKind::Histogram;
}

impl Made for Histogram {
    fn make(pools: &Pools) -> Self {
        let (block, index) = place(&pools.histograms, HISTOGRAMS, Histograms::new);
        Self::of(&block, index)
    }

    fn read(&self) -> Value {
        Value::Histogram(self.snapshot())
    }
}
