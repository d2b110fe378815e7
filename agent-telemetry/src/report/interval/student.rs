//! Student's distribution, for deviations that are estimated from few values.

use super::normal;

/// Degrees of freedom from which on the logarithms of the gamma function differ by too few of their digits.
/// What the first terms of Abramowitz and Stegun, 26.7.5 and 26.7.8, leave out is below 10⁻¹¹ there.
const MANY: f64 = 1e6;

/// The share of the distribution with so many degrees of freedom that lies farther out than `t`, on both
/// sides.
pub(super) fn beyond(t: f64, freedom: f64) -> f64 {
    if !t.is_finite() {
        return 0.0;
    }
    if freedom >= MANY {
        let near = t.abs() * (1.0 - 0.25 / freedom) / (1.0 + 0.5 * t * t / freedom).sqrt();
        return 2.0 * normal::below(-near);
    }
    incomplete_beta(freedom / t.mul_add(t, freedom), freedom / 2.0, 0.5)
}

/// How far out both sides lie that leave the share `level` between them.
pub(super) fn deviations(level: f64, freedom: f64) -> f64 {
    if freedom >= MANY {
        let z = normal::deviations(level);
        return z + z * z.mul_add(z, 1.0) / (4.0 * freedom);
    }
    let half = f64::midpoint(freedom, 1.0);
    let front =
        ln_gamma(half) - ln_gamma(freedom / 2.0) - 0.5 * (freedom * std::f64::consts::PI).ln();
    let density = |t: f64| (front - half * (t * t / freedom).ln_1p()).exp();
    // What lies beyond falls ever more slowly, so that Newton's steps from the near side, where the normal
    // distribution is, come closer and never pass the end.
    let mut t = normal::deviations(level);
    for _ in 0..60 {
        let step = (beyond(t, freedom) - (1.0 - level)) / (2.0 * density(t));
        t += step;
        if step.abs() < 1e-12 * t {
            break;
        }
    }
    t
}

/// The regularized incomplete beta function at `x`, by the continued fraction of Press et al., "Numerical
/// Recipes", section 6.4, in the order of Lentz.
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = a.mul_add(x.ln(), b * (1.0 - x).ln()) + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b);
    let front = front.exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(x, a, b) / a
    } else {
        1.0 - front * fraction(1.0 - x, b, a) / b
    }
}

fn fraction(x: f64, a: f64, b: f64) -> f64 {
    let kept = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut above = 1.0;
    let mut below = 1.0 / kept(1.0 - (a + b) * x / (a + 1.0));
    let mut product = below;
    // It takes about the square root of the larger of `a` and `b`.
    for step in 1..2_000 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        for term in [even, odd] {
            below = 1.0 / kept(f64::mul_add(term, below, 1.0));
            above = kept(1.0 + term / above);
            product *= below * above;
        }
        if (below * above - 1.0).abs() < 1e-14 {
            break;
        }
    }
    product
}

/// The logarithm of the gamma function of a positive number: its asymptotic series, from ten on.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x, 0.0);
    while x < 10.0 {
        shift += x.ln();
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series =
        (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0))) / x;
    (x - 0.5).mul_add(x.ln(), -x) + 0.5 * std::f64::consts::TAU.ln() + series - shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviations_are_those_of_another_program() {
        // t.ppf((1 + level) / 2, freedom) of scipy 1.17.1.
        for (level, freedom, t) in [
            (0.95, 1.0, 12.706_204_736_174_694),
            (0.95, 2.5, 3.574_654_842_003_681_7),
            (0.95, 5.0, 2.570_581_835_636_314_6),
            (0.95, 8.0, 2.306_004_135_204_166),
            (0.95, 30.0, 2.042_272_456_301_237_8),
            (0.99, 10.0, 3.169_272_672_616_95),
            (0.95, 1e5, 1.959_987_707_534_609_5),
            (0.95, 1e6, 1.959_966_356_814_107),
            (0.95, 1e7, 1.959_964_221_767_205),
            (0.95, 1e9, 1.959_963_986_912_325),
        ] {
            let found = deviations(level, freedom);
            assert!((found - t).abs() < 1e-8 * t, "{freedom}: {found}");
        }
    }

    #[test]
    fn shares_beyond_are_those_of_another_program() {
        // 2 * t.sf(t, freedom) of scipy 1.17.1.
        for (t, freedom, share) in [
            (0.01, 1.0, 0.993_634_014_470_186),
            (1.5, 3.7, 0.213_598_169_202_013_5),
            (10.0, 8.0, 8.488_181_527_628_489e-6),
            (4.0, 50.0, 0.000_209_190_246_364_033_36),
            (30.0, 200.0, 5.724_161_208_827_853e-76),
            (3.0, 1e6, 0.002_699_862_541_421_8),
            (3.0, 1e9, 0.002_699_796_129_737_913),
        ] {
            let found = beyond(t, freedom);
            assert!(
                (found - share).abs() < 1e-7 * share,
                "{t}, {freedom}: {found}"
            );
        }
    }

    #[test]
    fn share_beyond_is_two_sided_and_ends_at_nothing() {
        assert!((beyond(2.228_139, 10.0) - 0.05).abs() < 1e-6);
        assert!((beyond(-2.228_139, 10.0) - 0.05).abs() < 1e-6);
        assert!(beyond(0.0, 7.0) >= 1.0);
        assert!(beyond(f64::INFINITY, 7.0) <= 0.0);
    }
}
