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
    assert_eq!(
        read(r#"{"error":{"code":429,"message":null,"type":7.5}}"#)
            .2
            .as_deref(),
        Some("429")
    );
    assert_eq!(
        read(r#"{"error":null,"type":true}"#),
        (false, None, None, None)
    );
    assert_eq!(read(r#"{"error":[]}"#), (false, None, None, None));
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
