//! How sessions are opened.

use std::num::NonZeroUsize;
use std::sync::Arc;

use agent_primitives::{ManualClock, SessionId, Timestamp};

use crate::format::keys::Keys;
use crate::fs::sim::SimFiles;
use crate::{
    Builder, Checkpointer, Durability, Error, FileStore, Reader, Resume, Retention, Sealing,
    TakeOver,
};

/// How sessions are opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) segment_target: usize,
    pub(super) durability: Durability,
    /// Length of a journal that takes all synced appends it can, where there is one.
    pub(super) journal: Option<u64>,
    /// Whether the first session's full segments are sealed behind its back, [as far as is said](Act::SealOn).
    pub(super) seals: bool,
    /// Whether what is written is encrypted.
    pub(super) encrypts: bool,
}

impl Settings {
    pub(super) fn store(&self, files: &SimFiles) -> Result<FileStore, Error> {
        let files = Arc::new(files.clone());
        match self.journal {
            Some(room) => FileStore::open_grouped(files, super::play::ROOT, (1, room)),
            None => FileStore::open_on(files, super::play::ROOT),
        }
    }

    pub(super) fn id(who: usize) -> SessionId {
        SessionId::new(super::play::SESSIONS[who]).unwrap()
    }

    /// With no more than its last messages in memory.
    pub(super) fn open_last(
        &self,
        store: &FileStore,
        who: usize,
        messages: usize,
    ) -> Result<Checkpointer, Error> {
        self.builder(store, who, Self::retention())
            .sealing(Sealing::Never)
            .resume(Resume::Last(messages))
            .open()
    }

    /// From whoever has it.
    pub(super) fn open_over(&self, store: &FileStore, who: usize) -> Result<Checkpointer, Error> {
        self.builder(store, who, Self::retention())
            .take_over(TakeOver::Force)
            .open()
    }

    pub(super) fn open(&self, store: &FileStore, who: usize) -> Result<Checkpointer, Error> {
        self.open_keeping(store, who, Self::retention())
    }

    pub(super) fn open_keeping(
        &self,
        store: &FileStore,
        who: usize,
        retention: Retention,
    ) -> Result<Checkpointer, Error> {
        self.builder(store, who, retention).open()
    }

    /// One for all, since what a session lists depends on it.
    fn retention() -> Retention {
        Retention::last(NonZeroUsize::new(3).unwrap())
    }

    fn keys(&self) -> Keys {
        match self.encrypts {
            #[cfg(feature = "encryption")]
            true => {
                let key = crate::encrypt::Key::from_bytes([3; 32]);
                crate::encrypt::Keyring::new(key).with_salt([0; 32])
            }
            _ => Keys::default(),
        }
    }

    pub(super) fn reader(&self, store: &FileStore, who: usize) -> Result<Reader, Error> {
        Reader::open_as(store.clone(), Self::id(who), Reader::LIMIT, self.keys())
    }

    fn builder(&self, store: &FileStore, who: usize, retention: Retention) -> Builder {
        let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_000));
        let builder = Checkpointer::builder(store.clone(), Self::id(who));
        builder
            .keys(self.keys())
            .clock(Arc::new(clock))
            .durability(self.durability)
            .retention(retention)
            .sealing(if self.seals && who == 0 {
                Sealing::Background
            } else {
                Sealing::Never
            })
            .segment_target(self.segment_target)
    }
}
