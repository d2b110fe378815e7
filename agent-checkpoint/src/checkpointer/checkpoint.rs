//! What a listing says of a saved state.

use agent_primitives::{AgentId, CheckpointId, CheckpointKind, Timestamp};

use crate::log::replay::Entry;

/// A saved state, as a listing shows it.
///
/// ```
/// use agent_checkpoint::{Checkpointer, MemoryStore, Message};
/// use agent_primitives::{CheckpointKind, SessionId};
///
/// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?).open()?;
/// session.push(Message::user("hello"))?;
/// let id = session.save(CheckpointKind::Manual)?;
/// let newest = session.latest().unwrap();
/// assert_eq!((newest.id, newest.kind, newest.messages), (id, CheckpointKind::Manual, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checkpoint {
    /// Its number in the log and the start of its hash.
    pub id: CheckpointId,
    /// What it was made for. A kind that this version does not know shows as manual.
    pub kind: CheckpointKind,
    /// When, to the millisecond.
    pub at: Timestamp,
    /// Who made it, where the session was opened for an agent.
    pub agent: Option<AgentId>,
    /// Messages in its history.
    pub messages: usize,
    /// The checkpoint that it went back to, where it is the mark of a restore.
    pub restored: Option<CheckpointId>,
    pub(crate) seq: u64,
}

impl Checkpoint {
    pub(crate) fn of(entry: &Entry) -> Self {
        let is_flag = entry.tail.is_some();
        // A flag on an Items frame is a checkpoint of its own, not another mark of the restore.
        let kind = if is_flag {
            CheckpointKind::Auto
        } else {
            CheckpointKind::from_word(&entry.body.kind).unwrap_or(CheckpointKind::Manual)
        };
        Self {
            id: entry.id(),
            kind,
            at: Timestamp::from_unix_millis(entry.at_ms),
            agent: entry.body.agent.clone(),
            messages: entry.messages(),
            restored: entry.body.restored.clone().filter(|_| !is_flag),
            seq: entry.seq,
        }
    }
}
