//! Where items come from: a resource and an instrumentation scope.

use agent_primitives::{AgentId, SessionId};

use super::super::value::Attributes;
use super::super::wire::Scope;
use super::field::{Facts, Field};
use super::id;
use super::item::{Notes, SessionFrom};
use crate::ProjectId;

/// Which program sends, as far as its items need to be read in a way of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    ClaudeCode,
    Codex,
    GeminiCli,
    Other,
}

/// A resource and a scope, read once for all items that they stand above.
#[derive(Debug, Clone)]
pub(crate) struct Source<'a> {
    pub(super) sender: Sender,
    pub(super) project: Option<ProjectId>,
    pub(super) service: Option<AgentId>,
    /// Of all its items that tell none of their own.
    pub(super) session: Option<SessionId>,
    pub(super) user: Option<&'a str>,
    /// Of its own ids, and of whom the session is from.
    pub(super) notes: Notes,
}

impl<'a> Source<'a> {
    pub(crate) fn new(resource: &'a Attributes<'a>, scope: &Scope<'_>) -> Self {
        let facts = Facts::of(resource);
        let mut notes = Notes::default();
        let (session, from) = session(&facts, &mut notes);
        notes.session = from;
        let service = facts.text(Field::Service).unwrap_or_default();
        let starts = |prefix: &str| service.starts_with(prefix) || scope.name.starts_with(prefix);
        let sender = if scope.name.starts_with("com.anthropic.claude_code") || starts("claude-code")
        {
            Sender::ClaudeCode
        } else if starts("codex") {
            Sender::Codex
        } else if starts("gemini-cli") {
            Sender::GeminiCli
        } else {
            Sender::Other
        };
        let project = facts.text(Field::Project);
        let service = facts.text(Field::Service);
        Self {
            sender,
            project: project.and_then(|it| id::project(it, &mut notes)),
            service: service.and_then(|it| id::agent(it, &mut notes)),
            session,
            user: facts.text(Field::User),
            notes,
        }
    }
}

/// The session of all items of a resource: the one that it tells, else its instance, else its process.
fn session(facts: &Facts<'_>, notes: &mut Notes) -> (Option<SessionId>, SessionFrom) {
    let told = facts.text(Field::Session);
    if let Some(session) = told.and_then(|it| id::session(it, notes)) {
        return (Some(session), SessionFrom::Item);
    }
    let instance = facts.text(Field::Instance);
    let instance = instance.and_then(|it| id::session(it, notes));
    match instance.or_else(|| process(facts, notes)) {
        Some(session) => (Some(session), SessionFrom::Resource),
        None => (None, SessionFrom::Nobody),
    }
}

fn process(facts: &Facts<'_>, notes: &mut Notes) -> Option<SessionId> {
    let pid = facts.count(Field::Process)?;
    let service = facts.text(Field::Service).unwrap_or("process");
    id::session(&format!("{service}-{pid}"), notes)
}
