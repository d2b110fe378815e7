//! Values that are secret because of the name before them: `DB_PASSWORD=…`, `"api_key": "…"`, headers.

use super::bytes::{Set, at, before, entropy, is_random, window, window_before};
use super::mask;
use super::scan::Scan;
use super::value::{Place, is_secret};

/// What a name says of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Password,
    Secret,
    Token,
    Key,
    /// A key by a name that says little.
    Maybe,
    Authorization,
    Cookie,
    Signature,
}

impl Kind {
    /// What stands in the mask.
    pub(super) const fn family(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Secret => "secret",
            Self::Token => "token",
            Self::Key | Self::Maybe => "api-key",
            Self::Authorization => "authorization",
            Self::Cookie => "cookie",
            Self::Signature => "signed-url",
        }
    }
}

/// Longest name that is looked at, and longest value that is judged; a longer one is judged by its beginning.
const NAME_MAX: usize = 64;
const VALUE_MAX: usize = 128;
/// Backslashes before a quote, as three levels of JSON in JSON have them.
const ESCAPES_MAX: usize = 7;

/// Ends of names without their separators, in small letters.
const ENDS: &[(&[u8], Kind)] = &[
    (b"password", Kind::Password),
    (b"passwd", Kind::Password),
    (b"passphrase", Kind::Password),
    (b"pwd", Kind::Password),
    (b"secretaccesskey", Kind::Secret),
    (b"secretkey", Kind::Secret),
    (b"secret", Kind::Secret),
    (b"privatekey", Kind::Secret),
    (b"encryptionkey", Kind::Secret),
    (b"signingkey", Kind::Secret),
    (b"masterkey", Kind::Secret),
    (b"apikey", Kind::Key),
    (b"accesskey", Kind::Key),
    (b"accountkey", Kind::Key),
    (b"sharedkey", Kind::Key),
    (b"authkey", Kind::Key),
    (b"licensekey", Kind::Key),
    (b"subscriptionkey", Kind::Key),
    (b"token", Kind::Token),
    (b"authorization", Kind::Authorization),
];

/// Tokens that say where a list goes on, or are part of a language.
const NO_TOKENS: &[&[u8]] = &[
    b"next",
    b"page",
    b"continuation",
    b"cursor",
    b"sync",
    b"cancel",
];

/// What the name says of its value.
pub(super) fn kind_of(name: &[u8]) -> Option<Kind> {
    let last_two = |name: &[u8]| {
        let [.., first, second] = name else {
            return false;
        };
        let pair = [first.to_ascii_lowercase(), second.to_ascii_lowercase()];
        matches!(
            &pair,
            b"rd"
                | b"wd"
                | b"se"
                | b"ss"
                | b"et"
                | b"ey"
                | b"en"
                | b"on"
                | b"ie"
                | b"ig"
                | b"re"
                | b"th"
        )
    };
    if !last_two(name) || name.len() > NAME_MAX {
        return None;
    }
    let mut plain = [0; NAME_MAX];
    let mut len = 0;
    let letters = name.iter().filter(|it| it.is_ascii_alphanumeric());
    for (to, byte) in plain.iter_mut().zip(letters) {
        *to = byte.to_ascii_lowercase();
        len += 1;
    }
    let plain = plain.get(..len).unwrap_or_default();
    match plain {
        // The folder that a shell is in.
        b"pwd" | b"oldpwd" if name.first().is_some_and(u8::is_ascii_uppercase) => return None,
        b"cookie" | b"setcookie" => return Some(Kind::Cookie),
        b"sig" | b"signature" | b"xamzsignature" | b"xgoogsignature" => {
            return Some(Kind::Signature);
        }
        b"auth" => return Some(Kind::Token),
        b"pass" => return Some(Kind::Password),
        _ => {}
    }
    let by_end = ENDS.iter().find(|(end, _)| plain.ends_with(end));
    if let Some((_, kind)) = by_end {
        let goes_on = |it: &&[u8]| plain.windows(it.len()).any(|part| part == *it);
        let is_other = *kind == Kind::Token && NO_TOKENS.iter().any(goes_on);
        return (!is_other).then_some(*kind);
    }
    if name.ends_with(b"_pass") || name.ends_with(b"_PASS") {
        return Some(Kind::Password);
    }
    let is_key = name.ends_with(b"_KEY") || plain == b"key";
    is_key.then_some(Kind::Maybe)
}

/// Looks at the name before `sign`, an `=` or `:`, and the value behind it. Where the value ends, if it is a
/// secret.
#[inline]
pub(super) fn find(scan: &mut Scan<'_, '_>, sign: usize) -> Option<usize> {
    let end = name_end(scan.bytes, sign);
    // Nearly all that stands before these signs ends in another way.
    if is_end(scan.bytes, end) {
        named(scan, end, sign)
    } else {
        None
    }
}

/// Whether a sign with this byte before it may have a name there: by the last letters of names, and what stands
/// between a name and its sign.
#[inline]
pub(super) fn may_end(byte: u8) -> bool {
    Set::NAME_END.has(byte)
}

/// Whether a colon between these two bytes is one half of a sign of its own: `::` parts names, and `:=` is looked at
/// where its second half is.
#[inline]
pub(super) const fn parts_names(before: u8, behind: u8) -> bool {
    matches!(behind, b':' | b'=') || before == b':'
}

/// Looks at the name that ends at `end`, and the value behind `sign`.
pub(super) fn named(scan: &mut Scan<'_, '_>, end: usize, sign: usize) -> Option<usize> {
    let bytes = scan.bytes;
    let name = window_before(bytes, end, NAME_MAX + 1);
    let len = name
        .iter()
        .rev()
        .take_while(|it| Set::WORD.has(**it))
        .count();
    let name = name.get(name.len() - len..)?;
    let kind = kind_of(name)?;
    if scan.rules.is_named_off(kind.family()) {
        return None;
    }
    let (start, stop) = secret(bytes, kind, name, end, sign)?;
    // The rest of a value that was looked at whole before.
    if mask::is_at(bytes, stop) {
        return None;
    }
    scan.push(start, stop, kind.family());
    Some(stop)
}

/// Whether a name that says something may end at `end`: by its last three letters, the first of which another
/// byte of the name may part from the others.
#[inline]
fn is_end(bytes: &[u8], end: usize) -> bool {
    let last = end.checked_sub(3).and_then(|from| bytes.get(from..end));
    let Some(&[third, second, last]) = last else {
        return false;
    };
    let of = match (second | 0x20, last | 0x20) {
        (b'r', b'd') => b'o',
        (b'w', b'd') => {
            return matches!(third | 0x20, b'p' | b's') || !third.is_ascii_alphanumeric();
        }
        (b's', b'e' | b's') => b'a',
        (b'e', b't') => b'r',
        (b'e', b'y' | b'n') | (b'i', b'e') => b'k',
        (b'o', b'n') => b'i',
        (b'i', b'g') => b's',
        (b'r', b'e') | (b't', b'h') => b'u',
        _ => return false,
    };
    third | 0x20 == of || !third.is_ascii_alphanumeric()
}

/// Where the name ends that stands before the sign: blanks and quotes stand between.
#[inline]
fn name_end(bytes: &[u8], sign: usize) -> usize {
    let mut end = sign;
    let mut last = before(bytes, end);
    if last.is_ascii_alphanumeric() {
        return end;
    }
    // `:=`, `?=`
    if matches!(last, b':' | b'?') && at(bytes, sign) == b'=' {
        end -= 1;
        last = before(bytes, end);
    }
    let mut left = 3;
    while last == b' ' && left > 0 {
        (end, left) = (end - 1, left - 1);
        last = before(bytes, end);
    }
    left = 4;
    while left > 0 && matches!(last, b'"' | b'\'' | b'`' | b'\\') {
        (end, left) = (end - 1, left - 1);
        last = before(bytes, end);
    }
    end
}

/// The part of the value behind `sign` that is secret.
fn secret(
    bytes: &[u8],
    kind: Kind,
    name: &[u8],
    end: usize,
    sign: usize,
) -> Option<(usize, usize)> {
    let is_colon = at(bytes, sign) == b':';
    if is_colon && parts_names(before(bytes, sign), at(bytes, sign + 1)) {
        return None;
    }
    let opening = before(bytes, end - name.len());
    let in_url = !is_colon && matches!(opening, b'?' | b'&' | b';');
    let mut from = sign + 1;
    if matches!(at(bytes, from), b'=' | b'>') {
        from += 1;
    }
    let is_tight = from == sign + 1 && end == sign && !matches!(at(bytes, from), b' ' | b'\t');
    from += blanks(bytes, from);
    if is_colon && kind != Kind::Authorization && kind != Kind::Cookie {
        from = behind_type(bytes, from).unwrap_or(from);
    }
    match kind {
        Kind::Authorization => return header(bytes, from),
        Kind::Cookie if is_colon => return cookie(bytes, from),
        Kind::Signature | Kind::Maybe if in_url => {
            let len = Set::OPAQUE.count(bytes, from, VALUE_MAX);
            let value = window(bytes, from, len);
            return (len >= 16 && is_random(value, 3.0))
                .then(|| (from, from + Set::OPAQUE.count(bytes, from, usize::MAX)));
        }
        Kind::Signature | Kind::Cookie => return None,
        _ => {}
    }
    let is_env = !is_colon && is_tight && name.iter().all(|it| !it.is_ascii_lowercase());
    if kind == Kind::Maybe && !is_env {
        return None;
    }
    if let Some((start, ends)) = quoted(bytes, from) {
        let stop = start + length(bytes, start, VALUE_MAX, ends);
        let value = window(bytes, start, stop - start);
        return is_secret(kind, value, Place::Quoted).then(|| {
            let stop = start + length(bytes, start, usize::MAX, ends);
            (start, stop)
        });
    }
    let place = if is_env {
        Place::Environment
    } else {
        Place::Bare
    };
    let ends = Ends::Bare(place);
    let stop = from + length(bytes, from, VALUE_MAX, ends);
    let value = window(bytes, from, stop - from);
    // In code a comma or a bracket follows where the value is a name.
    let is_open = matches!(at(bytes, stop), b',' | b')' | b'(' | b']' | b'}' | b'[');
    if place == Place::Bare && is_open && !is_random(value, 3.5) {
        return None;
    }
    is_secret(kind, value, place).then(|| (from, from + length(bytes, from, usize::MAX, ends)))
}

fn blanks(bytes: &[u8], from: usize) -> usize {
    let rest = window(bytes, from, 8);
    rest.iter()
        .take_while(|it| matches!(it, b' ' | b'\t'))
        .count()
}

/// Where the value begins behind a type: `token: &str = "…"`.
fn behind_type(bytes: &[u8], from: usize) -> Option<usize> {
    let is_type = |it: &u8| Set::ALNUM.has(*it) || b"_&<>[]'| ".contains(it);
    let rest = window(bytes, from, 40);
    let len = rest.iter().take_while(|it| is_type(it)).count();
    let sign = from + len;
    let value = sign + 1 + blanks(bytes, sign + 1);
    let is_value = at(bytes, sign) == b'=' && matches!(at(bytes, value), b'"' | b'\'');
    (is_value && len > 0).then_some(value)
}

/// What a value ends at.
#[derive(Debug, Clone, Copy)]
enum Ends {
    /// This quote, with so many backslashes before it.
    Quote(u8, usize),
    Bare(Place),
}

/// Bytes of the value that begins at `from`, or `most` where it has more: a value is judged by its beginning,
/// and looked through to its end only once, when it is taken.
fn length(bytes: &[u8], from: usize, most: usize, ends: Ends) -> usize {
    let rest = window(bytes, from, most);
    let place = match ends {
        Ends::Quote(quote, escapes) => return quote_length(rest, quote, escapes),
        Ends::Bare(place) => place,
    };
    let is_end = |it: &u8| match it {
        0..=b' ' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\' => true,
        b',' | b';' | b'&' | b')' | b'(' | b']' | b'}' | b'|' => place != Place::Environment,
        _ => false,
    };
    let len = rest.iter().position(is_end).unwrap_or(rest.len());
    let value = window(rest, 0, len);
    // What parts it from the next command.
    if place == Place::Environment {
        let is_sign = |it: &&u8| matches!(**it, b';' | b',' | b')');
        return len - value.iter().rev().take_while(is_sign).count();
    }
    len
}

/// Bytes before the quote that ends the value: with as many backslashes before it as the one that began it, not
/// counting those that stand for one each. A quote within the value has more.
fn quote_length(rest: &[u8], quote: u8, escapes: usize) -> usize {
    let mut slashes: usize = 0;
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            b'\\' => slashes += 1,
            b'\n' => return at,
            byte if *byte == quote => {
                let more = slashes.checked_sub(escapes);
                if more.is_none_or(|more| more % (2 * (escapes + 1)) == 0) {
                    return at - slashes.min(escapes);
                }
                slashes = 0;
            }
            _ => slashes = 0,
        }
    }
    rest.len()
}

/// Where the value begins that stands in quotes, which may be escaped, and what it ends at.
fn quoted(bytes: &[u8], from: usize) -> Option<(usize, Ends)> {
    let mut open = from;
    // `b"…"`, `r"…"`, `f"…"`
    if at(bytes, open).is_ascii_alphabetic() && matches!(at(bytes, open + 1), b'"' | b'\'') {
        open += 1;
    }
    let mut escapes = 0;
    while at(bytes, open) == b'\\' && escapes < ESCAPES_MAX {
        open += 1;
        escapes += 1;
    }
    let quote = at(bytes, open);
    let is_quote = matches!(quote, b'"' | b'\'' | b'`');
    is_quote.then_some((open + 1, Ends::Quote(quote, escapes)))
}

/// The credentials of an `Authorization` header.
pub(super) fn header(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let from = from
        + window(bytes, from, 4)
            .iter()
            .take_while(|it| b"\"'`\\ ".contains(it))
            .count();
    let scheme = Set::WORD.count(bytes, from, 24);
    let word = from + scheme + 1;
    let is_two = scheme > 0 && at(bytes, from + scheme) == b' ';
    let start = if is_two { word } else { from };
    let value = window(bytes, start, Set::OPAQUE.count(bytes, start, VALUE_MAX));
    let scheme = window(bytes, from, scheme);
    let is_known = [
        &b"basic"[..],
        b"bearer",
        b"token",
        b"apikey",
        b"digest",
        b"negotiate",
    ]
    .iter()
    .any(|it| scheme.eq_ignore_ascii_case(it));
    let looks = if is_two && is_known {
        value.len() >= 8 && (is_random(value, 2.0) || entropy(value) >= 3.2 && is_mixed(value))
    } else {
        value.len() >= 16 && is_random(value, 3.0) && !value.contains(&b'_')
    };
    looks.then(|| (start, start + Set::OPAQUE.count(bytes, start, usize::MAX)))
}

fn is_mixed(value: &[u8]) -> bool {
    value.iter().any(u8::is_ascii_lowercase) && value.iter().any(u8::is_ascii_uppercase)
}

/// What a `Cookie` or `Set-Cookie` header holds.
fn cookie(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let from = from
        + window(bytes, from, 4)
            .iter()
            .take_while(|it| b"\"'`\\ ".contains(it))
            .count();
    let rest = bytes.get(from..)?;
    let ends = |it: &u8| matches!(it, b'\r' | b'\n' | b'"' | b'\'' | b'`' | b'\\');
    let first = rest.iter().take(VALUE_MAX).position(ends);
    let judged = window(rest, 0, first.unwrap_or(VALUE_MAX));
    let sign = judged.iter().position(|it| *it == b'=')?;
    let is_code = judged
        .iter()
        .any(|it| matches!(it, b'(' | b'{' | b'<' | b'['));
    let is_name = sign > 0 && Set::WORD.count(judged, 0, sign) == sign;
    if !is_name || judged.len() < 10 || is_code {
        return None;
    }
    let end = first.or_else(|| rest.iter().position(ends));
    Some((from, from + end.unwrap_or(rest.len())))
}
