//! Attributes: whether they are well formed, and what they say.

use std::borrow::Cow;
use std::mem;

use super::super::super::value::{Attributes, Value};
use super::super::limits::Budget;
use super::super::malformed::Fault;
use super::message::{Message, bytes, fixed64, text, varint};
use super::texts::Texts;

// KeyValue
const KEY: u32 = bytes(1);
const VALUE: u32 = bytes(2);
// AnyValue
const TEXT: u32 = bytes(1);
const BOOL: u32 = varint(2);
const INT: u32 = varint(3);
const DOUBLE: u32 = fixed64(4);
const ARRAY: u32 = bytes(5);
const MAP: u32 = bytes(6);
const BYTES: u32 = bytes(7);
// ArrayValue, KeyValueList
const VALUES: u32 = bytes(1);

/// Its key and its text, if it is the one and then the other, each shorter than 126 bytes: nearly all attributes are,
/// and need no more looking at than this. Whether the two are UTF-8 is not said.
#[inline]
pub(super) fn plain(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let [0x0a, key @ 0..0x80, rest @ ..] = pair else {
        return None;
    };
    match rest.split_at_checked(usize::from(*key))? {
        (key, [0x12, value, 0x0a, length @ 0..0x7e, text @ ..])
            if *value == *length + 2 && text.len() == usize::from(*length) =>
        {
            Some((key, text))
        }
        _ => None,
    }
}

/// Whether a `KeyValue` is well formed, down to values in `depth` arrays and maps.
pub(super) fn check(pair: &[u8], depth: usize) -> Result<(), Fault> {
    let mut message = Message::new(pair);
    while let Some(tag) = message.tag()? {
        match tag {
            KEY => drop(message.text()?),
            VALUE => check_value(message.bytes()?, depth)?,
            other => message.skip(other)?,
        }
    }
    Ok(())
}

/// Whether an `AnyValue` is well formed.
pub(super) fn check_value(value: &[u8], depth: usize) -> Result<(), Fault> {
    let mut message = Message::new(value);
    while let Some(tag) = message.tag()? {
        match tag {
            TEXT => drop(message.text()?),
            ARRAY | MAP => {
                let list = message.bytes()?;
                if let Some(depth) = depth.checked_sub(1) {
                    let check = if tag == ARRAY { check_value } else { check };
                    check_list(list, depth, check)?;
                }
            }
            other => message.skip(other)?,
        }
    }
    Ok(())
}

fn check_list(
    list: &[u8],
    depth: usize,
    check: fn(&[u8], usize) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut message = Message::new(list);
    while let Some(tag) = message.tag()? {
        match tag {
            VALUES => check(message.bytes()?, depth)?,
            other => message.skip(other)?,
        }
    }
    Ok(())
}

/// Adds a `KeyValue`, if there is room for one more.
#[inline]
pub(super) fn read<'a>(
    pair: &'a [u8],
    texts: &mut Texts<'a>,
    budget: &mut Budget,
    into: &mut Attributes<'a>,
) -> Result<(), Fault> {
    if !budget.admits(into.len(), budget.attributes) {
        return Ok(());
    }
    if let Some((key, text)) = plain(pair)
        && let Some(key) = texts.text(key)
        && let Some(text) = texts.text(text)
    {
        let (key, text) = (budget.text(key), budget.text(text));
        into.push(Cow::Borrowed(key), Value::Text(Cow::Borrowed(text)));
        return Ok(());
    }
    let (key, value) = read_pair(pair, budget, budget.depth)?;
    into.push(Cow::Borrowed(key), value);
    Ok(())
}

fn read_pair<'a>(
    pair: &'a [u8],
    budget: &mut Budget,
    depth: usize,
) -> Result<(&'a str, Value<'a>), Fault> {
    let mut message = Message::new(pair);
    let (mut key, mut value) = ("", Value::Empty);
    while let Some(tag) = message.tag()? {
        match tag {
            KEY => key = budget.text(message.text()?),
            VALUE => read_value(message.bytes()?, &mut value, budget, depth)?,
            other => message.skip(other)?,
        }
    }
    Ok((key, value))
}

/// Merges an `AnyValue` into another: of simple values the last one counts, lists are joined.
pub(super) fn read_value<'a>(
    bytes: &'a [u8],
    value: &mut Value<'a>,
    budget: &mut Budget,
    depth: usize,
) -> Result<(), Fault> {
    let mut message = Message::new(bytes);
    while let Some(tag) = message.tag()? {
        *value = match tag {
            TEXT => Value::Text(Cow::Borrowed(budget.text(text(message.bytes()?)?))),
            BOOL => Value::Bool(message.varint()? != 0),
            INT => Value::Int(message.varint()?.cast_signed()),
            DOUBLE => Value::Double(message.double()?),
            BYTES => {
                let bytes = message.bytes()?;
                let kept = bytes.get(..budget.bytes(bytes.len()));
                Value::Bytes(Cow::Borrowed(kept.unwrap_or_default()))
            }
            ARRAY | MAP => {
                let list = message.bytes()?;
                match depth.checked_sub(1) {
                    Some(depth) if tag == ARRAY => {
                        read_array(list, mem::take(value), budget, depth)?
                    }
                    Some(depth) => read_map(list, mem::take(value), budget, depth)?,
                    None => {
                        budget.too_deep();
                        Value::Empty
                    }
                }
            }
            other => {
                message.skip(other)?;
                continue;
            }
        };
    }
    Ok(())
}

fn read_array<'a>(
    bytes: &'a [u8],
    before: Value<'a>,
    budget: &mut Budget,
    depth: usize,
) -> Result<Value<'a>, Fault> {
    let mut array = match before {
        Value::Array(array) => array,
        _ => Vec::new(),
    };
    let mut message = Message::new(bytes);
    while let Some(tag) = message.tag()? {
        if tag != VALUES {
            message.skip(tag)?;
            continue;
        }
        let element = message.bytes()?;
        if budget.element() {
            let mut value = Value::Empty;
            read_value(element, &mut value, budget, depth)?;
            array.push(value);
        }
    }
    Ok(Value::Array(array))
}

fn read_map<'a>(
    bytes: &'a [u8],
    before: Value<'a>,
    budget: &mut Budget,
    depth: usize,
) -> Result<Value<'a>, Fault> {
    let mut map = match before {
        Value::Map(map) => map,
        _ => Attributes::default(),
    };
    let mut message = Message::new(bytes);
    while let Some(tag) = message.tag()? {
        if tag != VALUES {
            message.skip(tag)?;
            continue;
        }
        let pair = message.bytes()?;
        if budget.element() {
            let (key, value) = read_pair(pair, budget, depth)?;
            map.push(Cow::Borrowed(key), value);
        }
    }
    Ok(Value::Map(map))
}
