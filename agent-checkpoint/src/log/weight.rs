//! How much memory what a frame says takes: a bound from its bytes, before they are parsed, and a sum afterwards.

use serde_json::{Map, Value};

use super::decode::{Content, Decoded};
use super::numbering::wide;
use crate::Message;
use crate::format::header::Header;
use crate::format::index::Listed;
use crate::format::tags::Kind;

/// A map of JSON: a node of a tree has room for eleven entries, however few there are, and allocators round up.
const OBJECT: u64 = 11 * (size_of::<String>() + size_of::<Value>()) as u64 + 80;
/// An element of a list or an entry of a map. A vector that grows has up to twice the room that it needs.
const ELEMENT: u64 = 2 * size_of::<Value>() as u64;
const MESSAGE: u64 = 2 * size_of::<Message>() as u64;
const CALL: u64 = 2 * size_of::<crate::ToolCall>() as u64;
/// What is kept of any frame beside its payload: where it lies, its number, its digest, its commit.
const FRAME: u64 = 320;

/// No payload takes more than so many times its length: objects in objects are the worst, at five bytes each.
pub(crate) const MOST: u64 = 150;

/// Whether what a payload says may take more than `room` bytes of memory, and how much that would be. Costs nothing
/// where there is room enough.
pub(crate) fn beyond(header: &Header, raw: &[u8], room: u64) -> Option<u64> {
    if wide(raw.len()).saturating_mul(MOST) <= room {
        return None;
    }
    let bound = match header.kind {
        Kind::ITEMS => of_json(raw, 1),
        Kind::COMMIT => of_json(raw.get(64..).unwrap_or_default(), 0),
        Kind::LABEL | Kind::TOMBSTONE | Kind::FORK => of_json(raw, 0),
        Kind::PACK => of_pack(raw),
        Kind::INDEX => of_index(raw),
        // Kept as they lie, or as a text; their names are hashed.
        _ => wide(raw.len()).saturating_mul(2),
    };
    (bound > room).then_some(bound)
}

/// JSON as values; objects at the depth `messages` are messages.
pub(crate) fn of_json(raw: &[u8], messages: u32) -> u64 {
    let mut weight = wide(raw.len());
    let mut depth = 0_u32;
    let mut is_name = false;
    let mut bytes = raw.iter();
    while let Some(byte) = bytes.next() {
        let is_in_message = messages > 0 && depth == messages + 1;
        let rest = bytes.as_slice();
        let more = match byte {
            b'"' => {
                let is_more = std::mem::take(&mut is_name) && !is_field(rest);
                bytes = behind_text(rest).iter();
                if is_more { OBJECT } else { 0 }
            }
            b'{' | b'[' => {
                let at = depth;
                depth = depth.saturating_add(1);
                is_name = messages > 0 && at == messages;
                match byte {
                    b'{' if rest.first() == Some(&b'}') && !is_name => ELEMENT,
                    b'{' if is_name => MESSAGE,
                    b'{' if messages > 0 && at == messages + 2 => OBJECT + CALL,
                    b'{' => OBJECT,
                    _ => ELEMENT,
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                0
            }
            b',' => {
                is_name = is_in_message;
                ELEMENT
            }
            _ => 0,
        };
        weight = weight.saturating_add(more);
    }
    weight
}

/// Whether the name that the bytes begin with is that of a field of a message; of others there is a map.
fn is_field(name: &[u8]) -> bool {
    let fields: [&[u8]; 5] = [
        b"role\"",
        b"content\"",
        b"parts\"",
        b"tool_calls\"",
        b"tool_call_id\"",
    ];
    fields.iter().any(|field| name.starts_with(field))
}

/// What stands behind the end of a text.
fn behind_text(mut rest: &[u8]) -> &[u8] {
    loop {
        let Some(at) = memchr::memchr2(b'"', b'\\', rest) else {
            return &[];
        };
        let is_escape = rest.get(at) == Some(&b'\\');
        rest = rest
            .get(at + 1 + usize::from(is_escape)..)
            .unwrap_or_default();
        if !is_escape {
            return rest;
        }
    }
}

/// A frame takes 8 bytes at least, and what they say is looked at one by one.
fn of_pack(raw: &[u8]) -> u64 {
    let frames = wide(raw.len() / 8).min(wide(crate::format::pack::PACK_FRAMES_MAX));
    wide(raw.len()).saturating_add(frames.saturating_mul(FRAME))
}

/// The shortest entry of a list is a number of one byte, but for a checkpoint of 13.
fn of_index(raw: &[u8]) -> u64 {
    let listed = wide(raw.len() / 13).saturating_mul(2 * wide(size_of::<Listed>()));
    wide(raw.len()).saturating_mul(24).saturating_add(listed)
}

/// A room of no limit: nothing is weighed.
pub(crate) const ENDLESS: u64 = u64::MAX;

/// What is left of `room` beside what was decoded.
pub(crate) fn less<E>(room: u64, decoded: &Result<Decoded, E>) -> u64 {
    match decoded {
        Ok(decoded) if room < ENDLESS => room.saturating_sub(of(decoded)),
        _ => room,
    }
}

/// What a frame that was decoded takes.
pub(crate) fn of(decoded: &Decoded) -> u64 {
    let content = match &decoded.content {
        Content::Items { messages, .. } => {
            let room = wide(messages.capacity()).saturating_mul(wide(size_of::<Message>()));
            messages
                .iter()
                .map(of_message)
                .fold(room, u64::saturating_add)
        }
        Content::Snapshot(packed) => wide(packed.stored.len() + 8 * packed.names.capacity()),
        Content::Part(part) => wide(part.stored.len()),
        Content::Commit(commit, body) => {
            let spans =
                commit.body.history.len() + commit.body.context.as_ref().map_or(0, Vec::len);
            let components: usize = commit
                .body
                .components
                .keys()
                .map(|name| name.len() + 64)
                .sum();
            let plain = wide(body.len() + 24 * spans + components);
            plain.saturating_add(of_map(&commit.body.other))
        }
        Content::Label(_) => 256,
        Content::Tombstone(stone) => wide(8 * stone.keep.capacity()),
        Content::Fork(fork) => wide(fork.lineage.len() * 256 + fork.pad.len()),
        Content::Blob(text) => wide(text.capacity()),
        Content::Pack(frames) => frames
            .iter()
            .map(|(_, decoded)| decoded.as_ref().map_or(FRAME, of))
            .fold(0, u64::saturating_add),
        Content::Skip(skip) => wide(skip.digests.len() * 80),
        Content::Index(spent) => wide(spent.capacity() * 24),
        Content::Unknown => 0,
    };
    content.saturating_add(FRAME)
}

/// What of it is gone once it is folded into a log of which messages are only counted.
pub(crate) fn of_messages(decoded: &Decoded) -> u64 {
    match &decoded.content {
        Content::Items { .. } => of(decoded).saturating_sub(FRAME),
        Content::Pack(frames) => frames
            .iter()
            .filter_map(|(_, decoded)| decoded.as_ref().ok())
            .map(of_messages)
            .fold(0, u64::saturating_add),
        _ => 0,
    }
}

/// Beside its place in a list.
fn of_message(message: &Message) -> u64 {
    let calls = message.tool_calls.iter().map(|call| {
        let texts = call.id.len() + call.name.len() + call.arguments.len();
        wide(size_of::<crate::ToolCall>() + texts).saturating_add(of_map(&call.extra))
    });
    let texts = message.content.len() + message.tool_call_id.as_ref().map_or(0, String::len);
    let parts = message.parts.iter().map(of_value);
    let more = of_map(&message.extra);
    calls
        .chain(parts)
        .fold(wide(texts).saturating_add(more), u64::saturating_add)
}

fn of_map(map: &Map<String, Value>) -> u64 {
    if map.is_empty() {
        return 0;
    }
    let entries = map
        .iter()
        .map(|(name, value)| wide(name.len()).saturating_add(of_value(value)));
    // The node has room for the first entry.
    entries.fold(OBJECT - ELEMENT, u64::saturating_add)
}

fn of_value(value: &Value) -> u64 {
    match value {
        Value::String(text) => wide(text.len()).saturating_add(ELEMENT),
        Value::Array(list) => list.iter().map(of_value).fold(ELEMENT, u64::saturating_add),
        Value::Object(map) => of_map(map).saturating_add(ELEMENT),
        _ => ELEMENT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::compress::Unpacker;
    use crate::format::frame::Found;
    use crate::format::tags::{Codec, Compression, Flags};
    use crate::log::decode::decode;

    fn items(raw: &str) -> (Header, Decoded) {
        let len = u32::try_from(raw.len()).unwrap();
        let header = Header {
            kind: Kind::ITEMS,
            codec: Codec::JSON,
            compression: Compression::RAW,
            flags: Flags::NONE,
            schema: 1,
            seq: 0,
            stored_len: len,
            raw_len: len,
        };
        let found = Found {
            header,
            stored: raw.as_bytes(),
            seat: Some([0; 16]),
        };
        let decoded = decode(&found, &mut Unpacker::new().unwrap());
        (header, decoded.unwrap())
    }

    #[test]
    fn the_bound_from_the_bytes_is_no_less_than_what_is_there_afterwards() {
        for part in [
            r#",{"role":"user"}"#,
            r#",{"role":"user","content":"a \" { [ , text"}"#,
            r#",{"role":"user","parts":[{"":0},[[],{}],"x",1.5,{"a":{"b":[null]}}]}"#,
            r#",{"role":"assistant","tool_calls":[{"id":"c","name":"n","arguments":"{}","x":{"y":[]}}],"z":{}}"#,
        ] {
            let raw = format!("[0{}]", part.repeat(50));
            let (header, decoded) = items(&raw);
            let bound = beyond(&header, raw.as_bytes(), 0).unwrap();
            assert!(bound + FRAME >= of(&decoded), "{part}");
            assert!(bound <= wide(raw.len()) * MOST, "{part}");
            assert_eq!(beyond(&header, raw.as_bytes(), bound), None, "{part}");
            assert_eq!(
                beyond(&header, raw.as_bytes(), bound - 1),
                Some(bound),
                "{part}"
            );
        }
    }

    #[test]
    fn ordinary_messages_take_little_more_than_their_text() {
        let text = "a line of what a tool printed { } [ ] , : and so on. ".repeat(40);
        let raw = format!(
            "[0{}]",
            format!(r#",{{"role":"user","content":"{text}"}}"#).repeat(50)
        );
        let (header, decoded) = items(&raw);
        let bound = beyond(&header, raw.as_bytes(), 0).unwrap();
        assert!(
            bound * 10 < wide(raw.len()) * 13,
            "{bound} of {}",
            raw.len()
        );
        assert!(of(&decoded) * 10 < wide(raw.len()) * 13);
    }
}
