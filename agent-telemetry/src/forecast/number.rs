//! Figures between exact money and the arithmetic of forecasts.

use agent_primitives::Usd;

/// A count as a figure to reckon with.
#[expect(clippy::cast_precision_loss, reason = "a forecast has no 53 bits")]
pub(super) const fn real(count: u64) -> f64 {
    count as f64
}

/// The same of a length.
#[expect(clippy::cast_precision_loss, reason = "a forecast has no 53 bits")]
pub(super) const fn length(count: usize) -> f64 {
    count as f64
}

/// To the nearest pico-dollar, within what an amount can be; nothing where it is no number.
#[expect(clippy::cast_possible_truncation, reason = "it saturates")]
pub(super) fn usd(dollars: f64) -> Usd {
    Usd::from_picos((dollars * 1e12).round() as i128)
}

/// To the nearest count; nothing where it is no number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it saturates"
)]
pub(super) fn count(value: f64) -> u64 {
    value.round() as u64
}

/// The share of cases in which an interval of a forecast is to hold what comes.
pub(super) const LEVEL: f64 = 0.8;
/// The shares of cases below its bounds, and below its middle.
pub(super) const BOUNDS: [f64; 3] = [0.5 - LEVEL / 2.0, 0.5, 0.5 + LEVEL / 2.0];

/// The values below which these shares of cases lie, of values in order: the next one is as likely to lie in
/// any of the gaps between them.
pub(super) fn quantiles(sorted: &[f64]) -> Option<[f64; 3]> {
    let (first, last) = (*sorted.first()?, *sorted.last()?);
    Some(BOUNDS.map(|share| {
        let place = share * (length(sorted.len()) + 1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between zero and the length"
        )]
        let below = place as usize;
        if below == 0 {
            return first;
        }
        let low = sorted.get(below - 1).copied().unwrap_or(last);
        let high = sorted.get(below).copied().unwrap_or(last);
        (place - length(below)).mul_add(high - low, low)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_nine_values_are_the_first_the_middle_and_the_last() {
        let nine: Vec<f64> = (1..=9).map(f64::from).collect();
        assert_eq!(quantiles(&nine), Some([1.0, 5.0, 9.0]));
        assert_eq!(quantiles(&[3.0]), Some([3.0; 3]));
        assert_eq!(quantiles(&[]), None);
    }

    #[test]
    fn amounts_are_exact_and_saturate() {
        assert_eq!(usd(1.25), "1.25".parse().unwrap());
        assert_eq!(usd(f64::INFINITY), Usd::MAX);
        assert_eq!(usd(f64::NAN), Usd::ZERO);
        assert_eq!((count(2.5), count(-1.0), count(f64::MAX)), (3, 0, u64::MAX));
    }
}
