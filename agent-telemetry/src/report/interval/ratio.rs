//! What a success costs: a ratio of two sums over the same cases, one alone and two against each other.

use super::central::Central;
use super::{Interval, LEVEL, real, student};

/// Sums over cases of a quantity `x` and of success.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Moments {
    pub(crate) cases: u64,
    pub(crate) successes: u64,
    /// Of `x` over the cases without success, and over those with it.
    parts: [Central; 2],
}

impl Moments {
    pub(crate) fn add(&mut self, x: f64, success: bool) {
        self.cases += 1;
        self.successes += u64::from(success);
        let [without, with] = &mut self.parts;
        if success { with } else { without }.absorb(&Central::one(x));
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.cases += other.cases;
        self.successes += other.successes;
        for (own, more) in self.parts.iter_mut().zip(&other.parts) {
            own.absorb(more);
        }
    }

    fn sum(&self) -> f64 {
        self.parts.iter().map(|it| it.cases * it.mean).sum()
    }

    /// Of `x / whole − success / successes`, by which a case moves the logarithm of the ratio.
    fn influence(&self, whole: f64, successes: f64) -> Spread {
        let n = real(self.cases);
        let [without, with] = self.parts;
        let mut all = without.scaled(1.0 / whole, 0.0);
        all.absorb(&with.scaled(1.0 / whole, -1.0 / successes));
        let size = all.cases * all.mean * all.mean
            + without.squares(1.0 / whole)
            + with.squares(1.0 / whole)
            + with.cases / (successes * successes);
        // Below this it is rounding: all cases are alike.
        if all.second <= 1e-24 * size {
            return Spread {
                variance: 0.0,
                kurtosis: 1.0,
            };
        }
        Spread {
            variance: all.second / (n - 1.0),
            kurtosis: (n * all.fourth / (all.second * all.second)).max(1.0),
        }
    }
}

/// How cases are spread around their mean.
struct Spread {
    variance: f64,
    kurtosis: f64,
}

impl Spread {
    /// How many degrees of freedom the variance of so many cases is estimated with: as many as a normal
    /// distribution would need for an estimate that varies as much. Heavy tails leave few.
    fn freedom(&self, n: f64) -> f64 {
        let excess = self.kurtosis - (n - 3.0) / (n - 1.0);
        (2.0 * n / excess.max(f64::MIN_POSITIVE)).clamp(1.0, n - 1.0)
    }
}

/// `x` for each success over weighted strata, on a logarithmic scale.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PerSuccess {
    log: f64,
    variance: f64,
    freedom: f64,
}

impl PerSuccess {
    /// Of all cases together; `None` with fewer than two, without a success, where `x` is nothing, and where it is
    /// below nothing so often that no bound can be given.
    pub(crate) fn of_all(cases: &Moments) -> Option<Self> {
        Self::of(&[(real(cases.cases), *cases)])
    }

    fn of(strata: &[(f64, Moments)]) -> Option<Self> {
        let mean = |of: fn(&Moments) -> f64| -> f64 {
            let parts = strata.iter();
            parts
                .map(|(weight, it)| weight * of(it) / real(it.cases))
                .sum()
        };
        let (whole, successes) = (mean(Moments::sum), mean(|it| real(it.successes)));
        if !(whole > 0.0 && successes > 0.0) || strata.iter().any(|(_, it)| it.cases < 2) {
            return None;
        }
        let (mut variance, mut inverse_freedom) = (0.0, 0.0);
        for (weight, it) in strata {
            let spread = it.influence(whole, successes);
            let part = weight * weight * spread.variance / real(it.cases);
            variance += part;
            inverse_freedom += part * part / spread.freedom(real(it.cases));
        }
        let found = Self {
            log: (whole / successes).ln(),
            variance,
            freedom: freedom(variance, inverse_freedom, strata),
        };
        found.interval().is_finite().then_some(found)
    }

    pub(crate) fn value(&self) -> f64 {
        self.log.exp()
    }

    /// Degrees of freedom: few where a few cases decide.
    pub(crate) const fn freedom(&self) -> f64 {
        self.freedom
    }

    pub(crate) fn interval(&self) -> Interval {
        let half = student::deviations(LEVEL, self.freedom) * self.variance.sqrt();
        Interval::new((self.log - half).exp(), (self.log + half).exp())
    }
}

/// Satterthwaite's; that of all cases where nothing varies.
fn freedom(variance: f64, inverse: f64, strata: &[(f64, Moments)]) -> f64 {
    if inverse > 0.0 {
        variance * variance / inverse
    } else {
        strata.iter().map(|(_, it)| real(it.cases) - 1.0).sum()
    }
}

/// How many times as much a success of the first takes as one of the second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogRatio {
    pub(crate) first: PerSuccess,
    pub(crate) second: PerSuccess,
}

impl LogRatio {
    /// Of pairs of strata with at least two cases each, weighed as Mantel and Haenszel do, so that both
    /// sides have one mixture; `None` where there is none, or no ratio.
    pub(crate) fn of(strata: &[(Moments, Moments)]) -> Option<Self> {
        let both = strata.iter().filter(|(a, b)| a.cases >= 2 && b.cases >= 2);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for (a, b) in both {
            let (n, m) = (real(a.cases), real(b.cases));
            let weight = n * m / (n + m);
            first.push((weight, *a));
            second.push((weight, *b));
        }
        let found = Self {
            first: PerSuccess::of(&first)?,
            second: PerSuccess::of(&second)?,
        };
        found.interval().is_finite().then_some(found)
    }

    pub(crate) fn value(&self) -> f64 {
        (self.first.log - self.second.log).exp()
    }

    fn variance(&self) -> f64 {
        self.first.variance + self.second.variance
    }

    /// Satterthwaite's of both sides.
    fn freedom(&self) -> f64 {
        let part = |it: &PerSuccess| it.variance * it.variance / it.freedom;
        let parts = part(&self.first) + part(&self.second);
        if parts > 0.0 {
            self.variance() * self.variance() / parts
        } else {
            self.first.freedom + self.second.freedom
        }
    }

    pub(crate) fn interval(&self) -> Interval {
        let half = student::deviations(LEVEL, self.freedom()) * self.variance().sqrt();
        Interval::new(-half, half).map(|it| self.value() * it.exp())
    }

    /// The probability of a ratio as far from one as this where there is no difference.
    pub(crate) fn probability(&self) -> f64 {
        let far = (self.first.log - self.second.log).abs();
        let deviation = self.variance().sqrt();
        if deviation > 0.0 {
            student::beyond(far / deviation, self.freedom())
        } else if far > 1e-9 {
            0.0
        } else {
            1.0
        }
    }

    /// What the two sides contribute to the square of half the width of the interval of the logarithm.
    pub(crate) fn contributions(&self) -> (f64, f64) {
        let t = student::deviations(LEVEL, self.freedom());
        (t * t * self.first.variance, t * t * self.second.variance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers from 1 on, every second one a success.
    fn counting(cases: u32, times: f64) -> Moments {
        let mut found = Moments::default();
        for x in 1..=cases {
            found.add(f64::from(x) * times, x % 2 == 0);
        }
        found
    }

    #[test]
    fn sums_of_powers_give_what_two_passes_give() {
        let cases: Vec<(f64, bool)> = (1_u32..=9)
            .map(|x| (f64::from(x * x), x % 3 == 0))
            .collect();
        let mut moments = Moments::default();
        for (x, success) in &cases {
            moments.add(*x, *success);
        }
        let (whole, successes) = (285.0, 3.0);
        let influence =
            |(x, success): &(f64, bool)| x / whole - if *success { 1.0 / successes } else { 0.0 };
        let mean = cases.iter().map(influence).sum::<f64>() / 9.0;
        let central = |power: i32| -> f64 {
            let parts = cases.iter();
            parts.map(|case| (influence(case) - mean).powi(power)).sum()
        };
        let spread = moments.influence(whole, successes);
        assert!((spread.variance - central(2) / 8.0).abs() < 1e-15);
        assert!((spread.kurtosis - 9.0 * central(4) / central(2).powi(2)).abs() < 1e-12);
    }

    #[test]
    fn ratio_is_that_of_the_sums_whatever_the_unit() {
        let [first, second] = [counting(40, 3e-4), counting(60, 1e-4)];
        let ratio = LogRatio::of(&[(first, second)]).unwrap();
        // 820 for 20 successes against 1830 for 30, three times.
        assert!((ratio.value() - 3.0 * 41.0 / 61.0).abs() < 1e-12);
        let back = LogRatio::of(&[(second, first)]).unwrap();
        assert!((back.value() * ratio.value() - 1.0).abs() < 1e-12);
        assert!((back.probability() - ratio.probability()).abs() < 1e-12);
        let [narrow, wide] = [ratio.first.interval(), ratio.interval()];
        assert!(
            narrow.contains(0.0123) && wide.contains(ratio.value()),
            "{narrow:?} {wide:?}"
        );
        assert!((wide.high / ratio.value() - ratio.value() / wide.low).abs() < 1e-9);
    }

    /// Amounts, and whether they were for a success.
    fn moments(cases: &[(f64, u8)]) -> Moments {
        let mut found = Moments::default();
        for (x, success) in cases {
            found.add(*x, *success == 1);
        }
        found
    }

    #[test]
    fn ratio_is_that_of_another_program() {
        // By numpy 2.4.6 and scipy 1.17.1 in two passes: d = x / sum(x) - s / sum(s) of each side, its
        // variance n * d.var(ddof=1), its kurtosis stats.kurtosis(d, fisher=False), and stats.t.
        let [a, b] = [
            &[
                (1.0, 1),
                (2.0, 0),
                (3.0, 1),
                (4.0, 1),
                (5.0, 0),
                (6.0, 1),
                (7.0, 1),
                (8.0, 1),
                (9.0, 0),
                (10.0, 1),
                (30.0, 1),
                (12.0, 1),
            ][..],
            &[
                (2.0, 1),
                (4.0, 1),
                (6.0, 0),
                (8.0, 1),
                (10.0, 1),
                (12.0, 0),
                (14.0, 1),
                (16.0, 1),
                (18.0, 1),
                (20.0, 0),
                (21.0, 1),
                (25.0, 0),
                (9.0, 1),
                (11.0, 1),
            ],
        ]
        .map(moments);
        let ratio = LogRatio::of(&[(a, b)]).unwrap();
        let [first, both] = [ratio.first.interval(), ratio.interval()];
        for (found, expected) in [
            (ratio.first.value(), 10.777_777_777_777_78),
            (ratio.first.freedom(), 8.610_977_996_663_35),
            (first.low, 5.559_510_415_340_725),
            (first.high, 20.894_014_966_971_05),
            (ratio.value(), 0.612_373_737_373_737_3),
            (both.low, 0.271_577_982_193_100_4),
            (both.high, 1.380_824_731_065_426_5),
            (ratio.probability(), 0.222_502_686_072_284_1),
        ] {
            assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
        }
    }

    #[test]
    fn strata_of_one_mixture_leave_no_difference() {
        // The dear kind costs ten times as much; the first side does mostly that.
        let strata = [
            (counting(200, 1.0), counting(40, 5.0)),
            (counting(20, 1.0), counting(400, 0.1)),
        ];
        let unlike = LogRatio::of(&strata).unwrap();
        assert!(unlike.value() < 1.0, "{}", unlike.value());
        let like = |n, m, price| (counting(n, price), counting(m, price));
        let ratio = LogRatio::of(&[like(200, 200, 10.0), like(20, 20, 1.0)]).unwrap();
        assert!((ratio.value() - 1.0).abs() < 1e-12 && ratio.probability() > 0.999);
    }

    #[test]
    fn one_case_that_makes_up_most_of_the_sum_leaves_few_degrees_of_freedom() {
        let even = PerSuccess::of_all(&counting(100, 1.0)).unwrap();
        assert!(even.freedom() > 60.0, "{}", even.freedom());
        let mut uneven = counting(100, 1.0);
        uneven.add(20_000.0, true);
        let uneven = PerSuccess::of_all(&uneven).unwrap();
        assert!(uneven.freedom() < 3.0, "{}", uneven.freedom());
    }

    #[test]
    fn nothing_to_divide_is_no_ratio() {
        assert!(PerSuccess::of_all(&Moments::default()).is_none());
        let mut failed = Moments::default();
        for _ in 0..5 {
            failed.add(1.0, false);
        }
        assert!(PerSuccess::of_all(&failed).is_none());
        let free = counting(10, 0.0);
        assert!(LogRatio::of(&[(free, counting(10, 1.0))]).is_none());
    }

    #[test]
    fn amounts_below_nothing_leave_no_bound_without_end() {
        // They almost make up for the others: what is left has an interval of many powers of ten.
        let cases = [(1e15, 1), (-1e15, 1), (1.0, 1), (2.0, 0), (3.0, 1)];
        assert!(PerSuccess::of_all(&moments(&cases)).is_none());
        assert!(LogRatio::of(&[(moments(&cases), counting(10, 1.0))]).is_none());
        let once = [(1.0, 1), (-0.1, 1), (1.0, 1), (2.0, 0), (3.0, 1)];
        assert!(PerSuccess::of_all(&moments(&once)).is_some());
    }

    #[test]
    fn cases_that_are_nearly_alike_are_told_apart() {
        // All a success, and a millionth apart: sums of powers would lose that in their last digits.
        for step in [1e-3, 1e-6, 1e-9] {
            let cases = 200_u32;
            let mut nearly = Moments::default();
            for place in 0..cases {
                nearly.add(1.0 + step * f64::from(place % 10), true);
            }
            let nearly = PerSuccess::of_all(&nearly).unwrap();
            // Ten equally frequent numbers a step apart vary by (10² − 1) / 12 steps, and their kurtosis
            // is 1.7758.
            let variance = 8.25 * step * step / 199.0;
            assert!(
                (nearly.variance / variance - 1.0).abs() < 0.02 + 10.0 * step,
                "{step}: {} for {variance}",
                nearly.variance
            );
            assert!(nearly.freedom() > 198.0, "{step}: {}", nearly.freedom());
        }
    }

    #[test]
    fn cases_that_are_all_alike_leave_no_doubt() {
        let mut same = Moments::default();
        for _ in 0..150 {
            same.add(0.028_512_3, true);
        }
        let same = PerSuccess::of_all(&same).unwrap();
        let interval = same.interval();
        assert!((interval.high - interval.low).abs() < 1e-12, "{interval:?}");
        assert!(same.freedom() > 148.0, "{}", same.freedom());
    }
}
