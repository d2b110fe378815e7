//! The mean of values that come one by one, and how sure it is.

use super::{Interval, LEVEL, real, student};

/// Values so far: their number, mean and spread, after Welford, "Note on a method for calculating corrected
/// sums of squares and products", Technometrics 4 (1962), 419–420.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Values {
    pub(crate) count: u64,
    mean: f64,
    /// The sum of the squares of the distances from the mean.
    squares: f64,
    min: f64,
    max: f64,
}

impl Values {
    /// One more, which is finite.
    pub(crate) fn add(&mut self, value: f64) {
        self.count = self.count.saturating_add(1);
        if self.count == 1 {
            (self.mean, self.min, self.max) = (value, value, value);
            return;
        }
        let before = value - self.mean;
        // In two parts, since the distance of two finite values may be infinite.
        let n = real(self.count);
        self.mean += value / n - self.mean / n;
        self.squares += before * (value - self.mean);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// The arithmetic mean, between the lowest and the highest; `None` of nothing.
    pub(crate) fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.mean.clamp(self.min, self.max))
    }

    /// The lowest and the highest; `None` of nothing.
    pub(crate) fn range(&self) -> Option<(f64, f64)> {
        (self.count > 0).then_some((self.min, self.max))
    }

    /// Of the mean, by Student's distribution. `None` of fewer than two values, and of values that are all
    /// alike: how far the next one may lie from them cannot be told.
    pub(crate) fn interval(&self) -> Option<Interval> {
        let variance = self.squares / real(self.count.checked_sub(1).filter(|it| *it > 0)?);
        if !(variance > 0.0 && variance.is_finite()) {
            return None;
        }
        let freedom = real(self.count - 1);
        let half = student::deviations(LEVEL, freedom) * (variance / real(self.count)).sqrt();
        let interval = Interval::new(self.mean - half, self.mean + half);
        (interval.low.is_finite() && interval.high.is_finite()).then_some(interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Values {
        let mut all = Values::default();
        for value in values {
            all.add(*value);
        }
        all
    }

    #[test]
    fn interval_is_that_of_the_textbook() {
        // Mean 3, variance 2.5, five values: 2.776445 × √0.5 to both sides.
        let interval = of(&[1.0, 2.0, 3.0, 4.0, 5.0]).interval().unwrap();
        assert!((interval.low - 1.036_757).abs() < 1e-5, "{interval:?}");
        assert!((interval.high - 4.963_243).abs() < 1e-5, "{interval:?}");
    }

    #[test]
    fn nothing_and_values_all_alike_have_no_interval() {
        assert_eq!((of(&[]).mean(), of(&[]).interval()), (None, None));
        assert_eq!(
            (of(&[0.5]).mean(), of(&[0.5]).interval()),
            (Some(0.5), None)
        );
        assert_eq!(of(&[1.0; 9]).interval(), None);
    }

    #[test]
    fn greatest_values_there_are_leave_nothing_infinite() {
        let ends = of(&[f64::MAX, -f64::MAX, f64::MAX]);
        assert!(ends.mean().unwrap().is_finite());
        assert_eq!(ends.interval(), None);
        assert_eq!(ends.range(), Some((-f64::MAX, f64::MAX)));
    }
}
