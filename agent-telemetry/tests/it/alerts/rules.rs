//! Rules as data: what is refused, and what reads back.

use agent_telemetry::alert::{Rule, Rules};

fn read(rule: &str) -> Result<Rules, String> {
    let list = format!(r#"{{"rules": [{rule}]}}"#);
    serde_json::from_str(&list).map_err(|error| error.to_string())
}

#[test]
fn what_cannot_be_followed_is_refused_by_rule_and_field() {
    let wrong = [
        (
            r#""kind": "error_rate", "of": "model_calls", "above": 0"#,
            "above is 0; write a share",
        ),
        (
            r#""kind": "error_rate", "of": "model_calls", "above": 10"#,
            "above is 10; write a share",
        ),
        (
            r#""kind": "error_rate", "of": "attempts", "above": 0.1, "clear": 0.2"#,
            "clear is beyond the limit that fires",
        ),
        (
            r#""kind": "error_rate", "of": "attempts", "above": 0.1, "window": "5s"#,
            "window is 5s; write 10s to 31d",
        ),
        (
            r#""kind": "tokens_per_minute", "above": 10, "clear": 11"#,
            "clear is beyond the limit that fires",
        ),
        (
            r#""kind": "cost_per_hour", "above": "0""#,
            "above is nothing",
        ),
        (
            r#""kind": "queue_depth", "of": "tasks", "above": -1"#,
            "above is -1; write a number above 0",
        ),
        (
            r#""kind": "budget", "period": "month", "share": 0.8"#,
            "amount is missing",
        ),
        (
            r#""kind": "budget", "period": "day", "share": 0.8, "amount": "0""#,
            "amount is nothing",
        ),
        (r#""kind": "silence", "after": "0s""#, "after is zero"),
        (
            r#""kind": "silence", "after": "32d""#,
            "after is 32d; write at most 31d",
        ),
        (
            r#""kind": "burn_rate", "of": "model_calls", "objective": 0.99, "windows": []"#,
            "windows has 0 pairs",
        ),
        (
            r#""kind": "burn_rate", "of": "model_calls", "objective": 0.99,
               "windows": [{"factor": 1, "long": "5m", "short": "5m"}]"#,
            "windows has a short window that is not shorter",
        ),
        (
            r#""kind": "metric", "name": "depth", "bound": {"below": 1}, "clear": 0.5"#,
            "clear is beyond the limit that fires",
        ),
    ];
    for (when, expected) in wrong {
        // One of them ends within its text.
        let quote = if when.matches('"').count() % 2 == 1 {
            "\""
        } else {
            ""
        };
        let error = read(&format!(r#"{{"name": "r", "when": {{{when}{quote}}}}}"#)).unwrap_err();
        assert!(
            error.starts_with(&format!("rule \"r\": {expected}")),
            "{when}: {error}"
        );
    }
    let silence = r#""when": {"kind": "silence", "after": "1m"}"#;
    for (rule, expected) in [
        (
            format!(r#"{{"name": "", {silence}}}"#),
            "rule \"\": name has 0 bytes",
        ),
        (
            format!(r#"{{"name": "r", {silence}}}, {{"name": "r", {silence}}}"#),
            "rule \"r\": name is taken",
        ),
        (
            format!(r#"{{"name": "r", {silence}, "by": ["agent", "agent"]}}"#),
            "rule \"r\": by names agent twice",
        ),
        (
            format!(r#"{{"name": "r", {silence}, "for": "32d"}}"#),
            "rule \"r\": for is 32d",
        ),
        (
            format!(r#"{{"name": "r", {silence}, "fro": "1m"}}"#),
            "unknown field `fro`",
        ),
        (
            format!(r#"{{"name": "r", {silence}, "for": 60}}"#),
            "invalid type: integer",
        ),
    ] {
        let error = read(&rule).unwrap_err();
        assert!(error.starts_with(expected), "{rule}: {error}");
    }
    let error = read(r#"{"name": "r", "when": {"kind": "silence", "after": "1m", "of": "x"}}"#);
    assert!(error.unwrap_err().starts_with("unknown field `of`"));
}

#[test]
fn every_kind_reads_back_as_it_was_written() {
    let rules = r#"{"rules": [
        {"name": "1", "when": {"kind": "error_rate", "of": "tool_calls", "above": 0.1}},
        {"name": "2", "when": {"kind": "latency", "of": "attempts", "above": "1m30s", "clear": "1m"}},
        {"name": "3", "when": {"kind": "tokens_per_minute", "above": 10000, "clear": 8000}},
        {"name": "4", "when": {"kind": "cost_per_hour", "above": "2.50", "window": "6h"}},
        {"name": "5", "when": {"kind": "queue_depth", "of": "recorder", "above": 100}},
        {"name": "6", "when": {"kind": "budget", "period": "month", "share": 0.5, "amount": "1000"}},
        {"name": "7", "when": {"kind": "context_share", "share": 0.8}, "by": ["agent"]},
        {"name": "8", "when": {"kind": "provider_down"}, "severity": "critical"},
        {"name": "9", "when": {"kind": "burn_rate", "of": "sessions", "objective": 0.95,
            "windows": [{"factor": 14.4, "long": "1h", "short": "5m"}]}},
        {"name": "10", "when": {"kind": "silence", "after": "3d"}, "only": {"tool": "grep"}},
        {"name": "11", "when": {"kind": "metric", "name": "x", "bound": {"below": 0.9}, "stale": "1h"},
            "for": "250ms", "cooldown": "1d"}
    ]}"#;
    let rules: Rules = serde_json::from_str(rules).unwrap();
    let text = serde_json::to_string(&rules).unwrap();
    assert_eq!(serde_json::from_str::<Rules>(&text).unwrap(), rules);
    let names: Vec<_> = rules
        .as_slice()
        .iter()
        .map(|rule: &Rule| rule.name.as_str())
        .collect();
    assert_eq!(names.len(), 11);
    assert!(text.contains(r#""for":"250ms","cooldown":"1d""#), "{text}");
}
