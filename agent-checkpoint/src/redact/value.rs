//! Whether a value looks secret, given what its name says.

use super::bytes::{Set, entropy, is_random};
use super::mask::OPENING;
use super::named::Kind;

/// Where a value stands, which tells how far to trust the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The value of a field in JSON.
    Field,
    /// In quotes behind the name.
    Quoted,
    /// Behind a name in capital letters and `=`, as in the environment of a process.
    Environment,
    /// Behind a name, without quotes: often the name of something else, in code.
    Bare,
}

/// What stands for a value, in small letters.
const PLACEHOLDERS: &[&[u8]] = &[
    b"password",
    b"passwd",
    b"passphrase",
    b"pass",
    b"pwd",
    b"secret",
    b"token",
    b"string",
    b"str",
    b"text",
    b"none",
    b"null",
    b"nil",
    b"true",
    b"false",
    b"undefined",
    b"required",
    b"optional",
    b"default",
    b"hidden",
    b"input",
    b"object",
    b"number",
    b"bytes",
    b"bool",
    b"username",
    b"value",
    b"empty",
    b"changeme",
    b"placeholder",
    b"example",
];

/// Whether the value of a name of this kind is to be masked.
pub(super) fn is_secret(kind: Kind, value: &[u8], place: Place) -> bool {
    let has_blank = value.iter().any(u8::is_ascii_whitespace);
    if value.len() < 4 || is_stand_in(value, place) {
        return false;
    }
    if has_blank && (place != Place::Field || kind != Kind::Password) {
        return false;
    }
    if kind == Kind::Password {
        return match place {
            Place::Field => !(is_code(value) && is_call_or_path(value)),
            Place::Quoted | Place::Environment => !is_code(value),
            Place::Bare => {
                let is_identifier = value.contains(&b'_') && is_name(value);
                value.len() >= 6 && is_random(value, 2.0) && !is_code(value) && !is_identifier
            }
        };
    }
    let is_mixed = || {
        let has = |is: fn(&u8) -> bool| value.iter().any(is);
        has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && is_one_word(value)
    };
    match place {
        Place::Field | Place::Quoted => {
            let least = if kind == Kind::Secret { 8 } else { 12 };
            value.len() >= least && is_random(value, 2.8)
                || value.len() >= 20 && entropy(value) >= 3.8 && is_mixed()
        }
        Place::Environment => {
            value.len() >= 8 && is_random(value, 2.5) && !is_code(value)
                || value.len() >= 16 && entropy(value) >= 3.5 && is_one_word(value)
        }
        // `Token: TOKEN_KIND_2` is a type and its name.
        Place::Bare => {
            let is_identifier = value.contains(&b'_') && is_name(value);
            value.len() >= 16 && is_random(value, 3.0) && !is_code(value) && !is_identifier
        }
    }
}

/// Whether something is to be put in its place, or is already.
fn is_stand_in(value: &[u8], place: Place) -> bool {
    let is_template = match place {
        Place::Field => is_template(value),
        _ => matches!(
            value.first(),
            Some(b'$' | b'<' | b'{' | b'%' | b'(' | b'[' | b'*')
        ),
    } || [
        &b"${"[..],
        b"{{",
        b"...",
        b"***",
        b"xxxx",
        b"XXXX",
        OPENING.as_bytes(),
    ]
    .iter()
    .any(|part| value.windows(part.len()).any(|it| it == *part));
    let is_place = [
        &b"/"[..],
        b"./",
        b"../",
        b"~/",
        b"http://",
        b"https://",
        b"file:",
    ]
    .iter()
    .any(|it| value.starts_with(it));
    let is_word = PLACEHOLDERS.iter().any(|it| value.eq_ignore_ascii_case(it));
    is_template || is_place || is_word
}

/// Whether all of it is the name of something that stands elsewhere: `${NAME}`, `$NAME`, `%NAME%`, `<name>`, stars.
pub(super) fn is_template(value: &[u8]) -> bool {
    let [first, rest @ ..] = value else {
        return true;
    };
    let is_word = |it: &[u8]| !it.is_empty() && is_name(it);
    let is_capital = |it: &[u8]| is_word(it) && !it.iter().any(u8::is_ascii_lowercase);
    match (first, rest) {
        (b'$', [b'{', .., b'}'] | [b'(', .., b')'])
        | (b'%', [b'(', .., b's' | b'd'] | [b's' | b'd' | b'v' | b'@'])
        | (b'<', [.., b'>'])
        | (b'{', [.., b'}'])
        | (b'(', [.., b')'])
        | (b'[', [.., b']']) => true,
        (b'$', name) => is_capital(name) && !name.first().is_some_and(u8::is_ascii_digit),
        (b'%', [name @ .., b'%']) => is_word(name),
        _ => value.iter().all(|it| *it == b'*'),
    }
}

/// Whether it is an expression rather than a value: a call, a path through fields, an index.
fn is_code(value: &[u8]) -> bool {
    let is_path = |it: &[u8]| {
        it.split(|byte| *byte == b'.')
            .all(|part| part.first().is_some_and(u8::is_ascii_alphabetic) && is_name(part))
    };
    value.iter().any(|it| matches!(it, b'(' | b'[' | b'{'))
        || value.contains(&b'.') && is_path(value)
        || value.windows(2).any(|it| matches!(it, b"::" | b"->"))
}

/// Of what may be code, what is a password no more: one may have a bracket in it.
fn is_call_or_path(value: &[u8]) -> bool {
    let has_bracket = value.iter().any(|it| matches!(it, b'(' | b'[' | b'{'));
    !has_bracket || matches!(value.last(), Some(b')' | b']' | b'}'))
}

fn is_name(part: &[u8]) -> bool {
    part.iter()
        .all(|it| it.is_ascii_alphanumeric() || *it == b'_')
}

/// Letters and digits without separators, as keys are and sentences and names in code are not.
fn is_one_word(value: &[u8]) -> bool {
    value.iter().all(|it| Set::BASE64.has(*it))
}
