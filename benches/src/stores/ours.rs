//! agent-checkpoint's file store.

use std::path::Path;

use agent_checkpoint::{
    Checkpointer, Durability, FileStore, MemoryStore, Message as OurMessage, Reader, Resume,
    Retention, Store,
};
use agent_primitives::{CheckpointKind, SessionId};

use super::{Log, Sync, TAIL};
use crate::harness::Broken;
use crate::session::Message;

pub(super) const NAME: &str = "bench";

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

    /// Every checkpoint stays listed.
    pub(crate) fn create_keeping_all(folder: &Path, sync: Sync) -> Result<Box<dyn Log>, Broken> {
        let doing = "open the session";
        let store = FileStore::open(folder).map_err(Broken::when(doing))?;
        let session = SessionId::new(NAME).map_err(Broken::when(doing))?;
        let session = Checkpointer::builder(store, session)
            .retention(Retention::all())
            .open()
            .map_err(Broken::when(doing))?;
        Ok(Box::new(Self::over(session, sync)))
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

    /// The newest messages, [`TAIL`] of them, to look at.
    pub(crate) fn read_tail(folder: &Path) -> Result<(usize, Box<dyn std::any::Any>), Broken> {
        let doing = "read the end of the session";
        let store = FileStore::open(folder).map_err(Broken::when(doing))?;
        let session = SessionId::new(NAME).map_err(Broken::when(doing))?;
        let reader = Reader::open(store, session).map_err(Broken::when(doing))?;
        let messages = reader.tail(TAIL).map_err(Broken::when(doing))?;
        Ok((messages.len(), Box::new(messages)))
    }

    /// Every checkpoint.
    pub(crate) fn list(folder: &Path) -> Result<(usize, Box<dyn std::any::Any>), Broken> {
        let doing = "list the checkpoints";
        let store = FileStore::open(folder).map_err(Broken::when(doing))?;
        let session = SessionId::new(NAME).map_err(Broken::when(doing))?;
        let reader = Reader::open(store, session).map_err(Broken::when(doing))?;
        let listed = reader.list().map_err(Broken::when(doing))?;
        Ok((listed.len(), Box::new(listed)))
    }

    /// A session that holds these messages alone and goes on.
    pub(crate) fn resume(folder: &Path) -> Result<(usize, Box<dyn std::any::Any>), Broken> {
        let doing = "resume the session";
        let store = FileStore::open(folder).map_err(Broken::when(doing))?;
        let session = SessionId::new(NAME).map_err(Broken::when(doing))?;
        let session = Checkpointer::builder(store, session)
            .resume(Resume::Last(TAIL))
            .open()
            .map_err(Broken::when(doing))?;
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
    let session = SessionId::new(NAME).map_err(Broken::when(doing))?;
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

    fn settle(&mut self) -> Result<(), Broken> {
        self.session
            .seal()
            .map(|_| ())
            .map_err(Broken::when("seal the session"))
    }
}
