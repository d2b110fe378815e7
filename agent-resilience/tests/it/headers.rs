//! The rate-limit headers of each vendor, as its documentation or a recorded reply shows them.

use std::time::Duration;

use agent_primitives::Timestamp;
use agent_resilience::classify::{
    self, LimitSnapshot, LimitWindow, LimitedResource as Of, Vendor, When,
};
use http::{HeaderMap, HeaderName, HeaderValue};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
/// When the replies arrive: 2025-06-02T15:14:45Z.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_748_877_285);

fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &'static str)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_str(value).expect("a header"),
        )
    };
    pairs.iter().map(pair).collect()
}

fn read(vendor: Vendor, pairs: &[(&'static str, &'static str)]) -> Vec<LimitWindow> {
    let snapshot = classify::headers(vendor, &map(pairs), NOW);
    let mut backwards = pairs.to_vec();
    backwards.reverse();
    assert_eq!(
        snapshot,
        classify::headers(vendor, &map(&backwards), NOW),
        "the order of the headers says nothing"
    );
    snapshot.windows().copied().collect()
}

fn window(resource: Of, period: Option<Duration>) -> LimitWindow {
    let mut window = LimitWindow::new(resource);
    window.period = period;
    window
}

/// A window with limit, what remains and the seconds until it is full again.
fn counted(
    resource: Of,
    period: Option<Duration>,
    limit: u64,
    remaining: u64,
    reset_ms: Option<u64>,
) -> LimitWindow {
    let mut window = window(resource, period);
    window.limit = Some(limit);
    window.remaining = Some(remaining);
    window.reset = reset_ms.map(|ms| When::At(NOW + Duration::from_millis(ms)));
    window
}

fn shared(period: Option<Duration>, permille: Option<u32>, reset_s: Option<u64>) -> LimitWindow {
    let mut window = window(Of::Plan, period);
    window.used_permille = permille;
    window.reset = reset_s.map(|seconds| When::At(NOW + Duration::from_secs(seconds)));
    window
}

#[test]
fn anthropic_limits_a_key_by_requests_and_three_kinds_of_tokens() {
    let windows = read(
        Vendor::Anthropic,
        &[
            ("anthropic-ratelimit-input-tokens-limit", "200000"),
            ("anthropic-ratelimit-input-tokens-remaining", "0"),
            (
                "anthropic-ratelimit-input-tokens-reset",
                "2025-06-02T15:15:48Z",
            ),
            ("anthropic-ratelimit-output-tokens-limit", "80000"),
            ("anthropic-ratelimit-output-tokens-remaining", "80000"),
            (
                "anthropic-ratelimit-output-tokens-reset",
                "2025-06-02T15:14:45Z",
            ),
            ("anthropic-ratelimit-requests-limit", "4000"),
            ("anthropic-ratelimit-requests-remaining", "3999"),
            ("anthropic-ratelimit-tokens-limit", "280000"),
            ("anthropic-ratelimit-tokens-remaining", "80000"),
            ("anthropic-priority-input-tokens-limit", "10000"),
            ("anthropic-priority-input-tokens-remaining", "9618"),
            ("retry-after", "16"),
        ],
    );
    let minute = Some(MINUTE);
    assert_eq!(
        windows,
        [
            counted(Of::Requests, minute, 4_000, 3_999, None),
            counted(Of::Tokens, minute, 280_000, 80_000, None),
            counted(Of::InputTokens, minute, 200_000, 0, Some(63_000)),
            counted(Of::OutputTokens, minute, 80_000, 80_000, Some(0)),
            counted(Of::InputTokens, minute, 10_000, 9_618, None),
        ]
    );
}

#[test]
fn anthropic_states_the_share_of_a_subscription_that_is_used() {
    let windows = read(
        Vendor::Anthropic,
        &[
            ("anthropic-ratelimit-unified-status", "rejected"),
            (
                "anthropic-ratelimit-unified-representative-claim",
                "five_hour",
            ),
            ("anthropic-ratelimit-unified-reset", "1748880885"),
            ("anthropic-ratelimit-unified-5h-utilization", "0.998"),
            ("anthropic-ratelimit-unified-7d-utilization", "0.634"),
            (
                "anthropic-ratelimit-unified-7d-reset",
                "2025-06-03T15:14:45Z",
            ),
            ("anthropic-ratelimit-unified-7d_opus-utilization", "1.01"),
            ("anthropic-ratelimit-unified-overage-status", "rejected"),
            ("anthropic-ratelimit-unified-fallback-percentage", "0.5"),
        ],
    );
    assert_eq!(
        windows,
        [
            // Rejected, whatever the rounded share says.
            shared(Some(HOUR * 5), Some(1_000), Some(3_600)),
            shared(Some(DAY * 7), Some(634), Some(86_400)),
            shared(Some(DAY * 7), Some(1_010), None),
        ]
    );
}

#[test]
fn an_account_on_extra_usage_gets_the_window_that_the_claim_names() {
    let only_whole = [
        ("anthropic-ratelimit-unified-status", "rejected"),
        ("anthropic-ratelimit-unified-reset", "1748880885"),
    ];
    let windows = read(Vendor::Anthropic, &only_whole);
    assert_eq!(windows, [shared(None, Some(1_000), Some(3_600))]);
    let claim = (
        "anthropic-ratelimit-unified-representative-claim",
        "seven_day",
    );
    let windows = read(Vendor::Anthropic, &[only_whole[0], only_whole[1], claim]);
    assert_eq!(windows, [shared(Some(DAY * 7), Some(1_000), Some(3_600))]);
    let rejected = [
        ("anthropic-ratelimit-unified-5h-status", "rejected"),
        ("anthropic-ratelimit-unified-5h-utilization", "0.998"),
    ];
    assert_eq!(
        read(Vendor::Anthropic, &rejected),
        [shared(Some(HOUR * 5), Some(1_000), None)]
    );
    let allowed = [("anthropic-ratelimit-unified-5h-status", "allowed")];
    assert_eq!(read(Vendor::Anthropic, &allowed), []);
}

#[test]
fn openai_counts_requests_and_tokens_and_those_of_a_project() {
    let windows = read(
        Vendor::OpenAi,
        &[
            ("x-ratelimit-limit-requests", "60"),
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "6m0s"),
            ("x-ratelimit-limit-tokens", "150000"),
            ("x-ratelimit-remaining-tokens", "149984"),
            ("x-ratelimit-reset-tokens", "12ms"),
            ("x-ratelimit-limit-project-tokens", "10000"),
            ("x-ratelimit-remaining-project-tokens", "9000"),
            ("x-ratelimit-limit-images", "5"),
        ],
    );
    assert_eq!(
        windows,
        [
            counted(Of::Requests, None, 60, 0, Some(360_000)),
            counted(Of::Tokens, None, 150_000, 149_984, Some(12)),
            counted(Of::Tokens, None, 10_000, 9_000, None),
        ]
    );
}

#[test]
fn openai_states_the_share_of_a_subscription_that_is_used() {
    let windows = read(
        Vendor::OpenAi,
        &[
            ("x-codex-primary-used-percent", "12.5"),
            ("x-codex-primary-window-minutes", "300"),
            ("x-codex-primary-reset-after-seconds", "600"),
            ("x-codex-secondary-used-percent", "100"),
            ("x-codex-secondary-window-minutes", "10080"),
            ("x-codex-secondary-reset-at", "1748880885"),
            ("x-codex-plan-type", "plus"),
        ],
    );
    assert_eq!(
        windows,
        [
            shared(Some(HOUR * 5), Some(125), Some(600)),
            shared(Some(DAY * 7), Some(1_000), Some(3_600)),
        ]
    );
}

#[test]
fn azure_and_github_models_say_how_long_a_window_is() {
    let windows = read(
        Vendor::AzureOpenAi,
        &[
            ("x-ratelimit-limit-requests", "9000"),
            ("x-ratelimit-remaining-requests", "8999"),
            ("x-ratelimit-renewalperiod-requests", "10"),
            ("x-ratelimit-reset-requests", "0"),
            ("x-ratelimit-limit-tokens", "1500000"),
            ("x-ratelimit-remaining-tokens", "745399"),
            ("x-ratelimit-renewalperiod-tokens", "60"),
            ("x-ratelimit-reset-tokens", "30"),
        ],
    );
    let ten_seconds = Some(Duration::from_secs(10));
    assert_eq!(
        windows,
        [
            counted(Of::Requests, ten_seconds, 9_000, 8_999, Some(0)),
            counted(Of::Tokens, Some(MINUTE), 1_500_000, 745_399, Some(30_000)),
        ]
    );
}

#[test]
fn github_models_names_the_limit_that_was_met() {
    for (kind, resource, period) in [
        ("UserByModelByMinute", Of::Requests, Some(MINUTE)),
        ("UserByModelByDay", Of::Requests, Some(DAY)),
        ("UserConcurrentRequests", Of::Concurrency, None),
    ] {
        let windows = read(
            Vendor::GithubModels,
            &[
                ("x-ratelimit-type", kind),
                ("x-ratelimit-timeremaining", "46"),
            ],
        );
        let mut expected = window(resource, period);
        expected.remaining = Some(0);
        expected.reset = Some(When::At(NOW + Duration::from_secs(46)));
        assert_eq!(windows, [expected], "{kind}");
    }
    assert_eq!(
        read(Vendor::GithubModels, &[("x-ratelimit-type", "Tokens")]),
        []
    );
}

#[test]
fn groq_counts_requests_by_the_day_and_tokens_by_the_minute() {
    let windows = read(
        Vendor::Groq,
        &[
            ("x-ratelimit-limit-requests", "14400"),
            ("x-ratelimit-remaining-requests", "14370"),
            ("x-ratelimit-reset-requests", "2m59.56s"),
            ("x-ratelimit-limit-tokens", "18000"),
            ("x-ratelimit-remaining-tokens", "17997"),
            ("x-ratelimit-reset-tokens", "7.66s"),
        ],
    );
    assert_eq!(
        windows,
        [
            counted(Of::Requests, Some(DAY), 14_400, 14_370, Some(179_560)),
            counted(Of::Tokens, Some(MINUTE), 18_000, 17_997, Some(7_660)),
        ]
    );
}

#[test]
fn mistrals_minute_ends_with_the_minute_of_the_clock() {
    let windows = read(
        Vendor::Mistral,
        &[
            ("x-ratelimit-limit-req-minute", "30"),
            ("x-ratelimit-remaining-req-minute", "0"),
            ("x-ratelimit-limit-tokens-minute", "500000"),
            ("x-ratelimit-remaining-tokens-minute", "498000"),
            ("x-ratelimit-tokens-query-cost", "1200"),
            ("x-ratelimitbysize-limit-month", "1000000000"),
            ("x-ratelimitbysize-remaining-month", "999000000"),
        ],
    );
    let minute = Some(MINUTE);
    assert_eq!(
        windows,
        [
            // The reply arrives 45 s into its minute.
            counted(Of::Requests, minute, 30, 0, Some(15_000)),
            counted(Of::Tokens, minute, 500_000, 498_000, Some(15_000)),
            counted(Of::Tokens, Some(DAY * 30), 1_000_000_000, 999_000_000, None),
        ]
    );
}

#[test]
fn cerebras_names_the_window_in_the_header() {
    let windows = read(
        Vendor::Cerebras,
        &[
            ("x-ratelimit-limit-requests-day", "14400"),
            ("x-ratelimit-remaining-requests-day", "14399"),
            ("x-ratelimit-reset-requests-day", "33011.382867"),
            ("x-ratelimit-limit-tokens-minute", "60000"),
            ("x-ratelimit-remaining-tokens-minute", "59990"),
            ("x-ratelimit-reset-tokens-minute", "11.382"),
        ],
    );
    let mut requests = counted(Of::Requests, Some(DAY), 14_400, 14_399, None);
    let reset = Duration::from_micros(33_011_382_867);
    requests.reset = Some(When::At(NOW + reset));
    assert_eq!(
        windows,
        [
            requests,
            counted(Of::Tokens, Some(MINUTE), 60_000, 59_990, Some(11_382)),
        ]
    );
}

#[test]
fn openrouter_and_github_state_a_date_since_1970() {
    for reset in ["1748880885000", "1748880885"] {
        let windows = read(
            Vendor::OpenRouter,
            &[
                ("x-ratelimit-limit", "50"),
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", reset),
            ],
        );
        assert_eq!(
            windows,
            [counted(Of::Requests, None, 50, 0, Some(3_600_000))],
            "{reset}"
        );
    }
}

#[test]
fn cohere_counts_down_the_calls_of_a_trial_key() {
    let windows = read(
        Vendor::Cohere,
        &[
            ("x-trial-endpoint-call-limit", "20"),
            ("x-trial-endpoint-call-remaining", "19"),
            ("x-endpoint-monthly-call-limit", "1000"),
        ],
    );
    assert_eq!(windows, [counted(Of::Requests, Some(MINUTE), 20, 19, None)]);
}

#[test]
fn every_version_of_the_ietf_draft_is_read() {
    let any = Vendor::OpenAiCompatible;
    let expected = counted(Of::Requests, None, 100, 0, Some(42_000));
    let three = [
        ("ratelimit-limit", "100, 100;w=60"),
        ("ratelimit-remaining", "0"),
        ("ratelimit-reset", "42"),
    ];
    assert_eq!(read(any, &three), [expected]);
    let one = [("ratelimit", "limit=100, remaining=0, reset=42")];
    assert_eq!(read(any, &one), [expected]);
    let two = [
        (
            "ratelimit-policy",
            r#""burst";q=100;w=60, "daily";q=5000;w=86400;qu="tokens", "bytes";q=9;qu="content-bytes""#,
        ),
        (
            "ratelimit",
            r#""burst";r=0;t=42, "daily";r=70, "bytes";r=1"#,
        ),
    ];
    assert_eq!(
        read(any, &two),
        [
            counted(Of::Requests, Some(MINUTE), 100, 0, Some(42_000)),
            counted(Of::Tokens, Some(DAY), 5_000, 70, None),
        ]
    );
}

#[test]
fn what_cannot_be_read_is_left_out_and_says_nothing_of_the_rest() {
    let windows = read(
        Vendor::OpenAi,
        &[
            ("x-ratelimit-limit-requests", "many"),
            ("x-ratelimit-remaining-requests", "-1"),
            ("x-ratelimit-reset-requests", "soon"),
            ("x-ratelimit-limit-tokens", "99999999999999999999"),
            ("x-ratelimit-remaining-tokens", "7"),
            ("x-codex-primary-used-percent", "NaN"),
            ("anthropic-ratelimit-unified-5h-utilization", "-3"),
            ("ratelimit", "100;w"),
        ],
    );
    let mut tokens = window(Of::Tokens, None);
    tokens.remaining = Some(7);
    assert_eq!(windows, [tokens]);
    let mut headers = HeaderMap::new();
    let not_text = HeaderValue::from_bytes(b"\xff\xfe").unwrap();
    headers.insert("x-ratelimit-reset-requests", not_text);
    assert!(classify::headers(Vendor::OpenAi, &headers, NOW).is_unknown());
}

#[test]
fn more_windows_than_fit_lose_those_that_matter_least() {
    const PERIODS: [&str; 5] = ["second", "minute", "hour", "day", "month"];
    let mut headers = map(&[("anthropic-priority-input-tokens-remaining", "1")]);
    for period in PERIODS {
        for resource in ["requests", "tokens", "input-tokens"] {
            let name = format!("x-ratelimit-remaining-{resource}-{period}");
            headers.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), 1.into());
        }
    }
    let snapshot = classify::headers(Vendor::OpenAiCompatible, &headers, NOW);
    let resources: Vec<_> = snapshot.windows().map(|window| window.resource).collect();
    assert_eq!(resources.len(), LimitSnapshot::CAPACITY);
    assert!(resources.iter().take(5).all(|of| *of == Of::Requests));
}

#[test]
fn ollama_sends_no_limits_of_its_own() {
    let headers = [("x-ratelimit-remaining-requests", "0")];
    assert_eq!(read(Vendor::Ollama, &headers), []);
}
