//! Sessions and agents: what begins, what ends, what is compacted.

use std::time::Duration;

use super::super::super::seen::{Seen, What};
use super::super::super::wire::SpanStatus;
use super::super::field::Field;
use super::super::id;
use super::super::item::Item;
use crate::Outcome;

/// A session, or an agent within it, showed itself.
pub(in super::super) fn began(item: &mut Item<'_>, out: &mut Vec<Seen>) {
    out.push(item.seen(What::Began { resumed: false }));
}

/// A subagent said that it is done, as `subagent_completed` and `gemini_cli.agent.finish` do.
pub(in super::super) fn agent_ended(item: &mut Item<'_>, out: &mut Vec<Seen>) {
    // Words of Gemini CLI. Claude Code says no more than that the subagent completed.
    let outcome = match item.facts.text(Field::Ending) {
        None | Some("GOAL") => Outcome::Success,
        Some("ABORTED") => Outcome::Aborted,
        Some(_) => Outcome::Failed,
    };
    let elapsed = item.elapsed().unwrap_or(Duration::ZERO);
    out.push(item.seen(What::Ended { outcome, elapsed }));
}

/// A span that is a run of an agent: it began and it ended. The tokens that some senders put on it are those of the
/// calls within it, and are not counted.
pub(in super::super) fn agent_run(item: &mut Item<'_>, out: &mut Vec<Seen>) {
    let Some((at, elapsed)) = item.began else {
        item.notes.incomplete = true;
        return;
    };
    let is_failed = item.status == SpanStatus::Error || item.facts.has(Field::ErrorType);
    let told = item.facts.text(Field::Outcome);
    let outcome = match told.and_then(Outcome::from_word) {
        Some(outcome) => outcome,
        None if is_failed => Outcome::Failed,
        None => Outcome::Success,
    };
    let mut ended = item.seen(What::Ended { outcome, elapsed });
    let entity = item.facts.text(Field::EntityName);
    let entity = entity.filter(|_| !item.facts.has(Field::AgentName));
    if let Some(agent) = entity.and_then(|it| id::agent(it, &mut item.notes)) {
        ended.who.agent = Some(agent);
    }
    let mut began = ended.clone();
    began.at = at;
    began.what = What::Began { resumed: false };
    out.extend([began, ended]);
}

pub(in super::super) fn compaction(item: &mut Item<'_>, out: &mut Vec<Seen>) {
    if item.facts.bool(Field::Success) == Some(false) {
        return;
    }
    let automatic = item.facts.text(Field::Trigger) != Some("manual");
    compacted(item, automatic, out);
}

/// Gemini CLI does not tell whether it was asked to.
pub(in super::super) fn gemini_compaction(item: &mut Item<'_>, out: &mut Vec<Seen>) {
    compacted(item, true, out);
}

fn compacted(item: &mut Item<'_>, automatic: bool, out: &mut Vec<Seen>) {
    let what = What::Compacted {
        before: item.facts.count(Field::Before),
        after: item.facts.count(Field::After),
        automatic,
    };
    out.push(item.seen(what));
}
