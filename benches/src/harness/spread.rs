//! Median, median absolute deviation and a high percentile of a set of samples.

use serde::Serialize;

/// What a set of timings says, in nanoseconds for one operation.
///
/// ```
/// use agent_benches::harness::Spread;
///
/// let spread = Spread::of(vec![5.0, 1.0, 3.0]).unwrap();
/// assert_eq!((spread.median, spread.mad), (3.0, 2.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The middle sample, or the mean of the two in the middle.
    pub median: f64,
    /// The median of the distances from the median. Unlike a standard deviation it does not notice
    /// the one batch that another process interrupted.
    pub mad: f64,
    /// The sample that 99 of 100 do not exceed.
    pub p99: f64,
    /// How many samples there are.
    pub samples: usize,
}

impl Spread {
    /// The spread of `samples`, in any order; `None` when there are none.
    pub fn of(mut samples: Vec<f64>) -> Option<Self> {
        samples.sort_by(f64::total_cmp);
        let median = middle(&samples)?;
        let rank = (samples.len() * 99).div_ceil(100);
        let p99 = *samples.get(rank.saturating_sub(1))?;
        let mut distances: Vec<f64> = samples.iter().map(|at| (at - median).abs()).collect();
        distances.sort_by(f64::total_cmp);
        Some(Self {
            median,
            mad: middle(&distances)?,
            p99,
            samples: samples.len(),
        })
    }
}

fn middle(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *sorted.get(sorted.len() / 2 - 1)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_count_takes_the_middle_sample() {
        let spread = Spread::of(vec![9.0, 1.0, 2.0]).unwrap();
        assert_eq!((spread.median, spread.mad, spread.samples), (2.0, 1.0, 3));
    }

    #[test]
    fn even_count_takes_the_mean_of_the_two_in_the_middle() {
        let spread = Spread::of(vec![4.0, 1.0, 2.0, 100.0]).unwrap();
        assert_eq!((spread.median, spread.mad), (3.0, 1.5));
    }

    #[test]
    fn one_outlier_moves_neither_median_nor_deviation() {
        let calm = Spread::of(vec![10.0, 11.0, 12.0, 13.0, 14.0]).unwrap();
        let hit = Spread::of(vec![10.0, 11.0, 12.0, 13.0, 9000.0]).unwrap();
        assert_eq!((calm.median, calm.mad), (hit.median, hit.mad));
        assert_eq!((calm.p99, hit.p99), (14.0, 9000.0));
    }

    #[test]
    fn p99_of_two_hundred_leaves_two_above() {
        let spread = Spread::of((1..=200).map(f64::from).collect()).unwrap();
        assert_eq!((spread.p99, spread.samples), (198.0, 200));
    }

    #[test]
    fn no_samples_have_no_spread() {
        assert_eq!(Spread::of(Vec::new()), None);
    }
}
