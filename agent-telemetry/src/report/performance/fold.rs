//! Records into operations.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{FailureKind, SessionId};

use super::super::folded::Folded;
use super::profiles::{Profiles, Timed};
use super::{Operated, PerformanceReport, SCHEMA};
use crate::{Body, ModelCall, Period, ProjectId, Record, Span, Task, ToolOutcome};

/// Sessions whose kind of work is known, so that memory is bounded.
const SESSIONS: usize = 1 << 20;
/// Kinds of work that are told apart.
const KINDS: usize = 1_024;

#[derive(Debug)]
pub(super) struct Fold {
    period: Period,
    before: Period,
    task_types: HashMap<(Option<ProjectId>, SessionId), Arc<str>>,
    kinds: HashSet<Arc<str>>,
    calls: Profiles,
    by_task_type: Profiles,
    attempts: Profiles,
    tasks: Profiles,
    waits: Profiles,
    waited_for_limits: Duration,
}

impl Folded for Fold {
    type Report = PerformanceReport;

    fn add(&mut self, record: &Record) {
        if let Body::SessionStart(task) | Body::SessionResume(task) = &record.body {
            self.name(record, task);
            return;
        }
        let before = self.before.contains(record.at);
        if !before && !self.period.contains(record.at) {
            return;
        }
        let timed = |elapsed: Duration, failed: bool| Timed {
            record,
            elapsed,
            failed,
            before,
        };
        match &record.body {
            Body::ModelCall(it) if it.is_unexplained() => {}
            Body::ModelCall(it) => self.model_call(it, timed(it.latency, it.failure.is_some())),
            Body::ToolCall(it) => {
                let tool = it.tool.clone();
                let failed = it.outcome != ToolOutcome::Ok;
                self.calls
                    .add(Operated::ToolCall { tool }, timed(it.elapsed, failed));
            }
            Body::Attempt(it) => {
                let provider = it.provider.clone();
                let failed = it.failure.is_some();
                self.attempts
                    .add(Operated::Attempt { provider }, timed(it.elapsed, failed));
            }
            Body::CheckpointSaved(it) => {
                let of = Operated::CheckpointSave { kind: it.kind };
                self.calls.add(of, timed(it.elapsed, false));
            }
            Body::Restored(it) => self.calls.add(Operated::Restore, timed(it.elapsed, false)),
            Body::TaskTiming(it) => {
                self.tasks.add(Operated::TaskWait, timed(it.queued, false));
                self.tasks.add(Operated::TaskRun, timed(it.ran, false));
            }
            Body::Retry(it) => {
                if it.failure == FailureKind::RateLimited && !before {
                    self.waited_for_limits = self.waited_for_limits.saturating_add(it.delay);
                }
                let of = Operated::RetryWait {
                    provider: it.provider.clone(),
                    failure: it.failure,
                };
                self.waits.add(of, timed(it.delay, false));
            }
            _ => {}
        }
    }

    fn finish(self) -> PerformanceReport {
        let (calls, time, calls_left_out) = self.calls.finish();
        let (task_types, _, types_left_out) = self.by_task_type.finish();
        let (attempts, _, attempts_left_out) = self.attempts.finish();
        let (tasks, _, _) = self.tasks.finish();
        let (waits, waited, waits_left_out) = self.waits.finish();
        PerformanceReport {
            schema: SCHEMA,
            period: self.period,
            before: self.before,
            time,
            calls,
            task_types,
            attempts,
            tasks,
            waits,
            waited,
            waited_for_limits: self.waited_for_limits,
            left_out: calls_left_out + types_left_out + attempts_left_out + waits_left_out,
        }
    }
}

impl Fold {
    pub(super) fn new(period: Period) -> Self {
        let period = period.outward(Span::Minute);
        Self {
            period,
            before: period.preceding(),
            task_types: HashMap::new(),
            kinds: HashSet::new(),
            calls: Profiles::default(),
            by_task_type: Profiles::default(),
            attempts: Profiles::default(),
            tasks: Profiles::default(),
            waits: Profiles::default(),
            waited_for_limits: Duration::ZERO,
        }
    }

    /// The kind of work that a session names first.
    fn name(&mut self, record: &Record, task: &Task) {
        let (Some(session), Some(name)) = (&record.session, &task.task_type) else {
            return;
        };
        if self.task_types.len() >= SESSIONS {
            return;
        }
        let kind = match self.kinds.get(name.as_ref()) {
            Some(kind) => Arc::clone(kind),
            None if self.kinds.len() >= KINDS => return,
            None => {
                let kind: Arc<str> = name.as_ref().into();
                self.kinds.insert(Arc::clone(&kind));
                kind
            }
        };
        let key = (record.project.clone(), session.clone());
        self.task_types.entry(key).or_insert(kind);
    }

    fn model_call(&mut self, it: &ModelCall, timed: Timed<'_>) {
        let of = |task_type| Operated::ModelCall {
            provider: it.provider.clone(),
            model: it.model.clone(),
            task_type,
        };
        self.calls.add_call(of(None), timed, it);
        let Some(session) = &timed.record.session else {
            return;
        };
        let key = (timed.record.project.clone(), session.clone());
        if let Some(kind) = self.task_types.get(&key) {
            let of = of(Some(kind.as_ref().to_owned()));
            self.by_task_type.add_call(of, timed, it);
        }
    }
}
