//! Where a value stands between two bounds, and how it is written.

use std::time::Duration;

use crate::report::sheet::Scale;
use crate::stats::layout::{count, number, time};

/// What is beyond it cannot be drawn to scale anyhow.
const FARTHEST: f64 = 1e15;

/// Bounds that all values lie in, and zero too; both are full steps.
pub(super) struct Axis {
    from: f64,
    to: f64,
    step: f64,
}

impl Axis {
    /// Over what can be drawn of these values.
    pub(super) fn over(scale: Scale, values: impl Iterator<Item = f64>) -> Self {
        let (mut low, mut high) = (0.0_f64, 0.0_f64);
        for value in values.filter(|it| it.is_finite()) {
            low = low.min(value);
            high = high.max(value);
        }
        // Shares are seen against the whole, differences of shares are not.
        if scale == Scale::Share && low >= 0.0 && high <= 1.0 && high > 0.05 {
            high = 1.0;
        }
        let (low, high) = (low.max(-FARTHEST), high.min(FARTHEST));
        let width = if high > low { high - low } else { 1.0 };
        let mut step = nice(width / 4.0);
        if matches!(scale, Scale::Count | Scale::Tokens) {
            step = step.max(1.0);
        }
        Self {
            from: (low / step).floor() * step,
            to: (high / step).ceil().max((low / step).floor() + 1.0) * step,
            step,
        }
    }

    /// From 0 to 100.
    pub(super) fn place(&self, value: f64) -> f64 {
        if value.is_nan() {
            return self.place(0.0);
        }
        (100.0 * (value.clamp(self.from, self.to) - self.from) / (self.to - self.from))
            .clamp(0.0, 100.0)
    }

    /// Values at full steps, at most ten.
    pub(super) fn ticks(&self) -> impl Iterator<Item = f64> {
        let tick = |at: i32| self.step.mul_add(f64::from(at), self.from);
        (0..10)
            .map(tick)
            .take_while(|it| *it <= self.step.mul_add(0.01, self.to))
    }

    pub(super) const fn is_below_zero(&self) -> bool {
        self.from < 0.0
    }
}

/// The next of 1, 2, 2.5, 5, 10 and so on.
fn nice(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let full = [1.0, 2.0, 2.5, 5.0];
    let next = full.into_iter().find(|it| it * power >= step * 0.999);
    next.unwrap_or(10.0) * power
}

/// With all digits that a reader wants.
pub(super) fn written(scale: Scale, value: f64) -> String {
    let sign = if value < 0.0 { "−" } else { "" };
    let size = value.abs();
    match scale {
        _ if !value.is_finite() => "-".to_owned(),
        _ if size >= 1e12 => format!("{value:.2e}"),
        Scale::Share => format!("{sign}{:.1} %", size * 100.0),
        Scale::Usd => match size {
            100.0.. => format!("{sign}${size:.0}"),
            1.0.. | 0.0 => format!("{sign}${size:.2}"),
            // Three digits that say something.
            0.1.. => format!("{sign}${size:.3}"),
            0.01.. => format!("{sign}${size:.4}"),
            0.001.. => format!("{sign}${size:.5}"),
            1e-6.. => format!("{sign}${size:.6}"),
            _ => format!("{sign}${size:.1e}"),
        },
        Scale::Time => {
            let it = Duration::try_from_secs_f64(size).unwrap_or(Duration::MAX);
            format!("{sign}{}", time(it))
        }
        Scale::Count | Scale::Tokens => format!("{sign}{}", counted(size)),
    }
}

/// At a line of the axis, where the last digits are zeros.
pub(super) fn marked(scale: Scale, value: f64) -> String {
    let sign = if value < 0.0 { "−" } else { "" };
    let size = value.abs();
    match scale {
        Scale::Share => format!("{sign}{} %", number(size * 100.0)),
        Scale::Usd if size < 1e6 => format!("{sign}${}", number(size)),
        Scale::Time if size == 0.0 => "0".to_owned(),
        _ => written(scale, value),
    }
}

fn counted(size: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it saturates, and is no less than zero"
    )]
    let whole = size as u64;
    if size.fract() > 0.0 && size < 10_000.0 {
        number(size)
    } else {
        count(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(scale: Scale, values: &[f64]) -> Vec<String> {
        let axis = Axis::over(scale, values.iter().copied());
        axis.ticks().map(|it| marked(scale, it)).collect()
    }

    #[test]
    fn axis_ends_at_full_steps_and_holds_zero() {
        assert_eq!(
            ticks(Scale::Share, &[0.62, 0.8]),
            ["0 %", "25 %", "50 %", "75 %", "100 %"]
        );
        assert_eq!(
            ticks(Scale::Usd, &[0.37]),
            ["$0", "$0.1", "$0.2", "$0.3", "$0.4"]
        );
        assert_eq!(ticks(Scale::Count, &[2.0]), ["0", "1", "2"]);
        assert_eq!(
            ticks(Scale::Share, &[-0.04, 0.03]),
            ["−4 %", "−2 %", "0 %", "2 %", "4 %"]
        );
        assert_eq!(
            ticks(Scale::Time, &[7.2]),
            ["0", "2.00 s", "4.00 s", "6.00 s", "8.00 s"]
        );
    }

    #[test]
    fn amounts_are_written_with_as_many_digits_as_tell_them_apart() {
        let shown = [
            1_234.0, 14.318_3, 0.863, 0.041_98, 0.003_836, 0.000_091, 2e-9, 0.0, -0.037_5,
        ]
        .map(|it| written(Scale::Usd, it));
        assert_eq!(
            shown,
            [
                "$1234",
                "$14.32",
                "$0.863",
                "$0.0420",
                "$0.00384",
                "$0.000091",
                "$2.0e-9",
                "$0.00",
                "−$0.0375"
            ]
        );
    }

    #[test]
    fn values_that_are_no_numbers_have_a_place() {
        for odd in [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MAX,
            f64::MIN,
            5e-324,
        ] {
            for scale in [
                Scale::Count,
                Scale::Share,
                Scale::Usd,
                Scale::Time,
                Scale::Tokens,
            ] {
                let axis = Axis::over(scale, [odd, 1.0].into_iter());
                let places = [odd, 0.0, 1.0].map(|it| axis.place(it));
                assert!(
                    places.iter().all(|it| (0.0..=100.0).contains(it)),
                    "{odd}: {places:?}"
                );
                assert!((2..=10).contains(&axis.ticks().count()), "{odd} {scale:?}");
                assert!(written(scale, odd).len() < 40);
            }
        }
    }
}
