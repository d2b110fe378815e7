//! Finds e-mail addresses and secrets in a text, by their form alone.

#[cfg(test)]
mod reference;
mod scan;
mod secret;

use crate::bytes::contains;
use scan::Words;
use secret::{NAMES, SHORTEST, secret_in};

/// What stands for an address.
pub(super) const EMAIL: &str = "[email]";
/// What stands for a secret.
pub(super) const SECRET: &str = "[secret]";

/// How a private key begins, and so much of it as is one word.
const BLOCK: &str = "-----BEGIN ";
const BLOCK_WORD: &[u8] = b"-----BEGIN";

/// `text` with masks for what was found; `None` where nothing was.
///
/// Most texts have nothing: they are looked through once for the signs that every address, value and URL
/// has, and in strides for words that are long enough for a key. Only where there is something to look at
/// it is looked at.
pub(super) fn masked(text: &str) -> Option<String> {
    let mut found = Vec::new();
    find_words(text, &mut found);
    // Without these there is no address, no value behind a name, and no URL.
    let [at, colon, equals] = contains(text.as_bytes(), *b"@:=");
    if colon || equals {
        find_values(text, &mut found);
    }
    if at {
        find_addresses(text, &mut found);
    }
    if found.is_empty() {
        return None;
    }
    found.sort_by_key(|it| (it.start, std::cmp::Reverse(it.end)));
    let (mut result, mut done) = (String::with_capacity(text.len()), 0);
    for it in found {
        // Within one that is masked already, or reaching out of it.
        if it.start >= done {
            result.push_str(text.get(done..it.start).unwrap_or_default());
            result.push_str(it.mask);
        }
        done = done.max(it.end);
    }
    result.push_str(text.get(done..).unwrap_or_default());
    Some(result)
}

/// A part of the text, both ends between characters.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    start: usize,
    end: usize,
    mask: &'static str,
}

impl Found {
    const fn secret(start: usize, end: usize) -> Self {
        Self {
            start,
            end,
            mask: SECRET,
        }
    }
}

/// Keys and tokens, and private keys, each of which begins with a word.
fn find_words(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let mut blocks_from = 0;
    for (start, end) in Words::new(bytes, BLOCK_WORD.len()) {
        let word = bytes.get(start..end).unwrap_or_default();
        if word.len() >= SHORTEST
            && let Some(at) = secret_in(word)
        {
            found.push(Found::secret(start + at, end));
        }
        let block = end - BLOCK_WORD.len();
        if bytes.get(end) == Some(&b' ') && word.ends_with(BLOCK_WORD) && block >= blocks_from {
            blocks_from = end_of_block(text, block);
            found.push(Found::secret(block, blocks_from));
        }
    }
}

/// Where a private key ends: behind its last line, or with the text if that is not there.
fn end_of_block(text: &str, start: usize) -> usize {
    let rest = text.get(start + BLOCK.len()..).unwrap_or_default();
    rest.find("-----END ")
        .and_then(|end| Some(end + 9 + rest.get(end + 9..)?.find("-----")? + 5))
        .map_or(text.len(), |length| start + BLOCK.len() + length)
}

/// What stands behind `name=` or `name:`, behind `Bearer`, and between `://` and `@`.
fn find_values(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let signs = bytes.iter().enumerate();
    for (at, _) in signs.filter(|(_, byte)| matches!(byte, b':' | b'=')) {
        let rest = text.get(at + 1..).unwrap_or_default();
        let (start, end) = if rest.starts_with("//") && bytes.get(at) == Some(&b':') {
            let authority = rest.get(2..).unwrap_or_default();
            let host = authority.find(['/', '?', '#', ' ', '\n']);
            let authority = authority.get(..host.unwrap_or(authority.len()));
            let Some(user) = authority.and_then(|it| it.rfind('@')) else {
                continue;
            };
            (at + 3, at + 3 + user)
        } else if is_secret_name(bytes.get(..at).unwrap_or_default()) {
            let value = rest.trim_start_matches([' ', '\t', '"', '\'', '=']);
            let start = text.len() - value.len();
            let value = value.strip_prefix("Bearer ").unwrap_or(value);
            let start = start.max(text.len() - value.len());
            if value.starts_with(SECRET) {
                continue;
            }
            let length = value.find(|it: char| it.is_whitespace() || "\"',;&)]}".contains(it));
            (start, start + length.unwrap_or(value.len()))
        } else {
            continue;
        };
        if end > start {
            found.push(Found::secret(start, end));
        }
    }
}

/// Whether a text ends with the name of a secret, in whatever case, in quotes or not.
fn is_secret_name(before: &[u8]) -> bool {
    let from_end = before.iter().rev();
    let quotes = from_end.take_while(|byte| matches!(byte, b' ' | b'"' | b'\''));
    let name = before
        .get(..before.len() - quotes.count())
        .unwrap_or_default();
    let Some(last) = name.last() else {
        return false;
    };
    NAMES.iter().any(|known| {
        // By their last letter most names are none.
        known.as_bytes().last() == Some(&last.to_ascii_lowercase())
            && name
                .len()
                .checked_sub(known.len())
                .and_then(|from| name.get(from..))
                .is_some_and(|tail| tail.eq_ignore_ascii_case(known.as_bytes()))
    })
}

fn find_addresses(text: &str, found: &mut Vec<Found>) {
    for (at, _) in text.match_indices('@') {
        let is_local = |it: char| it.is_alphanumeric() || "._%+-'".contains(it);
        let before = text.get(..at).unwrap_or_default();
        let start = before.trim_end_matches(is_local).len();
        let after = text.get(at + 1..).unwrap_or_default();
        let length = after.find(|it: char| !(it.is_alphanumeric() || it == '.' || it == '-'));
        let domain = after
            .get(..length.unwrap_or(after.len()))
            .unwrap_or_default();
        let domain = domain.trim_end_matches(['.', '-']);
        let is_domain = domain.rsplit_once('.').is_some_and(|(name, top)| {
            !name.is_empty() && top.chars().count() >= 2 && top.chars().all(char::is_alphabetic)
        });
        if start < at && is_domain {
            found.push(Found {
                start,
                end: at + 1 + domain.len(),
                mask: EMAIL,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_addresses_are_masked_where_they_stand() {
        let key = "sk-ant-api03-abcdefghijklmnop";
        for (text, expected) in [
            (
                "mail ada.l+x@example.co.uk, now",
                "mail [email], now".to_owned(),
            ),
            (&format!("use {key}!"), "use [secret]!".to_owned()),
            (&format!("file-{key}"), "file-[secret]".to_owned()),
            (
                "src/ghp_abcdefghijklmnop1234/a.rs",
                "src/[secret]/a.rs".to_owned(),
            ),
            ("PASSWORD = hunter2;", "PASSWORD = [secret];".to_owned()),
            (
                "{\"api_key\": \"x1\"}",
                "{\"api_key\": \"[secret]\"}".to_owned(),
            ),
            (
                "Authorization: Bearer abc.def",
                "Authorization: Bearer [secret]".to_owned(),
            ),
            (
                "postgres://ada:pw@db/x",
                "postgres://[secret]@db/x".to_owned(),
            ),
            ("AKIAIOSFODNN7EXAMPLE", "[secret]".to_owned()),
            (
                "a Zx9aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b",
                "a [secret] b".to_owned(),
            ),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nrest",
                "[secret]\nrest".to_owned(),
            ),
            ("-----BEGIN PRIVATE KEY-----\nMII", "[secret]".to_owned()),
            ("token=ä", "token=[secret]".to_owned()),
            ("mail ä@ö.de", "mail [email]".to_owned()),
        ] {
            assert_eq!(masked(text).as_deref(), Some(expected.as_str()), "{text}");
            let again = masked(&expected).unwrap_or_else(|| expected.clone());
            assert_eq!(again, expected, "masked twice");
        }
    }

    #[test]
    fn names_hashes_and_versions_are_left_alone() {
        for text in [
            "",
            "login fails after midnight: see tests/login_after_midnight.rs:41",
            "0198d0b4-7c00-7000-8000-000000000001",
            "4c4e6be0f1d2c3b4a5968778695a4b3c2d1e0f11",
            "claude-3-5-sonnet@20240620",
            "serde@1.0.219",
            "sk-learn",
            "meta-llama/llama-3.3-70b-instruct:free",
            "https://example.com/a:b",
            "mcp__files__read_text_file_contents",
            "a == b",
        ] {
            assert_eq!(masked(text), None, "{text}");
        }
    }
}
