//! Goes back to a checkpoint.

use agent_primitives::{CheckpointId, CheckpointKind};

use super::current::Current;
use super::load::{Reading, load};
use super::{Checkpointer, Query, Restoration};
use crate::Error;
use crate::log::replay::Entry;

impl Checkpointer {
    /// Goes back to a checkpoint, and gives the id of the one that holds the state it replaced. The short form
    /// of [`plan_restore`](Self::plan_restore) and [`commit`](super::RestorePlan::commit).
    ///
    /// Nothing is lost by it: the state now is saved first as a checkpoint of kind
    /// [`CheckpointKind::PreRestore`](agent_primitives::CheckpointKind::PreRestore), and what came after the
    /// restored checkpoint stays in the log. Emits [`Restored`](agent_primitives::Restored).
    ///
    /// # Errors
    /// [`Error::is_not_found`] when the id is not listed; [`Error::is_damaged`] when the log was damaged
    /// since it was opened. The state stays as it was, unless [`Error::is_blocked`] after the backup was
    /// made: then it is the restored one, and the next save asks what became of it.
    pub fn restore(&mut self, id: &CheckpointId) -> Result<CheckpointId, Error> {
        Ok(self.plan_restore(id)?.commit()?.backup)
    }

    /// Takes the newest restore back: the state is that which it replaced. What came since is saved first, so
    /// that undoing this once more goes back to it.
    ///
    /// # Errors
    /// [`Error::is_not_found`] when nothing was restored, or the state before was dropped since; and
    /// as [`restore`](Self::restore).
    pub fn undo_restore(&mut self) -> Result<Restoration, Error> {
        let replaced = self.replaced()?;
        self.plan_restore(&replaced)?.commit()
    }

    /// The checkpoint that holds what the newest restore replaced.
    pub(crate) fn replaced(&mut self) -> Result<CheckpointId, Error> {
        self.land()?;
        self.complete()?;
        let query = Query::new();
        let mut before = self.find(&query).skip_while(|c| c.restored.is_none());
        let mark = before.next().map(|mark| mark.id.clone());
        let backup = before.next().map(|backup| (backup.kind, backup.id.clone()));
        drop(before);
        match (mark, backup) {
            (_, Some((CheckpointKind::PreRestore, id))) => Ok(id),
            (Some(mark), _) => Err(Error::not_found(mark)),
            (None, _) => Err(Error::nothing_restored()),
        }
    }

    /// Takes the newest restore back to `replaced`, the state that was in memory before it: what of it is masked
    /// in the log stays as it is in memory.
    pub(crate) fn undo_restore_to(&mut self, mut replaced: Current) -> Result<Restoration, Error> {
        let undone = self.undo_restore()?;
        if !self.current.is_same(&replaced) {
            replaced.rebase(std::mem::take(&mut self.current), &self.redaction);
            self.current = replaced;
        }
        Ok(undone)
    }

    /// The checkpoint as it lies in the store, and its state.
    pub(super) fn read_checkpoint(&self, id: &CheckpointId) -> Result<(Entry, Current), Error> {
        let mut replay = load(
            &self.store,
            &self.session,
            Reading::within(self.limit, &self.keys),
        )?
        .replay;
        let entry = replay.commits.iter().find(|entry| entry.id() == *id);
        let entry = entry
            .filter(|entry| entry.whole)
            .cloned()
            .ok_or_else(|| Error::damaged(id.clone()))?;
        let state = Current::load(&mut replay, &entry)?;
        Ok((entry, state))
    }
}
