//! One rule at work: a state for each subject, bounded.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use agent_primitives::Timestamp;
use serde::{Deserialize, Serialize};

use super::machine::{Change, Level, Pace, Phase};
use super::measure::{Measure, Sample, Signal};
use super::notification::Told;
use super::state::RuleState;
use super::subject::Seen;
use super::{AlertCounts, BudgetPeriod, Condition, Dimension, Notification, Rule, Status, Subject};
use crate::Body;

/// The moment of what time alone does not change.
const NEVER: Timestamp = Timestamp::MAX;

#[derive(Debug, Clone)]
pub(super) struct Watch {
    rule: Rule,
    measure: Measure,
    by: Vec<Dimension>,
    pace: Pace,
    states: BTreeMap<Subject, State>,
    /// Not later than the first moment at which time alone changes a state.
    due: Timestamp,
    /// How often the rule has fired, which tells apart what fires twice at one moment.
    fired: u64,
}

/// What is known about one subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    signal: Signal,
    phase: Phase,
    /// How often the rule had fired when this did.
    fired: u64,
    /// When the last record came.
    seen: Timestamp,
    /// When time alone changes it next.
    due: Timestamp,
}

/// What a watch works with and adds to.
#[derive(Debug)]
pub(super) struct Desk<'d> {
    pub(super) now: Timestamp,
    /// Most subjects.
    pub(super) subjects: usize,
    pub(super) counts: &'d mut AlertCounts,
    pub(super) told: &'d mut Vec<Notification>,
}

impl Watch {
    pub(super) fn new(rule: &Rule, now: Timestamp) -> Self {
        let mut watch = Self {
            rule: rule.clone(),
            measure: Measure::new(&rule.when),
            by: dimensions(rule),
            pace: Pace {
                hold: rule.hold,
                cooldown: rule.cooldown,
            },
            states: BTreeMap::new(),
            due: NEVER,
            fired: 0,
        };
        // Silence begins before there is a record.
        if watch.by.is_empty() {
            watch.states.insert(Subject::default(), watch.fresh(now));
            watch.due = now;
        }
        watch
    }

    fn fresh(&self, now: Timestamp) -> State {
        State {
            signal: self.measure.fresh(now),
            phase: Phase::Quiet,
            fired: 0,
            seen: now,
            due: now,
        }
    }

    pub(super) const fn rule(&self) -> &Rule {
        &self.rule
    }

    pub(super) const fn due(&self) -> Timestamp {
        self.due
    }

    pub(super) fn is_by_session(&self) -> bool {
        self.by.contains(&Dimension::Session)
    }

    pub(super) const fn states(&self) -> &BTreeMap<Subject, State> {
        &self.states
    }

    /// Those that fire, and since when.
    pub(super) fn firing(&self) -> impl Iterator<Item = (&Subject, Timestamp)> {
        self.states
            .iter()
            .filter_map(|(subject, state)| match state.phase {
                Phase::Firing { since } => Some((subject, since)),
                _ => None,
            })
    }

    /// Goes on with states of before, those that fire first and then those of which something was heard last. What fired
    /// and has no room, or is none of this rule, is told as ended. Nothing in them is later than `latest`.
    pub(super) fn restore(&mut self, before: RuleState, latest: Timestamp, desk: &mut Desk<'_>) {
        let mut states = before.states;
        let last = states.iter().map(|(_, state)| state.fired).max();
        self.fired = before.fired.max(last.unwrap_or(0));
        states.sort_by_key(|(_, state)| (state.phase.rank(), Reverse(state.seen)));
        for (subject, mut state) in states {
            let has_room = self.states.len() < desk.subjects || self.states.contains_key(&subject);
            if !self.measure.fits(&state.signal) || !has_room {
                state.phase = state.phase.rewind(latest, self.pace);
                desk.told
                    .extend(state.ended(&self.rule, &subject, desk.now));
                desk.counts.left_out = desk.counts.left_out.saturating_add(1);
                continue;
            }
            self.measure.rewind(&mut state.signal, latest);
            state.phase = state.phase.rewind(latest, self.pace);
            state.seen = state.seen.min(latest);
            // Looked at now, so that no moment of a clock that was wrong is waited for.
            state.due = state.due.min(desk.now);
            self.due = state.due.min(self.due);
            self.states.insert(subject, state);
        }
    }

    pub(super) const fn fired(&self) -> u64 {
        self.fired
    }

    /// Takes in a record whose time counts as `at`. Whether it came too late for this rule.
    pub(super) fn observe(&mut self, seen: &Seen<'_>, at: Timestamp, desk: &mut Desk<'_>) -> bool {
        let mut is_late = false;
        if let Some(sample) = self.measure.sample(&seen.record.body)
            && seen.is_of(&self.rule.only)
        {
            is_late = self.measure.is_past(sample, at, desk.now)
                || !self.add(&seen.subject(&self.by), sample, at, desk);
        }
        if matches!(seen.record.body, Body::SessionEnd(_)) && self.is_by_session() {
            self.end_session(seen, desk);
        }
        is_late
    }

    /// Takes in what a record, or the host, says of a subject.
    pub(super) fn add(
        &mut self,
        subject: &Subject,
        sample: Sample,
        at: Timestamp,
        desk: &mut Desk<'_>,
    ) -> bool {
        if !self.states.contains_key(subject) && !self.admit(subject, desk) {
            return true;
        }
        let Some(state) = self.states.get_mut(subject) else {
            return true;
        };
        let mut one = One {
            rule: &self.rule,
            measure: &self.measure,
            pace: self.pace,
            fired: &mut self.fired,
            subject,
            state,
        };
        one.catch_up(desk);
        let counts = one.measure.add(&mut one.state.signal, sample, at);
        one.state.seen = at.max(one.state.seen);
        one.settle(desk.now, desk.told);
        self.due = one.state.due.min(self.due);
        counts
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, desk: &mut Desk<'_>) {
        if self.due > desk.now {
            return;
        }
        let mut due = NEVER;
        for (subject, state) in &mut self.states {
            let mut one = One {
                rule: &self.rule,
                measure: &self.measure,
                pace: self.pace,
                fired: &mut self.fired,
                subject,
                state,
            };
            one.catch_up(desk);
            due = one.state.due.min(due);
        }
        self.due = due;
    }

    /// The clock was set back to `now`.
    pub(super) fn rewind(&mut self, now: Timestamp) {
        for state in self.states.values_mut() {
            self.measure.rewind(&mut state.signal, now);
            state.phase = state.phase.rewind(now, self.pace);
            state.seen = state.seen.min(now);
            state.due = now;
        }
        self.due = now;
    }

    /// What is said of one agent ends with that agent, and what is said of the session with the last of its agents.
    fn end_session(&mut self, seen: &Seen<'_>, desk: &mut Desk<'_>) {
        let record = seen.record;
        let (rule, measure, pace) = (&self.rule, &self.measure, self.pace);
        let fired = &mut self.fired;
        let is_ended = |subject: &Subject| {
            let agent = subject.agent.as_ref().or(rule.only.agent.as_ref());
            subject.session == record.session
                && subject.project == record.project
                && (seen.ends_session || agent.is_some() && agent == record.agent.as_ref())
        };
        self.states.retain(|subject, state| {
            if !is_ended(subject) {
                return true;
            }
            let mut one = One {
                rule,
                measure,
                pace,
                fired,
                subject,
                state,
            };
            one.catch_up(desk);
            one.end(desk);
            false
        });
    }

    /// Makes a state for a new subject, and room for it where there is none. Those that fire stay.
    fn admit(&mut self, subject: &Subject, desk: &mut Desk<'_>) -> bool {
        if self.states.len() >= desk.subjects {
            let quiet = self.states.values().filter(|it| it.phase == Phase::Quiet);
            let mut times: Vec<_> = quiet.map(|it| it.seen).collect();
            // An eighth of them at once, so that looking for them is rare.
            let place = (desk.subjects / 8).min(times.len().saturating_sub(1));
            if times.is_empty() {
                desk.counts.left_out = desk.counts.left_out.saturating_add(1);
                return false;
            }
            let (_, until, _) = times.select_nth_unstable(place);
            let (until, before) = (*until, self.states.len());
            self.states
                .retain(|_, it| it.phase != Phase::Quiet || it.seen > until);
            let gone = before - self.states.len();
            desk.counts.evicted = desk.counts.evicted.saturating_add(gone as u64);
        }
        let state = self.fresh(desk.now);
        self.states.insert(subject.clone(), state);
        true
    }
}

/// One state, and what it is measured by.
struct One<'w> {
    rule: &'w Rule,
    measure: &'w Measure,
    pace: Pace,
    fired: &'w mut u64,
    subject: &'w Subject,
    state: &'w mut State,
}

impl One<'_> {
    /// What happened by time alone until now, each at its own moment.
    fn catch_up(&mut self, desk: &mut Desk<'_>) {
        while self.state.due <= desk.now {
            let at = self.state.due;
            self.settle(at, desk.told);
            if self.state.due <= at {
                // Moments only follow each other; at the end of time there is none.
                self.state.due = NEVER;
                break;
            }
        }
    }

    fn settle(&mut self, now: Timestamp, told: &mut Vec<Notification>) {
        let reading = self.measure.read(&mut self.state.signal, now);
        let (phase, change) = self.state.phase.step(reading.level, now, self.pace);
        self.state.phase = phase;
        if let Some(change) = change {
            let (status, since) = match change {
                Change::Fired => (Status::Firing, now),
                Change::Resolved { since } => (Status::Resolved, since),
            };
            if status == Status::Firing {
                *self.fired = self.fired.saturating_add(1);
                self.state.fired = *self.fired;
            }
            told.push(Notification::new(
                self.rule,
                self.subject,
                &Told {
                    status,
                    at: now,
                    since,
                    times: self.state.fired,
                    reading,
                },
            ));
        }
        self.state.due = self.due(now).unwrap_or(NEVER);
    }

    fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let by_phase = self.state.phase.due(self.pace);
        let by_value = |is_quiet| self.measure.due(&self.state.signal, is_quiet, now);
        match self.state.phase {
            Phase::Quiet => by_value(true),
            Phase::Firing { .. } => by_value(false),
            Phase::Pending { .. } => by_phase.into_iter().chain(by_value(false)).min(),
            Phase::Cooling { .. } => by_phase,
        }
    }

    /// Ends what fires, and tells so.
    fn end(&mut self, desk: &mut Desk<'_>) {
        self.state.signal = self.measure.fresh(desk.now);
        if let Phase::Firing { since } = self.state.phase {
            let mut reading = self.measure.read(&mut self.state.signal, desk.now);
            (reading.level, reading.value) = (Level::Clear, None);
            let told = Told {
                status: Status::Resolved,
                at: desk.now,
                since,
                times: self.state.fired,
                reading,
            };
            desk.told
                .push(Notification::new(self.rule, self.subject, &told));
        }
    }
}

impl State {
    /// Ends the alert of a rule that is no more, if it fires.
    pub(super) fn ended(
        &self,
        rule: &Rule,
        subject: &Subject,
        now: Timestamp,
    ) -> Option<Notification> {
        let Phase::Firing { since } = self.phase else {
            return None;
        };
        let told = Told {
            status: Status::Resolved,
            at: now,
            since,
            times: self.fired,
            reading: super::limit::Reading {
                level: Level::Clear,
                value: None,
                limit: 0.0,
            },
        };
        Some(Notification::new(rule, subject, &told))
    }
}

/// By what a rule is told apart, with what goes without saying.
fn dimensions(rule: &Rule) -> Vec<Dimension> {
    let mut by = rule.by.clone();
    let own: &[Dimension] = match rule.when {
        Condition::ProviderDown { .. } => &[Dimension::Provider],
        // Each agent of a session has a window of its own.
        Condition::ContextShare { .. } => &[Dimension::Session, Dimension::Agent],
        Condition::Budget {
            period: BudgetPeriod::Session,
            ..
        } => &[Dimension::Session],
        _ => &[],
    };
    by.extend(own.iter().filter(|own| !rule.by.contains(own)));
    by
}
