//! The contexts of sessions, one record after another.

use std::collections::HashMap;

use agent_primitives::{SessionId, Timestamp, Usd};

use super::{ContextForecast, Growths, Turns};
use crate::forecast::budget::SessionCalls;
use crate::forecast::{Budget, BudgetForecast};
use crate::{Body, ProjectId, Record};

/// Sessions that are remembered; the one whose last turn is oldest goes first.
const SESSIONS: usize = 256;
/// What turns of all sessions added, that is remembered.
const GROWTHS: usize = 512;

/// How the contexts of sessions fill, from records in their order.
///
/// What is in use is what a [`ContextPressure`](agent_primitives::ContextPressure) says, or without any the tokens
/// that a model call read and wrote. A session that ended is forgotten, and of more than 256 the one that was
/// silent for the longest time; what their turns added is remembered, of the last 512.
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
    turns: Turns,
    calls: SessionCalls,
    /// Whether somebody says how full the context is, so that calls need not be asked.
    is_told: bool,
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
        match &record.body {
            Body::SessionEnd(_) => {
                self.sessions.remove(&key);
            }
            Body::ContextPressure(it) => {
                let known = self.known(key, record.at);
                known.is_told = true;
                let grown = known.turns.add(record.at, it.used, Some(it.window));
                self.learn(grown);
            }
            Body::ModelCall(call) => {
                let known = self.known(key, record.at);
                known.calls.add(record.at, call.cost.unwrap_or_default());
                let tokens = call.usage.total();
                if known.is_told || call.failure.is_some() || tokens == 0 {
                    return;
                }
                let grown = known.turns.add(record.at, tokens, None);
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

    fn known(&mut self, key: Key, at: Timestamp) -> &mut Known {
        if self.sessions.len() >= SESSIONS && !self.sessions.contains_key(&key) {
            let oldest = self
                .sessions
                .iter()
                .min_by(|one, other| (one.1.turns.at(), one.0).cmp(&(other.1.turns.at(), other.0)));
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                self.sessions.remove(&oldest);
                self.left_out = self.left_out.saturating_add(1);
            }
        }
        let known = self.sessions.entry(key).or_default();
        known.turns.seen(at);
        known
    }

    /// Sessions that were forgotten though they had not ended.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Each session that has not ended and had a turn by `now`, the one that is nearest to its end first. What is
    /// drawn depends on `seed` alone.
    pub fn forecasts(&self, now: Timestamp, seed: u64) -> Vec<ContextForecast> {
        self.forecasts_with(now, seed, self.window, self.full_at)
    }

    pub(in crate::forecast) fn forecasts_with(
        &self,
        now: Timestamp,
        seed: u64,
        window: Option<u64>,
        full_at: Option<f64>,
    ) -> Vec<ContextForecast> {
        let known = self.sessions.iter();
        let known = known.filter(|(_, it)| it.turns.at() <= now && it.turns.used() > 0);
        let mut forecasts: Vec<ContextForecast> = known
            .map(|((project, session), known)| {
                let mut turns = known.turns.clone();
                turns.window_unless_known(window);
                let (project, session) = (project.clone(), session.clone());
                ContextForecast::of(project, session, &turns, &self.growths, full_at, seed)
            })
            .collect();
        forecasts.sort_by(|one, other| {
            let place = |it: &ContextForecast| (it.turns.is_none(), it.turns, u64::MAX - it.used);
            let names = (&one.project, &one.session).cmp(&(&other.project, &other.session));
            place(one).cmp(&place(other)).then(names)
        });
        forecasts
    }

    /// What a budget for sessions means to each that has not ended, the dearest first.
    pub(in crate::forecast) fn budgets(
        &self,
        budget: &Budget,
        now: Timestamp,
        seed: u64,
    ) -> Vec<BudgetForecast> {
        let known = self.sessions.iter();
        let known = known.filter(|(_, it)| it.turns.at() <= now && it.calls.spent() > Usd::ZERO);
        let mut forecasts: Vec<BudgetForecast> = known
            .map(|((_, session), known)| known.calls.forecast(session, budget, now, seed))
            .collect();
        forecasts.sort_by(|one, other| {
            let spent = other.spent.cmp(&one.spent);
            spent.then_with(|| one.session.cmp(&other.session))
        });
        forecasts
    }
}
