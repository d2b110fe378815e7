//! Histograms, exponential histograms and summaries.

use super::*;
use crate::otlp::wire::{ExponentialData, HistogramData};

const HISTOGRAM: Shape = Shape::Histogram(Temporality::Cumulative);
const EXPONENTIAL: Shape = Shape::ExponentialHistogram(Temporality::Cumulative);

fn buckets(buckets: [u64; 3], sum: f64, extremes: (f64, f64)) -> HistogramData {
    HistogramData {
        count: buckets.iter().sum(),
        sum: Some(sum),
        min: Some(extremes.0),
        max: Some(extremes.1),
        bounds: vec![1.0, 10.0],
        buckets: buckets.into(),
    }
}

fn histogram(start: u64, time: u64, data: HistogramData) -> Point {
    point(start, time, PointData::Histogram(data))
}

fn exponential(start: u64, time: u64, data: &ExponentialData) -> Point {
    point(start, time, PointData::Exponential(data.clone()))
}

/// Some values of scale 2 from index -2 on.
fn fine() -> ExponentialData {
    ExponentialData {
        count: 15,
        sum: Some(30.0),
        scale: 2,
        zero_count: 1,
        positive_offset: -2,
        positive: vec![1, 2, 3, 4],
        negative_offset: 0,
        negative: vec![4],
        ..ExponentialData::default()
    }
}

impl One {
    fn histogram(&self) -> &Distribution<HistogramData> {
        match &self.out.change {
            Change::Histogram(it) => it,
            other => panic!("{other:?}"),
        }
    }

    fn exponential(&self) -> &ExponentialData {
        match &self.out.change {
            Change::Exponential(it) => &it.data,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn histogram_adds_what_its_buckets_grew_by() {
    let mut one = One::new(HISTOGRAM);
    one.add(&histogram(1, 10, buckets([1, 2, 0], 6.0, (0.5, 4.0))));
    assert_eq!(one.histogram().data, buckets([1, 2, 0], 6.0, (0.5, 4.0)));
    one.add(&histogram(1, 20, buckets([1, 3, 2], 46.0, (0.5, 30.0))));
    let expected = HistogramData {
        min: None,
        ..buckets([0, 1, 2], 40.0, (0.0, 30.0))
    };
    assert_eq!(one.histogram().data, expected);
    let sum = Running {
        before: 6.0,
        after: 46.0,
    };
    assert_eq!(one.histogram().sum, Some(sum));
}

#[test]
fn histogram_that_fell_counts_in_full() {
    let mut one = One::new(HISTOGRAM);
    one.add(&histogram(1, 10, buckets([5, 2, 0], 6.0, (0.5, 4.0))));
    // The count alone does not tell.
    one.add(&histogram(1, 20, buckets([4, 2, 9], 90.0, (0.5, 4.0))));
    assert!(one.out.reset_without_start);
    assert_eq!(one.histogram().data, buckets([4, 2, 9], 90.0, (0.5, 4.0)));
    one.add(&histogram(1, 30, buckets([4, 2, 1], 90.0, (0.5, 4.0))));
    assert!(one.out.reset_without_start);
}

#[test]
fn other_bounds_begin_anew() {
    let mut one = One::new(HISTOGRAM);
    one.add(&histogram(1, 10, buckets([1, 2, 0], 6.0, (0.5, 4.0))));
    let mut other = buckets([1, 2, 1], 9.0, (0.5, 4.0));
    other.bounds = vec![1.0, 11.0];
    one.add(&histogram(1, 20, other.clone()));
    assert!(one.out.reset_without_start);
    assert_eq!(one.histogram().data, other);
}

#[test]
fn sum_that_is_absent_stays_so() {
    let mut one = One::new(HISTOGRAM);
    let mut data = buckets([1, 2, 0], 6.0, (0.5, 4.0));
    data.sum = None;
    one.add(&histogram(1, 10, data));
    assert_eq!(one.histogram().data.sum, None);
    one.add(&histogram(1, 20, buckets([1, 2, 1], 26.0, (0.5, 4.0))));
    let added = one.histogram();
    assert_eq!(
        (added.data.count, added.data.sum, added.sum),
        (1, None, None)
    );
}

#[test]
fn histogram_without_buckets_adds_count_and_sum() {
    let mut one = One::new(HISTOGRAM);
    let bare = |count, sum| HistogramData {
        count,
        sum: Some(sum),
        ..HistogramData::default()
    };
    one.add(&histogram(1, 10, bare(3, 9.0)));
    one.add(&histogram(1, 20, bare(5, 10.0)));
    assert_eq!(one.histogram().data, bare(2, 1.0));
}

#[test]
fn late_and_same_histograms_add_nothing() {
    let mut one = One::new(HISTOGRAM);
    let first = histogram(1, 10, buckets([1, 2, 0], 6.0, (0.5, 4.0)));
    let second = histogram(1, 20, buckets([1, 3, 0], 8.0, (0.5, 4.0)));
    one.add(&second);
    assert_eq!(one.add(&first), Taken::Late);
    assert_eq!(one.add(&second), Taken::Duplicate);
    let same = Point { time: 30, ..second };
    assert_eq!(one.add(&same), Taken::Nothing);
}

#[test]
fn deltas_of_histograms_are_as_they_came() {
    let mut one = One::new(Shape::Histogram(Temporality::Delta));
    let data = buckets([1, 2, 0], 6.0, (0.5, 4.0));
    let first = histogram(1, 10, data.clone());
    assert_eq!(one.add(&first), Taken::Added);
    assert_eq!(one.histogram().data, data);
    assert_eq!(one.add(&first), Taken::Duplicate);
    let other = histogram(1, 10, buckets([2, 1, 0], 6.0, (0.5, 4.0)));
    assert_eq!(one.add(&other), Taken::Added);
    assert!(one.out.second_writer);
}

#[test]
fn distributions_that_do_not_add_up_are_rejected() {
    let good = buckets([1, 2, 0], 6.0, (0.5, 4.0));
    let row = |change: fn(&mut HistogramData), cause| {
        let mut data = good.clone();
        change(&mut data);
        (HISTOGRAM, histogram(1, 10, data), cause)
    };
    let exponential = |change: fn(&mut ExponentialData), cause| {
        let mut data = fine();
        change(&mut data);
        (EXPONENTIAL, exponential(1, 10, &data), cause)
    };
    let summary = |sum| point(1, 10, PointData::Summary { count: 1, sum });
    let rows = [
        row(|it| it.count = 4, Rejected::BucketMismatch),
        row(|it| it.buckets = vec![3], Rejected::BucketMismatch),
        row(|it| it.bounds = vec![10.0, 1.0], Rejected::BucketMismatch),
        row(
            |it| it.bounds = vec![1.0, f64::NAN],
            Rejected::BucketMismatch,
        ),
        row(
            |it| it.buckets = vec![u64::MAX, 3, 1],
            Rejected::BucketMismatch,
        ),
        row(|it| it.buckets = vec![0; 1_025], Rejected::TooManyBuckets),
        row(|it| it.sum = Some(f64::NAN), Rejected::NotANumber),
        row(|it| it.sum = Some(f64::INFINITY), Rejected::Infinite),
        exponential(|it| it.count = 14, Rejected::BucketMismatch),
        exponential(|it| it.scale = 21, Rejected::BucketMismatch),
        exponential(|it| it.scale = i32::MIN, Rejected::BucketMismatch),
        exponential(|it| it.positive_offset = i32::MAX, Rejected::BucketMismatch),
        exponential(|it| it.negative_offset = 4_096, Rejected::BucketMismatch),
        exponential(|it| it.zero_threshold = -1.0, Rejected::BucketMismatch),
        exponential(|it| it.positive = vec![0; 1_025], Rejected::TooManyBuckets),
        exponential(|it| it.zero_threshold = f64::NAN, Rejected::NotANumber),
        (Shape::Summary, summary(f64::NAN), Rejected::NotANumber),
    ];
    for (shape, point, cause) in rows {
        let taken = One::new(shape).add(&point);
        assert_eq!(taken, Taken::Rejected(cause), "{point:?}");
    }
}

#[test]
fn exponential_histogram_adds_what_its_buckets_grew_by() {
    let mut one = One::new(EXPONENTIAL);
    one.add(&exponential(1, 10, &fine()));
    assert_eq!(one.exponential(), &fine());
    let mut later = fine();
    later.positive = vec![9, 1, 2, 3, 5, 0];
    later.positive_offset = -3;
    later.count = 26;
    later.zero_count = 2;
    later.sum = Some(40.0);
    one.add(&exponential(1, 20, &later));
    let expected = ExponentialData {
        count: 11,
        sum: Some(10.0),
        zero_count: 1,
        positive: vec![9, 0, 0, 0, 1, 0],
        negative: vec![0],
        ..later
    };
    assert_eq!(one.exponential(), &expected);
}

#[test]
fn earlier_buckets_are_merged_where_the_scale_fell() {
    let mut one = One::new(EXPONENTIAL);
    one.add(&exponential(1, 10, &fine()));
    // Indexes -2 to 1 at scale 2 are -1 and 0 at scale 1, and so at scale 0.
    let later = ExponentialData {
        count: 17,
        scale: 0,
        positive_offset: -1,
        positive: vec![3, 8],
        negative: vec![5],
        sum: Some(40.0),
        ..fine()
    };
    one.add(&exponential(1, 20, &later));
    assert!(!one.out.reset_without_start);
    let expected = ExponentialData {
        count: 2,
        sum: Some(10.0),
        zero_count: 0,
        positive: vec![0, 1],
        negative: vec![1],
        ..later
    };
    assert_eq!(one.exponential(), &expected);
}

#[test]
fn finer_scale_or_lower_threshold_begin_anew() {
    let finer = ExponentialData { scale: 3, ..fine() };
    let raised = ExponentialData {
        zero_threshold: 0.25,
        ..fine()
    };
    for (before, after) in [(fine(), finer), (raised, fine())] {
        let mut one = One::new(EXPONENTIAL);
        one.add(&exponential(1, 10, &before));
        one.add(&exponential(1, 20, &after));
        assert!(one.out.reset_without_start, "{after:?}");
        assert_eq!(one.exponential(), &after);
        // The new one is what the next is compared with.
        assert_eq!(one.add(&exponential(1, 30, &after)), Taken::Nothing);
    }
}

#[test]
fn any_scale_may_follow_an_empty_histogram() {
    let mut one = One::new(EXPONENTIAL);
    let empty = ExponentialData {
        sum: Some(0.0),
        ..ExponentialData::default()
    };
    assert_eq!(one.add(&exponential(1, 10, &empty)), Taken::Nothing);
    assert_eq!(one.add(&exponential(1, 20, &fine())), Taken::Added);
    assert!(!one.out.reset_without_start);
}

#[test]
fn risen_threshold_takes_small_buckets_for_zero() {
    let mut one = One::new(EXPONENTIAL);
    one.add(&exponential(1, 10, &fine()));
    // All buckets up to index -1 end at 2^0.
    let later = ExponentialData {
        count: 17,
        zero_threshold: 1.0,
        zero_count: 5,
        positive_offset: 0,
        positive: vec![4, 4],
        ..fine()
    };
    one.add(&exponential(1, 20, &later));
    assert!(!one.out.reset_without_start);
    let added = one.exponential();
    assert_eq!((added.count, added.zero_count), (2, 1));
    assert_eq!(
        (&*added.positive, &*added.negative),
        (&[1, 0][..], &[0][..])
    );
}

#[test]
fn bucket_that_the_threshold_divides_gives_to_both() {
    let mut one = One::new(EXPONENTIAL);
    one.add(&exponential(1, 10, &fine()));
    // Index -1 reaches from 0.84 to 1.
    let later = ExponentialData {
        count: 15,
        zero_threshold: 0.9,
        zero_count: 3,
        positive_offset: -1,
        positive: vec![1, 3, 4],
        ..fine()
    };
    assert_eq!(one.add(&exponential(1, 20, &later)), Taken::Nothing);
    assert!(!one.out.reset_without_start);
}

#[test]
fn bucket_above_the_threshold_that_fell_begins_anew() {
    let mut one = One::new(EXPONENTIAL);
    one.add(&exponential(1, 10, &fine()));
    let other = ExponentialData {
        zero_threshold: 0.75,
        zero_count: 2,
        positive: vec![1, 2, 3, 3],
        ..fine()
    };
    one.add(&exponential(1, 20, &other));
    assert!(one.out.reset_without_start);
    assert_eq!(one.exponential(), &other);
}

#[test]
fn buckets_that_are_gone_begin_anew() {
    let mut one = One::new(EXPONENTIAL);
    one.add(&exponential(1, 10, &fine()));
    let other = ExponentialData {
        positive_offset: 0,
        positive: vec![30],
        count: 35,
        ..fine()
    };
    one.add(&exponential(1, 20, &other));
    assert!(one.out.reset_without_start);
    assert_eq!(one.exponential(), &other);
}

#[test]
fn summaries_add_count_and_sum() {
    let mut one = One::new(Shape::Summary);
    let summary = |time, count, sum| point(1, time, PointData::Summary { count, sum });
    one.add(&summary(10, 3, 9.0));
    one.add(&summary(20, 5, 10.5));
    let added = &one.histogram().data;
    assert_eq!((added.count, added.sum), (2, Some(1.5)));
    assert_eq!(one.add(&summary(20, 5, 10.5)), Taken::Duplicate);
    one.add(&summary(30, 1, 2.0));
    assert!(one.out.reset_without_start);
    let added = &one.histogram().data;
    assert_eq!((added.count, added.sum), (1, Some(2.0)));
}

#[test]
fn extremes_of_unknown_times_are_left_out() {
    let mut one = One::new(HISTOGRAM);
    let untold = HistogramData {
        min: None,
        max: None,
        ..buckets([1, 2, 0], 6.0, (0.5, 4.0))
    };
    one.add(&histogram(1, 10, untold));
    one.add(&histogram(1, 20, buckets([1, 3, 0], 8.0, (0.5, 4.0))));
    let added = &one.histogram().data;
    assert_eq!((added.min, added.max), (None, None));
}

#[test]
fn extremes_that_are_no_numbers_are_left_out() {
    let mut one = One::new(HISTOGRAM);
    one.add(&histogram(1, 10, buckets([1, 2, 0], 6.0, (f64::NAN, 4.0))));
    let added = &one.histogram().data;
    assert_eq!((added.min, added.max), (None, Some(4.0)));
    let mark = one.deltas.mark(KEY).unwrap();
    assert_eq!(one.deltas.restore(KEY, &mark), Ok(()));
}
