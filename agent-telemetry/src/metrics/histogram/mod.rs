//! Distributions that threads record into without meeting each other.

mod bytes;
mod exponential;
mod index;
mod lane;

pub use bytes::InvalidHistogram;
pub use exponential::ExponentialHistogram;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::lanes::Lanes;
use lane::Cells;

/// Histograms of a block.
pub(super) const HISTOGRAMS: usize = 4;

/// Aligned to two cache lines, since processors fetch them in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Lane([Cells; HISTOGRAMS]);

impl Lane {
    fn new() -> Self {
        Self(std::array::from_fn(|_| Cells::new()))
    }
}

/// A few histograms, so that a thread's part of them is one allocation.
#[derive(Debug)]
pub(super) struct Histograms(Lanes<Lane>);

impl Histograms {
    pub(super) fn new() -> Self {
        Self(Lanes::new())
    }
}

/// A handle on a distribution of values that are not negative: durations, sizes, tokens. Clones
/// record into the same one.
///
/// Quantiles are off by at most 0.55 % of their value, since the buckets are those of an OpenTelemetry
/// exponential histogram of scale 6, from 2⁻³² to 2⁶⁴: nanoseconds in seconds, and every `u64`. What is
/// smaller counts as zero; what is larger counts in the last bucket and in
/// [`clamped`](ExponentialHistogram::clamped), its sum and maximum being right; what is negative, infinite or not
/// a number is refused and counted.
///
/// Each thread records into buckets of its own, as for a [`Counter`](crate::Counter). They take 256
/// bytes for each doubling in which there are values, for each thread.
///
/// ```
/// use std::time::Duration;
/// use agent_telemetry::{Instrument, Metrics};
///
/// let metrics = Metrics::new();
/// let latency = metrics.histogram(Instrument::<()>::new("agent.latency", "s", []))?.with(());
/// for millis in 1..=1_000 {
///     latency.record_duration(Duration::from_millis(millis));
/// }
/// let p99 = latency.snapshot().quantile(0.99).unwrap();
/// assert!((p99 / 0.990 - 1.0).abs() < 0.0055);
/// # Ok::<(), agent_telemetry::MetricsError>(())
/// ```
#[derive(Clone)]
pub struct Histogram {
    block: Arc<Histograms>,
    index: u32,
}

impl Histogram {
    pub(super) fn of(block: &Arc<Histograms>, index: u32) -> Self {
        Self {
            block: Arc::clone(block),
            index,
        }
    }

    /// Records one value.
    #[inline]
    pub fn record(&self, value: f64) {
        let Some((lane, slot)) = self.block.0.own(Lane::new) else {
            return;
        };
        let Some(cells) = lane.0.get(self.index as usize % HISTOGRAMS) else {
            return;
        };
        if slot.is_owned() {
            cells.record(value);
        } else {
            cells.record_shared(value);
        }
    }

    /// Records a time, in seconds.
    #[inline]
    pub fn record_duration(&self, elapsed: Duration) {
        self.record(elapsed.as_secs_f64());
    }

    /// What was recorded so far. It has every value that was recorded before this call; of those at the
    /// same time some or none, and the sum may have one that the counts have not, or the other way round.
    pub fn snapshot(&self) -> ExponentialHistogram {
        let mut all = ExponentialHistogram::new();
        for lane in self.block.0.all() {
            if let Some(cells) = lane.0.get(self.index as usize) {
                cells.add_to(&mut all);
            }
        }
        all
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.snapshot();
        f.debug_struct("Histogram")
            .field("count", &all.count())
            .field("sum", &all.sum())
            .finish()
    }
}
