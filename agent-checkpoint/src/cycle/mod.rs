//! A session goes on in a fresh one before the context window of its model is full.
//!
//! [`Checkpointer::cycle_if_due`](crate::Checkpointer::cycle_if_due) saves, begins another session in the same store with
//! the essentials, and goes on there. Nothing is copied but what the model needs: the sessions name each
//! other, and every message stays where it was said.
//!
//! - The earlier session says in its [`Work`] where it went on: [`Continued`].
//! - The fresh one says in its own where it came from: [`Inherited::earlier`](crate::handoff::Inherited::earlier). Of its
//!   messages the first [`Inherited::opening`](crate::handoff::Inherited::opening) were made for it, so that those
//!   behind them, from the first session to the last, are the whole conversation.
//!
//! The earlier session is saved first, and the fresh one begins with one save, so at every moment one of
//! them is the one to go on with: the earlier one until the fresh one has a checkpoint. [`Builder::continued`](crate::Builder::continued)
//! finds it from any of them, after a crash as well. An earlier session that is opened by its own name and gone on with
//! is the one to go on with again, from the first save that has something new.

mod opening;
mod settings;

use agent_primitives::{CheckpointId, SessionId};
use serde::{Deserialize, Serialize};

use crate::Work;

pub use settings::Cycle;

pub(crate) use opening::Opening;

/// Name of the component.
pub(crate) const NAME: &str = "continued";

/// Where a session went on: the component `continued` of its [`Work`].
///
/// ```
/// use agent_checkpoint::Work;
/// use agent_checkpoint::cycle::Continued;
///
/// assert_eq!(Continued::of(&Work::default()), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Continued {
    /// The session that goes on, once it has a checkpoint.
    pub session: SessionId,
    /// The session that went on there. Where the state is that of another one, such as a fork, it says nothing
    /// about that one.
    pub from: SessionId,
}

impl Continued {
    pub(crate) fn into(session: SessionId, from: SessionId) -> Self {
        Self { session, from }
    }

    /// Where the session [`from`](Self::from) with this state went on, or was about to.
    pub fn of(work: &Work) -> Option<Self> {
        Self::deserialize(work.extra.get(NAME)?).ok()
    }
}

/// What a cycle did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cycled {
    /// The session before, which has everything up to here.
    pub from: SessionId,
    /// Its last checkpoint.
    pub checkpoint: CheckpointId,
    /// Tokens of the context there.
    pub tokens_before: u64,
    /// Tokens of the context here.
    pub tokens: u64,
}
