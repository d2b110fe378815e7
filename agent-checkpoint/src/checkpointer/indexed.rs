//! Checkpoints as the index of a sealed segment lists them.

use agent_primitives::{AgentId, CheckpointId, CheckpointKind, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Checkpoint, Why};
use crate::format::index::Listed;
use crate::log::chain::marked_id;
use crate::log::numbering::{narrow, wide};

/// What few checkpoints have to say.
#[derive(Default, Serialize, Deserialize)]
struct Other {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    word: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    what: Option<String>,
}

/// A checkpoint for the index. Its labels and its pin stand in other frames.
pub(super) fn in_index(checkpoint: &Checkpoint) -> Option<Listed> {
    let (_, mark) = checkpoint.id.as_str().split_once('-')?;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let mut other = String::new();
    if checkpoint.why.is_some() || checkpoint.what.is_some() {
        let said = Other {
            word: checkpoint.why.map(|why| why.as_str().to_owned()),
            what: checkpoint.what.clone(),
        };
        other = serde_json::to_string(&said).ok()?;
    }
    Some(Listed {
        seq: checkpoint.seq,
        mark: u32::from_str_radix(mark, 16).ok()?.to_be_bytes(),
        at_ms: checkpoint.at.unix_millis(),
        messages: wide(checkpoint.messages),
        logical: checkpoint.logical_bytes,
        stored: checkpoint.stored_bytes,
        kind: checkpoint.kind.as_str().to_owned(),
        agent: text(checkpoint.agent.as_ref().map(AgentId::as_str)),
        restored: text(checkpoint.restored.as_ref().map(CheckpointId::as_str)),
        other,
    })
}

/// The checkpoint that an index lists; `None` for one that no commit in the log can have made.
pub(crate) fn from_index(listed: &Listed) -> Option<Checkpoint> {
    let other: Other = match listed.other.as_str() {
        "" => Other::default(),
        json => serde_json::from_str(json).ok()?,
    };
    let agent = match listed.agent.as_str() {
        "" => None,
        agent => Some(AgentId::new(agent).ok()?),
    };
    let restored = match listed.restored.as_str() {
        "" => None,
        id => Some(CheckpointId::new(id).ok()?),
    };
    Some(Checkpoint {
        id: marked_id(listed.seq, listed.mark),
        kind: CheckpointKind::from_word(&listed.kind).unwrap_or(CheckpointKind::Manual),
        at: Timestamp::from_unix_millis(listed.at_ms),
        agent,
        messages: narrow(listed.messages),
        restored,
        why: other.word.as_deref().and_then(Why::from_word),
        what: other.what,
        labels: Vec::new(),
        pinned: false,
        logical_bytes: listed.logical,
        stored_bytes: listed.stored,
        seq: listed.seq,
    })
}
