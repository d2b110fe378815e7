//! A mean and the sums of powers around it, of which no digits get lost.

/// The mean of some numbers, and the sums of the second, third and fourth powers of their distances from it.
///
/// Sums of powers around zero would be as good only for numbers that are far apart: the difference of two that
/// are nearly alike is made up of their last digits. After Pébay, "Formulas for robust, one-pass parallel
/// computation of covariances and arbitrary-order statistical moments", Sandia report SAND2008-6212 (2008).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Central {
    pub(super) cases: f64,
    pub(super) mean: f64,
    pub(super) second: f64,
    third: f64,
    pub(super) fourth: f64,
}

impl Central {
    pub(super) const fn one(x: f64) -> Self {
        Self {
            cases: 1.0,
            mean: x,
            second: 0.0,
            third: 0.0,
            fourth: 0.0,
        }
    }

    /// Of the numbers of both.
    pub(super) fn absorb(&mut self, other: &Self) {
        let (a, b) = (self.cases, other.cases);
        let n = a + b;
        if b <= 0.0 {
            return;
        }
        let by = other.mean - self.mean;
        let step = by / n;
        let cross = a * b * by * step;
        let fourth = self.fourth
            + other.fourth
            + cross * step * step * (a * a - a * b + b * b)
            + 6.0 * step * step * (a * a * other.second + b * b * self.second)
            + 4.0 * step * (a * other.third - b * self.third);
        let third = self.third
            + other.third
            + cross * step * (a - b)
            + 3.0 * step * (a * other.second - b * self.second);
        *self = Self {
            cases: n,
            mean: b.mul_add(step, self.mean),
            second: self.second + other.second + cross,
            third,
            // Rounding may leave a little less than nothing.
            fourth: fourth.max(0.0),
        };
    }

    /// Of the numbers times `by`, and so much more.
    pub(super) fn scaled(&self, by: f64, more: f64) -> Self {
        Self {
            cases: self.cases,
            mean: self.mean.mul_add(by, more),
            second: self.second * by.powi(2),
            third: self.third * by.powi(3),
            fourth: self.fourth * by.powi(4),
        }
    }

    /// The sum of the squares of the numbers times `by`.
    pub(super) fn squares(&self, by: f64) -> f64 {
        self.cases.mul_add(self.mean * self.mean, self.second) * by * by
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: &[f64]) -> Central {
        let mut found = Central::default();
        for number in numbers {
            found.absorb(&Central::one(*number));
        }
        found
    }

    fn is_near(found: Central, expected: [f64; 5]) -> bool {
        let found = [
            found.cases,
            found.mean,
            found.second,
            found.third,
            found.fourth,
        ];
        let mut pairs = found.iter().zip(expected);
        pairs.all(|(a, b)| (a - b).abs() <= 1e-12 * b.abs())
    }

    #[test]
    fn one_by_one_and_in_parts_they_are_those_of_two_passes() {
        // By numpy 2.4.6: ((x - x.mean()) ** k).sum().
        let numbers = [1.0, 4.0, 9.0, 16.0, 25.0, 36.0, 49.0, 64.0, 81.0];
        let expected = [
            9.0,
            31.666_666_666_666_668,
            6_307.999_999_999_999,
            93_353.333_333_333_27,
            8_903_374.666_666_664,
        ];
        assert!(is_near(of(&numbers), expected), "{:?}", of(&numbers));
        for cut in 0..=numbers.len() {
            let (left, right) = numbers.split_at(cut);
            let mut both = of(left);
            both.absorb(&of(right));
            assert!(is_near(both, expected), "{cut}: {both:?}");
        }
    }

    #[test]
    fn numbers_times_something_and_more_are_scaled() {
        let numbers = [3.0, 5.0, 11.0, 12.0];
        let moved: Vec<f64> = numbers.iter().map(|it| it * 0.5 - 7.0).collect();
        let [a, b] = [of(&numbers).scaled(0.5, -7.0), of(&moved)];
        assert!(
            is_near(a, [b.cases, b.mean, b.second, b.third, b.fourth]),
            "{a:?} {b:?}"
        );
        assert!((of(&numbers).squares(2.0) - 4.0 * 299.0).abs() < 1e-9);
    }
}
