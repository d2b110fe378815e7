//! Which time a report is about: what a person writes, and how it is shown.

use std::fmt;
use std::time::Duration;

use agent_primitives::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::civil::{minute_text, moment};
use crate::{Period, Span};

const DAY: Duration = Duration::from_secs(86_400);

/// Why a text names no [`Period`].
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
    #[error("{text:?} ends before anything is in it; write the earlier day first")]
    Empty {
        /// The text.
        text: String,
    },
    /// A text that means no period.
    #[error("{text:?} is no period; write 24h, 7d, 30d, or two days as 2026-11-01..2026-12-01")]
    Unreadable {
        /// The text; its beginning where it is long.
        text: String,
    },
}

/// What reports are asked for.
impl Period {
    /// The last 24 hours, to the minute, with the one in which `now` is.
    ///
    /// ```
    /// use agent_primitives::Timestamp;
    /// use agent_telemetry::Period;
    ///
    /// let now = Timestamp::from_unix_seconds(1_795_219_230);
    /// assert_eq!(
    ///     Period::last_24_hours(now).to_string(),
    ///     "2026-11-20 00:01 to 2026-11-21 00:01 UTC"
    /// );
    /// ```
    #[must_use]
    pub fn last_24_hours(now: Timestamp) -> Self {
        Self::recent(DAY, now)
    }

    /// The last 7 days, from a full hour on, with the minute in which `now` is.
    #[must_use]
    pub fn last_7_days(now: Timestamp) -> Self {
        Self::recent(7 * DAY, now)
    }

    /// The last 30 days, from a full hour on, with the minute in which `now` is.
    #[must_use]
    pub fn last_30_days(now: Timestamp) -> Self {
        Self::recent(30 * DAY, now)
    }

    /// Ends with the minute of `now`, so that what has just been recorded is in it. Finer sums are not
    /// kept as long as coarser ones, so more than a day begins at a full hour, and more than 60 days at
    /// midnight.
    fn recent(length: Duration, now: Timestamp) -> Self {
        let to = Self::last(Duration::from_nanos(1), now + Duration::from_nanos(1));
        let to = to.outward(Span::Minute).to();
        let all = Self::last(length, to);
        let step = if length <= DAY {
            Span::Minute
        } else if length <= 60 * DAY {
            Span::Hour
        } else {
            Span::Day
        };
        Self::new(all.outward(step).from(), to)
    }

    /// What a person writes: a number of minutes, hours, days or weeks up to now (`90m`, `24h`, `7d`,
    /// `4w`), or two moments in UTC (`2026-11-01..2026-12-01`, `2026-11-20T08:00..2026-11-20T09:30`).
    /// A day that ends a period is not in it. More than a day up to now begins at a full hour, and more
    /// than 60 days at midnight.
    ///
    /// ```
    /// use agent_primitives::Timestamp;
    /// use agent_telemetry::Period;
    ///
    /// let now = Timestamp::from_unix_seconds(1_795_219_230);
    /// assert_eq!(Period::parse("24h", now)?, Period::last_24_hours(now));
    /// assert!(Period::parse("2026-11-01..2026-12-01", now)?.contains(now));
    /// # Ok::<(), agent_telemetry::InvalidPeriod>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidPeriod`] when the text means nothing of that kind, or ends before it begins.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, InvalidPeriod> {
        let shown = || text.chars().take(64).collect();
        let unreadable = || InvalidPeriod::Unreadable { text: shown() };
        if let Some((from, to)) = text.split_once("..") {
            let moment = |text: &str| moment(text.trim()).ok_or_else(unreadable);
            let period = Self::new(moment(from)?, moment(to)?);
            if period.is_empty() {
                return Err(InvalidPeriod::Empty { text: shown() });
            }
            return Ok(period);
        }
        let minutes = [("m", 1), ("h", 60), ("d", 1_440), ("w", 10_080)]
            .into_iter()
            .find_map(|(unit, minutes)| Some((text.strip_suffix(unit)?, minutes)))
            .and_then(|(number, minutes)| number.parse::<u32>().ok()?.checked_mul(minutes))
            .filter(|minutes| *minutes > 0)
            .ok_or_else(unreadable)?;
        Ok(Self::recent(
            Duration::from_secs(u64::from(minutes) * 60),
            now,
        ))
    }
}

impl Period {
    /// The one of equal length that ends where this one begins.
    pub(crate) fn preceding(self) -> Self {
        let (from, to) = (self.from().unix_nanos(), self.to().unix_nanos());
        let length = to.saturating_sub(from).max(0);
        let begin = Timestamp::from_unix_nanos(from.saturating_sub(length));
        Self::new(begin, self.from())
    }
}

/// To the minute, as reports count.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.outward(Span::Minute);
        let (from, to) = (minute_text(whole.from()), minute_text(whole.to()));
        write!(f, "{from} to {to} UTC")
    }
}

/// As it is in JSON: two times in nanoseconds.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Period", deny_unknown_fields)]
struct Wire {
    from: Timestamp,
    to: Timestamp,
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (from, to) = (self.from(), self.to());
        Wire { from, to }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Wire { from, to } = Wire::deserialize(deserializer)?;
        Ok(Self::new(from, to))
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
        for text in [
            "",
            "h",
            "0h",
            "-1h",
            "7",
            "7y",
            "9999999999d",
            "..",
            "2026-11-01..",
        ] {
            assert!(shown(text).contains("write 24h"), "{text}: {}", shown(text));
        }
        assert!(shown("2026-11-02..2026-11-02").contains("the earlier day first"));
    }

    #[test]
    fn ends_of_time_are_no_trouble() {
        for now in [i64::MIN, 0, i64::MAX].map(Timestamp::from_unix_nanos) {
            for text in ["1m", "25h", "400000w"] {
                let period = Period::parse(text, now).unwrap();
                assert!(
                    !period.is_empty() || now != Timestamp::UNIX_EPOCH,
                    "{period}"
                );
            }
        }
    }

    #[test]
    fn period_reads_back_from_its_json() {
        let period = Period::last_24_hours(Timestamp::UNIX_EPOCH);
        let json = serde_json::to_string(&period).unwrap();
        assert_eq!(json, r#"{"from":-86340000000000,"to":60000000000}"#);
        assert_eq!(serde_json::from_str::<Period>(&json).unwrap(), period);
    }
}
