//! A mean in which what is older counts less.

use crate::route::binary::halved;

/// One sample's weight.
const ONE: u32 = 1 << 16;

/// Below this weight, a mean is too old to be told.
const FAINT: u32 = ONE / 16;

/// The largest sample, so that products fit.
pub(super) const SAMPLE_MAX: u64 = 1 << 44;

/// A mean of samples of at most [`SAMPLE_MAX`] in which what is older counts less.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mean {
    /// In 65536ths of a sample.
    weight: u32,
    value: u64,
}

impl Mean {
    /// Adds a sample to what is left of the others after they were halved so many times (in 1024ths).
    pub(super) fn add(&mut self, sample: u64, halvings: u64) {
        self.weight = halved(self.weight, halvings).saturating_add(ONE);
        let sample = sample.min(SAMPLE_MAX);
        // The difference has 44 bits and is multiplied by 16.
        let step = |difference: u64| (difference << 16) / u64::from(self.weight);
        self.value = if sample >= self.value {
            self.value + step(sample - self.value)
        } else {
            self.value - step(self.value - sample)
        };
    }

    /// The weight left, in 65536ths of a sample, after so many halvings.
    pub(super) fn weight(&self, halvings: u64) -> u32 {
        halved(self.weight, halvings)
    }

    /// The mean, whatever its age.
    pub(super) const fn value(&self) -> u64 {
        self.value
    }

    /// The mean, unless it has faded.
    pub(super) fn told(&self, halvings: u64) -> Option<u64> {
        (self.weight(halvings) >= FAINT).then_some(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_samples_count_less_and_fade_away() {
        let mut mean = Mean::default();
        assert_eq!(mean.told(0), None);
        mean.add(1_000, 0);
        assert_eq!(mean.told(0), Some(1_000));
        // The first counts half by now: (1000 / 2 + 4000) / 1.5.
        mean.add(4_000, 1_024);
        assert_eq!(mean.told(0), Some(3_000));
        assert_eq!(mean.weight(0), ONE + ONE / 2);
        assert_eq!(
            (mean.told(4 * 1_024), mean.told(5 * 1_024)),
            (Some(3_000), None)
        );
    }

    #[test]
    fn the_largest_samples_do_not_overflow() {
        let mut mean = Mean::default();
        for sample in [u64::MAX, 0, u64::MAX, 0, 7] {
            mean.add(sample, 1 << 40);
        }
        assert_eq!(mean.value(), 7);
        for _ in 0..70_000 {
            mean.add(SAMPLE_MAX, 0);
        }
        assert!(mean.value() > SAMPLE_MAX - SAMPLE_MAX / 1_000, "{mean:?}");
    }
}
