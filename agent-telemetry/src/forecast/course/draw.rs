//! Draws that a seed alone decides.

use crate::forecast::number::length;

/// `SplitMix64` (Steele, Lea and Flood, 2014): a forecast of the same records with the same seed is the same to
/// the last digit.
#[derive(Debug, Clone)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// From 0 up to 1, which it never is.
    #[expect(clippy::cast_precision_loss, reason = "53 bits")]
    pub(crate) const fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Below `bound`; zero where that is zero.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "below the bound"
    )]
    pub(crate) const fn below(&mut self, bound: usize) -> usize {
        (self.unit() * length(bound)) as usize
    }

    /// How long one waits for what comes once in a unit of time on the average.
    pub(crate) fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }

    /// By Box and Muller.
    pub(crate) fn normal(&mut self) -> f64 {
        (2.0 * self.exponential()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// Things that weigh differently, one of which is drawn.
#[derive(Debug, Clone, Default)]
pub(crate) struct Weighted {
    /// Sums of the weights up to and with each.
    sums: Vec<f64>,
}

impl Weighted {
    /// Of these weights; what is no weight weighs nothing.
    pub(crate) fn of(weights: impl IntoIterator<Item = f64>) -> Self {
        let mut sum = 0.0;
        let sums = weights.into_iter().map(|weight| {
            sum += if weight.is_finite() {
                weight.max(0.0)
            } else {
                0.0
            };
            sum
        });
        Self {
            sums: sums.collect(),
        }
    }

    /// The place of one; `None` where nothing weighs anything.
    pub(crate) fn draw(&self, draw: &mut Draw) -> Option<usize> {
        let whole = *self.sums.last()?;
        if whole <= 0.0 {
            return None;
        }
        let at = draw.unit() * whole;
        let place = self.sums.partition_point(|sum| *sum <= at);
        Some(place.min(self.sums.len() - 1))
    }
}

/// So many times as much as a gap between values weighs each one beyond the first and the last: what comes is not
/// quite like what came before.
const BEYOND: f64 = 1.5;

/// Values in order, each with where it is from, and the gaps between them: the next value is as likely to lie in
/// any of the gaps, of which there is one more than values (Hill, Journal of the American Statistical Association
/// 63, 1968, 677–691). A few values alone would give intervals that hold too little.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gaps {
    values: Vec<(usize, f64)>,
    weights: Weighted,
}

impl Gaps {
    /// Of values with where each is from and what it weighs.
    pub(crate) fn of(mut values: Vec<(usize, f64, f64)>) -> Self {
        values.sort_by(|one, other| one.1.total_cmp(&other.1));
        let mean = values.iter().map(|it| it.2).sum::<f64>() / length(values.len().max(1));
        let beyond = (2.0 * BEYOND - 1.0) * mean;
        let weight = |place: Option<usize>| {
            let known = place.and_then(|it| values.get(it));
            known.map_or(beyond, |it| it.2)
        };
        let gaps = 0..=values.len();
        let weights = gaps.map(|gap| f64::midpoint(weight(gap.checked_sub(1)), weight(Some(gap))));
        Self {
            weights: Weighted::of(weights),
            values: values.iter().map(|it| (it.0, it.1)).collect(),
        }
    }

    /// A value, and where one of its neighbours is from.
    pub(crate) fn draw(&self, draw: &mut Draw) -> Option<(usize, f64)> {
        let gap = self.weights.draw(draw)?;
        let below = gap.checked_sub(1).and_then(|it| self.values.get(it));
        match (below, self.values.get(gap)) {
            (None, None) => None,
            (None, Some((from, high))) => Some((*from, high * draw.unit())),
            (Some((from, low)), None) => {
                let (_, middle) = *self.values.get(self.values.len() / 2)?;
                let beyond = (low - middle).max(low / length(self.values.len()));
                Some((*from, draw.exponential().mul_add(beyond, *low)))
            }
            (Some((from, low)), Some((next, high))) => {
                let share = draw.unit();
                let nearer = if share < 0.5 { from } else { next };
                Some((*nearer, share.mul_add(high - low, *low)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_the_seed_and_the_weights() {
        let draws = |seed| {
            let mut draw = Draw::new(seed);
            [draw.bits(), draw.bits()]
        };
        // The first values of the published generator.
        assert_eq!(draws(0), [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
        assert_eq!(draws(7), draws(7));
        let mut draw = Draw::new(1);
        let weighted = Weighted::of([1.0, 0.0, f64::NAN, 3.0]);
        let mut counts = [0; 4];
        for _ in 0..4_000 {
            counts[weighted.draw(&mut draw).unwrap()] += 1;
        }
        assert_eq!((counts[1], counts[2]), (0, 0));
        assert!((900..1_100).contains(&counts[0]), "{counts:?}");
        assert_eq!(Weighted::of([0.0]).draw(&mut draw), None);
        assert_eq!(draw.below(0), 0);
    }

    #[test]
    fn ends_weigh_as_much_as_one_gap_and_a_half() {
        let gaps = Gaps::of((0..9).map(|it| (it, 1.0 + length(it), 1.0)).collect());
        let mut draw = Draw::new(3);
        let (mut below, mut above) = (0, 0);
        for _ in 0..10_000 {
            let (_, value) = gaps.draw(&mut draw).unwrap();
            assert!(value >= 0.0);
            below += i32::from(value < 1.0);
            above += i32::from(value > 9.0);
        }
        assert!((1_280..1_450).contains(&below), "{below}");
        assert!((1_280..1_450).contains(&above), "{above}");
        assert!(Gaps::default().draw(&mut draw).is_none());
    }
}
