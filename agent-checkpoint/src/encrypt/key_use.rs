//! Which keys a session needs, told without any of them.

use std::collections::BTreeMap;

use agent_primitives::SessionId;

use super::KeyId;
use crate::format::SEGMENT_MAX;
use crate::format::envelope::key_id;
use crate::format::segment::{Place, session_of};
use crate::format::tags::Flags;
use crate::log::scan::scan;
use crate::{Error, Store};

/// The keys with which the frames of a session's log are encrypted. It takes no key to tell.
///
/// Copies of damaged bytes in quarantine are not among them: remove these before an old key goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyUse {
    /// How many frames there are for each key.
    pub encrypted: BTreeMap<KeyId, u64>,
    /// Frames that are not encrypted.
    pub plain: u64,
}

impl KeyUse {
    /// Looks at every frame of the session, those included that it shares since it was forked.
    ///
    /// ```
    /// use agent_checkpoint::encrypt::KeyUse;
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message};
    /// use agent_primitives::{CheckpointKind, SessionId};
    ///
    /// let (store, id) = (MemoryStore::new(), SessionId::new("s1")?);
    /// let mut session = Checkpointer::builder(store.clone(), id.clone()).open()?;
    /// session.push(Message::user("for everybody"))?;
    /// session.save(CheckpointKind::Auto)?;
    /// let used = KeyUse::of(&store, &id)?;
    /// assert_eq!((used.encrypted.len(), used.plain > 0), (0, true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::is_unavailable`] when the store cannot be read.
    pub fn of(store: &impl Store, session: &SessionId) -> Result<Self, Error> {
        let mut used = Self::default();
        for segment in store.segments(session)? {
            let bytes = store.read(session, segment, SEGMENT_MAX)?;
            let owner = session_of(&bytes).and_then(|owner| SessionId::new(owner).ok());
            let place = Place {
                store: store.id(),
                session: owner.as_ref().unwrap_or(session),
                segment,
            };
            for (_, found) in scan(&bytes, place.start(&bytes), place.seed()).frames {
                match key_id(&found).filter(|_| found.header.flags.has(Flags::ENCRYPTED)) {
                    Some(id) => *used.encrypted.entry(KeyId(id)).or_default() += 1,
                    None => used.plain += 1,
                }
            }
        }
        Ok(used)
    }

    /// The keys, ascending.
    pub fn keys(&self) -> impl Iterator<Item = KeyId> {
        self.encrypted.keys().copied()
    }
}
