//! When a provider wants to be asked again: which of its hints counts, and how it is read.

use std::time::Duration;

use agent_primitives::{FailureKind as Kind, Timestamp};
use agent_resilience::classify::{self, Remedy, Vendor, When};
use http::{HeaderMap, HeaderName, HeaderValue};

fn hint(vendor: Vendor, pairs: &[(&'static str, &str)], message: &str) -> Option<When> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header");
        headers.insert(HeaderName::from_static(name), value);
    }
    let body = serde_json::json!({"error": {
        "type": "rate_limit_error", "code": "rate_limit_exceeded", "message": message,
    }});
    let verdict = classify::http(vendor, 429, &headers, body.to_string().as_bytes());
    assert_eq!(verdict.kind, Kind::RateLimited, "{message}");
    let remedy = verdict.retry_after.map_or(Remedy::BackOff, Remedy::Wait);
    assert_eq!(verdict.remedy(), remedy);
    verdict.retry_after
}

#[expect(clippy::unnecessary_wraps, reason = "compared with what is read")]
fn millis(millis: u64) -> Option<When> {
    Some(When::In(Duration::from_millis(millis)))
}

/// From the most exact to the least, each with a wait of its own.
const IN_ORDER: [(&str, &str, u64); 5] = [
    ("retry-after-ms", "1001", 1_001),
    ("x-ms-retry-after-ms", "2002", 2_002),
    ("retry-after", "3", 3_000),
    ("x-amz-retry-after", "4004", 4_004),
    ("x-ratelimit-reset-requests", "5s", 5_000),
];
const SENTENCE: &str = "Slow down. Please try again in 6s.";
const USED_UP: (&str, &str) = ("x-ratelimit-remaining-requests", "0");

#[test]
fn the_most_exact_hint_counts() {
    for first in 0..IN_ORDER.len() {
        let (_, _, expected) = IN_ORDER[first];
        let mut pairs = vec![USED_UP];
        pairs.extend(
            IN_ORDER[first..]
                .iter()
                .map(|(name, value, _)| (*name, *value)),
        );
        assert_eq!(
            hint(Vendor::OpenAi, &pairs, SENTENCE),
            millis(expected),
            "{pairs:?}"
        );
    }
    assert_eq!(hint(Vendor::OpenAi, &[USED_UP], SENTENCE), millis(6_000));
    assert_eq!(hint(Vendor::OpenAi, &[USED_UP], "Slow down."), None);
}

#[test]
fn a_hint_that_cannot_be_read_gives_way_to_the_next() {
    for nonsense in ["-1", "NaN", "inf", "soon", "", "1e3", "5 apples", "0x10"] {
        let mut pairs = vec![USED_UP];
        for (at, (name, _, _)) in IN_ORDER.iter().enumerate() {
            pairs.push((name, nonsense));
            let Some((next, value, expected)) = IN_ORDER.get(at + 1) else {
                break;
            };
            let mut pairs = pairs.clone();
            pairs.push((next, value));
            assert_eq!(
                hint(Vendor::OpenAi, &pairs, SENTENCE),
                millis(*expected),
                "{pairs:?}"
            );
        }
        assert_eq!(
            hint(Vendor::OpenAi, &pairs, SENTENCE),
            millis(6_000),
            "{nonsense:?}"
        );
    }
}

#[test]
fn a_window_counts_only_when_nothing_is_left_of_it() {
    let pairs = [
        ("x-ratelimit-remaining-requests", "1"),
        ("x-ratelimit-reset-requests", "5s"),
    ];
    assert_eq!(hint(Vendor::OpenAi, &pairs, SENTENCE), millis(6_000));
    // Of several, the one that is last free again.
    let pairs = [
        USED_UP,
        ("x-ratelimit-reset-requests", "5s"),
        ("x-ratelimit-remaining-tokens", "0"),
        ("x-ratelimit-reset-tokens", "7s"),
    ];
    assert_eq!(hint(Vendor::OpenAi, &pairs, ""), millis(7_000));
}

#[test]
fn a_value_is_read_by_its_bytes() {
    let pairs = [USED_UP, ("x-ratelimit-reset-requests", "250µs")];
    let micros = Some(When::In(Duration::from_micros(250)));
    assert_eq!(hint(Vendor::OpenAi, &pairs, ""), micros);
    assert_eq!(
        hint(Vendor::OpenAi, &[("retry-after", "250µs")], ""),
        micros
    );
    let mut headers = HeaderMap::new();
    let latin = HeaderValue::from_bytes(b"250\xb5s").unwrap();
    headers.insert("retry-after", latin);
    assert_eq!(
        classify::http(Vendor::OpenAi, 429, &headers, b"").retry_after,
        None
    );
}

#[test]
fn a_long_hint_is_kept_as_it_is_and_an_endless_one_is_a_year_and_a_day() {
    for (text, seconds) in [
        // A subscription's window of five hours, and GitHub Copilot's of a day.
        ("13262", 13_262),
        ("86400", 86_400),
        ("99999999999999999999", 366 * 86_400),
    ] {
        assert_eq!(
            hint(Vendor::Anthropic, &[("retry-after", text)], ""),
            millis(seconds * 1_000)
        );
    }
    let huge = [("retry-after-ms", "99999999999999999999")];
    assert_eq!(
        hint(Vendor::OpenAi, &huge, ""),
        millis(366 * 86_400 * 1_000)
    );
}

#[test]
fn a_date_that_is_over_is_no_wait_and_zero_is_one_of_zero() {
    let now = Timestamp::from_unix_seconds(1_748_877_285);
    let date = hint(
        Vendor::OpenAi,
        &[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")],
        "",
    );
    assert_eq!(date.unwrap().delay(now), Duration::ZERO);
    // GitHub Models says so of a limit of requests at the same time.
    let zero = [
        ("retry-after", "0"),
        ("x-ratelimit-type", "UserConcurrentRequests"),
    ];
    assert_eq!(hint(Vendor::GithubModels, &zero, SENTENCE), millis(0));
}

#[test]
fn what_the_client_should_do_is_not_taken_from_a_header() {
    for value in ["true", "false"] {
        let pairs = [("x-should-retry", value)];
        assert_eq!(hint(Vendor::Cerebras, &pairs, ""), None, "{value}");
    }
}

#[test]
fn the_limit_that_github_models_names_is_a_hint() {
    let pairs = [
        ("x-ratelimit-type", "UserByModelByMinute"),
        ("x-ratelimit-timeremaining", "46"),
    ];
    assert_eq!(hint(Vendor::GithubModels, &pairs, ""), millis(46_000));
}

#[test]
fn a_subscription_that_is_used_up_is_free_again_at_its_reset() {
    let pairs = [
        ("anthropic-ratelimit-unified-status", "rejected"),
        (
            "anthropic-ratelimit-unified-representative-claim",
            "five_hour",
        ),
        ("anthropic-ratelimit-unified-5h-utilization", "1.01"),
        ("anthropic-ratelimit-unified-5h-reset", "1748880885"),
        ("anthropic-ratelimit-unified-7d-utilization", "0.30"),
        ("anthropic-ratelimit-unified-7d-reset", "1749000000"),
    ];
    let at = Some(When::At(Timestamp::from_unix_seconds(1_748_880_885)));
    assert_eq!(hint(Vendor::Anthropic, &pairs, ""), at);
}
