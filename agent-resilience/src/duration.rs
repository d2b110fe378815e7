//! Durations in settings, as people write them: `"30s"`, `"1m 30s"`, `"500ms"`, or a number of seconds.

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Writes the longest units that say it exactly, such as `1m 30s`; in a format that nobody reads, what
/// serde writes by itself.
pub(crate) fn serialize<S: Serializer>(duration: &Duration, out: S) -> Result<S::Ok, S::Error> {
    if !out.is_human_readable() {
        return duration.serialize(out);
    }
    match SignedDuration::try_from(*duration) {
        Ok(signed) => out.collect_str(&format_args!("{signed:#}")),
        // Longer than 292 billion years: what is meant is "for ever", in the seconds that it has.
        Err(_) => out.serialize_u64(duration.as_secs()),
    }
}

/// Reads a text with units, a number of seconds, or the seconds and nanoseconds that serde writes by
/// itself. A format that nobody reads need not say what comes next, so that there only the last is read.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    if !input.is_human_readable() {
        return Duration::deserialize(input);
    }
    input.deserialize_any(Written)
}

const NANOS_PER_SECOND: u32 = 1_000_000_000;

struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as \"30s\" or \"1m 30s\", or a number of seconds")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        let parsed: Result<SignedDuration, _> = text.trim().parse();
        parsed
            .ok()
            .and_then(|signed| Duration::try_from(signed).ok())
            .ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Duration, E> {
        Ok(Duration::from_secs(seconds))
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Duration, E> {
        u64::try_from(seconds)
            .map(Duration::from_secs)
            .map_err(|_| E::invalid_value(Unexpected::Signed(seconds), &self))
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Duration, E> {
        Duration::try_from_secs_f64(seconds)
            .map_err(|_| E::invalid_value(Unexpected::Float(seconds), &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Duration, A::Error> {
        let (mut secs, mut nanos) = (None, None);
        while let Some(name) = fields.next_key::<String>()? {
            match name.as_str() {
                "secs" => secs = Some(fields.next_value::<u64>()?),
                "nanos" => nanos = Some(fields.next_value::<u32>()?),
                _ => return Err(A::Error::unknown_field(&name, &["secs", "nanos"])),
            }
        }
        let secs = secs.ok_or_else(|| A::Error::missing_field("secs"))?;
        let nanos = nanos.unwrap_or(0);
        if nanos >= NANOS_PER_SECOND {
            return Err(A::Error::invalid_value(
                Unexpected::Unsigned(nanos.into()),
                &"fewer nanoseconds than a second has; give the rest as secs",
            ));
        }
        Ok(Duration::new(secs, nanos))
    }
}

/// The same for a duration that may be absent: `null`.
pub(crate) mod optional {
    use super::{Deserialize, Deserializer, Duration, Serializer};

    #[expect(clippy::ref_option, reason = "serde passes the field by reference")]
    pub(crate) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::serialize(duration, out),
            None => out.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        input: D,
    ) -> Result<Option<Duration>, D::Error> {
        #[derive(Deserialize)]
        struct Given(#[serde(with = "super")] Duration);
        Ok(Option::<Given>::deserialize(input)?.map(|Given(duration)| duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Settings {
        #[serde(with = "super")]
        wait: Duration,
        #[serde(default, with = "super::optional")]
        most: Option<Duration>,
    }

    fn read(wait: &str) -> Result<Duration, String> {
        let json = format!(r#"{{"wait": {wait}}}"#);
        serde_json::from_str::<Settings>(&json)
            .map(|settings| settings.wait)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, millis) in [
            (r#""30s""#, 30_000),
            (r#""1m 30s""#, 90_000),
            (r#""1m30s""#, 90_000),
            (r#""500ms""#, 500),
            (r#""2 hours""#, 7_200_000),
            (r#""PT1M""#, 60_000),
            ("30", 30_000),
            ("0.25", 250),
            (r#"{"secs": 3, "nanos": 5000000}"#, 3_005),
        ] {
            assert_eq!(read(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_an_example() {
        for text in [
            r#""soon""#,
            r#""-3s""#,
            "-3",
            "-0.5",
            "1e300",
            "true",
            r#""""#,
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(r#"such as "30s""#), "{text}: {error}");
        }
        let error = read(r#"{"seconds": 3}"#).unwrap_err();
        assert!(error.contains("unknown field `seconds`"), "{error}");
        let most = r#"{"secs": 3, "nanos": 999999999}"#;
        assert_eq!(read(most), Ok(Duration::new(3, 999_999_999)));
        for nanos in ["1000000000", "4294967295"] {
            let error = read(&format!(r#"{{"secs": 3, "nanos": {nanos}}}"#)).unwrap_err();
            assert!(error.contains("fewer nanoseconds than a second"), "{error}");
        }
    }

    #[test]
    fn a_format_that_nobody_reads_has_seconds_and_nanoseconds() {
        use serde::de::value::{Error, SeqDeserializer};

        // The deserializers of values are for people, so that one that is not stands around them.
        struct Compact<D>(D);

        impl<'de, D: Deserializer<'de>> Deserializer<'de> for Compact<D> {
            type Error = D::Error;

            fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, D::Error> {
                Err(serde::de::Error::custom("it does not say what comes"))
            }

            fn deserialize_struct<V: Visitor<'de>>(
                self,
                _: &'static str,
                _: &'static [&'static str],
                visitor: V,
            ) -> Result<V::Value, D::Error> {
                self.0.deserialize_any(visitor)
            }

            fn is_human_readable(&self) -> bool {
                false
            }

            serde::forward_to_deserialize_any! {
                bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
                unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
            }
        }

        let written = SeqDeserializer::<_, Error>::new([3_u32, 500].into_iter());
        assert_eq!(deserialize(Compact(written)), Ok(Duration::new(3, 500)));
    }

    #[test]
    fn durations_are_written_as_they_are_read() {
        for (wait, most, json) in [
            (
                Duration::from_millis(90_500),
                None,
                r#"{"wait":"1m 30s 500ms","most":null}"#,
            ),
            (
                Duration::ZERO,
                Some(Duration::from_secs(3_600)),
                r#"{"wait":"0s","most":"1h"}"#,
            ),
        ] {
            let settings = Settings { wait, most };
            let written = serde_json::to_string(&settings).unwrap();
            assert_eq!(written, json);
            assert_eq!(
                serde_json::from_str::<Settings>(&written).unwrap(),
                settings
            );
        }
        let for_ever = Settings {
            wait: Duration::MAX,
            most: None,
        };
        let written = serde_json::to_string(&for_ever).unwrap();
        let again: Settings = serde_json::from_str(&written).unwrap();
        assert_eq!(again.wait.as_secs(), u64::MAX);
    }
}
