//! agent-checkpoint's file store.

use std::path::Path;

use agent_checkpoint::{
    Checkpointer, Durability, FileStore, MemoryStore, Message as OurMessage, Store,
};
use agent_primitives::{CheckpointKind, SessionId};

use super::{Log, Sync};
use crate::harness::Broken;
use crate::session::Message;

#[derive(Debug)]
pub(crate) struct Ours {
    session: Checkpointer,
    durability: Durability,
    staged: Vec<OurMessage>,
}

impl Ours {
    pub(crate) fn create(folder: &Path, sync: Sync) -> Result<Box<dyn Log>, Broken> {
        Ok(Box::new(Self::over(open(folder)?, sync)))
    }

    /// The same log without files: what is left is the work of the processor.
    pub(crate) fn in_memory(_folder: &Path, sync: Sync) -> Result<Box<dyn Log>, Broken> {
        Ok(Box::new(Self::over(open_in(MemoryStore::new())?, sync)))
    }

    fn over(session: Checkpointer, sync: Sync) -> Self {
        Self {
            session,
            durability: durability(sync),
            staged: Vec::new(),
        }
    }

    pub(crate) fn read(folder: &Path) -> Result<(usize, Box<dyn std::any::Any>), Broken> {
        let session = open(folder)?;
        Ok((session.history().len(), Box::new(session)))
    }
}

fn durability(sync: Sync) -> Durability {
    match sync {
        Sync::Buffered => Durability::Buffered,
        Sync::Synced => Durability::Synced,
    }
}

fn open(folder: &Path) -> Result<Checkpointer, Broken> {
    let store = FileStore::open(folder).map_err(Broken::when("open the session"))?;
    open_in(store)
}

fn open_in(store: impl Store + 'static) -> Result<Checkpointer, Broken> {
    let doing = "open the session";
    let session = SessionId::new("bench").map_err(Broken::when(doing))?;
    Checkpointer::builder(store, session)
        .open()
        .map_err(Broken::when(doing))
}

impl Log for Ours {
    fn stage(&mut self, messages: Vec<Message>) -> Result<(), Broken> {
        self.staged = messages.into_iter().map(Message::into_ours).collect();
        Ok(())
    }

    fn sync_from_now(&mut self, sync: Sync) -> Result<(), Broken> {
        self.durability = durability(sync);
        Ok(())
    }

    fn save(&mut self) -> Result<(), Broken> {
        for message in self.staged.drain(..) {
            self.session
                .push(message)
                .map_err(Broken::when("append a message"))?;
        }
        self.session
            .save_with(CheckpointKind::Auto, self.durability)
            .map(|_| ())
            .map_err(Broken::when("save the session"))
    }
}
