//! Which bucket a value belongs to: exactly those of an OpenTelemetry exponential histogram of scale 6.

/// Buckets grow by the factor 2^(2^-6) = 1.0109, so their middle is at most 0.55 % off.
pub(super) const SCALE: i32 = 6;
/// Buckets between two powers of two.
pub(super) const STEPS: usize = 1 << SCALE;
/// The power of two above which buckets begin.
const LOWEST: i32 = -32;
/// Doublings from there: up to 2⁶⁴.
pub(super) const OCTAVES: usize = 96;
pub(super) const BUCKETS: usize = STEPS * OCTAVES;
/// OpenTelemetry's index of the first bucket.
pub(super) const FIRST_INDEX: i32 = LOWEST << SCALE;
/// What is not above it counts as zero.
pub(super) const ZERO_THRESHOLD: f64 = f64::from_bits(power(LOWEST));
/// What is above it counts in the last bucket.
#[cfg(test)]
pub(super) const HIGHEST: f64 = f64::from_bits(power(LOWEST + 96));

const MANTISSA_BITS: u32 = 52;
const MANTISSA: u64 = (1 << MANTISSA_BITS) - 1;

/// The bits of 2 to the `exponent`.
#[expect(clippy::cast_sign_loss, reason = "exponents here are above -1023")]
const fn power(exponent: i32) -> u64 {
    ((1023 + exponent) as u64) << MANTISSA_BITS
}

/// The mantissa of 2^(k/64), rounded down, for each k. Calculated with sixty decimal places.
#[rustfmt::skip]
const BOUNDARIES: [u64; STEPS] = [
    0x0_0000_0000_0000, 0x0_2c9a_3e77_8060, 0x0_59b0_d315_8574, 0x0_8745_1875_9bc8,
    0x0_b558_6cf9_890f, 0x0_e3ec_32d3_d1a2, 0x1_1301_d012_5b50, 0x1_429a_aea9_2ddf,
    0x1_72b8_3c7d_517a, 0x1_a35b_eb6f_cb75, 0x1_d487_3168_b9aa, 0x2_063b_8862_8cd6,
    0x2_387a_6e75_6238, 0x2_6b45_65e2_7cdd, 0x2_9e9d_f51f_dee1, 0x2_d285_a6e4_030b,
    0x3_06fe_0a31_b715, 0x3_3c08_b264_16ff, 0x3_71a7_373a_a9ca, 0x3_a7db_34e5_9ff6,
    0x3_dea6_4c12_3422, 0x4_160a_21f7_2e29, 0x4_4e08_6061_892d, 0x4_86a2_b5c1_3cd0,
    0x4_bfda_d536_2a27, 0x4_f9b2_769d_2ca6, 0x5_342b_569d_4f81, 0x5_6f47_36b5_27da,
    0x5_ab07_dd48_5429, 0x5_e76f_15ad_2148, 0x6_247e_b03a_5584, 0x6_6238_8255_2224,
    0x6_a09e_667f_3bcc, 0x6_dfb2_3c65_1a2e, 0x7_1f75_e8ec_5f73, 0x7_5feb_5642_67c8,
    0x7_a114_73eb_0186, 0x7_e2f3_36cf_4e62, 0x8_2589_994c_ce12, 0x8_68d9_9b44_92ec,
    0x8_ace5_422a_a0db, 0x8_f1ae_9915_7736, 0x9_3737_b0cd_c5e4, 0x9_7d82_9fde_4e4f,
    0x9_c491_82a3_f090, 0xa_0c66_7b5d_e564, 0xa_5503_b23e_255c, 0xa_9e6b_5579_fdbf,
    0xa_e89f_995a_d3ad, 0xb_33a2_b84f_15fa, 0xb_7f76_f2fb_5e46, 0xb_cc1e_904b_c1d2,
    0xc_199b_dd85_529c, 0xc_67f1_2e57_d14b, 0xc_b720_dcef_9069, 0xd_072d_4a07_897b,
    0xd_5818_dcfb_a487, 0xd_a9e6_03db_3285, 0xd_fc97_337b_9b5e, 0xe_502e_e78b_3ff6,
    0xe_a4af_a2a4_90d9, 0xe_fa1b_ee61_5a27, 0xf_5076_5b6e_4540, 0xf_a7c1_819e_90d8,
];

/// Even parts of the mantissa's range: so small that no two boundaries fall into one.
const PARTS: usize = 128;

/// For each part the number that makes a carry out of the mantissa where the boundary in it is passed, on
/// top of the number of boundaries below the part.
static ADDENDS: [u64; PARTS] = addends();

#[expect(
    clippy::indexing_slicing,
    reason = "checked by the compiler, which runs it"
)]
const fn addends() -> [u64; PARTS] {
    let mut addends = [0; PARTS];
    let (mut part, mut next) = (0, 1);
    while part < PARTS {
        let end = ((part as u64) + 1) << (MANTISSA_BITS - PARTS.trailing_zeros());
        let below = (next as u64 - 1) << MANTISSA_BITS;
        let inside = next < STEPS && BOUNDARIES[next] < end;
        addends[part] = if inside {
            let addend = below + (1 << MANTISSA_BITS) - BOUNDARIES[next];
            next += 1;
            addend
        } else {
            below
        };
        part += 1;
    }
    addends
}

/// The bucket of a value above [`ZERO_THRESHOLD`] and up to 2⁶⁴, counted from the first.
///
/// A bucket has its upper end and not its lower one. So it is found by the number before the value.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the parts are below 128, the buckets below 6144"
)]
pub(super) fn bucket(value: f64) -> Option<usize> {
    let before = value.to_bits().wrapping_sub(1 + power(LOWEST));
    let octave = before >> MANTISSA_BITS;
    if octave >= OCTAVES as u64 {
        return None;
    }
    let mantissa = before & MANTISSA;
    let part = mantissa >> (MANTISSA_BITS - PARTS.trailing_zeros());
    let addend = ADDENDS.get(part as usize % PARTS)?;
    Some((octave << SCALE | (mantissa + addend) >> MANTISSA_BITS) as usize)
}

/// What a value is that belongs to no bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outside {
    /// Zero, or too little to be told from it.
    Zero,
    /// More than 2⁶⁴: it counts in the last bucket.
    Above,
    /// Negative, infinite or not a number.
    Refused,
}

pub(super) fn outside(value: f64) -> Outside {
    if !value.is_finite() || value < 0.0 {
        Outside::Refused
    } else if value <= ZERO_THRESHOLD {
        Outside::Zero
    } else {
        Outside::Above
    }
}

/// The value that is off by the same share from both ends of a bucket.
pub(super) fn middle(bucket: usize) -> f64 {
    let (low, high) = (lower(bucket), lower(bucket + 1));
    // Not `2 * low * high / (low + high)`: close to 2⁶⁴ that is still finite, but why rely on it.
    low * (2.0 / (1.0 + low / high))
}

/// The lower end of a bucket.
pub(super) fn lower(bucket: usize) -> f64 {
    let octave = i32::try_from(bucket / STEPS).unwrap_or(0);
    let mantissa = BOUNDARIES.get(bucket % STEPS).copied().unwrap_or(0);
    f64::from_bits(power(LOWEST + octave) | mantissa)
}

#[cfg(all(test, not(agent_model)))]
mod tests {
    use super::*;

    /// How far the rounded ends may be off.
    const ULPS: f64 = 4.0 * f64::EPSILON;

    #[test]
    fn boundaries_are_the_powers_of_the_base() {
        for (k, &mantissa) in (0_u32..).zip(&BOUNDARIES) {
            let boundary = f64::from_bits(power(0) | mantissa);
            let exact = (f64::from(k) / 64.0).exp2();
            assert!((boundary / exact - 1.0).abs() <= ULPS, "{k}");
        }
        // The square of 2^(k/64) is 2^(2k/64): the tables agree with themselves to the last bits.
        for k in 0..32 {
            let root = f64::from_bits(power(0) | BOUNDARIES[k]);
            let square = f64::from_bits(power(0) | BOUNDARIES[2 * k]);
            assert!((root * root / square - 1.0).abs() <= ULPS, "{k}");
        }
    }

    #[test]
    fn bucket_has_its_upper_end_and_not_its_lower_one() {
        for at in 0..BUCKETS {
            let (low, high) = (lower(at), lower(at + 1));
            // Ends that are no power of two are rounded down, so they still belong below.
            assert_eq!(bucket(high), Some(at), "{high}");
            assert_eq!(bucket(low.next_up()), Some(at), "{low}");
            assert_eq!(bucket(middle(at)), Some(at));
        }
        assert_eq!(bucket(ZERO_THRESHOLD), None);
        assert_eq!(bucket(HIGHEST.next_up()), None);
        assert_eq!(
            bucket(1.0),
            Some(usize::try_from(-1 - FIRST_INDEX).unwrap())
        );
    }

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "there are 6144 buckets")]
    fn index_is_that_of_the_logarithm() {
        let mut value = 3e-10_f64;
        while value < 1.8e19 {
            let exact = value.log2() * 64.0;
            // So close to an end the logarithm itself cannot tell.
            if (exact - exact.round()).abs() > 1e-9 {
                let index = bucket(value).unwrap() as f64 + f64::from(FIRST_INDEX);
                assert_eq!(index.to_bits(), (exact.ceil() - 1.0).to_bits(), "{value}");
            }
            value *= 1.000_7;
        }
    }

    #[test]
    fn what_has_no_bucket_is_told_apart() {
        let tiny = f64::from_bits(1);
        for zero in [0.0, -0.0, tiny, 1e-10, ZERO_THRESHOLD] {
            assert_eq!((bucket(zero), outside(zero)), (None, Outside::Zero));
        }
        for above in [HIGHEST.next_up(), 1e300, f64::MAX] {
            assert_eq!((bucket(above), outside(above)), (None, Outside::Above));
        }
        for refused in [
            -1.0,
            -1e-300,
            f64::NAN,
            -f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ] {
            assert_eq!(
                (bucket(refused), outside(refused)),
                (None, Outside::Refused)
            );
        }
    }

    #[test]
    fn middle_is_off_by_at_most_0_55_percent() {
        for at in 0..BUCKETS {
            let (low, middle, high) = (lower(at), middle(at), lower(at + 1));
            assert!((middle / low - 1.0).max(1.0 - middle / high) < 0.005_5);
        }
    }
}
