//! Points that no honest writer sends.

use fastrand::Rng;

use super::*;
use crate::otlp::wire::{ExponentialData, HistogramData};

fn time(rng: &mut Rng) -> u64 {
    let near = rng.u64(..100);
    rng.choice([0, 1, near, near, u64::MAX - near, u64::MAX])
        .unwrap_or(0)
}

fn count(rng: &mut Rng) -> u64 {
    let few = rng.u64(..5);
    rng.choice([0, few, few, few, u64::MAX - few, u64::MAX])
        .unwrap_or(0)
}

fn double(rng: &mut Rng) -> f64 {
    let any = f64::from_bits(rng.u64(..));
    let extreme = [
        0.0,
        -0.0,
        1.5,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        5e-324,
    ];
    let extreme = rng.choice(extreme).unwrap_or(0.0);
    rng.choice([any, extreme, extreme, f64::NAN, f64::INFINITY])
        .unwrap_or(0.0)
}

fn optional(rng: &mut Rng) -> Option<f64> {
    rng.bool().then(|| double(rng))
}

fn small(rng: &mut Rng) -> i32 {
    let few = rng.i32(-12..22);
    rng.choice([few, few, few, i32::MIN, i32::MAX]).unwrap_or(0)
}

fn list(rng: &mut Rng) -> Vec<u64> {
    (0..rng.usize(..6)).map(|_| count(rng)).collect()
}

fn data(rng: &mut Rng) -> PointData {
    match rng.u8(..6) {
        0 => PointData::Number(Number::Int(count(rng).cast_signed())),
        1 => PointData::Number(Number::Double(double(rng))),
        2 => PointData::Summary {
            count: count(rng),
            sum: double(rng),
        },
        3 => {
            let buckets = list(rng);
            let total = buckets.iter().fold(0, |sum: u64, it| sum.wrapping_add(*it));
            let mut bounds: Vec<f64> = (1..buckets.len()).map(|_| double(rng)).collect();
            bounds.sort_by(f64::total_cmp);
            PointData::Histogram(HistogramData {
                count: if rng.bool() { total } else { count(rng) },
                sum: optional(rng),
                min: optional(rng),
                max: optional(rng),
                bounds,
                buckets,
            })
        }
        4 => {
            let (positive, negative, zero_count) = (list(rng), list(rng), count(rng));
            let counts = positive.iter().chain(&negative);
            let total = counts.fold(zero_count, |sum: u64, it| sum.wrapping_add(*it));
            PointData::Exponential(ExponentialData {
                count: if rng.bool() { total } else { count(rng) },
                sum: optional(rng),
                min: optional(rng),
                max: optional(rng),
                scale: small(rng),
                zero_count,
                zero_threshold: double(rng).abs(),
                positive_offset: small(rng),
                positive,
                negative_offset: small(rng),
                negative,
            })
        }
        _ => PointData::Missing,
    }
}

fn shape(rng: &mut Rng, data: &PointData) -> Shape {
    let temporality = if rng.bool() {
        Temporality::Cumulative
    } else {
        Temporality::Delta
    };
    match data {
        PointData::Missing => Shape::Gauge,
        PointData::Number(_) => Shape::Sum {
            temporality,
            monotonic: rng.bool(),
        },
        PointData::Histogram(_) => Shape::Histogram(temporality),
        PointData::Exponential(_) => Shape::ExponentialHistogram(temporality),
        PointData::Summary { .. } => Shape::Summary,
    }
}

#[test]
fn nothing_that_arrives_breaks_anything() {
    let mut rng = Rng::with_seed(11);
    let mut deltas = Deltas::new(DeltasConfig {
        series: 30,
        gone: 4,
    });
    let mut out = Added::default();
    let mut taken = 0;
    for turn in 0..200_000 {
        if turn % 200 == 0 {
            deltas = Deltas::new(DeltasConfig {
                series: 30,
                gone: 4,
            });
        }
        let data = data(&mut rng);
        let shape = shape(&mut rng, &data);
        let point = point(time(&mut rng), time(&mut rng), data);
        // Mostly one key for each shape, as is right.
        let kind = match shape {
            Shape::Sum { temporality, .. } => temporality as u128,
            Shape::Histogram(temporality) => 2 + temporality as u128,
            Shape::ExponentialHistogram(temporality) => 4 + temporality as u128,
            _ => 6,
        };
        let key = SeriesKey(kind * 16 + rng.u128(..8));
        let became = deltas.add(key, shape, &point, &mut out);
        taken += u64::from(became == Taken::Added);
        if let Some(mark) = deltas.mark(key).filter(|_| rng.u8(..8) == 0) {
            assert_eq!(deltas.restore(key, &mark), Ok(()), "{point:?}");
            assert_eq!(deltas.mark(key), Some(mark));
        }
    }
    assert!(taken > 5_000, "only {taken}");
}
