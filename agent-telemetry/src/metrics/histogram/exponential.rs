//! A distribution as data: recorded into, merged, subtracted, asked for quantiles.

use serde::{Deserialize, Serialize};

use super::bytes::{InvalidHistogram, Reason};
use super::index::{self, BUCKETS, FIRST_INDEX, Outside, SCALE, ZERO_THRESHOLD};

/// A distribution of values that are not negative, in the buckets of an OpenTelemetry exponential
/// histogram of scale 6. The fields of that data point are its methods, without loss.
///
/// Quantiles are off by at most 0.55 % of their value. It takes 8 bytes for each bucket between the least
/// and the greatest value: 512 for each doubling, 48 KiB at most. Merging is commutative and associative
/// in all but the last bits of the sum, which is a floating-point number. JSON has the fields of the data
/// point; `serde_json` reads its numbers exactly with its feature `float_roundtrip` only, while
/// [`to_bytes`](Self::to_bytes) is exact.
///
/// ```
/// use agent_telemetry::ExponentialHistogram;
///
/// let mut morning = ExponentialHistogram::new();
/// for latency in [0.8, 1.1, 1.3] {
///     morning.record(latency);
/// }
/// let mut day = morning.clone();
/// day.record(40.0);
/// assert_eq!((day.count(), day.min(), day.max()), (4, Some(0.8), Some(40.0)));
/// assert!((day.quantile(0.5).unwrap() / 1.1 - 1.0).abs() < 0.0055);
///
/// let afternoon = day.since(&morning).unwrap();
/// assert_eq!(afternoon.count(), 1);
/// morning.merge(&afternoon);
/// assert_eq!(morning.bucket_counts(), day.bucket_counts());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(into = "Wire", try_from = "Wire")]
pub struct ExponentialHistogram {
    /// The bucket of the first of `counts`.
    pub(super) first: usize,
    /// Neither begins nor ends with 0.
    pub(super) counts: Vec<u64>,
    pub(super) zero: u64,
    pub(super) clamped: u64,
    pub(super) refused: u64,
    /// Of all values.
    count: u64,
    pub(super) sum: f64,
    /// The least and the greatest value; nothing where there is none, or where it is not known.
    pub(super) range: Option<(f64, f64)>,
}

impl ExponentialHistogram {
    /// Without values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records one value.
    pub fn record(&mut self, value: f64) {
        self.record_many(value, 1);
    }

    /// Records one value as if it had come `times` times.
    pub fn record_many(&mut self, value: f64, times: u64) {
        if times == 0 {
            return;
        }
        match index::bucket(value) {
            Some(bucket) => self.add(bucket, times),
            None => match index::outside(value) {
                Outside::Refused => {
                    self.refused = self.refused.saturating_add(times);
                    return;
                }
                Outside::Zero => {
                    self.zero = self.zero.saturating_add(times);
                    self.count = self.count.saturating_add(times);
                }
                Outside::Above => {
                    self.clamped = self.clamped.saturating_add(times);
                    self.add(BUCKETS - 1, times);
                }
            },
        }
        // Exact below 2⁵³ times, like the sum itself.
        #[expect(
            clippy::cast_precision_loss,
            reason = "the sum is a floating-point number"
        )]
        let sum = value * times as f64;
        let first = self.count == times;
        let range = self
            .range
            .map(|(min, max)| (value.min(min), value.max(max)));
        self.range = if first { Some((value, value)) } else { range };
        self.sum = finite(self.sum + sum);
    }

    /// The counts that belong to no single bucket.
    pub(super) fn counted(zero: u64, clamped: u64, refused: u64) -> Self {
        Self {
            zero,
            clamped,
            refused,
            count: zero,
            ..Self::default()
        }
    }

    /// Adds counts that belong to no single bucket.
    pub(super) fn add_unplaced(&mut self, zero: u64, clamped: u64, refused: u64) {
        self.zero = self.zero.saturating_add(zero);
        self.clamped = self.clamped.saturating_add(clamped);
        self.refused = self.refused.saturating_add(refused);
        self.count = self.count.saturating_add(zero);
    }

    /// Adds what is known of `count` values themselves to what is known of `before`.
    pub(super) fn add_measured(
        &mut self,
        before: u64,
        count: u64,
        sum: f64,
        range: Option<(f64, f64)>,
    ) {
        self.range = match (before, count) {
            (_, 0) => self.range,
            (0, _) => range,
            _ => self
                .range
                .zip(range)
                .map(|(own, other)| (own.0.min(other.0), own.1.max(other.1))),
        };
        self.sum = finite(self.sum + sum);
    }

    /// The first bucket that has a place, and the places, to be added to; what was added goes to
    /// [`add_placed`](Self::add_placed) as well.
    pub(super) fn places(&mut self) -> (usize, &mut [u64]) {
        (self.first, &mut self.counts)
    }

    pub(super) fn add_placed(&mut self, count: u64) {
        self.count = self.count.saturating_add(count);
    }

    /// Adds `count` values to `bucket`.
    #[inline]
    pub(super) fn add(&mut self, bucket: usize, count: u64) {
        // The bucket has a place already but for the first times.
        let at = bucket.wrapping_sub(self.first);
        match self.counts.get_mut(at) {
            // The first and the last place are never empty.
            Some(place) if count > 0 => {
                *place = place.saturating_add(count);
                self.count = self.count.saturating_add(count);
            }
            _ => self.add_outside(bucket, count),
        }
    }

    fn add_outside(&mut self, bucket: usize, count: u64) {
        if count == 0 || bucket >= BUCKETS {
            return;
        }
        if self.counts.is_empty() {
            self.first = bucket;
        } else if bucket < self.first {
            let missing = self.first - bucket;
            self.counts.splice(..0, std::iter::repeat_n(0, missing));
            self.first = bucket;
        }
        let at = bucket - self.first;
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        if let Some(place) = self.counts.get_mut(at) {
            *place = place.saturating_add(count);
        }
        self.count = self.count.saturating_add(count);
    }

    /// Sets what is known of the values themselves. A least above the greatest is not known.
    pub(super) fn measured(&mut self, sum: f64, least: f64, greatest: f64) {
        self.sum = finite(sum);
        self.range = (self.count > 0 && least <= greatest).then_some((least, greatest));
    }

    /// Adds all that `other` has.
    pub fn merge(&mut self, other: &Self) {
        self.add_measured(self.count, other.count, other.sum, other.range);
        self.add_unplaced(other.zero, other.clamped, other.refused);
        // The last first, so that there is at most one move and one growth.
        for (at, &count) in other.counts.iter().enumerate().rev() {
            self.add(other.first + at, count);
        }
    }

    /// What was recorded after `earlier`, an older state of the same distribution. Its least and greatest
    /// value are not known, unless `earlier` is empty. `None` where a count is lower than in
    /// `earlier`: then it is not an older state, since counting began anew in between.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Option<Self> {
        let zero = self.zero.checked_sub(earlier.zero)?;
        let clamped = self.clamped.checked_sub(earlier.clamped)?;
        let refused = self.refused.checked_sub(earlier.refused)?;
        let mut since = Self::counted(zero, clamped, refused);
        let end = earlier.first + earlier.counts.len();
        if !earlier.counts.is_empty()
            && (earlier.first < self.first || end > self.first + self.counts.len())
        {
            return None;
        }
        for (bucket, &count) in (self.first..).zip(&self.counts) {
            let before = bucket.checked_sub(earlier.first);
            let before = before.and_then(|at| earlier.counts.get(at)).copied();
            since.add(bucket, count.checked_sub(before.unwrap_or(0))?);
        }
        if earlier.count == 0 {
            since.range = self.range;
        }
        if since.count > 0 {
            // Rounding may leave a little less than nothing.
            since.sum = finite(self.sum - earlier.sum).max(0.0);
        }
        Some(since)
    }

    /// The value that the share `q` of all values does not exceed: 0.5 for the median. It is off by at
    /// most 0.55 % of the value that sorting would find there, the one with the rank `q × count`,
    /// rounded up. `None` without values, and for a `q` outside of 0 to 1.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        if self.count == 0 || !(0.0..=1.0).contains(&q) {
            return None;
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "beyond 2⁵³ values the rank is not exact; it lies between 1 and the count"
        )]
        let rank = ((q * self.count as f64).ceil() as u64).clamp(1, self.count);
        let edge = |edge: fn(&(f64, f64)) -> f64| self.range.as_ref().map(edge);
        let known = match rank {
            1 => edge(|range| range.0),
            last if last == self.count => edge(|range| range.1),
            _ => None,
        };
        known.or_else(|| self.of_rank(rank))
    }

    fn of_rank(&self, rank: u64) -> Option<f64> {
        let mut left = match rank.checked_sub(self.zero) {
            None | Some(0) => return Some(0.0),
            Some(left) => left,
        };
        for (bucket, &count) in (self.first..).zip(&self.counts) {
            if count >= left {
                let middle = index::middle(bucket);
                let (min, max) = self.range.unwrap_or((middle, middle));
                return Some(middle.max(min).min(max));
            }
            left -= count;
        }
        self.range.map(|range| range.1)
    }

    /// How many values, refused ones not among them.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The sum of all values; at most `f64::MAX`.
    pub const fn sum(&self) -> f64 {
        self.sum
    }

    /// The least value, if there is one and it is known.
    pub fn min(&self) -> Option<f64> {
        self.range.map(|range| range.0)
    }

    /// The greatest value, if there is one and it is known.
    pub fn max(&self) -> Option<f64> {
        self.range.map(|range| range.1)
    }

    /// The scale: buckets grow by the factor 2^(2^-scale). It is 6.
    pub const fn scale(&self) -> i32 {
        SCALE
    }

    /// The index of the first of [`bucket_counts`](Self::bucket_counts): bucket `i` is above
    /// 2^(`i`/64) and up to 2^((`i`+1)/64).
    pub fn offset(&self) -> i32 {
        FIRST_INDEX.saturating_add(i32::try_from(self.first).unwrap_or(0))
    }

    /// The counts of the buckets from the one at [`offset`](Self::offset) on.
    pub fn bucket_counts(&self) -> &[u64] {
        &self.counts
    }

    /// Values that are zero or not above [`zero_threshold`](Self::zero_threshold).
    pub const fn zero_count(&self) -> u64 {
        self.zero
    }

    /// What is not above it counts as zero: 2⁻³².
    pub const fn zero_threshold(&self) -> f64 {
        ZERO_THRESHOLD
    }

    /// Values above 2⁶⁴, which count in the last bucket.
    pub const fn clamped(&self) -> u64 {
        self.clamped
    }

    /// What was to be recorded but is negative, infinite or not a number. It is in no count and no sum.
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// Checks what comes from outside.
    pub(super) fn checked(self) -> Result<Self, Reason> {
        let counts = self
            .counts
            .iter()
            .try_fold(self.zero, |sum, &count| sum.checked_add(count));
        let last = BUCKETS - 1;
        let in_last = last
            .checked_sub(self.first)
            .and_then(|at| self.counts.get(at));
        let at_end = |end: Option<&u64>| end.is_some_and(|&count| count == 0);
        if counts.is_none() {
            return Err(Reason::Counts);
        }
        if self.counts.len() > BUCKETS.saturating_sub(self.first)
            || at_end(self.counts.first())
            || at_end(self.counts.last())
            || self.clamped > in_last.copied().unwrap_or(0)
        {
            return Err(Reason::Buckets);
        }
        let count = counts.unwrap_or_default();
        if are_measured(count, self.sum, self.range) {
            Ok(Self { count, ..self })
        } else {
            Err(Reason::Values)
        }
    }
}

/// Whether so many values can have this sum, least and greatest one.
pub(super) fn are_measured(count: u64, sum: f64, range: Option<(f64, f64)>) -> bool {
    let positive = |value: f64| value.is_finite() && value >= 0.0;
    let range =
        range.is_none_or(|(min, max)| count > 0 && positive(min) && positive(max) && min <= max);
    range && positive(sum) && (count > 0 || sum == 0.0)
}

fn finite(sum: f64) -> f64 {
    sum.min(f64::MAX)
}

/// As it is in JSON: the names are those of OpenTelemetry's data point.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    scale: i32,
    zero_threshold: f64,
    zero_count: u64,
    offset: i32,
    bucket_counts: Vec<u64>,
    sum: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
    #[serde(default, skip_serializing_if = "none")]
    clamped: u64,
    #[serde(default, skip_serializing_if = "none")]
    refused: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn none(count: &u64) -> bool {
    *count == 0
}

impl From<ExponentialHistogram> for Wire {
    fn from(all: ExponentialHistogram) -> Self {
        Self {
            scale: all.scale(),
            zero_threshold: all.zero_threshold(),
            zero_count: all.zero,
            offset: all.offset(),
            sum: all.sum,
            min: all.min(),
            max: all.max(),
            clamped: all.clamped,
            refused: all.refused,
            bucket_counts: all.counts,
        }
    }
}

impl TryFrom<Wire> for ExponentialHistogram {
    type Error = InvalidHistogram;

    fn try_from(wire: Wire) -> Result<Self, InvalidHistogram> {
        let invalid = |reason| InvalidHistogram::new(reason);
        if wire.scale != SCALE || wire.zero_threshold.to_bits() != ZERO_THRESHOLD.to_bits() {
            return Err(invalid(Reason::Scale));
        }
        let first = i64::from(wire.offset) - i64::from(FIRST_INDEX);
        let first = usize::try_from(first).map_err(|_| invalid(Reason::Buckets))?;
        if wire.min.is_some() != wire.max.is_some() {
            return Err(invalid(Reason::Values));
        }
        let all = Self {
            first: if wire.bucket_counts.is_empty() {
                0
            } else {
                first
            },
            counts: wire.bucket_counts,
            zero: wire.zero_count,
            clamped: wire.clamped,
            refused: wire.refused,
            count: 0,
            sum: wire.sum,
            range: wire.min.zip(wire.max),
        };
        all.checked().map_err(invalid)
    }
}
