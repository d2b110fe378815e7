//! Student's distribution, for deviations that are estimated from few values.

use super::normal;

/// The share of the distribution with so many degrees of freedom that lies farther out than `t`, on both
/// sides.
pub(super) fn beyond(t: f64, freedom: f64) -> f64 {
    if !t.is_finite() {
        return 0.0;
    }
    incomplete_beta(freedom / t.mul_add(t, freedom), freedom / 2.0, 0.5)
}

/// How far out both sides lie that leave the share `level` between them.
pub(super) fn deviations(level: f64, freedom: f64) -> f64 {
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
    fn deviations_are_those_of_the_tables() {
        for (level, freedom, t) in [
            (0.95, 1.0, 12.706_205),
            (0.95, 5.0, 2.570_582),
            (0.95, 30.0, 2.042_272),
            (0.99, 10.0, 3.169_273),
            (0.95, 1e6, 1.959_966),
        ] {
            let found = deviations(level, freedom);
            assert!((found - t).abs() < 2e-6, "{freedom}: {found}");
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
