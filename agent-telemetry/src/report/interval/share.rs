//! Shares of successes, one alone and two against each other.

use super::{Interval, LEVEL, normal, real, solve};

/// So many successes of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) successes: u64,
    pub(crate) of: u64,
}

/// A share, and the number of cases that an estimate of it is worth.
#[derive(Debug, Clone, Copy)]
struct Weighed {
    share: f64,
    worth: f64,
}

impl Share {
    pub(crate) const fn new(successes: u64, of: u64) -> Self {
        Self { successes, of }
    }

    /// `None` of nothing.
    pub(crate) fn value(self) -> Option<f64> {
        (self.of > 0).then(|| real(self.successes) / real(self.of))
    }

    /// By Wilson's score method; `None` of nothing.
    pub(crate) fn interval(self) -> Option<Interval> {
        let (share, worth) = (self.value()?, real(self.of));
        Some(Weighed { share, worth }.wilson(normal::deviations(LEVEL)))
    }
}

impl Weighed {
    fn wilson(self, z: f64) -> Interval {
        let Self { share: p, worth: n } = self;
        let square = z * z;
        let scale = 1.0 / (1.0 + square / n);
        let centre = scale * (p + square / (2.0 * n));
        let half = scale * z * (p * (1.0 - p) / n + square / (4.0 * n * n)).sqrt();
        // At none and at all, rounding must not leave the bound beside the share.
        let low = if p <= 0.0 { 0.0 } else { centre - half };
        let high = if p >= 1.0 { 1.0 } else { centre + half };
        Interval::new(low, high)
    }

    /// The weighted share of some strata. What it is worth follows from how different the strata are,
    /// each drawn towards the whole by two cases, so that a stratum of one case does not pass for
    /// certain; a single stratum is worth its cases.
    fn of(strata: &[(f64, Share)]) -> Option<Self> {
        let share: f64 = sum(strata, |it| it.value().unwrap_or_default());
        let towards = |it: &Share| (real(it.successes) + 2.0 * share) / (real(it.of) + 2.0);
        let (mut variance, mut centre, mut spread) = (0.0, 0.0, 0.0);
        for (weight, stratum) in strata {
            let p = towards(stratum);
            centre += weight * p;
            variance += weight * weight * p * (1.0 - p) / real(stratum.of);
            spread += weight * weight / real(stratum.of);
        }
        let whole = centre * (1.0 - centre);
        let worth = if variance > 0.0 && whole > 0.0 {
            whole / variance
        } else {
            1.0 / spread
        };
        (worth.is_finite() && worth > 0.0).then_some(Self { share, worth })
    }
}

fn sum(strata: &[(f64, Share)], of: impl Fn(&Share) -> f64) -> f64 {
    strata.iter().map(|(weight, it)| weight * of(it)).sum()
}

/// How much greater the first of two shares is than the second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Difference {
    first: Weighed,
    second: Weighed,
}

impl Difference {
    /// Of pairs of strata, weighed as Mantel and Haenszel do; `None` where no stratum has both.
    pub(crate) fn of(strata: &[(Share, Share)]) -> Option<Self> {
        let weight = |(a, b): &(Share, Share)| {
            let (a, b) = (real(a.of), real(b.of));
            if a > 0.0 && b > 0.0 {
                a * b / (a + b)
            } else {
                0.0
            }
        };
        let total: f64 = strata.iter().map(weight).sum();
        let side = |which: fn(&(Share, Share)) -> Share| -> Vec<(f64, Share)> {
            let both = strata.iter().filter(|pair| weight(pair) > 0.0);
            both.map(|pair| (weight(pair) / total, which(pair)))
                .collect()
        };
        if total <= 0.0 {
            return None;
        }
        Some(Self {
            first: Weighed::of(&side(|pair| pair.0))?,
            second: Weighed::of(&side(|pair| pair.1))?,
        })
    }

    /// The two shares, as they would be with one mixture of strata.
    pub(crate) const fn shares(&self) -> (f64, f64) {
        (self.first.share, self.second.share)
    }

    pub(crate) fn value(&self) -> f64 {
        self.first.share - self.second.share
    }

    /// By Newcombe's method 10.
    pub(crate) fn interval(&self) -> Interval {
        self.at(normal::deviations(LEVEL))
    }

    fn at(&self, z: f64) -> Interval {
        let (first, second) = (self.first.wilson(z), self.second.wilson(z));
        let (p, q) = self.shares();
        let low = self.value() - (p - first.low).hypot(second.high - q);
        let high = self.value() + (first.high - p).hypot(q - second.low);
        Interval::new(low, high)
    }

    /// The probability of a difference as great as this where the true one is `bound`, or less: that of the
    /// one-sided bound that just reaches it.
    pub(crate) fn not_above(&self, bound: f64) -> f64 {
        if self.value() <= bound {
            return 1.0;
        }
        let z = solve(-bound, (0.0, 8.0), |z| -self.at(z).low);
        normal::below(-z)
    }

    /// The probability of a difference as great as this where there is none: that of the widest interval
    /// that leaves nothing out of it.
    pub(crate) fn probability(&self) -> f64 {
        let value = self.value();
        if value == 0.0 {
            return 1.0;
        }
        // The bound that is nearer to nothing passes it as the interval grows.
        let nearer = |z: f64| {
            let interval = self.at(z);
            if value > 0.0 {
                -interval.low
            } else {
                interval.high
            }
        };
        let z = solve(0.0, (0.0, 8.0), nearer);
        2.0 * normal::below(-z)
    }

    /// What the two sides contribute to the square of half the width of the interval.
    pub(crate) fn contributions(&self) -> (f64, f64) {
        let z = normal::deviations(LEVEL);
        let square = |it: Weighed| {
            let interval = it.wilson(z);
            let half = (interval.high - interval.low) / 2.0;
            half * half
        };
        (square(self.first), square(self.second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(interval: Interval) -> String {
        format!("{:.4} to {:.4}", interval.low, interval.high)
    }

    #[test]
    fn single_shares_are_those_of_newcombe() {
        // Statistics in Medicine 17, 857-872, table I, method 3.
        for (successes, of, expected) in [
            (81, 263, "0.2553 to 0.3662"),
            (15, 148, "0.0624 to 0.1605"),
            (0, 20, "0.0000 to 0.1611"),
            (1, 29, "0.0061 to 0.1718"),
            (29, 29, "0.8830 to 1.0000"),
        ] {
            let interval = Share::new(successes, of).interval().unwrap();
            assert_eq!(shown(interval), expected, "{successes} of {of}");
        }
        assert_eq!(Share::new(0, 0).interval(), None);
    }

    #[test]
    fn differences_are_those_of_newcombe() {
        // The same volume, 873-890, table II, method 10.
        for (first, second, expected) in [
            ((56, 70), (48, 80), "0.0524 to 0.3339"),
            ((9, 10), (3, 10), "0.1705 to 0.8090"),
            ((6, 7), (2, 7), "0.0582 to 0.8062"),
            ((5, 56), (0, 29), "-0.0381 to 0.1926"),
            ((0, 10), (0, 20), "-0.1611 to 0.2775"),
            ((0, 10), (0, 10), "-0.2775 to 0.2775"),
            ((10, 10), (0, 20), "0.6791 to 1.0000"),
            ((10, 10), (0, 10), "0.6075 to 1.0000"),
        ] {
            let [a, b] = [first, second].map(|(successes, of)| Share::new(successes, of));
            let difference = Difference::of(&[(a, b)]).unwrap();
            assert_eq!(shown(difference.interval()), expected, "{first:?}");
        }
        assert!(Difference::of(&[(Share::new(1, 2), Share::new(0, 0))]).is_none());
    }

    #[test]
    fn one_stratum_cut_in_like_halves_says_the_same() {
        let whole = (Share::new(56, 70), Share::new(48, 80));
        let half = (Share::new(28, 35), Share::new(24, 40));
        let [whole, halves] =
            [vec![whole], vec![half, half]].map(|it| Difference::of(&it).unwrap());
        assert_eq!(shown(whole.interval()), shown(halves.interval()));
    }

    #[test]
    fn harder_work_does_not_make_an_agent_worse() {
        // Nine of ten on the easy kind and three of ten on the hard one, whoever does it.
        let strata = [
            (Share::new(180, 200), Share::new(45, 50)),
            (Share::new(15, 50), Share::new(60, 200)),
        ];
        let difference = Difference::of(&strata).unwrap();
        assert!(difference.value().abs() < 1e-12, "{}", difference.value());
        assert!(difference.probability() > 0.99);
        // Thrown together, the second seems worse by far.
        let together = Difference::of(&[(Share::new(195, 250), Share::new(105, 250))]).unwrap();
        assert!(together.probability() < 1e-9);
    }

    #[test]
    fn probability_is_that_of_the_interval_that_just_reaches_nothing() {
        let difference = Difference::of(&[(Share::new(56, 70), Share::new(48, 80))]).unwrap();
        let probability = difference.probability();
        let z = normal::deviations(1.0 - probability);
        assert!(difference.at(z).low.abs() < 1e-9);
        assert!((0.005..0.01).contains(&probability), "{probability}");
        let back = Difference::of(&[(Share::new(48, 80), Share::new(56, 70))]).unwrap();
        assert!((back.probability() - probability).abs() < 1e-12);
    }
}
