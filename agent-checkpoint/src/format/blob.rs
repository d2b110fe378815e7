//! Long texts that are stored once: which texts these are, and what stands in their place.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};

use super::payload::Digest;
use crate::Message;

/// Shorter texts stay where they are, in bytes: a frame and a reference of their own are not worth it.
pub(crate) const BLOB_MIN: usize = 32 << 10;
/// What references put back in one log, in bytes. A writer refers to nothing any more beyond the first, so
/// that no reader comes to the second, where it refuses: a reference is short and may name 64 MiB.
pub(crate) const REFERRED_MAX: u64 = 1 << 30;
pub(crate) const REFERRED_LIMIT: u64 = 2 * REFERRED_MAX;

/// In a frame that is flagged for it, a text that begins with this is a reference, and one that begins
/// with two of them is a text that begins with one.
const MARK: char = '\0';

/// Stands for a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reference {
    /// Number of the Blob frame.
    pub(crate) number: u64,
    /// Length of the text in bytes.
    pub(crate) len: u64,
    /// Digest of the text.
    pub(crate) hash: Digest,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = blake3::Hash::from_bytes(self.hash).to_hex();
        write!(f, "{MARK}{} {} {hash}", self.number, self.len)
    }
}

impl Reference {
    /// Reads what stands behind the mark.
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split(' ');
        let reference = Self {
            number: fields.next()?.parse().ok()?,
            len: fields.next()?.parse().ok()?,
            hash: *blake3::Hash::from_hex(fields.next()?).ok()?.as_bytes(),
        };
        fields.next().is_none().then_some(reference)
    }
}

/// Whether any text of the message is long enough to be stored by itself.
pub(crate) fn has_long_text(message: &Message) -> bool {
    let is_long = |text: &str| text.len() >= BLOB_MIN;
    is_long(&message.content)
        || message.parts.iter().any(has_long)
        || message.extra.values().any(has_long)
        || message
            .tool_calls
            .iter()
            .any(|call| is_long(&call.arguments) || call.extra.values().any(has_long))
}

fn has_long(value: &Value) -> bool {
    match value {
        Value::String(text) => text.len() >= BLOB_MIN,
        Value::Array(values) => values.iter().any(has_long),
        Value::Object(fields) => fields.values().any(has_long),
        _ => false,
    }
}

/// The message for a flagged frame: `refer` gives a reference for each long text, or nothing where the text
/// is to stay.
pub(crate) fn lift<E>(
    message: &Message,
    refer: &mut impl FnMut(&str) -> Result<Option<Reference>, E>,
) -> Result<Message, E> {
    let mut lift = Lift(refer);
    let mut lifted = Message {
        role: message.role,
        content: lift.text(&message.content)?,
        parts: message
            .parts
            .iter()
            .map(|part| lift.value(part))
            .collect::<Result<_, E>>()?,
        tool_calls: Vec::with_capacity(message.tool_calls.len()),
        tool_call_id: message.tool_call_id.clone(),
        extra: lift.fields(&message.extra)?,
    };
    for call in &message.tool_calls {
        let mut copy = crate::ToolCall::new(&*call.id, &*call.name, lift.text(&call.arguments)?);
        copy.extra = lift.fields(&call.extra)?;
        lifted.tool_calls.push(copy);
    }
    Ok(lifted)
}

struct Lift<'a, F>(&'a mut F);

impl<E, F: FnMut(&str) -> Result<Option<Reference>, E>> Lift<'_, F> {
    fn text(&mut self, text: &str) -> Result<String, E> {
        if text.len() >= BLOB_MIN
            && let Some(reference) = (self.0)(text)?
        {
            return Ok(reference.to_string());
        }
        let mut escaped = String::with_capacity(text.len() + 1);
        if text.starts_with(MARK) {
            escaped.push(MARK);
        }
        escaped.push_str(text);
        Ok(escaped)
    }

    fn value(&mut self, value: &Value) -> Result<Value, E> {
        Ok(match value {
            Value::String(text) => Value::String(self.text(text)?),
            Value::Array(values) => Value::Array(
                values
                    .iter()
                    .map(|v| self.value(v))
                    .collect::<Result<_, E>>()?,
            ),
            Value::Object(fields) => Value::Object(self.fields(fields)?),
            other => other.clone(),
        })
    }

    fn fields(&mut self, fields: &Map<String, Value>) -> Result<Map<String, Value>, E> {
        let mut lifted = Map::new();
        for (name, value) in fields {
            lifted.insert(name.clone(), self.value(value)?);
        }
        Ok(lifted)
    }
}

/// Puts back what [`lift`] took out of a message. `find` gives the text of a reference; `None` where it
/// is lost.
pub(crate) fn put_back<'a>(
    message: &mut Message,
    find: &mut impl FnMut(&Reference) -> Option<Cow<'a, str>>,
) -> Option<()> {
    text(&mut message.content, find)?;
    for part in &mut message.parts {
        value(part, find)?;
    }
    fields(&mut message.extra, find)?;
    for call in &mut message.tool_calls {
        text(&mut call.arguments, find)?;
        fields(&mut call.extra, find)?;
    }
    Some(())
}

fn text<'a>(
    text: &mut String,
    find: &mut impl FnMut(&Reference) -> Option<Cow<'a, str>>,
) -> Option<()> {
    let Some(marked) = text.strip_prefix(MARK) else {
        return Some(());
    };
    *text = if marked.starts_with(MARK) {
        marked.to_owned()
    } else {
        find(&Reference::parse(marked)?)?.into_owned()
    };
    Some(())
}

fn value<'a>(
    json: &mut Value,
    find: &mut impl FnMut(&Reference) -> Option<Cow<'a, str>>,
) -> Option<()> {
    match json {
        Value::String(inner) => text(inner, find),
        Value::Array(list) => list.iter_mut().try_for_each(|inner| value(inner, find)),
        Value::Object(inner) => fields(inner, find),
        _ => Some(()),
    }
}

fn fields<'a>(
    fields: &mut Map<String, Value>,
    find: &mut impl FnMut(&Reference) -> Option<Cow<'a, str>>,
) -> Option<()> {
    fields.values_mut().try_for_each(|inner| value(inner, find))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ToolCall;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn message() -> Message {
        let long = |c: char| c.to_string().repeat(BLOB_MIN);
        let mut message = Message::user(long('a')).with_part(json!({
            "image": {"data": [long('b'), "\0looks like one", 7, null]},
        }));
        let mut call = ToolCall::new("c", "write", long('c'));
        call.extra.insert("more".into(), long('a').into());
        message.tool_calls.push(call);
        message
            .tool_calls
            .push(ToolCall::new("\0c", "\0n", "\0\0 1 2"));
        message
            .extra
            .insert("x".into(), json!([long('d'), ["short"]]));
        message
    }

    #[test]
    fn long_texts_anywhere_are_taken_out_and_put_back() {
        let mut texts: BTreeMap<u64, String> = BTreeMap::new();
        let mut refer = |text: &str| {
            let number = u64::try_from(texts.len()).unwrap();
            texts.insert(number, text.to_owned());
            Ok::<_, ()>(Some(Reference {
                number,
                len: 1,
                hash: [7; 32],
            }))
        };
        let lifted = lift(&message(), &mut refer).unwrap();
        assert!(has_long_text(&message()) && !has_long_text(&lifted));
        assert!(serde_json::to_vec(&lifted).unwrap().len() < 1_000);
        let mut back: Message = serde_json::from_value(json!(lifted)).unwrap();
        put_back(&mut back, &mut |reference| {
            assert_eq!((reference.len, reference.hash), (1, [7; 32]));
            texts.get(&reference.number).map(Cow::from)
        })
        .unwrap();
        assert_eq!(back, message());
    }

    #[test]
    fn what_stays_is_escaped_and_what_is_lost_or_forged_is_told() {
        let stays = lift(&message(), &mut |_| Ok::<_, ()>(None)).unwrap();
        let mut back = stays.clone();
        put_back(&mut back, &mut |_| unreachable!()).unwrap();
        assert_eq!(back, message());
        for forged in ["\0", "\x001 2", "\x001 2 zz", "\0-1 2 00"] {
            let mut message = Message::user(forged);
            assert_eq!(put_back(&mut message, &mut |_| unreachable!()), None);
        }
        let reference = Reference {
            number: 1,
            len: 2,
            hash: [1; 32],
        };
        let mut message = Message::user(reference.to_string());
        assert_eq!(put_back(&mut message, &mut |_| None), None, "lost");
    }
}
