//! Many comparisons at once, with one probability of being wrong about any of them.

/// The probabilities such that comparing each with the level that one comparison alone would have keeps
/// that level over all of them: Holm's step-down. What was not compared has none and does not count.
pub(crate) fn adjusted(of_one: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<(f64, usize)> = of_one
        .iter()
        .enumerate()
        .filter_map(|(place, p)| Some(((*p)?, place)))
        .collect();
    order.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let mut found = vec![None; of_one.len()];
    let mut highest = 0.0_f64;
    let mut left = order.len();
    for (p, place) in order {
        highest = highest.max(p * super::real(left as u64)).min(1.0);
        left -= 1;
        if let Some(slot) = found.get_mut(place) {
            *slot = Some(highest);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn least_probability_is_multiplied_by_the_number_of_all() {
        // Worked by hand: 4 × 0.005, 3 × 0.01, 2 × 0.03, and 0.04 no less than the one before.
        let p = [Some(0.01), Some(0.04), None, Some(0.03), Some(0.005)];
        let found: Vec<String> = adjusted(&p)
            .iter()
            .map(|p| p.map_or("-".into(), |p| format!("{p:.3}")))
            .collect();
        assert_eq!(found, ["0.030", "0.060", "-", "0.060", "0.020"]);
        assert_eq!(adjusted(&[Some(0.7), Some(0.9)]), [Some(1.0), Some(1.0)]);
        assert!(adjusted(&[]).is_empty());
    }

    #[test]
    fn probabilities_are_those_of_another_program() {
        // multipletests(p, method="holm") of statsmodels 0.15.0, two of them alike.
        let p = [0.001, 0.2, 0.013, 0.04, 0.013, 0.9].map(Some);
        let expected = [0.006, 0.4, 0.065, 0.12, 0.065, 0.9];
        for (found, expected) in adjusted(&p).into_iter().zip(expected) {
            assert!((found.unwrap() - expected).abs() < 1e-12, "{found:?}");
        }
    }
}
