//! Leaves out of the log what no listed checkpoint needs.

use std::collections::{BTreeMap, BTreeSet};

use agent_primitives::SessionId;

use super::job::{Sealed, live_bytes, place};
use crate::checkpointer::Checkpointer;
use crate::checkpointer::load::{Reading, load};
use crate::format::payload::Digest;
use crate::log::numbering::wide;
use crate::log::reach::Needed;
use crate::log::replay::Replay;
use crate::log::seal::{Outcome, seal};
use crate::{Claim, Error, Store, StoreId, Writer};

impl Checkpointer {
    /// Drops what the retention does not keep, as [`prune`](Self::prune) does, and gives the room back that
    /// only dropped checkpoints needed: messages of branches that were left, their long texts, and old values of components.
    /// What stays is sealed, as [`seal`](Self::seal) does it. Each checkpoint that is listed restores to the very same
    /// state as before.
    ///
    /// Reads the whole log, and takes memory for it twice. Before anything is replaced it is read once more as
    /// it will be, and given up where a listed checkpoint would not be whole. Where one is not whole now, nothing is left out.
    ///
    /// ```
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message, Retention};
    /// use agent_primitives::{CheckpointKind, SessionId};
    ///
    /// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?)
    ///     .retention(Retention::last(1.try_into()?))
    ///     .open()?;
    /// for n in 0..50 {
    ///     session.update(|work| work.next_steps = vec![format!("step {n} of the plan").into()]);
    ///     session.save(CheckpointKind::Manual)?;
    /// }
    /// let compacted = session.compact()?;
    /// assert!(compacted.after * 5 < compacted.before);
    /// assert_eq!(session.state().work.next_steps, ["step 49 of the plan"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`prune`](Self::prune) and [`seal`](Self::seal). Segments that were not replaced yet stay, which harms
    /// nothing, and it may be tried again.
    pub fn compact(&mut self) -> Result<Sealed, Error> {
        self.survey()?;
        self.prune()?;
        // What is left out must be dropped for good first: `close_segment` syncs.
        self.close_segment()?;
        let loaded = load(
            &self.store,
            &self.session,
            Reading::within(self.limit, &self.keys),
        )?;
        let (replay, shared) = (loaded.replay, loaded.shared);
        let needed = Needed::of(&replay);
        let kept = Kept::of(&replay);
        drop(replay);
        // The log and the session must be of one mind about what stays.
        let needed = needed.filter(|_| self.retained().is_subset(&kept.whole()));
        let Some(needed) = needed else {
            return self.seal();
        };
        let mut done = Sealed::default();
        let mut view = View {
            store: &*self.store,
            replaced: BTreeMap::new(),
        };
        let task = self.task(Vec::new(), 0)?;
        let Some(replacer) = &task.replacer else {
            return Ok(done);
        };
        let last = self.desk.appender()?.end.last_segment;
        for segment in self.store.segments(&self.session)? {
            if segment >= last
                || shared.contains(&segment)
                || self.report.ignored.contains(&segment)
            {
                continue;
            }
            let before = live_bytes(view.store, &self.session, segment)?;
            let place = place(view.store, &self.session, segment);
            match seal(
                &place,
                &before,
                &task.listed,
                Some(&needed),
                &self.keys,
                &|| false,
            )? {
                Outcome::Sealed(after) => {
                    done.segments += 1;
                    done.before += wide(before.len());
                    done.after += wide(after.len());
                    view.replaced.insert(segment, after);
                }
                Outcome::Damaged | Outcome::NoGain | Outcome::Stopped => done.left += 1,
            }
        }
        let after = load(
            &view,
            &self.session,
            Reading::within(self.limit, &self.keys),
        )?
        .replay;
        if Kept::of(&after) != kept {
            return Err(Error::invalid(
                format!("the compacted log of session {}", self.session),
                "it would not give back every checkpoint; the log stays as it is",
            ));
        }
        // No save may refer to a text that goes, whatever comes of the replacing.
        self.blobs = after.blobs.known();
        drop(after);
        for (segment, bytes) in view.replaced {
            replacer.replace(segment, &bytes)?;
            self.sealer.replaced(segment);
        }
        Ok(done)
    }
}

/// What compacting may not change.
#[derive(Debug, PartialEq, Eq)]
struct Kept {
    next: u64,
    missing: Vec<std::ops::Range<u64>>,
    /// Every checkpoint that is not dropped: its number, its hash, whether it is whole, its messages.
    listed: Vec<(u64, Digest, bool, usize)>,
}

impl Kept {
    fn whole(&self) -> BTreeSet<u64> {
        let whole = self.listed.iter().filter(|(.., whole, _)| *whole);
        whole.map(|(seq, ..)| *seq).collect()
    }

    fn of(replay: &Replay) -> Self {
        let drops = replay.drops();
        let listed = replay.commits.iter().filter(|entry| !drops.has(entry.seq));
        Self {
            next: replay.next,
            missing: replay.missing.clone(),
            listed: listed
                .map(|entry| (entry.seq, entry.hash, entry.whole, entry.messages()))
                .collect(),
        }
    }
}

/// A session as it will be.
#[derive(Debug)]
struct View<'a> {
    store: &'a dyn Store,
    replaced: BTreeMap<u32, Vec<u8>>,
}

impl Store for View<'_> {
    fn id(&self) -> StoreId {
        self.store.id()
    }

    fn sessions(&self) -> Result<Vec<SessionId>, Error> {
        self.store.sessions()
    }

    fn segments(&self, session: &SessionId) -> Result<Vec<u32>, Error> {
        self.store.segments(session)
    }

    fn read(&self, session: &SessionId, segment: u32, max: usize) -> Result<Vec<u8>, Error> {
        match self.replaced.get(&segment) {
            Some(bytes) => Ok(bytes.clone()),
            None => self.store.read(session, segment, max),
        }
    }

    fn claim(&self, session: &SessionId, _: &Claim) -> Result<Box<dyn Writer>, Error> {
        Err(Error::locked(session.clone()))
    }

    fn remove(&self, session: &SessionId) -> Result<(), Error> {
        Err(Error::locked(session.clone()))
    }
}
