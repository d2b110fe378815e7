//! What of a JSON text differs from another, in whole strings: the part that is to be looked through again.

use memchr::memrchr;

/// Bytes that are compared at a time, before one by one.
const BLOCK: usize = 512;

/// How many quotes before the first difference are looked at to tell strings from what stands between them.
const QUOTES_MAX: usize = 64;

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Changed {
    /// Before it stands nothing that differs, and no string is open there. The string behind it is the same in both
    /// texts, unless it is at the beginning.
    pub(super) from: usize,
    /// Behind it stands nothing that differs.
    pub(super) to: usize,
}

impl Changed {
    /// Of `text`, compared with `base`, both of which are JSON.
    pub(super) fn between(base: &[u8], text: &[u8]) -> Self {
        let same = same_beginning(base, text);
        let rest = |it: &'_ [u8]| it.len() - same;
        let most = rest(base).min(rest(text));
        let end = same_end(
            base.get(base.len() - most..).unwrap_or_default(),
            text.get(text.len() - most..).unwrap_or_default(),
        );
        Self {
            from: string_before(text.get(..same).unwrap_or_default()).unwrap_or(0),
            to: text.len() - end,
        }
    }
}

/// How many bytes are the same from the beginning on.
fn same_beginning(one: &[u8], other: &[u8]) -> usize {
    let blocks = one.chunks_exact(BLOCK).zip(other.chunks_exact(BLOCK));
    let from = BLOCK * blocks.take_while(|(one, other)| one == other).count();
    let rest = one.iter().skip(from).zip(other.iter().skip(from));
    from + rest.take_while(|(one, other)| one == other).count()
}

/// How many bytes are the same from the end on.
fn same_end(one: &[u8], other: &[u8]) -> usize {
    let blocks = one.rchunks_exact(BLOCK).zip(other.rchunks_exact(BLOCK));
    let from = BLOCK * blocks.take_while(|(one, other)| one == other).count();
    let rest = one
        .iter()
        .rev()
        .skip(from)
        .zip(other.iter().rev().skip(from));
    from + rest.take_while(|(one, other)| one == other).count()
}

/// Where the last string but one begins in a text that may end within a string: the last may go on, and the one
/// before may be its name.
///
/// Quotes open and close in turn. What stands between two that lie side by side is either a string or what parts
/// strings, and few bytes may do that: one other byte tells which quotes open.
fn string_before(text: &[u8]) -> Option<usize> {
    let mut quotes = [0; 4];
    let mut end = text.len();
    let mut opens = None;
    for count in 0..QUOTES_MAX {
        let quote = unescaped_before(text, end)?;
        if let Some(place) = quotes.get_mut(count) {
            *place = quote;
        }
        if count > 0 && opens.is_none() {
            let between = text.get(quote + 1..end).unwrap_or_default();
            if !between.iter().all(|it| parts_strings(*it)) {
                // The quote in front of a string, counted from the end of the text.
                opens = Some(count % 2);
            }
        }
        if let Some(opens) = opens
            && count >= opens + 2
        {
            return quotes.get(opens + 2).copied();
        }
        end = quote;
    }
    None
}

/// The last quote before `end` without a backslash that is its own.
fn unescaped_before(text: &[u8], mut end: usize) -> Option<usize> {
    loop {
        let quote = memrchr(b'"', text.get(..end)?)?;
        let before = text.get(..quote)?.iter().rev();
        if before.take_while(|it| **it == b'\\').count() % 2 == 0 {
            return Some(quote);
        }
        end = quote;
    }
}

/// Whether the byte may stand between strings: marks, blanks, numbers, and the letters of `true`, `false` and `null`.
fn parts_strings(byte: u8) -> bool {
    matches!(
        byte,
        b'{' | b'}' | b'[' | b']' | b',' | b':' | b'0'..=b'9' | b'+' | b'-' | b'.' | b'E'
    ) || b" \t\r\ntruefalsn".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(base: &str, text: &str) -> (String, String) {
        let Changed { from, to } = Changed::between(base.as_bytes(), text.as_bytes());
        (text[from..].to_owned(), text[..to].to_owned())
    }

    #[test]
    fn it_begins_at_the_string_before_the_one_that_differs() {
        let begins = [
            (
                r#"["one","two","three"]"#,
                r#"["one","two","thrice"]"#,
                r#""two","thrice"]"#,
            ),
            (
                r#"["one","two"]"#,
                r#"["one","two","x"]"#,
                r#""one","two","x"]"#,
            ),
            (
                r#"{"a b":1,"key":"v1"}"#,
                r#"{"a b":1,"key":"v2"}"#,
                r#""key":"v2"}"#,
            ),
            // Strings that look like what parts strings, and quotes that are escaped.
            (
                r#"["x","},{","],[","e"]"#,
                r#"["x","},{","],[","f"]"#,
                r#""],[","f"]"#,
            ),
            (
                r#"["a x","\"b\\","c\"d"]"#,
                r#"["a x","\"b\\","c\"e"]"#,
                r#""\"b\\","c\"e"]"#,
            ),
            // Nothing tells which quotes open.
            (r#"[",",",",","]"#, r#"[",",",",",:"]"#, r#"[",",",",",:"]"#),
            (r#"["one"]"#, r#"["one","two"]"#, r#"["one","two"]"#),
        ];
        for (base, text, from) in begins {
            assert_eq!(changed(base, text).0, from, "{base}");
        }
    }

    #[test]
    fn it_ends_where_the_rest_is_the_same() {
        let long = "y".repeat(2_000);
        let base = format!(r#"["x1","{long}"]"#);
        let text = format!(r#"["x23","{long}"]"#);
        assert_eq!(changed(&base, &text).1, r#"["x23"#);
        let text = format!(r#"["x1","{long}y"]"#);
        assert_eq!(changed(&base, &text).1, &text[..text.len() - 2]);
        assert_eq!(changed(&base, &base[..1]).1, "[");
    }
}
