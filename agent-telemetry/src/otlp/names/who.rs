//! In whose work something happened.
//!
//! The session is the first that is told of: `session.id`, `gen_ai.conversation.id` and the other names of the
//! table in its order; then the resource's `service.instance.id`; then its service with `process.pid`; then, for
//! spans, the trace. The project is the resource's `agent.project`, `project` or `service.namespace`.

use agent_primitives::SessionId;

use super::super::seen::Who;
use super::field::{Facts, Field};
use super::id;
use super::item::{Notes, SessionFrom};
use super::source::{Sender, Source};

/// Where to look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'o> {
    pub(super) source: &'o Source<'o>,
    pub(super) facts: &'o Facts<'o>,
    pub(super) trace: Option<u128>,
}

pub(super) fn of(origin: &Origin<'_>, notes: &mut Notes) -> Who {
    let (source, facts) = (origin.source, origin.facts);
    let mut own = [Field::AgentName, Field::AgentId].into_iter();
    let own = own.find_map(|field| facts.text(field));
    let own = own.and_then(|it| id::agent(it, notes));
    let is_subagent = own.is_some() && own != source.service;
    let parent = facts.text(Field::ParentAgent);
    let mut parent_agent = parent.and_then(|it| id::agent(it, notes));
    let has_main = matches!(source.sender, Sender::ClaudeCode | Sender::GeminiCli);
    if parent_agent.is_none() && is_subagent && has_main {
        // Their main agent has no name of its own.
        parent_agent.clone_from(&source.service);
    }
    let user = facts.text(Field::User).or(source.user);
    Who {
        project: source.project.clone(),
        session: session(origin, notes),
        agent: own.or_else(|| source.service.clone()),
        parent_agent,
        user: user.and_then(|it| id::user(it, notes)),
    }
}

/// The session that an item is of, and in the notes who told it.
pub(super) fn session(origin: &Origin<'_>, notes: &mut Notes) -> Option<SessionId> {
    notes.mended_id |= origin.source.notes.mended_id;
    notes.dropped_id |= origin.source.notes.dropped_id;
    let told = origin.facts.text(Field::Session);
    if let Some(session) = told.and_then(|it| id::session(it, notes)) {
        notes.session = SessionFrom::Item;
        return Some(session);
    }
    notes.session = origin.source.notes.session;
    if let Some(session) = &origin.source.session {
        return Some(session.clone());
    }
    let trace = origin.trace.map(|it| format!("{it:032x}"));
    let session = trace.and_then(|it| SessionId::new(it).ok());
    if session.is_some() {
        notes.session = SessionFrom::Trace;
    }
    session
}
