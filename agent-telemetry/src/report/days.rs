//! Sums of one day, or week, after another: the last ones of many.

use std::collections::BTreeMap;

use agent_primitives::Timestamp;

const DAY: i64 = 86_400;
/// The first Monday before 1970.
const MONDAY: i64 = -3 * DAY;
/// Days or weeks that are kept.
const KEPT: usize = 400;

/// What is summed up, and how many things are in it.
pub(super) trait Tally: Default {
    fn count(&self) -> u64;
}

/// How long each part is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Step {
    #[default]
    Day,
    /// From Monday to Sunday.
    Week,
}

/// By the second at which each part begins, in UTC.
#[derive(Debug, Default)]
pub(super) struct Days<T> {
    step: Step,
    parts: BTreeMap<i64, T>,
    left_out: u64,
}

impl<T: Tally> Days<T> {
    pub(super) fn of(step: Step) -> Self {
        Self {
            step,
            parts: BTreeMap::new(),
            left_out: 0,
        }
    }

    pub(super) fn add(&mut self, at: Timestamp, add: impl FnOnce(&mut T)) {
        let second = at.unix_seconds();
        let from = match self.step {
            Step::Day => second - second.rem_euclid(DAY),
            Step::Week => second - (second - MONDAY).rem_euclid(7 * DAY),
        };
        add(self.parts.entry(from).or_default());
        if self.parts.len() > KEPT
            && let Some((_, first)) = self.parts.pop_first()
        {
            self.left_out = self.left_out.saturating_add(first.count());
        }
    }

    /// In order, with when each begins.
    pub(super) fn parts(&self) -> impl Iterator<Item = (Timestamp, &T)> {
        let parts = self.parts.iter();
        parts.map(|(from, it)| {
            let nanos = from.saturating_mul(1_000_000_000);
            (Timestamp::from_unix_nanos(nanos), it)
        })
    }

    /// Things of days, or weeks, before the last 400.
    pub(super) const fn left_out(&self) -> u64 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Tally for u64 {
        fn count(&self) -> u64 {
            *self
        }
    }

    fn begins(step: Step, seconds: &[i64]) -> Vec<String> {
        let mut days: Days<u64> = Days::of(step);
        for second in seconds {
            days.add(Timestamp::from_unix_seconds(*second), |it| *it += 1);
        }
        let parts = days.parts();
        parts
            .map(|(from, count)| format!("{} {count}", &from.to_string()[..10]))
            .collect()
    }

    #[test]
    fn weeks_begin_on_monday_and_days_at_midnight() {
        // 2026-11-20 is a Friday.
        let friday = 1_795_132_800;
        let seconds = [friday, friday + 86_399, friday + 3 * DAY, -1];
        assert_eq!(
            begins(Step::Week, &seconds),
            ["1969-12-29 1", "2026-11-16 2", "2026-11-23 1"]
        );
        assert_eq!(
            begins(Step::Day, &seconds),
            ["1969-12-31 1", "2026-11-20 2", "2026-11-23 1"]
        );
    }

    #[test]
    fn days_before_the_last_400_are_counted() {
        let mut days: Days<u64> = Days::default();
        for day in 0..410 {
            days.add(Timestamp::from_unix_seconds(day * DAY), |it| *it += 2);
        }
        assert_eq!((days.parts().count(), days.left_out()), (400, 20));
        for nanos in [i64::MIN, i64::MAX] {
            days.add(Timestamp::from_unix_nanos(nanos), |it| *it += 1);
        }
        assert_eq!((days.parts().count(), days.left_out()), (400, 23));
    }
}
