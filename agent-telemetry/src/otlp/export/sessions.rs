//! Which span the work of a session belongs to.

use std::collections::HashMap;
use std::time::Duration;

use agent_primitives::{AgentId, SessionId, Timestamp};

use super::ids::{SpanId, TraceId};
use crate::{Parent, ProjectId, Record, Task};

/// Sessions that are remembered. Of one that is forgotten the root is still named by its derived id.
const SESSIONS: usize = 4_096;
/// Stretches of one session that are remembered.
const STRETCHES: usize = 64;

type Key = (Option<ProjectId>, SessionId);

/// The sessions that were seen to begin, the latest ones.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    known: HashMap<Key, Known>,
    /// Counts what happens, to tell who was busy last.
    turn: u64,
}

#[derive(Debug, Default)]
struct Known {
    stretches: Vec<Stretch>,
    touched: u64,
}

impl Known {
    /// The span of an agent's next stretch, and that of the first where there was one.
    fn next(
        &self,
        trace: TraceId,
        agent: Option<&AgentId>,
        began: Timestamp,
        resumed: bool,
    ) -> (SpanId, Option<SpanId>) {
        let root = SpanId::of_work(trace, agent);
        let is_again = || self.stretches.iter().any(|it| it.agent.as_ref() == agent);
        if !resumed && !is_again() {
            return (root, None);
        }
        let is_taken = |span: &SpanId| self.stretches.iter().any(|it| it.work.span == *span);
        let moments = (0..).take(STRETCHES + 1).map(Duration::from_nanos);
        let mut spans = moments.map(|it| SpanId::of_stretch(trace, agent, began + it));
        let span = spans.find(|span| !is_taken(span)).unwrap_or(root);
        (span, Some(root))
    }

    fn push(&mut self, stretch: Stretch) {
        if self.stretches.len() >= STRETCHES {
            // One that has ended, where there is one.
            let ended = self.stretches.iter().position(|it| !it.is_open);
            self.stretches.remove(ended.unwrap_or(0));
        }
        self.stretches.push(stretch);
    }
}

/// From a beginning, or a resumption, to an end.
#[derive(Debug, Clone)]
struct Stretch {
    agent: Option<AgentId>,
    began: Timestamp,
    is_open: bool,
    work: Work,
}

/// The span of a stretch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
    /// Who gave the work, in the same session, or what it goes on with.
    pub(super) parent: Option<SpanId>,
    /// Who gave the work, in another session.
    pub(super) giver: Option<(TraceId, SpanId)>,
    /// What it is about, without the description.
    pub(super) task: Task,
}

/// Where something belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) trace: TraceId,
    pub(super) parent: Option<SpanId>,
}

impl Sessions {
    /// The work of a record's agent begins, or goes on where `resumed`.
    pub(super) fn begin(&mut self, record: &Record, task: &Task, resumed: bool) {
        let Some(session) = &record.session else {
            return;
        };
        let (project, agent) = (record.project.as_ref(), record.agent.as_ref());
        let trace = TraceId::of(project, session);
        let giver = task.parent.as_ref();
        let giver = giver.and_then(|it| self.giver(project, it));
        let known = self.known(project, session);
        let (span, goes_on) = known.next(trace, agent, record.at, resumed);
        let within = giver.filter(|(it, _)| *it == trace).map(|(_, span)| span);
        let work = Work {
            trace,
            span,
            parent: goes_on.or(within).filter(|parent| *parent != span),
            giver: giver.filter(|(it, _)| *it != trace),
            task: Task {
                description: None,
                ..task.clone()
            },
        };
        known.push(Stretch {
            agent: agent.cloned(),
            began: record.at,
            is_open: true,
            work,
        });
    }

    /// The stretch that ended with this record, which began at about `began`.
    pub(super) fn end(&mut self, record: &Record, began: Timestamp) -> Option<Work> {
        let session = record.session.as_ref()?;
        let agent = record.agent.as_ref();
        let known = self.known(record.project.as_ref(), session);
        let open = known.stretches.iter_mut();
        let open = open.filter(|it| it.is_open && it.agent.as_ref() == agent);
        // Several handles of one session may be open.
        let distance = |at: Timestamp| at.since(began).max(began.since(at));
        if let Some(stretch) = open.min_by_key(|it| distance(it.began)) {
            stretch.is_open = false;
            return Some(stretch.work.clone());
        }
        // Nobody has seen it begin. It is remembered, so that no other has its id.
        let trace = TraceId::of(record.project.as_ref(), session);
        let (span, parent) = known.next(trace, agent, began, false);
        let work = Work {
            trace,
            span,
            parent,
            giver: None,
            task: Task::default(),
        };
        known.push(Stretch {
            agent: agent.cloned(),
            began,
            is_open: false,
            work: work.clone(),
        });
        Some(work)
    }

    /// Where a record belongs: below its agent's latest stretch, or the session's first where it names no agent.
    pub(super) fn place(&self, record: &Record) -> Option<Place> {
        let session = record.session.as_ref()?;
        let project = record.project.as_ref();
        Some(Place {
            trace: TraceId::of(project, session),
            parent: self.span_of(project, session, record.agent.as_ref()),
        })
    }

    fn giver(&self, project: Option<&ProjectId>, parent: &Parent) -> Option<(TraceId, SpanId)> {
        let span = self.span_of(project, &parent.session, parent.agent.as_ref())?;
        Some((TraceId::of(project, &parent.session), span))
    }

    fn span_of(
        &self,
        project: Option<&ProjectId>,
        session: &SessionId,
        agent: Option<&AgentId>,
    ) -> Option<SpanId> {
        let stretches = self.known.get(&(project.cloned(), session.clone()));
        let stretches = stretches.map_or(&[][..], |it| &it.stretches);
        let Some(agent) = agent else {
            return stretches.first().map(|it| it.work.span);
        };
        let is_theirs = |it: &&Stretch| it.agent.as_ref() == Some(agent);
        let latest = stretches.iter().rev().find(is_theirs);
        let derived = || SpanId::of_work(TraceId::of(project, session), Some(agent));
        Some(latest.map_or_else(derived, |it| it.work.span))
    }

    fn known(&mut self, project: Option<&ProjectId>, session: &SessionId) -> &mut Known {
        let key = (project.cloned(), session.clone());
        if self.known.len() >= SESSIONS && !self.known.contains_key(&key) {
            let longest_ago = self.known.iter().min_by_key(|(_, it)| it.touched);
            if let Some(longest_ago) = longest_ago.map(|(key, _)| key.clone()) {
                self.known.remove(&longest_ago);
            }
        }
        self.turn = self.turn.saturating_add(1);
        let known = self.known.entry(key).or_default();
        known.touched = self.turn;
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Metric;

    fn record(session: &str) -> Record {
        Record::new(Timestamp::UNIX_EPOCH, Metric::count("any", 1))
            .of_session(SessionId::new(session).unwrap())
            .of_agent(AgentId::new("coder").unwrap())
    }

    #[test]
    fn sessions_and_stretches_are_bounded_and_roots_keep_their_ids() {
        let mut sessions = Sessions::default();
        let first = record("s-0");
        sessions.begin(&first, &Task::default(), false);
        let place = sessions.place(&first);
        for number in 1..=SESSIONS {
            let busy = record(&format!("s-{number}"));
            sessions.begin(&busy, &Task::default(), false);
        }
        assert_eq!(sessions.known.len(), SESSIONS);
        assert!(
            !sessions
                .known
                .contains_key(&(None, SessionId::new("s-0").unwrap()))
        );
        assert_eq!(sessions.place(&first), place);
        let work = sessions.end(&first, first.at).unwrap();
        assert_eq!(Some(work.span), place.unwrap().parent);
        for _ in 0..3 * STRETCHES {
            sessions.begin(&first, &Task::default(), true);
        }
        let key = (None, SessionId::new("s-0").unwrap());
        assert_eq!(sessions.known[&key].stretches.len(), STRETCHES);
    }
}
