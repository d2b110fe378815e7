//! Sessions that keep every checkpoint: what each store lists of them, and what it takes to leave most out.

mod jsonl;
mod ours;
mod redb;
mod sqlite;
#[cfg(test)]
mod tests;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub(crate) use jsonl::JsonlPoints;
pub(crate) use ours::{OurPoints, PointsInMemory};
pub(crate) use redb::RedbPoints;
pub(crate) use sqlite::SqlitePoints;

use crate::harness::Broken;
use crate::session::{Message, Role, Source};

/// What a listing says of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) kind: String,
    /// Milliseconds since 1970.
    pub(crate) at: u64,
    pub(crate) messages: u64,
}

/// What one checkpoint adds: a message, and what the agent knows by then, which replaces what it knew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Saved {
    pub(crate) entry: Entry,
    pub(crate) message: Message,
    pub(crate) state: String,
}

/// `count` checkpoints of messages and states of about so many bytes.
pub(crate) fn saved(count: u64, message: usize, state: usize) -> Vec<Saved> {
    let mut source = Source::new(11);
    (0..count)
        .map(|number| Saved {
            entry: Entry {
                number,
                kind: "auto".to_owned(),
                at: 1_780_000_000_000 + number * 1000,
                messages: number + 1,
            },
            message: Message::new(Role::Assistant, source.prose(message)),
            state: source.prose(state),
        })
        .collect()
}

/// Writes them into an empty folder, one checkpoint after the other.
pub(crate) type Write = fn(&Path, &[Saved]) -> Result<(), Broken>;
/// Opens the session and lists its checkpoints; what holds them comes along, so that dropping it is not part of
/// the time.
pub(crate) type List = fn(&Path) -> Result<(usize, Box<dyn std::any::Any>), Broken>;
/// Leaves out all but the newest so many, and gives the room back.
pub(crate) type Prune = fn(&Path, u64) -> Result<(), Broken>;
