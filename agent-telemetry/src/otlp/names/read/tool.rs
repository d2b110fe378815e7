//! Calls of tools.

use super::super::super::seen::{Seen, ToolSeen, What};
use super::super::super::wire::SpanStatus;
use super::super::field::Field;
use super::super::id;
use super::super::item::Item;
use super::handoff::handoff;
use super::outcome::{is_refused, rejected};
use crate::ToolOutcome;

/// `gemini_cli.tool_call`: a call that was not allowed did not take place.
pub(in super::super) fn gemini_tool(item: &mut Item<'_>, out: &mut Vec<Seen>) {
    if is_refused(&item.facts) {
        rejected(item, out);
    } else {
        tool(item, out);
    }
}

/// A tool that was called, from an event at its end or from its span. One without a name is not a fact, and one that
/// gives work to another agent is a handoff.
pub(in super::super) fn tool(item: &mut Item<'_>, out: &mut Vec<Seen>) {
    if item.facts.has(Field::HandoffTo) {
        handoff(item, out);
        return;
    }
    let facts = &item.facts;
    let notes = &mut item.notes;
    let name = facts
        .text(Field::ToolName)
        .or_else(|| facts.text(Field::EntityName));
    let Some(tool) = name.and_then(|it| id::tool(it, notes)) else {
        item.notes.incomplete = true;
        return;
    };
    let call = facts.text(Field::ToolCall);
    let call = call.and_then(|it| id::key(it, notes));
    let is_failed = match facts.bool(Field::Success) {
        Some(is_well) => !is_well,
        None => item.status == SpanStatus::Error || facts.has(Field::ErrorType),
    };
    let told = facts.text(Field::ToolOutcome);
    let outcome = match told.and_then(ToolOutcome::from_word) {
        Some(outcome) => outcome,
        None if is_failed => ToolOutcome::Failed,
        None => ToolOutcome::Ok,
    };
    let seen = ToolSeen {
        call,
        span: item.span,
        item: item.fingerprint,
        tool,
        outcome,
        elapsed: item.elapsed(),
    };
    out.push(item.seen(What::Tool(seen)));
}
