//! Rules as data: what is refused, and what reads back.

use std::time::Duration;

use agent_telemetry::alert::{Bound, Condition, Queue, Rule, Rules, WindowPair};
use serde_json::json;

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
            "windows has a wrong pair 1: short is not shorter",
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

/// As formats other than JSON hand it over: texts that are owned, whole numbers where a fraction is meant.
#[test]
fn rules_of_a_settings_file_are_read_whatever_its_format() {
    let rules = json!({"rules": [
        {
            "name": "coder-fails",
            "severity": "error",
            "for": "2m",
            "by": ["provider", "model"],
            "only": {"agent": "coder"},
            "when": {"kind": "error_rate", "of": "model_calls", "above": 0.1, "window": "5m"},
        },
        {"name": "deep", "when": {"kind": "queue_depth", "of": "tasks", "above": 100, "clear": 50}},
        {"name": "rate", "when": {"kind": "metric", "name": "pass_rate", "bound": {"below": 1}}},
        {
            "name": "burn",
            "when": {
                "kind": "burn_rate",
                "of": "attempts",
                "objective": 0.99,
                "windows": [{"factor": 6, "long": "6h", "short": "30m"}],
            },
        },
    ]});
    let rules: Rules = serde_json::from_value(rules).unwrap();
    let [first, deep, rate, burn] = rules.as_slice() else {
        panic!("{rules:?}")
    };
    assert_eq!(first.hold, Duration::from_secs(120));
    assert_eq!(
        deep.when,
        Condition::QueueDepth {
            of: Queue::Tasks,
            above: 100.0,
            clear: Some(50.0),
            window: Duration::from_secs(300),
        }
    );
    assert_eq!(
        rate.when,
        Condition::Metric {
            name: "pass_rate".into(),
            bound: Bound::Below(1.0),
            clear: None,
            stale: None,
        }
    );
    let Condition::BurnRate { windows, .. } = &burn.when else {
        panic!("{burn:?}")
    };
    assert_eq!(windows[..], [WindowPair::MEDIUM]);
}

#[test]
fn what_is_read_is_held_to_the_same_limits_as_what_is_built() {
    let calls = r#""of": "tool_calls""#;
    let burn = r#""kind": "burn_rate", "of": "model_calls", "objective": 0.99, "windows""#;
    for (when, expected) in [
        (
            format!(r#""kind": "error_rate", {calls}, "above": 0.1, "window": "2000h""#),
            "window is 83d8h",
        ),
        (
            format!(r#""kind": "error_rate", {calls}, "above": 0.1, "clear": -0.1"#),
            "clear is below zero",
        ),
        (
            r#""kind": "cost_per_hour", "above": "1", "clear": "-1""#.to_owned(),
            "clear is below zero",
        ),
        (
            r#""kind": "queue_depth", "of": "tasks", "above": 1, "clear": -1"#.to_owned(),
            "clear is below zero",
        ),
        (
            r#""kind": "context_share", "share": 0.5, "clear": -0.5"#.to_owned(),
            "clear is below zero",
        ),
        (
            r#""kind": "context_share", "share": 0.5, "clear": 0"#.to_owned(),
            "clear is zero",
        ),
        (
            format!(r#""kind": "latency", {calls}, "above": "1m", "window": "2000h""#),
            "window is 83d8h",
        ),
        (
            format!(r#""kind": "latency", {calls}, "above": "1m", "clear": "1m1ns""#),
            "clear is beyond the limit",
        ),
        (
            r#""kind": "tokens_per_minute", "above": 1, "window": "9s999999999ns""#.to_owned(),
            "window is 9s999ms999us999ns",
        ),
        (
            r#""kind": "cost_per_hour", "above": "1", "window": "0s""#.to_owned(),
            "window is 0s",
        ),
        (
            r#""kind": "queue_depth", "of": "recorder", "above": 1, "window": "2000h""#.to_owned(),
            "window is 83d8h",
        ),
        (
            r#""kind": "budget", "period": "session", "share": 0"#.to_owned(),
            "share is 0;",
        ),
        (
            r#""kind": "context_share", "share": -1"#.to_owned(),
            "share is -1;",
        ),
        (
            r#""kind": "provider_down", "after": "2000h""#.to_owned(),
            "after is 83d8h",
        ),
        (
            format!(
                r#"{burn}: [{{"factor": 1, "long": "1h", "short": "5m"}},
                    {{"factor": 1, "long": "2000h", "short": "5m"}}]"#
            ),
            "windows has a wrong pair 2: long is 83d8h",
        ),
        (
            format!(r#"{burn}: [{{"factor": 0, "long": "1h", "short": "5m"}}]"#),
            "windows has a wrong pair 1: factor is 0",
        ),
        (
            r#""kind": "silence", "after": "2000h""#.to_owned(),
            "after is 83d8h",
        ),
        (
            r#""kind": "metric", "name": "x", "bound": {"above": 1}, "stale": "2000h""#.to_owned(),
            "stale is 83d8h",
        ),
    ] {
        let text = format!(r#"{{"name": "r", "when": {{{when}}}}}"#);
        let rule: Rule = serde_json::from_str(&text).unwrap();
        let built = Rules::new(vec![rule]).unwrap_err().to_string();
        let expected = format!("rule \"r\": {expected}");
        assert!(built.starts_with(&expected), "{built}");
        let error = read(&text).unwrap_err();
        assert!(error.starts_with(&built), "{error}");
    }
}
