//! Sealed segments in both stores, and segments shared in both.

use std::sync::{Arc, Mutex, PoisonError};

use agent_primitives::SessionId;

use super::Mirrored;
use super::content::Log;
use crate::format::SEGMENT_MAX;
use crate::format::segment::{Opening, Place, Start};
use crate::log::seal::is_whole;
use crate::{Error, Replacer, Shared, Store};

/// Bytes of a segment that hold its header: that of the longest session id.
const HEAD: usize = 1 << 10;

/// The mirror's replacer, as long as the mirror can be reached.
pub(super) type Reach = Arc<Mutex<Option<Arc<dyn Replacer>>>>;

/// Replaces segments in the primary, and then in the mirror.
#[derive(Debug)]
pub(super) struct Both {
    pub(super) primary: Arc<dyn Replacer>,
    pub(super) mirror: Reach,
    pub(super) session: SessionId,
}

impl Replacer for Both {
    fn replace(&self, segment: u32, bytes: &[u8]) -> Result<(), Error> {
        self.primary.replace(segment, bytes)?;
        let mirror = self.mirror.lock();
        let mirror = mirror.unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(mirror) = mirror
            && let Err(error) = mirror.replace(segment, bytes)
        {
            let session = &self.session;
            tracing::debug!(%session, segment, %error, "the mirror gets the sealed segment later");
        }
        Ok(())
    }
}

/// What is to be known of a segment to tell whether both stores have the same.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) opening: Opening,
    len: u64,
}

impl Form {
    /// Whether it is the other one's segment, sealed or not.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let plain = |form: &Self| Opening {
            is_sealed: false,
            ..form.opening
        };
        plain(self) == plain(other)
    }
}

impl Log<'_> {
    /// `None` for a segment with a damaged header, and one of another session.
    pub(super) fn form(&self, segment: u32) -> Result<Option<Form>, Error> {
        let head = self.store.read_range(self.session, segment, 0, HEAD)?;
        let Ok(Start::Good(opening, _)) = self.place(segment).check(&head) else {
            return Ok(None);
        };
        let len = self.store.segment_len(self.session, segment)?;
        Ok(Some(Form { opening, len }))
    }

    pub(super) fn place(&self, segment: u32) -> Place<'_> {
        Place {
            store: self.store.id(),
            session: self.session,
            segment,
        }
    }

    /// The segment's bytes, where it is sealed and nothing of it is missing.
    pub(super) fn sealed(&self, segment: u32) -> Result<Option<Vec<u8>>, Error> {
        let bytes = self.store.read(self.session, segment, SEGMENT_MAX)?;
        Ok(is_whole(&self.place(segment), &bytes).then_some(bytes))
    }

    /// Segments that are sealed in this log, and in `other` are not, or are sealed in another way.
    pub(super) fn sealed_otherwise(&self, other: Log<'_>) -> Result<Vec<u32>, Error> {
        let theirs = other.segments()?;
        let mut differing = Vec::new();
        for segment in self.segments()? {
            if theirs.last().is_none_or(|last| segment >= *last) || !theirs.contains(&segment) {
                continue;
            }
            if let (Some(ours), Some(theirs)) = (self.form(segment)?, other.form(segment)?)
                && ours.opening.is_sealed
                && ours != theirs
                && ours.is_like(&theirs)
            {
                differing.push(segment);
            }
        }
        Ok(differing)
    }
}

impl Mirrored {
    /// As [`Store::share`], in the primary first: a session that only it has comes to the mirror when it is opened.
    pub(super) fn share_in_both(
        &self,
        from: &SessionId,
        to: &SessionId,
        shared: &[Shared],
        own: (u32, &[u8]),
    ) -> Result<(), Error> {
        match self.mirror.segments(to) {
            Ok(theirs) if !theirs.is_empty() => {
                return Err(Error::taken(
                    format!("session {to}"),
                    "its own log in the mirror",
                ));
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(session = %to, %error, "the mirror cannot be listed"),
        }
        self.primary.share(from, to, shared, own)?;
        let in_mirror = self.is_same(from, shared).and_then(|is_same| {
            if is_same {
                self.mirror.share(from, to, shared, own)
            } else {
                Ok(())
            }
        });
        if let Err(error) = in_mirror {
            tracing::warn!(session = %to, %error, "the mirror gets the fork when it is opened");
        }
        Ok(())
    }

    /// Whether the mirror has the segments byte for byte.
    fn is_same(&self, session: &SessionId, shared: &[Shared]) -> Result<bool, Error> {
        let there = self.mirror.segments(session)?;
        for Shared { segment, len } in shared {
            if there.binary_search(segment).is_err() {
                return Ok(false);
            }
            let read = |store: &Arc<dyn Store>| -> Result<Vec<u8>, Error> {
                let mut bytes = store.read(session, *segment, SEGMENT_MAX)?;
                if let Some(len) = len {
                    bytes.truncate(usize::try_from(*len).unwrap_or(usize::MAX));
                }
                // Space that nobody wrote to is no difference.
                let written = bytes.iter().rposition(|byte| *byte != 0);
                bytes.truncate(written.map_or(0, |last| last + 1));
                Ok(bytes)
            };
            if read(&self.primary)? != read(&self.mirror)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
