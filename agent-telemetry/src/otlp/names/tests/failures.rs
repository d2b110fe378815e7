//! Words and numbers of failures, reasons to stop, terms.

use super::*;

fn failed(text: &str) -> &'static str {
    let text = format!("gen_ai.operation.name=chat {text}");
    let (_, seen) = span("", &span_of("x", &text));
    calls(&seen)[0].failure.map_or("none", |kind| kind.as_str())
}

#[test]
fn status_tells_the_kind_of_failure() {
    for (status, kind) in [
        (200, "none"),
        (400, "invalid_request"),
        (401, "auth"),
        (402, "quota_exhausted"),
        (403, "permission"),
        (404, "not_found"),
        (408, "timeout"),
        (413, "payload_too_large"),
        (422, "invalid_request"),
        (429, "rate_limited"),
        (499, "cancelled"),
        (500, "server"),
        (503, "overloaded"),
        (504, "timeout"),
        (529, "overloaded"),
        (700, "none"),
    ] {
        assert_eq!(failed(&format!("status_code={status}")), kind);
        assert_eq!(failed(&format!("http.response.status_code={status}")), kind);
        if kind != "none" {
            assert_eq!(failed(&format!("error.type={status}")), kind);
        }
    }
}

#[test]
fn words_tell_the_kind_of_failure_where_no_status_does() {
    for (word, kind) in [
        ("RateLimitError", "rate_limited"),
        ("insufficient_quota", "quota_exhausted"),
        ("overloaded_error", "overloaded"),
        ("context_length_exceeded", "context_too_long"),
        ("request_too_large", "unknown"),
        ("content_filter", "content_policy"),
        ("authentication_error", "auth"),
        ("permission_error", "permission"),
        ("not_found_error", "not_found"),
        ("APITimeoutError", "timeout"),
        ("APIConnectionError", "network"),
        ("ECONNRESET", "network"),
        ("AbortError", "cancelled"),
        ("invalid_request_error", "invalid_request"),
        ("InternalServerError", "server"),
        ("_OTHER", "unknown"),
    ] {
        assert_eq!(failed(&format!("error.type={word}")), kind, "{word}");
        assert_eq!(failed(&format!("error={word}")), kind, "{word}");
    }
    assert_eq!(failed("error=timeout status_code=429"), "rate_limited");
    assert_eq!(failed("success=false"), "unknown");
    assert_eq!(failed("success=true"), "none");
    assert_eq!(failed("error=false"), "none", "no text is no error");
}

#[test]
fn long_message_with_wide_characters_is_looked_at_without_harm() {
    let text = format!("error={}timeout", "ä".repeat(10_000));
    assert_eq!(failed(&text), "unknown");
    let text = format!("error=timeout{}", "ä".repeat(10_000));
    assert_eq!(failed(&text), "timeout");
}

#[test]
fn reason_to_stop_is_one_of_ours() {
    for (told, expected) in [
        ("stop", "stop"),
        ("STOP", "stop"),
        ("end_turn", "stop"),
        ("[\"stop\"]", "stop"),
        ("[\"tool_calls\",\"stop\"]", "tool_calls"),
        ("length", "length"),
        ("MAX_TOKENS", "length"),
        ("tool_use", "tool_calls"),
        ("tool-calls", "tool_calls"),
        ("refusal", "content_filter"),
        ("SAFETY", "content_filter"),
        ("pause_turn", "other"),
    ] {
        let text = format!("gen_ai.operation.name=chat gen_ai.response.finish_reasons={told}");
        let (_, seen) = span("", &span_of("x", &text));
        assert_eq!(
            calls(&seen)[0].stop_reason.unwrap().as_str(),
            expected,
            "{told}"
        );
    }
    let reasons = Value::Array(vec![Value::Int(1), Value::Text("length".into())]);
    let mut own = span_of("x", "gen_ai.operation.name=chat");
    own.attributes
        .push("gen_ai.response.finish_reasons".into(), reasons);
    let (_, seen) = span("", &own);
    assert_eq!(calls(&seen)[0].stop_reason.unwrap().as_str(), "length");
}

#[test]
fn terms_of_service_are_ours() {
    for (told, expected) in [
        ("default", Some("standard")),
        ("normal", Some("standard")),
        ("priority", Some("priority")),
        ("flex", Some("flex")),
        ("batch", Some("batch")),
        ("fast", Some("other")),
        ("auto", None),
    ] {
        let text = format!("gen_ai.operation.name=chat openai.response.service_tier={told}");
        let (_, seen) = span("", &span_of("x", &text));
        let tier = calls(&seen)[0].service_tier;
        assert_eq!(tier.map(crate::ServiceTier::as_str), expected, "{told}");
    }
}
