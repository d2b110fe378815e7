//! Intervals and tests for shares, ratios of sums, and many of them at once.
//!
//! Shares: Wilson (1927), as recommended by Newcombe, "Two-sided confidence intervals for the single
//! proportion", Statistics in Medicine 17 (1998), 857–872. Differences of shares: Newcombe, "Interval
//! estimation for the difference between independent proportions", same volume, 873–890, method 10; over
//! several strata with the weights of Mantel and Haenszel (1959), in the way of Yan and Su, "Stratified
//! Wilson and Newcombe confidence intervals for multiple binomial proportions", Statistics in
//! Biopharmaceutical Research 2 (2010), 329–335. Ratios of sums: the delta method on the logarithm with
//! the degrees of freedom of Welch (1947) and Satterthwaite (1946). Many at once: Holm, "A simple
//! sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979), 65–70.

mod central;
mod holm;
mod mean;
mod normal;
mod ratio;
mod share;
mod student;

use serde::{Deserialize, Serialize};

pub(crate) use holm::adjusted;
pub(crate) use mean::Values;
pub(crate) use ratio::{LogRatio, Moments, PerSuccess};
pub(crate) use share::{Difference, Share};

/// The share of cases in which an interval that is shown has the true value in it.
pub(crate) const LEVEL: f64 = 0.95;

/// Two bounds between which the true value lies in 95 of 100 cases.
///
/// ```
/// let interval: agent_telemetry::Interval = serde_json::from_str(r#"{"low":0.7,"high":0.9}"#)?;
/// assert!(interval.contains(0.8) && !interval.contains(1.0));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Interval {
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

impl Interval {
    pub(crate) const fn new(low: f64, high: f64) -> Self {
        Self { low, high }
    }

    /// Whether a value lies in it; both bounds do.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    const fn is_finite(self) -> bool {
        self.low.is_finite() && self.high.is_finite()
    }

    pub(crate) fn map(self, with: impl Fn(f64) -> f64) -> Self {
        Self::new(with(self.low), with(self.high))
    }
}

/// How many times as wide an interval is that holds the truth in 95 of 100 cases together with so many others.
pub(crate) fn widened(among: f64) -> f64 {
    let level = 1.0 - (1.0 - LEVEL) / among.max(1.0);
    normal::deviations(level) / normal::deviations(LEVEL)
}

/// Where an increasing function passes `target`, between two bounds; the nearer bound where it does not.
fn solve(target: f64, (mut low, mut high): (f64, f64), increasing: impl Fn(f64) -> f64) -> f64 {
    // Halved 80 times, no double lies between the bounds any more.
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if increasing(middle) < target {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[expect(clippy::cast_precision_loss, reason = "statistics need no 53 bits")]
fn real(count: u64) -> f64 {
    count as f64
}
