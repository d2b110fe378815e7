//! The normal distribution.

use super::{LEVEL, solve};

/// The share of a standard normal distribution below `x`.
pub(super) fn below(x: f64) -> f64 {
    if x.abs() > 8.0 {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    // The series of Marsaglia, "Evaluating the normal distribution", Journal of Statistical Software 11
    // (2004): exact to the last digits of a double within eight deviations.
    let (mut sum, mut term, mut odd) = (x, x, 1.0);
    loop {
        odd += 2.0;
        term *= x * x / odd;
        let next = sum + term;
        if next.to_bits() == sum.to_bits() {
            break;
        }
        sum = next;
    }
    let density = (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
    density.mul_add(sum, 0.5).clamp(0.0, 1.0)
}

/// How many deviations to both sides hold the share `level`.
pub(super) fn deviations(level: f64) -> f64 {
    // Of the level that is asked for again and again.
    if level.to_bits() == LEVEL.to_bits() {
        return 1.959_963_984_540_054;
    }
    solve(f64::midpoint(1.0, level), (0.0, 8.0), below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_deviations_are_those_of_another_program() {
        // norm.cdf(x) and norm.ppf(share) of scipy 1.17.1.
        for (x, share) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_542_9),
            (-1.96, 0.024_997_895_148_220_435),
            (3.0, 0.998_650_101_968_369_9),
            (-5.0, 2.866_515_718_791_933e-7),
        ] {
            assert!((below(x) - share).abs() < 1e-15, "{x}: {}", below(x));
        }
        assert!((2.0 * below(-deviations(0.95)) - 0.05).abs() < 1e-14);
        assert!((deviations(0.8) - 1.281_551_565_544_600_4).abs() < 1e-12);
        assert!((deviations(0.99) - 2.575_829_303_548_900_4).abs() < 1e-12);
        assert!(below(-50.0) <= 0.0 && below(50.0) >= 1.0);
    }
}
