//! Sessions: how many, how they ended, what each kind of task cost.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use agent_primitives::{AgentId, SessionId, Timestamp, Usd};

use super::{Outcomes, TaskCost};
use crate::{Body, Outcome, ProjectId, Record, Task};

#[derive(Debug, Default)]
pub(super) struct Sessions {
    known: HashMap<(Option<ProjectId>, SessionId), OneSession>,
    /// Calls that belong to no session.
    outside: Spending,
}

/// What the records say about one session.
#[derive(Debug, Default)]
struct OneSession {
    /// Several agents may work in one session at the same time.
    workers: BTreeMap<Option<AgentId>, Worker>,
    last_outcome: Option<Outcome>,
    /// As the earliest life names it.
    task_type: Option<(Timestamp, String)>,
    spending: Spending,
}

/// The starts, resumptions and ends of one agent in one session, in the order of recording: a clock
/// that is set back must not turn them around.
#[derive(Debug, Default)]
struct Worker {
    at_work: bool,
    crashes: u64,
}

#[derive(Debug, Default)]
struct Spending {
    cost: Usd,
    unpriced_calls: u64,
}

#[derive(Debug)]
pub(super) struct SessionFigures {
    pub(super) count: u64,
    pub(super) crashes: u64,
    pub(super) outcomes: Outcomes,
    pub(super) by_project: BTreeMap<Option<ProjectId>, Outcomes>,
    /// Of model calls in sessions.
    pub(super) cost: Usd,
    pub(super) by_task_type: Vec<TaskCost>,
}

impl Sessions {
    pub(super) fn add(&mut self, record: &Record) {
        let spending = match &record.session {
            Some(id) => {
                let key = (record.project.clone(), id.clone());
                let session = self.known.entry(key).or_default();
                session.add(record);
                &mut session.spending
            }
            None => &mut self.outside,
        };
        if let Body::ModelCall(call) = &record.body {
            spending.cost += call.cost.unwrap_or(Usd::ZERO);
            spending.unpriced_calls += u64::from(call.is_unpriced());
        }
    }

    pub(super) fn finish(self) -> SessionFigures {
        let mut figures = SessionFigures {
            count: self.known.len() as u64,
            crashes: 0,
            outcomes: Outcomes::default(),
            by_project: BTreeMap::new(),
            cost: Usd::ZERO,
            by_task_type: Vec::new(),
        };
        let mut kinds: BTreeMap<Option<String>, TaskCost> = BTreeMap::new();
        for ((project, _), session) in self.known {
            figures.crashes += session.crashes();
            figures.cost += session.spending.cost;
            let outcome = session.outcome();
            *figures.outcomes.of(outcome) += 1;
            *figures.by_project.entry(project).or_default().of(outcome) += 1;
            let kind = line(&mut kinds, session.task_type.map(|(_, name)| name));
            kind.sessions += 1;
            kind.successes += u64::from(outcome == Some(Outcome::Success));
            kind.add(&session.spending);
        }
        if !self.outside.cost.is_zero() || self.outside.unpriced_calls > 0 {
            line(&mut kinds, None).add(&self.outside);
        }
        figures.by_task_type = kinds.into_values().collect();
        for kind in &mut figures.by_task_type {
            kind.per_success = kind.cost.div_round(kind.successes);
        }
        // Stable: equal costs stay in the order of names.
        figures.by_task_type.sort_by_key(|kind| Reverse(kind.cost));
        figures
    }
}

impl OneSession {
    fn add(&mut self, record: &Record) {
        match &record.body {
            Body::SessionStart(task) | Body::SessionResume(task) => {
                self.worker(record).begin();
                self.name(record.at, task);
            }
            Body::SessionEnd(end) => {
                self.worker(record).end();
                self.last_outcome = Some(end.outcome);
            }
            _ => {}
        }
    }

    fn worker(&mut self, record: &Record) -> &mut Worker {
        self.workers.entry(record.agent.clone()).or_default()
    }

    fn name(&mut self, at: Timestamp, task: &Task) {
        let Some(name) = &task.task_type else { return };
        let known = self.task_type.as_ref();
        if known.is_none_or(|(since, known)| (at, name.as_ref()) < (*since, known.as_str())) {
            self.task_type = Some((at, name.as_ref().to_owned()));
        }
    }

    /// `None` while anybody works in it, or after the process of one died.
    fn outcome(&self) -> Option<Outcome> {
        if self.workers.values().any(|worker| worker.at_work) {
            return None;
        }
        self.last_outcome
    }

    fn crashes(&self) -> u64 {
        self.workers.values().map(|worker| worker.crashes).sum()
    }
}

impl Worker {
    fn begin(&mut self) {
        self.crashes += u64::from(self.at_work);
        self.at_work = true;
    }

    /// One end more than handles that were known to live: one that was taken for dead was not.
    fn end(&mut self) {
        if !self.at_work {
            self.crashes = self.crashes.saturating_sub(1);
        }
        self.at_work = false;
    }
}

impl Outcomes {
    pub(crate) fn of(&mut self, outcome: Option<Outcome>) -> &mut u64 {
        match outcome {
            Some(Outcome::Success) => &mut self.success,
            Some(Outcome::Escalated) => &mut self.escalated,
            Some(Outcome::Failed) => &mut self.failed,
            Some(Outcome::Aborted) => &mut self.aborted,
            None => &mut self.open,
        }
    }

    pub(crate) fn absorb(&mut self, other: &Self) {
        self.success += other.success;
        self.escalated += other.escalated;
        self.failed += other.failed;
        self.aborted += other.aborted;
        self.open += other.open;
    }
}

impl TaskCost {
    fn add(&mut self, spending: &Spending) {
        self.cost += spending.cost;
        self.unpriced_calls += spending.unpriced_calls;
    }
}

fn line(
    kinds: &mut BTreeMap<Option<String>, TaskCost>,
    task_type: Option<String>,
) -> &mut TaskCost {
    kinds
        .entry(task_type)
        .or_insert_with_key(|task_type| TaskCost {
            task_type: task_type.clone(),
            sessions: 0,
            successes: 0,
            cost: Usd::ZERO,
            unpriced_calls: 0,
            per_success: None,
        })
}
