//! Where a figure will lie in 80 of 100 cases.

use agent_primitives::Usd;
use serde::{Deserialize, Serialize};

use super::number::{count, quantiles, usd};

/// What an amount will come to: in 80 of 100 cases between two bounds.
///
/// ```
/// let band: agent_telemetry::CostBand =
///     serde_json::from_str(r#"{"low":"1","middle":"2","high":"4"}"#)?;
/// assert!(band.contains("3".parse()?) && !band.contains("5".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CostBand {
    /// Less than this in 10 of 100 cases.
    pub low: Usd,
    /// As often less as more than this.
    pub middle: Usd,
    /// More than this in 10 of 100 cases.
    pub high: Usd,
}

impl CostBand {
    /// Whether an amount lies in it; both bounds do.
    pub fn contains(&self, amount: Usd) -> bool {
        (self.low..=self.high).contains(&amount)
    }

    /// Of dollars in order, each on top of what was spent already.
    pub(super) fn of(spent: Usd, sorted: &[f64]) -> Option<Self> {
        let [low, middle, high] = quantiles(sorted)?.map(|more| spent + usd(more));
        Some(Self { low, middle, high })
    }
}

/// What a count will come to: in 80 of 100 cases between two bounds.
///
/// ```
/// let band: agent_telemetry::CountBand = serde_json::from_str(r#"{"low":1,"middle":2,"high":4}"#)?;
/// assert!(band.contains(3) && !band.contains(5));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CountBand {
    /// Less than this in 10 of 100 cases.
    pub low: u64,
    /// As often less as more than this.
    pub middle: u64,
    /// More than this in 10 of 100 cases.
    pub high: u64,
}

impl CountBand {
    /// Whether a count lies in it; both bounds do.
    pub fn contains(&self, number: u64) -> bool {
        (self.low..=self.high).contains(&number)
    }

    pub(super) fn of(sorted: &[f64]) -> Option<Self> {
        let [low, middle, high] = quantiles(sorted)?.map(count);
        Some(Self { low, middle, high })
    }
}
