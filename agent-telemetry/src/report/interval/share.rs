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

    /// What the two sides contribute to the square of half the width of the interval, of the wider halves.
    pub(crate) fn contributions(&self) -> (f64, f64) {
        let z = normal::deviations(LEVEL);
        let square = |it: Weighed| {
            let interval = it.wilson(z);
            let half = (interval.high - it.share).max(it.share - interval.low);
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

    fn is_near(interval: Interval, (low, high): (f64, f64)) -> bool {
        (interval.low - low).abs() < 1e-12 && (interval.high - high).abs() < 1e-12
    }

    #[test]
    fn single_shares_are_those_of_another_program() {
        // The cases of Newcombe, Statistics in Medicine 17, 857-872, table I, and 29 of 29; by
        // proportion_confint(successes, of, method="wilson") of statsmodels 0.15.0.
        for (successes, of, expected) in [
            (81, 263, (0.255_288_519_878_274_2, 0.366_209_576_982_800_04)),
            (
                15,
                148,
                (0.062_386_399_530_736_28, 0.160_487_241_723_308_03),
            ),
            (0, 20, (0.0, 0.161_125_158_052_819_4)),
            (1, 29, (0.006_113_214_292_762_667, 0.171_755_218_793_202_94)),
            (29, 29, (0.883_030_201_500_259_2, 1.0)),
        ] {
            let interval = Share::new(successes, of).interval().unwrap();
            assert!(
                is_near(interval, expected),
                "{successes} of {of}: {interval:?}"
            );
        }
        assert_eq!(Share::new(0, 0).interval(), None);
    }

    #[test]
    fn differences_are_those_of_another_program() {
        // The cases of Newcombe in the same volume, 873-890, table II; by
        // confint_proportions_2indep(.., compare="diff", method="newcomb") of statsmodels 0.15.0.
        for (first, second, expected) in [
            (
                (56, 70),
                (48, 80),
                (0.052_431_472_402_364_98, 0.333_872_654_036_906_14),
            ),
            (
                (9, 10),
                (3, 10),
                (0.170_522_723_934_502_9, 0.809_017_973_535_488),
            ),
            (
                (6, 7),
                (2, 7),
                (0.058_227_927_482_312_09, 0.806_249_637_524_227_8),
            ),
            (
                (5, 56),
                (0, 29),
                (-0.038_137_147_903_536_936, 0.192_560_013_855_111_65),
            ),
            (
                (0, 10),
                (0, 20),
                (-0.161_125_158_052_819_4, 0.277_532_799_862_889_26),
            ),
            (
                (0, 10),
                (0, 10),
                (-0.277_532_799_862_889_26, 0.277_532_799_862_889_26),
            ),
            ((10, 10), (0, 20), (0.679_086_037_141_914_5, 1.0)),
            ((10, 10), (0, 10), (0.607_509_350_430_524_1, 1.0)),
        ] {
            let [a, b] = [first, second].map(|(successes, of)| Share::new(successes, of));
            let difference = Difference::of(&[(a, b)]).unwrap();
            let interval = difference.interval();
            assert!(is_near(interval, expected), "{first:?}: {interval:?}");
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
