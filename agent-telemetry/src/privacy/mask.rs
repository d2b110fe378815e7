//! Finds e-mail addresses and secrets in a text, by their form alone.

/// What stands for an address.
pub(super) const EMAIL: &str = "[email]";
/// What stands for a secret.
pub(super) const SECRET: &str = "[secret]";

/// Beginnings of issued keys, and how many characters follow at least. From the issuers' own
/// descriptions of their formats; shorter tails are words like `sk-learn`.
const PREFIXES: &[(&str, usize)] = &[
    ("sk-", 16),
    ("sk_live_", 16),
    ("sk_test_", 16),
    ("rk_live_", 16),
    ("whsec_", 16),
    ("gsk_", 16),
    ("xai-", 16),
    ("hf_", 16),
    ("ghp_", 16),
    ("gho_", 16),
    ("ghu_", 16),
    ("ghs_", 16),
    ("ghr_", 16),
    ("github_pat_", 16),
    ("glpat-", 16),
    ("npm_", 16),
    ("pypi-", 16),
    ("dop_v1_", 16),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xoxa-", 10),
    ("xoxr-", 10),
    ("xapp-", 10),
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 30),
    ("ya29.", 16),
    ("eyJ", 20),
];

/// Names whose value is a secret wherever `name=value` or `name: value` stands.
const NAMES: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "access_key",
    "private_key",
    "authorization",
    "credential",
];

/// A run of so many characters with upper case, lower case and digits is taken for a secret whatever
/// it begins with. Hashes and UUIDs have no mixture of cases.
const MIXED: usize = 32;

/// No secret that is looked for, but for a value behind its name, is shorter.
const SHORTEST: usize = 15;

const BLOCK: &str = "-----BEGIN ";

/// `text` with masks for what was found; `None` where nothing was.
pub(super) fn masked(text: &str) -> Option<String> {
    if !is_suspect(text.as_bytes()) {
        return None;
    }
    let mut found = Vec::new();
    find_blocks(text, &mut found);
    find_words(text, &mut found);
    find_values(text, &mut found);
    find_addresses(text, &mut found);
    if found.is_empty() {
        return None;
    }
    found.sort_unstable_by_key(|it| (it.start, std::cmp::Reverse(it.end)));
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
struct Found {
    start: usize,
    end: usize,
    mask: &'static str,
}

/// Bytes of a key or token.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+' | b'~')
}

/// One pass that lets most texts go: no sign that every address, value or URL has, and no long word.
fn is_suspect(bytes: &[u8]) -> bool {
    let mut run = 0_usize;
    for &byte in bytes {
        if is_token(byte) {
            run += 1;
            if run >= SHORTEST {
                return true;
            }
        } else if matches!(byte, b'@' | b'=' | b':') || (byte == b' ' && run == BLOCK.len() - 1) {
            return true;
        } else {
            run = 0;
        }
    }
    false
}

/// Private keys, from their first line to the last one that is there.
fn find_blocks(text: &str, found: &mut Vec<Found>) {
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(BLOCK)) {
        let start = from + at;
        let rest = text.get(start..).unwrap_or_default();
        let end = rest
            .find("-----END ")
            .and_then(|end| Some(end + 9 + rest.get(end + 9..)?.find("-----")? + 5))
            .map_or(text.len(), |length| start + length);
        found.push(Found {
            start,
            end,
            mask: SECRET,
        });
        from = end;
    }
}

fn find_words(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let mut start = 0;
    while start < bytes.len() {
        let length = bytes
            .iter()
            .skip(start)
            .take_while(|it| is_token(**it))
            .count();
        let word = text.get(start..start + length).unwrap_or_default();
        if length >= SHORTEST
            && let Some(at) = secret_in(word)
        {
            found.push(Found {
                start: start + at,
                end: start + length,
                mask: SECRET,
            });
        }
        start += length + 1;
    }
}

/// Where in a word a secret begins: at a known beginning, in front of which no letter stands, or at
/// the first character.
fn secret_in(word: &str) -> Option<usize> {
    let of_issuer = |(prefix, tail): &(&str, usize)| {
        let (at, _) = word.match_indices(prefix).find(|(at, _)| {
            let before = word.as_bytes().get(at.wrapping_sub(1));
            before.is_none_or(|byte| !byte.is_ascii_alphanumeric())
        })?;
        (word.len() - at >= prefix.len() + tail).then_some(at)
    };
    let issued = PREFIXES.iter().filter_map(of_issuer).min();
    issued.or_else(|| (word.len() >= MIXED && is_mixed(word)).then_some(0))
}

fn is_mixed(word: &str) -> bool {
    let any = |is: fn(&u8) -> bool| word.as_bytes().iter().any(is);
    any(u8::is_ascii_uppercase) && any(u8::is_ascii_lowercase) && any(u8::is_ascii_digit)
}

/// What stands behind `name=` or `name:`, behind `Bearer`, and between `://` and `@`.
fn find_values(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    for (at, _) in text.match_indices([':', '=']) {
        let rest = text.get(at + 1..).unwrap_or_default();
        let (start, end) = if rest.starts_with("//") && bytes.get(at) == Some(&b':') {
            let authority = rest.get(2..).unwrap_or_default();
            let host = authority.find(['/', '?', '#', ' ', '\n']);
            let authority = authority.get(..host.unwrap_or(authority.len()));
            let Some(user) = authority.and_then(|it| it.rfind('@')) else {
                continue;
            };
            (at + 3, at + 3 + user)
        } else if is_secret_name(text.get(..at).unwrap_or_default()) {
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
            found.push(Found {
                start,
                end,
                mask: SECRET,
            });
        }
    }
}

/// Whether a text ends with the name of a secret, in whatever case, in quotes or not.
fn is_secret_name(before: &str) -> bool {
    let name = before.trim_end_matches([' ', '"', '\'']).as_bytes();
    NAMES.iter().any(|known| {
        let from = name.len().checked_sub(known.len());
        from.and_then(|from| name.get(from..))
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
