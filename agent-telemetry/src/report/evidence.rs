//! What a line of a report rests on.

use agent_primitives::SessionId;
use serde::{Deserialize, Serialize};

/// Sessions that are named; the others are counted.
const NAMED: usize = 5;

/// The sessions that a line of a report rests on: how many, and the first five of them by name.
///
/// ```
/// let evidence: agent_telemetry::Evidence =
///     serde_json::from_str(r#"{"count":812,"sessions":["s1","s2","s3","s4","s5"]}"#)?;
/// assert_eq!((evidence.count, evidence.sessions.len()), (812, 5));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Evidence {
    /// How many.
    pub count: u64,
    /// At most five of them, in the order of recording.
    pub sessions: Vec<SessionId>,
}

impl Evidence {
    /// One more.
    pub(crate) fn add(&mut self, session: &SessionId) {
        self.count = self.count.saturating_add(1);
        if self.sessions.len() < NAMED {
            self.sessions.push(session.clone());
        }
    }

    /// Those of another one, which names other sessions.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        let room = NAMED.saturating_sub(self.sessions.len());
        let more = other.sessions.iter().take(room);
        self.sessions.extend(more.cloned());
    }
}
