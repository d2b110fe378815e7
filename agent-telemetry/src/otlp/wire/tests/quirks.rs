//! JSON as senders write it, and as none should.

use super::super::Encoding;
use super::told::{Signal, Told, read};

fn metrics(metric: &str) -> String {
    format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{metric}]}}]}}]}}"#)
}

/// A gauge with this point.
fn point(point: &str) -> String {
    metrics(&format!(
        r#"{{"name":"m","gauge":{{"dataPoints":[{{{point}}}]}}}}"#
    ))
}

fn attribute(value: &str) -> String {
    point(&format!(r#""attributes":[{{"key":"k","value":{value}}}]"#))
}

fn log(log: &str) -> String {
    format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{{log}}}]}}]}}]}}"#)
}

fn span(span: &str) -> String {
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{span}}}]}}]}}]}}"#)
}

fn told(signal: Signal, body: &str) -> Told {
    read(signal, Encoding::Json, body.as_bytes())
        .unwrap_or_else(|malformed| panic!("{malformed}: {body}"))
}

#[test]
fn numbers_are_read_as_numbers_and_as_texts() {
    for (json, says) in [
        (r#""asInt":"5""#, "Number(Int(5))"),
        (r#""asInt":5"#, "Number(Int(5))"),
        (r#""asInt":-5"#, "Number(Int(-5))"),
        (
            r#""asInt":"-9223372036854775808""#,
            "Number(Int(-9223372036854775808))",
        ),
        (r#""asInt":5.0"#, "Number(Int(5))"),
        (r#""asInt":1e3"#, "Number(Int(1000))"),
        (r#""asDouble":1"#, "Number(Double(1.0))"),
        (r#""asDouble":0.1"#, "Number(Double(0.1))"),
        (r#""asDouble":-1.5E-3"#, "Number(Double(-0.0015))"),
        (r#""asDouble":"2.5""#, "Number(Double(2.5))"),
        (r#""asDouble":"NaN""#, "Number(Double(NaN))"),
        (r#""asDouble":"Infinity""#, "Number(Double(inf))"),
        (r#""asDouble":"-Infinity""#, "Number(Double(-inf))"),
        (r#""asDouble":null"#, "Missing"),
        ("", "Missing"),
        (r#""asInt":"1","asInt":"2""#, "Number(Int(2))"),
        (r#""asInt":"1","asDouble":2.5"#, "Number(Double(2.5))"),
        (
            r#""timeUnixNano":"18446744073709551615""#,
            "time: 18446744073709551615",
        ),
        (
            r#""timeUnixNano":18446744073709551615"#,
            "time: 18446744073709551615",
        ),
        (
            r#""startTimeUnixNano":1795300000123456789"#,
            "start: 1795300000123456789",
        ),
        (r#""flags":1"#, "no_recorded_value: true"),
        (r#""flags":2"#, "no_recorded_value: false"),
        (
            r#""unknown":[{"a":[1,-2.5e+7,true,false,null,"\u00e9"]},{}],"asInt":7"#,
            "Int(7)",
        ),
        (r#""as\u0049nt":7"#, "Int(7)"),
        ("\n\t \"asInt\" \r\n:\t7 ", "Int(7)"),
    ] {
        let told = told(Signal::Metrics, &point(json));
        assert!(told.lines.contains(says), "{json}: {}", told.lines);
    }
}

#[test]
fn values_of_attributes_are_of_every_kind() {
    for (json, says) in [
        (r#"{"stringValue":"a"}"#, r#"Text("a")"#),
        (r#"{"stringValue":""}"#, r#"Text("")"#),
        (r#"{ "stringValue" : "a" }"#, r#"Text("a")"#),
        (
            r#"{"stringValue":"\"\\\/\b\f\n\r\t"}"#,
            r#"Text("\"\\/\u{8}\u{c}\n\r\t")"#,
        ),
        (r#"{"stringValue":"\u00e9\u20AC"}"#, "Text(\"é€\")"),
        (r#"{"stringValue":"\ud83e\udd80!"}"#, "Text(\"🦀!\")"),
        (r#"{"stringValue":"cut \ud83e"}"#, "Text(\"cut \u{fffd}\")"),
        (
            r#"{"stringValue":"\udd80\ud83e\ud83e\udd80\ud83ex"}"#,
            "Text(\"\u{fffd}\u{fffd}🦀\u{fffd}x\")",
        ),
        (r#"{"stringValue":"é€🦀"}"#, "Text(\"é€🦀\")"),
        (r#"{"boolValue":true}"#, "Bool(true)"),
        (r#"{"intValue":"12"}"#, "Int(12)"),
        (r#"{"intValue":12}"#, "Int(12)"),
        (r#"{"doubleValue":12}"#, "Double(12.0)"),
        (r#"{"doubleValue":"NaN"}"#, "Double(NaN)"),
        (
            r#"{"bytesValue":"aGVsbG8="}"#,
            "Bytes([104, 101, 108, 108, 111])",
        ),
        (r#"{"bytesValue":"-_8"}"#, "Bytes([251, 255])"),
        (r#"{"bytesValue":""}"#, "Bytes([])"),
        (
            r#"{"arrayValue":{"values":[{"intValue":1},{}]}}"#,
            "Array([Int(1), Empty])",
        ),
        (r#"{"arrayValue":{}}"#, "Array([])"),
        (
            r#"{"kvlistValue":{"values":[{"key":"a","value":{"intValue":1}}]}}"#,
            r#"Map(Attributes { pairs: [("a", Int(1))] })"#,
        ),
        ("{}", "Empty"),
        ("null", "Empty"),
        (r#"{"stringValue":null}"#, "Empty"),
        (r#"{"stringValue":"a","intValue":"2"}"#, "Int(2)"),
        (r#"{"laterValue":{"x":[]}}"#, "Empty"),
    ] {
        let told = told(Signal::Metrics, &attribute(json));
        let says = format!(r#"[("k", {says})]"#);
        assert!(told.lines.contains(&says), "{json}: {}", told.lines);
    }
}

#[test]
fn a_special_letter_is_found_wherever_it_stands() {
    for at in 0..40 {
        let with = |letter: &str| {
            let text = ["x".repeat(at).as_str(), letter, "yyyyyyyyyyyyyyyyyyy"].concat();
            point(&format!(r#""attributes":[{{"key":"{text}"}}]"#))
        };
        for control in ["\u{0}", "\n", "\u{1f}"] {
            let body = with(control);
            let malformed = read(Signal::Metrics, Encoding::Json, body.as_bytes()).unwrap_err();
            assert_eq!(Some(malformed.at()), body.find(control), "at {at}");
        }
        let escaped = told(Signal::Metrics, &with("\\/"));
        let text = ["x".repeat(at).as_str(), "/yyyyyyyyyyyyyyyyyyy"].concat();
        assert!(
            escaped.lines.contains(&format!("(\"{text}\"")),
            "{}",
            escaped.lines
        );
        assert!(read(Signal::Metrics, Encoding::Json, with("\"").as_bytes()).is_err());
        assert!(told(Signal::Metrics, &with("\u{7f}€")).dropped.is_none());
    }
}

#[test]
fn two_second_halves_of_a_pair_are_two_replacements() {
    let told = told(
        Signal::Metrics,
        &attribute(r#"{"stringValue":"\udd80\udd80"}"#),
    );
    assert!(
        told.lines.contains("Text(\"\u{fffd}\u{fffd}\")"),
        "{}",
        told.lines
    );
}

#[test]
fn enumerations_are_numbers_and_names_are_understood() {
    for (json, says) in [
        ("1", "temporality: Delta"),
        ("2", "temporality: Cumulative"),
        ("\"2\"", "temporality: Cumulative"),
        ("\"AGGREGATION_TEMPORALITY_DELTA\"", "temporality: Delta"),
        ("7", "temporality: Unspecified"),
        ("null", "temporality: Unspecified"),
    ] {
        // It follows the points that it is about.
        let sum = format!(
            r#"{{"sum":{{"dataPoints":[{{"asInt":1}}],"isMonotonic":true,"aggregationTemporality":{json}}},"unit":"s","name":"m"}}"#
        );
        let told = told(Signal::Metrics, &metrics(&sum));
        assert!(told.lines.contains(says), "{json}: {}", told.lines);
        assert!(
            told.lines.contains(r#"name: "m", unit: "s""#),
            "{}",
            told.lines
        );
    }
    for (json, says) in [
        (r#""kind":3"#, "kind: 3"),
        (r#""kind":"SPAN_KIND_CLIENT""#, "kind: 3"),
        (r#""status":{"code":2}"#, "status: Error"),
        (
            r#""status":{"code":"STATUS_CODE_OK","message":"m"}"#,
            "status: Ok",
        ),
        (r#""status":{}"#, "status: Unset"),
    ] {
        let told = told(Signal::Spans, &span(json));
        assert!(told.lines.contains(says), "{json}: {}", told.lines);
    }
    for (json, says) in [
        ("9", 9),
        ("\"SEVERITY_NUMBER_INFO\"", 9),
        ("\"SEVERITY_NUMBER_FATAL4\"", 24),
        ("\"SEVERITY_NUMBER_UNSPECIFIED\"", 0),
    ] {
        let told = told(Signal::Logs, &log(&format!(r#""severityNumber":{json}"#)));
        assert!(
            told.lines.contains(&format!("severity: {says},")),
            "{}",
            told.lines
        );
    }
}

#[test]
fn ids_are_hexadecimal_of_any_case() {
    for (json, says) in [
        (
            r#""traceId":"0123456789abcdefABCDEF0123456789""#,
            "trace_id: Some(1512366075204170941347410564067190665)",
        ),
        (
            r#""traceId":"00000000000000000000000000000000""#,
            "trace_id: None",
        ),
        (
            r#""traceId":"+123456789abcdefABCDEF0123456789""#,
            "trace_id: None",
        ),
        (r#""traceId":"abc""#, "trace_id: None"),
        (r#""traceId":"""#, "trace_id: None"),
        (r#""spanId":"00000000000000fF""#, "span_id: Some(255)"),
        (r#""spanId":null"#, "span_id: None"),
    ] {
        let told = told(Signal::Logs, &log(json));
        assert!(told.lines.contains(says), "{json}: {}", told.lines);
    }
    let told = told(
        Signal::Spans,
        &span(r#""parentSpanId":"000000000000000A","spanId":"0000000000000001""#),
    );
    assert!(
        told.lines.contains("span_id: 1, parent: Some(10)"),
        "{}",
        told.lines
    );
}

#[test]
fn of_a_key_that_comes_twice_the_last_one_counts() {
    let one = r#"{"name":"a","gauge":{"dataPoints":[{"asInt":1}]}}"#;
    let two = r#"{"name":"b","gauge":{"dataPoints":[{"asInt":2}]}}"#;
    for body in [
        metrics(
            r#"{"name":"b","sum":{"dataPoints":[{"asInt":1}]},"gauge":{"dataPoints":[{"asInt":2}]}}"#,
        ),
        metrics(
            r#"{"name":"b","gauge":{"dataPoints":[{"asInt":1},{"asInt":1}],"dataPoints":[{"asInt":2}]}}"#,
        ),
        format!(
            r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{one}],"metrics":[{two}]}}]}}]}}"#
        ),
        format!(
            r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{one}]}}],"scopeMetrics":[{{"metrics":[{two}]}}]}}]}}"#
        ),
        format!(
            r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{one}]}}]}}],"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{two}]}}]}}]}}"#
        ),
    ] {
        let told = told(Signal::Metrics, &body);
        let expected = super::told::read(Signal::Metrics, Encoding::Json, metrics(two).as_bytes());
        assert_eq!(told.lines, expected.unwrap().lines, "{body}");
    }
}

#[test]
fn what_is_not_json_or_not_of_its_type_is_refused_at_its_byte() {
    let cases = [
        ("", "ends too early"),
        ("{", "ends too early"),
        ("[]", "type"),
        ("null", "type"),
        ("{}{}", "more than one request"),
        ("{} x", "more than one request"),
        ("{'a':1}", "not JSON"),
        ("{\"a\":1,}", "not JSON"),
        ("{\"a\":01}", "not JSON"),
        ("{\"a\":1.}", "not JSON"),
        ("{\"a\":.5}", "not JSON"),
        ("{\"a\":1e}", "not JSON"),
        ("{\"a\":+1}", "not JSON"),
        ("{\"a\":-}", "not JSON"),
        ("{\"a\":tru}", "not JSON"),
        ("{\"a\":nul}", "not JSON"),
        ("{\"a\":NaN}", "not JSON"),
        ("{\"a\" 1}", "not JSON"),
        ("{\"a\":[1 2]}", "not JSON"),
        ("{\"a\":[1}}", "not JSON"),
        ("{\"a\":{\"b\":1]}", "not JSON"),
        ("{\"a\":\"\u{1}\"}", "not one of JSON"),
        ("{\"a\":\"\\x\"}", "not one of JSON"),
        ("{\"a\":\"\\u00g0\"}", "not one of JSON"),
        ("{\"a\":\"\\u00", "not one of JSON"),
        ("{\"resourceMetrics\":{}}", "type"),
        ("{\"resourceMetrics\":[1]}", "type"),
        ("{\"resourceMetrics\":[null]}", "type"),
    ];
    for (body, what) in cases {
        let malformed = read(Signal::Metrics, Encoding::Json, body.as_bytes()).unwrap_err();
        assert!(malformed.to_string().contains(what), "{body}: {malformed}");
    }
    let malformed = read(Signal::Metrics, Encoding::Json, b"{\"a\":\"\xc3(\"}").unwrap_err();
    assert!(
        malformed.to_string().contains("UTF-8 at byte 6"),
        "{malformed}"
    );
    for (json, what) in [
        (r#""asInt":"five""#, "cannot hold"),
        (r#""asInt":"""#, "cannot hold"),
        (r#""asInt":1.5"#, "cannot hold"),
        (r#""asInt":9223372036854775808"#, "cannot hold"),
        (r#""asInt":true"#, "type"),
        (r#""asDouble":"inf""#, "cannot hold"),
        (r#""asDouble":"nan""#, "cannot hold"),
        (r#""timeUnixNano":-1"#, "cannot hold"),
        (r#""timeUnixNano":"18446744073709551616""#, "cannot hold"),
        (r#""attributes":{}"#, "type"),
        (r#""attributes":[{"key":1}]"#, "type"),
        (r#""attributes":[{"value":"bare"}]"#, "type"),
        (r#""attributes":[{"value":{"stringValue":1}}]"#, "type"),
        (r#""attributes":[{"value":{"boolValue":"true"}}]"#, "type"),
        (r#""attributes":[{"value":{"bytesValue":"a"}}]"#, "base64"),
        (
            r#""attributes":[{"value":{"bytesValue":"a!!!"}}]"#,
            "base64",
        ),
        (
            r#""attributes":[{"value":{"intValue":"x"}}]"#,
            "cannot hold",
        ),
        (
            r#""attributes":[{"value":{"arrayValue":{"values":[{"intValue":"x"}]}}}]"#,
            "cannot hold",
        ),
    ] {
        let body = point(json);
        let malformed = read(Signal::Metrics, Encoding::Json, body.as_bytes()).unwrap_err();
        assert!(malformed.to_string().contains(what), "{json}: {malformed}");
        assert!(malformed.at() > 80, "{json}: {malformed}");
    }
}

#[test]
fn unknown_arrays_and_objects_are_followed_so_far() {
    for (depth, fits) in [(127, true), (128, true), (129, false), (1_000_000, false)] {
        let unknown = ["[".repeat(depth), "]".repeat(depth)].concat();
        let body = format!("{{\"later\":{unknown}}}");
        let read = read(Signal::Spans, Encoding::Json, body.as_bytes());
        assert_eq!(read.is_ok(), fits, "{depth}");
    }
}

#[test]
fn the_fingerprint_is_of_the_array_as_it_stands() {
    let fingerprint = |json: &str| told(Signal::Metrics, &point(json)).fingerprints[1];
    let one = r#""attributes":[{"key":"k","value":{"stringValue":"a"}}]"#;
    let other = r#""attributes":[{"key":"k","value":{"stringValue":"b"}}]"#;
    assert_eq!(
        fingerprint(one),
        fingerprint(&format!("\"asInt\":1, {one} ,\"flags\":0"))
    );
    assert_ne!(fingerprint(one), fingerprint(other));
    assert_eq!(fingerprint(""), fingerprint("\"attributes\":null"));
}
