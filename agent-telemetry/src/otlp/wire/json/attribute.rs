//! Attributes: whether they are well formed, and what they say.

use std::borrow::Cow;

use super::super::super::value::{Attributes, Value};
use super::super::limits::{Budget, ReadLimits};
use super::super::malformed::{Fault, Flaw};
use super::cursor::Cursor;
use super::{base64, string};

/// Passes over an array of attributes, which it checks on the way. Gives it with its brackets.
pub(super) fn check<'a>(cursor: &mut Cursor<'a>, depth: usize) -> Result<&'a str, Fault> {
    cursor.peek();
    let start = *cursor;
    cursor.array(|cursor| {
        if plain(cursor).is_none() {
            pair(cursor, &mut nothing_kept(), depth)?;
        }
        Ok(())
    })?;
    Ok(cursor.since(start))
}

/// Passes over an `AnyValue`, which it checks on the way.
pub(super) fn check_value(cursor: &mut Cursor<'_>, depth: usize) -> Result<(), Fault> {
    value(cursor, &mut nothing_kept(), depth).map(drop)
}

/// What is checked is read as it will be read, and nothing of it is kept.
fn nothing_kept() -> Budget {
    Budget::new(&ReadLimits {
        elements: 0,
        value_bytes: 0,
        ..ReadLimits::default()
    })
}

/// Takes an attribute that is a text without escapes, written as programs write it: nearly all are.
#[inline]
fn plain<'a>(cursor: &mut Cursor<'a>) -> Option<(&'a str, &'a str)> {
    let mut ahead = *cursor;
    let key = ahead.take(b"{\"key\":\"").then(|| ahead.plain_text())??;
    let between = ahead.take(b"\",\"value\":{\"stringValue\":\"");
    let text = between.then(|| ahead.plain_text())??;
    if !ahead.take(b"\"}}") {
        return None;
    }
    *cursor = ahead;
    Some((key, text))
}

/// Reads the array that was checked.
pub(in super::super) fn read<'a>(
    array: &'a str,
    budget: &mut Budget,
    into: &mut Attributes<'a>,
) -> Result<(), Fault> {
    read_at(&mut Cursor::new(array), budget, into)
}

/// Reads an array of attributes.
pub(super) fn read_at<'a>(
    cursor: &mut Cursor<'a>,
    budget: &mut Budget,
    into: &mut Attributes<'a>,
) -> Result<(), Fault> {
    into.clear();
    cursor.array(|cursor| {
        if !budget.admits(into.len(), budget.attributes) {
            return pair(cursor, &mut nothing_kept(), budget.depth).map(drop);
        }
        if let Some((key, text)) = plain(cursor) {
            let (key, text) = (budget.text(key), budget.text(text));
            into.push(Cow::Borrowed(key), Value::Text(Cow::Borrowed(text)));
            return Ok(());
        }
        let (key, value) = pair(cursor, budget, budget.depth)?;
        into.push(key, value);
        Ok(())
    })
}

fn pair<'a>(
    cursor: &mut Cursor<'a>,
    budget: &mut Budget,
    depth: usize,
) -> Result<(Cow<'a, str>, Value<'a>), Fault> {
    let (mut key, mut it) = (Cow::Borrowed(""), Value::Empty);
    cursor.object(|cursor, name| {
        match name {
            "key" => key = text(cursor, budget)?,
            "value" => it = value(cursor, budget, depth)?,
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    Ok((key, it))
}

/// Reads an `AnyValue`. Of several values in it the last one counts.
pub(super) fn value<'a>(
    cursor: &mut Cursor<'a>,
    budget: &mut Budget,
    depth: usize,
) -> Result<Value<'a>, Fault> {
    let mut value = Value::Empty;
    cursor.object(|cursor, name| {
        value = match name {
            "stringValue" => Value::Text(text(cursor, budget)?),
            "boolValue" => Value::Bool(cursor.bool()?),
            "intValue" => Value::Int(cursor.i64()?),
            "doubleValue" => Value::Double(cursor.f64()?),
            "bytesValue" => bytes(cursor, budget)?,
            "arrayValue" | "kvlistValue" => match depth.checked_sub(1) {
                Some(depth) if name == "arrayValue" => array(cursor, budget, depth)?,
                Some(depth) => map(cursor, budget, depth)?,
                None => {
                    cursor.skip()?;
                    budget.too_deep();
                    Value::Empty
                }
            },
            _ => return cursor.skip(),
        };
        Ok(())
    })?;
    Ok(value)
}

fn text<'a>(cursor: &mut Cursor<'a>, budget: &mut Budget) -> Result<Cow<'a, str>, Fault> {
    let (text, escaped) = cursor.quoted()?;
    if escaped {
        let text = string::unescape(text);
        return Ok(Cow::Owned(budget.text(&text).to_owned()));
    }
    Ok(Cow::Borrowed(budget.text(text)))
}

fn bytes<'a>(cursor: &mut Cursor<'a>, budget: &mut Budget) -> Result<Value<'a>, Fault> {
    let start = *cursor;
    let text = cursor.text()?;
    let mut bytes = base64::decode(&text).ok_or_else(|| start.fault(Flaw::Base64))?;
    bytes.truncate(budget.bytes(bytes.len()));
    Ok(Value::Bytes(Cow::Owned(bytes)))
}

fn array<'a>(
    cursor: &mut Cursor<'a>,
    budget: &mut Budget,
    depth: usize,
) -> Result<Value<'a>, Fault> {
    let mut array = Vec::new();
    cursor.object(|cursor, name| {
        if name != "values" {
            return cursor.skip();
        }
        array.clear();
        cursor.array(|cursor| {
            let kept = budget.element();
            let value = value(cursor, budget, depth)?;
            if kept {
                array.push(value);
            }
            Ok(())
        })
    })?;
    Ok(Value::Array(array))
}

fn map<'a>(cursor: &mut Cursor<'a>, budget: &mut Budget, depth: usize) -> Result<Value<'a>, Fault> {
    let mut map = Attributes::default();
    cursor.object(|cursor, name| {
        if name != "values" {
            return cursor.skip();
        }
        map.clear();
        cursor.array(|cursor| {
            let kept = budget.element();
            let (key, value) = pair(cursor, budget, depth)?;
            if kept {
                map.push(key, value);
            }
            Ok(())
        })
    })?;
    Ok(Value::Map(map))
}
