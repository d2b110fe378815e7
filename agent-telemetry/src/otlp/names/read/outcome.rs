//! What somebody thought of the work: scores, refusals, rules that stopped it.

use super::super::super::seen::{Seen, What};
use super::super::field::{Facts, Field};
use super::super::id;
use super::super::item::Item;
use crate::{Metric, Severity, Unit, Violation};

/// Who can refuse a tool call, in the words of Claude Code and Codex.
const DECIDERS: &[&str] = &[
    "automated_reviewer",
    "config",
    "hook",
    "user",
    "user_abort",
    "user_permanent",
    "user_reject",
    "user_temporary",
];

/// A tool call that was not allowed. One that was allowed says nothing.
pub(in super::super) fn rejected(item: &mut Item<'_>, out: &mut Vec<Seen>) {
    if !is_refused(&item.facts) {
        item.notes.incomplete |= !item.facts.has(Field::Verdict);
        return;
    }
    let told = item.facts.text(Field::VerdictSource).unwrap_or_default();
    let decider = DECIDERS.iter().find(|it| **it == told);
    let decider = decider.copied().unwrap_or("somebody");
    let tool = item.facts.text(Field::ToolName);
    let tool = tool.and_then(|it| id::tool(it, &mut item.notes));
    let tool = tool.as_ref().map_or("a tool", |it| it.as_str());
    let message = format!("call of {tool} refused by {decider}");
    let violation = Violation::new("tool_rejected", Severity::Warning, message);
    out.push(item.seen(What::Violation(violation)));
}

/// In the words of Claude Code and Gemini CLI, and of Codex.
pub(super) fn is_refused(facts: &Facts<'_>) -> bool {
    matches!(
        facts.text(Field::Verdict),
        Some("reject" | "denied" | "abort")
    )
}

/// The model refused to answer.
pub(in super::super) fn refused_answer(item: &mut Item<'_>, out: &mut Vec<Seen>) {
    let message = "the model refused to answer";
    let violation = Violation::new("model_refused", Severity::Warning, message);
    out.push(item.seen(What::Violation(violation)));
}

/// A hook of the host forbade something.
pub(in super::super) fn stopped_by_hook(item: &mut Item<'_>, out: &mut Vec<Seen>) {
    const EVENTS: &[&str] = &[
        "PreToolUse",
        "PostToolUse",
        "UserPromptSubmit",
        "Stop",
        "SubagentStop",
        "PreCompact",
        "SessionStart",
        "PermissionRequest",
    ];
    if item.facts.count(Field::Blocking).unwrap_or(0) == 0 {
        return;
    }
    let told = item.facts.text(Field::HookEvent).unwrap_or_default();
    let event = EVENTS.iter().find(|it| **it == told);
    let event = event.copied().unwrap_or("another event");
    let message = format!("a hook of {event} forbade what was to be done");
    let violation = Violation::new("hook_blocked", Severity::Warning, message);
    out.push(item.seen(What::Violation(violation)));
}

/// A score that an evaluation gave. Its explanation is content.
pub(in super::super) fn evaluation(item: &mut Item<'_>, out: &mut Vec<Seen>) {
    let score = item.facts.double(Field::Score);
    let name = item.facts.text(Field::ScoreName);
    let name = name.and_then(|it| id::agent(it, &mut item.notes));
    let metric = score
        .zip(name)
        .and_then(|(score, name)| Metric::new(name.as_str().to_owned(), score, Unit::Score).ok());
    match metric {
        Some(metric) => out.push(item.seen(What::Metric(metric))),
        None => item.notes.incomplete = true,
    }
}
