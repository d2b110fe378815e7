//! Logarithms and powers of two in whole numbers, so that every target decides alike.

/// Pieces that an interval from one power to the next is cut into.
const PIECES: u32 = 64;
const ONE: u32 = 1 << 16;

/// Each piece with the value at its beginning and at its end, both in 65536ths.
type Table = [(u32, u32); PIECES as usize];

/// log₂ of 1 to 2.
const LOGARITHMS: Table = {
    let mut table = [(0, 0); PIECES as usize];
    let mut rest: &mut [(u32, u32)] = &mut table;
    let mut piece = 0;
    while let Some((first, others)) = rest.split_first_mut() {
        *first = (logarithm_of(piece), logarithm_of(piece + 1));
        piece += 1;
        rest = others;
    }
    table
};

/// 2 to the power of 0 to -1.
const POWERS: Table = {
    // 2 to the power of -1/64, in 2³²nds.
    const STEP: u64 = 4_248_701_965;
    let mut table = [(0, 0); PIECES as usize];
    let mut rest: &mut [(u32, u32)] = &mut table;
    let mut power: u64 = 1 << 32;
    while let Some((first, others)) = rest.split_first_mut() {
        let next = (power * STEP) >> 32;
        *first = (upper(power), upper(next));
        power = next;
        rest = others;
    }
    table
};

/// The upper bits of 2³²nds, of which there is at most one whole.
#[expect(clippy::cast_possible_truncation, reason = "33 bits, of which 16 go")]
const fn upper(fine: u64) -> u32 {
    (fine >> 16) as u32
}

/// log₂ of 1 and so many pieces, by squaring: each square that reaches 2 sets the next bit.
const fn logarithm_of(pieces: u32) -> u32 {
    if pieces == PIECES {
        return ONE;
    }
    let mut value = ((PIECES + pieces) as u64) << (31 - 6);
    let mut bits = 0;
    let mut left = 16;
    while left > 0 {
        value = (value * value) >> 31;
        bits <<= 1;
        if value >= 1 << 32 {
            bits |= 1;
            value >>= 1;
        }
        left -= 1;
    }
    bits
}

/// The value at `at` 65536ths of the way through the table, on a line from each entry to the next.
#[inline]
fn between(table: &Table, at: u32) -> u32 {
    let piece = at >> 10;
    let within = at & 1_023;
    match table.get(piece as usize) {
        Some((from, to)) if from <= to => from + (((to - from) * within) >> 10),
        Some((from, to)) => from - (((from - to) * within) >> 10),
        None => ONE,
    }
}

/// log₂ of `number` in thousandths; of 0 as of 1. It never falls as `number` rises, and is right to a
/// thousandth.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "16 bits are left after the shift, and 64 times a thousand fits"
)]
pub(super) fn log2_milli(number: u64) -> i32 {
    let number = number.max(1);
    let whole = number.ilog2();
    let aligned = number << (63 - whole);
    let fraction = between(&LOGARITHMS, (aligned << 1 >> 48) as u32);
    let exact = (u64::from(whole) << 16) + u64::from(fraction);
    ((exact * 1_000) >> 16) as i32
}

/// `value` halved so many times, given in 1024ths.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "a product of 32 and 17 bits, of which 16 go"
)]
pub(super) fn halved(value: u32, times: u64) -> u32 {
    let whole = times >> 10;
    if whole >= 32 {
        return 0;
    }
    let factor = between(&POWERS, ((times & 1_023) as u32) << 6);
    ((u64::from(value) * u64::from(factor)) >> (16 + whole)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::cast_precision_loss,
        reason = "as precise as a comparison with floats can be"
    )]
    fn logarithms_are_right_to_a_thousandth_and_never_fall() {
        let mut last = 0;
        let mut number = 1_u64;
        while number < u64::MAX / 2 {
            let found = log2_milli(number);
            assert!(found >= last, "{number}");
            last = found;
            let right = (number as f64).log2() * 1_000.0;
            assert!((f64::from(found) - right).abs() <= 1.1, "{number}: {found}");
            number += 1 + number / 97;
        }
        assert_eq!([0, 1, 2, 1 << 63].map(log2_milli), [0, 0, 1_000, 63_000]);
        assert_eq!(log2_milli(u64::MAX), 63_999);
    }

    #[test]
    fn halving_is_exact_at_whole_times_and_never_rises() {
        assert_eq!(halved(1 << 20, 0), 1 << 20);
        assert_eq!(halved(1 << 20, 1_024), 1 << 19);
        assert_eq!(halved(1 << 20, 20 * 1_024), 1);
        assert_eq!(halved(u32::MAX, u64::MAX), 0);
        let halfway = halved(1_000_000, 512);
        assert!((707_050..=707_107).contains(&halfway), "{halfway}");
        let mut last = u32::MAX;
        for times in 0..40 * 1_024 {
            let now = halved(u32::MAX, times);
            assert!(now <= last, "{times}");
            last = now;
        }
    }
}
