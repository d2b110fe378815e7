//! A JSON object whose values stay as they were written until they are asked for.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{Reason, half};

/// The fields of one object.
///
/// Arguments of tool calls are kept as they were written, byte for byte. So an object is taken apart level by
/// level, and only what is stored as a value becomes one.
#[derive(Debug, Default)]
pub(super) struct Fields<'a>(BTreeMap<String, &'a RawValue>);

/// Why a line cannot be read, as its reason.
pub(super) type Fault = Reason;

/// What `serde_json` says of values that nest too deep for it, whose limit is 128 levels.
const RECURSION: &str = "recursion limit exceeded";

pub(super) fn fault(error: &serde_json::Error) -> Fault {
    if error.to_string().starts_with(RECURSION) {
        Reason::TooDeep
    } else {
        Reason::Malformed
    }
}

/// `raw` as a value.
pub(super) fn value(raw: &RawValue) -> Result<Value, Fault> {
    serde_json::from_str(raw.get()).map_err(|error| fault(&error))
}

/// `raw` without the blanks between its values, in the order in which it has them.
pub(super) fn compact(raw: &RawValue) -> String {
    let mut compact = String::with_capacity(raw.get().len());
    let (mut is_text, mut is_escaped) = (false, false);
    for c in raw.get().chars() {
        if is_text || !c.is_ascii_whitespace() {
            compact.push(c);
        }
        is_text ^= c == '"' && !is_escaped;
        is_escaped = is_text && c == '\\' && !is_escaped;
    }
    compact
}

/// The text that `raw` is; `None` for anything else.
pub(super) fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// The elements of the list that `raw` is; `None` for anything else.
pub(super) fn list(raw: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw.get()).ok()
}

impl<'a> Fields<'a> {
    /// The object that a line is.
    pub(super) fn of_line(line: &'a [u8]) -> Result<Self, Fault> {
        let fields = serde_json::from_slice(line).map_err(|error| fault(&error))?;
        Ok(Self(fields))
    }

    /// The object that `raw` is; `None` for anything else.
    pub(super) fn of(raw: &'a RawValue) -> Option<Self> {
        serde_json::from_str(raw.get()).ok().map(Self)
    }

    /// A value that is there and not null.
    pub(super) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        let raw = self.0.get(name).copied();
        raw.filter(|raw| raw.get() != "null")
    }

    /// The name of some field.
    pub(super) fn first(&self) -> Option<&str> {
        self.0.keys().next().map(String::as_str)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.raw(name).and_then(text)
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.raw(name).is_some_and(|raw| raw.get() == "true")
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.parsed(name)
    }

    pub(super) fn parsed<T: Deserialize<'a>>(&self, name: &str) -> Option<T> {
        self.raw(name)
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
    }

    pub(super) fn object(&self, name: &str) -> Option<Self> {
        self.raw(name).and_then(Self::of)
    }

    pub(super) fn list(&self, name: &str) -> Option<Vec<&'a RawValue>> {
        self.raw(name).and_then(list)
    }

    /// What is there beside the fields `taken`, and is not null.
    pub(super) fn rest(&self, taken: &[&str]) -> Result<Map<String, Value>, Fault> {
        let mut rest = Map::new();
        for (name, raw) in &self.0 {
            if !taken.contains(&name.as_str()) && raw.get() != "null" {
                rest.insert(name.clone(), value(raw)?);
            }
        }
        Ok(rest)
    }

    /// The kind of line or block that this is.
    pub(super) fn kind(&self) -> String {
        self.text("type").unwrap_or_default()
    }
}

/// The line, mended where it has halves of characters; whether it had.
pub(super) fn mended(line: Vec<u8>) -> (Vec<u8>, bool) {
    match half::replaced(&line) {
        Some(mended) => (mended, true),
        None => (line, false),
    }
}
