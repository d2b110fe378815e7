//! Times in settings that a person writes, and the refusal of settings that cannot be meant.

use std::fmt;
use std::time::Duration;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Why a setting cannot be meant, and what to write instead.
pub(super) type Senseless = &'static str;

/// Fails with the first reason whose condition holds.
pub(super) fn refuse_if(
    conditions: impl IntoIterator<Item = (bool, Senseless)>,
) -> Result<(), Senseless> {
    let mut conditions = conditions.into_iter();
    conditions
        .find(|(holds, _)| *holds)
        .map_or(Ok(()), |(_, reason)| Err(reason))
}

/// Reads a time as the family writes it, and says how that is where it is something else.
pub(super) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    Time::deserialize(deserializer).map(|Time(time)| time)
}

/// As [`time`], where `null` turns the setting off.
pub(super) fn optional_time<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let time = Option::<Time>::deserialize(deserializer)?;
    Ok(time.map(|Time(time)| time))
}

#[derive(Debug)]
struct Time(Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Formats without names write a time as two numbers, and need to be told which type they read.
        if !deserializer.is_human_readable() {
            return Duration::deserialize(deserializer).map(Self);
        }
        deserializer.deserialize_any(Written)
    }
}

struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = Time;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"a time written as {"secs": 1800, "nanos": 0}"#)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Time, A::Error> {
        Duration::deserialize(MapAccessDeserializer::new(map)).map(Time)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Time, A::Error> {
        let seq = serde::de::value::SeqAccessDeserializer::new(seq);
        Duration::deserialize(seq).map(Time)
    }
}
