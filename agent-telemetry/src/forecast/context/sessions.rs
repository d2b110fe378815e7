//! The contexts of sessions, one record after another.

use std::collections::HashMap;

use agent_primitives::{AgentId, SessionId, Timestamp, Usd};

use super::lines::Lines;
use super::workers::Workers;
use super::{ContextForecast, Growths};
use crate::forecast::budget::SessionCalls;
use crate::forecast::{Budget, BudgetForecast};
use crate::{Body, ProjectId, Record};

/// Sessions that are remembered; those that are over go first, then the one that was silent for the longest time.
const SESSIONS: usize = 256;
/// What turns of all sessions added, that is remembered.
const GROWTHS: usize = 512;

/// How the contexts of sessions fill, from records in their order.
///
/// What is in use is what a [`ContextPressure`](agent_primitives::ContextPressure) says, or without any the tokens
/// that a model call read and wrote. Each agent in a session has a context of its own, and so has each model that it
/// asks something aside; the one with most of the last turns is told. A session is over when the last of its agents
/// ended. Of more than 256 the one that was silent for the longest time is forgotten; what their turns added is
/// remembered, of the last 512.
///
/// ```
/// use agent_telemetry::ContextSessions;
///
/// let sessions = ContextSessions::new().window(200_000).full_at(0.8);
/// assert!(sessions.forecasts(agent_primitives::Timestamp::UNIX_EPOCH, 7).is_empty());
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct ContextSessions {
    sessions: HashMap<Key, Known>,
    growths: Growths,
    window: Option<u64>,
    full_at: Option<f64>,
    left_out: u64,
}

type Key = (Option<ProjectId>, SessionId);

#[derive(Debug, Clone, Default)]
struct Known {
    /// When anything was last heard of it.
    at: Timestamp,
    lines: Lines,
    calls: SessionCalls,
    workers: Workers,
}

impl Known {
    fn is_open(&self, now: Timestamp) -> bool {
        self.at <= now && !self.workers.is_over()
    }
}

impl ContextSessions {
    /// Of no records.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many tokens fit, where no record says so; not known unless set.
    pub const fn window(mut self, tokens: u64) -> Self {
        self.window = if tokens > 0 { Some(tokens) } else { None };
        self
    }

    /// The share of the window from which on it counts as full, from 0 to 1. Unless set, where the session was
    /// compacted before, and 1 where it was not.
    pub const fn full_at(mut self, share: f64) -> Self {
        self.full_at = if share > 0.0 && share <= 1.0 {
            Some(share)
        } else {
            None
        };
        self
    }

    /// One more record.
    pub fn add(&mut self, record: &Record) {
        let Some(session) = &record.session else {
            return;
        };
        let key = (record.project.clone(), session.clone());
        let (at, agent) = (record.at, record.agent.as_ref());
        match &record.body {
            Body::SessionStart(_) | Body::SessionResume(_) => {
                self.known(key, at, agent);
            }
            Body::SessionEnd(_) => {
                if let Some(known) = self.sessions.get_mut(&key) {
                    known.workers.ends(agent);
                    known.lines.forget(agent);
                }
            }
            Body::ContextPressure(it) => {
                let lines = &mut self.known(key, at, agent).lines;
                let grown = lines.pressure(at, agent, it.used, it.window);
                self.learn(grown);
            }
            Body::ModelCall(call) if call.is_unexplained() => {
                let cost = call.cost.unwrap_or_default();
                // It is no sign that a session which has ended goes on.
                let known = match self.sessions.get_mut(&key) {
                    Some(known) => known,
                    None => self.known(key, at, agent),
                };
                known.calls.spend(at, cost);
            }
            Body::ModelCall(call) => {
                let known = self.known(key, at, agent);
                known.calls.add(at, call.cost.unwrap_or_default());
                let tokens = call.usage.total();
                if call.failure.is_some() || tokens == 0 {
                    return;
                }
                let grown = known.lines.call(at, agent, &call.model, tokens);
                self.learn(grown);
            }
            _ => {}
        }
    }

    fn learn(&mut self, grown: Option<u64>) {
        if let Some(grown) = grown {
            self.growths.add(grown, GROWTHS);
        }
    }

    fn known(&mut self, key: Key, at: Timestamp, agent: Option<&AgentId>) -> &mut Known {
        if self.sessions.len() >= SESSIONS && !self.sessions.contains_key(&key) {
            let place = |it: &Known| (!it.workers.is_over(), it.at);
            let oldest = self
                .sessions
                .iter()
                .min_by(|one, other| (place(one.1), one.0).cmp(&(place(other.1), other.0)));
            if let Some(oldest) = oldest.map(|(key, _)| key.clone())
                && let Some(gone) = self.sessions.remove(&oldest)
            {
                let is_missed = u64::from(!gone.workers.is_over());
                self.left_out = self.left_out.saturating_add(is_missed);
            }
        }
        let known = self.sessions.entry(key).or_default();
        known.at = known.at.max(at);
        known.workers.works(agent);
        known
    }

    /// Sessions that were forgotten though they had not ended.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Each session that has not ended and had a turn by `now`, the one that is nearest to its end first. What is
    /// drawn depends on `seed` alone.
    pub fn forecasts(&self, now: Timestamp, seed: u64) -> Vec<ContextForecast> {
        self.forecasts_with(now, seed, (self.window, self.full_at), usize::MAX)
            .0
    }

    /// So many at most, those that are nearest to their end by what a turn adds on the average; and how many more
    /// there are.
    pub(in crate::forecast) fn forecasts_with(
        &self,
        now: Timestamp,
        seed: u64,
        (window, full_at): (Option<u64>, Option<f64>),
        most: usize,
    ) -> (Vec<ContextForecast>, usize) {
        let known = self.sessions.iter().filter(|(_, it)| it.is_open(now));
        let told = known.filter_map(|(key, it)| Some((key, it.lines.told()?)));
        let told = told.filter(|(_, line)| line.turns.used() > 0);
        let mut nearest: Vec<_> = told
            .map(|(key, line)| {
                let mut turns = line.turns.clone();
                turns.window_unless_known(window);
                let left = turns.left_on_average(full_at, &self.growths);
                (left, key, line, turns)
            })
            .collect();
        nearest.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(other.1)));
        let more = nearest.len().saturating_sub(most);
        nearest.truncate(most);
        let told = nearest.into_iter().map(|(_, key, line, turns)| {
            let (project, session) = key.clone();
            let mut told =
                ContextForecast::of(project, session, &turns, &self.growths, full_at, seed);
            (told.agent, told.model) = (line.agent.clone(), line.model.clone());
            told
        });
        let mut forecasts: Vec<ContextForecast> = told.collect();
        forecasts.sort_by(|one, other| {
            let place = |it: &ContextForecast| (it.turns.is_none(), it.turns, u64::MAX - it.used);
            let names = (&one.project, &one.session).cmp(&(&other.project, &other.session));
            place(one).cmp(&place(other)).then(names)
        });
        (forecasts, more)
    }

    /// What a budget for sessions means to each that has not ended, the dearest first and so many of them at most;
    /// and how many more there are.
    pub(in crate::forecast) fn budgets(
        &self,
        budget: &Budget,
        now: Timestamp,
        seed: u64,
        most: usize,
    ) -> (Vec<BudgetForecast>, usize) {
        let known = self.sessions.iter().filter(|(_, it)| it.is_open(now));
        let known = known.filter(|(_, it)| it.calls.spent() > Usd::ZERO);
        let mut dearest: Vec<_> = known.collect();
        dearest.sort_by(|one, other| {
            let spent = other.1.calls.spent().cmp(&one.1.calls.spent());
            let [one, other] = [one.0, other.0].map(|(project, session)| (session, project));
            spent.then(one.cmp(&other))
        });
        let more = dearest.len().saturating_sub(most);
        let told = dearest.into_iter().take(most);
        let told = told.map(|((_, session), it)| it.calls.forecast(session, budget, now, seed));
        (told.collect(), more)
    }

    /// Sessions that have not ended.
    #[cfg(feature = "sqlite")]
    pub(crate) fn open(&self) -> impl Iterator<Item = &SessionId> {
        let open = self.sessions.iter();
        let open = open.filter(|(_, it)| !it.workers.is_over());
        open.map(|((_, session), _)| session)
    }

    /// What one of them spent before the records that were added.
    #[cfg(feature = "sqlite")]
    pub(crate) fn spent_before(
        &mut self,
        project: Option<ProjectId>,
        session: SessionId,
        began: Timestamp,
        cost: Usd,
    ) {
        if let Some(known) = self.sessions.get_mut(&(project, session)) {
            known.calls.add_before(began, cost);
        }
    }
}
