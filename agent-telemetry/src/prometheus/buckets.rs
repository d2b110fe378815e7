//! The classic buckets of an exponential histogram: bounds that it has itself, so that their counts are exact.

use crate::ExponentialHistogram;

/// Indices of buckets that make a doubling, at scale 6.
const STEPS: i32 = 64;

/// Which upper bounds are shown; the same on every page, whatever was measured.
#[derive(Debug)]
pub(super) struct Bounds {
    /// The first index that lies above each bound, and the bound as text, ascending.
    ends: Vec<(i32, String)>,
}

impl Bounds {
    /// Bounds from 2^`from` to 2^`to` over `divisor`, `per_doubling` of them in each doubling: 1 to 64, rounded down to a
    /// power of two.
    pub(super) fn new(from: i32, to: i32, per_doubling: u8, divisor: f64) -> Self {
        let per_doubling = i32::from(per_doubling).clamp(1, STEPS);
        let step = STEPS >> per_doubling.ilog2();
        let ends = (from.saturating_mul(STEPS)..=to.saturating_mul(STEPS))
            .step_by(usize::try_from(step).unwrap_or(1));
        let bound =
            |end: i32| format!("{:?}", (f64::from(end) / f64::from(STEPS)).exp2() / divisor);
        Self {
            ends: ends.map(|end| (end, bound(end))).collect(),
        }
    }

    /// Where the values of a unit usually lie, in powers of two.
    pub(super) fn of_unit(unit: &str, per_doubling: u8) -> Self {
        let (from, to) = match unit {
            // A millisecond to seventeen minutes.
            "s" => (-10, 10),
            "ms" => (0, 20),
            "us" => (0, 30),
            "ns" => (10, 40),
            // 64 bytes to 16 GiB.
            "By" => (6, 34),
            "1" => (-10, 4),
            _ if unit.starts_with('{') => (0, 24),
            _ => (-10, 24),
        };
        Self::new(from, to, per_doubling, 1.0)
    }

    /// Nanoseconds shown as seconds: from 1.05 ms to 1 100 s.
    pub(super) fn of_nanoseconds(per_doubling: u8) -> Self {
        Self::new(20, 40, per_doubling, 1e9)
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Each bound as text, and how many values it has below or at it.
    pub(super) fn cumulative<'a>(
        &'a self,
        values: &'a ExponentialHistogram,
    ) -> impl Iterator<Item = (&'a str, u64)> {
        let mut counts = (values.offset()..).zip(values.bucket_counts()).peekable();
        let mut below = values.zero_count();
        self.ends.iter().map(move |(end, bound)| {
            while let Some((_, count)) = counts.next_if(|(index, _)| index < end) {
                below = below.saturating_add(*count);
            }
            (bound.as_str(), below)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_on_a_bound_counts_below_it_and_the_next_one_above() {
        let mut values = ExponentialHistogram::new();
        for value in [0.0, 1.0, 1.000_001, 2.0, 4.0, 1e9] {
            values.record(value);
        }
        let bounds = Bounds::new(-1, 2, 1, 1.0);
        let shown: Vec<_> = bounds.cumulative(&values).collect();
        assert_eq!(shown, [("0.5", 1), ("1.0", 2), ("2.0", 4), ("4.0", 5)]);
    }

    #[test]
    fn bounds_of_a_doubling_are_as_many_as_asked_for() {
        for (asked, count) in [
            (0, 11),
            (1, 11),
            (2, 21),
            (3, 21),
            (8, 81),
            (64, 641),
            (255, 641),
        ] {
            assert_eq!(Bounds::new(0, 10, asked, 1.0).ends.len(), count, "{asked}");
        }
        let nanos = Bounds::of_nanoseconds(1);
        assert_eq!(nanos.ends.first().unwrap().1, "0.001048576");
        assert_eq!(nanos.ends.len(), 21);
    }
}
