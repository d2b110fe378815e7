//! Sums that say everything since a start.

use super::*;

#[test]
fn first_point_since_a_known_start_counts_in_full() {
    let mut one = One::new(COUNTER);
    assert_eq!(one.add(&int(5, 10, 100)), Taken::Added);
    assert_eq!(one.out.change, Change::Int(100));
    assert_eq!((one.out.from, one.out.to), (5, 10));
    assert!(one.out.new_epoch && !one.out.reset_without_start);
}

#[test]
fn first_point_at_its_start_is_a_baseline() {
    let mut one = One::new(COUNTER);
    assert_eq!(one.add(&int(10, 10, 100)), Taken::Baseline);
    assert_eq!(one.out.change, Change::Nothing);
    assert_eq!(one.ints([int(10, 20, 130)]), [30]);
    assert_eq!(one.points().baselines, 1);
}

#[test]
fn first_point_without_a_start_is_a_baseline_and_a_fall_is_a_reset() {
    let mut one = One::new(COUNTER);
    assert_eq!(one.add(&int(0, 10, 100)), Taken::Baseline);
    assert_eq!(one.ints([int(0, 20, 130), int(0, 30, 4)]), [30, 4]);
    assert!(one.out.reset_without_start);
    assert_eq!(one.points().resets_without_start, 1);
}

#[test]
fn late_value_is_no_reset_and_no_baseline() {
    // The four points of which a well-known converter makes 25 after the first.
    let mut one = One::new(COUNTER);
    let points = [
        int(1, 10, 10),
        int(1, 20, 20),
        int(1, 15, 15),
        int(1, 30, 30),
    ];
    assert_eq!(one.ints(points), [10, 10, 0, 10]);
    assert_eq!(
        (one.points().late, one.points().resets_without_start),
        (1, 0)
    );
}

#[test]
fn later_total_makes_up_for_lost_points() {
    let mut one = One::new(COUNTER);
    assert_eq!(one.ints([int(1, 10, 10), int(1, 90, 95)]), [10, 85]);
    assert_eq!((one.out.from, one.out.to), (10, 90));
}

#[test]
fn same_point_twice_is_a_duplicate() {
    let mut one = One::new(COUNTER);
    one.add(&int(1, 10, 10));
    assert_eq!(one.add(&int(1, 10, 10)), Taken::Duplicate);
    assert_eq!(one.add(&int(1, 10, 11)), Taken::Late);
    assert_eq!(one.points().duplicates, 1);
}

#[test]
fn later_point_with_the_same_value_adds_nothing() {
    let mut one = One::new(COUNTER);
    one.add(&int(1, 10, 10));
    assert_eq!(one.add(&int(1, 20, 10)), Taken::Nothing);
    assert_eq!((one.out.from, one.out.to), (10, 20));
}

#[test]
fn new_start_is_a_new_epoch_whatever_its_value() {
    let mut one = One::new(COUNTER);
    let points = [int(1, 10, 10), int(12, 20, 3), int(22, 30, 50)];
    assert_eq!(one.ints(points), [10, 3, 50]);
    let points = one.points();
    let counts = (
        points.new_epochs,
        points.resets_without_start,
        points.second_writer,
    );
    assert_eq!(counts, (3, 0, 0));
}

#[test]
fn last_point_of_an_old_start_still_counts_after_a_new_one() {
    let mut one = One::new(COUNTER);
    let points = [
        int(1, 10, 10),
        int(22, 30, 5),
        int(1, 20, 17),
        int(22, 40, 6),
    ];
    assert_eq!(one.ints(points), [10, 5, 7, 1]);
    assert_eq!(one.points().second_writer, 0);
}

#[test]
fn fall_with_the_same_start_counts_in_full_and_is_marked() {
    let mut one = One::new(COUNTER);
    assert_eq!(one.ints([int(1, 10, 10), int(1, 20, 4)]), [10, 4]);
    assert!(one.out.reset_without_start && !one.out.new_epoch);
    assert_eq!(one.ints([int(1, 30, 9)]), [5]);
}

#[test]
fn fall_that_a_later_point_overtook_is_marked() {
    let mut one = One::new(COUNTER);
    let points = [int(1, 10, 3), int(1, 30, 5), int(1, 20, 4)];
    assert_eq!(one.ints(points), [3, 2, 0]);
    assert_eq!(one.points().resets_without_start, 0);
    assert_eq!(one.add(&int(1, 25, 100)), Taken::Late);
    assert_eq!(one.points().resets_without_start, 1);
    let mut one = One::new(UP_DOWN);
    one.ints([int(1, 10, 3), int(1, 30, 5), int(1, 20, 100)]);
    assert_eq!(one.points().resets_without_start, 0);
}

#[test]
fn two_writers_with_their_own_starts_are_two_streams() {
    let mut one = One::new(COUNTER);
    let points = [
        int(1, 10, 100),
        int(2, 11, 5),
        int(1, 20, 101),
        int(2, 21, 6),
        int(1, 30, 102),
    ];
    assert_eq!(one.ints(points), [100, 5, 1, 1, 1]);
    assert!(one.out.second_writer);
    assert_eq!(
        (
            one.points().second_writer,
            one.points().resets_without_start
        ),
        (4, 0)
    );
}

#[test]
fn two_writers_with_one_start_are_marked_as_resets() {
    let mut one = One::new(COUNTER);
    one.ints([
        int(1, 10, 100),
        int(1, 11, 5),
        int(1, 20, 101),
        int(1, 21, 6),
    ]);
    assert_eq!(one.points().resets_without_start, 2);
}

#[test]
fn sums_that_may_fall_do() {
    let mut one = One::new(UP_DOWN);
    let points = [
        int(1, 10, 10),
        int(1, 20, 4),
        int(1, 30, -3),
        int(1, 25, 90),
    ];
    assert_eq!(one.ints(points), [10, -6, -7, 0]);
    assert_eq!(
        (one.points().resets_without_start, one.points().late),
        (0, 1)
    );
}

#[test]
fn greatest_numbers_do_not_overflow() {
    let mut one = One::new(UP_DOWN);
    let points = [
        int(1, 10, i64::MIN),
        int(1, 20, i64::MAX),
        int(1, u64::MAX, i64::MIN),
    ];
    let span = i128::from(u64::MAX);
    assert_eq!(one.ints(points), [i128::from(i64::MIN), span, -span]);
}

#[test]
fn writer_may_change_from_integers_to_doubles_and_back() {
    let mut one = One::new(COUNTER);
    one.add(&int(1, 10, 10));
    assert_eq!(one.add(&double(1, 20, 10.5)), Taken::Added);
    let change = Running {
        before: 10.0,
        after: 10.5,
    };
    assert_eq!(one.out.change, Change::Double(change));
    assert_eq!(one.add(&int(1, 30, 12)), Taken::Added);
    let Change::Double(change) = one.out.change else {
        panic!("{:?}", one.out);
    };
    assert!((change.difference() - 1.5).abs() < 1e-12);
}

#[test]
fn units_of_running_totals_add_up_to_those_of_the_last() {
    let mut one = One::new(COUNTER);
    let (mut total, mut units) = (0.0, 0);
    for minute in 1..=10_000 {
        total += 0.000_000_000_000_3;
        one.add(&double(1, minute * 60, total));
        let Change::Double(change) = one.out.change else {
            panic!("{:?}", one.out);
        };
        units += change.units(1e12).unwrap();
    }
    // A sum of rounded differences would be 0.
    assert_eq!(units, 3_000);
    let beyond = Running {
        before: 0.0,
        after: 1e300,
    };
    assert_eq!(beyond.units(1e12), None);
}

#[test]
fn value_that_was_not_measured_counts_for_nothing() {
    let mut one = One::new(COUNTER);
    one.add(&int(1, 10, 10));
    let mut empty = int(1, 20, 0);
    empty.no_recorded_value = true;
    assert_eq!(one.add(&empty), Taken::NoRecordedValue);
    empty.data = PointData::Missing;
    assert_eq!(one.add(&empty), Taken::NoRecordedValue);
    assert_eq!(one.ints([int(1, 30, 12)]), [2]);
    assert_eq!(one.points().no_recorded_value, 2);
}

#[test]
fn gauges_are_handed_on() {
    let mut one = One::new(Shape::Gauge);
    let taken = one.add(&double(0, 0, -2.5));
    assert_eq!(taken, Taken::Gauge(Number::Double(-2.5)));
    assert_eq!((one.deltas.series(), one.points().gauges), (0, 1));
}

#[test]
fn what_cannot_be_counted_is_rejected_by_cause() {
    let unspecified = |monotonic| Shape::Sum {
        temporality: Temporality::Unspecified,
        monotonic,
    };
    let rows = [
        (COUNTER, double(1, 2, f64::NAN), Rejected::NotANumber),
        (DELTAS, double(1, 2, f64::NAN), Rejected::NotANumber),
        (Shape::Gauge, double(1, 2, f64::NAN), Rejected::NotANumber),
        (COUNTER, double(1, 2, f64::INFINITY), Rejected::Infinite),
        (UP_DOWN, double(1, 2, f64::NEG_INFINITY), Rejected::Infinite),
        (COUNTER, int(1, 2, -1), Rejected::NegativeMonotonic),
        (DELTAS, double(1, 2, -0.5), Rejected::NegativeMonotonic),
        (
            unspecified(true),
            int(1, 2, 3),
            Rejected::UnspecifiedTemporality,
        ),
        (
            unspecified(false),
            int(1, 2, 3),
            Rejected::UnspecifiedTemporality,
        ),
        (Shape::Unknown, int(1, 2, 3), Rejected::UnknownShape),
        (
            COUNTER,
            point(1, 2, PointData::Missing),
            Rejected::EmptyPoint,
        ),
        (Shape::Summary, int(1, 2, 3), Rejected::WrongKind),
        (COUNTER, int(0, 0, 3), Rejected::NoTime),
        (COUNTER, int(3, 2, 3), Rejected::TimeBeforeStart),
        (DELTAS, int(3, 2, 3), Rejected::TimeBeforeStart),
    ];
    for (shape, point, cause) in rows {
        let mut one = One::new(shape);
        let taken = one.add(&point);
        assert_eq!(taken, Taken::Rejected(cause), "{shape:?} {point:?}");
        assert_eq!(one.points().rejected(cause), 1);
        assert_eq!(one.points().rejected_points(), 1);
        assert_eq!(one.deltas.series(), 0);
        assert_eq!(one.out, Added::default());
    }
}

#[test]
fn points_of_times_to_come_are_rejected() {
    let mut one = One::new(COUNTER);
    one.deltas.expect_until(20);
    assert_eq!(one.ints([int(1, 20, 5)]), [5]);
    let taken = one.add(&int(1, 21, 6));
    assert_eq!(taken, Taken::Rejected(Rejected::InFuture));
    one.deltas.expect_until(30);
    assert_eq!(one.ints([int(1, 21, 6)]), [1]);
}

#[test]
fn point_of_another_kind_than_the_series_is_rejected() {
    let mut one = One::new(COUNTER);
    one.add(&int(1, 10, 10));
    let taken = one.deltas.add(KEY, DELTAS, &int(10, 20, 3), &mut one.out);
    assert_eq!(taken, Taken::Rejected(Rejected::WrongKind));
    assert_eq!(one.ints([int(1, 20, 11)]), [1]);
}
