//! Which time a report is about.

use std::fmt;
use std::time::Duration;

use agent_primitives::Timestamp;
use serde::{Deserialize, Serialize};

use super::civil::{minute_text, moment};

const MINUTE: i64 = 60_000_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A time from full minute to full minute, UTC: its beginning is in it, its end is not, so that two
/// which meet have no record in common.
///
/// ```
/// use agent_primitives::Timestamp;
/// use agent_telemetry::Period;
///
/// let now = Timestamp::from_unix_seconds(1_795_219_230);
/// assert_eq!(now.to_string(), "2026-11-21T00:00:30.000Z");
/// let day = Period::last_24_hours(now);
/// assert_eq!(day.to_string(), "2026-11-20 00:01 to 2026-11-21 00:01 UTC");
/// assert_eq!(Period::parse("24h", now), Ok(day));
/// let november = Period::parse("2026-11-01..2026-12-01", now)?;
/// assert!(november.contains(now));
/// # Ok::<(), agent_telemetry::InvalidPeriod>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Wire")]
pub struct Period {
    from: Timestamp,
    until: Timestamp,
}

/// As it is in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    from: Timestamp,
    until: Timestamp,
}

impl TryFrom<Wire> for Period {
    type Error = InvalidPeriod;

    fn try_from(wire: Wire) -> Result<Self, InvalidPeriod> {
        Self::between(wire.from, wire.until)
    }
}

/// Why something is no [`Period`].
///
/// ```
/// use agent_primitives::Timestamp;
/// use agent_telemetry::Period;
///
/// let error = Period::parse("yesterday", Timestamp::UNIX_EPOCH).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "\"yesterday\" is no period; write 24h, 7d, 30d, or two days as 2026-11-01..2026-12-01"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPeriod {
    /// The end is not behind the beginning.
    #[error("a period ends behind its beginning; {until} is not behind {from}")]
    Empty {
        /// Where it was to begin.
        from: Timestamp,
        /// Where it was to end.
        until: Timestamp,
    },
    /// One end is within a minute.
    #[error("a period begins and ends at a full minute; {at} is none")]
    WithinMinute {
        /// The end that is.
        at: Timestamp,
    },
    /// A text that means no period.
    #[error(
        "{text:?} is no period; write 24h, 7d, 30d, or two days as 2026-11-01..2026-12-01"
    )]
    Unreadable {
        /// The text; its beginning where it is long.
        text: String,
    },
}

impl Period {
    /// From one full minute to another.
    ///
    /// # Errors
    /// [`InvalidPeriod`] when `until` is not behind `from`, or one of them is no full minute.
    pub fn between(from: Timestamp, until: Timestamp) -> Result<Self, InvalidPeriod> {
        for at in [from, until] {
            if at.unix_nanos().rem_euclid(MINUTE) != 0 {
                return Err(InvalidPeriod::WithinMinute { at });
            }
        }
        if from < until {
            Ok(Self { from, until })
        } else {
            Err(InvalidPeriod::Empty { from, until })
        }
    }

    /// So much time up to the end of the minute in which `now` is, so that what has just been recorded is in
    /// it. More than a day begins at a full hour and more than 60 days at a full day, because finer
    /// figures are not kept that long: it may be longer by less than that. At least a minute.
    #[must_use]
    pub fn last(length: Duration, now: Timestamp) -> Self {
        let length = i64::try_from(length.as_nanos()).unwrap_or(i64::MAX);
        let step = match length {
            ..=DAY => MINUTE,
            ..=5_184_000_000_000_000 => HOUR,
            _ => DAY,
        };
        // Not at the very ends of time, where there are no full minutes left.
        let now = now.unix_nanos().clamp(i64::MIN + 2 * DAY, i64::MAX - 2 * DAY);
        let until = floor(now, MINUTE) + MINUTE;
        let from = until
            .saturating_sub(length.max(MINUTE))
            .max(i64::MIN + DAY);
        Self {
            from: Timestamp::from_unix_nanos(floor(from, step)),
            until: Timestamp::from_unix_nanos(until),
        }
    }

    /// The last 24 hours.
    #[must_use]
    pub fn last_24_hours(now: Timestamp) -> Self {
        Self::last(Duration::from_secs(86_400), now)
    }

    /// The last 7 days, from a full hour on.
    #[must_use]
    pub fn last_7_days(now: Timestamp) -> Self {
        Self::last(Duration::from_secs(7 * 86_400), now)
    }

    /// The last 30 days, from a full hour on.
    #[must_use]
    pub fn last_30_days(now: Timestamp) -> Self {
        Self::last(Duration::from_secs(30 * 86_400), now)
    }

    /// What a person writes: a number of minutes, hours, days or weeks up to now (`90m`, `24h`, `7d`,
    /// `4w`), or two moments in UTC (`2026-11-01..2026-12-01`, `2026-11-20T08:00..2026-11-20T09:30`).
    /// A day that ends a period is not in it.
    ///
    /// # Errors
    /// [`InvalidPeriod`] when the text means nothing of that kind, or ends before it begins.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, InvalidPeriod> {
        let unreadable = || InvalidPeriod::Unreadable {
            text: text.chars().take(64).collect(),
        };
        if let Some((from, until)) = text.split_once("..") {
            let moment = |text: &str| moment(text.trim()).ok_or_else(unreadable);
            return Self::between(moment(from)?, moment(until)?);
        }
        let minutes = [("m", 1), ("h", 60), ("d", 1_440), ("w", 10_080)]
            .into_iter()
            .find_map(|(unit, minutes)| Some((text.strip_suffix(unit)?, minutes)))
            .and_then(|(number, minutes)| number.parse::<u64>().ok()?.checked_mul(minutes))
            .filter(|minutes| *minutes > 0)
            .ok_or_else(unreadable)?;
        Ok(Self::last(
            Duration::from_secs(minutes.saturating_mul(60)),
            now,
        ))
    }

    /// The first moment that is in it.
    pub const fn from(&self) -> Timestamp {
        self.from
    }

    /// The first moment that is behind it.
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// Whether a moment is in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }
}

fn floor(nanos: i64, step: i64) -> i64 {
    nanos - nanos.rem_euclid(step)
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, until) = (minute_text(self.from), minute_text(self.until));
        write!(f, "{from} to {until} UTC")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let now = moment("2026-11-20T08:30").unwrap() + Duration::from_secs(17);
        Period::parse(text, now).map_or_else(|error| error.to_string(), |it| it.to_string())
    }

    #[test]
    fn length_decides_how_finely_a_period_begins() {
        assert_eq!(shown("90m"), "2026-11-20 07:01 to 2026-11-20 08:31 UTC");
        assert_eq!(shown("24h"), "2026-11-19 08:31 to 2026-11-20 08:31 UTC");
        assert_eq!(shown("1d"), shown("24h"));
        assert_eq!(shown("7d"), "2026-11-13 08:00 to 2026-11-20 08:31 UTC");
        assert_eq!(shown("30d"), "2026-10-21 08:00 to 2026-11-20 08:31 UTC");
        assert_eq!(shown("9w"), "2026-09-18 00:00 to 2026-11-20 08:31 UTC");
    }

    #[test]
    fn moments_are_taken_as_they_are() {
        assert_eq!(
            shown("2026-11-01T08:07..2026-11-02"),
            "2026-11-01 08:07 to 2026-11-02 00:00 UTC"
        );
    }

    #[test]
    fn what_is_no_period_is_told_what_to_write() {
        for text in ["", "h", "0h", "-1h", "7", "7y", "99999999999999999999d", "..", "2026-11-01.."] {
            assert!(shown(text).contains("write 24h"), "{text}: {}", shown(text));
        }
        assert!(shown("2026-11-02..2026-11-02").contains("ends behind its beginning"));
    }

    #[test]
    fn beginning_is_in_it_and_the_end_is_not() {
        let at = Timestamp::from_unix_seconds;
        let period = Period::between(at(60), at(180)).unwrap();
        let inside = [59, 60, 179, 180].map(|second| period.contains(at(second)));
        assert_eq!(inside, [false, true, true, false]);
        assert!(period.contains(Timestamp::from_unix_nanos(179_999_999_999)));
        assert_eq!(
            Period::between(at(60), at(181)),
            Err(InvalidPeriod::WithinMinute { at: at(181) })
        );
    }

    #[test]
    fn ends_of_time_are_no_trouble() {
        for now in [i64::MIN, 0, i64::MAX].map(Timestamp::from_unix_nanos) {
            for length in [Duration::ZERO, Duration::from_secs(86_401), Duration::MAX] {
                let period = Period::last(length, now);
                assert_eq!(Period::between(period.from, period.until), Ok(period));
            }
        }
    }

    #[test]
    fn json_with_a_period_that_is_none_is_refused() {
        let period = Period::last_24_hours(Timestamp::UNIX_EPOCH);
        let json = serde_json::to_string(&period).unwrap();
        assert_eq!(serde_json::from_str::<Period>(&json).unwrap(), period);
        assert!(serde_json::from_str::<Period>(r#"{"from":60,"until":120}"#).is_err());
    }
}
