//! What is known of a context limit, and what fits into it; pure.

use crate::classify::{ContextNumbers, LimitSnapshot};
use crate::route::Needs;

/// A limit in the provider's tokens, and how many of them the host's count stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Measure {
    /// Tokens that fit, input and allowed output together.
    pub(super) limit: u64,
    /// The provider counted so many tokens of input...
    used: u64,
    /// ...where the host had counted these; never 0.
    counted: u64,
}

impl Measure {
    /// A limit that is only known by itself: both count alike.
    pub(super) const fn of_limit(limit: u64) -> Self {
        Self {
            limit,
            used: 1,
            counted: 1,
        }
    }

    /// What the numbers of an error say about a request that needed `needs`.
    pub(super) fn read(numbers: &ContextNumbers, needs: &Needs) -> Option<Self> {
        let limit = numbers.limit.filter(|limit| *limit > 0)?;
        let (input, output) = (needs.input_tokens, needs.output_tokens);
        let used = match numbers.used {
            Some(used) if is_of_both(used, needs) => used.saturating_sub(output),
            Some(used) => used,
            // Too long by nobody knows how much: at the least it is longer than the limit.
            None => input.max(limit.saturating_add(1)),
        };
        Some(Self {
            limit,
            used: used.max(1),
            counted: input.max(1),
        })
    }

    /// What holds for later requests, too: the limit, and the ratio of the two counts only where it is that
    /// of text, counted roughly. A ratio beyond twice or half is that of one odd request, such as one of
    /// images, or was never counted.
    pub(super) fn remembered(self, was_counted: bool) -> Self {
        let (used, counted) = (u128::from(self.used), u128::from(self.counted));
        if was_counted && used <= 2 * counted && counted <= 2 * used {
            self
        } else {
            Self::of_limit(self.limit)
        }
    }

    /// So many tokens of the host's count in the provider's, rounded up.
    pub(super) fn in_theirs(&self, input: u64) -> u64 {
        let tokens = u128::from(input) * u128::from(self.used);
        narrow(tokens.div_ceil(u128::from(self.counted.max(1))))
    }

    /// So many tokens of the provider's count in the host's, rounded down.
    fn in_ours(&self, tokens: u64) -> u64 {
        let input = u128::from(tokens) * u128::from(self.counted);
        narrow(input / u128::from(self.used.max(1)))
    }

    /// Whether the request is expected to fit.
    pub(super) fn fits(&self, needs: &Needs) -> bool {
        let input = self.in_theirs(needs.input_tokens);
        let sum = input.checked_add(needs.output_tokens);
        sum.is_some_and(|sum| sum <= self.limit)
    }

    /// Whether the request may fit: by the host's own count, or as another request was counted.
    pub(super) fn may_fit(&self, needs: &Needs) -> bool {
        self.fits(needs) || Self::of_limit(self.limit).fits(needs)
    }

    /// The output that fits beside this input.
    pub(super) fn output_beside(&self, input: u64) -> u64 {
        self.limit.saturating_sub(self.in_theirs(input))
    }

    /// The input, in the host's count, that fits beside this output and leaves `margin` percent free.
    pub(super) fn input_beside(&self, output: u64, margin: u8) -> u64 {
        let free = share(self.limit, margin);
        self.in_ours(self.limit.saturating_sub(output).saturating_sub(free))
    }
}

/// Whether an error names an allowance of a minute and not a window: it counts the allowed output, too, or
/// the reply states a limit of just so many.
pub(super) fn is_allowance(
    numbers: &ContextNumbers,
    limits: &LimitSnapshot,
    needs: &Needs,
) -> bool {
    let counts_both = numbers.used.is_some_and(|used| is_of_both(used, needs));
    counts_both || (limits.windows()).any(|it| it.limit.is_some() && it.limit == numbers.limit)
}

/// Whether a count stands for input and allowed output together, as limits per minute have it: the host's
/// own sum agrees with it to a tenth, and its input alone is far from it.
fn is_of_both(used: u64, needs: &Needs) -> bool {
    let sum = needs.input_tokens.saturating_add(needs.output_tokens);
    let agrees = used.abs_diff(sum) <= sum / 10;
    let is_far = used > needs.input_tokens.saturating_add(needs.input_tokens / 2);
    agrees && is_far && used > needs.output_tokens
}

/// `percent` of `whole`, rounded down.
pub(super) fn share(whole: u64, percent: u8) -> u64 {
    narrow(u128::from(whole) * u128::from(percent) / 100)
}

fn narrow(wide: u128) -> u64 {
    u64::try_from(wide).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn numbers(used: Option<u64>, limit: Option<u64>) -> ContextNumbers {
        ContextNumbers {
            used,
            limit,
            output_fits: None,
        }
    }

    #[test]
    fn rough_count_is_measured_by_the_providers_own() {
        let needs = Needs::default().input(160_000).output(8_000);
        let measure = Measure::read(&numbers(Some(208_000), Some(200_000)), &needs).unwrap();
        assert_eq!(measure.in_theirs(160_000), 208_000);
        assert!(!measure.fits(&needs));
        let input = measure.input_beside(8_000, 5);
        assert_eq!(input, 140_000, "(200 000 - 8 000 - 10 000) * 160 / 208");
        assert!(measure.fits(&needs.input(input)));
        assert_eq!(measure.output_beside(input), 18_000);
    }

    #[test]
    fn count_of_input_and_output_together_is_told_apart() {
        let needs = Needs::default().input(2_000).output(10_000);
        let both = Measure::read(&numbers(Some(12_100), Some(6_000)), &needs).unwrap();
        assert_eq!(both.in_theirs(2_000), 2_100);
        assert_eq!(both.output_beside(2_000), 3_900);
        let needs = Needs::default().input(12_000).output(500);
        let input = Measure::read(&numbers(Some(12_500), Some(6_000)), &needs).unwrap();
        assert_eq!(input.in_theirs(12_000), 12_500, "in doubt it is the input");
    }

    #[test]
    fn without_a_limit_there_is_no_measure_and_nothing_overflows() {
        let needs = Needs::default().input(u64::MAX).output(u64::MAX);
        assert_eq!(Measure::read(&numbers(Some(5), None), &needs), None);
        assert_eq!(Measure::read(&numbers(Some(5), Some(0)), &needs), None);
        let measure = Measure::read(&numbers(None, Some(u64::MAX)), &needs).unwrap();
        assert!(!measure.fits(&needs));
        assert_eq!(measure.output_beside(u64::MAX), 0);
        let measure = Measure::read(&numbers(Some(u64::MAX), Some(1)), &Needs::default()).unwrap();
        assert_eq!(measure.in_theirs(u64::MAX), u64::MAX);
        assert_eq!(measure.input_beside(0, 0), 0);
    }

    #[test]
    fn longer_by_nobody_knows_how_much_is_longer_than_the_limit() {
        let needs = Needs::default().input(900_000);
        let measure = Measure::read(&numbers(None, Some(1_048_576)), &needs).unwrap();
        assert!(!measure.fits(&needs));
    }
}
