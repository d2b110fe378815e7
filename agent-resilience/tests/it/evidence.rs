//! Which signal decides, where several speak: codes, details, headers, status and sentences of each
//! vendor against each other.

use agent_primitives::{FailureKind as Kind, Scope, Timestamp};
use agent_resilience::classify::{self, Evidence, Remedy, Vendor, Verdict, When};
use http::{HeaderMap, HeaderName, HeaderValue};

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

fn http(vendor: Vendor, status: u16, body: &str) -> Verdict {
    classify::http(vendor, status, &HeaderMap::new(), body.as_bytes())
}

fn event(vendor: Vendor, data: &str) -> Option<Kind> {
    classify::stream_event(vendor, data.as_bytes()).map(|verdict| verdict.kind)
}

#[test]
fn each_signal_that_decides_is_named() {
    for (vendor, status, body, kind, evidence) in [
        (
            Vendor::Anthropic,
            429,
            r#"{"error":{"type":"rate_limit_error","details":{"error_code":"enforced_spend_limit_reached"}}}"#,
            Kind::QuotaExhausted,
            Evidence::Details,
        ),
        (
            Vendor::Gemini,
            429,
            r#"{"error":{"status":"RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":"XPerDayPerModel"}]}]}}"#,
            Kind::QuotaExhausted,
            Evidence::Details,
        ),
        (
            Vendor::Gemini,
            503,
            r#"{"error":{"code":503,"status":"UNAVAILABLE"}}"#,
            Kind::Overloaded,
            Evidence::Code,
        ),
        (
            Vendor::Bedrock,
            400,
            r#"{"__type":"a.b#ThrottlingException","message":"Rate exceeded"}"#,
            Kind::RateLimited,
            Evidence::Code,
        ),
        (
            Vendor::Bedrock,
            429,
            r#"{"__type":"ThrottlingException","message":"Too many tokens per day, please wait"}"#,
            Kind::QuotaExhausted,
            Evidence::Prose,
        ),
        (
            Vendor::Mistral,
            429,
            r#"{"object":"error","message":"x","code":3505}"#,
            Kind::Overloaded,
            Evidence::Code,
        ),
        (
            Vendor::OpenRouter,
            403,
            r#"{"error":{"code":403,"metadata":{"reasons":["violence"]}}}"#,
            Kind::ContentPolicy,
            Evidence::Details,
        ),
        (
            Vendor::OpenRouter,
            200,
            r#"{"error":{"code":402,"message":"x"}}"#,
            Kind::QuotaExhausted,
            Evidence::Status,
        ),
        (
            Vendor::Zai,
            435,
            "",
            Kind::PayloadTooLarge,
            Evidence::Status,
        ),
        (
            Vendor::GithubCopilot,
            422,
            "",
            Kind::ContentPolicy,
            Evidence::Status,
        ),
    ] {
        let verdict = http(vendor, status, body);
        assert_eq!((verdict.kind, verdict.evidence), (kind, evidence), "{body}");
    }
}

#[test]
fn a_header_tells_what_the_body_leaves_out() {
    let say = |vendor, pairs, body: &str| {
        let verdict = classify::http(vendor, 429, &headers(pairs), body.as_bytes());
        (verdict.kind, verdict.scope, verdict.evidence)
    };
    let day = &[("x-ratelimit-type", "UserByModelByDay")];
    let quota = (Kind::QuotaExhausted, Scope::Model, Evidence::Header);
    assert_eq!(say(Vendor::GithubModels, day, ""), quota);
    let minute = &[("x-ratelimit-type", "UserByMinute")];
    let limited = (Kind::RateLimited, Scope::Account, Evidence::Header);
    assert_eq!(say(Vendor::GithubModels, minute, ""), limited);
    let full = &[("x-amzn-errortype", "ModelNotReadyException:http://x")];
    let overloaded = (Kind::Overloaded, Scope::Model, Evidence::Header);
    assert_eq!(say(Vendor::Bedrock, full, "{}"), overloaded);
    let quota = &[("x-amzn-errortype", "ServiceQuotaExceededException")];
    let exhausted = (Kind::QuotaExhausted, Scope::Account, Evidence::Header);
    assert_eq!(say(Vendor::Bedrock, quota, "{}"), exhausted);
    let words = &[("x-error-message", "You exceeded your current quota")];
    let said = (Kind::QuotaExhausted, Scope::Account, Evidence::Prose);
    assert_eq!(say(Vendor::OpenAiCompatible, words, ""), said);
}

#[test]
fn a_claim_tells_how_far_a_plans_limit_reaches() {
    let body = r#"{"error":{"type":"rate_limit_error","message":"x"}}"#;
    for (claim, scope) in [
        ("five_hour", Scope::Account),
        ("seven_day", Scope::Account),
        ("seven_day_opus", Scope::Model),
        ("unheard_of", Scope::Model),
    ] {
        let name = "anthropic-ratelimit-unified-representative-claim";
        let headers = headers(&[(name, claim)]);
        let verdict = classify::http(Vendor::Anthropic, 429, &headers, body.as_bytes());
        assert_eq!(verdict.kind, Kind::RateLimited);
        assert_eq!(verdict.scope, scope, "{claim}");
    }
}

#[test]
fn a_text_in_a_final_error_cannot_make_it_one_that_is_retried() {
    let inner = r#"{\"type\":\"overloaded_error\",\"message\":\"busy\"}"#;
    let body = format!(r#"{{"error":{{"type":"x","message":"{inner}"}}}}"#);
    assert_eq!(http(Vendor::Anthropic, 529, &body).kind, Kind::Overloaded);
    for status in [400, 401, 403, 404, 413, 422] {
        let remedy = http(Vendor::Anthropic, status, &body).remedy();
        let again = matches!(remedy, Remedy::Wait(_) | Remedy::BackOff);
        assert!(!again, "{status}: {remedy:?}");
    }
}

#[test]
fn a_quota_code_wins_wherever_it_stands_and_whatever_stands_beside_it() {
    for body in [
        r#"{"error":{"code":"insufficient_quota","type":"rate_limit_error"}}"#,
        r#"{"error":{"code":"rate_limit_exceeded","type":"insufficient_quota"}}"#,
        r#"{"error":{"code":"insufficient_quota","message":"{\"error\":{\"code\":\"slow_down\"}}"}}"#,
        r#"{"error":{"message":"half \ud83d","code":"insufficient_quota"}}"#,
        r#"{"error":"insufficient_quota"}"#,
    ] {
        for vendor in Vendor::ALL {
            for status in [200, 400, 429, 500, 503] {
                let verdict = http(vendor, status, body);
                assert_eq!(
                    verdict.kind,
                    Kind::QuotaExhausted,
                    "{vendor} {status} {body}"
                );
            }
            assert_eq!(event(vendor, body), Some(Kind::QuotaExhausted), "{body}");
        }
    }
}

#[test]
fn a_generic_service_is_read_by_the_words_of_all() {
    for (status, body, kind) in [
        (
            400,
            r#"{"type":"error","error":{"type":"overloaded_error"}}"#,
            Kind::Overloaded,
        ),
        (
            500,
            r#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}"#,
            Kind::RateLimited,
        ),
        (400, r#"{"__type":"ExpiredTokenException"}"#, Kind::Auth),
        (
            500,
            r#"{"error":{"type":"exceed_context_size_error"}}"#,
            Kind::ContextTooLong,
        ),
        (
            429,
            r#"{"error":{"metadata":{"limit_source":"openrouter_free_tier_daily"}}}"#,
            Kind::QuotaExhausted,
        ),
        (
            413,
            r#"{"error":{"code":"tokens_limit_reached"}}"#,
            Kind::ContextTooLong,
        ),
        (
            400,
            r#"{"error":{"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            Kind::ContentPolicy,
        ),
    ] {
        assert_eq!(
            http(Vendor::OpenAiCompatible, status, body).kind,
            kind,
            "{body}"
        );
    }
    // Numbers without a meaning of their own mean nothing at another vendor.
    let body = r#"{"error":{"code":"1113","message":"x"}}"#;
    assert_eq!(http(Vendor::Zai, 429, body).kind, Kind::QuotaExhausted);
    assert_eq!(http(Vendor::OpenAi, 429, body).kind, Kind::RateLimited);
}

#[test]
fn a_delay_in_the_details_is_before_a_window_and_the_sentence() {
    let body = r#"{"error":{"status":"RESOURCE_EXHAUSTED","message":"Please retry in 9s.",
        "details":[{"retryDelay":"26.5s"}]}}"#;
    let headers = headers(&[
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "50s"),
    ]);
    let say = |headers: &HeaderMap| {
        let verdict = classify::http(Vendor::OpenAiCompatible, 429, headers, body.as_bytes());
        verdict
            .retry_after
            .map(|when| when.delay(Timestamp::UNIX_EPOCH).as_millis())
    };
    assert_eq!(say(&headers), Some(26_500));
    let mut headers = headers;
    headers.insert("retry-after", HeaderValue::from_static("3"));
    assert_eq!(say(&headers), Some(3_000));
    let plan =
        r#"{"error":{"type":"usage_limit_reached","resets_at":1772180859,"resets_in_seconds":5}}"#;
    let at = Timestamp::from_unix_seconds(1_772_180_859);
    assert_eq!(
        http(Vendor::OpenAi, 429, plan).retry_after,
        Some(When::At(at))
    );
}

#[test]
fn an_answer_that_ended_badly_is_a_failure_and_one_that_ended_well_is_none() {
    for (vendor, data, kind) in [
        (
            Vendor::Gemini,
            r#"{"candidates":[{"finishReason":"STOP"},{"finishReason":"SAFETY"}]}"#,
            None,
        ),
        (
            Vendor::Gemini,
            r#"{"promptFeedback":{"blockReason":"OTHER"}}"#,
            Some(Kind::ContentPolicy),
        ),
        (
            Vendor::Vllm,
            r#"{"choices":[{"stop_reason":"length","finish_reason":"stop"}]}"#,
            None,
        ),
        (
            Vendor::Mistral,
            r#"{"choices":[{"finish_reason":"model_length"}]}"#,
            Some(Kind::ContextTooLong),
        ),
        (
            Vendor::OpenRouter,
            r#"{"choices":[{"finish_reason":"error"}]}"#,
            Some(Kind::Server),
        ),
        (
            Vendor::OpenRouter,
            r#"{"choices":[{"error":{"code":429},"finish_reason":"error"}]}"#,
            Some(Kind::RateLimited),
        ),
        (
            Vendor::Cohere,
            r#"{"type":"message-end","delta":{"finish_reason":"MAX_TOKENS"}}"#,
            Some(Kind::OutputLimit),
        ),
        (
            Vendor::Bedrock,
            r#"{"modelStreamErrorException":{"originalStatusCode":424}}"#,
            Some(Kind::Server),
        ),
        (
            Vendor::Anthropic,
            r#"{"type":"message_delta","delta":{"stop_reason":"pause_turn"}}"#,
            None,
        ),
        (
            Vendor::Ollama,
            r#"{"done":true,"done_reason":"unload"}"#,
            None,
        ),
    ] {
        assert_eq!(event(vendor, data), kind, "{data}");
    }
}

#[test]
fn a_wait_of_a_day_is_a_quota_at_azure_alone() {
    let body = r#"{"error":{"code":"429","message":"have exceeded token rate limit. Please retry after 86400 seconds."}}"#;
    let verdict = http(Vendor::AzureOpenAi, 429, body);
    assert_eq!(verdict.remedy(), Remedy::SwitchProvider);
    assert_eq!(http(Vendor::OpenAi, 429, body).kind, Kind::RateLimited);
    let shorter = body.replace("86400", "86399");
    assert_eq!(
        http(Vendor::AzureOpenAi, 429, &shorter).kind,
        Kind::RateLimited
    );
    let day = headers(&[("retry-after", "86400")]);
    let verdict = classify::http(Vendor::AzureOpenAi, 429, &day, b"");
    assert_eq!(verdict.kind, Kind::QuotaExhausted);
}
