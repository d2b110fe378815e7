//! How much turns of other sessions say about those of one.

use super::turns::Growths;
use crate::forecast::number::{length, real};

/// Turns of its own that turns of others may weigh as much as. The usual number stands first: it holds as long as
/// there is nothing that says otherwise.
const WEIGHTS: [f64; 4] = [20.0, 5.0, 80.0, 320.0];
/// Kinds of growth, each half as much again as the one before it and more.
const KINDS: usize = 24;
/// Tokens that the smallest kind is below.
const SMALLEST: f64 = 64.0;

/// How many turns of its own the turns of others weigh as much as, at most: the number with which the ones would
/// have told the others best, one after another. It is the weight of the prior of a Dirichlet distribution (Minka,
/// Estimating a Dirichlet distribution, 2000).
pub(super) fn weight(own: &Growths, others: &Growths) -> f64 {
    let mut shares = [0.5; KINDS];
    for tokens in others.iter() {
        if let Some(share) = shares.get_mut(kind(tokens)) {
            *share += 1.0;
        }
    }
    let all: f64 = shares.iter().sum();
    let told = |weight: f64| -> f64 {
        let (mut seen, mut number, mut sum) = ([0.0; KINDS], 0.0, 0.0);
        for tokens in own.iter() {
            let kind = kind(tokens);
            let (Some(share), Some(seen)) = (shares.get(kind), seen.get_mut(kind)) else {
                continue;
            };
            sum += ((weight * share / all + *seen) / (weight + number)).ln();
            *seen += 1.0;
            number += 1.0;
        }
        sum
    };
    let mut best = (WEIGHTS[0], told(WEIGHTS[0]));
    for weight in WEIGHTS.into_iter().skip(1) {
        let told = told(weight);
        if told > best.1 {
            best = (weight, told);
        }
    }
    best.0.min(length(others.len()))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few kinds"
)]
fn kind(tokens: u64) -> usize {
    let octaves = (real(tokens) / SMALLEST).max(1.0).log2();
    ((octaves * 1.5) as usize).min(KINDS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn growths(tokens: impl IntoIterator<Item = u64>) -> Growths {
        let mut growths = Growths::default();
        for it in tokens {
            growths.add(it, 512);
        }
        growths
    }

    #[test]
    fn others_weigh_as_much_as_they_are_alike() {
        let sizes = [300, 500, 800, 1_300, 2_100, 3_400, 5_500, 9_000, 14_000];
        let mixed = |number: usize| (0..number).map(move |it| sizes[it * 7 % sizes.len()]);
        let others = growths(mixed(400));
        let weighs = |own, others: &Growths| crate::forecast::number::count(weight(&own, others));
        assert_eq!(weighs(Growths::default(), &others), 20);
        assert_eq!(weighs(growths(mixed(60)), &others), 320);
        assert_eq!(weighs(growths((0..60).map(|_| 9_000)), &others), 5);
        // There are no more of them than there are.
        assert_eq!(weighs(growths(mixed(60)), &growths(mixed(10))), 10);
    }

    #[test]
    fn every_growth_is_of_a_kind() {
        assert_eq!([0, 63, 64, 102, 103].map(kind), [0, 0, 0, 1, 1]);
        assert_eq!(kind(u64::MAX), KINDS - 1);
    }
}
