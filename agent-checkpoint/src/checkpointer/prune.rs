//! Drops checkpoints that the retention does not keep.

use super::save::Flight;
use super::{Checkpointer, Pruning};
use crate::Error;
use crate::log::batch::Batch;

impl Checkpointer {
    /// What [`prune`](Self::prune) would do, and why; changes nothing.
    pub fn plan_prune(&self) -> Pruning {
        self.points.plan()
    }

    /// Drops what the retention does not keep from the log's listing, for good, and tells for each
    /// checkpoint why it stays or goes.
    ///
    /// Saving does the same by itself from time to time. The messages stay in the log.
    ///
    /// # Errors
    /// As [`save`](Self::save); nothing is dropped then.
    pub fn prune(&mut self) -> Result<Pruning, Error> {
        self.land()?;
        self.complete()?;
        let plan = self.points.plan();
        if let Some(tombstone) = self.points.tombstone() {
            let mut batch = Batch::starting_at(self.desk.appender()?.end.next);
            batch.tombstone(&mut self.packer, &tombstone)?;
            let flight = Flight::Tombstone(tombstone);
            self.run(batch.into_frames(), self.durability, flight)?;
        }
        Ok(plan)
    }
}
