//! Failures as the vendors send them, and what each of them means.
//!
//! Bodies follow the shapes that the vendors document ("Errors" and "Rate limits" pages of Anthropic,
//! OpenAI and Groq; Ollama's `server/routes.go` and `server/sched.go`; vLLM's `entrypoints/openai`;
//! llama.cpp's `tools/server`).

use std::time::Duration;

use agent_primitives::{FailureKind as Kind, Scope, Timestamp};
use agent_resilience::classify::{self, Evidence, LimitedResource, Remedy, Vendor, When};
use http::{HeaderMap, HeaderName, HeaderValue};

use Vendor::{Anthropic, Groq, Ollama, OpenAi, OpenAiCompatible};

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect()
}

fn anthropic(kind: &str, message: &str) -> String {
    serde_json::json!({
        "type": "error",
        "error": {"type": kind, "message": message},
        "request_id": "req_011",
    })
    .to_string()
}

fn openai(kind: &str, code: &str, message: &str) -> String {
    serde_json::json!({
        "error": {"message": message, "type": kind, "param": null, "code": code},
    })
    .to_string()
}

#[test]
fn each_failure_gets_its_kind() {
    let cases: Vec<(Vendor, u16, String, Kind)> = vec![
        (Anthropic, 400, anthropic("invalid_request_error", "messages: field required"), Kind::InvalidRequest),
        (Anthropic, 400, anthropic("invalid_request_error", "prompt is too long: 215000 tokens > 200000 maximum"), Kind::ContextTooLong),
        (Anthropic, 400, anthropic("invalid_request_error", "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length or `max_tokens` and try again"), Kind::ContextTooLong),
        (Anthropic, 400, anthropic("invalid_request_error", "Your credit balance is too low to access the Anthropic API."), Kind::QuotaExhausted),
        (Anthropic, 400, anthropic("invalid_request_error", "You have reached your specified workspace API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."), Kind::QuotaExhausted),
        (Anthropic, 401, anthropic("authentication_error", "invalid x-api-key"), Kind::Auth),
        (Anthropic, 402, anthropic("billing_error", "billing"), Kind::QuotaExhausted),
        (Anthropic, 403, anthropic("permission_error", "Your API key does not have permission"), Kind::Permission),
        (Anthropic, 404, anthropic("not_found_error", "model: claude-9"), Kind::NotFound),
        (Anthropic, 409, anthropic("conflict_error", "conflict"), Kind::Server),
        (Anthropic, 413, anthropic("request_too_large", "Request exceeds the maximum size"), Kind::PayloadTooLarge),
        (Anthropic, 413, "<html><head><title>413 Request Entity Too Large</title></head></html>".into(), Kind::PayloadTooLarge),
        (Anthropic, 429, anthropic("rate_limit_error", "Number of request tokens has exceeded your per-minute rate limit"), Kind::RateLimited),
        (Anthropic, 429, anthropic("rate_limit_error", "Extra usage is required for long context requests."), Kind::Permission),
        (Anthropic, 429, r#"{"type":"error","error":{"type":"rate_limit_error","message":"Spend limit","details":{"error_code":"enforced_spend_limit_reached"}}}"#.into(), Kind::QuotaExhausted),
        (Anthropic, 500, anthropic("api_error", "Internal server error"), Kind::Server),
        (Anthropic, 504, anthropic("timeout_error", "timed out"), Kind::Timeout),
        (Anthropic, 529, anthropic("overloaded_error", "Overloaded"), Kind::Overloaded),
        (Anthropic, 529, String::new(), Kind::Overloaded),
        (Anthropic, 502, "<html><h1>502 Bad Gateway</h1></html>".into(), Kind::Server),
        (OpenAi, 400, openai("invalid_request_error", "context_length_exceeded", "This model's maximum context length is 8192 tokens. However, your messages resulted in 10244 tokens."), Kind::ContextTooLong),
        (OpenAi, 400, openai("invalid_request_error", "string_above_max_length", "string too long"), Kind::PayloadTooLarge),
        (OpenAi, 400, openai("invalid_request_error", "content_policy_violation", "rejected"), Kind::ContentPolicy),
        (OpenAi, 400, openai("invalid_request_error", "unsupported_value", "no such value"), Kind::InvalidRequest),
        (OpenAi, 401, openai("invalid_request_error", "invalid_api_key", "Incorrect API key provided"), Kind::Auth),
        (OpenAi, 401, openai("invalid_request_error", "other", "no"), Kind::Auth),
        (OpenAi, 403, openai("request_forbidden", "unsupported_country_region_territory", "Country not supported"), Kind::Permission),
        (OpenAi, 404, openai("invalid_request_error", "model_not_found", "The model does not exist"), Kind::NotFound),
        (OpenAi, 429, openai("requests", "rate_limit_exceeded", "Rate limit reached for gpt-5 in organization org-x on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s."), Kind::RateLimited),
        (OpenAi, 429, openai("tokens", "rate_limit_exceeded", "Request too large for gpt-5 in organization org-x on tokens per min (TPM): Limit 30000, Requested 40210."), Kind::ContextTooLong),
        (OpenAi, 429, openai("insufficient_quota", "insufficient_quota", "You exceeded your current quota, please check your plan and billing details."), Kind::QuotaExhausted),
        (OpenAi, 429, openai("insufficient_quota", "credit_balance_exhausted", "rate limit"), Kind::QuotaExhausted),
        (OpenAi, 429, openai("x", "organization_spend_limit_exceeded", "rate limit"), Kind::QuotaExhausted),
        (OpenAi, 429, openai("x", "project_spend_limit_exceeded", "rate limit"), Kind::QuotaExhausted),
        (OpenAi, 429, openai("rate_limit_error", "slow_down", "Slow down"), Kind::Overloaded),
        (OpenAi, 429, r#"{"error":"You exceeded your current quota"}"#.into(), Kind::QuotaExhausted),
        (OpenAi, 429, "Too Many Requests".into(), Kind::RateLimited),
        (OpenAi, 500, openai("server_error", "internal_error", "The server had an error"), Kind::Server),
        (OpenAi, 503, openai("server_error", "server_is_overloaded", "overloaded"), Kind::Overloaded),
        (OpenAi, 503, String::new(), Kind::Overloaded),
        (Groq, 413, openai("tokens", "rate_limit_exceeded", "Request too large for model `llama` in organization `org` service tier `on_demand` on tokens per minute (TPM): Limit 6000, Requested 9345, please reduce your message size and try again."), Kind::ContextTooLong),
        (Groq, 413, String::new(), Kind::ContextTooLong),
        (Groq, 429, openai("tokens", "rate_limit_exceeded", "Rate limit reached for model `llama` on tokens per minute (TPM): Limit 6000, Used 5800, Requested 900. Please try again in 7.66s."), Kind::RateLimited),
        (Groq, 498, openai("", "capacity_exceeded", "flex tier capacity exceeded"), Kind::Overloaded),
        (Groq, 498, String::new(), Kind::Overloaded),
        (Groq, 422, openai("invalid_request_error", "", "semantic error"), Kind::InvalidRequest),
        (Groq, 424, String::new(), Kind::Server),
        (Groq, 499, String::new(), Kind::Cancelled),
        (Ollama, 404, r#"{"error":"model 'llama9' not found, try pulling it first"}"#.into(), Kind::NotFound),
        (Ollama, 503, r#"{"error":"server busy, please try again.  maximum pending requests exceeded"}"#.into(), Kind::Overloaded),
        (Ollama, 400, r#"{"error":"the input length exceeds the context length"}"#.into(), Kind::ContextTooLong),
        (Ollama, 400, r#"{"error":"invalid options"}"#.into(), Kind::InvalidRequest),
        (Ollama, 401, r#"{"error":"unauthorized","signin_url":"https://example.com"}"#.into(), Kind::Auth),
        (Ollama, 402, r#"{"error":"upgrade"}"#.into(), Kind::QuotaExhausted),
        (Ollama, 500, r#"{"error":"llama runner process has terminated"}"#.into(), Kind::Server),
        (OpenAiCompatible, 400, r#"{"error":{"message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (3000 in the messages, 2000 in the completion).","type":"BadRequestError","param":null,"code":400}}"#.into(), Kind::ContextTooLong),
        (OpenAiCompatible, 400, r#"{"object":"error","message":"bad","type":"BadRequestError","param":null,"code":400}"#.into(), Kind::InvalidRequest),
        (OpenAiCompatible, 400, r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_prompt_tokens":5000,"n_ctx":4096}}"#.into(), Kind::ContextTooLong),
        (OpenAiCompatible, 503, r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#.into(), Kind::Overloaded),
        (OpenAiCompatible, 418, String::new(), Kind::InvalidRequest),
        (OpenAiCompatible, 599, String::new(), Kind::Server),
        (OpenAiCompatible, 302, String::new(), Kind::Unknown),
    ];
    for (vendor, status, body, expected) in &cases {
        let verdict = classify::http(*vendor, *status, &HeaderMap::new(), body.as_bytes());
        assert_eq!(verdict.kind, *expected, "{vendor:?} {status} {body}");
    }
    // The same bodies inside a list, and as a text inside the JSON, mean the same.
    for (vendor, status, body, expected) in cases.iter().filter(|case| case.2.starts_with('{')) {
        for wrapped in [
            format!("[{body}]"),
            serde_json::json!({ "error": body }).to_string(),
        ] {
            let verdict = classify::http(*vendor, *status, &HeaderMap::new(), wrapped.as_bytes());
            assert_eq!(verdict.kind, *expected, "{vendor:?} {status} {wrapped}");
        }
    }
}

/// Messages quote the request: a tool named after billing, an option named timeout.
#[test]
fn words_from_the_request_do_not_change_what_an_error_is() {
    let ollama = |text: &str| serde_json::json!({ "error": text }).to_string();
    for (vendor, status, body) in [
        (
            OpenAi,
            400,
            openai(
                "invalid_request_error",
                "",
                "Invalid schema for function 'get_billing_summary'",
            ),
        ),
        (
            OpenAi,
            400,
            openai(
                "invalid_request_error",
                "",
                "tool 'insufficient_quota' overloaded: rate limit",
            ),
        ),
        (
            Anthropic,
            400,
            anthropic(
                "invalid_request_error",
                "Tool 'check plan and billing' not found in provided tools",
            ),
        ),
        (
            Anthropic,
            400,
            anthropic(
                "invalid_request_error",
                "messages.3: the text 'prompt is too long' is not allowed",
            ),
        ),
        (Ollama, 400, ollama("invalid option provided: timeout")),
        (
            Ollama,
            400,
            ollama("tool 'check rate limit' has an invalid schema"),
        ),
        (
            OpenAiCompatible,
            400,
            r#"{"message":"tool_call_id call_1 does not exist"}"#.to_owned(),
        ),
    ] {
        let verdict = classify::http(vendor, status, &HeaderMap::new(), body.as_bytes());
        assert_eq!(verdict.kind, Kind::InvalidRequest, "{body}");
        assert_eq!(verdict.remedy(), Remedy::Stop, "{body}");
    }
    let page = r#"<html><a href="/billing">Billing: insufficient quota</a></html>"#;
    let verdict = classify::http(OpenAi, 502, &HeaderMap::new(), page.as_bytes());
    assert_eq!(verdict.kind, Kind::Server);
}

#[test]
fn money_and_plans_are_told_from_rate_limits_under_any_status() {
    for (vendor, status, body) in [
        (
            OpenAiCompatible,
            429,
            r#"{"error":{"code":"1113","message":"Insufficient balance or no resource package. Please recharge."}}"#,
        ),
        (
            OpenAiCompatible,
            429,
            r#"{"error":"Your team has used all available credits or reached its monthly spending limit."}"#,
        ),
        (
            Ollama,
            429,
            r#"{"error":"you have reached your weekly usage limit, upgrade to continue"}"#,
        ),
        (
            OpenAi,
            429,
            r#"{"error":{"type":"usage_limit_reached","message":"The usage limit has been reached"}}"#,
        ),
        (
            OpenAiCompatible,
            503,
            r#"{"error":"upstream said insufficient_quota"}"#,
        ),
        (
            OpenAiCompatible,
            200,
            r#"{"error":{"code":402,"message":"This request requires more credits"}}"#,
        ),
    ] {
        let verdict = classify::http(vendor, status, &HeaderMap::new(), body.as_bytes());
        assert_eq!(verdict.kind, Kind::QuotaExhausted, "{body}");
    }
    let plain = openai(
        "requests",
        "",
        "Rate limit reached. Please try again in 20s. Visit https://example.com/account/billing to add a payment method.",
    );
    let verdict = classify::http(OpenAi, 429, &HeaderMap::new(), plain.as_bytes());
    assert_eq!(
        verdict.remedy(),
        Remedy::Wait(When::In(Duration::from_secs(20)))
    );
}

#[test]
fn one_request_over_the_whole_limit_is_never_waited_for() {
    let message = "Rate limit reached for gpt-5 in organization org-x on tokens per min (TPM): Limit 10000, Used 0, Requested 40210. Please try again in 3s.";
    for body in [
        openai("tokens", "rate_limit_exceeded", message),
        openai("tokens", "", message),
    ] {
        let verdict = classify::http(OpenAi, 429, &HeaderMap::new(), body.as_bytes());
        assert_eq!(
            verdict.remedy(),
            Remedy::ShrinkContext(Some(10_000)),
            "{body}"
        );
    }
    let body = openai("tokens", "rate_limit_exceeded", "too large");
    let verdict = classify::http(OpenAiCompatible, 413, &HeaderMap::new(), body.as_bytes());
    assert_eq!(verdict.kind, Kind::ContextTooLong);
}

#[test]
fn what_waiting_cannot_cure_is_never_waited_for_whatever_the_headers_say() {
    let hinted = headers(&[("retry-after", "1"), ("x-should-retry", "true")]);
    for (vendor, status, body) in [
        (
            OpenAi,
            429,
            openai(
                "insufficient_quota",
                "insufficient_quota",
                "rate limit, try again in 1s",
            ),
        ),
        (
            Anthropic,
            401,
            anthropic("authentication_error", "rate limit"),
        ),
        (
            Groq,
            413,
            openai(
                "tokens",
                "rate_limit_exceeded",
                "Limit 6000, Requested 9345",
            ),
        ),
        (
            OpenAi,
            400,
            openai(
                "invalid_request_error",
                "content_policy_violation",
                "overloaded",
            ),
        ),
    ] {
        let verdict = classify::http(vendor, status, &hinted, body.as_bytes());
        assert!(
            !matches!(verdict.remedy(), Remedy::Wait(_) | Remedy::BackOff),
            "{body}: {verdict:?}"
        );
    }
}

#[test]
fn the_most_exact_hint_wins() {
    let body = openai("requests", "rate_limit_exceeded", "Please try again in 9s.");
    let wait = |pairs: &[(&'static str, &'static str)]| {
        classify::http(OpenAi, 429, &headers(pairs), body.as_bytes()).retry_after
    };
    let ms = |millis| Some(When::In(Duration::from_millis(millis)));
    let all = [
        ("retry-after-ms", "1500"),
        ("x-ms-retry-after-ms", "2500"),
        ("retry-after", "4"),
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "6m0s"),
    ];
    assert_eq!(wait(&all), ms(1_500));
    assert_eq!(wait(&all[1..]), ms(2_500));
    assert_eq!(wait(&all[2..]), ms(4_000));
    assert_eq!(wait(&all[3..]), ms(360_000));
    assert_eq!(
        wait(&all[4..]),
        ms(9_000),
        "a reset of a limit that is not used up is no hint"
    );
    assert_eq!(wait(&[("retry-after", "soon")]), ms(9_000));
}

#[test]
fn retry_after_is_read_in_all_its_forms() {
    let wait = |value: &'static str| {
        let headers = headers(&[("retry-after", value)]);
        classify::http(Anthropic, 429, &headers, b"").retry_after
    };
    assert_eq!(wait("20"), Some(When::In(Duration::from_secs(20))));
    assert_eq!(wait("0.5"), Some(When::In(Duration::from_millis(500))));
    let date = Some(When::At(Timestamp::from_unix_seconds(784_111_777)));
    assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT"), date);
    assert_eq!(wait("-3"), None);
}

#[test]
fn limits_are_read_from_anthropics_headers() {
    let headers = headers(&[
        ("anthropic-ratelimit-requests-limit", "50"),
        ("anthropic-ratelimit-requests-remaining", "0"),
        ("anthropic-ratelimit-requests-reset", "2026-01-01T00:00:00Z"),
        ("anthropic-ratelimit-input-tokens-limit", "30000"),
        ("anthropic-ratelimit-input-tokens-remaining", "many"),
    ]);
    let verdict = classify::http(Anthropic, 429, &headers, b"");
    let reset = When::At(Timestamp::from_unix_seconds(1_767_225_600));
    let requests = verdict.limits.tightest(LimitedResource::Requests).unwrap();
    assert_eq!(
        (requests.limit, requests.remaining, requests.reset),
        (Some(50), Some(0), Some(reset))
    );
    assert_eq!(
        verdict.retry_after,
        Some(reset),
        "the used-up limit says when"
    );
    let input = verdict
        .limits
        .tightest(LimitedResource::InputTokens)
        .unwrap();
    assert_eq!((input.limit, input.remaining), (Some(30_000), None));
    assert_eq!(verdict.limits.tightest(LimitedResource::Tokens), None);
}

#[test]
fn groq_counts_requests_by_the_day_and_tokens_by_the_minute() {
    let headers = headers(&[
        ("x-ratelimit-limit-requests", "14400"),
        ("x-ratelimit-remaining-requests", "14370"),
        ("x-ratelimit-reset-requests", "2m59.56s"),
        ("x-ratelimit-limit-tokens", "18000"),
        ("x-ratelimit-reset-tokens", "7.66s"),
    ]);
    let limits = classify::headers(Groq, &headers, Timestamp::UNIX_EPOCH);
    let period = |resource| limits.tightest(resource).unwrap().period;
    assert_eq!(
        period(LimitedResource::Requests),
        Some(Duration::from_secs(86_400))
    );
    assert_eq!(
        period(LimitedResource::Tokens),
        Some(Duration::from_secs(60))
    );
    assert!(classify::headers(Ollama, &headers, Timestamp::UNIX_EPOCH).is_unknown());
}

#[test]
fn a_context_error_says_how_to_mend_the_request() {
    let remedy = |message: &str| {
        let body = anthropic("invalid_request_error", message);
        classify::http(Anthropic, 400, &HeaderMap::new(), body.as_bytes()).remedy()
    };
    assert_eq!(
        remedy("input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000"),
        Remedy::ShrinkOutput(Some(11_760))
    );
    assert_eq!(
        remedy("prompt is too long: 215000 tokens > 200000 maximum"),
        Remedy::ShrinkContext(Some(200_000))
    );
}

#[test]
fn the_scope_is_how_far_the_failure_reaches() {
    let scope = |vendor, status, body: String| {
        classify::http(vendor, status, &HeaderMap::new(), body.as_bytes()).scope
    };
    assert_eq!(
        scope(Anthropic, 401, anthropic("authentication_error", "")),
        Scope::Key
    );
    assert_eq!(
        scope(Anthropic, 529, anthropic("overloaded_error", "")),
        Scope::Model
    );
    assert_eq!(
        scope(OpenAi, 429, openai("", "insufficient_quota", "")),
        Scope::Account
    );
    assert_eq!(
        scope(OpenAi, 429, openai("", "project_spend_limit_exceeded", "")),
        Scope::Key
    );
    assert_eq!(
        scope(OpenAi, 400, openai("", "context_length_exceeded", "")),
        Scope::Request
    );
    assert_eq!(scope(OpenAi, 500, String::new()), Scope::Provider);
}

#[test]
fn errors_inside_a_success_are_found_and_answers_are_not_mistaken_for_them() {
    for (vendor, data, expected) in [
        (
            Anthropic,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            Kind::Overloaded,
        ),
        (
            Anthropic,
            r#"{"type":"error","error":{"type":"api_error","message":"x"}}"#,
            Kind::Server,
        ),
        (
            OpenAi,
            r#"{"error":{"message":"The server had an error","type":"server_error","code":null}}"#,
            Kind::Server,
        ),
        (
            OpenAi,
            r#"{"type":"response.failed","response":{"error":{"code":"insufficient_quota","message":"x"}}}"#,
            Kind::QuotaExhausted,
        ),
        (
            Groq,
            r#"{"id":"c","x_groq":{"error":"over_capacity"},"choices":[]}"#,
            Kind::Overloaded,
        ),
        (
            Ollama,
            r#"{"error":"an error was encountered while running the model: unexpected EOF"}"#,
            Kind::StreamCut,
        ),
        (
            OpenAi,
            r#"{"error":{"code":"insufficient_quota"}}"#,
            Kind::QuotaExhausted,
        ),
        (
            OpenAi,
            r#"{"error":{"code":"server_error","message":null}}"#,
            Kind::Server,
        ),
        (
            OpenAiCompatible,
            r#"{"error":{"code":401,"message":"User not found."}}"#,
            Kind::Auth,
        ),
        (
            OpenAiCompatible,
            r#"{"error":{"code":403,"message":"flagged"}}"#,
            Kind::Permission,
        ),
    ] {
        let verdict = classify::stream_event(vendor, data.as_bytes()).unwrap();
        assert_eq!(
            (verdict.kind, verdict.evidence),
            (expected, Evidence::Stream),
            "{data}"
        );
    }
    for (vendor, data) in [
        (
            Anthropic,
            r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"error"}}"#,
        ),
        (
            OpenAi,
            r#"{"choices":[{"delta":{"content":"{\"error\":{\"type\":\"server_error\"}}"}}]}"#,
        ),
        (OpenAi, "[DONE]"),
        (
            OpenAi,
            r#"{"type":"response.created","response":{"id":"r","error":null,"status":"in_progress"}}"#,
        ),
        (OpenAi, r#"{"message":"hi","error":null}"#),
        (OpenAi, r#"{"error":null,"choices":[]}"#),
        (
            Ollama,
            r#"{"message":{"role":"assistant","content":"rate limit"},"done":false}"#,
        ),
        (
            Groq,
            r#"{"choices":[],"x_groq":{"id":"req_1","usage":{"total_tokens":5}}}"#,
        ),
        (Ollama, ""),
    ] {
        assert_eq!(
            classify::stream_event(vendor, data.as_bytes()),
            None,
            "{data}"
        );
    }
}

#[test]
fn evidence_tells_which_signal_decided() {
    let evidence = |status, body: &str| {
        classify::http(OpenAi, status, &HeaderMap::new(), body.as_bytes()).evidence
    };
    assert_eq!(
        evidence(429, &openai("", "insufficient_quota", "")),
        Evidence::Code
    );
    assert_eq!(evidence(429, ""), Evidence::Status);
    assert_eq!(evidence(400, "prompt is too long"), Evidence::Prose);
    assert_eq!(evidence(302, ""), Evidence::Assumed);
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Said(&'static str);

#[test]
fn an_error_that_speaks_of_no_connection_is_not_retried() {
    let transport = |error: std::io::Error| classify::transport(&error).kind;
    assert_eq!(
        transport(std::io::ErrorKind::ConnectionRefused.into()),
        Kind::Network
    );
    assert_eq!(
        classify::transport(&Said("builder error: invalid URL")).kind,
        Kind::Unknown
    );
    assert_eq!(
        classify::transport(&Said("error trying to connect")).kind,
        Kind::Network
    );
    assert_eq!(
        classify::transport(&Said("operation timed out")).kind,
        Kind::Timeout
    );
}

#[test]
fn a_stored_verdict_of_an_earlier_version_is_read() {
    let old = r#"{"kind":"overloaded","scope":"model","evidence":"code"}"#;
    let verdict: classify::Verdict = serde_json::from_str(old).unwrap();
    assert_eq!(verdict.kind, Kind::Overloaded);
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic_and_the_read_part_is_bounded(status: u16, body: Vec<u8>, hint in "\\PC{0,40}") {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_str(&hint) {
            for name in ["retry-after", "retry-after-ms", "x-ratelimit-reset-tokens"] {
                headers.insert(name, value.clone());
            }
        }
        for vendor in [Anthropic, OpenAi, Groq, Ollama, OpenAiCompatible] {
            let verdict = classify::http(vendor, status, &headers, &body);
            if let Some(when) = verdict.retry_after {
                let delay = when.delay(Timestamp::UNIX_EPOCH);
                proptest::prop_assert!(delay <= Duration::from_secs(366 * 86_400));
            }
            let _ = classify::stream_event(vendor, &body);
        }
    }
}
