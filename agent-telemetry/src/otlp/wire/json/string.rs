//! Texts within quotes.

use super::super::malformed::{Fault, Flaw};

const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES << 7;

/// Finds the quote at which a text ends, and whether there are escapes before it.
#[inline]
pub(super) fn scan(bytes: &[u8]) -> Result<(usize, bool), Fault> {
    let end = plain(bytes);
    if bytes.get(end) == Some(&b'"') {
        return Ok((end, false));
    }
    scan_escapes(bytes, end)
}

fn scan_escapes(bytes: &[u8], mut end: usize) -> Result<(usize, bool), Fault> {
    loop {
        let rest = bytes.get(end..).unwrap_or_default();
        end += match rest {
            [b'"', ..] => return Ok((end, true)),
            [
                b'\\',
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
                ..,
            ] => 2,
            [b'\\', b'u', a, b, c, d, ..]
                if [a, b, c, d].iter().all(|it| it.is_ascii_hexdigit()) =>
            {
                6
            }
            [] => return Err(Fault::new(Flaw::Truncated, rest)),
            _ => return Err(Fault::new(Flaw::Text, rest)),
        };
        end += plain(bytes.get(end..).unwrap_or_default());
    }
}

/// How many bytes come before the first quote, backslash or control character.
#[inline]
pub(super) fn plain(bytes: &[u8]) -> usize {
    let (words, _) = bytes.as_chunks::<8>();
    let mut at = 0;
    for word in words {
        let found = special(u64::from_le_bytes(*word));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    at + rest.iter().position(special).unwrap_or(rest.len())
}

/// The high bit of each byte that is special. Bytes after the first such one may be told wrongly.
#[inline]
const fn special(word: u64) -> u64 {
    let quote = zeros(word ^ (ONES * b'"' as u64));
    let backslash = zeros(word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
    quote | backslash | control
}

#[inline]
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

/// The text that escapes stand for. Half a surrogate pair, as JavaScript writes it of a text that was cut, becomes
/// the replacement character.
pub(super) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('\\') {
        out.push_str(before);
        let mut chars = escape.chars();
        let letter = match chars.next() {
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let (letter, after) = code_point(chars.as_str());
                out.push(letter);
                rest = after;
                continue;
            }
            // A quote, a slash or a backslash.
            other => other.unwrap_or_default(),
        };
        out.push(letter);
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}

/// The character of the digits at the start, which a second escape may follow, and what comes after it.
fn code_point(digits: &str) -> (char, &str) {
    let Some((high, after)) = unit(digits) else {
        return (char::REPLACEMENT_CHARACTER, "");
    };
    if let Some(letter) = char::from_u32(high) {
        return (letter, after);
    }
    let low = after.strip_prefix("\\u").and_then(unit);
    match low {
        Some((low @ 0xdc00..0xe000, after)) if high < 0xdc00 => {
            let letter = char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00));
            (letter.unwrap_or(char::REPLACEMENT_CHARACTER), after)
        }
        _ => (char::REPLACEMENT_CHARACTER, after),
    }
}

fn unit(digits: &str) -> Option<(u32, &str)> {
    let (digits, after) = digits.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, after))
}
