//! What survives the process.

use super::*;
use crate::otlp::wire::{ExponentialData, HistogramData};

/// Points of all shapes, each of which changes what is remembered.
fn series() -> Vec<(Shape, Vec<Point>)> {
    let histogram = |count| {
        PointData::Histogram(HistogramData {
            count,
            sum: Some(0.1),
            bounds: vec![1.0],
            buckets: vec![count, 0],
            ..HistogramData::default()
        })
    };
    let exponential = |count| {
        PointData::Exponential(ExponentialData {
            count,
            sum: None,
            min: Some(-1.0),
            scale: -3,
            negative_offset: -1,
            negative: vec![count],
            ..ExponentialData::default()
        })
    };
    let summary = |count| PointData::Summary { count, sum: 2.5 };
    vec![
        (
            COUNTER,
            vec![int(1, 10, 5), int(12, 20, 1), int(1, 12, 9), int(0, 9, 2)],
        ),
        (UP_DOWN, vec![int(1, 10, i64::MIN), double(1, 11, -0.5)]),
        (
            DELTAS,
            vec![
                int(1, 10, 5),
                double(30, 40, 0.5),
                int(5, 12, 1),
                int(0, 13, 1),
            ],
        ),
        (
            Shape::Histogram(Temporality::Cumulative),
            vec![point(1, 10, histogram(3)), point(1, 20, histogram(1 << 60))],
        ),
        (
            Shape::ExponentialHistogram(Temporality::Cumulative),
            vec![
                point(1, 10, exponential(3)),
                point(2, u64::MAX, exponential(4)),
            ],
        ),
        (
            Shape::Summary,
            vec![point(1, 10, summary(2)), point(1, 11, summary(3))],
        ),
    ]
}

#[test]
fn restored_series_goes_on_as_if_nothing_had_happened() {
    for (shape, points) in series() {
        for cut in 1..=points.len() {
            let mut whole = One::new(shape);
            let mut first = One::new(shape);
            for point in &points[..cut] {
                whole.add(point);
                first.add(point);
            }
            let mark = first.deltas.mark(KEY).unwrap();
            let mut second = One::new(shape);
            assert!(!second.deltas.knows(KEY));
            second.deltas.restore(KEY, &mark).unwrap();
            assert_eq!(second.deltas.mark(KEY).as_ref(), Some(&mark));
            for point in points.iter().chain(&points[cut..]) {
                assert_eq!(second.add(point), whole.add(point), "{point:?}");
                assert_eq!(second.out, whole.out, "{point:?}");
            }
        }
    }
}

#[test]
fn baseline_of_an_unknown_start_is_restored() {
    let mut one = One::new(COUNTER);
    one.add(&int(0, 10, 100));
    let mark = one.deltas.mark(KEY).unwrap();
    let mut next = One::new(COUNTER);
    next.deltas.restore(KEY, &mark).unwrap();
    assert_eq!(next.ints([int(0, 20, 107)]), [7]);
}

#[test]
fn marks_read_the_same_in_later_versions() {
    let hex = |mark: Vec<u8>| {
        let digits = mark.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let digits = digits.filter_map(|digit| char::from_digit(digit.into(), 16));
        digits.collect::<String>()
    };
    let golden = [
        "010000000300120004061000022516001200",
        "0100000001021401000000000000e0bf00",
        "01010100024e15044d120500000000000000090e0100000000000000020001000000000000002214000000157c4adf76",
        "0100000001022602808080808080808010019a9999999999b93f000001000000000000f03f028080808080808080100000",
        "0100010002040503040001000000000000f0bf00050000000000000000000000010104041203030001000000000000f0bf0005000000000000000000000001010300",
        "010000000102140403000000000000044000",
    ];
    let marks: Vec<_> = series()
        .into_iter()
        .map(|(shape, points)| {
            let mut one = One::new(shape);
            for point in &points {
                one.add(point);
            }
            hex(one.deltas.mark(KEY).unwrap())
        })
        .collect();
    assert_eq!(marks, golden);
}

#[test]
fn bytes_that_are_no_mark_change_nothing() {
    let mut one = One::new(COUNTER);
    one.add(&int(1, 10, 5));
    // A number of more than 64 bits.
    let too_large = [&[1, 0, 0][..], &[0xff; 9], &[0x7f, 0, 0]].concat();
    for bytes in [
        &too_large[..],
        &[],
        &[1],
        &[2, 0],
        &[1, 2],
        &[0xff; 40],
        &[1, 0, 0, 0, 9],
    ] {
        assert_eq!(
            one.deltas.restore(KEY, bytes),
            Err(InvalidMark),
            "{bytes:?}"
        );
    }
    assert_eq!(one.ints([int(1, 20, 6)]), [1]);
}

#[test]
fn damaged_marks_are_refused_or_harmless() {
    let mut rng = fastrand::Rng::with_seed(5);
    for (shape, points) in series() {
        let mut one = One::new(shape);
        for point in &points {
            one.add(point);
        }
        let mark = one.deltas.mark(KEY).unwrap();
        for length in 0..mark.len() {
            let cut = one.deltas.restore(KEY, &mark[..length]);
            assert_eq!(cut, Err(InvalidMark), "{length}");
        }
        let longer = [&mark[..], &[0]].concat();
        assert_eq!(one.deltas.restore(KEY, &longer), Err(InvalidMark));
        for _ in 0..2_000 {
            let mut damaged = mark.clone();
            for _ in 0..rng.usize(1..4) {
                let at = rng.usize(..mark.len());
                damaged[at] = rng.u8(..);
            }
            if one.deltas.restore(KEY, &damaged).is_ok() {
                for point in &points {
                    one.add(point);
                }
                one.deltas.mark(KEY).unwrap();
            }
        }
    }
}
