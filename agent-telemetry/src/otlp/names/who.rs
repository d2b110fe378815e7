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

impl Origin<'_> {
    /// The item's word, else that of its resource.
    fn text(&self, field: Field) -> Option<&str> {
        let facts = &self.source.facts;
        self.facts.text(field).or_else(|| facts.text(field))
    }
}

pub(super) fn of(origin: &Origin<'_>, notes: &mut Notes) -> Who {
    let resource = &origin.source.facts;
    let project = resource.text(Field::Project);
    let service = resource.text(Field::Service);
    let service = service.and_then(|it| id::agent(it, notes));
    let mut own = [Field::AgentName, Field::AgentId].into_iter();
    let own = own.find_map(|field| origin.facts.text(field));
    let own = own.and_then(|it| id::agent(it, notes));
    let is_subagent = own.is_some() && own != service;
    let parent = origin.facts.text(Field::ParentAgent);
    let mut parent_agent = parent.and_then(|it| id::agent(it, notes));
    let has_main = matches!(origin.source.sender, Sender::ClaudeCode | Sender::GeminiCli);
    if parent_agent.is_none() && is_subagent && has_main {
        // Their main agent has no name of its own.
        parent_agent.clone_from(&service);
    }
    Who {
        project: project.and_then(|it| id::project(it, notes)),
        session: session(origin, notes),
        agent: own.or(service),
        parent_agent,
        user: origin.text(Field::User).and_then(|it| id::user(it, notes)),
    }
}

/// The session that an item is of, and in the notes who told it.
pub(super) fn session(origin: &Origin<'_>, notes: &mut Notes) -> Option<SessionId> {
    let told = origin.text(Field::Session);
    if let Some(session) = told.and_then(|it| id::session(it, notes)) {
        notes.session = SessionFrom::Item;
        return Some(session);
    }
    let resource = &origin.source.facts;
    let instance = resource.text(Field::Instance);
    let instance = instance.and_then(|it| id::session(it, notes));
    if let Some(session) = instance.or_else(|| process(resource, notes)) {
        notes.session = SessionFrom::Resource;
        return Some(session);
    }
    let trace = origin.trace.map(|it| format!("{it:032x}"));
    let session = trace.and_then(|it| SessionId::new(it).ok());
    notes.session = if session.is_some() {
        SessionFrom::Trace
    } else {
        SessionFrom::Nobody
    };
    session
}

fn process(resource: &Facts<'_>, notes: &mut Notes) -> Option<SessionId> {
    let pid = resource.count(Field::Process)?;
    let service = resource.text(Field::Service).unwrap_or("process");
    id::session(&format!("{service}-{pid}"), notes)
}
