//! Sums that say what was added since the last point.

use super::*;

#[test]
fn intervals_that_abut_are_all_added() {
    let mut one = One::new(DELTAS);
    let points = [int(1, 10, 5), int(10, 20, 6), int(20, 30, 7)];
    assert_eq!(one.ints(points), [5, 6, 7]);
    assert_eq!((one.out.from, one.out.to, one.out.gap_ns), (20, 30, 0));
    assert_eq!(
        (one.points().covered_ns, one.points().uncovered_ns),
        (29, 0)
    );
    assert!((one.points().share() - 1.0).abs() < 1e-12);
}

#[test]
fn equal_interval_and_value_is_a_retry() {
    let mut one = One::new(DELTAS);
    let points = [int(1, 10, 5), int(10, 20, 5), int(1, 10, 5), int(10, 20, 5)];
    assert_eq!(one.ints(points), [5, 5, 0, 0]);
    assert_eq!(
        (one.points().duplicates, one.points().second_writer),
        (2, 0)
    );
}

#[test]
fn equal_interval_with_another_value_is_a_second_writer() {
    let mut one = One::new(DELTAS);
    assert_eq!(one.ints([int(1, 10, 5), int(1, 10, 6)]), [5, 6]);
    assert!(one.out.second_writer);
}

#[test]
fn overlap_is_a_second_writer_whose_amounts_count() {
    let mut one = One::new(DELTAS);
    let points = [
        int(1, 10, 5),
        int(3, 13, 50),
        int(10, 20, 6),
        int(13, 23, 60),
    ];
    assert_eq!(one.ints(points), [5, 50, 6, 60]);
    let points = one.points();
    assert_eq!(
        (points.second_writer, points.uncovered_ns, points.added),
        (3, 0, 4)
    );
}

#[test]
fn gap_is_told_and_filled_by_what_comes_late() {
    let mut one = One::new(DELTAS);
    assert_eq!(one.ints([int(1, 10, 5), int(40, 50, 8)]), [5, 8]);
    assert_eq!((one.out.gap_ns, one.points().uncovered_ns), (30, 30));
    assert!((one.points().share() - 19.0 / 49.0).abs() < 1e-12);
    assert_eq!(one.ints([int(20, 30, 7)]), [7]);
    assert_eq!((one.out.gap_ns, one.out.filled_ns), (0, 10));
    assert_eq!(one.ints([int(30, 40, 1), int(10, 20, 1)]), [1, 1]);
    let points = one.points();
    assert_eq!((points.uncovered_ns, points.second_writer), (0, 0));
}

#[test]
fn late_interval_ahead_of_the_first_opens_the_gap_between() {
    let mut one = One::new(DELTAS);
    assert_eq!(one.ints([int(50, 60, 5), int(10, 20, 6)]), [5, 6]);
    assert_eq!((one.out.gap_ns, one.points().uncovered_ns), (30, 30));
}

#[test]
fn start_may_stay_while_deltas_go_on() {
    // Some writers name the start of the program in each delta: its intervals overlap, and each is an addition.
    let mut one = One::new(DELTAS);
    assert_eq!(
        one.ints([int(1, 10, 5), int(1, 20, 5), int(1, 30, 5)]),
        [5; 3]
    );
}

#[test]
fn deltas_without_a_start_are_known_again_by_time_and_value() {
    let mut one = One::new(DELTAS);
    let points = [int(0, 10, 5), int(0, 20, 6), int(0, 20, 6), int(0, 15, 2)];
    assert_eq!(one.ints(points), [5, 6, 0, 2]);
    let points = one.points();
    assert_eq!(
        (points.duplicates, points.uncovered_ns, points.second_writer),
        (1, 0, 0)
    );
}

#[test]
fn nothing_in_an_interval_covers_it() {
    let mut one = One::new(DELTAS);
    one.add(&int(1, 10, 5));
    assert_eq!(one.add(&int(10, 20, 0)), Taken::Nothing);
    one.add(&int(20, 30, 5));
    assert_eq!(one.out.gap_ns, 0);
}

#[test]
fn interval_older_than_all_remembered_is_not_counted_again() {
    let mut one = One::new(DELTAS);
    let points = (0..20_u8).map(|it| int(1 + u64::from(it) * 10, 11 + u64::from(it) * 10, 1));
    assert_eq!(one.ints(points).iter().sum::<i128>(), 20);
    assert_eq!(one.add(&int(31, 41, 1)), Taken::Forgotten);
    assert_eq!(one.add(&int(41, 51, 1)), Taken::Duplicate);
    // What ends after the first that is remembered would still be remembered.
    assert_eq!(one.add(&int(45, 55, 1)), Taken::Added);
    assert_eq!(one.points().forgotten, 1);
}

#[test]
fn time_of_forgotten_intervals_is_not_taken_for_a_gap_that_is_filled() {
    let mut one = One::new(DELTAS);
    one.ints([int(1, 11, 1), int(31, 41, 1)]);
    one.ints((4..24).map(|it| int(it * 10 + 1, it * 10 + 11, 1)));
    assert_eq!(one.points().uncovered_ns, 20);
    // Of a second writer that tells more seldom.
    assert_eq!(one.ints([int(35, 235, 9)]), [9]);
    assert!(one.out.second_writer);
    assert_eq!(one.points().uncovered_ns, 20);
}

#[test]
fn deltas_of_sums_that_may_fall_may_be_negative() {
    let shape = Shape::Sum {
        temporality: Temporality::Delta,
        monotonic: false,
    };
    let mut one = One::new(shape);
    assert_eq!(one.ints([int(1, 10, 5), int(10, 20, -7)]), [5, -7]);
}

#[test]
fn doubles_of_deltas_are_as_they_came() {
    let mut one = One::new(DELTAS);
    one.add(&double(1, 10, 0.1));
    let change = Running {
        before: 0.0,
        after: 0.1,
    };
    assert_eq!(one.out.change, Change::Double(change));
}

#[test]
fn times_at_both_ends_of_the_range_are_counted() {
    let mut one = One::new(DELTAS);
    let points = [
        int(1, 2, 1),
        int(u64::MAX - 1, u64::MAX, 1),
        int(2, u64::MAX - 1, 1),
    ];
    assert_eq!(one.ints(points), [1; 3]);
    assert_eq!(one.points().uncovered_ns, 0);
}
