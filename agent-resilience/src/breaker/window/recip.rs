//! Division by a number that is known early: one multiplication.

/// Divides by the same number again and again. Exact for dividends below 2⁶³, which is 292 years of
/// nanoseconds; the processor's own division takes as long as the rest of a call through a breaker.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reciprocal {
    multiplier: u64,
    shift: u32,
}

impl Reciprocal {
    /// Of `divisor`; 0 and 1 count as 2.
    pub(super) fn of(divisor: u64) -> Self {
        let divisor = divisor.max(2);
        // 2^shift < divisor ≤ 2^(shift + 1), so that the multiplier has 64 bits, the first of them set,
        // and its error of less than one is less than a 2^63rd of what it multiplies.
        let shift = (divisor - 1).ilog2();
        let scaled = 1_u128 << (64 + shift);
        let multiplier = scaled.div_ceil(u128::from(divisor));
        Self {
            multiplier: u64::try_from(multiplier).unwrap_or(u64::MAX),
            shift,
        }
    }

    #[inline]
    pub(super) fn divide(self, dividend: u64) -> u64 {
        let product = u128::from(dividend) * u128::from(self.multiplier);
        let upper = (product >> 64) as u64;
        upper >> self.shift
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_divides_as_the_processor_does() {
        let interesting = |top: u32| {
            (1..=top).flat_map(|bits| {
                let power = 1_u64 << (bits - 1);
                [power - 1, power, power + 1, power + power / 3]
            })
        };
        for divisor in interesting(63).chain([4_000_000_000, u64::MAX / 15, u64::MAX]) {
            let divisor = divisor.max(2);
            let by = Reciprocal::of(divisor);
            for dividend in interesting(63).chain([(1 << 63) - 1]) {
                let dividend = dividend.min((1 << 63) - 1);
                let near = dividend - dividend % divisor;
                for dividend in [dividend, near, near.saturating_sub(1)] {
                    assert_eq!(
                        by.divide(dividend),
                        dividend / divisor,
                        "{dividend} / {divisor}"
                    );
                }
            }
        }
    }
}
