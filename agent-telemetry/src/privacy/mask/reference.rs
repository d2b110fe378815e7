//! What masking means, written without regard to time, and held against what is done.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::secret::{MIXED, NAMES, PREFIXES, SHORTEST};
use super::{BLOCK, EMAIL, Found, SECRET, find_addresses, masked};

/// `text` as [`masked`] gives it, with everything looked for everywhere.
fn reference(text: &str) -> Option<String> {
    let mut found = blocks(text);
    found.extend(words(text));
    found.extend(values(text));
    find_addresses(text, &mut found);
    found.sort_by_key(|it| (it.start, std::cmp::Reverse(it.end)));
    let (mut result, mut done) = (String::new(), 0);
    for it in &found {
        if it.start >= done {
            result += &text[done..it.start];
            result += it.mask;
        }
        done = done.max(it.end);
    }
    result += &text[done..];
    (!found.is_empty()).then_some(result)
}

fn blocks(text: &str) -> Vec<Found> {
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(at) = text[from..].find(BLOCK) {
        let start = from + at;
        let end = text[start..].find("-----END ").and_then(|end| {
            let behind = start + end + 9;
            Some(behind + text[behind..].find("-----")? + 5)
        });
        from = end.unwrap_or(text.len());
        found.push(Found::secret(start, from));
    }
    found
}

fn words(text: &str) -> Vec<Found> {
    let is_token = |it: char| it.is_ascii_alphanumeric() || "_-.+~".contains(it);
    let mut found = Vec::new();
    let mut start = 0;
    for word in text.split(|it| !is_token(it)) {
        // Where the word begins, since it is a part of the text.
        start += text[start..].find(word).unwrap_or(0);
        let issued = PREFIXES.iter().flat_map(|(prefix, tail)| {
            word.match_indices(prefix).filter_map(move |(at, _)| {
                let before = word[..at].chars().last();
                let begins = before.is_none_or(|it| !it.is_ascii_alphanumeric());
                (begins && word.len() - at >= prefix.len() + tail).then_some(at)
            })
        });
        let any = |is: fn(&char) -> bool| word.chars().any(|it| is(&it));
        let mixed = word.len() >= MIXED
            && any(char::is_ascii_uppercase)
            && any(char::is_ascii_lowercase)
            && any(char::is_ascii_digit);
        if let Some(at) = issued.min().or(mixed.then_some(0)) {
            assert!(word.len() >= SHORTEST);
            found.push(Found::secret(start + at, start + word.len()));
        }
        start += word.len();
    }
    found
}

fn values(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    for (at, sign) in text.match_indices([':', '=']) {
        let rest = &text[at + 1..];
        if let (":", Some(authority)) = (sign, rest.strip_prefix("//")) {
            let host = authority.find(['/', '?', '#', ' ', '\n']);
            if let Some(user @ 1..) = authority[..host.unwrap_or(authority.len())].rfind('@') {
                found.push(Found::secret(at + 3, at + 3 + user));
            }
            continue;
        }
        let before = text[..at].trim_end_matches([' ', '"', '\'']);
        let before = before.to_ascii_lowercase();
        if NAMES.iter().any(|name| before.ends_with(name)) {
            let value = rest.trim_start_matches([' ', '\t', '"', '\'', '=']);
            let value = value.strip_prefix("Bearer ").unwrap_or(value);
            let end = value.find(|it: char| it.is_whitespace() || "\"',;&)]}".contains(it));
            let start = text.len() - value.len();
            let end = start + end.unwrap_or(value.len());
            if end > start && !value.starts_with(SECRET) {
                found.push(Found::secret(start, end));
            }
        }
    }
    found
}

fn pieces() -> impl Strategy<Value = String> {
    let fixed = [
        " ",
        "-",
        "_",
        ".",
        "=",
        ":",
        "@",
        "://",
        "\"",
        "\n",
        "é",
        "-----",
        BLOCK,
        "-----END ",
        "Bearer ",
        "ada@example.com",
        "password",
        "API_KEY",
        "token",
        EMAIL,
        SECRET,
    ];
    let piece = prop_oneof![
        proptest::sample::select(fixed.to_vec()).prop_map(str::to_owned),
        proptest::sample::select(PREFIXES.to_vec()).prop_map(|(prefix, _)| prefix.to_owned()),
        "[a-z]{1,12}",
        "[A-Za-z0-9]{8,40}",
        "[a-zA-Z0-9 _.:=/@-]{0,12}",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_200, failure_persistence: None, rng_seed: RngSeed::Fixed(5), ..ProptestConfig::default() })]

    #[test]
    fn everything_is_masked_that_looking_everywhere_finds(text in pieces()) {
        prop_assert_eq!(masked(&text), reference(&text));
    }
}
