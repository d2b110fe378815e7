//! Bodies as they come: wrapped, cut, stringified, broken.

use super::*;

fn read(body: &str) -> (bool, Option<String>, Option<String>, Option<String>) {
    let facts = Facts::read(body.as_bytes());
    let own = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
    (
        facts.is_error,
        own(facts.kind),
        own(facts.code),
        own(facts.message),
    )
}

#[test]
fn the_inner_error_wins_over_the_wrapper_in_any_order_of_keys() {
    let expected = (
        true,
        Some("overloaded_error".to_owned()),
        None,
        Some("busy".to_owned()),
    );
    for body in [
        r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#,
        r#"{"error":{"message":"busy","type":"overloaded_error"},"type":"error"}"#,
        r#"[{"error":{"type":"overloaded_error","message":"busy"}},{"error":{"type":"x"}}]"#,
        r#"{"error":"{\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}"}"#,
        r#""{\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}""#,
        r#"{"response":{"error":{"type":"overloaded_error","message":"busy"}}}"#,
    ] {
        assert_eq!(read(body), expected, "{body}");
    }
}

#[test]
fn a_cut_body_keeps_what_it_said() {
    let (_, kind, _, _) = read(r#"{"error":{"type":"rate_limit_error","message":"Numb"#);
    assert_eq!(kind.as_deref(), Some("rate_limit_error"));
}

#[test]
fn a_body_that_is_no_json_is_a_sentence() {
    assert_eq!(
        read("upstream timed out").3.as_deref(),
        Some("upstream timed out")
    );
    let page = r#"<html><a href="/billing">insufficient quota</a></html>"#;
    assert_eq!(read(page).3, None, "a page is no sentence");
    assert_eq!(
        read(r#"{"error":"model 'x' not found"}"#).3.as_deref(),
        Some("model 'x' not found")
    );
    assert_eq!(Facts::read(b"").message(), "");
    assert_eq!(Facts::read(b"\xff\xfe").message(), "\u{fffd}\u{fffd}");
}

#[test]
fn numbers_as_codes_and_odd_types_are_taken() {
    let facts = Facts::read(br#"{"error":{"code":429,"message":null,"type":7.5}}"#);
    assert_eq!((facts.status(), facts.code), (Some(429), None));
    let facts = Facts::read(br#"{"error":{"code":1113}}"#);
    assert_eq!(
        (facts.status(), facts.code.as_deref()),
        (None, Some("1113"))
    );
    assert_eq!(
        read(r#"{"error":null,"type":true}"#),
        (false, None, None, None)
    );
    assert_eq!(read(r#"{"error":[]}"#), (false, None, None, None));
}

#[test]
fn broken_characters_do_not_hide_what_stands_after_them() {
    let after = r#"","code":"insufficient_quota"}}"#;
    let bodies = [
        format!(r#"{{"error":{{"message":"half a pair \ud83d{after}"#),
        format!(
            "{{\"error\":{{\"message\":\"a line\nand a {}bell{after}",
            '\u{1}'
        ),
    ];
    let mut bodies: Vec<Vec<u8>> = bodies.map(String::into_bytes).into();
    let latin = [
        br#"{"error":{"message":"caf"#.as_slice(),
        b"\xe9",
        after.as_bytes(),
    ];
    bodies.push(latin.concat());
    let inner = r#"{"error":{"message":"half \ud83d","code":"insufficient_quota"}}"#;
    bodies.push(
        serde_json::json!({ "error": inner })
            .to_string()
            .into_bytes(),
    );
    bodies.push(
        serde_json::json!({ "error": { "message": inner } })
            .to_string()
            .into_bytes(),
    );
    for body in bodies {
        let facts = Facts::read(&body);
        let shown = body.escape_ascii().to_string();
        assert_eq!(facts.code.as_deref(), Some("insufficient_quota"), "{shown}");
        assert_eq!(
            facts.quota.as_deref(),
            Some("insufficient_quota"),
            "{shown}"
        );
        assert_eq!(Facts::read_event(&body), facts, "{shown}");
    }
}

#[test]
fn whole_pairs_and_escapes_survive_the_repair() {
    let body = br#"{"error":{"message":"\ud83d\ude00 \ud83d \"q\" \u00e9 C:\\ud83d"}}"#;
    let message = "\u{1f600} \u{fffd} \"q\" \u{e9} C:\\ud83d";
    assert_eq!(Facts::read(body).message(), message);
}

#[test]
fn a_quota_code_outlives_whatever_is_read_after_it() {
    for body in [
        r#"{"error":{"code":"insufficient_quota","message":"{\"error\":{\"code\":\"slow_down\"}}"}}"#,
        r#"{"error":{"code":"insufficient_quota","code":"slow_down"}}"#,
        r#"{"error":{"code":"slow_down","error":{"type":"insufficient_quota"}}}"#,
        r#"{"error":{"metadata":{"raw":"{\"error\":{\"code\":\"insufficient_quota\"}}"},"code":429}}"#,
    ] {
        let facts = Facts::read(body.as_bytes());
        assert_eq!(facts.quota.as_deref(), Some("insufficient_quota"), "{body}");
    }
}

#[test]
fn words_in_front_of_json_are_skipped_in_replies_and_never_in_events() {
    for body in [
        r#"429 {"error":{"type":"overloaded_error"}}"#,
        r#"Request failed: 429 [{"error":{"type":"overloaded_error"}}]"#,
    ] {
        assert_eq!(read(body).1.as_deref(), Some("overloaded_error"), "{body}");
        assert_eq!(
            Facts::read_event(body.as_bytes()),
            Facts::default(),
            "{body}"
        );
    }
    // So much in front is no status line but a text that quotes something.
    let far = format!(
        r#"{}{{"error":{{"type":"overloaded_error"}}}}"#,
        "x".repeat(300)
    );
    assert_eq!(read(&far).1, None);
}

#[test]
fn the_words_of_an_answer_are_never_read() {
    for body in [
        r#"{"choices":[{"message":{"content":"x","error":{"code":"slow_down"}},"delta":{"stop_reason":"refusal"}}]}"#,
        r#"{"content":[{"type":"tool_use","input":{"stop_reason":"max_tokens","error":{"code":"slow_down"}}}]}"#,
        r#"{"output":[{"content":[{"text":"{\"error\":1}"}],"error":{"code":"slow_down"}}]}"#,
        r#"{"delta":"{\"error\":{\"code\":\"slow_down\"}}","choices":["{\"error\":{}}"]}"#,
    ] {
        assert_eq!(
            Facts::read_event(body.as_bytes()),
            Facts::default(),
            "{body}"
        );
    }
}

#[test]
fn the_longest_allowance_that_is_used_up_counts() {
    let body = r#"{"error":{"details":[{"violations":[{"quotaId":"RequestsPerDayPerProject"},
        {"quotaId":"RequestsPerMinutePerProjectPerModel"}]},{"retryDelay":"26s"}]}}"#;
    let facts = Facts::read(body.as_bytes());
    assert_eq!((facts.span, facts.per_model), (Some(Span::Day), true));
    assert_eq!(facts.retry.as_deref(), Some("26s"));
}

#[test]
fn deep_and_huge_bodies_are_bounded() {
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    assert!(!Facts::read(deep.as_bytes()).is_error);
    let deep = "{\"error\":".repeat(5_000);
    Facts::read(deep.as_bytes());
    let huge = format!(
        r#"{{"error":{{"type":"a","message":"{}"}}}}"#,
        "x".repeat(10_000_000)
    );
    let facts = Facts::read(huge.as_bytes());
    assert_eq!(facts.kind.as_deref(), Some("a"));
    assert!(facts.message().len() <= READ_AT_MOST);
}
