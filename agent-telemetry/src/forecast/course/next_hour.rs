//! The coming hour, from past ones at about this time of such a day that came after an hour like the last one.

use super::days::weekday;
use super::{DayCourses, Hourly};
use crate::forecast::number::length;

/// Hours by which a past one may be earlier or later.
const WIDE: i64 = 2;
/// What an hour earlier or later counts for, as a part of the root of an average hour.
const PER_HOUR: f64 = 0.1;
/// How many are taken, as multiples of the root of how many there are.
const NEAREST: f64 = 2.0;
/// The least that are taken.
const LEAST: usize = 10;
/// How many times it is drawn.
pub(super) const DRAWS: usize = 500;

/// What the nearest of them came to, at the level of today.
pub(super) fn like(courses: &DayCourses, last: f64, hourly: &Hourly) -> Vec<f64> {
    let now = courses.now;
    let expected = courses.fit.expected(weekday(now.day));
    let hour = i64::try_from(now.hour).unwrap_or(0) + i64::from(now.gone >= 0.5);
    let mut found = Vec::new();
    for &(place, _) in &courses.pool(now.day).days {
        let sum: f64 = courses
            .days
            .hours
            .get(place)
            .map_or(0.0, |it| it.iter().sum());
        let ratio = courses.ratio(place).unwrap_or(0.0);
        if ratio <= 0.0 || sum <= 0.0 {
            continue;
        }
        let scale = expected * ratio / sum;
        for off in -WIDE..=WIDE {
            let at = courses.days.number(place) * 24 + hour + off;
            if at >= hourly.last() {
                continue;
            }
            let before = (hourly.at(at - 1) * scale).sqrt() - last.max(0.0).sqrt();
            #[expect(clippy::cast_precision_loss, reason = "two at most")]
            let aside = PER_HOUR * off.abs() as f64 * (expected / 24.0).sqrt();
            found.push((before.abs() + aside, hourly.at(at) * scale));
        }
    }
    found.sort_by(|one, other| one.0.total_cmp(&other.0));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few"
    )]
    let nearest = (NEAREST * length(found.len()).sqrt()).ceil() as usize;
    found.truncate(nearest.max(LEAST));
    found.into_iter().map(|(_, amount)| amount).collect()
}
