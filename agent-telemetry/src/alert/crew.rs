//! Who works in which session, so that its end is known.

use std::collections::BTreeMap;

use agent_primitives::{AgentId, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Body, ProjectId, Record};

/// Sessions that are followed; further ones take the places of those of which nothing was heard for the longest time.
const SESSIONS: usize = 4_096;
/// Agents of a session that are known by name; further ones are a number.
const AGENTS: usize = 64;

/// A session in its project.
type Key = (Option<ProjectId>, SessionId);

/// The sessions that somebody works in.
#[derive(Debug, Clone, Default)]
pub(super) struct Crews {
    known: BTreeMap<Key, Crew>,
}

/// Those who work in one session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Crew {
    agents: Vec<Option<AgentId>>,
    /// How many began beyond those, and have not ended.
    #[serde(default)]
    beyond: u64,
    /// When the last word of it came.
    seen: Timestamp,
}

/// A session and its crew as they are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct CrewState {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    project: Option<ProjectId>,
    session: SessionId,
    #[serde(flatten)]
    crew: Crew,
}

/// What a record does to the session that it is of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Turn {
    /// The last of its agents has ended.
    pub(super) is_end: bool,
    /// So many sessions made room for it.
    pub(super) forgotten: u64,
}

impl Crews {
    /// Goes on with those of before, the newest first. How many had no room.
    pub(super) fn of(mut states: Vec<CrewState>, latest: Timestamp) -> (Self, u64) {
        states.sort_by_key(|it| std::cmp::Reverse(it.crew.seen));
        let surplus = states.len().saturating_sub(SESSIONS);
        states.truncate(SESSIONS);
        let known = states.into_iter().map(|it| {
            let mut crew = it.crew;
            let more = crew.agents.len().saturating_sub(AGENTS);
            crew.beyond = crew.beyond.saturating_add(more as u64);
            crew.agents.truncate(AGENTS);
            crew.seen = crew.seen.min(latest);
            ((it.project, it.session), crew)
        });
        let crews = Self {
            known: known.collect(),
        };
        (crews, surplus as u64)
    }

    pub(super) fn states(&self) -> Vec<CrewState> {
        let known = self.known.iter();
        let states = known.map(|((project, session), crew)| CrewState {
            project: project.clone(),
            session: session.clone(),
            crew: crew.clone(),
        });
        states.collect()
    }

    /// Takes in a record that came at `at`. Whoever calls models or tools works, also where nobody saw the beginning. A
    /// session of which nothing is known ends with the first end.
    pub(super) fn follow(&mut self, record: &Record, at: Timestamp) -> Turn {
        match record.body {
            // It may be told of long after whoever worked has ended.
            Body::ModelCall(ref it) if it.is_unexplained() => return Turn::default(),
            Body::SessionStart(_)
            | Body::SessionResume(_)
            | Body::ModelCall(_)
            | Body::ToolCall(_) => {}
            Body::SessionEnd(_) => {
                return Turn {
                    is_end: self.end(record, at),
                    forgotten: 0,
                };
            }
            _ => return Turn::default(),
        }
        let Some(session) = &record.session else {
            return Turn::default();
        };
        let key = (record.project.clone(), session.clone());
        let is_full = self.known.len() >= SESSIONS && !self.known.contains_key(&key);
        let forgotten = if is_full { self.make_room() } else { 0 };
        let crew = self.known.entry(key).or_default();
        crew.seen = at.max(crew.seen);
        if !crew.agents.contains(&record.agent) {
            if crew.agents.len() < AGENTS {
                crew.agents.push(record.agent.clone());
            } else if matches!(record.body, Body::SessionStart(_)) {
                // Who resumes may have been counted.
                crew.beyond = crew.beyond.saturating_add(1);
            }
        }
        Turn {
            is_end: false,
            forgotten,
        }
    }

    /// Whether nobody works in the session any more. An end that names no agent is that of the session, unless somebody
    /// without a name works in it.
    fn end(&mut self, record: &Record, at: Timestamp) -> bool {
        let Some(session) = &record.session else {
            return true;
        };
        let key = (record.project.clone(), session.clone());
        let Some(crew) = self.known.get_mut(&key) else {
            return true;
        };
        crew.seen = at.max(crew.seen);
        match crew.agents.iter().position(|it| *it == record.agent) {
            Some(place) => {
                crew.agents.swap_remove(place);
            }
            None if record.agent.is_none() => {
                crew.agents.clear();
                crew.beyond = 0;
            }
            None => crew.beyond = crew.beyond.saturating_sub(1),
        }
        let is_end = crew.agents.is_empty() && crew.beyond == 0;
        if is_end {
            self.known.remove(&key);
        }
        is_end
    }

    /// Forgets the eighth of which nothing was heard for the longest time, and says how many those are.
    fn make_room(&mut self) -> u64 {
        let mut times: Vec<_> = self.known.values().map(|it| it.seen).collect();
        let place = (SESSIONS / 8).min(times.len().saturating_sub(1));
        if times.is_empty() {
            return 0;
        }
        let (_, until, _) = times.select_nth_unstable(place);
        // Of those at the same time not more than the eighth.
        let (until, mut left) = (*until, place + 1);
        let before = self.known.len();
        self.known.retain(|_, it| {
            let is_gone = it.seen <= until && left > 0;
            left -= usize::from(is_gone);
            !is_gone
        });
        (before - self.known.len()) as u64
    }

    /// The clock was set back to `now`.
    pub(super) fn rewind(&mut self, now: Timestamp) {
        for crew in self.known.values_mut() {
            crew.seen = crew.seen.min(now);
        }
    }
}
