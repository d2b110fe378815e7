//! The last value of a cumulative stream, and what a later one adds to it.

use std::cmp::Ordering;

use super::exponential;
use super::{Change, Distribution, Running};
use crate::otlp::wire::{ExponentialData, HistogramData, Number, PointData};

/// The last value of a stream.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Last {
    Number(Number),
    Histogram(Box<HistogramData>),
    Exponential(Box<ExponentialData>),
    Summary { count: u64, sum: f64 },
}

/// How a value follows the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Grew,
    Same,
    /// It fell where it must not: it began anew, and all of it is new.
    Reset,
    /// It is of another kind.
    Mismatch,
}

impl Last {
    pub(super) fn new(data: &PointData) -> Option<Self> {
        Some(match data {
            PointData::Missing => return None,
            PointData::Number(it) => Self::Number(*it),
            PointData::Histogram(it) => Self::Histogram(Box::new(it.clone())),
            PointData::Exponential(it) => Self::Exponential(Box::new(it.clone())),
            PointData::Summary { count, sum } => Self::Summary {
                count: *count,
                sum: *sum,
            },
        })
    }

    /// Whether `data` is the same value.
    pub(super) fn is(&self, data: &PointData) -> bool {
        match (self, data) {
            (Self::Number(it), PointData::Number(data)) => it == data,
            (Self::Histogram(it), PointData::Histogram(data)) => **it == *data,
            (Self::Exponential(it), PointData::Exponential(data)) => **it == *data,
            (
                Self::Summary { count, sum },
                PointData::Summary {
                    count: new_count,
                    sum: new_sum,
                },
            ) => count == new_count && sum.total_cmp(new_sum).is_eq(),
            _ => false,
        }
    }

    /// Whether `data` is more than this.
    pub(super) fn is_below(&self, data: &PointData) -> bool {
        match (self, data) {
            (Self::Number(Number::Int(it)), PointData::Number(Number::Int(data))) => it < data,
            (Self::Number(it), PointData::Number(data)) => double(*it) < double(*data),
            (Self::Histogram(it), PointData::Histogram(data)) => it.count < data.count,
            (Self::Exponential(it), PointData::Exponential(data)) => it.count < data.count,
            (Self::Summary { count: it, .. }, PointData::Summary { count, .. }) => it < count,
            _ => false,
        }
    }

    /// Goes on to `data`, and says in `change` what that adds.
    pub(super) fn advance(
        &mut self,
        data: &PointData,
        monotonic: bool,
        change: &mut Change,
    ) -> Step {
        match (self, data) {
            (Self::Number(last), PointData::Number(new)) => {
                let step = number(*last, *new, monotonic, change);
                *last = *new;
                step
            }
            (Self::Histogram(last), PointData::Histogram(new)) => {
                let step = histogram(last, new, change);
                copy_histogram(last, new);
                step
            }
            (Self::Exponential(last), PointData::Exponential(new)) => {
                let step = exponential::grow(last, new, change);
                exponential::copy(last, new);
                step
            }
            (
                Self::Summary { count, sum },
                PointData::Summary {
                    count: new_count,
                    sum: new_sum,
                },
            ) => {
                let step = summary((*count, *sum), (*new_count, *new_sum), change);
                (*count, *sum) = (*new_count, *new_sum);
                step
            }
            _ => Step::Mismatch,
        }
    }
}

/// All of `data` is new.
pub(super) fn whole(data: &PointData, change: &mut Change) -> Step {
    match data {
        PointData::Missing => Step::Mismatch,
        PointData::Number(Number::Int(it)) => {
            *change = Change::Int(i128::from(*it));
            grew(*it != 0)
        }
        PointData::Number(Number::Double(after)) => {
            let before = 0.0;
            *change = Change::Double(Running {
                before,
                after: *after,
            });
            grew(after.abs() > before)
        }
        PointData::Histogram(new) => {
            whole_histogram(new, change);
            grew(new.count > 0)
        }
        PointData::Exponential(new) => {
            exponential::whole(new, change);
            grew(new.count > 0)
        }
        PointData::Summary { count, sum } => {
            change.fill_histogram(|it| fill_summary(it, *count, 0.0, *sum));
            grew(*count > 0)
        }
    }
}

fn whole_histogram(new: &HistogramData, change: &mut Change) {
    change.fill_histogram(|it| {
        copy_histogram(&mut it.data, new);
        it.sum = since_zero(new.sum);
    });
}

pub(super) fn grew(grew: bool) -> Step {
    if grew { Step::Grew } else { Step::Same }
}

pub(super) fn since_zero(sum: Option<f64>) -> Option<Running> {
    sum.map(|after| Running { before: 0.0, after })
}

/// What the sum grew by, where it is told both times.
pub(super) fn between(before: Option<f64>, after: Option<f64>) -> Option<Running> {
    let (before, after) = (before?, after?);
    Some(Running { before, after })
}

fn number(last: Number, new: Number, monotonic: bool, change: &mut Change) -> Step {
    let (order, difference) = if let (Number::Int(before), Number::Int(after)) = (last, new) {
        let difference = i128::from(after) - i128::from(before);
        (after.cmp(&before), Change::Int(difference))
    } else {
        // Writers may change from one to the other.
        let (before, after) = (double(last), double(new));
        let order = after.partial_cmp(&before).unwrap_or(Ordering::Equal);
        (order, Change::Double(Running { before, after }))
    };
    if order == Ordering::Less && monotonic {
        whole(&PointData::Number(new), change);
        return Step::Reset;
    }
    *change = difference;
    grew(order != Ordering::Equal)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the other one is a double already"
)]
fn double(number: Number) -> f64 {
    match number {
        Number::Int(it) => it as f64,
        Number::Double(it) => it,
    }
}

fn summary(last: (u64, f64), new: (u64, f64), change: &mut Change) -> Step {
    let Some(count) = new.0.checked_sub(last.0) else {
        change.fill_histogram(|it| fill_summary(it, new.0, 0.0, new.1));
        return Step::Reset;
    };
    change.fill_histogram(|it| fill_summary(it, count, last.1, new.1));
    grew(count > 0)
}

fn fill_summary(it: &mut Distribution<HistogramData>, count: u64, before: f64, after: f64) {
    let sum = Running { before, after };
    copy_histogram(&mut it.data, &HistogramData::default());
    it.data.count = count;
    it.data.sum = Some(sum.difference());
    it.sum = Some(sum);
}

fn histogram(last: &HistogramData, new: &HistogramData, change: &mut Change) -> Step {
    let mut is_subset = last.count <= new.count && same_bounds(&last.bounds, &new.bounds);
    is_subset &= last.buckets.len() == new.buckets.len();
    let mut pairs = last.buckets.iter().zip(&new.buckets);
    is_subset &= pairs.all(|(before, after)| before <= after);
    if !is_subset {
        whole_histogram(new, change);
        return Step::Reset;
    }
    change.fill_histogram(|it| {
        copy_histogram(&mut it.data, new);
        it.data.count = new.count - last.count;
        for (count, before) in it.data.buckets.iter_mut().zip(&last.buckets) {
            *count -= before;
        }
        it.sum = between(last.sum, new.sum);
        it.data.sum = it.sum.map(Running::difference);
        it.data.min = moved(last.min, new.min, Ordering::Less);
        it.data.max = moved(last.max, new.max, Ordering::Greater);
    });
    grew(new.count > last.count)
}

fn same_bounds(before: &[f64], after: &[f64]) -> bool {
    before.len() == after.len()
        && before
            .iter()
            .zip(after)
            .all(|(a, b)| a.total_cmp(b).is_eq())
}

/// The least or greatest value, where it is of the window: it moved in it.
pub(super) fn moved(before: Option<f64>, after: Option<f64>, way: Ordering) -> Option<f64> {
    let is_moved = |after: &f64| before.is_some_and(|it| after.partial_cmp(&it) == Some(way));
    after.filter(is_moved)
}

/// Into lists that have room already.
fn copy_histogram(to: &mut HistogramData, from: &HistogramData) {
    to.count = from.count;
    to.sum = from.sum;
    to.min = from.min.filter(|it| !it.is_nan());
    to.max = from.max.filter(|it| !it.is_nan());
    to.bounds.clone_from(&from.bounds);
    to.buckets.clone_from(&from.buckets);
}
