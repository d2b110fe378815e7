//! Secrets in JSON text, which stays the JSON that it was: strings are masked one by one, as what they mean.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::field;
use super::rules::Rules;
use super::{mask, scan};

/// The text with masks in its strings, or nothing where there are no secrets. What is no JSON is treated as
/// far as it goes: strings are masked as such, and what stands between them as plain text.
pub(super) fn masked(text: &str, rules: &Rules) -> Option<String> {
    let mut walk = Walk {
        text,
        rules,
        out: None,
        done: 0,
        keys: 0,
    };
    walk.walk();
    walk.finish()
}

struct Walk<'t, 'r> {
    text: &'t str,
    rules: &'r Rules,
    out: Option<String>,
    done: usize,
    /// How many keys were masked, so that no two become the same.
    keys: usize,
}

impl Walk<'_, '_> {
    fn walk(&mut self) {
        let text = self.text;
        let bytes = text.as_bytes();
        let mut from = 0;
        let mut key: Option<Cow<'_, str>> = None;
        while let Some(quote) = memchr(b'"', bytes.get(from..).unwrap_or_default()) {
            let open = from + quote;
            self.between(from, open);
            let is_field = text.get(from..open).is_some_and(|it| it.trim() == ":");
            let name = key.take().filter(|_| is_field);
            let Some(close) = closing(bytes, open) else {
                // The rest of a text that was cut.
                self.between(open, text.len());
                return;
            };
            from = close + 1;
            let raw = text.get(open..from).unwrap_or_default();
            let Some(string) = decoded(raw) else {
                self.between(open, from);
                continue;
            };
            let rest = bytes.get(from..).unwrap_or_default();
            let next = rest.iter().find(|it| !it.is_ascii_whitespace());
            let is_key = next == Some(&b':');
            if let Some(name) = &name
                && let Some(masked) = field::masked(name, &string, self.rules)
            {
                self.replace(open, from, &masked);
            } else if let Some(masked) = plain(&string, self.rules) {
                self.keys += usize::from(is_key);
                if is_key && self.keys > 1 {
                    let number = self.keys;
                    self.replace(open, from, &format!("{masked}#{number}"));
                } else {
                    self.replace(open, from, &masked);
                }
            }
            if is_key {
                key = Some(string);
            }
        }
        self.between(from, text.len());
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

/// Where the string ends whose quote is at `open`.
fn closing(bytes: &[u8], open: usize) -> Option<usize> {
    let mut from = open + 1;
    loop {
        let at = from + memchr2(b'"', b'\\', bytes.get(from..)?)?;
        if bytes.get(at) == Some(&b'"') {
            return Some(at);
        }
        from = at + 2;
    }
}

/// What a string means; nothing for one that is no JSON.
fn decoded(raw: &str) -> Option<Cow<'_, str>> {
    let inside = raw.get(1..raw.len().checked_sub(1)?)?;
    if memchr(b'\\', inside.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inside));
    }
    serde_json::from_str(raw).ok().map(Cow::Owned)
}
