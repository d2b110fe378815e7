//! Bounds: series and starts that make room for others.

use super::*;

fn small(series: usize, gone: usize) -> One {
    One {
        deltas: Deltas::new(DeltasConfig { series, gone }),
        ..One::new(COUNTER)
    }
}

impl One {
    fn of(&mut self, key: u128, point: &Point) -> (Taken, i128) {
        let key = SeriesKey(key);
        let taken = self.deltas.add(key, self.shape, point, &mut self.out);
        match self.out.change {
            Change::Int(it) => (taken, it),
            _ => (taken, 0),
        }
    }
}

#[test]
fn series_that_was_not_used_makes_room() {
    let mut one = small(3, 8);
    for key in 0..3 {
        one.of(key, &int(1, 10, 5));
    }
    // All were used, so the first has to go; then the one that was not used since.
    one.of(3, &int(1, 10, 5));
    one.of(1, &int(1, 20, 6));
    one.of(4, &int(1, 10, 5));
    let known = [0, 1, 2, 3, 4].map(|key| one.deltas.knows(SeriesKey(key)));
    assert_eq!(known, [false, true, false, true, true]);
    assert_eq!((one.deltas.series(), one.deltas.figures().evicted), (3, 2));
}

#[test]
fn a_place_that_is_kept_is_found_at_once_and_seen_through_when_another_series_has_it() {
    let mut one = small(1, 8);
    let add = |one: &mut One, place: &mut Place, key, value| {
        let point = int(1, 10 + u64::try_from(value).unwrap(), value);
        let taken = one
            .deltas
            .add_at(place, SeriesKey(key), COUNTER, &point, &mut one.out);
        (taken, one.out.change.clone())
    };
    let (mut first, mut second) = (Place::default(), Place::default());
    assert_eq!(
        add(&mut one, &mut first, 1, 5),
        (Taken::Added, Change::Int(5))
    );
    assert_eq!(
        add(&mut one, &mut first, 1, 7),
        (Taken::Added, Change::Int(2))
    );
    // It takes the place of the first.
    assert_eq!(
        add(&mut one, &mut second, 2, 30),
        (Taken::Added, Change::Int(30))
    );
    assert_eq!(add(&mut one, &mut first, 1, 40).0, Taken::Baseline);
    assert_eq!(add(&mut one, &mut second, 2, 40).0, Taken::Baseline);
    assert_eq!(
        add(&mut one, &mut second, 2, 41),
        (Taken::Added, Change::Int(1))
    );
}

#[test]
fn evicted_series_that_comes_back_is_not_counted_twice() {
    let mut one = small(1, 8);
    assert_eq!(one.of(1, &int(1, 10, 5)), (Taken::Added, 5));
    assert_eq!(one.of(2, &int(1, 10, 5)), (Taken::Added, 5));
    assert_eq!(one.of(1, &int(1, 10, 5)), (Taken::Forgotten, 0));
    assert!(one.deltas.knows(SeriesKey(2)));
    assert_eq!(one.of(1, &int(1, 20, 7)), (Taken::Baseline, 0));
    assert_eq!(one.of(1, &int(1, 30, 8)), (Taken::Added, 1));
    // What started later is new.
    assert_eq!(one.of(2, &int(11, 20, 5)), (Taken::Added, 5));
}

#[test]
fn evicted_baseline_is_not_counted_with_what_comes_next() {
    let mut one = small(1, 8);
    assert_eq!(one.of(1, &int(10, 10, 100)).0, Taken::Baseline);
    one.of(2, &int(1, 10, 5));
    assert_eq!(one.of(1, &int(10, 20, 103)), (Taken::Baseline, 0));
}

#[test]
fn evicted_series_of_deltas_forgets_only_what_was_told() {
    let mut one = One {
        shape: DELTAS,
        ..small(1, 8)
    };
    assert_eq!(one.of(1, &int(1, 10, 5)), (Taken::Added, 5));
    assert_eq!(one.of(2, &int(1, 10, 5)), (Taken::Added, 5));
    assert_eq!(one.of(1, &int(1, 10, 5)), (Taken::Forgotten, 0));
    assert_eq!(one.of(1, &int(10, 20, 6)), (Taken::Added, 6));
    assert_eq!(one.out.gap_ns, 0);
}

#[test]
fn evicted_series_whose_mark_is_restored_goes_on() {
    let mut one = small(1, 8);
    one.of(1, &int(1, 10, 5));
    let mark = one.deltas.mark(SeriesKey(1)).unwrap();
    one.of(2, &int(1, 10, 5));
    one.deltas.restore(SeriesKey(1), &mark).unwrap();
    assert_eq!(one.of(1, &int(1, 20, 7)), (Taken::Added, 2));
}

#[test]
fn series_that_had_to_go_before_it_was_stored_is_stored_as_gone() {
    for (shape, goes_on) in [(COUNTER, Taken::Baseline), (DELTAS, Taken::Added)] {
        let mut one = One {
            shape,
            ..small(1, 8)
        };
        one.of(1, &int(1, 10, 5));
        one.of(2, &int(1, 10, 5));
        let key = SeriesKey(1);
        assert_eq!(one.deltas.mark(key), None);
        let mark = one.deltas.mark_of_gone(key, shape).unwrap();
        assert_eq!(one.deltas.mark_of_gone(key, Shape::Gauge), None);
        let mut next = One {
            shape,
            ..small(1, 8)
        };
        assert_eq!(next.deltas.mark_of_gone(key, shape), None);
        next.deltas.restore(key, &mark).unwrap();
        assert_eq!(next.of(1, &int(1, 10, 5)).1, 0, "it was added before");
        assert_eq!(next.of(1, &int(10, 20, 9)).0, goes_on);
    }
}

#[test]
fn mark_older_than_the_eviction_does_not_count_twice() {
    let mut one = small(1, 8);
    one.of(1, &int(1, 10, 5));
    let mark = one.deltas.mark(SeriesKey(1)).unwrap();
    one.of(1, &int(1, 20, 9));
    one.of(2, &int(1, 10, 5));
    one.deltas.restore(SeriesKey(1), &mark).unwrap();
    assert_eq!(one.of(1, &int(1, 20, 9)), (Taken::Forgotten, 0));
    assert_eq!(one.of(1, &int(1, 30, 10)), (Taken::Baseline, 0));
}

#[test]
fn series_of_which_nothing_is_remembered_count_from_after_all_that_are_gone() {
    let mut one = small(1, 1);
    for key in 1..=4 {
        assert_eq!(one.of(key, &int(1, 10, 5)).1, if key < 4 { 5 } else { 0 });
    }
    // The first two displaced each other from what is remembered.
    assert_eq!(one.of(1, &int(1, 20, 9)), (Taken::Baseline, 0));
    assert_eq!(one.of(5, &int(15, 20, 9)), (Taken::Added, 9));
}

#[test]
fn idle_series_are_evicted_by_age() {
    let mut one = small(10, 8);
    for key in 1..=6 {
        one.of(u128::from(key), &int(1, key * 10, 5));
    }
    one.deltas.evict_older(35);
    let known = [1, 2, 3, 4, 5, 6].map(|key| one.deltas.knows(SeriesKey(key)));
    assert_eq!(known, [false, false, false, true, true, true]);
    assert_eq!(one.of(6, &int(1, 70, 6)), (Taken::Added, 1));
    assert_eq!(one.of(2, &int(1, 70, 6)), (Taken::Baseline, 0));
}

#[test]
fn starts_one_after_the_other_are_bounded_and_all_counted() {
    let mut one = One::new(COUNTER);
    for run in 0..1_000 {
        let start = 1 + run * 100;
        assert_eq!(
            one.ints([int(start, start + 50, 5), int(start, start + 90, 7)]),
            [5, 2]
        );
    }
    assert!(one.deltas.mark(KEY).unwrap().len() < 300);
    assert_eq!(one.deltas.figures().retired, 1_000 - 8);
    assert_eq!(one.points().second_writer, 0);
}

#[test]
fn start_that_made_room_is_not_counted_again() {
    let mut one = One::new(COUNTER);
    for writer in 1..=9 {
        assert_eq!(one.ints([int(writer, 100 + writer, 5)]), [5]);
    }
    assert_eq!(one.add(&int(1, 101, 5)), Taken::Forgotten);
    assert_eq!(one.add(&int(1, 200, 6)), Taken::Baseline);
    assert_eq!(one.ints([int(1, 300, 8)]), [2]);
    for writer in 10..=18 {
        one.ints([int(writer, 400 + writer, 5)]);
    }
    assert_eq!(one.add(&int(1, 250, 7)), Taken::Forgotten);
    // Of those that are not even known to have made room no more is counted than what comes next.
    for writer in 19..=40 {
        one.ints([int(writer, 400 + writer, 5)]);
    }
    assert_eq!(one.add(&int(2, 350, 9)), Taken::Forgotten);
    assert_eq!(one.add(&int(2, 500, 9)), Taken::Baseline);
}

#[test]
fn every_point_is_counted_once() {
    let mut one = small(2, 2);
    let mut rng = fastrand::Rng::with_seed(3);
    for _ in 0..10_000 {
        let (start, time) = (rng.u64(..50), rng.u64(..60));
        one.of(u128::from(rng.u8(..4)), &int(start, time, rng.i64(-1..20)));
    }
    assert_eq!(one.points().points(), 10_000);
}
