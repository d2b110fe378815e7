//! How what is not durable may come out of a power cut.

use super::script::Dice;
use crate::fs::sim::Disk;

/// All ways where they are few, otherwise some.
pub(super) fn choices(disk: &Disk, most: usize, dice: &mut Dice) -> Vec<Vec<usize>> {
    let ways = disk.choices();
    let all = ways
        .iter()
        .try_fold(1_usize, |all, ways| all.checked_mul(*ways));
    if let Some(all) = all.filter(|all| *all <= most) {
        return (0..all)
            .map(|mut number| {
                let digit = |ways: &usize| {
                    let digit = number % ways;
                    number /= ways;
                    digit
                };
                ways.iter().map(digit).collect()
            })
            .collect();
    }
    let oldest = |ways: &usize| usize::from(*ways > 1);
    let mut some = vec![vec![0; ways.len()], ways.iter().map(oldest).collect()];
    while some.len() < most {
        let mut chosen = vec![0; ways.len()];
        let style = dice.roll(4);
        for (choice, ways) in chosen.iter_mut().zip(&ways) {
            *choice = match style {
                // Few are missing, few landed, or as many as not.
                0 if !dice.is_one_in(6) => 0,
                1 if dice.is_one_in(6) => 0,
                _ => dice.roll(*ways),
            };
        }
        some.push(chosen);
    }
    some
}
