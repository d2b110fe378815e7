//! What a point added to what was known.

use std::mem;

use crate::otlp::wire::{ExponentialData, HistogramData};

/// What a point added, and in which time. The caller keeps one, which is filled anew for each point.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Added {
    pub(crate) change: Change,
    /// It was added after this time, in nanoseconds since 1970.
    pub(crate) from: u64,
    /// It was added up to this time.
    pub(crate) to: u64,
    /// The first point of its start.
    pub(crate) new_epoch: bool,
    /// The value fell though the start stayed: all of it counts, and what was added right before it fell is not known.
    /// Of a late point: it is above what came later, so that the value fell without being seen to, and more was added
    /// than is counted.
    pub(crate) reset_without_start: bool,
    /// The series has two writers, as the times of its points overlap.
    pub(crate) second_writer: bool,
    /// Time ahead of a delta's interval that no interval has told of yet.
    pub(crate) gap_ns: u64,
    /// Time of gaps told before that this interval fills, as it came late.
    pub(crate) filled_ns: u64,
}

/// An amount by kind of metric.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Change {
    #[default]
    Nothing,
    /// Exact. Negative for sums that may fall.
    Int(i128),
    Double(Running),
    /// Also of a summary, which has no buckets.
    Histogram(Distribution<HistogramData>),
    Exponential(Distribution<ExponentialData>),
}

/// What was added to a distribution.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Distribution<D> {
    /// Of the values added alone. Least and greatest are there where they can be told: in the first window of an epoch,
    /// and where they moved.
    pub(crate) data: D,
    /// The sum before and after, where both are known.
    pub(crate) sum: Option<Running>,
}

/// A running total before and after a change.
///
/// The difference is rounded once. Whoever adds up differences of doubles adds up their roundings; whoever turns totals
/// into whole units with [`units`](Self::units) does not, for those cancel out.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Running {
    pub(crate) before: f64,
    pub(crate) after: f64,
}

impl Running {
    pub(crate) fn difference(self) -> f64 {
        self.after - self.before
    }

    /// The difference in whole units, of which one of the metric's has `per_one`. The sum over any number of changes is
    /// that of the last total, rounded once. `None` where that many units cannot be counted.
    pub(crate) fn units(self, per_one: f64) -> Option<i128> {
        Some(units(self.after, per_one)? - units(self.before, per_one)?)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn units(total: f64, per_one: f64) -> Option<i128> {
    const LIMIT: f64 = 1e36;
    let units = (total * per_one).round();
    (units.abs() <= LIMIT).then_some(units as i128)
}

impl Added {
    /// As if new, with the lists of the last change kept for the next one.
    pub(super) fn clear(&mut self) {
        if !matches!(self.change, Change::Histogram(_) | Change::Exponential(_)) {
            self.change = Change::Nothing;
        }
        (self.from, self.to) = (0, 0);
        (self.gap_ns, self.filled_ns) = (0, 0);
        self.new_epoch = false;
        self.reset_without_start = false;
        self.second_writer = false;
    }
}

impl Change {
    pub(super) fn fill_histogram(&mut self, fill: impl FnOnce(&mut Distribution<HistogramData>)) {
        let mut it = match mem::take(self) {
            Self::Histogram(it) => it,
            _ => Distribution::default(),
        };
        fill(&mut it);
        *self = Self::Histogram(it);
    }

    pub(super) fn fill_exponential(
        &mut self,
        fill: impl FnOnce(&mut Distribution<ExponentialData>),
    ) {
        let mut it = match mem::take(self) {
            Self::Exponential(it) => it,
            _ => Distribution::default(),
        };
        fill(&mut it);
        *self = Self::Exponential(it);
    }
}
