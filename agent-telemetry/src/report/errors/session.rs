//! One session, as far as it says what came of failures.

use agent_primitives::AgentId;

use super::course::Course;
use super::tools::FailedTools;
use crate::{Outcome, SessionEnd};

/// Agents that are followed in one session. Others begin and end unseen.
const AGENTS: usize = 64;

#[derive(Debug, Default)]
pub(super) struct OneSession {
    pub(super) course: Course,
    pub(super) tools: FailedTools,
    /// Kinds of failures in it, as bits in the order of their declaration.
    pub(super) met: u32,
    /// Whether it was interrupted in the period.
    pub(super) interrupted: bool,
    workers: Vec<Worker>,
    last_outcome: Option<Outcome>,
}

#[derive(Debug)]
struct Worker {
    agent: Option<AgentId>,
    at_work: bool,
}

impl OneSession {
    /// Whether the agent was at work already, so that something must have died.
    pub(super) fn begin(&mut self, agent: Option<&AgentId>) -> bool {
        self.worker(agent)
            .is_some_and(|worker| std::mem::replace(&mut worker.at_work, true))
    }

    pub(super) fn end(&mut self, agent: Option<&AgentId>, end: &SessionEnd) {
        self.last_outcome = Some(end.outcome);
        if let Some(worker) = self.worker(agent) {
            worker.at_work = false;
        }
    }

    fn worker(&mut self, agent: Option<&AgentId>) -> Option<&mut Worker> {
        let place = self
            .workers
            .iter()
            .position(|it| it.agent.as_ref() == agent);
        if place.is_none() && self.workers.len() < AGENTS {
            self.workers.push(Worker {
                agent: agent.cloned(),
                at_work: false,
            });
            return self.workers.last_mut();
        }
        self.workers.get_mut(place?)
    }

    /// `None` while anybody works in it, or after the process of one died.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        if self.workers.iter().any(|worker| worker.at_work) {
            return None;
        }
        self.last_outcome
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn agents_beyond_the_first_64_begin_and_end_unseen() {
        let mut session = OneSession::default();
        let agent = |number: usize| AgentId::new(format!("a{number}")).unwrap();
        let agents: Vec<AgentId> = (0..10_000).map(agent).collect();
        for agent in &agents {
            assert!(!session.begin(Some(agent)), "{agent}: for the first time");
        }
        assert_eq!(session.workers.len(), AGENTS);
        let end = SessionEnd::new(Outcome::Success, Duration::ZERO);
        // One that is not followed ends: those that are go on.
        session.end(agents.last(), &end);
        assert_eq!(session.outcome(), None);
        for agent in agents.iter().take(AGENTS) {
            assert!(session.begin(Some(agent)), "at work already");
            session.end(Some(agent), &end);
        }
        assert_eq!(session.outcome(), Some(Outcome::Success));
        assert!(!session.begin(agents.last()), "nobody knows whether it was");
    }
}
