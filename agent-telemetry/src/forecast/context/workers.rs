//! Who works in a session, so that it is over when the last of them ended.

use std::collections::BTreeSet;

use agent_primitives::AgentId;

/// Agents of a session that are remembered.
const AGENTS: usize = 64;

/// The agents of a session that began, or did anything, and did not end.
#[derive(Debug, Clone, Default)]
pub(super) struct Workers {
    at_work: BTreeSet<AgentId>,
    is_over: bool,
}

impl Workers {
    /// One of them began, went on or did something. Its beginning may lie before what is known.
    pub(super) fn works(&mut self, agent: Option<&AgentId>) {
        self.is_over = false;
        if let Some(agent) = agent
            && self.at_work.len() < AGENTS
            && !self.at_work.contains(agent)
        {
            self.at_work.insert(agent.clone());
        }
    }

    /// One of them ended; all of them where nobody says which.
    pub(super) fn ends(&mut self, agent: Option<&AgentId>) {
        match agent {
            Some(agent) => {
                self.at_work.remove(agent);
            }
            None => self.at_work.clear(),
        }
        self.is_over = self.at_work.is_empty();
    }

    /// Whether the last of them ended, and nothing came after that.
    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }
}
