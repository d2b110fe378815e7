//! Stretches of time, and the whole days, hours and minutes that they are made of.

use std::time::Duration;

use agent_primitives::Timestamp;

use crate::words::words;

words! {
    /// How much time one rolled-up row covers.
    ///
    /// ```
    /// use agent_telemetry::Span;
    ///
    /// assert_eq!(Span::Hour.seconds(), 3_600);
    /// ```
    Span {
        /// From one full minute to the next.
        Minute = "minute",
        /// From one full hour to the next, UTC.
        Hour = "hour",
        /// From one midnight to the next, UTC.
        Day = "day",
    }
}

impl Span {
    /// Its length.
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }

    /// The beginning of the span that a second lies in.
    pub(crate) const fn floor(self, second: i64) -> i64 {
        second.saturating_sub(second.rem_euclid(self.seconds()))
    }

    const fn ceil(self, second: i64) -> i64 {
        let over = second.rem_euclid(self.seconds());
        if over == 0 {
            second
        } else {
            second.saturating_add(self.seconds() - over)
        }
    }

    /// The beginning of the span that a time lies in, in seconds since 1970.
    pub(crate) const fn start(self, at: Timestamp) -> i64 {
        self.floor(at.unix_nanos().div_euclid(NANOS))
    }
}

const NANOS: i64 = 1_000_000_000;

/// A stretch of time, UTC: its beginning belongs to it, its end does not.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::Timestamp;
/// use agent_telemetry::Period;
///
/// let now = Timestamp::from_unix_seconds(1_000_000);
/// let day = Period::last(Duration::from_secs(86_400), now);
/// assert_eq!(day.from(), Timestamp::from_unix_seconds(913_600));
/// assert!(day.contains(day.from()) && !day.contains(now));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Period {
    from: Timestamp,
    to: Timestamp,
}

impl Period {
    /// All time but the last nanosecond of the year 2262.
    pub const ALL: Self = Self {
        from: Timestamp::from_unix_nanos(i64::MIN),
        to: Timestamp::from_unix_nanos(i64::MAX),
    };

    /// From one time up to another; empty where they are the wrong way round.
    pub const fn new(from: Timestamp, to: Timestamp) -> Self {
        Self { from, to }
    }

    /// So much time up to `now`.
    pub fn last(length: Duration, now: Timestamp) -> Self {
        let nanos = i64::try_from(length.as_nanos()).unwrap_or(i64::MAX);
        let from = Timestamp::from_unix_nanos(now.unix_nanos().saturating_sub(nanos));
        Self::new(from, now)
    }

    /// Its beginning.
    pub const fn from(self) -> Timestamp {
        self.from
    }

    /// Its end, which does not belong to it.
    pub const fn to(self) -> Timestamp {
        self.to
    }

    /// Whether a time lies in it.
    pub fn contains(self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    /// Whether no time lies in it.
    pub fn is_empty(self) -> bool {
        self.from >= self.to
    }

    /// The shortest period of whole spans that has this one in it.
    ///
    /// ```
    /// use agent_primitives::Timestamp;
    /// use agent_telemetry::{Period, Span};
    ///
    /// let at = Timestamp::from_unix_seconds;
    /// let period = Period::new(at(61), at(121));
    /// assert_eq!(period.outward(Span::Minute), Period::new(at(60), at(180)));
    /// ```
    #[must_use]
    pub fn outward(self, span: Span) -> Self {
        if self.is_empty() {
            return self;
        }
        let (from, to) = self.seconds(span);
        Self::new(
            Timestamp::from_unix_nanos(from.saturating_mul(NANOS)),
            Timestamp::from_unix_nanos(to.saturating_mul(NANOS)),
        )
    }

    /// The days that it is made of, in UTC and in order; the first and the last may be parts of one. Of more
    /// than 400 days, all before the last 400 are one period.
    ///
    /// ```
    /// use agent_primitives::Timestamp;
    /// use agent_telemetry::Period;
    ///
    /// let at = Timestamp::from_unix_seconds;
    /// let days = Period::new(at(80_000), at(200_000)).days();
    /// let lengths: Vec<i64> = days
    ///     .map(|day| (day.to().unix_nanos() - day.from().unix_nanos()) / 1_000_000_000)
    ///     .collect();
    /// assert_eq!(lengths, [6_400, 86_400, 27_200]);
    /// ```
    pub fn days(self) -> impl Iterator<Item = Self> {
        const DAY: i64 = Span::Day.seconds() * NANOS;
        let (from, to) = (self.from.unix_nanos(), self.to.unix_nanos());
        let last = to.saturating_sub(1).div_euclid(DAY);
        let first = from.div_euclid(DAY).max(last.saturating_sub(399));
        let end = move |day: i64| day.saturating_add(1).saturating_mul(DAY).min(to);
        let begin = move |day: i64| day.saturating_mul(DAY).max(from);
        let early = Self::new(self.from, Timestamp::from_unix_nanos(begin(first)));
        let days = (first..=last).map(move |day| {
            let [from, to] = [begin(day), end(day)].map(Timestamp::from_unix_nanos);
            Self::new(from, to)
        });
        let all = std::iter::once(early).chain(days);
        all.filter(|part| !part.is_empty())
    }

    /// First second and the second behind the last, of whole spans around the period.
    fn seconds(self, span: Span) -> (i64, i64) {
        let (from, to) = (self.from.unix_nanos(), self.to.unix_nanos());
        let behind = to.div_euclid(NANOS) + i64::from(to.rem_euclid(NANOS) > 0);
        (span.floor(from.div_euclid(NANOS)), span.ceil(behind))
    }

    /// Whole days, with whole hours on both sides of them, and whole minutes on both sides of those: at
    /// most five stretches, in order, which together are the period moved outwards to minutes.
    #[cfg(any(feature = "sqlite", feature = "postgres", test))]
    pub(crate) fn parts(self) -> Vec<Part> {
        if self.is_empty() {
            return Vec::new();
        }
        let (from, to) = self.seconds(Span::Minute);
        let mut parts = Vec::with_capacity(5);
        split(&mut parts, &[Span::Day, Span::Hour, Span::Minute], from, to);
        parts
    }
}

/// A stretch of whole spans, in seconds since 1970; the end does not belong to it.
#[cfg(any(feature = "sqlite", feature = "postgres", test))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) span: Span,
    pub(crate) from: i64,
    pub(crate) to: i64,
}

#[cfg(any(feature = "sqlite", feature = "postgres", test))]
fn split(parts: &mut Vec<Part>, spans: &[Span], from: i64, to: i64) {
    let Some((&span, finer)) = spans.split_first() else {
        return;
    };
    let (first, last) = (span.ceil(from), span.floor(to));
    if first >= last {
        return split(parts, finer, from, to);
    }
    split(parts, finer, from, first);
    parts.push(Part {
        span,
        from: first,
        to: last,
    });
    split(parts, finer, last, to);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn days_are_in_the_middle_hours_around_them_and_minutes_outside() {
        const DAY: i64 = 86_400;
        let at = Timestamp::from_unix_seconds;
        let period = Period::new(at(DAY - 3_661), at(3 * DAY + 7_201));
        let parts: Vec<_> = period
            .parts()
            .iter()
            .map(|it| (it.span, it.from, it.to))
            .collect();
        assert_eq!(
            parts,
            [
                (Span::Minute, DAY - 3_720, DAY - 3_600),
                (Span::Hour, DAY - 3_600, DAY),
                (Span::Day, DAY, 3 * DAY),
                (Span::Hour, 3 * DAY, 3 * DAY + 7_200),
                (Span::Minute, 3 * DAY + 7_200, 3 * DAY + 7_260),
            ]
        );
        assert!(Period::new(at(5), at(5)).parts().is_empty());
        assert!(Period::new(at(6), at(5)).parts().is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn parts_are_whole_spans_without_gap_or_overlap(
            from in prop_oneof![-400_000_i64..400_000, any::<i64>()],
            length in prop_oneof![1_i64..800_000, 1..i64::MAX],
            scale in prop_oneof![Just(1), Just(NANOS)],
        ) {
            let nanos = |number: i64| Timestamp::from_unix_nanos(number.saturating_mul(scale));
            let period = Period::new(nanos(from), nanos(from.saturating_add(length)));
            prop_assume!(!period.is_empty());
            let parts = period.parts();
            prop_assert!((1..=5).contains(&parts.len()));
            let (first, last) = period.seconds(Span::Minute);
            prop_assert_eq!((parts[0].from, parts[parts.len() - 1].to), (first, last));
            for part in &parts {
                prop_assert!(part.from < part.to);
                let length = part.span.seconds();
                prop_assert_eq!((part.from.rem_euclid(length), part.to.rem_euclid(length)), (0, 0));
            }
            for pair in parts.windows(2) {
                prop_assert_eq!(pair[0].to, pair[1].from);
            }
            let finest = parts.iter().filter(|part| part.span == Span::Minute);
            prop_assert!(finest.map(|part| (part.to - part.from) / 60).sum::<i64>() < 2 * 1_440);
        }
    }
}
