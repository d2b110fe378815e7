//! Records into failures, and what came of them.

use std::collections::HashMap;
use std::time::Duration;

use agent_primitives::{Attempt, FailureKind, SessionId};

use super::super::folded::Folded;
use super::course::failed_at_once;
use super::kinds::Kinds;
use super::remedies::Remedies;
use super::remedy::{Remedy, Step};
use super::rests::Rests;
use super::session::OneSession;
use super::tools::Tools;
use super::{ErrorsLeftOut, ErrorsReport, Interruptions, RecoveryRate, SCHEMA};
use crate::report::interval::Share;
use crate::{Body, Metric, ModelCall, Period, ProjectId, Record, Span};

/// Sessions that are followed, so that memory is bounded.
const SESSIONS: usize = 1 << 20;

#[derive(Debug)]
pub(in crate::report) struct Fold {
    period: Period,
    place: HashMap<(Option<ProjectId>, SessionId), usize>,
    /// In the order of recording.
    told: Vec<(SessionId, OneSession)>,
    kinds: Kinds,
    tools: Tools,
    remedies: Remedies,
    rests: Rests,
    hindered: Share,
    interruptions: Interruptions,
    waited: Duration,
    steps_given_up: u64,
    left_out: ErrorsLeftOut,
}

impl Folded for Fold {
    type Report = ErrorsReport;

    fn add(&mut self, record: &Record) {
        let counts = self.period.contains(record.at);
        match &record.body {
            Body::Attempt(it) => self.attempt(record, it, counts),
            Body::ModelCall(it) if it.is_unexplained() => {}
            Body::ModelCall(it) => self.model_call(record, it, counts),
            Body::ToolCall(it) => {
                let place = self.place(record);
                let session = place.and_then(|place| self.told.get_mut(place));
                let session = session.map(|(_, session)| &mut session.tools);
                self.tools.call(it, (record.at, counts), session);
            }
            Body::Retry(it) => {
                if counts {
                    self.waited = self.waited.saturating_add(it.delay);
                }
                if let Some(session) = self.session(record) {
                    session.course.announce(&it.provider);
                }
            }
            Body::Cooldown(_) | Body::Breaker(_) => self.rests.see(&record.body),
            Body::Metric(it) => self.metric(record, it, counts),
            Body::Restored(it) => {
                if counts {
                    let sum = &mut self.interruptions;
                    sum.restores += 1;
                    sum.lost_bytes = sum.lost_bytes.saturating_add(it.lost_bytes);
                    sum.time_restoring = sum.time_restoring.saturating_add(it.elapsed);
                }
                self.restart(record, Remedy::Restore, counts);
            }
            Body::SessionStart(_) => self.begin(record, counts),
            Body::SessionResume(_) => {
                self.interruptions.resumes += u64::from(counts);
                self.restart(record, Remedy::Resume, counts);
                self.begin(record, counts);
            }
            Body::SessionEnd(it) => {
                let Some(place) = self.place(record) else {
                    return;
                };
                if let Some((_, session)) = self.told.get_mut(place) {
                    session.end(record.agent.as_ref(), it);
                    session
                        .course
                        .end(record.at, it.outcome, &mut self.remedies);
                }
            }
            _ => {}
        }
    }

    fn finish(mut self) -> ErrorsReport {
        let mut given_up = 0;
        for (id, session) in self.told {
            let outcome = session.outcome();
            let (used, open) = session.course.finish(&mut self.remedies);
            self.remedies.session(used, &id, outcome);
            self.kinds.session(session.met, &id);
            self.tools.session(&session.tools, &id);
            if session.interrupted {
                self.interruptions.evidence.add(&id);
                *self.interruptions.outcomes.of(outcome) += 1;
            }
            if let Some(kind) = open {
                self.kinds.give_up(kind);
                given_up += 1;
            }
        }
        let tool_calls = self.tools.counts();
        let (model_calls, attempts) = (self.kinds.model_calls, self.kinds.attempts);
        let kinds = self.kinds.finish(&self.remedies);
        let (tools, tools_left_out) = self.tools.finish();
        self.left_out.tools = tools_left_out;
        let sum = |of: fn(&super::ErrorLine) -> u64| kinds.iter().map(of).sum::<u64>();
        ErrorsReport {
            schema: SCHEMA,
            period: self.period,
            model_calls,
            failed_model_calls: sum(|line| line.model_calls),
            attempts,
            failed_attempts: sum(|line| line.attempts),
            tool_calls: tool_calls.calls,
            failed_tool_calls: tool_calls.failed,
            aborted_tool_calls: tool_calls.aborted,
            failures: sum(|line| line.failures),
            given_up,
            hindered: RecoveryRate::of(self.hindered),
            time_lost: kinds
                .iter()
                .fold(Duration::ZERO, |sum, it| sum.saturating_add(it.time_lost)),
            waited: self.waited,
            cost: kinds.iter().map(|line| line.cost).sum(),
            unpriced_calls: sum(|line| line.unpriced_calls),
            kinds,
            tools,
            remedies: self.remedies.finish(),
            steps_given_up: self.steps_given_up,
            interruptions: self.interruptions,
            left_out: self.left_out,
        }
    }
}

impl Fold {
    pub(in crate::report) fn new(period: Period) -> Self {
        Self {
            period: period.outward(Span::Minute),
            place: HashMap::new(),
            told: Vec::new(),
            kinds: Kinds::default(),
            tools: Tools::default(),
            remedies: Remedies::default(),
            rests: Rests::default(),
            hindered: Share::default(),
            interruptions: Interruptions::default(),
            waited: Duration::ZERO,
            steps_given_up: 0,
            left_out: ErrorsLeftOut::default(),
        }
    }

    fn place(&mut self, record: &Record) -> Option<usize> {
        let session = record.session.as_ref()?;
        let key = (record.project.clone(), session.clone());
        if let Some(place) = self.place.get(&key) {
            return Some(*place);
        }
        if self.told.len() >= SESSIONS {
            return None;
        }
        self.told.push((session.clone(), OneSession::default()));
        self.place.insert(key, self.told.len() - 1);
        Some(self.told.len() - 1)
    }

    fn session(&mut self, record: &Record) -> Option<&mut OneSession> {
        let place = self.place(record)?;
        self.told.get_mut(place).map(|(_, session)| session)
    }

    fn attempt(&mut self, record: &Record, it: &Attempt, counts: bool) {
        if counts {
            self.kinds.attempt(it, record.at);
        }
        let place = self.place(record);
        match place.and_then(|place| self.told.get_mut(place)) {
            Some((_, session)) => {
                let when = (record.at, counts);
                let course = &mut session.course;
                let is_failure = course.attempt(it, when, &self.rests, &mut self.remedies);
                if let Some(kind) = it.failure.filter(|_| is_failure) {
                    session.met |= bit(kind);
                    self.kinds.failure(kind, it.elapsed);
                }
            }
            None if counts && it.failure.is_some() => self.leave_out(record),
            None => {}
        }
        if it.failure.is_none() {
            self.rests.works(&it.provider);
        }
    }

    fn model_call(&mut self, record: &Record, it: &ModelCall, counts: bool) {
        if counts {
            self.kinds.model_call(it, record.at);
        }
        let mut met_failure = it.attempts > 1 || failed_at_once(it);
        let place = self.place(record);
        match place.and_then(|place| self.told.get_mut(place)) {
            Some((_, session)) => {
                let when = (record.at, counts);
                let course = &mut session.course;
                let is_told = course.is_told();
                let (is_failure, met) =
                    course.model_call(it, when, &self.rests, &mut self.remedies);
                met_failure = met;
                if let Some(kind) = it.failure.filter(|_| counts) {
                    session.met |= bit(kind);
                    if is_failure {
                        // The time of attempts is told by themselves.
                        let took = if is_told { Duration::ZERO } else { it.latency };
                        self.kinds.failure(kind, took);
                    }
                }
            }
            None if counts && it.failure.is_some() => self.leave_out(record),
            None => {}
        }
        if met_failure && counts {
            self.hindered.of += 1;
            self.hindered.successes += u64::from(it.failure.is_none());
        }
        if it.failure.is_none() {
            self.rests.works(&it.provider);
        }
    }

    fn leave_out(&mut self, record: &Record) {
        match record.session {
            None => self.left_out.no_session += 1,
            Some(_) => self.left_out.beyond += 1,
        }
    }

    fn metric(&mut self, record: &Record, it: &Metric, counts: bool) {
        match Step::of(it) {
            None => {}
            Some(Step::GaveUp) => self.steps_given_up += u64::from(counts),
            Some(Step::Tried(remedy, ok)) => {
                let place = self.place(record);
                match place.and_then(|place| self.told.get_mut(place)) {
                    Some((_, session)) => {
                        let when = (record.at, counts);
                        session.course.step(when, remedy, ok, &mut self.remedies);
                    }
                    None if counts => self.remedies.step(remedy, ok, None),
                    None => {}
                }
            }
        }
    }

    fn restart(&mut self, record: &Record, remedy: Remedy, counts: bool) {
        let place = self.place(record);
        match place.and_then(|place| self.told.get_mut(place)) {
            Some((_, session)) => {
                session.interrupted |= counts;
                let when = (record.at, counts);
                session.course.restart(when, remedy, &mut self.remedies);
            }
            None if counts => self.remedies.leave_open(remedy),
            None => {}
        }
    }

    /// An agent that begins again without having ended has died in between.
    fn begin(&mut self, record: &Record, counts: bool) {
        let agent = record.agent.as_ref();
        let Some(session) = self.session(record) else {
            return;
        };
        if session.begin(agent) && counts {
            session.interrupted = true;
            self.interruptions.crashes += 1;
        }
    }
}

/// One for each kind, in the order of declaration.
fn bit(kind: FailureKind) -> u32 {
    let place = FailureKind::ALL.iter().position(|it| *it == kind);
    place
        .and_then(|place| 1_u32.checked_shl(u32::try_from(place).ok()?))
        .unwrap_or(0)
}
