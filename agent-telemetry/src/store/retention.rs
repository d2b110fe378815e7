//! How long a database keeps what, as a pure decision.

use agent_primitives::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Span;

/// How many days a database keeps records, sums and marks; `None` for ever.
///
/// Days are whole ones, UTC, and count back from the newest record, or from the clock where a record
/// says to come from the future: a store that nothing is added to loses nothing. Only records that the
/// sums cover are removed. A name goes with the last of what was kept when it was last used, but on a Postgres
/// server, where names stay. Free pages are used again; the file does not shrink.
///
/// The age of a mark is that of the batch that it came with, whatever times the records say. Beyond 262 144 of
/// them the oldest go, whatever is set here.
///
/// Once a day, the writer removes what is due in steps of at most 4 096 records, sums, names or marks, one step
/// after a batch, each in a transaction of its own.
///
/// ```
/// use agent_telemetry::Retention;
///
/// let retention = Retention::default();
/// assert_eq!((retention.records, retention.minutes), (Some(30), Some(2)));
/// assert_eq!((retention.hours, retention.days, retention.marks), (Some(90), Some(366), Some(30)));
/// let longer: Retention = serde_json::from_str(r#"{"records": 90, "days": null}"#)?;
/// assert_eq!((longer.records, longer.hours, longer.days), (Some(90), Some(90), None));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Days that records are kept; 30 unless set.
    pub records: Option<u32>,
    /// Days that sums by minute are kept; 2 unless set.
    pub minutes: Option<u32>,
    /// Days that sums by hour are kept; 90 unless set.
    pub hours: Option<u32>,
    /// Days that sums by day are kept, and that a session is remembered to have begun; 366 unless set.
    pub days: Option<u32>,
    /// Days that a [`Mark`](crate::Mark) is kept that nothing has come for since; 30 unless set. Those that were
    /// stored last stay.
    pub marks: Option<u32>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            records: Some(30),
            minutes: Some(2),
            hours: Some(90),
            days: Some(366),
            marks: Some(30),
        }
    }
}

impl Retention {
    /// Nothing is ever removed.
    pub const FOREVER: Self = Self {
        records: None,
        minutes: None,
        hours: None,
        days: None,
        marks: None,
    };

    /// What is older may go, seen from a second of the newest day.
    pub(crate) fn cutoffs(&self, newest: i64) -> Cutoffs {
        let today = Span::Day.floor(newest);
        let cutoff = |days: Option<u32>| {
            let length = i64::from(days?).saturating_mul(Span::Day.seconds());
            Some(today.saturating_sub(length))
        };
        Cutoffs {
            today,
            records: cutoff(self.records),
            sums: [
                (Span::Minute, cutoff(self.minutes)),
                (Span::Hour, cutoff(self.hours)),
                (Span::Day, cutoff(self.days)),
            ],
            marks: cutoff(self.marks),
        }
    }
}

/// Midnights in seconds since 1970: what lies before may be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cutoffs {
    pub(crate) today: i64,
    pub(crate) records: Option<i64>,
    pub(crate) sums: [(Span, Option<i64>); 3],
    pub(crate) marks: Option<i64>,
}

impl Cutoffs {
    /// The first moment of a record that is kept, in nanoseconds.
    pub(crate) fn records_nanos(&self) -> Option<i64> {
        Some(Timestamp::from_unix_seconds(self.records?).unix_nanos())
    }

    /// The first moment of a mark that is kept, in nanoseconds.
    pub(crate) fn marks_nanos(&self) -> Option<i64> {
        Some(Timestamp::from_unix_seconds(self.marks?).unix_nanos())
    }

    /// Before this time nothing is kept; `None` where something is for ever.
    #[cfg(feature = "sqlite")]
    pub(super) fn all(&self) -> Option<i64> {
        let [minutes, hours, days] = self.sums.map(|(_, cutoff)| cutoff);
        Some(self.records?.min(minutes?).min(hours?).min(days?))
    }

    pub(crate) fn days(&self) -> Option<i64> {
        self.sums.last().and_then(|(_, cutoff)| *cutoff)
    }
}

/// What was removed from a database.
///
/// ```
/// let pruned = agent_telemetry::Pruned::default();
/// assert_eq!((pruned.records, pruned.sums, pruned.done), (0, 0, false));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pruned {
    /// Records.
    pub records: u64,
    /// Sums by minute, hour or day.
    pub sums: u64,
    /// Sessions that are no longer remembered.
    pub sessions: u64,
    /// Names that nothing refers to any more.
    pub names: u64,
    /// Marks, of which nothing had come for longer than they are kept, or which were too many.
    pub marks: u64,
    /// Whether nothing is left to remove that day.
    pub done: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_days_back_from_the_day_of_the_newest_record() {
        const DAY: i64 = 86_400;
        let cutoffs = Retention::default().cutoffs(1_000 * DAY + 5);
        assert_eq!(
            (cutoffs.today, cutoffs.records),
            (1_000 * DAY, Some(970 * DAY))
        );
        assert_eq!(cutoffs.sums[0], (Span::Minute, Some(998 * DAY)));
        assert_eq!(cutoffs.days(), Some(634 * DAY));
        let marks = cutoffs.marks_nanos().map(|it| it / 1_000_000_000);
        assert_eq!(marks, Some(970 * DAY));
        assert_eq!(Retention::FOREVER.cutoffs(5).records_nanos(), None);
        let most = Retention {
            records: Some(u32::MAX),
            ..Retention::default()
        };
        assert!(most.cutoffs(i64::MIN + 1).records.is_some(), "saturates");
    }
}
