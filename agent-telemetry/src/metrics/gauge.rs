//! Values that go up and down.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A handle on a value that goes up and down: a queue's length, a share in use. Clones have the same
/// value.
///
/// It is a floating-point number, so that shares fit; whole numbers are exact up to 2⁵³. What is not
/// finite is ignored: the value stays as it was. Threads share one word, since setting means
/// that the last one wins; adding costs a compare-and-swap.
///
/// ```
/// use agent_telemetry::{Instrument, Metrics};
///
/// let metrics = Metrics::new();
/// let open = metrics.gauge(Instrument::<()>::new("agent.sessions.open", "{session}", []))?.with(());
/// open.set(3.0);
/// open.sub(1.0);
/// assert_eq!(open.value(), 2.0);
/// # Ok::<(), agent_telemetry::MetricsError>(())
/// ```
#[derive(Clone)]
pub struct Gauge(Arc<AtomicU64>);

impl Gauge {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(0_f64.to_bits())))
    }

    /// Replaces the value.
    #[inline]
    pub fn set(&self, value: f64) {
        if value.is_finite() {
            self.0.store(value.to_bits(), Ordering::Relaxed);
        }
    }

    /// Raises the value by `more`.
    pub fn add(&self, more: f64) {
        // Refused where the sum is not finite: that is the update that does nothing.
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bits| {
                let sum = f64::from_bits(bits) + more;
                sum.is_finite().then(|| sum.to_bits())
            });
    }

    /// Lowers the value by `less`.
    pub fn sub(&self, less: f64) {
        self.add(-less);
    }

    /// The value now; 0 until it is set.
    pub fn value(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gauge").field(&self.value()).finish()
    }
}

#[cfg(all(test, not(agent_model)))]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_leaves_the_value() {
        let gauge = Gauge::new();
        gauge.set(1.5);
        gauge.set(f64::NAN);
        gauge.add(f64::INFINITY);
        gauge.sub(f64::NAN);
        assert_eq!(gauge.value().to_bits(), 1.5_f64.to_bits());
        gauge.set(f64::MAX);
        gauge.add(f64::MAX);
        assert_eq!(gauge.value().to_bits(), f64::MAX.to_bits());
    }

    #[test]
    fn additions_of_threads_are_all_there() {
        let gauge = Gauge::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1_000).for_each(|_| gauge.add(1.0)));
            }
        });
        assert_eq!(gauge.value().to_bits(), 4_000_f64.to_bits());
    }
}
