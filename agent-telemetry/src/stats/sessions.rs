//! Sessions: how many, how they ended, what each kind of task cost.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use agent_primitives::{SessionId, Timestamp, Usd};

use super::{Outcomes, TaskCost};
use crate::{Body, Outcome, Record, Task};

#[derive(Debug, Default)]
pub(super) struct Sessions {
    known: HashMap<SessionId, OneSession>,
    /// Calls that belong to no session.
    outside: Spending,
}

/// What the records say about one session, in whatever order.
#[derive(Debug, Default)]
struct OneSession {
    /// Handles that were made: the start and each resumption.
    lives: u64,
    ends: u64,
    last_life: Option<Timestamp>,
    /// Of two ends at one time the later word of [`Outcome`] counts, so that order does not.
    last_end: Option<(Timestamp, Outcome)>,
    /// As the earliest life names it.
    task_type: Option<(Timestamp, String)>,
    spending: Spending,
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
    /// Of model calls in sessions.
    pub(super) cost: Usd,
    pub(super) by_task_type: Vec<TaskCost>,
}

impl Sessions {
    pub(super) fn add(&mut self, record: &Record) {
        let spending = match &record.session {
            Some(id) => {
                if !self.known.contains_key(id) {
                    self.known.insert(id.clone(), OneSession::default());
                }
                let Some(session) = self.known.get_mut(id) else {
                    return;
                };
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
            cost: Usd::ZERO,
            by_task_type: Vec::new(),
        };
        let mut kinds: BTreeMap<Option<String>, TaskCost> = BTreeMap::new();
        for session in self.known.into_values() {
            figures.crashes += session.crashes();
            figures.cost += session.spending.cost;
            let outcome = session.outcome();
            *figures.outcomes.of(outcome) += 1;
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
                self.lives += 1;
                self.last_life = self.last_life.max(Some(record.at));
                self.name(record.at, task);
            }
            Body::SessionEnd(end) => {
                self.ends += 1;
                self.last_end = self.last_end.max(Some((record.at, end.outcome)));
            }
            _ => {}
        }
    }

    fn name(&mut self, at: Timestamp, task: &Task) {
        let Some(name) = &task.task_type else { return };
        let known = self.task_type.as_ref();
        if known.is_none_or(|(since, known)| (at, name.as_ref()) < (*since, known.as_str())) {
            self.task_type = Some((at, name.as_ref().to_owned()));
        }
    }

    /// `None` while it runs, or after its process died.
    fn outcome(&self) -> Option<Outcome> {
        let (at, outcome) = self.last_end?;
        (Some(at) >= self.last_life).then_some(outcome)
    }

    /// Lives that were followed by another without having ended.
    fn crashes(&self) -> u64 {
        let last_has_ended = u64::from(self.outcome().is_some());
        let earlier_ends = self.ends - last_has_ended;
        self.lives.saturating_sub(1).saturating_sub(earlier_ends)
    }
}

impl Outcomes {
    fn of(&mut self, outcome: Option<Outcome>) -> &mut u64 {
        match outcome {
            Some(Outcome::Success) => &mut self.success,
            Some(Outcome::Escalated) => &mut self.escalated,
            Some(Outcome::Failed) => &mut self.failed,
            Some(Outcome::Aborted) => &mut self.aborted,
            None => &mut self.open,
        }
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
