//! Lists checkpoints, goes back to one, drops old ones.

use agent_primitives::{CheckpointId, CheckpointKind, Restored};

use super::current::Current;
use super::load::{Reading, load};
use super::save::Flight;
use super::{Checkpoint, Checkpointer, Ruling};
use crate::Error;
use crate::log::batch::Batch;
use crate::log::replay::Entry;

impl Checkpointer {
    /// The checkpoints that the retention keeps, newest first. Each can be restored.
    pub fn list(&self) -> Vec<Checkpoint> {
        let plan = self.retention.plan(&self.listed);
        let kept = self
            .listed
            .iter()
            .zip(plan)
            .filter(|(_, ruling)| ruling.keeps());
        kept.map(|(checkpoint, _)| checkpoint.clone())
            .rev()
            .collect()
    }

    /// The newest checkpoint.
    pub fn latest(&self) -> Option<Checkpoint> {
        self.listed.last().cloned()
    }

    /// Goes back to a checkpoint, and gives the id of the one that holds the state it replaced.
    ///
    /// Nothing is lost by it: the state now is saved first as a checkpoint of kind
    /// [`CheckpointKind::PreRestore`], which retention keeps, and what came after the restored checkpoint
    /// stays in the log. Emits [`Restored`].
    ///
    /// # Errors
    /// [`Error::is_not_found`] when the id is not listed; [`Error::is_damaged`] when the log was damaged
    /// since it was opened. The state stays as it was, unless [`Error::is_blocked`] after the backup was
    /// made: then it is the restored one, and the next save asks what became of it.
    pub fn restore(&mut self, id: &CheckpointId) -> Result<CheckpointId, Error> {
        let started = self.clock.monotonic();
        let is_listed = |list: Vec<Checkpoint>| list.iter().any(|c| c.id == *id);
        if !is_listed(self.list()) {
            self.complete()?;
            if !is_listed(self.list()) {
                return Err(Error::not_found(id.clone()));
            }
        }
        let mut replay = load(&self.store, &self.session, Reading::within(self.limit))?.replay;
        let entry = replay
            .commits
            .iter()
            .find(|entry| entry.id() == *id)
            .cloned();
        let entry: Entry = entry
            .filter(|entry| entry.whole)
            .ok_or_else(|| Error::damaged(id.clone()))?;
        let target = Current::load(&mut replay, &entry)?;
        let backup = self.save(CheckpointKind::PreRestore)?;
        let replaced = std::mem::replace(&mut self.current, target);
        let origin = (id.clone(), entry.hash);
        if let Err(error) = self.commit(CheckpointKind::Manual, self.durability, Some(&origin)) {
            // What is under way or in the log already holds; the state goes with it.
            if !error.is_blocked() && !error.is_not_replicated() {
                self.current = replaced;
            }
            return Err(error);
        }
        let elapsed = self.clock.monotonic().since(started);
        self.emit(Restored::new(id.clone(), elapsed));
        Ok(backup)
    }

    /// Drops what the retention does not keep from the log's listing, for good, and tells for each
    /// checkpoint why it stays or goes.
    ///
    /// Saving does the same by itself from time to time. The messages stay in the log.
    ///
    /// # Errors
    /// As [`save`](Self::save); nothing is dropped then.
    pub fn prune(&mut self) -> Result<Vec<Ruling>, Error> {
        self.land()?;
        self.complete()?;
        let plan = self.retention.plan(&self.listed);
        if let Some(tombstone) = self.tombstone() {
            let next = self.desk.appender()?.end.next;
            let mut batch = Batch::starting_at(next);
            batch.tombstone(&mut self.packer, &tombstone)?;
            let flight = Flight::Tombstone(tombstone);
            self.run(batch.into_frames(), self.durability, flight)?;
        }
        Ok(plan)
    }
}
