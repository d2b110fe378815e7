//! The payload of an Items frame: an array of one number and then the items.

use std::fmt;
use std::io::Write;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{ITEMS_MAX, PAYLOAD_MAX, plain_items};
use crate::codec::write_json;
use crate::{Error, Message};

/// Longest message as JSON, in bytes: the largest payload less room for the age and the brackets.
pub(crate) const ITEM_MAX: usize = PAYLOAD_MAX - FULL - 64;
/// A frame of this size takes no further item, in bytes.
pub(crate) const FULL: usize = 256 << 10;

/// What a person is told of a message that is refused.
pub(crate) fn naming(message: &Message) -> String {
    format!("a message of role {:?}", message.role).to_lowercase()
}

/// An Items payload in the making.
#[derive(Debug)]
pub(crate) struct ItemsDraft {
    raw: Vec<u8>,
    count: usize,
    is_plain: bool,
}

impl ItemsDraft {
    /// No items yet; `age_ms` counts from the last full commit, zero where there is none. Writes into
    /// `buffer`, whatever it held.
    pub(crate) fn new(age_ms: i64, mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        // A vector takes whatever is written to it.
        let _ = write!(buffer, "[{age_ms}");
        Self {
            raw: buffer,
            count: 0,
            is_plain: true,
        }
    }

    pub(crate) fn push(&mut self, message: &Message) -> Result<(), Error> {
        self.raw.push(b',');
        let before = self.raw.len();
        write_json(message, &mut self.raw).map_err(|e| Error::encode("a message", e))?;
        self.count += 1;
        self.is_plain &= message.parts.is_empty()
            && message.extra.is_empty()
            && message.tool_calls.iter().all(|call| call.extra.is_empty());
        match self.raw.len() - before {
            len if len > ITEM_MAX => Err(Error::too_large(naming(message), len, ITEM_MAX)),
            _ => Ok(()),
        }
    }

    /// Whether it is time for another frame: short ones bound what one damaged byte costs.
    pub(crate) fn is_full(&self) -> bool {
        self.raw.len() >= FULL || self.count >= ITEMS_MAX
    }

    /// Whether there is nothing but text in it.
    pub(crate) fn is_plain(&self) -> bool {
        self.is_plain
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.raw.push(b']');
        self.raw
    }
}

/// Bytes of one message as JSON, without building them.
pub(crate) fn json_len(message: &Message) -> Result<usize, Error> {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, message).map_err(|e| Error::encode("a message", e))?;
    Ok(count.0)
}

/// Items as read; at least one.
#[derive(Debug)]
pub(crate) struct Items {
    pub(crate) age_ms: i64,
    pub(crate) messages: Vec<Message>,
}

impl Items {
    /// The items of a payload, inflated.
    pub(crate) fn decode(raw: &[u8]) -> Result<Self, serde_json::Error> {
        plain_items::read(raw).map_or_else(|| serde_json::from_slice(raw), Ok)
    }
}

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ItemsVisitor)
    }
}

struct ItemsVisitor;

impl<'de> Visitor<'de> for ItemsVisitor {
    type Value = Items;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an age in milliseconds and then the items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items, A::Error> {
        let age_ms = seq
            .next_element()?
            .ok_or_else(|| A::Error::invalid_length(0, &self))?;
        let mut messages = Vec::new();
        while let Some(message) = seq.next_element()? {
            // A hostile frame of tiny items would take many times its own size in memory.
            if messages.len() == ITEMS_MAX {
                return Err(A::Error::custom("more items than a frame may hold"));
            }
            messages.push(message);
        }
        if messages.is_empty() {
            return Err(A::Error::invalid_length(1, &self));
        }
        Ok(Items { age_ms, messages })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_read_back_and_an_empty_frame_is_refused() {
        let messages = vec![Message::user("go"), Message::assistant("done")];
        let mut draft = ItemsDraft::new(-3, b"old".to_vec());
        for message in &messages {
            draft.push(message).unwrap();
            assert_eq!(
                json_len(message).unwrap(),
                serde_json::to_vec(message).unwrap().len()
            );
        }
        assert_eq!(
            (draft.len(), draft.is_empty(), draft.is_full()),
            (2, false, false)
        );
        let json = String::from_utf8(draft.finish()).unwrap();
        assert_eq!(
            json,
            r#"[-3,{"role":"user","content":"go"},{"role":"assistant","content":"done"}]"#
        );
        let items: Items = serde_json::from_str(&json).unwrap();
        assert_eq!((items.age_ms, items.messages), (-3, messages));
        for wrong in ["[]", "[1]", "[{}]", "{}", "[1,{}]"] {
            assert!(serde_json::from_str::<Items>(wrong).is_err(), "{wrong}");
        }
    }
}
