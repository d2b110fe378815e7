//! Faults that are answered with an error, in the words of each vendor.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use support::{Dialect, Fault, Progress, Rule, Target};

use crate::asking::{MODES, always, ask, client, json, post, recording, server};

async fn error(fault: &Fault, dialect: Dialect, stream: bool) -> (u16, Value) {
    let server = always(fault.clone()).await;
    let response = ask(&server, dialect, stream).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    let status = response.status().as_u16();
    let log = server.log();
    assert_eq!(log[0].progress, Progress::Refused { status });
    assert_eq!(log[0].fault.as_ref(), Some(fault));
    (status, json(&response.text().await.unwrap()))
}

/// In every mode: the status, and the value at a pointer into the body.
async fn expect(fault: Fault, rows: [(Dialect, u16, &str, &str); 4]) {
    for (dialect, status, pointer, value) in rows {
        for stream in MODES {
            let (found, body) = error(&fault, dialect, stream).await;
            assert_eq!(found, status, "{dialect} {body}");
            let text = body.pointer(pointer).and_then(Value::as_str);
            assert_eq!(text, Some(value), "{dialect} {pointer} {body}");
        }
    }
}

#[tokio::test]
async fn rate_limits_are_429_with_a_hint_in_each_vendors_headers() {
    let fault = Fault::RateLimited {
        retry_after: Some(Duration::from_millis(1_500)),
    };
    let server = always(fault).await;
    for (dialect, expected) in [
        (
            Dialect::Anthropic,
            &[
                ("retry-after", "2"),
                ("anthropic-ratelimit-tokens-remaining", "0"),
                ("anthropic-ratelimit-tokens-reset", "2027-01-15T08:00:02Z"),
            ][..],
        ),
        (
            Dialect::OpenAi,
            &[
                ("retry-after", "2"),
                ("x-ratelimit-remaining-tokens", "0"),
                ("x-ratelimit-reset-tokens", "1.5s"),
            ],
        ),
        (
            Dialect::Groq,
            &[("retry-after", "2"), ("x-ratelimit-remaining-tokens", "0")],
        ),
        (Dialect::Ollama, &[]),
    ] {
        for stream in MODES {
            let response = ask(&server, dialect, stream).await;
            assert_eq!(response.status(), 429);
            for (name, value) in expected {
                assert_eq!(response.headers()[*name], *value, "{dialect} {name}");
            }
            let hinted = response.headers().contains_key("retry-after");
            assert_eq!(hinted, dialect != Dialect::Ollama);
        }
    }
}

#[tokio::test]
async fn rate_limits_name_their_kind() {
    let fault = Fault::RateLimited { retry_after: None };
    expect(
        fault,
        [
            (Dialect::Anthropic, 429, "/error/type", "rate_limit_error"),
            (Dialect::OpenAi, 429, "/error/code", "rate_limit_exceeded"),
            (Dialect::Groq, 429, "/error/code", "rate_limit_exceeded"),
            (Dialect::Ollama, 429, "/error", "too many requests"),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_empty_account_is_told_apart_from_a_rate_limit() {
    expect(
        Fault::InsufficientQuota,
        [
            (
                Dialect::Anthropic,
                429,
                "/error/details/error_code",
                "enforced_spend_limit_reached",
            ),
            (Dialect::OpenAi, 429, "/error/code", "insufficient_quota"),
            (Dialect::Groq, 429, "/error/code", "insufficient_quota"),
            (
                Dialect::Ollama,
                402,
                "/error",
                "you have reached your usage limit, please upgrade to continue",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn overload_is_529_at_anthropic_and_503_elsewhere() {
    expect(
        Fault::Overloaded,
        [
            (Dialect::Anthropic, 529, "/error/type", "overloaded_error"),
            (Dialect::OpenAi, 503, "/error/code", "server_is_overloaded"),
            (Dialect::Groq, 503, "/error/type", "internal_server_error"),
            (
                Dialect::Ollama,
                503,
                "/error",
                "server busy, please try again.  maximum pending requests exceeded",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn server_errors_and_wrong_keys_have_their_types() {
    for (dialect, server, key) in [
        (Dialect::Anthropic, "api_error", "authentication_error"),
        (Dialect::OpenAi, "server_error", "invalid_request_error"),
        (
            Dialect::Groq,
            "internal_server_error",
            "invalid_request_error",
        ),
    ] {
        for stream in MODES {
            let (status, body) = error(&Fault::ServerError, dialect, stream).await;
            assert_eq!((status, &body["error"]["type"]), (500, &json!(server)));
            let (status, body) = error(&Fault::Unauthorized, dialect, stream).await;
            assert_eq!((status, &body["error"]["type"]), (401, &json!(key)));
        }
    }
    assert_eq!(
        error(&Fault::ServerError, Dialect::Ollama, true).await.0,
        500
    );
    let (status, body) = error(&Fault::Unauthorized, Dialect::Ollama, true).await;
    assert_eq!((status, body), (401, json!({"error": "unauthorized"})));
}

#[tokio::test]
async fn anthropic_errors_repeat_the_request_id() {
    let server = always(Fault::ServerError).await;
    let response = ask(&server, Dialect::Anthropic, true).await;
    let id = response.headers()["request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let body = json(&response.text().await.unwrap());
    assert_eq!(
        (&body["type"], &body["request_id"]),
        (&json!("error"), &json!(id))
    );
}

#[tokio::test]
async fn a_gateway_answers_with_a_page() {
    let server = always(Fault::Unavailable).await;
    for dialect in Dialect::ALL {
        let response = ask(&server, dialect, true).await;
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["content-type"], "text/html");
        assert!(response.text().await.unwrap().starts_with("<html>"));
    }
}

#[tokio::test]
async fn only_a_conversation_over_the_limit_is_too_long() {
    let tokens = support::estimate_tokens(recording().turn(1).unwrap().history());
    for (dialect, status, message) in [
        (
            Dialect::Anthropic,
            400,
            "prompt is too long: 3 tokens > 2 maximum",
        ),
        (
            Dialect::OpenAi,
            400,
            "This model's maximum context length is 2 tokens. However, your messages resulted in 3 tokens.",
        ),
        (Dialect::Groq, 413, "Limit 2, Requested 3,"),
        (
            Dialect::Ollama,
            400,
            "the input length exceeds the context length",
        ),
    ] {
        for stream in MODES {
            let server = always(Fault::ContextTooLong { limit: tokens }).await;
            assert_eq!(ask(&server, dialect, stream).await.status(), 200);
            let (found, body) = error(
                &Fault::ContextTooLong { limit: tokens - 1 },
                dialect,
                stream,
            )
            .await;
            assert_eq!(found, status);
            assert!(body.to_string().contains(message), "{body}");
        }
    }
}

#[tokio::test]
async fn probes_meet_the_faults_that_are_meant_for_them() {
    let server = server([
        Rule::new(Fault::Overloaded).target(Target::Probe),
        Rule::new(Fault::Unauthorized),
    ])
    .await;
    let url = format!("{}{}", server.url(), Dialect::Anthropic.models_path());
    assert_eq!(client().get(&url).send().await.unwrap().status(), 529);
    assert_eq!(client().get(&url).send().await.unwrap().status(), 200);
    let chat = ask(&server, Dialect::Anthropic, true).await;
    assert_eq!(chat.status(), 401);
}

#[tokio::test]
async fn faults_follow_the_turn_and_the_attempt() {
    let server = server([Rule::new(Fault::ServerError).turn(2).attempt(1)]).await;
    let first = crate::asking::first_turn(Dialect::Ollama, false);
    let mut second = first.clone();
    second["messages"].as_array_mut().unwrap().extend([
        json!({"role": "assistant", "content": crate::asking::TEXT, "tool_calls": [
            {"id": "c1", "function": {"name": "read", "arguments": {"line": 1.5, "path": "a.rs"}}}]}),
        json!({"role": "tool", "tool_call_id": "c1", "content": "fn main() {}"}),
    ]);
    let mut statuses = Vec::new();
    for body in [&first, &second, &second] {
        let response = post(&server, Dialect::Ollama, body).await.unwrap();
        statuses.push(response.status().as_u16());
    }
    assert_eq!(statuses, [200, 500, 200]);
    let seen: Vec<_> = server
        .log()
        .iter()
        .map(|one| (one.turn, one.attempt))
        .collect();
    assert_eq!(seen, [(Some(1), 1), (Some(2), 1), (Some(2), 2)]);
}

fn verbatim(status: u16, name: &str, body: &str) -> Fault {
    Fault::Verbatim {
        status,
        headers: BTreeMap::from([(name.to_owned(), "1".to_owned())]),
        body: body.to_owned(),
    }
}

#[tokio::test]
async fn a_reply_of_the_scripts_own_goes_out_word_for_word() {
    let fault = verbatim(418, "x-one", "no JSON");
    assert_eq!(
        serde_json::to_value(&fault).unwrap(),
        json!({"fault": "verbatim", "status": 418, "headers": {"x-one": "1"}, "body": "no JSON"})
    );
    let server = always(fault).await;
    for dialect in Dialect::ALL {
        for stream in MODES {
            let response = ask(&server, dialect, stream).await;
            assert_eq!(response.status(), 418);
            let headers = response.headers();
            assert_eq!(headers["x-one"], "1");
            assert_eq!(headers["content-length"], "7");
            for own in ["content-type", "x-ratelimit-limit-requests", "request-id"] {
                assert!(!headers.contains_key(own), "{dialect} {own}");
            }
            assert_eq!(response.text().await.unwrap(), "no JSON");
        }
    }
    let refused = Progress::Refused { status: 418 };
    assert!(server.log().iter().all(|seen| seen.progress == refused));
}

#[tokio::test]
async fn words_that_are_no_http_are_refused() {
    for fault in [verbatim(99, "x-one", ""), verbatim(429, "two words", "")] {
        let (status, body) = error(&fault, Dialect::OpenAi, false).await;
        assert_eq!(status, 400);
        assert_eq!(
            body["error"]["message"],
            "the script has a status or a header that is not HTTP"
        );
    }
}
