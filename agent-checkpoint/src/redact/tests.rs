//! Each family is found wherever it stands, and nothing else is.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::samples::{self, Draw, Sample};
use super::*;

fn masks(sample: &Sample, text: &str) {
    let redaction = Redaction::default();
    let masked = redaction.text(text);
    let family = sample.family;
    let secret = sample.secret.as_bytes();
    let piece = secret.len().min(12);
    for part in secret.windows(piece) {
        let is_there = masked.as_bytes().windows(piece).any(|it| it == part);
        assert!(!is_there, "{family}: {text:?} became {masked:?}");
    }
    assert!(masked.contains(mask::OPENING), "{family}: {masked}");
    assert_eq!(redaction.text(&masked), masked, "{family}: once is enough");
}

#[test]
fn there_are_more_than_a_hundred_families_and_each_has_a_source_and_a_sample() {
    let all: Vec<_> = families().collect();
    let names: BTreeSet<_> = all.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), all.len(), "no two have one name");
    assert!(all.len() > 100, "{}", all.len());
    assert!(all.iter().all(|(_, source)| !source.is_empty()));
    assert_eq!(samples::without_sample(), Vec::<&str>::new());
    let page = include_str!("../../docs/security.md");
    let is_missing = |name: &&str| !page.contains(&format!("| `{name}` |"));
    assert_eq!(
        names.iter().find(|it| is_missing(it)),
        None,
        "docs/security.md lists each"
    );
    let count = format!("masks the {} families", names.len());
    assert!(page.contains(&count), "{count}");
}

#[test]
fn a_secret_of_each_family_is_masked_and_named() {
    let redaction = Redaction::default();
    for seed in 0..8 {
        for sample in samples::all(seed) {
            masks(&sample, &sample.text);
            let found = redaction.find(&sample.text);
            assert_eq!(found.len(), 1, "{sample:?}: {found:?}");
            assert_eq!(found[0].family, sample.family, "{sample:?}");
            assert_eq!(&sample.text[found[0].range.clone()], sample.secret);
        }
    }
}

#[test]
fn a_secret_is_masked_between_all_that_stands_around_such() {
    let around = [
        ("key ", " and on"),
        ("\"", "\""),
        ("'", "',"),
        ("`", "`"),
        ("(", ")"),
        ("a=", "&b=1"),
        ("\n", "\n"),
        ("\\n", "\\n"),
        ("\u{1b}[31m", "\u{1b}[0m"),
        ("ü", "ü"),
        ("<td>", "</td>"),
        ("https://example.com/", "/x"),
        ("x_", "\u{0}"),
        ("%22", "%22"),
        ("\\u0022", "\\u0022"),
        ("/", ""),
        ("", "."),
    ];
    for sample in samples::all(7) {
        for (before, after) in around {
            // Some have something around them that belongs to them, and some are a whole word.
            let is_word = before == "x_" && shape::FAMILIES.iter().any(|it| it.0 == sample.family);
            if sample.text == sample.secret && !is_word {
                masks(&sample, &format!("{before}{}{after}", sample.text));
            }
        }
    }
}

#[test]
fn a_family_that_is_off_stays() {
    for sample in samples::all(3) {
        let mut redaction = Redaction::off();
        assert!(matches!(redaction.text(&sample.text), Cow::Borrowed(_)));
        redaction = Redaction::default().without(sample.family);
        assert_eq!(redaction.check(), Ok(()));
        let others = redaction.find(&sample.text);
        assert!(
            others.iter().all(|it| it.family != sample.family),
            "{sample:?}"
        );
    }
}

#[test]
fn what_only_looks_like_a_secret_stays() {
    let redaction = Redaction::default();
    for text in NEAR_MISSES {
        assert_eq!(redaction.text(text), *text);
        assert!(matches!(redaction.text(text), Cow::Borrowed(_)));
    }
}

const NEAR_MISSES: &[&str] = &[
    "",
    "550e8400-e29b-41d4-a716-446655440000",
    "commit 2f3c9b1a7d4e5f60718293a4b5c6d7e8f9012345",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "integrity sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==",
    "checksum = \"c982642fa9e8606056828ee9a8505737230110bb1099153c79efe865c59d12ba\"",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "pip install sk-learn-contrib-extras-for-everybody",
    "from sk_live_models_are_fun import something_long_enough_here",
    "the_ghp_prefix_is_described_in_the_documentation",
    "let token = self.tokens.next_token().unwrap_or_default();",
    "fn token(&self) -> Option<String> { self.token: String }",
    "password = getpass.getpass(\"Password: \")",
    "password: str | None = None",
    "def login(username: str, password: str) -> bool:",
    "authenticate(username=username, password=password)",
    "PWD=/home/ada/projects/checkpoint",
    "export GITHUB_TOKEN=$GITHUB_TOKEN",
    "api_key: \"${OPENAI_API_KEY}\"",
    "API_KEY=<your key here>",
    "password=\"password\"",
    "\"token\": \"identifier\", \"kind\": \"keyword\"",
    "\"next_page_token\": \"CiAKGjBpNDd2Nmp2Zml2cXRwYjBpOXA\"",
    "\"max_tokens\": 4096, \"total_tokens\": 128000",
    "secretName: my-k8s-secret",
    "Authorization: Bearer {token}",
    "headers = {'Authorization': f'Bearer {self.token}'}",
    "https://user@example.com/path and git@github.com:owner/repo.git",
    "postgres://app:${PASSWORD}@db/app",
    "https://example.com/search?key=value&sort=asc",
    "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBa\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n-----END PUBLIC KEY-----",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ada@host",
    "eyJhbGciOiJIUzI1NiJ9 is only a header",
    "AKIAIOSFODNN7 is too short, MAKIAIOSFODNN7EXAMPLEX is in a word",
    "cookie: the biscuit = a cookie",
    "key-value-store-with-a-long-name-in-kebab-case",
    "API-REFERENCE-FOR-THE-PUBLIC-ENDPOINTS",
    "SKILLS_AND_EXPERIENCE_SECTION_HEADER",
    "[redacted:github-token] and password=[redacted:password]",
    "checkpoint_token_counter_is_a_function_name_2",
    "test_password_reset_token_expires_after_24_hours",
    "call_0123456789abcdef0123456789abcdef toolu_01A09q90qw90lq917835lq9 rs_68a1b2c3d4e5f6",
];

#[test]
fn literals_patterns_and_what_is_allowed_are_the_hosts() {
    let redaction = Redaction::default()
        .with_literal("db", "tr0ub4dor&3")
        .with_literal("short", "abc")
        .with_pattern(Pattern::new("acme-key", "acme_", 20))
        .allow("ghp_0123456789abcdefghij0123456789abcdef");
    assert_eq!(redaction.check(), Ok(()));
    assert_eq!(
        redaction.text("abc xtr0ub4dor&3x ghp_0123456789abcdefghij0123456789abcdef"),
        "abc x[redacted:db]x ghp_0123456789abcdefghij0123456789abcdef"
    );
    let printed = format!("{redaction:?}");
    assert!(!printed.contains("tr0ub"), "{printed}");
    let json = serde_json::to_string(&redaction).unwrap();
    assert!(!json.contains("tr0ub"), "{json}");
    let wrong = |redaction: Redaction| redaction.check().unwrap_err();
    assert!(wrong(Redaction::default().without("jtw")).contains("families"));
    assert!(wrong(Redaction::default().with_literal("A b", "x")).contains("names"));
    assert!(wrong(Redaction::default().with_pattern(Pattern::new("a", "a", 3))).contains("prefix"));
}

#[test]
fn hostile_texts_take_time_in_proportion_to_their_length() {
    // Each would take minutes if it were quadratic.
    let redaction = Redaction::default().with_literal("a", "a".repeat(64));
    for piece in [
        "sk-",
        "password=",
        "eyJ.",
        "-----BEGIN PRIVATE KEY-----",
        "a",
        "://a:",
        "\"password\":\"",
        "_",
        "M.",
        "Bearer ",
        "Cookie: a",
        "token: ",
        "SG.",
        "ghs_.",
        "\\",
        "key=",
        "PuTTY-User-Key-File-",
        "Authorization: ",
    ] {
        let text = piece.repeat(100_000 / piece.len());
        let masked = redaction.text(&text);
        assert_eq!(redaction.text(&masked), masked, "{piece}");
    }
}

#[test]
fn everything_but_the_secrets_is_kept() {
    let redaction = Redaction::default();
    let mut draw = Draw(11);
    let all = samples::all(5);
    for _ in 0..200 {
        let (mut text, mut expected) = (String::new(), String::new());
        for _ in 0..6 {
            let sample = &all[draw.below(all.len())];
            let word = ["über ", "{\n", "x = 1\n", "🦀 ", "\t\"a\" "][draw.below(5)];
            text += word;
            expected += word;
            text += &sample.text;
            let mask = format!("[redacted:{}]", sample.family);
            expected += &sample.text.replace(&sample.secret, &mask);
            text += "\n";
            expected += "\n";
        }
        assert_eq!(redaction.text(&text), expected);
    }
}
