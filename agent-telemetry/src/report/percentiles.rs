//! What a distribution of times comes to.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ExponentialHistogram;

/// Percentiles of a set of times, from a histogram: at most 0.55 % off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Percentiles {
    /// How many times there are.
    pub count: u64,
    /// Half took no longer.
    pub p50: Duration,
    /// 95 of 100 took no longer.
    pub p95: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
}

impl Percentiles {
    /// Of times in seconds; `None` where there is none.
    pub(super) fn of_seconds(histogram: &ExponentialHistogram) -> Option<Self> {
        let at = |q| {
            let seconds = histogram.quantile(q)?;
            // Times beyond 584 000 million years are cut to that.
            Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
        };
        Some(Self {
            count: histogram.count(),
            p50: at(0.5)?,
            p95: at(0.95)?,
            p99: at(0.99)?,
        })
    }
}
