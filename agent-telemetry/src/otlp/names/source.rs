//! Where items come from: a resource and an instrumentation scope.

use super::super::value::Attributes;
use super::super::wire::Scope;
use super::field::{Facts, Field};

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
    pub(super) facts: Facts<'a>,
    pub(super) sender: Sender,
}

impl<'a> Source<'a> {
    pub(crate) fn new(resource: &'a Attributes<'a>, scope: &Scope<'_>) -> Self {
        let facts = Facts::of(resource);
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
        Self { facts, sender }
    }
}
