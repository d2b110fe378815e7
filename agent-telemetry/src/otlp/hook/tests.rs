//! Hooks as Claude Code gives them, one event after another.

use std::time::Duration;

use agent_primitives::Timestamp;

use super::super::seen::{Channel, Seen, ToolSeen, What};
use super::input::LONGEST;
use super::{HookFigures, Hooks, Input, InvalidHook};
use crate::{Outcome, ToolOutcome};

/// What all hooks are told.
const COMMON: &str = r#""session_id": "0b5c", "transcript_path": "/t.jsonl", "cwd": "/w", "permission_mode": "default""#;

const BEGAN: What = What::Began { resumed: false };

struct Desk {
    hooks: Hooks,
    now: Timestamp,
}

impl Desk {
    fn new() -> Self {
        Self {
            hooks: Hooks::new(7),
            now: Timestamp::from_unix_seconds(1_000),
        }
    }

    /// One second later, the JSON of a hook with these fields.
    fn seen(&mut self, fields: &str) -> Vec<Seen> {
        self.now = self.now + Duration::from_secs(1);
        let json = format!("{{{COMMON}, {fields}}}");
        let input = Input::read(json.as_bytes()).unwrap();
        let mut out = Vec::new();
        self.hooks
            .see(&input, input.who().unwrap(), self.now, &mut out);
        for seen in &out {
            assert_eq!((seen.channel, seen.at), (Channel::Hook, self.now));
            assert_eq!(seen.who.session.as_ref().unwrap().as_str(), "0b5c");
        }
        out
    }

    fn event(&mut self, name: &str, fields: &str) -> What {
        let fields = format!(r#""hook_event_name": "{name}", {fields}"hook": 1"#);
        let mut seen = self.seen(&fields);
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0).what
    }

    fn tool(&mut self, name: &str, fields: &str) -> ToolSeen {
        match self.event(name, fields) {
            What::Tool(tool) => tool,
            other => panic!("{other:?}"),
        }
    }
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn session_begins_anew_unless_it_resumes() {
    for (source, resumed) in [
        ("startup", false),
        ("resume", true),
        ("clear", false),
        ("fork", false),
        ("compact", false),
    ] {
        let mut desk = Desk::new();
        let what = desk.event(
            "SessionStart",
            &format!(r#""source": "{source}", "model": "m","#),
        );
        assert_eq!(what, What::Began { resumed }, "{source}");
    }
}

#[test]
fn session_ends_after_the_time_since_it_was_first_seen() {
    let mut desk = Desk::new();
    desk.event("SessionStart", r#""source": "startup","#);
    desk.event("Stop", r#""stop_hook_active": false,"#);
    let ended = |elapsed| What::Ended {
        outcome: Outcome::Aborted,
        elapsed,
    };
    let end = desk.event("SessionEnd", r#""reason": "prompt_input_exit","#);
    assert_eq!(end, ended(seconds(2)));
    let again = desk.event("SessionEnd", r#""reason": "other","#);
    assert_eq!(again, ended(Duration::ZERO), "nothing was seen since");
}

#[test]
fn tool_takes_the_time_that_is_told_or_that_lies_between_its_hooks() {
    let mut desk = Desk::new();
    let call = r#""tool_name": "Bash", "tool_use_id": "toolu_1", "tool_input": {"command": "ls"},"#;
    assert_eq!(desk.event("PreToolUse", call), BEGAN);
    assert_eq!(
        desk.event(
            "PreToolUse",
            r#""tool_name": "Read", "tool_use_id": "toolu_2","#
        ),
        BEGAN
    );
    let tool = desk.tool("PostToolUse", call);
    assert_eq!(
        (tool.call.as_deref(), tool.tool.as_str()),
        (Some("toolu_1"), "Bash")
    );
    assert_eq!(
        (tool.outcome, tool.elapsed),
        (ToolOutcome::Ok, Some(seconds(2)))
    );
    let told = r#""tool_name": "Read", "tool_use_id": "toolu_2", "duration_ms": 12,"#;
    let tool = desk.tool("PostToolUse", told);
    assert_eq!(tool.elapsed, Some(Duration::from_millis(12)));
    let tool = desk.tool("PostToolUse", call);
    assert_eq!(tool.elapsed, None, "its start is told once");
    let tool = desk.tool(
        "PostToolUse",
        r#""tool_name": "Bash", "duration_ms": -1e300,"#,
    );
    assert_eq!((tool.call, tool.elapsed), (None, None));
}

#[test]
fn tool_that_failed_has_failed() {
    let mut desk = Desk::new();
    let tool = desk.tool(
        "PostToolUseFailure",
        r#""tool_name": "Bash", "tool_use_id": "toolu_1", "error": "Exit code 1", "is_interrupt": false, "duration_ms": 7.5,"#,
    );
    assert_eq!(tool.outcome, ToolOutcome::Failed);
    assert_eq!(tool.elapsed, Some(Duration::from_micros(7_500)));
}

#[test]
fn same_id_in_another_session_is_another_call() {
    let mut desk = Desk::new();
    desk.event(
        "PreToolUse",
        r#""tool_name": "Bash", "tool_use_id": "toolu_1","#,
    );
    let other = r#"{"session_id": "9", "hook_event_name": "PostToolUse", "tool_name": "Bash", "tool_use_id": "toolu_1"}"#;
    let input = Input::read(other.as_bytes()).unwrap();
    let mut out = Vec::new();
    desk.hooks
        .see(&input, input.who().unwrap(), desk.now, &mut out);
    let What::Tool(tool) = &out[0].what else {
        panic!("{out:?}");
    };
    assert_eq!(tool.elapsed, None);
}

#[test]
fn compaction_is_told_once_by_whichever_of_its_hooks_are_set() {
    let compacted = |automatic| What::Compacted {
        before: None,
        after: None,
        automatic,
    };
    let pre = (
        "PreCompact",
        r#""trigger": "manual", "custom_instructions": "","#,
    );
    let post = (
        "PostCompact",
        r#""trigger": "manual", "compact_summary": "","#,
    );
    let start = ("SessionStart", r#""source": "compact","#);
    for (hooks, told) in [
        (&[pre, post, start][..], 1),
        (&[pre, start, post], 1),
        (&[pre, post], 1),
        (&[post], 1),
        (&[post, start], 1),
        (&[pre, start], 1),
        // It may have been stopped.
        (&[pre], 0),
    ] {
        let mut desk = Desk::new();
        // Of one after another, each.
        for round in 1..=2 {
            let all = hooks.iter().map(|(name, fields)| desk.event(name, fields));
            let count = all.filter(|it| *it == compacted(false)).count();
            assert_eq!(count, told, "{hooks:?} in round {round}");
        }
    }
    let automatic = Desk::new().event("PostCompact", r#""trigger": "auto","#);
    assert_eq!(automatic, compacted(true));
}

#[test]
fn subagent_has_its_type_as_name_and_a_time_of_its_own() {
    let mut desk = Desk::new();
    let agent = |id: &str| format!(r#""agent_id": "{id}", "agent_type": "Explore","#);
    let fields = format!(
        r#""hook_event_name": "SubagentStart", {}"x": 0"#,
        agent("a1")
    );
    let seen = desk.seen(&fields);
    assert_eq!(seen[0].what, BEGAN);
    let who = &seen[0].who;
    assert_eq!(who.agent.as_ref().unwrap().as_str(), "Explore");
    assert_eq!(who.parent_agent.as_ref().unwrap().as_str(), "claude-code");
    desk.event("SubagentStart", &agent("a2"));
    for elapsed in [2, 2] {
        let id = if desk.now.unix_millis() == 1_002_000 {
            "a1"
        } else {
            "a2"
        };
        let ended = What::Ended {
            outcome: Outcome::Success,
            elapsed: seconds(elapsed),
        };
        assert_eq!(desk.event("SubagentStop", &agent(id)), ended, "{id}");
    }
}

#[test]
fn agent_of_the_session_itself_is_the_one_that_speaks_over_otlp() {
    let mut desk = Desk::new();
    // A session that was started as an agent of a type has no id of a subagent.
    let seen = desk.seen(r#""hook_event_name": "Stop", "agent_type": "reviewer""#);
    assert_eq!(seen[0].who.agent.as_ref().unwrap().as_str(), "claude-code");
    assert_eq!(seen[0].who.parent_agent, None);
    let seen = desk.seen(r#""hook_event_name": "Stop", "agent_id": "a1", "agent_type": "no name""#);
    assert_eq!(seen[0].who.agent.as_ref().unwrap().as_str(), "a1");
}

#[test]
fn status_line_tells_the_context_without_the_answer() {
    let told = |context: &str| {
        let fields = format!(
            r#""model": {{"id": "claude-opus-5", "display_name": "Opus"}}, "cost": {{"total_cost_usd": 0.01234}},
               "context_window": {context}, "exceeds_200k_tokens": false"#
        );
        let mut desk = Desk::new();
        let what = desk.seen(&fields).remove(0).what;
        (what, desk.hooks.figures().incomplete)
    };
    let context = |used, window| (What::Context { used, window }, 0);
    let full = r#"{"total_input_tokens": 15500, "context_window_size": 200000, "used_percentage": 8, "current_usage":
        {"input_tokens": 8500, "output_tokens": 1200, "cache_creation_input_tokens": 5000, "cache_read_input_tokens": 2000}}"#;
    assert_eq!(told(full), context(15_500, 200_000));
    let share =
        r#"{"context_window_size": 200000, "used_percentage": 42.5, "current_usage": null}"#;
    assert_eq!(told(share), context(85_000, 200_000));
    for nothing in [
        "null",
        "{}",
        r#"{"context_window_size": 200000, "current_usage": null, "used_percentage": null}"#,
        r#"{"context_window_size": 200000, "used_percentage": -1e308}"#,
        r#"{"context_window_size": 0, "used_percentage": 50}"#,
    ] {
        assert_eq!(told(nothing), (BEGAN, 1), "{nothing}");
    }
    let what = Desk::new().event("Status", &format!(r#""context_window": {full},"#));
    assert_eq!(
        what,
        context(15_500, 200_000).0,
        "as older versions call it"
    );
}

#[test]
fn events_are_counted_and_unknown_ones_leave_nothing() {
    let mut desk = Desk::new();
    for name in [
        "UserPromptSubmit",
        "Notification",
        "PermissionRequest",
        "Stop",
    ] {
        assert_eq!(desk.event(name, r#""source": "user","#), BEGAN, "{name}");
    }
    assert_eq!(
        desk.event("PostToolUse", r#""tool_use_id": "toolu_1","#),
        BEGAN
    );
    assert_eq!(desk.seen(r#""hook_event_name": "FileChanged""#), []);
    let figures = HookFigures {
        known: 5,
        unknown: 1,
        incomplete: 1,
        ..HookFigures::default()
    };
    assert_eq!(desk.hooks.figures(), figures);
}

#[test]
fn calls_that_never_end_are_bounded_and_counted() {
    let mut desk = Desk::new();
    for call in 0..5_000 {
        let fields = format!(r#""tool_name": "Bash", "tool_use_id": "toolu_{call}","#);
        desk.event("PreToolUse", &fields);
    }
    assert_eq!(desk.hooks.figures().forgotten, 5_000 - 4_096);
}

#[test]
fn what_is_no_hook_is_refused_without_a_word_of_it() {
    let read = |json: &str| Input::read(json.as_bytes()).and_then(|it| it.who());
    for json in [
        "",
        "nul",
        "[]",
        "7",
        r#"{"session_id": "s1"} {"session_id": "s1"}"#,
        r#"{"session_id": ["canary"]}"#,
        r#"{"session_id": "s1", "tool_name": {"canary": 1}}"#,
        r#"{"session_id": "s1", "session_id": "canary"}"#,
        r#"{"session_id": "s1", "canary"#,
    ] {
        let error = read(json).unwrap_err();
        assert!(
            matches!(error, InvalidHook::Malformed { .. }),
            "{json}: {error:?}"
        );
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    }
    let list = InvalidHook::Malformed { line: 2, column: 3 };
    assert_eq!(read("\n  [\"s1\", \"Stop\"]"), Err(list));
    for json in ["{}", r#"{"session_id": null}"#, r#"{"session_id": ""}"#] {
        assert_eq!(read(json), Err(InvalidHook::NoSession), "{json}");
    }
    for session in ["can ary", &"x".repeat(129)] {
        let json = format!(r#"{{"session_id": "{session}"}}"#);
        assert_eq!(read(&json), Err(InvalidHook::Session), "{session}");
    }
}

#[test]
fn size_is_bounded_and_depth_is_passed_over() {
    let of = |length: usize| {
        let open = r#"{"session_id": "s1", "tool_input": "#;
        let depth = (length - open.len() - 1) / 2;
        let fill = length - open.len() - 1 - 2 * depth;
        format!(
            "{open}{}{}{}}}",
            " ".repeat(fill),
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    let fits = of(LONGEST);
    assert_eq!(fits.len(), LONGEST);
    assert!(Input::read(fits.as_bytes()).is_ok());
    let error = Input::read(of(LONGEST + 1).as_bytes()).unwrap_err();
    assert_eq!(error, InvalidHook::TooLarge { bytes: LONGEST + 1 });
}
