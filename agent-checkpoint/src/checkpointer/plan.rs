//! A restore that is looked at before it is done.

use agent_primitives::{CheckpointId, CheckpointKind, Monotonic, Restored};

use super::current::Current;
use super::diff::Diff;
use super::order::Order;
use super::save::{Head, Origin};
use super::{Checkpoint, Checkpointer};
use crate::{Error, SessionState};

/// A restore that was thought out and not done: from [`Checkpointer::plan_restore`]. It holds the session, so
/// that nothing changes between the look and the deed. Dropping it does nothing.
#[must_use = "nothing is restored until it is committed"]
#[derive(Debug)]
pub struct RestorePlan<'a> {
    pub(super) session: &'a mut Checkpointer,
    pub(super) target: Checkpoint,
    pub(super) origin: Origin,
    pub(super) state: Current,
    pub(super) diff: Diff,
    pub(super) started: Monotonic,
}

/// A restore that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restoration {
    /// The checkpoint that holds the state that was replaced. Retention keeps it for a while:
    /// [`Retention::backups`](crate::Retention::backups).
    pub backup: CheckpointId,
    /// The checkpoint that marks the restore, from which the session goes on.
    pub now: CheckpointId,
}

impl RestorePlan<'_> {
    /// The checkpoint to go back to.
    pub const fn target(&self) -> &Checkpoint {
        &self.target
    }

    /// What would change.
    pub const fn diff(&self) -> &Diff {
        &self.diff
    }

    /// The state that would be.
    pub const fn state(&self) -> &SessionState {
        &self.state.state
    }

    /// Does it: saves the state now as a checkpoint of kind [`CheckpointKind::PreRestore`], puts the other in
    /// its place with a checkpoint that marks it, and reads that one back from the store. Emits
    /// [`Restored`].
    ///
    /// # Errors
    /// As [`save`](Checkpointer::save); and [`Error::is_damaged`] where the log does not read back as it was
    /// written. The state in memory is as it was before, and so is that of the log's newest checkpoint
    /// as far as the store still writes; unless [`Error::is_blocked`] after the backup was made: then it is
    /// the restored one, and the next save asks what became of it.
    pub fn commit(self) -> Result<Restoration, Error> {
        Ok(self.commit_keeping()?.0)
    }

    /// As [`commit`](Self::commit), and gives what was in memory before.
    pub(crate) fn commit_keeping(self) -> Result<(Restoration, Current), Error> {
        let Self {
            session,
            target,
            origin,
            state,
            started,
            diff: _,
        } = self;
        let backup = session.save(CheckpointKind::PreRestore)?;
        let before = session.head.as_ref().map(Head::origin);
        let replaced = std::mem::replace(&mut session.current, state);
        let order = Order {
            origin: Some(&origin),
            ..Order::of(CheckpointKind::Manual, session.durability)
        };
        let now = match session.commit(&order) {
            Ok(now) => now,
            Err(error) => {
                // What is under way or in the log already holds; the state goes with it.
                if !error.is_blocked() && !error.is_not_replicated() {
                    session.current = replaced;
                }
                return Err(error);
            }
        };
        if let Err(error) = session.reads_back(&now) {
            tracing::error!(checkpoint = %now, %error, "a restore does not read back and is taken back");
            session.current = replaced;
            // Whatever becomes of the next line, no flag may build on the mark.
            session.current.is_context_touched = true;
            session.commit(&Order {
                origin: before.as_ref(),
                ..order
            })?;
            // What could not be read is not known to be damaged.
            let is_unread = error.is_unavailable();
            return Err(if is_unread {
                error
            } else {
                Error::damaged(target.id)
            });
        }
        let elapsed = session.clock.monotonic().since(started);
        session.emit(Restored::new(target.id, elapsed));
        Ok((Restoration { backup, now }, replaced))
    }

    /// Leaves everything as it is, as dropping the plan does.
    pub fn rollback(self) {}
}

impl Checkpointer {
    /// Reads the checkpoint and works out what going back to it would change; changes nothing.
    ///
    /// ```
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message};
    /// use agent_primitives::{CheckpointKind, SessionId};
    ///
    /// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?).open()?;
    /// session.push(Message::user("one"))?;
    /// let first = session.save(CheckpointKind::Auto)?;
    /// session.push(Message::user("two"))?;
    /// session.update(|work| work.next_steps.push("three".into()));
    ///
    /// let plan = session.plan_restore(&first)?;
    /// assert_eq!((plan.diff().common, plan.diff().removed), (1, 1));
    /// assert_eq!(plan.diff().components[0].name, "work.next_steps");
    /// plan.rollback();
    /// assert_eq!(session.history().len(), 2);
    ///
    /// let done = session.plan_restore(&first)?.commit()?;
    /// assert_eq!(session.history().len(), 1);
    /// session.restore(&done.backup)?;
    /// assert_eq!(session.history().len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::is_not_found`] when the id is not listed; [`Error::is_damaged`] when the log was damaged
    /// since it was opened.
    pub fn plan_restore(&mut self, id: &CheckpointId) -> Result<RestorePlan<'_>, Error> {
        let started = self.clock.monotonic();
        let target = self.known(id)?.clone();
        let (entry, state) = self.read_checkpoint(id)?;
        let diff = Diff::between(&self.current, &state, &self.redaction)?;
        Ok(RestorePlan {
            session: self,
            target,
            origin: (id.clone(), entry.hash),
            state,
            diff,
            started,
        })
    }

    /// The checkpoint, sought in all of the log where only its end was read.
    pub(super) fn known(&mut self, id: &CheckpointId) -> Result<&Checkpoint, Error> {
        if self.points.with_id(id).is_err() {
            self.complete()?;
        }
        self.points.with_id(id)
    }

    /// Whether the state in memory is what the checkpoint says.
    fn reads_back(&self, id: &CheckpointId) -> Result<(), Error> {
        let (_, read) = self.read_checkpoint(id)?;
        if read.is_same(&self.current) {
            Ok(())
        } else {
            Err(Error::damaged(id.clone()))
        }
    }
}
