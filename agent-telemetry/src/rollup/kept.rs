//! Which sums a database still has, and what that makes of a period that is asked for.

use agent_primitives::Timestamp;

use super::{Period, Rollups, Span};

/// What a database has to say about a period.
///
/// ```
/// let nothing = agent_telemetry::StoredRollups::default();
/// assert!(nothing.rollups.is_empty() && nothing.covered.is_empty());
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct StoredRollups {
    /// The sums.
    pub rollups: Rollups,
    /// The period that they are of: the one asked for, moved outwards to whole minutes, and to whole
    /// hours or days where [`Retention`](crate::Retention) has removed what is finer.
    pub covered: Period,
}

/// Since when the sums of each span are all there; `None` where nothing has been removed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kept {
    pub(crate) minutes_since: Option<i64>,
    pub(crate) hours_since: Option<i64>,
}

impl Kept {
    /// The period in spans that are there: a bound within an hour whose minutes are gone moves outwards
    /// to that hour, one within a day whose hours are gone to that day.
    pub(crate) fn cover(self, period: Period) -> Period {
        let mut covered = period.outward(Span::Minute);
        if covered.is_empty() {
            return covered;
        }
        let steps = [
            (Span::Hour, self.minutes_since),
            (Span::Day, self.hours_since),
        ];
        for (span, since) in steps {
            let Some(since) = since else { continue };
            let whole = covered.outward(span);
            let is_gone = |bound: Timestamp| span.start(bound) < since;
            // A bound that begins a span needs nothing finer; then moving it changes nothing.
            let from = if is_gone(covered.from()) {
                whole
            } else {
                covered
            };
            let to = if is_gone(covered.to()) {
                whole
            } else {
                covered
            };
            covered = Period::new(from.from(), to.to());
        }
        covered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_move_outwards_only_where_finer_spans_are_gone() {
        const DAY: i64 = 86_400;
        let at = Timestamp::from_unix_seconds;
        let kept = Kept {
            minutes_since: Some(10 * DAY),
            hours_since: Some(5 * DAY),
        };
        let covered = |from, to| {
            let covered = kept.cover(Period::new(at(from), at(to)));
            (covered.from().unix_seconds(), covered.to().unix_seconds())
        };
        assert_eq!(
            covered(11 * DAY + 61, 12 * DAY + 1),
            (11 * DAY + 60, 12 * DAY + 60)
        );
        assert_eq!(covered(7 * DAY + 61, 12 * DAY), (7 * DAY, 12 * DAY));
        assert_eq!(
            covered(3 * DAY + 7_201, 6 * DAY + 61),
            (3 * DAY, 6 * DAY + 3_600)
        );
        assert_eq!(covered(3 * DAY, 4 * DAY), (3 * DAY, 4 * DAY));
        assert_eq!(covered(4, 4), (4, 4));
    }
}
