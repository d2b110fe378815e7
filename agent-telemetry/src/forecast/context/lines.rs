//! The contexts of one session: each agent has one of its own, and so has each model that it asks aside.

use agent_primitives::{AgentId, ModelId, Timestamp};

use super::Turns;
use super::turns::COMPACTED_BELOW;
use crate::forecast::number::real;

/// Contexts of a session that are remembered; the one with the fewest of the last turns goes first.
const LINES: usize = 4;
/// What a turn counts for after the next one of the session: half as much after eight.
const KEPT: f64 = 0.917;

/// The contexts of a session. The one that has most of the last turns is told.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines {
    lines: Vec<Line>,
    /// Whether somebody says how full a context is, so that calls need not be asked.
    is_told: bool,
}

/// The context of one agent with one model.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    pub(super) agent: Option<AgentId>,
    /// Not known of those that somebody tells of.
    pub(super) model: Option<ModelId>,
    pub(super) turns: Turns,
    /// Turns of late.
    weight: f64,
}

impl Line {
    /// A call with another model that has about as much to read goes on with the same context; one with much less
    /// is something else.
    fn goes_on(&self, agent: Option<&AgentId>, used: u64) -> bool {
        self.agent.as_ref() == agent && real(used) >= COMPACTED_BELOW * real(self.turns.used())
    }
}

impl Lines {
    /// Somebody says how many tokens are in use. Returns by how many more than before, where that says something
    /// of the session's turns.
    pub(super) fn pressure(
        &mut self,
        at: Timestamp,
        agent: Option<&AgentId>,
        used: u64,
        window: u64,
    ) -> Option<u64> {
        if !self.is_told {
            self.lines.clear();
            self.is_told = true;
        }
        self.add(at, agent, None, used, Some(window))
    }

    /// A call read and wrote so many tokens.
    pub(super) fn call(
        &mut self,
        at: Timestamp,
        agent: Option<&AgentId>,
        model: &ModelId,
        used: u64,
    ) -> Option<u64> {
        if self.is_told {
            return None;
        }
        self.add(at, agent, Some(model), used, None)
    }

    fn add(
        &mut self,
        at: Timestamp,
        agent: Option<&AgentId>,
        model: Option<&ModelId>,
        used: u64,
        window: Option<u64>,
    ) -> Option<u64> {
        let place = self.place(agent, model, used);
        for line in &mut self.lines {
            line.weight *= KEPT;
        }
        let line = self.lines.get_mut(place)?;
        line.weight += 1.0;
        let grown = line.turns.add(at, used, window);
        // What is asked aside says nothing of the turns of others.
        grown.filter(|_| self.leading() == Some(place))
    }

    fn place(&mut self, agent: Option<&AgentId>, model: Option<&ModelId>, used: u64) -> usize {
        let is_its = |line: &Line| line.agent.as_ref() == agent && line.model.as_ref() == model;
        if let Some(place) = self.lines.iter().position(is_its) {
            return place;
        }
        if let Some(place) = self.leading()
            && let Some(line) = self.lines.get_mut(place)
            && line.goes_on(agent, used)
        {
            line.model = model.cloned();
            return place;
        }
        let line = Line {
            agent: agent.cloned(),
            model: model.cloned(),
            ..Line::default()
        };
        let lightest = self
            .by_weight()
            .min_by(|one, other| one.1.total_cmp(&other.1));
        if self.lines.len() >= LINES
            && let Some((place, _)) = lightest
            && let Some(old) = self.lines.get_mut(place)
        {
            *old = line;
            return place;
        }
        self.lines.push(line);
        self.lines.len() - 1
    }

    fn by_weight(&self) -> impl Iterator<Item = (usize, f64)> {
        self.lines.iter().map(|line| line.weight).enumerate()
    }

    fn leading(&self) -> Option<usize> {
        let heaviest = self
            .by_weight()
            .max_by(|one, other| one.1.total_cmp(&other.1));
        heaviest.map(|(place, _)| place)
    }

    /// The one that is told.
    pub(super) fn told(&self) -> Option<&Line> {
        self.lines.get(self.leading()?)
    }

    /// An agent ended, and so did its context; all of them where nobody says which.
    pub(super) fn forget(&mut self, agent: Option<&AgentId>) {
        match agent {
            Some(_) => self.lines.retain(|line| line.agent.as_ref() != agent),
            None => self.lines.clear(),
        }
    }
}
