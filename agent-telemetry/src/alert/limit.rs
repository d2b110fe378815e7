//! A value against the limit that fires and the one that ends it.

use super::machine::Level;

/// On which side of the limit a value is too far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Above,
    /// At the limit as well.
    Reached,
    Below,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub(super) side: Side,
    pub(super) fire: f64,
    clear: f64,
}

/// A value, the limit that it was held against, and where it lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) level: Level,
    pub(super) value: Option<f64>,
    pub(super) limit: f64,
}

impl Limit {
    pub(super) fn new(side: Side, fire: f64, clear: Option<f64>) -> Self {
        Self {
            side,
            fire,
            clear: clear.unwrap_or(fire),
        }
    }

    /// Without a value nothing is wrong.
    pub(super) fn read(&self, value: Option<f64>) -> Reading {
        let level = value.map_or(Level::Clear, |value| {
            let is_beyond = |limit: f64| match self.side {
                Side::Above => value > limit,
                Side::Reached => value >= limit,
                Side::Below => value < limit,
            };
            level(is_beyond(self.fire), is_beyond(self.clear))
        });
        Reading {
            level,
            value,
            limit: self.fire,
        }
    }
}

/// A share in trillionths: sums of floats are not what they look like, and 10 of 100 are not more than 1 - 0.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Portion(i128);

const TRILLION: i128 = 1_000_000_000_000;

impl Portion {
    #[expect(clippy::cast_possible_truncation, reason = "casts of floats saturate")]
    pub(super) fn of(share: f64) -> Self {
        // What allows something allows a trillionth.
        Self(((share * 1e12).round() as i128).max(i128::from(share > 0.0)))
    }

    /// Whether so many of all are more than this share of them.
    pub(super) fn is_exceeded(self, some: u64, all: u64) -> bool {
        let some = i128::from(some).saturating_mul(TRILLION);
        some > self.0.saturating_mul(i128::from(all))
    }

    pub(super) const fn share(self) -> f64 {
        float(self.0) / 1e12
    }
}

pub(super) const fn level(is_over: bool, is_near: bool) -> Level {
    match (is_over, is_near) {
        (true, _) => Level::Over,
        (false, true) => Level::Near,
        (false, false) => Level::Clear,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a figure to look at, and shares of counts that are far below 2^53"
)]
pub(super) const fn float(number: i128) -> f64 {
    number as f64
}
