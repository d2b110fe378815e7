//! What is known of one session.

use std::collections::BTreeMap;

use agent_primitives::{AgentId, ModelId, ProviderId, SessionId, Timestamp};

use super::super::seen::{Channel, Who};
use super::field::{Field, fields};
use super::sequence::Sequences;
use super::sums::Sums;
use crate::{Parent, ProjectId, Task};

/// Models of one session. What others tell is added up under no name.
const MODELS: usize = 64;
/// Agents of one session whose start is recorded.
pub(super) const AGENTS: usize = 256;
/// How many channels there are.
pub(super) const CHANNELS: usize = 5;

/// Whose account it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Account {
    Session(SessionId),
    /// Of all sessions of a project, for those who do not tell the session.
    Project(Option<ProjectId>),
}

impl Account {
    pub(super) fn of(who: &Who) -> Self {
        match &who.session {
            Some(session) => Self::Session(session.clone()),
            None => Self::Project(who.project.clone()),
        }
    }

    pub(super) const fn session(&self) -> Option<&SessionId> {
        match self {
            Self::Session(session) => Some(session),
            Self::Project(_) => None,
        }
    }
}

impl Field for Account {
    fn put(&self, to: &mut Vec<u8>) {
        match self {
            Self::Session(session) => {
                to.push(0);
                session.put(to);
            }
            Self::Project(project) => {
                to.push(1);
                project.put(to);
            }
        }
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        match u8::get(from)? {
            0 => Field::get(from).map(Self::Session),
            1 => Field::get(from).map(Self::Project),
            _ => None,
        }
    }
}

/// The account of a model, and who spoke of it last.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ModelSums {
    pub(super) project: Option<ProjectId>,
    pub(super) agent: Option<AgentId>,
    pub(super) provider: ProviderId,
    pub(super) model: ModelId,
    pub(super) at: Timestamp,
    pub(super) sums: Sums,
}

fields!(ModelSums {
    project,
    agent,
    provider,
    model,
    at,
    sums
});

/// One figure for each channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct PerChannel([u64; CHANNELS]);

impl Field for PerChannel {
    fn put(&self, to: &mut Vec<u8>) {
        self.0.put(to);
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        Field::get(from).map(Self)
    }
}

impl PerChannel {
    pub(super) fn add(&mut self, channel: Channel) {
        if let Some(count) = self.0.get_mut(channel as usize) {
            *count = count.saturating_add(1);
        }
    }

    pub(super) fn of(&self, channel: Channel) -> u64 {
        self.0.get(channel as usize).copied().unwrap_or(0)
    }

    pub(super) fn most(&self) -> u64 {
        self.0.into_iter().max().unwrap_or(0)
    }
}

/// What channels say of an agent without an id: the n-th of a channel is the n-th of all others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Said(PerChannel);

impl Field for Said {
    fn put(&self, to: &mut Vec<u8>) {
        self.0.put(to);
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        Field::get(from).map(Self)
    }
}

impl Said {
    /// Whether no other channel said it before.
    pub(super) fn is_new(&mut self, channel: Channel) -> bool {
        let before = self.0.most();
        self.0.add(channel);
        self.0.most() > before
    }
}

/// An agent that was seen in a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) agent: Option<AgentId>,
    pub(super) resumed: Said,
    pub(super) ended: Said,
    pub(super) compacted: Said,
    /// Context in use and window, as last told.
    pub(super) context: Option<(u64, u64)>,
}

fields!(Seat {
    agent,
    resumed,
    ended,
    compacted,
    context
});

/// What a mark of a session keeps, and figures of its coverage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) seats: Vec<Seat>,
    pub(super) calls: u64,
    pub(super) told: PerChannel,
    pub(super) repeated: PerChannel,
    /// Calls that were recorded twice before an item showed that they were one.
    pub(super) twice: u64,
    pub(super) unexplained: u64,
    pub(super) sequences: Sequences,
    pub(super) uncovered_ns: u64,
    pub(super) lost_points: u64,
    pub(super) writers: u64,
}

fields!(Figures {
    seats,
    calls,
    told,
    repeated,
    twice,
    unexplained,
    sequences,
    uncovered_ns,
    lost_points,
    writers
});

#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) figures: Figures,
    pub(super) models: BTreeMap<Box<str>, ModelSums>,
    /// When it was heard of, in items.
    pub(super) heard: u64,
    /// Calls that are not recorded yet.
    pub(super) held: u64,
}

impl Figures {
    /// Whether a stored state is one that could come about.
    pub(super) fn is_sound(&self) -> bool {
        self.seats.len() <= AGENTS && self.sequences.is_sound()
    }
}

impl Session {
    /// About how many bytes a mark of it has.
    pub(super) fn weight(&self) -> usize {
        1_024 + 384 * self.figures.seats.len()
    }

    /// The account of the model of this name without what channels write differently.
    pub(super) fn model(
        &mut self,
        name: &str,
        new: impl FnOnce() -> ModelSums,
    ) -> (Box<str>, &mut ModelSums) {
        let room = self.models.len() < MODELS || self.models.contains_key(name);
        let key: Box<str> = if room { name } else { "" }.into();
        let sums = self.models.entry(key.clone()).or_insert_with(new);
        (key, sums)
    }

    /// The place of an agent, and whether it is new. What does not tell its agent is of the first.
    pub(super) fn seat(&mut self, agent: Option<&AgentId>) -> (Option<&mut Seat>, bool) {
        let seats = &mut self.figures.seats;
        let known = seats
            .iter()
            .position(|it| agent.is_none() || it.agent.as_ref() == agent);
        let is_new = known.is_none() && seats.len() < AGENTS;
        if is_new {
            let agent = agent.cloned();
            seats.push(Seat {
                agent,
                ..Seat::default()
            });
        }
        let place = known.unwrap_or(seats.len().saturating_sub(1));
        (seats.get_mut(place), is_new)
    }
}

/// The task of an agent as far as it is known: whose subagent it is.
pub(super) fn task(who: &Who) -> Task {
    let mut task = Task::default();
    if let (Some(session), Some(parent)) = (&who.session, &who.parent_agent) {
        task.parent = Some(Parent::new(session.clone()).agent(parent.clone()));
    }
    task
}
