//! One session, as far as it says what came of handoffs.

use std::borrow::Cow;
use std::collections::BTreeSet;

use agent_primitives::{AgentId, Timestamp, Usd};

use super::after::After;
use crate::{Body, ModelCall, Outcome, Record, Task};

/// Handoffs of one session that are followed.
const HANDOFFS: usize = 64;
/// Agents of one session that are followed.
const AGENTS: usize = 64;

#[derive(Debug, Default)]
pub(super) struct OneSession {
    /// Who began it.
    pub(super) agent: Option<AgentId>,
    pub(super) task_type: Option<Cow<'static, str>>,
    /// When, where its first mark is a start and nothing was spent before.
    pub(super) began: Option<Timestamp>,
    workers: Vec<Worker>,
    last_outcome: Option<Outcome>,
    /// Of all calls so far.
    pub(super) spent: Usd,
    pub(super) unpriced: u64,
    pub(super) handoffs: Vec<Given>,
    /// Whether it has any handoff, followed or not.
    pub(super) has_given: bool,
    /// The sessions that wait for what comes of this one, by place; as many as their handoffs at most.
    pub(super) parents: BTreeSet<usize>,
    /// Which agent and kind of work, of a session that began.
    pub(super) stratum: Option<usize>,
    /// Whether something was told of it since the last look.
    pub(super) is_changed: bool,
}

#[derive(Debug)]
struct Worker {
    agent: Option<AgentId>,
    at_work: bool,
    outcome: Option<Outcome>,
}

/// One handoff.
#[derive(Debug)]
pub(super) struct Given {
    /// Which path.
    pub(super) path: usize,
    pub(super) at: Timestamp,
    pub(super) spent_before: Usd,
    pub(super) unpriced_before: u64,
    pub(super) after: After,
}

impl OneSession {
    /// Its number, if it is one of those that are followed.
    pub(super) fn give(&mut self, given: Given) -> Option<usize> {
        let number = self.handoffs.len();
        if number >= HANDOFFS {
            return None;
        }
        self.handoffs.push(given);
        Some(number)
    }

    pub(super) fn add(&mut self, record: &Record) {
        match &record.body {
            Body::SessionStart(task) => self.begin(record, task, true),
            Body::SessionResume(task) => self.begin(record, task, false),
            Body::SessionEnd(end) => {
                self.last_outcome = Some(end.outcome);
                if let Some(worker) = self.worker(record) {
                    worker.at_work = false;
                    worker.outcome = Some(end.outcome);
                }
            }
            Body::ModelCall(call) => self.spend(call),
            _ => {}
        }
        for given in &mut self.handoffs {
            given.after.see(given.at, record);
        }
    }

    fn begin(&mut self, record: &Record, task: &Task, is_start: bool) {
        if self.workers.is_empty() {
            self.agent.clone_from(&record.agent);
            // What was called before tells of a beginning that is not among the records.
            let began = is_start && self.spent.is_zero() && self.unpriced == 0;
            self.began = began.then_some(record.at);
        }
        if self.task_type.is_none() {
            self.task_type.clone_from(&task.task_type);
        }
        if let Some(worker) = self.worker(record) {
            worker.at_work = true;
        }
    }

    /// `None` beyond the bound: what becomes of the work of such an agent is not known.
    fn worker(&mut self, record: &Record) -> Option<&mut Worker> {
        let of = self.workers.iter().position(|it| it.agent == record.agent);
        let place = of.unwrap_or(self.workers.len());
        if place >= AGENTS {
            return None;
        }
        if of.is_none() {
            self.workers.push(Worker {
                agent: record.agent.clone(),
                at_work: false,
                outcome: None,
            });
        }
        self.workers.get_mut(place)
    }

    fn spend(&mut self, call: &ModelCall) {
        self.spent += call.cost.unwrap_or_default();
        self.unpriced += u64::from(call.is_unpriced());
    }

    /// `None` while anybody works in it, or after the process of one died.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        if self.workers.iter().any(|worker| worker.at_work) {
            return None;
        }
        self.last_outcome
    }

    /// How it ended for one agent; `None` while it works.
    pub(super) fn outcome_of(&self, agent: &AgentId) -> Option<Outcome> {
        let worker = self
            .workers
            .iter()
            .find(|worker| worker.agent.as_ref() == Some(agent))?;
        worker.outcome.filter(|_| !worker.at_work)
    }
}

#[cfg(test)]
impl OneSession {
    /// Handoffs and agents in memory.
    pub(super) const fn followed(&self) -> (usize, usize) {
        (self.handoffs.len(), self.workers.len())
    }
}

#[cfg(test)]
mod tests {
    use agent_primitives::{ModelId, ProviderId};

    use super::*;

    fn told(bodies: [Body; 2]) -> OneSession {
        let mut session = OneSession::default();
        for body in bodies {
            session.add(&Record::new(Timestamp::UNIX_EPOCH, body));
        }
        session
    }

    #[test]
    fn session_that_was_at_work_before_its_first_mark_has_not_begun_there() {
        let model = ModelId::new("m").unwrap();
        let call = ModelCall::new(ProviderId::new("p").unwrap(), model).cost(Usd::from_micros(1));
        let start = Body::SessionStart(Task::default());
        assert_eq!(told([call.clone().into(), start.clone()]).began, None);
        assert!(told([start, call.into()]).began.is_some());
    }
}
