//! What secrets look like.

use super::scan::Class;

/// Beginnings of issued keys, and how many characters follow at least. From the issuers' own
/// descriptions of their formats; shorter tails are words like `sk-learn`. In the order of their first
/// letters.
pub(super) const PREFIXES: &[(&str, usize)] = &[
    ("AIza", 30),
    ("AKIA", 16),
    ("ASIA", 16),
    ("dop_v1_", 16),
    ("eyJ", 20),
    ("ghp_", 16),
    ("gho_", 16),
    ("ghu_", 16),
    ("ghs_", 16),
    ("ghr_", 16),
    ("github_pat_", 16),
    ("glpat-", 16),
    ("gsk_", 16),
    ("hf_", 16),
    ("npm_", 16),
    ("pypi-", 16),
    ("rk_live_", 16),
    ("sk-", 16),
    ("sk_live_", 16),
    ("sk_test_", 16),
    ("whsec_", 16),
    ("xai-", 16),
    ("xapp-", 10),
    ("xoxa-", 10),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xoxr-", 10),
    ("ya29.", 16),
];

/// Names whose value is a secret wherever `name=value` or `name: value` stands.
pub(super) const NAMES: &[&str] = &[
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
pub(super) const MIXED: usize = 32;

/// No secret that is looked for, but for a value behind its name, is shorter.
pub(super) const SHORTEST: usize = 15;

/// Where in a word a secret begins: at a known beginning, in front of which no letter stands, or at
/// the first character.
pub(super) fn secret_in(word: &[u8]) -> Option<usize> {
    issued_in(word).or_else(|| (word.len() >= MIXED && is_mixed(word)).then_some(0))
}

/// The first place that a known beginning has with enough behind it.
fn issued_in(word: &[u8]) -> Option<usize> {
    // Behind the last place that leaves room for the shortest of them there is none.
    let places = word.len().checked_sub(SHORTEST)? + 1;
    let mut before = b' ';
    for (at, byte) in word.iter().take(places).enumerate() {
        if !Class::of(before).is_alphanumeric() && is_first(*byte) {
            let rest = word.get(at..).unwrap_or_default();
            let issued = |(prefix, tail): &(&str, usize)| {
                rest.len() >= prefix.len() + tail && rest.starts_with(prefix.as_bytes())
            };
            if PREFIXES.iter().any(issued) {
                return Some(at);
            }
        }
        before = *byte;
    }
    None
}

/// Whether a known beginning has this first letter.
const fn is_first(byte: u8) -> bool {
    matches!(
        byte,
        b'A' | b'd' | b'e' | b'g' | b'h' | b'n' | b'p' | b'r' | b's' | b'w' | b'x' | b'y'
    )
}

fn is_mixed(word: &[u8]) -> bool {
    let any = |is: fn(&u8) -> bool| word.iter().any(is);
    any(u8::is_ascii_uppercase) && any(u8::is_ascii_lowercase) && any(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_beginning_is_looked_for_and_none_is_shorter_than_said() {
        for (prefix, tail) in PREFIXES {
            let key = format!("{prefix}{}", "a".repeat(*tail));
            assert!(key.len() >= SHORTEST, "{prefix}");
            assert_eq!(secret_in(key.as_bytes()), Some(0), "{prefix}");
            assert_eq!(
                secret_in(format!("a_{key}").as_bytes()),
                Some(2),
                "{prefix}"
            );
            assert_eq!(secret_in(format!("a{key}").as_bytes()), None, "{prefix}");
            assert_eq!(
                secret_in(&key.as_bytes()[..key.len() - 1]),
                None,
                "{prefix}"
            );
        }
    }
}
