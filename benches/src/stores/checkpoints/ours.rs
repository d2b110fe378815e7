//! agent-checkpoint: the state is a component of the session.

use std::num::NonZeroUsize;
use std::path::Path;

use agent_checkpoint::{
    Checkpointer, Durability, FileStore, MemoryStore, Reader, Retention, Snapshot, Store,
};
use agent_primitives::{CheckpointKind, SessionId};
use serde::{Deserialize, Serialize};

use super::Saved;
use crate::harness::Broken;

#[derive(Serialize, Deserialize)]
struct State {
    text: String,
}

impl Snapshot for State {
    const KIND: &'static str = "state";
    const VERSION: u16 = 1;
}

pub(crate) struct OurPoints;

impl OurPoints {
    pub(crate) fn write(folder: &Path, saved: &[Saved]) -> Result<(), Broken> {
        write(file_store(folder)?, saved).map(|_| ())
    }

    /// As a host that is to go on with the session.
    pub(crate) fn list(folder: &Path) -> Result<(usize, Box<dyn std::any::Any>), Broken> {
        let session = session(file_store(folder)?, Retention::all())?;
        let listed = session.list();
        Ok((listed.len(), Box::new((session, listed))))
    }

    /// As a tool that only looks.
    pub(crate) fn look(folder: &Path) -> Result<(usize, Box<dyn std::any::Any>), Broken> {
        let doing = "list the checkpoints";
        let reader = Reader::open(file_store(folder)?, id()?).map_err(Broken::when(doing))?;
        let listed = reader.list().map_err(Broken::when(doing))?;
        Ok((listed.len(), Box::new(listed)))
    }

    pub(crate) fn prune(folder: &Path, kept: u64) -> Result<(), Broken> {
        let mut session = session(file_store(folder)?, last(kept)?)?;
        session.compact().map_err(Broken::when("compact the log"))?;
        Ok(())
    }

    /// Without giving the room back.
    pub(crate) fn drop_from_listing(folder: &Path, kept: u64) -> Result<(), Broken> {
        let mut session = session(file_store(folder)?, last(kept)?)?;
        session.prune().map_err(Broken::when("prune the log"))?;
        Ok(())
    }
}

/// A session in memory that is open.
#[derive(Debug)]
pub(crate) struct PointsInMemory {
    session: Checkpointer,
}

impl PointsInMemory {
    pub(crate) fn new(saved: &[Saved]) -> Result<Self, Broken> {
        let session = write(MemoryStore::new(), saved)?;
        Ok(Self { session })
    }

    pub(crate) fn listed(&self) -> usize {
        std::hint::black_box(self.session.list()).len()
    }
}

fn file_store(folder: &Path) -> Result<FileStore, Broken> {
    FileStore::open(folder).map_err(Broken::when("open the store"))
}

fn id() -> Result<SessionId, Broken> {
    SessionId::new("bench").map_err(Broken::when("name the session"))
}

fn last(count: u64) -> Result<Retention, Broken> {
    let doing = "keep the last checkpoints";
    let count = usize::try_from(count).map_err(Broken::when(doing))?;
    let count = NonZeroUsize::new(count).ok_or_else(|| Broken::new(doing, "there are none"))?;
    Ok(Retention::last(count))
}

fn session(store: impl Store + 'static, retention: Retention) -> Result<Checkpointer, Broken> {
    Checkpointer::builder(store, id()?)
        .retention(retention)
        .open()
        .map_err(Broken::when("open the session"))
}

fn write(store: impl Store + 'static, saved: &[Saved]) -> Result<Checkpointer, Broken> {
    let doing = "write the session";
    let mut session = session(store, Retention::all())?;
    for saved in saved {
        let message = saved.message.clone().into_ours();
        session.push(message).map_err(Broken::when(doing))?;
        let text = saved.state.clone();
        session.put(&State { text }).map_err(Broken::when(doing))?;
        session
            .save_with(CheckpointKind::Auto, Durability::Buffered)
            .map_err(Broken::when(doing))?;
    }
    Ok(session)
}
