//! Bodies that are nearly JSON: broken bytes inside a text, and words in front.

use std::borrow::Cow;

/// A status line or a client's own words in front of a body are no longer than this.
const PREFIX_AT_MOST: usize = 256;

/// The body with everything replaced that JSON does not allow inside a text: bytes that are no
/// UTF-8, control characters, and half a surrogate pair. `None` where there is nothing of the kind.
pub(super) fn repaired(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let mut changed = matches!(text, Cow::Owned(_));
    let mut out = String::with_capacity(text.len());
    let mut rest: &str = &text;
    let hex = |text: &str| u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok();
    while let Some(at) = rest.find(|c: char| c == '\\' || c < ' ') {
        let (before, tail) = rest.split_at_checked(at)?;
        out.push_str(before);
        rest = if let Some(escape) = hex(tail) {
            let pair = tail.get(6..).and_then(hex);
            let len = match (escape, pair) {
                (0xD800..=0xDBFF, Some(0xDC00..=0xDFFF)) => 12,
                _ => 6,
            };
            if len == 6 && (0xD800..=0xDFFF).contains(&escape) {
                changed = true;
                out.push('\u{fffd}');
            } else {
                out.push_str(tail.get(..len)?);
            }
            tail.get(len..)?
        } else if tail.starts_with('\\') {
            let len = 1 + tail.chars().nth(1).map_or(0, char::len_utf8);
            out.push_str(tail.get(..len)?);
            tail.get(len..)?
        } else {
            // Between the values they are white space and stay it; inside a text a line break is as
            // little allowed as any other control character.
            changed = true;
            out.push(' ');
            tail.get(1..)?
        };
    }
    out.push_str(rest);
    changed.then_some(out)
}

/// The JSON behind a few words: `429 {"error":...}`, `Request failed: 400 [{...}]`.
pub(super) fn behind_prefix(body: &[u8]) -> Option<&[u8]> {
    let head = body.get(..PREFIX_AT_MOST).unwrap_or(body);
    let opens = |at: &usize| {
        let tail = body.get(*at..).unwrap_or_default();
        let next = tail.get(1..).unwrap_or_default().trim_ascii_start();
        matches!(
            (tail.first(), next.first()),
            (Some(b'{'), Some(b'"')) | (Some(b'['), Some(b'{'))
        )
    };
    let at = (0..head.len()).find(opens)?;
    body.get(at..)
}
