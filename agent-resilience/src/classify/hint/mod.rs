//! Hints about when to come back, in every form that providers send them.

mod header;
mod spoken;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use agent_primitives::Timestamp;
use serde::{Deserialize, Serialize};

pub(super) use header::{in_headers, text};
pub(crate) use spoken::in_prose;

/// The longest hint that is believed; longer ones count as this. A year and a day.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// A moment as a provider states it: so long from now, or at a date.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::Timestamp;
/// use agent_resilience::classify::When;
///
/// let now = Timestamp::from_unix_seconds(1_000);
/// assert_eq!(When::In(Duration::from_secs(20)).delay(now), Duration::from_secs(20));
/// assert_eq!(When::At(Timestamp::from_unix_seconds(1_005)).delay(now), Duration::from_secs(5));
/// assert_eq!(When::At(Timestamp::from_unix_seconds(900)).delay(now), Duration::ZERO);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// This long after the reply arrived.
    In(Duration),
    /// At this time of the provider's clock.
    At(Timestamp),
}

impl When {
    /// Time left at `now`; zero when it is over, and a year and a day at the most.
    pub fn delay(self, now: Timestamp) -> Duration {
        match self {
            Self::In(delay) => delay,
            Self::At(at) => at.since(now),
        }
        .min(LONGEST)
    }
}

/// Reads the value of a `retry-after` or reset header: seconds with or without a fraction, an HTTP
/// date in its three forms, RFC 3339, seconds, milliseconds or microseconds since 1970, or a
/// duration such as `6m0s`, `370ms`, `26s`. `None` for anything else, negative numbers included.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::Timestamp;
/// use agent_resilience::classify::{When, parse_hint};
///
/// assert_eq!(parse_hint("20"), Some(When::In(Duration::from_secs(20))));
/// assert_eq!(parse_hint("2m59.56s"), Some(When::In(Duration::from_millis(179_560))));
/// let date = Some(When::At(Timestamp::from_unix_seconds(784_111_777)));
/// assert_eq!(parse_hint("Sun, 06 Nov 1994 08:49:37 GMT"), date);
/// assert_eq!(parse_hint("1994-11-06T08:49:37Z"), date);
/// assert_eq!(parse_hint("-1"), None);
/// ```
pub fn parse_hint(text: &str) -> Option<When> {
    let text = text.trim();
    if let Some(seconds) = decimal(text) {
        return Some(number(seconds));
    }
    // "2026-01-01T00:00:00Z", which is the most frequent of the rest.
    if text.as_bytes().get(4) == Some(&b'-')
        && let Some(at) = date(text)
    {
        return Some(When::At(at));
    }
    if let Some(duration) = go_duration(text) {
        return Some(When::In(duration));
    }
    if let Ok(date) = httpdate::parse_http_date(text) {
        return Some(When::At(from_system(date)));
    }
    date(text).map(When::At)
}

/// RFC 3339, with a zone.
fn date(text: &str) -> Option<Timestamp> {
    let stamp: jiff::Timestamp = text.parse().ok()?;
    let nanos = i64::try_from(stamp.as_nanosecond()).ok()?;
    Some(Timestamp::from_unix_nanos(nanos))
}

/// Reads a number of milliseconds, with or without a fraction.
pub(crate) fn parse_millis(text: &str) -> Option<When> {
    let millis = decimal(text.trim())?;
    Some(When::In(seconds(millis / 1_000.0)))
}

fn from_system(date: SystemTime) -> Timestamp {
    match date.duration_since(UNIX_EPOCH) {
        Ok(after) => Timestamp::UNIX_EPOCH + after,
        Err(before) => Timestamp::UNIX_EPOCH - before.duration(),
    }
}

/// A plain non-negative number: digits and at most one point.
fn decimal(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let has_digit = text.bytes().any(|b| b.is_ascii_digit());
    if plain && has_digit && text.len() <= 40 {
        text.parse().ok()
    } else {
        None
    }
}

/// Seconds, unless the number is so large that it can only be a date since 2001 in seconds,
/// milliseconds or microseconds.
fn number(value: f64) -> When {
    let scale = if (1e9..1e11).contains(&value) {
        1.0
    } else if (1e12..1e14).contains(&value) {
        1e3
    } else if (1e15..1e17).contains(&value) {
        1e6
    } else {
        return When::In(seconds(value));
    };
    let since_epoch = Duration::try_from_secs_f64(value / scale).unwrap_or(Duration::MAX);
    When::At(Timestamp::UNIX_EPOCH + since_epoch)
}

fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value)
        .unwrap_or(LONGEST)
        .min(LONGEST)
}

/// Go's and protobuf's durations: numbers with units `h m s ms us µs ns`, one after the other.
pub(crate) fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let value = decimal(number)?;
        let unit_len = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_len);
        total += value
            * match unit {
                "d" => 86_400.0,
                "h" => 3_600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" | "μs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = tail;
    }
    Some(micros(seconds(total)))
}

/// Whole microseconds: fractions such as 59.56 are not exact in binary.
fn micros(duration: Duration) -> Duration {
    let micros = duration.as_nanos().saturating_add(500) / 1_000;
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_millis(millis: u64) -> When {
        When::In(Duration::from_millis(millis))
    }

    #[test]
    fn every_written_form_of_a_hint_is_read() {
        let at = |seconds| Some(When::At(Timestamp::from_unix_seconds(seconds)));
        for (text, expected) in [
            ("0", Some(in_millis(0))),
            ("20", Some(in_millis(20_000))),
            (" 1.5 ", Some(in_millis(1_500))),
            ("12ms", Some(in_millis(12))),
            ("1s", Some(in_millis(1_000))),
            ("6m0s", Some(in_millis(360_000))),
            ("1h2m3s", Some(in_millis(3_723_000))),
            ("2m59.56s", Some(in_millis(179_560))),
            ("3.56s", Some(in_millis(3_560))),
            ("250us", Some(When::In(Duration::from_micros(250)))),
            ("250µs", Some(When::In(Duration::from_micros(250)))),
            ("1767225600", at(1_767_225_600)),
            ("1767225600000", at(1_767_225_600)),
            ("1767225600000000", at(1_767_225_600)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", at(784_111_777)),
            ("Sun Nov  6 08:49:37 1994", at(784_111_777)),
            ("2026-01-01T00:00:00Z", at(1_767_225_600)),
            ("2026-01-01T01:00:00+01:00", at(1_767_225_600)),
        ] {
            assert_eq!(parse_hint(text), expected, "{text}");
        }
    }

    #[test]
    fn nonsense_is_no_hint_and_a_huge_one_is_capped() {
        for text in [
            "",
            " ",
            "-1",
            "NaN",
            "inf",
            "1e9",
            "soon",
            "5 apples",
            "1.2.3",
            ".",
            "s",
            "5x",
            "m5",
            "5s5",
            "2026-13-01T00:00:00Z",
        ] {
            assert_eq!(parse_hint(text), None, "{text:?}");
        }
        assert_eq!(parse_hint("99999999999999999999"), Some(When::In(LONGEST)));
        assert_eq!(parse_hint("99999999h"), Some(When::In(LONGEST)));
    }
}
