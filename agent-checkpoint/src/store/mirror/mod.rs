//! Two stores as one: everything is written to a primary, and to a mirror that can take its place.

mod content;
mod replace;
mod writer;

use std::collections::BTreeSet;
use std::sync::Arc;

use agent_primitives::SessionId;

use super::{Claim, Shared, Store, StoreId, Writer};
use crate::Error;
use writer::MirrorWriter;

/// A store and its mirror: [`Durability::Replicated`](crate::Durability::Replicated) saves are on the devices of both, and either alone
/// gives them back.
///
/// The primary is read and written first. `Buffered` and `Synced` saves are acknowledged by it alone; the
/// mirror follows with the next `Replicated` save, and at the latest when it lacks 1 MiB. Opening a session
/// makes both the same: the mirror gets what it lacks; a primary that has lost its end, or all, gets it back
/// from the mirror. Where each has what the other has not, the primary counts, and a differing
/// end of the mirror goes to the mirror's quarantine.
///
/// Segments are sealed in both, and shared with forks in both. What only the primary has sealed or forked comes to
/// the mirror when the session is opened next.
///
/// A mirror that fails keeps nobody from working: `Replicated` saves give
/// [`Error::is_not_replicated`] and are safe in the primary, and [`Health`](crate::Health) counts the bytes
/// that the mirror lacks.
///
/// ```
/// use agent_checkpoint::{Checkpointer, Durability, MemoryStore, Message, Mirrored, Store};
/// use agent_primitives::{CheckpointKind, SessionId};
///
/// let primary = MemoryStore::new();
/// let mirror = MemoryStore::with_id(primary.id());
/// let id = SessionId::new("s1")?;
/// let mut session = Checkpointer::builder(Mirrored::new(primary, mirror.clone())?, id.clone())
///     .durability(Durability::Replicated)
///     .open()?;
/// session.push(Message::user("hello"))?;
/// session.save(CheckpointKind::Auto)?;
/// drop(session);
///
/// // The primary is lost.
/// let session = Checkpointer::builder(mirror, id).open()?;
/// assert_eq!(session.history(), [Message::user("hello")]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Mirrored {
    primary: Arc<dyn Store>,
    mirror: Arc<dyn Store>,
}

impl Mirrored {
    /// `primary` and its mirror, which has the same id: see
    /// `FileStore::open_mirror`.
    ///
    /// # Errors
    /// [`Error::is_foreign`] when the ids differ.
    pub fn new(primary: impl Store + 'static, mirror: impl Store + 'static) -> Result<Self, Error> {
        if primary.id() != mirror.id() {
            let owner = format!("store {}", mirror.id());
            return Err(Error::foreign("the mirror", owner));
        }
        Ok(Self {
            primary: Arc::new(primary),
            mirror: Arc::new(mirror),
        })
    }
}

impl Store for Mirrored {
    fn id(&self) -> StoreId {
        self.primary.id()
    }

    fn sessions(&self) -> Result<Vec<SessionId>, Error> {
        // What the primary has lost is still there to be opened.
        let mut sessions: BTreeSet<_> = self.primary.sessions()?.into_iter().collect();
        match self.mirror.sessions() {
            Ok(mirrored) => sessions.extend(mirrored),
            Err(error) => tracing::warn!(%error, "the mirror cannot be listed"),
        }
        Ok(sessions.into_iter().collect())
    }

    fn segments(&self, session: &SessionId) -> Result<Vec<u32>, Error> {
        self.primary.segments(session)
    }

    fn read(&self, session: &SessionId, segment: u32, max: usize) -> Result<Vec<u8>, Error> {
        self.primary.read(session, segment, max)
    }

    fn claim(&self, session: &SessionId, claim: &Claim) -> Result<Box<dyn Writer>, Error> {
        let primary = self.primary.claim(session, claim)?;
        let mut writer = MirrorWriter::new(primary, *claim, self.clone(), session.clone());
        let missing = writer.connect().map(drop).and_then(|()| writer.missing());
        match missing {
            // Without it the session would go on from an older state than was acknowledged.
            Ok(missing) => writer.recover(&missing)?,
            Err(error) => tracing::error!(%session, %error, "the mirror cannot be read"),
        }
        Ok(Box::new(writer))
    }

    fn is_mirrored(&self) -> bool {
        true
    }

    fn segment_len(&self, session: &SessionId, segment: u32) -> Result<u64, Error> {
        self.primary.segment_len(session, segment)
    }

    fn read_range(
        &self,
        session: &SessionId,
        segment: u32,
        offset: u64,
        len: usize,
    ) -> Result<Vec<u8>, Error> {
        self.primary.read_range(session, segment, offset, len)
    }

    fn share(
        &self,
        from: &SessionId,
        to: &SessionId,
        shared: &[Shared],
        own: (u32, &[u8]),
    ) -> Result<(), Error> {
        self.share_in_both(from, to, shared, own)
    }

    fn remove(&self, session: &SessionId) -> Result<(), Error> {
        // The other way round, an interruption would leave a mirror that brings the session back.
        self.mirror.remove(session)?;
        self.primary.remove(session)
    }
}
