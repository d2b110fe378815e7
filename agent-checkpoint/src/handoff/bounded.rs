//! Reads JSON of others within limits on bytes, depth and elements.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;
use std::io::Read;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::PackageError;
use super::error::Kind;

/// Most that is read of a package that others may have written. What is read takes about its length in
/// memory, and some 100 bytes for each element.
///
/// ```
/// use agent_checkpoint::handoff::{Limits, Package};
///
/// let limits: Limits = serde_json::from_str(r#"{"bytes": 10}"#)?;
/// let error = Package::from_reader_within(&b"{\"format\": 1}"[..], &limits).unwrap_err();
/// assert!(error.is_too_large());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Most bytes; 16 MiB unless set.
    pub bytes: u64,
    /// Most elements of arrays and objects together; 500 000 unless set.
    pub elements: u64,
    /// Most arrays and objects within each other; 120 unless set, and never more.
    pub depth: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 16 * 1024 * 1024,
            elements: 500_000,
            depth: DEPTH_MAX,
        }
    }
}

/// The parser stops at 128, and what a session saves nests no deeper than 100 in a message's part.
const DEPTH_MAX: u32 = 120;

/// The bytes, as far as they are allowed.
pub(super) fn bytes_of(reader: impl Read, limits: &Limits) -> Result<Vec<u8>, PackageError> {
    let mut bytes = Vec::new();
    let mut reader = reader.take(limits.bytes.saturating_add(1));
    let read = reader.read_to_end(&mut bytes);
    read.map_err(|source| Kind::Unavailable {
        what: "reading the package".to_owned(),
        source,
    })?;
    check_len(&bytes, limits)?;
    Ok(bytes)
}

fn check_len(bytes: &[u8], limits: &Limits) -> Result<(), PackageError> {
    if u64::try_from(bytes.len()).is_ok_and(|len| len <= limits.bytes) {
        return Ok(());
    }
    Err(Kind::TooLarge {
        what: "more bytes",
        max: limits.bytes,
    }
    .into())
}

/// The value that the bytes are.
pub(super) fn value_of(bytes: &[u8], limits: &Limits) -> Result<Value, PackageError> {
    check_len(bytes, limits)?;
    let left = Cell::new(limits.elements);
    let depth = limits.depth.min(DEPTH_MAX);
    let too_much = Cell::new(None);
    let bounded = Bounded {
        left: &left,
        depth,
        too_much: &too_much,
    };
    // Counted first: what is built takes many times its length.
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let counted = bounded.deserialize(&mut deserializer);
    let counted = counted.and_then(|()| deserializer.end());
    let value = counted.and_then(|()| serde_json::from_slice(bytes));
    value.map_err(|error| match too_much.get() {
        Some(Excess::Elements) => Kind::TooLarge {
            what: "more elements",
            max: limits.elements,
        }
        .into(),
        Some(Excess::Depth) => Kind::TooLarge {
            what: "deeper nesting",
            max: depth.into(),
        }
        .into(),
        None if error.is_eof() => Kind::Damaged(format!("it is cut short, {error}")).into(),
        None => Kind::Damaged(format!("it is no JSON, {error}")).into(),
    })
}

#[derive(Debug, Clone, Copy)]
enum Excess {
    Elements,
    Depth,
}

/// Counts a value that may have so many more elements, and nest so much deeper.
#[derive(Clone, Copy)]
struct Bounded<'a> {
    left: &'a Cell<u64>,
    depth: u32,
    too_much: &'a Cell<Option<Excess>>,
}

impl Bounded<'_> {
    fn element<E: serde::de::Error>(self) -> Result<(), E> {
        let Some(left) = self.left.get().checked_sub(1) else {
            self.too_much.set(Some(Excess::Elements));
            return Err(E::custom("too many elements"));
        };
        self.left.set(left);
        Ok(())
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        let Some(depth) = self.depth.checked_sub(1) else {
            self.too_much.set(Some(Excess::Depth));
            return Err(E::custom("too deep"));
        };
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while seq.next_element_seed(inner)?.is_some() {
            self.element()?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut names = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            self.element()?;
            map.next_value_seed(inner)?;
            // Readers differ in which of two they believe.
            if !names.insert(name) {
                return Err(A::Error::custom("a name occurs twice"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, elements: u64, depth: u32) -> Result<Value, PackageError> {
        let limits = Limits {
            elements,
            depth,
            ..Limits::default()
        };
        value_of(text.as_bytes(), &limits)
    }

    #[test]
    fn values_read_as_they_are_up_to_each_limit() {
        let text = r#"{"a":[1,-2,2.5,"x",null,true],"b":{"c":18446744073709551615}}"#;
        let value = read(text, 9, 2).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
        assert!(read(text, 8, 2).unwrap_err().is_too_large());
        assert!(read(text, 9, 1).unwrap_err().is_too_large());
        assert!(read("1", 0, 0).is_ok());
        let limits = Limits {
            bytes: 3,
            ..Limits::default()
        };
        assert_eq!(bytes_of(&b"123"[..], &limits).unwrap(), b"123");
        assert!(bytes_of(&b"1234"[..], &limits).unwrap_err().is_too_large());
        assert!(value_of(b"1234", &limits).unwrap_err().is_too_large());
    }

    #[test]
    fn what_is_no_json_is_damaged() {
        for text in [
            "",
            "{",
            "[1,",
            "nul",
            "{\"a\":1}x",
            "{\"a\":1,\"a\":2}",
            "1e999",
        ] {
            assert!(read(text, 99, 9).unwrap_err().is_damaged(), "{text}");
        }
        let deep = "[".repeat(100_000);
        assert!(read(&deep, u64::MAX, u32::MAX).unwrap_err().is_too_large());
    }
}
