//! Which points can be counted.

use super::Rejected;
use crate::otlp::wire::{
    ExponentialData, HistogramData, Number, Point, PointData, Shape, Temporality,
};

/// Most buckets of a histogram, and of either side of an exponential one. SDKs have 160 unless told otherwise.
pub(super) const BUCKETS_MAX: usize = 1_024;

/// How the points of a shape are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Gauge,
    Cumulative { monotonic: bool },
    Delta,
}

/// What `shape` says of its points.
pub(super) fn reading(shape: Shape) -> Result<Reading, Rejected> {
    let (temporality, monotonic) = match shape {
        Shape::Unknown => return Err(Rejected::UnknownShape),
        Shape::Gauge => return Ok(Reading::Gauge),
        Shape::Sum {
            temporality,
            monotonic,
        } => (temporality, monotonic),
        Shape::Histogram(temporality) | Shape::ExponentialHistogram(temporality) => {
            (temporality, true)
        }
        Shape::Summary => (Temporality::Cumulative, true),
    };
    match temporality {
        Temporality::Unspecified => Err(Rejected::UnspecifiedTemporality),
        Temporality::Delta => Ok(Reading::Delta),
        Temporality::Cumulative => Ok(Reading::Cumulative { monotonic }),
    }
}

/// Whether `point` can be counted as one of `shape`.
pub(super) fn check(shape: Shape, point: &Point) -> Result<(), Rejected> {
    match (shape, &point.data) {
        (_, PointData::Missing) => return Err(Rejected::EmptyPoint),
        // A gauge without a time is of when it came.
        (Shape::Gauge, PointData::Number(number)) => return finite(*number),
        (Shape::Sum { monotonic, .. }, PointData::Number(number)) => {
            finite(*number)?;
            if monotonic && is_negative(*number) {
                return Err(Rejected::NegativeMonotonic);
            }
        }
        (Shape::Histogram(_), PointData::Histogram(data)) => histogram(data)?,
        (Shape::ExponentialHistogram(_), PointData::Exponential(data)) => exponential(data)?,
        (Shape::Summary, PointData::Summary { sum, .. }) => finite(Number::Double(*sum))?,
        _ => return Err(Rejected::WrongKind),
    }
    if point.time == 0 {
        return Err(Rejected::NoTime);
    }
    if point.time < point.start {
        return Err(Rejected::TimeBeforeStart);
    }
    Ok(())
}

fn finite(number: Number) -> Result<(), Rejected> {
    match number {
        Number::Double(it) if it.is_nan() => Err(Rejected::NotANumber),
        Number::Double(it) if it.is_infinite() => Err(Rejected::Infinite),
        _ => Ok(()),
    }
}

fn is_negative(number: Number) -> bool {
    match number {
        Number::Int(it) => it < 0,
        Number::Double(it) => it < 0.0,
    }
}

pub(super) fn histogram(data: &HistogramData) -> Result<(), Rejected> {
    data.sum.map_or(Ok(()), |sum| finite(Number::Double(sum)))?;
    if data.buckets.len() > BUCKETS_MAX || data.bounds.len() >= BUCKETS_MAX {
        return Err(Rejected::TooManyBuckets);
    }
    let is_rising = data.bounds.is_sorted_by(|a, b| a < b);
    let is_number = data.bounds.iter().all(|bound| !bound.is_nan());
    // Without any bucket only count and sum were sent.
    let is_bare = data.buckets.is_empty() && data.bounds.is_empty();
    let matches =
        data.buckets.len() == data.bounds.len() + 1 && total([&data.buckets]) == Some(data.count);
    if is_rising && is_number && (is_bare || matches) {
        Ok(())
    } else {
        Err(Rejected::BucketMismatch)
    }
}

pub(super) fn exponential(data: &ExponentialData) -> Result<(), Rejected> {
    data.sum.map_or(Ok(()), |sum| finite(Number::Double(sum)))?;
    finite(Number::Double(data.zero_threshold))?;
    if data.positive.len().max(data.negative.len()) > BUCKETS_MAX {
        return Err(Rejected::TooManyBuckets);
    }
    let counted = total([&data.positive, &data.negative])
        .and_then(|total| total.checked_add(data.zero_count));
    let is_in_range = is_in_range(data.scale, data.positive_offset, &data.positive)
        && is_in_range(data.scale, data.negative_offset, &data.negative);
    if is_in_range && data.zero_threshold >= 0.0 && counted == Some(data.count) {
        Ok(())
    } else {
        Err(Rejected::BucketMismatch)
    }
}

fn total<const N: usize>(lists: [&Vec<u64>; N]) -> Option<u64> {
    let mut counts = lists.into_iter().flatten();
    counts.try_fold(0_u64, |sum, count| sum.checked_add(*count))
}

/// Whether all buckets that hold something are of values that a double can be.
fn is_in_range(scale: i32, offset: i32, buckets: &[u64]) -> bool {
    // Scales of SDKs; with others either all values are one bucket, or doubles cannot tell buckets apart.
    const SCALES: std::ops::RangeInclusive<i32> = -10..=20;
    const LEAST: i64 = -1_075;
    const GREATEST: i64 = 1_024;
    if !SCALES.contains(&scale) {
        return false;
    }
    let limit = |exponent: i64| match u32::try_from(scale) {
        Ok(scale) => exponent << scale,
        // Down, as the exponents of buckets are.
        Err(_) => exponent >> scale.unsigned_abs(),
    };
    (i64::from(offset)..)
        .zip(buckets)
        .filter(|(_, count)| **count > 0)
        .all(|(index, _)| (limit(LEAST)..limit(GREATEST)).contains(&index))
}
