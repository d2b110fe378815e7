//! Hooks and the status line, beside the other channels.

use std::time::Duration;

use agent_telemetry::otlp::{ClaudeTranscripts, InvalidHook};
use agent_telemetry::{Body, Record, Stats, ToolCall};

use super::host::{Host, calls};
use super::requests::{Call, call_events, event, int, logs, pair, text};

fn hook(host: &Host, event: &str, fields: &str) {
    let json = format!(r#"{{"session_id": "s1", "hook_event_name": "{event}"{fields}}}"#);
    host.processor.hook(json.as_bytes()).unwrap();
}

fn tools(records: &[Record]) -> Vec<&ToolCall> {
    let bodies = records.iter().map(|it| &it.body);
    bodies
        .filter_map(|it| match it {
            Body::ToolCall(call) => Some(call),
            _ => None,
        })
        .collect()
}

fn tool_result(id: &str) -> Vec<u8> {
    let attributes = vec![
        text("event.name", "tool_result"),
        text("session.id", "s1"),
        text("tool_name", "Bash"),
        text("tool_use_id", id),
        pair(
            "success",
            opentelemetry_proto::tonic::common::v1::any_value::Value::BoolValue(true),
        ),
        int("duration_ms", 1_200),
    ];
    logs(vec![event("tool_result", 5, attributes)])
}

const TOOL: &str = r#", "tool_name": "Bash", "tool_use_id": "toolu_1", "duration_ms": 1150"#;

#[test]
fn tool_call_that_hook_event_and_transcript_tell_is_one_in_each_order() {
    let folder = tempfile::tempdir().unwrap();
    let lines = concat!(
        r#"{"type":"assistant","sessionId":"s1","timestamp":"2026-11-20T00:00:03.800Z","message":{"id":"msg_1","role":"assistant","model":"claude-haiku-4-5","usage":{"input_tokens":1,"output_tokens":1},"content":[{"type":"tool_use","id":"toolu_1","name":"Bash","input":{}}]}}"#,
        "\n",
        r#"{"type":"user","sessionId":"s1","timestamp":"2026-11-20T00:00:05.000Z","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"ok"}]}}"#,
        "\n"
    );
    std::fs::write(folder.path().join("s1.jsonl"), lines).unwrap();
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let host = Host::new();
        for channel in order {
            match channel {
                0 => {
                    hook(&host, "PreToolUse", TOOL);
                    hook(&host, "PostToolUse", TOOL);
                }
                1 => {
                    host.logs(&tool_result("toolu_1"));
                }
                _ => {
                    let mut transcripts = ClaudeTranscripts::new(folder.path());
                    host.processor.import(&mut transcripts).unwrap();
                    assert_eq!(transcripts.figures().tools, 1);
                }
            }
        }
        let records = host.records();
        let told = tools(&records);
        assert_eq!(told.len(), 1, "{order:?}: {told:?}");
        assert_eq!(told[0].elapsed, Duration::from_millis(1_200), "{order:?}");
    }
}

#[test]
fn tool_call_of_another_id_is_another() {
    let host = Host::new();
    hook(&host, "PostToolUse", TOOL);
    host.logs(&tool_result("toolu_2"));
    assert_eq!(tools(&host.records()).len(), 2);
}

#[test]
fn tool_call_that_was_recorded_by_its_event_is_known_to_the_hook() {
    let host = Host::new();
    host.logs(&tool_result("toolu_1"));
    assert_eq!(tools(&host.records()).len(), 1);
    hook(&host, "PostToolUse", TOOL);
    assert_eq!(tools(&host.records()).len(), 1);
}

#[test]
fn session_that_hooks_and_events_tell_begins_and_ends_once() {
    let host = Host::new();
    hook(&host, "SessionStart", r#", "source": "startup""#);
    host.logs(&call_events(&[Call {
        session: "s1",
        number: 0,
        second: 5,
        input: 100,
        cache_read: 0,
        output: 50,
    }]));
    hook(&host, "Stop", r#", "stop_hook_active": false"#);
    host.clock.advance(Duration::from_secs(60));
    hook(&host, "SessionEnd", r#", "reason": "logout""#);
    let records = host.records();
    assert_eq!(calls(&records).len(), 1);
    let starts = records.iter().map(|it| &it.body);
    let starts = starts.filter(|it| matches!(it, Body::SessionStart(_)));
    assert_eq!(starts.count(), 1, "{records:?}");
    let ends = records.iter().filter_map(|it| match &it.body {
        Body::SessionEnd(end) => Some(end.elapsed),
        _ => None,
    });
    assert_eq!(ends.collect::<Vec<_>>(), [Duration::from_secs(60)]);
    assert_eq!(Stats::of(records).overview.sessions, 1);
}

#[test]
fn compaction_that_a_hook_and_an_event_tell_is_one() {
    let host = Host::new();
    hook(&host, "PreCompact", r#", "trigger": "manual""#);
    hook(&host, "PostCompact", r#", "trigger": "manual""#);
    let attributes = vec![
        text("event.name", "compaction"),
        text("session.id", "s1"),
        text("trigger", "manual"),
    ];
    host.logs(&logs(vec![event("compaction", 5, attributes)]));
    let records = host.records();
    let told = records
        .iter()
        .filter(|it| matches!(&it.body, Body::Metric(it) if it.name() == "compaction_manual"));
    assert_eq!(told.count(), 1, "{records:?}");
}

#[test]
fn status_line_makes_a_record_when_the_context_changes() {
    let host = Host::new();
    for used in [8_500, 8_500, 9_000] {
        let json = format!(
            r#"{{"session_id": "s1", "model": {{"id": "claude-opus-5"}}, "context_window":
                {{"context_window_size": 200000, "current_usage": {{"input_tokens": {used}, "output_tokens": 1}}}}}}"#
        );
        host.processor.hook(json.as_bytes()).unwrap();
    }
    let records = host.records();
    let told = records.iter().filter_map(|it| match &it.body {
        Body::ContextPressure(it) => Some((it.used, it.window)),
        _ => None,
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [(8_500, 200_000), (9_000, 200_000)]
    );
}

#[test]
fn no_text_of_a_hook_reaches_a_record() {
    let host = Host::new();
    let fields = |name: &str| {
        format!(
            r#", "tool_name": "Bash", "tool_use_id": "toolu_canary", "prompt": "canary", "cwd": "/canary",
               "transcript_path": "/canary", "tool_input": {{"command": "canary"}}, "error": "canary {name}",
               "tool_response": {{"stdout": "canary"}}, "last_assistant_message": "canary", "message": "canary",
               "compact_summary": "canary", "custom_instructions": "canary", "reason": "canary", "trigger": "canary",
               "source": "canary", "agent_transcript_path": "/canary", "model": {{"id": "canary"}},
               "workspace": {{"current_dir": "/canary"}}, "context_window": {{"context_window_size": 10, "used_percentage": 50}}"#
        )
    };
    for name in [
        "SessionStart",
        "UserPromptSubmit",
        "PreToolUse",
        "PostToolUse",
        "PostToolUseFailure",
        "SubagentStart",
        "SubagentStop",
        "PreCompact",
        "PostCompact",
        "Notification",
        "Status",
        "Stop",
        "SessionEnd",
        "Canary",
    ] {
        hook(&host, name, &fields(name));
    }
    let bad = br#"{"session_id": "s1", "tool_name": ["canary"]}"#;
    let error = host.processor.hook(bad).unwrap_err();
    assert!(matches!(error, InvalidHook::Malformed { line: 1, .. }));
    let records = host.records();
    let kinds = tools(&records).len() + records.len();
    assert!(kinds > 5, "{records:?}");
    let json = serde_json::to_string(&records).unwrap();
    let figures = host.processor.figures();
    let all = format!("{json} {error} {error:?} {figures:?}");
    assert!(!all.to_lowercase().contains("canary"), "{all}");
    let hooks = figures.hooks;
    assert_eq!((hooks.known, hooks.unknown, hooks.invalid), (13, 1, 1));
}
