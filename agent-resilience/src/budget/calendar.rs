//! Where a day begins and ends.

use agent_primitives::Timestamp;
use jiff::tz::TimeZone;

use super::config::InvalidSpend;

const DAY_NANOS: i64 = 86_400_000_000_000;

/// The days of one time zone.
#[derive(Debug, Clone)]
pub(super) struct Calendar(TimeZone);

/// A calendar day: 23, 24 or 25 hours, rarely anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Day {
    pub(super) start: Timestamp,
    /// The next day's start.
    pub(super) end: Timestamp,
}

impl Day {
    pub(super) fn holds(&self, at: Timestamp) -> bool {
        self.start <= at && (at < self.end || self.end == Timestamp::MAX)
    }
}

impl Calendar {
    /// A name of the IANA database, or a rule as POSIX writes them in `TZ`, which needs no database.
    pub(super) fn new(name: &str) -> Result<Self, InvalidSpend> {
        // Known without a look at the database, whose first one reads its whole folder.
        if name == "UTC" {
            return Ok(Self(TimeZone::UTC));
        }
        if let Ok(zone) = TimeZone::get(name) {
            return Ok(Self(zone));
        }
        // To POSIX `UTC+2` is two hours west of Greenwich, and to everybody else two hours east.
        let is_ambiguous = ["UTC+", "UTC-", "GMT+", "GMT-"]
            .iter()
            .any(|start| name.starts_with(start));
        if !is_ambiguous && let Ok(zone) = TimeZone::posix(name) {
            return Ok(Self(zone));
        }
        let name = name.chars().take(64).collect();
        Err(if jiff::tz::db().is_definitively_empty() {
            InvalidSpend::NoTimeZones { name }
        } else {
            InvalidSpend::UnknownTimeZone { name }
        })
    }

    /// The day that `now` is in.
    pub(super) fn day_of(&self, now: Timestamp) -> Day {
        self.civil(now).unwrap_or_else(|| {
            let start = now
                .unix_nanos()
                .div_euclid(DAY_NANOS)
                .saturating_mul(DAY_NANOS);
            Day {
                start: Timestamp::from_unix_nanos(start),
                end: Timestamp::from_unix_nanos(start.saturating_add(DAY_NANOS)),
            }
        })
    }

    /// `None` where the calendar ends, which no moment of a [`Timestamp`] is near. The first and the
    /// last day are cut off where that ends.
    fn civil(&self, now: Timestamp) -> Option<Day> {
        let moment = jiff::Timestamp::from_nanosecond(now.unix_nanos().into()).ok()?;
        let zoned = moment.to_zoned(self.0.clone());
        let today = zoned.date();
        let tomorrow = today.tomorrow().ok()?;
        let (start, end) = (self.start(today)?, self.start(tomorrow)?);
        // Where clocks went back across midnight the date came twice; its day ended with the first.
        let day = if now < end {
            Day { start, end }
        } else {
            let after = self.start(tomorrow.tomorrow().ok()?)?;
            Day {
                start: end,
                end: after,
            }
        };
        day.holds(now).then_some(day)
    }

    fn start(&self, date: jiff::civil::Date) -> Option<Timestamp> {
        let start = date.to_zoned(self.0.clone()).ok()?.timestamp();
        let (first, last) = (i128::from(i64::MIN), i128::from(i64::MAX));
        let nanos = i64::try_from(start.as_nanosecond().clamp(first, last)).ok()?;
        Some(Timestamp::from_unix_nanos(nanos))
    }
}
