//! In which sessions something was seen, each counted once.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use agent_primitives::SessionId;

use super::Evidence;
use crate::{ProjectId, Record};

/// Pairs of a thing and a session that are told apart.
const PAIRS: usize = 1 << 20;

/// What was seen in which session, as 64 bits each: of a million of them, two are taken for one in about
/// one of thirty million runs.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pairs: HashSet<u64>,
    left_out: u64,
}

impl Seen {
    /// Adds the session of a record to what a thing rests on, unless it is there.
    pub(super) fn add(&mut self, thing: impl Hash, record: &Record, evidence: &mut Evidence) {
        if let Some(session) = &record.session {
            self.add_session(thing, record.project.as_ref(), session, evidence);
        }
    }

    /// Adds a session to what a thing rests on, unless it is there.
    pub(super) fn add_session(
        &mut self,
        thing: impl Hash,
        project: Option<&ProjectId>,
        session: &SessionId,
        evidence: &mut Evidence,
    ) {
        let mut hasher = DefaultHasher::new();
        (thing, project, session).hash(&mut hasher);
        let pair = hasher.finish();
        if self.pairs.contains(&pair) {
            return;
        }
        if self.pairs.len() >= PAIRS {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        self.pairs.insert(pair);
        evidence.add(session);
    }

    /// Records of sessions beyond the first million pairs.
    pub(super) const fn left_out(&self) -> u64 {
        self.left_out
    }
}
