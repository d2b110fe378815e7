//! Secrets in MessagePack: strings are masked one by one, and the value of a field by the field's name too.

use super::rules::Rules;
use super::{field, mask, scan};

/// The bytes with masks in their strings; nothing where there are no secrets, or no MessagePack.
pub(super) fn masked(bytes: &[u8], rules: &Rules) -> Option<Vec<u8>> {
    let mut walk = Walk {
        bytes,
        from: 0,
        out: Vec::new(),
        is_changed: false,
        open: Vec::new(),
        keys: mask::Numbers::default(),
    };
    while walk.from < bytes.len() {
        walk.step(rules)?;
    }
    walk.is_changed.then_some(walk.out)
}

/// A map or array that is not at its end.
struct Open {
    left: u64,
    /// Of a map: keys and values in turn.
    is_map: bool,
    /// The key before the value that comes.
    key: Option<String>,
}

struct Walk<'b> {
    bytes: &'b [u8],
    from: usize,
    out: Vec<u8>,
    is_changed: bool,
    open: Vec<Open>,
    keys: mask::Numbers,
}

impl Walk<'_> {
    /// Copies one element, which may be the beginning of a map or array.
    fn step(&mut self, rules: &Rules) -> Option<()> {
        let (is_key, name) = self.place();
        let tag = *self.bytes.get(self.from)?;
        let head = self.from + 1;
        let (skip, is_text, inside) = match tag {
            0x80..=0x8f => (1, false, Some((u64::from(tag & 15) * 2, true))),
            0x90..=0x9f => (1, false, Some((u64::from(tag & 15), false))),
            0xa0..=0xbf => (1 + usize::from(tag & 31), true, None),
            0xc4 | 0xd9 => (2 + self.number(head, 1)?, tag == 0xd9, None),
            0xc5 | 0xda => (3 + self.number(head, 2)?, tag == 0xda, None),
            0xc6 | 0xdb => (5 + self.number(head, 4)?, tag == 0xdb, None),
            0xc7 => (3 + self.number(head, 1)?, false, None),
            0xc8 => (4 + self.number(head, 2)?, false, None),
            0xc9 => (6 + self.number(head, 4)?, false, None),
            0xcc | 0xd0 => (2, false, None),
            0xcd | 0xd1 => (3, false, None),
            0xca | 0xce | 0xd2 => (5, false, None),
            0xcb | 0xcf | 0xd3 => (9, false, None),
            0xd4..=0xd8 => (2 + (1 << (tag - 0xd4)), false, None),
            0xdc => (
                3,
                false,
                Some((u64::try_from(self.number(head, 2)?).ok()?, false)),
            ),
            0xdd => (
                5,
                false,
                Some((u64::try_from(self.number(head, 4)?).ok()?, false)),
            ),
            0xde => (
                3,
                false,
                Some((u64::try_from(self.number(head, 2)?).ok()? * 2, true)),
            ),
            0xdf => (
                5,
                false,
                Some((u64::try_from(self.number(head, 4)?).ok()? * 2, true)),
            ),
            _ => (1, false, None),
        };
        let end = self.from.checked_add(skip)?;
        let element = self.bytes.get(self.from..end)?;
        self.from = end;
        if is_text {
            let head = match tag {
                0xd9 => 2,
                0xda => 3,
                0xdb => 5,
                _ => 1,
            };
            let text = std::str::from_utf8(element.get(head..)?).ok()?;
            if let Some(masked) = string(name.as_deref(), text, rules) {
                let masked = if is_key {
                    self.keys.apart(masked, self.bytes)
                } else {
                    masked
                };
                self.put(&masked)?;
                self.is_changed = true;
            } else {
                self.out.extend_from_slice(element);
            }
            if is_key && let Some(open) = self.open.last_mut() {
                open.key = Some(text.to_owned());
            }
        } else {
            self.out.extend_from_slice(element);
        }
        if let Some((left, is_map)) = inside {
            let key = None;
            self.open.push(Open { left, is_map, key });
        }
        Some(())
    }

    /// Counts the element that comes: whether it is a key, and the key that it is the value of.
    fn place(&mut self) -> (bool, Option<String>) {
        while self.open.last().is_some_and(|open| open.left == 0) {
            self.open.pop();
        }
        let Some(open) = self.open.last_mut() else {
            return (false, None);
        };
        let is_key = open.is_map && open.left % 2 == 0;
        open.left -= 1;
        (is_key, open.key.take())
    }

    /// A length of so many bytes, the highest first.
    fn number(&self, from: usize, count: usize) -> Option<usize> {
        let bytes = self.bytes.get(from..from.checked_add(count)?)?;
        Some(
            bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
        )
    }

    /// Writes a string.
    fn put(&mut self, text: &str) -> Option<()> {
        let len = u32::try_from(text.len()).ok()?;
        if let Ok(short) = u8::try_from(len) {
            if short < 32 {
                self.out.push(0xa0 | short);
            } else {
                self.out.extend([0xd9, short]);
            }
        } else if let Ok(short) = u16::try_from(len) {
            self.out.push(0xda);
            self.out.extend(short.to_be_bytes());
        } else {
            self.out.push(0xdb);
            self.out.extend(len.to_be_bytes());
        }
        self.out.extend_from_slice(text.as_bytes());
        Some(())
    }
}

fn string(name: Option<&str>, text: &str, rules: &Rules) -> Option<String> {
    if let Some(masked) = name.and_then(|name| field::masked(name, text, rules)) {
        return Some(masked);
    }
    let found = scan::find(text.as_bytes(), rules);
    (!found.is_empty()).then(|| mask::masked(text, &found))
}
