//! What a distribution of times comes to.

use std::time::Duration;

use serde::{Deserialize, Serialize};

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
    /// `None` where there is no time.
    pub(crate) fn of(count: u64, quantile: impl Fn(f64) -> Option<Duration>) -> Option<Self> {
        Some(Self {
            count,
            p50: quantile(0.5)?,
            p95: quantile(0.95)?,
            p99: quantile(0.99)?,
        })
    }
}
