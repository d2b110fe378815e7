//! Distributions against sorting: quantiles, merging, differences, bytes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "functions that tests share are tests as well"
)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "ranks of lists of at most a thousand"
)]

use agent_telemetry::ExponentialHistogram;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn of(values: &[f64]) -> ExponentialHistogram {
    let mut all = ExponentialHistogram::new();
    for &value in values {
        all.record(value);
    }
    all
}

/// Latencies from a microsecond to an hour, token counts, and what lies at the edges.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => (-6.0..3.6_f64).prop_map(|power| 10_f64.powf(power)),
        4 => (0_u32..2_000_000).prop_map(f64::from),
        2 => (-32_i32..=64).prop_map(|power| f64::from(power).exp2()),
        1 => prop_oneof![Just(0.0), Just(1e-12), Just(1e30), Just(1e300)],
        1 => prop_oneof![Just(-1.0), Just(f64::NAN), Just(f64::INFINITY)],
    ]
}

fn values() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(value(), 0..400)
}

fn merged(left: &ExponentialHistogram, right: &ExponentialHistogram) -> ExponentialHistogram {
    let mut both = left.clone();
    both.merge(right);
    both
}

/// Equal in all but the rounding of floating-point numbers.
fn assert_same(left: &ExponentialHistogram, right: &ExponentialHistogram) {
    let counts = |all: &ExponentialHistogram| {
        let counts = (all.count(), all.zero_count(), all.clamped(), all.refused());
        (counts, all.offset(), all.bucket_counts().to_vec())
    };
    assert_eq!(counts(left), counts(right));
    let values = |all: &ExponentialHistogram| [Some(all.sum()), all.min(), all.max()];
    for (left, right) in values(left).into_iter().zip(values(right)) {
        assert_eq!(left.is_some(), right.is_some());
        let (left, right) = (left.unwrap_or_default(), right.unwrap_or_default());
        let close = (left - right).abs() <= 1e-12 * left.max(right);
        assert!(close || left.to_bits() == right.to_bits(), "{left} {right}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, rng_seed: RngSeed::Fixed(6), ..ProptestConfig::default() })]

    #[test]
    fn quantiles_are_those_of_sorting_within_0_55_percent(
        values in prop::collection::vec(value(), 1..1_000),
        share in 0.0..=1.0_f64,
    ) {
        let all = of(&values);
        let mut sorted: Vec<_> =
            values.into_iter().filter(|value| value.is_finite() && *value >= 0.0).collect();
        sorted.sort_by(f64::total_cmp);
        prop_assert_eq!(all.count(), sorted.len() as u64);
        for q in [0.0, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0, share] {
            let Some(found) = all.quantile(q) else {
                prop_assert!(sorted.is_empty());
                continue;
            };
            let rank = ((q * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len());
            let exact = sorted[rank - 1];
            // Below the threshold it is zero, and above 2⁶⁴ within what was there.
            if exact > all.zero_threshold() && exact <= 64_f64.exp2() {
                prop_assert!((found / exact - 1.0).abs() < 0.0055, "p{q}: {found}, not {exact}");
            } else if exact <= all.zero_threshold() {
                prop_assert!(found <= all.zero_threshold());
            } else {
                prop_assert!(found >= 63.9_f64.exp2() && Some(found) <= all.max());
            }
        }
    }

    #[test]
    fn every_value_is_in_the_bucket_that_opentelemetry_says(values in values()) {
        for value in values {
            let all = of(&[value]);
            if let [1] = all.bucket_counts() && all.clamped() == 0 {
                let index = f64::from(all.offset());
                let exact = value.log2() * 64.0;
                prop_assert!(index <= exact + 1e-9 && exact - 1e-9 <= index + 1.0, "{value}");
            }
        }
    }

    #[test]
    fn merging_is_commutative_and_associative_and_as_if_recorded_together(
        a in values(), b in values(), c in values(),
    ) {
        let together = of(&[a.clone(), b.clone(), c.clone()].concat());
        let [a, b, c] = [a, b, c].map(|values| of(&values));
        let left = merged(&merged(&a, &b), &c);
        assert_same(&left, &merged(&a, &merged(&b, &c)));
        assert_same(&left, &merged(&merged(&c, &a), &b));
        assert_same(&left, &together);
        prop_assert_eq!(merged(&a, &ExponentialHistogram::new()), a.clone());
        prop_assert_eq!(merged(&ExponentialHistogram::new(), &a), a);
    }

    #[test]
    fn difference_is_what_came_in_between(a in values(), b in values()) {
        let (before, after) = (of(&a), of(&[a, b.clone()].concat()));
        let since = after.since(&before).unwrap();
        let expected = of(&b);
        prop_assert_eq!(since.count(), expected.count());
        prop_assert_eq!(since.bucket_counts(), expected.bucket_counts());
        prop_assert_eq!(since.zero_count(), expected.zero_count());
        prop_assert_eq!(since.refused(), expected.refused());
        if expected.count() > 0 && before.count() > 0 {
            // What was counted is not followed by the past.
            prop_assert_eq!(before.since(&after), None);
            prop_assert_eq!(since.max(), None);
        }
    }

    #[test]
    fn bytes_and_json_give_the_same_distribution_back(a in values(), b in values()) {
        let (before, after) = (of(&a), of(&[a, b].concat()));
        for all in [after.since(&before).unwrap(), after] {
            let bytes = all.to_bytes();
            prop_assert_eq!(ExponentialHistogram::from_bytes(&bytes).unwrap(), all.clone());
            let json = serde_json::to_string(&all).unwrap();
assert_same(&serde_json::from_str(&json).unwrap(), &all);
        }
    }

    #[test]
    fn any_bytes_are_refused_or_a_distribution(
        head in prop::collection::vec(any::<u8>(), 0..60), start in 0..3_usize,
    ) {
        let bytes = [[1, 0, 0, 0, 0, 0].get(..2 * start).unwrap(), &head].concat();
        if let Ok(all) = ExponentialHistogram::from_bytes(&bytes) {
            prop_assert!(all.bucket_counts().len() <= 6_144);
            prop_assert_eq!(ExponentialHistogram::from_bytes(&all.to_bytes()), Ok(all));
        }
    }
}

#[test]
fn counting_that_began_anew_is_not_a_difference() {
    let before = of(&[1.0, 2.0, 3.0]);
    for after in [of(&[]), of(&[1.0, 3.0]), of(&[1.0, 2.0, 4.0, 5.0])] {
        assert_eq!(after.since(&before), None);
    }
}

#[test]
fn json_of_something_else_is_refused() {
    let good = serde_json::to_value(of(&[1.0, 2.0])).unwrap();
    let with = |field: &str, value: serde_json::Value| {
        let mut changed = good.clone();
        changed[field] = value;
        serde_json::from_value::<ExponentialHistogram>(changed)
    };
    assert!(with("sum", 4.into()).is_ok());
    for (field, value) in [
        ("scale", 5.into()),
        ("zero_threshold", 0.5.into()),
        ("offset", (-2_049).into()),
        ("offset", i32::MAX.into()),
        ("bucket_counts", vec![0, 1].into()),
        ("bucket_counts", vec![u64::MAX, 1].into()),
        ("bucket_counts", vec![1_u64; 7_000].into()),
        ("sum", (-1).into()),
        ("min", 5.into()),
        ("min", serde_json::Value::Null),
        ("clamped", 1.into()),
    ] {
        assert!(with(field, value.clone()).is_err(), "{field} {value}");
    }
}

#[test]
fn typical_latencies_take_4_kib_at_most_and_few_bytes_on_disk() {
    let mut all = ExponentialHistogram::new();
    // From 0.25 to 60 seconds, as model calls take.
    (0..100_000).for_each(|at| all.record(0.25 * 240_f64.powf(f64::from(at) / 100_000.0)));
    assert!(
        8 * all.bucket_counts().len() <= 4_096,
        "{}",
        all.bucket_counts().len()
    );
    let bytes = all.to_bytes().len();
    assert!(bytes <= 3 * all.bucket_counts().len() + 40, "{bytes}");
}

#[test]
fn quantile_is_asked_for_with_a_share_and_answered_with_the_ends() {
    let all = of(&[0.123, 4.56, 78.9]);
    assert_eq!(
        (all.quantile(0.0), all.quantile(1.0)),
        (Some(0.123), Some(78.9))
    );
    for wrong in [-0.1, 1.1, f64::NAN] {
        assert_eq!(all.quantile(wrong), None);
    }
    assert_eq!(ExponentialHistogram::new().quantile(0.5), None);
}
