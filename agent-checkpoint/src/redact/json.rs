//! Secrets in JSON text, which stays the JSON that it was: strings are masked one by one, as what they mean.

use memchr::{memchr, memchr2};

use super::named::{Kind, kind_of};
use super::rules::Rules;
use super::since::Changed;
use super::{field, mask, scan};

/// The text with masks in its strings, or nothing where there are no secrets. What is no JSON is treated as
/// far as it goes: strings are masked as such, and what stands between them as plain text.
pub(super) fn masked(text: &str, rules: &Rules) -> Option<String> {
    Walk::new(text, text.as_bytes(), rules).over(text.len())
}

/// As [`masked`], where both are JSON and `base` has no secrets: only what differs is looked at.
pub(super) fn masked_since(base: &[u8], bytes: &[u8], rules: &Rules) -> Option<Vec<u8>> {
    let Changed { from, to } = Changed::between(base, bytes);
    let (same, rest) = bytes.split_at_checked(from)?;
    let rest = std::str::from_utf8(rest).ok()?;
    let masked = Walk::new(rest, bytes, rules).over(to - from)?;
    Some([same, masked.as_bytes()].concat())
}

struct Walk<'t, 'r> {
    text: &'t str,
    rules: &'r Rules,
    out: Option<String>,
    done: usize,
    /// All of the value, of which `text` may be the rest.
    all: &'t [u8],
    keys: mask::Numbers,
    /// Takes what a string with escapes means.
    decoded: String,
}

impl<'t, 'r> Walk<'t, 'r> {
    fn new(text: &'t str, all: &'t [u8], rules: &'r Rules) -> Self {
        Self {
            text,
            rules,
            out: None,
            done: 0,
            all,
            keys: mask::Numbers::default(),
            decoded: String::new(),
        }
    }

    /// Looks at all strings, or as many as begin before `to` and two more.
    fn over(mut self, to: usize) -> Option<String> {
        let text = self.text;
        let bytes = text.as_bytes();
        let mut from = 0;
        // What the key before says of the value that comes.
        let mut kind: Option<Kind> = None;
        let mut behind = 0;
        while let Some(quote) = memchr(b'"', bytes.get(from..).unwrap_or_default()) {
            let open = from + quote;
            self.between(from, open);
            let named = kind
                .take()
                .filter(|_| text.get(from..open).is_some_and(|it| it.trim() == ":"));
            let mut decoded = std::mem::take(&mut self.decoded);
            let Some((close, string)) = string(text, open, &mut decoded) else {
                // The rest of a text that was cut.
                self.between(open, text.len());
                return self.finish();
            };
            from = close + 1;
            match string {
                Some(string) => {
                    let rest = bytes.get(from..).unwrap_or_default();
                    let next = rest.iter().find(|it| !it.is_ascii_whitespace());
                    let is_key = next == Some(&b':');
                    self.string(open, from, string, named, is_key);
                    if is_key {
                        kind = kind_of(string.as_bytes());
                    }
                }
                None => self.between(open, from),
            }
            self.decoded = decoded;
            behind += usize::from(open > to);
            if behind == 2 {
                return self.finish();
            }
        }
        self.between(from, text.len());
        self.finish()
    }

    /// Looks at the string between two quotes, and what it means.
    fn string(&mut self, from: usize, to: usize, string: &str, named: Option<Kind>, is_key: bool) {
        if let Some(kind) = named
            && let Some(masked) = field::masked_as(kind, string, self.rules)
        {
            self.replace(from, to, &masked);
        } else if let Some(masked) = plain(string, self.rules) {
            let masked = if is_key {
                self.keys.apart(masked, self.all)
            } else {
                masked
            };
            self.replace(from, to, &masked);
        }
    }

    /// What stands between strings: next to nothing in JSON.
    fn between(&mut self, from: usize, to: usize) {
        if to - from < scan::RUN {
            return;
        }
        let part = self.text.get(from..to).unwrap_or_default();
        if let Some(masked) = plain(part, self.rules) {
            self.put(from, to, &masked);
        }
    }

    fn replace(&mut self, from: usize, to: usize, string: &str) {
        // A string always becomes JSON.
        if let Ok(json) = serde_json::to_string(string) {
            self.put(from, to, &json);
        }
    }

    fn put(&mut self, from: usize, to: usize, with: &str) {
        let text = self.text;
        let out = self
            .out
            .get_or_insert_with(|| String::with_capacity(text.len()));
        out.push_str(text.get(self.done..from).unwrap_or_default());
        out.push_str(with);
        self.done = to;
    }

    fn finish(self) -> Option<String> {
        let mut out = self.out?;
        out.push_str(self.text.get(self.done..).unwrap_or_default());
        Some(out)
    }
}

fn plain(text: &str, rules: &Rules) -> Option<String> {
    let found = scan::find(text.as_bytes(), rules);
    (!found.is_empty()).then(|| mask::masked(text, &found))
}

/// Where the string ends whose quote is at `open`, and what it means: nothing for one that is no JSON. Uses the
/// memory of `decoded` where there are escapes.
fn string<'s>(
    text: &'s str,
    open: usize,
    decoded: &'s mut String,
) -> Option<(usize, Option<&'s str>)> {
    let bytes = text.as_bytes();
    decoded.clear();
    let mut is_plain = true;
    let mut from = open + 1;
    let mut at = open + 1;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        let part = text.get(from..at).unwrap_or_default();
        let is_end = bytes.get(at) == Some(&b'"');
        if is_end && from == open + 1 {
            return Some((at, Some(part)));
        }
        if is_plain {
            let escaped = bytes.get(at + 1).filter(|_| !is_end);
            decoded.push_str(part);
            is_plain = !part.bytes().any(|it| it < b' ');
            match escaped {
                Some(b'n') => decoded.push('\n'),
                Some(b't') => decoded.push('\t'),
                Some(b'r') => decoded.push('\r'),
                Some(b'b') => decoded.push('\u{8}'),
                Some(b'f') => decoded.push('\u{c}'),
                Some(mark @ (b'"' | b'\\' | b'/')) => decoded.push(char::from(*mark)),
                _ => is_plain &= is_end,
            }
        }
        if is_end {
            break;
        }
        at += 2;
        from = at;
    }
    if !is_plain {
        // Escapes by number, and what is no JSON.
        *decoded = serde_json::from_str(text.get(open..=at)?).unwrap_or_default();
        is_plain = !decoded.is_empty();
    }
    Some((at, is_plain.then_some(decoded)))
}
