//! Lengths of time as rules write them: `90s`, `5m`, `1h30m`, `3d`, `1ms500us`.

use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// In nanoseconds.
const UNITS: [(&str, u128); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", NANOS),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];
const NANOS: u128 = 1_000_000_000;

/// The shortest way to write it. It is exact: a rule that is kept must read back as itself, or it would begin anew.
pub(super) fn text(span: Duration) -> String {
    let mut left = span.as_nanos();
    if left == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, nanos) in UNITS {
        let whole = left / nanos;
        left %= nanos;
        if whole > 0 {
            // Writing to a text does not fail.
            let _ = write!(text, "{whole}{unit}");
        }
    }
    text
}

/// What `text` writes, and the same with more than 24 hours or 60 minutes. Units come once, largest first.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut sum = 0_u128;
    let mut units = UNITS.iter();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, behind) = rest.split_at(digits);
        let ends = behind.find(|c: char| c.is_ascii_digit());
        let (unit, behind) = behind.split_at(ends.unwrap_or(behind.len()));
        let (_, nanos) = units.find(|(known, _)| *known == unit)?;
        let part = number.parse::<u128>().ok()?.checked_mul(*nanos)?;
        sum = sum.checked_add(part)?;
        rest = behind;
    }
    if text.is_empty() {
        return None;
    }
    let seconds = u64::try_from(sum / NANOS).ok()?;
    let nanos = u32::try_from(sum % NANOS).ok()?;
    Some(Duration::new(seconds, nanos))
}

pub(super) fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(*span))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| {
        serde::de::Error::custom(format_args!(
            "{text:?} is no length of time; write one as \"90s\" or \"1h30m\""
        ))
    })
}

/// The same for lengths of time that may be left out.
pub(super) mod option {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Written(#[serde(with = "super")] Duration);

    #[expect(clippy::ref_option, reason = "serde asks for it")]
    pub(in crate::alert) fn serialize<S: Serializer>(
        span: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        span.map(Written).serialize(serializer)
    }

    pub(in crate::alert) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<Written>::deserialize(deserializer)?.map(|it| it.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_read_back_from_their_texts() {
        for (seconds, written) in [
            (0, "0s"),
            (90, "1m30s"),
            (300, "5m"),
            (5_400, "1h30m"),
            (259_200, "3d"),
        ] {
            let span = Duration::from_secs(seconds);
            assert_eq!(text(span), written);
            assert_eq!(parse(written), Some(span));
        }
        assert_eq!(parse("90s"), Some(Duration::from_secs(90)));
        assert_eq!(parse("1s250ms"), Some(Duration::from_millis(1_250)));
    }

    #[test]
    fn every_length_of_time_is_written_in_full() {
        for (span, written) in [
            (Duration::from_micros(1_500), "1ms500us"),
            (Duration::from_nanos(1), "1ns"),
            (Duration::from_nanos(60_000_000_007), "1m7ns"),
        ] {
            assert_eq!(text(span), written);
            assert_eq!(parse(written), Some(span));
        }
        assert_eq!(parse(&text(Duration::MAX)), Some(Duration::MAX));
    }

    #[test]
    fn what_is_no_length_of_time_is_refused() {
        for text in [
            "",
            "5",
            "m",
            "5 m",
            "-5m",
            "5m5m",
            "5s5m",
            "1.5h",
            "5y",
            "99999999999999999999d",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
