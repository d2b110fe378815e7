//! What a listing says of a saved state.

use std::fmt;

use agent_primitives::{AgentId, CheckpointId, CheckpointKind, Timestamp};

use super::Why;
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
    /// What made it due; `None` where the host saved by itself, and for a reason of a later version.
    pub why: Option<Why>,
    /// What it was made before, or the step of the workflow; one line of at most 256 bytes.
    pub what: Option<String>,
    /// Its labels, in order.
    pub labels: Vec<String>,
    /// Whether a pin holds it.
    pub pinned: bool,
    /// Bytes of new state that it brought, before compression.
    pub logical_bytes: u64,
    /// Bytes of the frames that were written with it.
    pub stored_bytes: u64,
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
        let cause = entry
            .body
            .why
            .as_ref()
            .filter(|cause| !is_flag && cause.covers == entry.body.covers);
        Self {
            id: entry.id(),
            kind,
            at: Timestamp::from_unix_millis(entry.at_ms),
            agent: entry.body.agent.clone(),
            messages: entry.messages(),
            restored: entry.body.restored.clone().filter(|_| !is_flag),
            why: cause.and_then(|cause| Why::from_word(&cause.word)),
            what: cause.and_then(|cause| cause.what.clone()),
            labels: Vec::new(),
            pinned: false,
            logical_bytes: entry.spent.logical,
            stored_bytes: entry.spent.stored,
            seq: entry.seq,
        }
    }
}

impl fmt::Display for Checkpoint {
    /// One line: id, time, kind, messages, and what else there is to say.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            at,
            kind,
            messages,
            ..
        } = self;
        write!(f, "{id}  {at}  {kind:<11} {messages} messages")?;
        if let Some(agent) = &self.agent {
            write!(f, "  by {agent}")?;
        }
        if let Some(why) = &self.why {
            write!(f, "  {why}")?;
        }
        if let Some(what) = &self.what {
            write!(f, " {what:?}")?;
        }
        for label in &self.labels {
            write!(f, "  [{label}]")?;
        }
        if self.pinned {
            f.write_str("  pinned")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::format::payload::Body;

    #[test]
    fn a_cause_that_an_older_program_copied_from_another_commit_is_not_believed() {
        let told = |covers: u64| {
            let body: Body = serde_json::from_value(serde_json::json!({
                "at": 0, "kind": "auto", "covers": 7,
                "why": {"covers": covers, "word": "before_risky", "what": "merge"}
            }))
            .unwrap();
            let entry = Entry {
                seq: 9,
                hash: [0; 32],
                at_ms: 0,
                base: body.messages(),
                body: Arc::new(body),
                tail: None,
                whole: true,
                spent: crate::log::replay::Spent::default(),
            };
            let checkpoint = Checkpoint::of(&entry);
            (checkpoint.why, checkpoint.what)
        };
        assert_eq!(told(7), (Some(Why::BeforeRisky), Some("merge".to_owned())));
        assert_eq!(told(5), (None, None));
    }
}
