//! Items read as a writer of plain messages lays them out: no blanks, fields in one order, nothing else in them.
//!
//! Most messages of most sessions are such ones, and reading them so takes half the time of a parser that expects
//! anything. Whatever else comes up is left to that parser, so that the two never differ.

use super::ITEMS_MAX;
use super::items::Items;
use crate::{Message, Role, ToolCall};

/// What [`Items`] reads from the same bytes; `None` where that is not certain.
pub(super) fn read(raw: &[u8]) -> Option<Items> {
    // Within texts nothing needs to be told apart then but quotes and backslashes.
    if raw
        .iter()
        .fold(0, |found, byte| found | u8::from(*byte < b' '))
        != 0
    {
        return None;
    }
    let text = std::str::from_utf8(raw).ok()?;
    let mut reader = Reader {
        rest: text,
        unescaped: String::new(),
        longest: raw.len(),
    };
    let items = reader.items()?;
    reader.rest.is_empty().then_some(items)
}

struct Reader<'a> {
    rest: &'a str,
    /// A text with escapes in it, as far as it was read; taken once for all of them.
    unescaped: String,
    /// No text is longer, in bytes.
    longest: usize,
}

impl Reader<'_> {
    fn items(&mut self) -> Option<Items> {
        self.skip("[")?;
        let age_ms = self.number()?;
        let mut messages = Vec::new();
        while self.skip(",").is_some() {
            if messages.len() == ITEMS_MAX {
                return None;
            }
            messages.push(self.message()?);
        }
        self.skip("]")?;
        let is_any = !messages.is_empty();
        is_any.then_some(Items { age_ms, messages })
    }

    fn message(&mut self) -> Option<Message> {
        self.skip(r#"{"role":""#)?;
        let role = [
            ("tool\"", Role::Tool),
            ("assistant\"", Role::Assistant),
            ("user\"", Role::User),
            ("system\"", Role::System),
        ];
        let role = role.into_iter().find(|(name, _)| self.skip(name).is_some());
        self.skip(r#","content":"#)?;
        let mut message = Message::new(role?.1, self.text()?);
        if self.skip(r#","tool_calls":["#).is_some() {
            message.tool_calls.push(self.call()?);
            while self.skip(",").is_some() {
                message.tool_calls.push(self.call()?);
            }
            self.skip("]")?;
        }
        if self.skip(r#","tool_call_id":"#).is_some() {
            message.tool_call_id = Some(self.text()?);
        }
        self.skip("}")?;
        Some(message)
    }

    fn call(&mut self) -> Option<ToolCall> {
        self.skip(r#"{"id":"#)?;
        let id = self.text()?;
        self.skip(r#","name":"#)?;
        let name = self.text()?;
        self.skip(r#","arguments":"#)?;
        let call = ToolCall::new(id, name, self.text()?);
        self.skip("}")?;
        Some(call)
    }

    /// Goes on behind `expected`, where that comes next.
    fn skip(&mut self, expected: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(expected)?;
        Some(())
    }

    /// A whole number; not `-0`, which JSON takes for a fraction.
    fn number(&mut self) -> Option<i64> {
        let (number, _) = self.rest.split_at_checked(self.rest.find(',')?)?;
        let digits = number.strip_prefix('-').unwrap_or(number);
        let is_plain = match digits.as_bytes() {
            [b'0'] => digits.len() == number.len(),
            [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
            _ => false,
        };
        self.skip(number)?;
        number.parse().ok().filter(|_| is_plain)
    }

    fn text(&mut self) -> Option<String> {
        self.skip("\"")?;
        let (before, stop, rest) = until_stop(self.rest)?;
        self.rest = rest;
        if stop == b'"' {
            return Some(before.to_owned());
        }
        let mut unescaped = std::mem::take(&mut self.unescaped);
        unescaped.clear();
        unescaped.reserve(self.longest);
        unescaped.push_str(before);
        loop {
            unescaped.push(self.escaped()?);
            let (before, stop, rest) = until_stop(self.rest)?;
            self.rest = rest;
            unescaped.push_str(before);
            if stop == b'"' {
                let text = unescaped.as_str().to_owned();
                self.unescaped = unescaped;
                return Some(text);
            }
        }
    }

    /// What stands behind a backslash.
    fn escaped(&mut self) -> Option<char> {
        let (letter, rest) = self.rest.split_at_checked(1)?;
        self.rest = rest;
        Some(match letter.as_bytes() {
            b"n" => '\n',
            b"\"" => '"',
            b"\\" => '\\',
            b"t" => '\t',
            b"r" => '\r',
            b"/" => '/',
            b"b" => '\u{8}',
            b"f" => '\u{c}',
            b"u" => {
                let (digits, rest) = self.rest.split_at_checked(4)?;
                // A sign would pass for a digit.
                let is_plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                let number = u32::from_str_radix(digits, 16).ok().filter(|_| is_plain)?;
                self.rest = rest;
                // Half of a pair is none.
                char::from_u32(number)?
            }
            _ => return None,
        })
    }
}

/// What comes before the next quote or backslash, which of them it is, and what comes behind it.
fn until_stop(text: &str) -> Option<(&str, u8, &str)> {
    let at = stop(text.as_bytes())?;
    let (before, from) = text.split_at_checked(at)?;
    let (stop, rest) = from.split_at_checked(1)?;
    Some((before, *stop.as_bytes().first()?, rest))
}

/// The position of the first quote or backslash.
fn stop(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    // The lowest byte that is zero has its high bit set; those above it may have theirs set too.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found =
            zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')));
        if found != 0 {
            return Some(at * 8 + usize::try_from(found.trailing_zeros() / 8).ok()?);
        }
    }
    let is_stop = |byte: &u8| matches!(byte, b'"' | b'\\');
    let at = rest.iter().position(is_stop)?;
    Some(words.len() * 8 + at)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::{Index, select};
    use serde_json::json;

    use super::*;
    use crate::format::items::ItemsDraft;

    fn by_parser(raw: &[u8]) -> Option<(i64, Vec<Message>)> {
        let items = serde_json::from_slice::<Items>(raw).ok()?;
        Some((items.age_ms, items.messages))
    }

    fn read_plain(raw: &[u8]) -> Option<(i64, Vec<Message>)> {
        read(raw).map(|items| (items.age_ms, items.messages))
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ -~]{0,40}",
            r#"([a-z ]{0,9}["\\/\n\t\r\x08\x0c\x00\x1f\x7fé\u{fffd}😀]){0,9}"#,
            any::<String>(),
        ]
    }

    fn message() -> impl Strategy<Value = Message> {
        let role = select(vec![Role::System, Role::User, Role::Assistant, Role::Tool]);
        let calls = vec((text(), text(), text()), 0..3);
        (role, text(), calls, proptest::option::of(text())).prop_map(|(role, text, calls, id)| {
            let mut message = Message::new(role, text);
            for (id, name, arguments) in calls {
                message = message.with_tool_call(ToolCall::new(id, name, arguments));
            }
            message.tool_call_id = id;
            message
        })
    }

    fn written(age_ms: i64, messages: &[Message]) -> Vec<u8> {
        let mut draft = ItemsDraft::new(age_ms, Vec::new());
        for message in messages {
            draft.push(message).unwrap();
        }
        draft.finish()
    }

    proptest! {
        #[test]
        fn plain_messages_as_they_are_written_are_read(
            age_ms: i64,
            messages in vec(message(), 1..5),
        ) {
            let raw = written(age_ms, &messages);
            prop_assert_eq!(by_parser(&raw), Some((age_ms, messages.clone())));
            prop_assert_eq!(read_plain(&raw), Some((age_ms, messages)));
        }

        #[test]
        fn bytes_bent_anywhere_are_read_as_the_parser_does_or_left_to_it(
            messages in vec(message(), 1..3),
            age_ms in -20_i64..20,
            changes in vec((any::<Index>(), 0..3, select(r#""\{}[],:0-1 u/ndD8aeé"#.as_bytes().to_vec())), 1..4),
        ) {
            let mut raw = written(age_ms, &messages);
            for (at, what, byte) in changes {
                let at = at.index(raw.len());
                match what {
                    0 => raw[at] = byte,
                    1 => raw.insert(at, byte),
                    _ => drop(raw.remove(at)),
                }
                prop_assume!(!raw.is_empty());
            }
            if let Some(items) = read_plain(&raw) {
                prop_assert_eq!(by_parser(&raw), Some(items));
            }
        }
    }

    #[test]
    fn what_is_spelled_in_another_way_is_read_as_the_parser_does() {
        let content = |text: &str| format!(r#"[5,{{"role":"user","content":"{text}"}}]"#);
        for (is_read, text) in [
            (true, r"\u0041\u00e9\u00E9\uFFFD\/\b\f\n\r\t\\"),
            (true, r"\\\\\\"),
            (true, "\u{7f}12345678\u{80}\u{800}"),
            (false, r"\ud83d\ude00"),
            (false, r"\ud83d"),
            (false, r"\udE00x"),
            (false, r"\u+041"),
            (false, r"\u004"),
            (false, r"\u00é1"),
            (false, r"\x"),
            (false, r"\é"),
            (false, "\n"),
            (false, r"\"),
        ] {
            let json = content(text);
            let read = read_plain(json.as_bytes());
            assert_eq!(read.is_some(), is_read, "{text}");
            if is_read {
                assert_eq!(read, by_parser(json.as_bytes()), "{text}");
            }
        }
        assert_eq!(
            read_plain(b"[5,{\"role\":\"user\",\"content\":\"\xff\"}]"),
            None
        );
        for age in [
            "-0",
            "01",
            "+1",
            "",
            "-",
            "1.0",
            "1e3",
            "9223372036854775808",
        ] {
            let json = content("a").replacen('5', age, 1);
            assert_eq!(read_plain(json.as_bytes()), None, "{age}");
        }
        for whole in ["[5]", "[]", "", "[5,{}]", r#"[5,{"role":"user"}]"#] {
            assert_eq!(read_plain(whole.as_bytes()), None, "{whole}");
        }
        let and_more = content("a") + " ";
        assert_eq!(read_plain(and_more.as_bytes()), None);
    }

    #[test]
    fn any_other_message_is_left_to_the_parser() {
        let mut messages = vec![Message::user("go").with_part(json!({"type": "image"}))];
        let mut extra = Message::assistant("");
        extra.extra.insert("zeta".into(), json!([1, {"b": null}]));
        extra.extra.insert("alpha".into(), json!(1.5));
        messages.push(extra);
        let mut call = ToolCall::new("1", "ls", "{}");
        call.extra.insert("index".into(), json!(0));
        messages.push(Message::assistant("").with_tool_call(call));
        for message in messages {
            let raw = written(-3, std::slice::from_ref(&message));
            assert_eq!(read_plain(&raw), None, "{message:?}");
            let items = Items::decode(&raw).unwrap();
            assert_eq!((items.age_ms, items.messages), (-3, vec![message]));
        }
    }
}
