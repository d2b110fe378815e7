//! A new session that begins with a checkpoint of another: segments are shared, not copied.

use std::sync::Arc;

use agent_primitives::{CheckpointId, SessionId};

use super::attach::{Attached, Reopening};
use super::{Builder, Checkpointer};
use crate::format::SEGMENT_MAX;
use crate::format::compress::Packer;
use crate::format::keys::Keys;
use crate::format::point::Fork;
use crate::format::segment::{Opening, Place, Start};
use crate::format::tags::{Flags, Kind};
use crate::log::batch::Batch;
use crate::log::lineage::Lineage;
use crate::log::numbering::{narrow, wide};
use crate::log::scan::scan;
use crate::log::seal::is_sealed;
use crate::{Claim, Error, Shared, Store};

impl Checkpointer {
    /// Makes a new session that begins with a checkpoint of this one, and opens it with the same settings.
    ///
    /// It costs the same however long the history is: the new session shares this one's segments, but for
    /// the one that is still written to, of which it takes a copy. What is not saved is not in it, nor are
    /// labels and pins that came after the checkpoint. Neither session sees what the other one does from
    /// then on, and either may be removed. After a crash there is either no new session or all of it.
    ///
    /// ```
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message};
    /// use agent_primitives::{CheckpointKind, SessionId};
    ///
    /// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?).open()?;
    /// session.push(Message::user("one"))?;
    /// let first = session.save(CheckpointKind::Auto)?;
    /// session.push(Message::user("two"))?;
    /// session.save(CheckpointKind::Auto)?;
    ///
    /// let mut other = session.fork(&first, SessionId::new("s2")?)?;
    /// assert_eq!(other.history(), [Message::user("one")]);
    /// other.push(Message::user("another way"))?;
    /// other.save(CheckpointKind::Auto)?;
    /// assert_eq!(session.history()[1], Message::user("two"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::is_not_found`] when the id is not listed; [`Error::is_taken`] when the session exists;
    /// [`Error::is_locked`] when somebody has opened it; [`Error::is_damaged`] when the log was damaged
    /// since this session was opened; [`Error::is_unavailable`]. There is no new session then.
    pub fn fork(&mut self, id: &CheckpointId, session: SessionId) -> Result<Self, Error> {
        self.land()?;
        self.known(id)?;
        Builder::like(self, session)
            .fork_of(self.session.clone(), id.clone())
            .open()
    }
}

/// Where a new session comes from.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) session: SessionId,
    pub(super) checkpoint: CheckpointId,
}

impl Origin {
    /// Makes `child` of it in the store.
    fn fork(&self, store: &dyn Store, child: &SessionId, keys: &Keys) -> Result<(), Error> {
        let unknown = || Error::not_found(self.checkpoint.clone());
        let number = self.checkpoint.as_str().split('-').next();
        let number: u64 = number
            .and_then(|number| number.parse().ok())
            .ok_or_else(unknown)?;
        let parent = &self.session;
        let segments = store.segments(parent)?;
        let lineage = Lineage::find(store, parent, &segments, keys)?;
        let place = |segment| Place {
            store: store.id(),
            session: lineage.owner(segment).unwrap_or(parent),
            segment,
        };
        // Backwards to the segment that holds the commit: the last one that begins with no greater number.
        let mut behind: Option<(u32, Opening)> = None;
        let mut found = None;
        for (at, segment) in segments.iter().enumerate().rev() {
            let mut bytes = store.read(parent, *segment, SEGMENT_MAX)?;
            let start = place(*segment).check(&bytes)?;
            let is_open = behind.is_none() && !is_sealed(&place(*segment), &bytes)?;
            let void_from = match behind {
                Some((next, opening)) if segment.checked_add(1) == Some(next) => opening.void_from,
                _ => 0,
            };
            if void_from > 0 {
                bytes.truncate(narrow(void_from));
            }
            let (opening, start) = match start {
                Start::Good(opening, start) => (opening, start),
                Start::Damaged(start) => (Opening::default(), start),
            };
            let scan = scan(&bytes, start, place(*segment).seed());
            let mut frames = scan.frames.iter();
            if frames.next().is_some_and(|(_, f)| f.header.seq <= number) {
                let own = scan.frames.iter().rev();
                let commit = own
                    .map(|(at, frame)| (at + frame.len(), frame.header))
                    .find(|(_, header)| header.seq <= number);
                found = Some((at, *segment, void_from, is_open, commit));
                break;
            }
            behind = Some((*segment, opening));
        }
        let (at, through, void_from, is_open, commit) = found.ok_or_else(unknown)?;
        let mut shared: Vec<Shared> = segments
            .get(..=at)
            .unwrap_or_default()
            .iter()
            .map(|segment| Shared::whole(*segment))
            .collect();
        if is_open {
            // It is still written to: what there is of it is copied, up to the commit.
            let ends = commit.filter(|(_, header)| {
                header.kind == Kind::COMMIT || header.flags.has(Flags::COMMIT)
            });
            let (end, _) = ends.ok_or_else(unknown)?;
            if let Some(last) = shared.last_mut() {
                last.len = Some(wide(end));
            }
        }
        let fork = Fork {
            from: self.checkpoint.clone(),
            pad: String::new(),
            lineage: lineage.forked(parent, through, number),
        };
        let own = Place {
            store: store.id(),
            session: child,
            segment: through
                .checked_add(1)
                .ok_or_else(|| Error::too_large("a segment's number", usize::MAX, 0xffff_ffff))?,
        };
        let mut bytes = own.header(Opening {
            void_from,
            ..Opening::default()
        });
        bytes.extend(frames(&fork, number, own, keys)?);
        store.share(parent, child, &shared, (own.segment, &bytes))
    }

    /// Makes `child` of it and opens it.
    pub(super) fn attach(
        &self,
        store: &Arc<dyn Store>,
        child: &SessionId,
        claim: &Claim,
        reading: Reopening<'_>,
    ) -> Result<Attached, Error> {
        self.fork(store, child, reading.keys)?;
        let error = match Attached::to(store, child, claim, reading) {
            Ok(attached) if attached.report.head.as_ref() == Some(&self.checkpoint) => {
                return Ok(attached);
            }
            Ok(_) => Error::damaged(self.checkpoint.clone()),
            Err(error) => error,
        };
        // What it was to begin with does not read: there had better be no such session.
        store.remove(child)?;
        Err(error)
    }
}

/// Letters of six bits each, so that they take more than a page of 4 096 bytes however they are compressed: a device may lose
/// that much at once.
const PADDING: usize = 6_000;

/// What makes a frame long, the same for the same fork.
fn padding(fork: &Fork) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut random = [0; PADDING];
    let mut hasher = blake3::Hasher::new();
    hasher.update(fork.from.as_str().as_bytes());
    hasher.finalize_xof().fill(&mut random);
    let letter = |byte: &u8| LETTERS.get(usize::from(byte % 64)).copied().unwrap_or(b'-');
    random.iter().map(|byte| char::from(letter(byte))).collect()
}

/// Three times the same, the second one so long that no lost page takes the first and the last.
fn frames(fork: &Fork, number: u64, place: Place<'_>, keys: &Keys) -> Result<Vec<u8>, Error> {
    let mut packer = Packer::new(keys)?;
    let mut batch = Batch::starting_at(number.saturating_add(1));
    batch.fork(&mut packer, fork)?;
    let padded = Fork {
        pad: padding(fork),
        ..fork.clone()
    };
    batch.fork(&mut packer, &padded)?;
    batch.fork(&mut packer, fork)?;
    let mut bytes = Vec::new();
    for framed in batch.into_frames() {
        framed.draft.write(keys, place.seed(), &mut bytes)?;
    }
    Ok(bytes)
}

impl Builder {
    /// Begins the session with a checkpoint of another one in the same store, without that one's lock; see
    /// [`Checkpointer::fork`]. [`open`](Self::open) makes it.
    ///
    /// ```
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message};
    /// use agent_primitives::{CheckpointKind, SessionId};
    ///
    /// let store = MemoryStore::new();
    /// let parent = SessionId::new("s1")?;
    /// let mut session = Checkpointer::builder(store.clone(), parent.clone()).open()?;
    /// session.push(Message::user("hello"))?;
    /// let id = session.save(CheckpointKind::Auto)?;
    ///
    /// let other = Checkpointer::builder(store, SessionId::new("s2")?).fork_of(parent, id).open()?;
    /// assert_eq!(other.history(), session.history());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn fork_of(mut self, session: SessionId, checkpoint: CheckpointId) -> Self {
        self.origin = Some(Origin {
            session,
            checkpoint,
        });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreId;
    use crate::format::point::Share;

    #[test]
    fn no_page_holds_a_part_of_the_first_and_of_the_last_frame_of_a_fork() {
        let session = SessionId::new("s").unwrap();
        let share = Share {
            session: session.clone(),
            through: 1,
            last: 7,
        };
        let fork = Fork {
            from: CheckpointId::new("7-00000000").unwrap(),
            lineage: vec![share],
            pad: String::new(),
        };
        let place = Place {
            store: StoreId::fresh(),
            session: &session,
            segment: 2,
        };
        let bytes = frames(&fork, 7, place, &Keys::default()).unwrap();
        let found = scan(&bytes, 0, place.seed());
        let [(_, first), _, (last, _)] = found.frames.as_slice() else {
            panic!("{:?}", found.frames);
        };
        assert!(last - first.len() >= 4_096, "{last} {}", first.len());
        assert!(bytes.len() < 6_000, "{}", bytes.len());
        assert_eq!(found.frames[0].1.stored, found.frames[2].1.stored);
    }
}
