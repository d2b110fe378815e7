//! Times as they come: how many, how long in all, and how they are distributed.

use std::time::Duration;

use super::Percentiles;
use crate::ExponentialHistogram;

/// A distribution of times.
#[derive(Debug, Default)]
pub(super) struct Times(ExponentialHistogram);

impl Times {
    pub(super) fn add(&mut self, time: Duration) {
        // Up to 104 days a number of nanoseconds is exact.
        #[expect(
            clippy::cast_precision_loss,
            reason = "a histogram holds floating-point numbers"
        )]
        self.0.record(time.as_nanos() as f64);
    }

    pub(super) fn percentiles(&self) -> Option<Percentiles> {
        Percentiles::of(self.0.count(), |q| {
            let nanos = self.0.quantile(q)?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "not negative, and saturating"
            )]
            Some(Duration::from_nanos(nanos.round() as u64))
        })
    }
}
