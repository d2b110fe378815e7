//! JSON objects as pairs of key and raw text, so that numbers are read digit by digit.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The fields of an object in their order, at most `MOST` of them.
pub(super) struct Fields<'a, const MOST: usize>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

/// What a [`Fields`] of too many fields fails with; never shown.
pub(super) const TOO_MANY: &str = "too many fields";

struct Pairs<const MOST: usize>;

/// A borrowed text where the JSON has no escapes in it.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl<'de, const MOST: usize> Visitor<'de> for Pairs<MOST> {
    type Value = Fields<'de, MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
            if fields.len() == MOST {
                return Err(A::Error::custom(TOO_MANY));
            }
            fields.push((name, value));
        }
        Ok(Fields(fields))
    }
}

impl<'de: 'a, 'a, const MOST: usize> Deserialize<'de> for Fields<'a, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Pairs::<MOST>)
    }
}
