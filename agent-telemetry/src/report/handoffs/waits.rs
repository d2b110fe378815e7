//! Times from handoffs to the beginning of the work, of which most sums have few.

use std::time::Duration;

use crate::ExponentialHistogram;
use crate::report::Percentiles;

/// Times that are kept one by one: a distribution takes some kilobytes.
const FEW: usize = 256;

#[derive(Debug, Clone, Default)]
pub(super) struct Waits {
    few: Vec<u64>,
    many: ExponentialHistogram,
}

impl Waits {
    pub(super) fn add(&mut self, wait: Duration) {
        self.few
            .push(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX));
        if self.few.len() > FEW {
            self.gather();
        }
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        self.few.extend(&other.few);
        if self.few.len() > FEW {
            self.gather();
        }
        if other.many.count() > 0 {
            self.many.merge(&other.many);
        }
    }

    fn gather(&mut self) {
        for nanos in self.few.drain(..) {
            // Up to 104 days a number of nanoseconds is exact.
            #[expect(
                clippy::cast_precision_loss,
                reason = "a histogram holds floating-point numbers"
            )]
            self.many.record(nanos as f64);
        }
    }

    pub(super) fn percentiles(mut self) -> Option<Percentiles> {
        self.gather();
        let wait = |q: f64| {
            let nanos = self.many.quantile(q)?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "not negative, and saturating"
            )]
            Some(Duration::from_nanos(nanos.round() as u64))
        };
        Percentiles::of(self.many.count(), wait)
    }
}
