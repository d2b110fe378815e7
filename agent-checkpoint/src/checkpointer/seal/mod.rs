//! Packs segments that are full: behind the session's back, or when asked to.

mod compact;
mod job;
#[cfg(feature = "encryption")]
mod rekey;

pub use job::Sealed;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Checkpointer;
use super::indexed::in_index;
use super::save::Flight;
use crate::Error;
use crate::log::numbering::wide;
use job::{Done, Job, Task};

/// When segments that are full are sealed: packed tighter, to about half, and never changed again.
///
/// ```
/// use agent_checkpoint::{Checkpointer, MemoryStore, Sealing};
/// use agent_primitives::SessionId;
///
/// assert_eq!(Sealing::default(), Sealing::Background);
/// let session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?)
///     .sealing(Sealing::Never)
///     .open()?;
/// assert_eq!(session.figures()?.sealed_segments, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Sealing {
    /// On a thread of its own that lives as long as there is something to do, when a segment is full: all that
    /// are full but the newest, which stays quick to read. What an earlier process left is taken up by the first
    /// save, at most 64 segments of it; a session that is only opened stays as it is.
    #[default]
    Background,
    /// Only when [`Checkpointer::seal`] or [`Checkpointer::compact`] is called.
    Never,
}

/// Most segments that the first save after opening has sealed: about as many MiB of log. What is beyond is due
/// with the next full segment.
const LEFT_BEHIND_MAX: usize = 64;

/// What opening found of a log's segments.
#[derive(Debug, Default)]
pub(super) struct Segments {
    /// Ascending; the last of the log may be among them.
    pub(super) unsealed: Vec<u32>,
    /// Of another session, which are left alone.
    pub(super) shared: Vec<u32>,
    pub(super) sealed: u32,
    /// The last of the log.
    pub(super) last: u32,
}

/// What is to be sealed, and who is at it.
#[derive(Debug)]
pub(super) struct Sealer {
    mode: Sealing,
    job: Option<Job>,
    /// Closed segments that are not sealed, and a number not greater than those of their records.
    waiting: BTreeMap<u32, u64>,
    /// The segment that is appended to, and a number not greater than those of its records.
    active: (u32, u64),
    /// An earlier writer left segments that are due, and no save has seen to them yet.
    is_behind: bool,
    sealed: u64,
    failures: u64,
}

impl Sealer {
    pub(super) fn new(mode: Sealing, segments: Segments) -> Self {
        let mut sealer = Self {
            mode,
            job: None,
            waiting: BTreeMap::new(),
            active: (0, 0),
            is_behind: false,
            sealed: 0,
            failures: 0,
        };
        sealer.reopen(segments);
        sealer
    }

    pub(super) fn reopen(&mut self, segments: Segments) {
        let Segments {
            unsealed,
            shared,
            sealed,
            last,
        } = segments;
        self.active = (last, 0);
        self.sealed = sealed.into();
        let closed = unsealed
            .into_iter()
            .filter(|segment| *segment != last && !shared.contains(segment));
        self.waiting = closed.map(|segment| (segment, 0)).collect();
        self.is_behind = self.due(1).is_some();
    }

    pub(super) const fn mode(&self) -> Sealing {
        self.mode
    }

    pub(super) fn sealed(&self) -> u64 {
        self.sealed
    }

    pub(super) fn failures(&self) -> u64 {
        self.failures
    }

    /// Tells a job that is at work to stop, and waits until it has.
    pub(super) fn stop(&mut self) {
        if let Some(job) = self.job.take() {
            self.count(&job.stopped());
        }
    }

    /// Waits until a job that is at work has done all of it.
    fn wait(&mut self) {
        if let Some(job) = self.job.take() {
            self.count(&job.ended());
        }
    }

    fn count(&mut self, done: &Done) {
        self.sealed = self.sealed.saturating_add(wide(done.sealed.len()));
        self.failures = self.failures.saturating_add(done.failures);
        for segment in done.sealed.iter().chain(&done.left) {
            self.waiting.remove(segment);
        }
    }

    /// Takes notice that `segment` is begun, and that its records have numbers from `first` on.
    pub(super) fn begun(&mut self, segment: u32, first: u64) {
        let (before, numbers) = std::mem::replace(&mut self.active, (segment, first));
        if before > 0 {
            self.waiting.insert(before, numbers);
        }
    }

    fn replaced(&mut self, segment: u32) {
        if self.waiting.remove(&segment).is_some() {
            self.sealed = self.sealed.saturating_add(1);
        }
    }

    /// The segments that wait, but for the `kept` newest, and the smallest number in them. `None` where there
    /// are none.
    fn due(&self, kept: usize) -> Option<(Vec<u32>, u64)> {
        let count = self.waiting.len().checked_sub(kept)?;
        let due: Vec<u32> = self.waiting.keys().copied().take(count).collect();
        let first = self.waiting.values().take(count).copied().min();
        Some((due, first?))
    }
}

impl Checkpointer {
    /// Packs all that was saved tighter, now: what is full already, and the segment that is being written to,
    /// which is closed for it. Every checkpoint stays restorable.
    ///
    /// For the end of a session, and for tools: full segments are sealed in the background, unless the session
    /// was opened with [`Sealing::Never`]. Waits until it is done; takes about 15 ms for each megabyte of JSON.
    /// A segment with damage in it stays as it is.
    ///
    /// ```
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message};
    /// use agent_primitives::{CheckpointKind, SessionId};
    ///
    /// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?).open()?;
    /// for n in 0..100 {
    ///     session.push(Message::user(format!("message {n}")))?;
    ///     session.save(CheckpointKind::Auto)?;
    /// }
    /// let sealed = session.seal()?;
    /// assert_eq!(sealed.segments, 1);
    /// assert!(sealed.after * 4 < sealed.before);
    /// assert_eq!(session.seal()?.segments, 0, "nothing is left to do");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`save`](Self::save), and where a segment could not be replaced: the old one stays, nothing is lost,
    /// and it may be tried again.
    pub fn seal(&mut self) -> Result<Sealed, Error> {
        self.survey()?;
        self.close_segment()?;
        let Some((segments, numbers)) = self.sealer.due(0) else {
            return Ok(Sealed::default());
        };
        let done = self.task(segments, numbers)?.run(&|| false);
        self.sealer.count(&done);
        match done.error {
            Some(error) => Err(error),
            None => Ok(done.sums),
        }
    }

    /// Whether a job is at work, or stands still in it.
    #[cfg(all(test, feature = "fs"))]
    pub(crate) fn is_sealing(&self) -> bool {
        self.sealer
            .job
            .as_ref()
            .is_some_and(|job| !job.is_finished())
    }

    /// Makes sure that all segments of the log are known, and that nobody is at work on them.
    fn survey(&mut self) -> Result<(), Error> {
        self.land()?;
        self.sealer.wait();
        self.complete()
    }

    /// Closes the segment that is appended to, where there is anything in it, and makes it durable.
    fn close_segment(&mut self) -> Result<(), Error> {
        self.land()?;
        let closed = self.desk.appender()?.close();
        let mode = std::mem::replace(&mut self.sealer.mode, Sealing::Never);
        let landed = self.landed(Flight::Nothing, closed);
        self.sealer.mode = mode;
        landed
    }

    /// Takes notice of segments that were begun, and has those before them sealed; those that an earlier process
    /// left as well. Never fails a save.
    pub(super) fn seal_behind(&mut self, begun: &[(u32, u64)]) {
        if begun.is_empty() && !self.sealer.is_behind {
            return;
        }
        for (segment, first) in begun {
            self.sealer.begun(*segment, *first);
        }
        if let Some(job) = self.sealer.job.take_if(|job| job.is_finished()) {
            self.sealer.count(&job.ended());
        }
        // Where only the end of the log was read, nobody knows yet what an index has to list.
        let is_unknown = self.is_partial;
        if is_unknown || self.sealer.mode == Sealing::Never || self.sealer.job.is_some() {
            return;
        }
        self.sealer.is_behind = false;
        if let Some((mut segments, numbers)) = self.sealer.due(1) {
            if begun.is_empty() {
                segments.truncate(LEFT_BEHIND_MAX);
            }
            let started = self.task(segments, numbers).and_then(|task| {
                Job::start(task)
                    .map_err(|e| Error::unavailable("starting a thread to seal with", e))
            });
            match started {
                Ok(job) => self.sealer.job = Some(job),
                Err(error) => {
                    tracing::warn!(session = %self.session, %error, "nothing is sealed now");
                    self.sealer.failures += 1;
                }
            }
        }
    }

    fn task(&self, segments: Vec<u32>, numbers: u64) -> Result<Task, Error> {
        let listed = self.points.numbered_from(numbers);
        Ok(Task {
            replacer: self.desk.appender()?.writer.replacer(),
            store: Arc::clone(&self.store),
            session: self.session.clone(),
            keys: self.keys.clone(),
            segments,
            listed: listed.iter().filter_map(in_index).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::segment::{Opening, Place};
    use crate::{MemoryStore, Message, Store};
    use agent_primitives::{CheckpointKind, SessionId};

    #[test]
    fn what_the_next_segment_takes_back_is_not_sealed() {
        let store = MemoryStore::new();
        let id = SessionId::new("s").unwrap();
        let open = || {
            let builder = Checkpointer::builder(store.clone(), id.clone());
            builder.open().unwrap()
        };
        let mut session = open();
        let said = |n: usize| Message::user(format!("message {n} of the conversation"));
        let mut kept = 0;
        for n in 0..40 {
            session.push(said(n)).unwrap();
            session.save(CheckpointKind::Auto).unwrap();
            if n == 29 {
                kept = session.figures().unwrap().stored_bytes;
            }
        }
        drop(session);
        let place = Place {
            store: store.id(),
            session: &id,
            segment: 2,
        };
        let header = place.header(Opening {
            void_from: kept,
            ..Opening::default()
        });
        store.writer(&id).unwrap().start(2, &header).unwrap();

        let mut session = open();
        let all: Vec<Message> = (0..30).map(said).collect();
        assert_eq!(session.history(), all);
        assert_eq!(session.seal().unwrap().segments, 1);
        drop(session);
        let session = open();
        assert!(session.report().is_clean(), "{}", session.report());
        assert_eq!(session.history(), all);
        assert_eq!(session.figures().unwrap().sealed_segments, 1);
    }

    #[cfg(feature = "fs")]
    #[test]
    fn a_long_log_that_was_left_unsealed_is_taken_up_in_parts() {
        let store = MemoryStore::new();
        let id = SessionId::new("s").unwrap();
        let open = |sealing| {
            let builder = Checkpointer::builder(store.clone(), id.clone());
            let builder = builder.sealing(sealing).segment_target(1500);
            builder.open().unwrap()
        };
        let mut session = open(Sealing::Never);
        let mut said = 0;
        while store.segments(&id).unwrap().len() < LEFT_BEHIND_MAX + 10 {
            let text =
                format!("message {said} of the conversation, and of all that was said in it");
            session.push(Message::user(text)).unwrap();
            session.save(CheckpointKind::Auto).unwrap();
            said += 1;
        }
        drop(session);
        let mut session = open(Sealing::Background);
        session.update(|work| work.next_steps.push("go on".into()));
        session.save(CheckpointKind::Auto).unwrap();
        session.sealer.wait();
        assert_eq!(session.sealer.sealed(), wide(LEFT_BEHIND_MAX));
        // Once for each opening, whatever is left then.
        session.update(|work| work.next_steps.push("and on".into()));
        session.save(CheckpointKind::Auto).unwrap();
        assert!(session.sealer.job.is_none());
        drop(session);
        assert_eq!(open(Sealing::Never).history().len(), said);
    }

    #[test]
    fn only_closed_segments_wait_and_the_newest_longest() {
        let mut sealer = Sealer::new(Sealing::Background, Segments::default());
        sealer.begun(1, 0);
        assert_eq!(sealer.due(0), None);
        sealer.begun(2, 50);
        assert_eq!((sealer.due(1), sealer.due(0)), (None, Some((vec![1], 0))));
        sealer.begun(3, 90);
        assert_eq!(sealer.due(1), Some((vec![1], 0)));
        let done = Done {
            sealed: vec![1],
            failures: 2,
            ..Done::default()
        };
        sealer.count(&done);
        assert_eq!((sealer.sealed(), sealer.failures()), (1, 2));
        assert_eq!(sealer.due(0), Some((vec![2], 50)));
        sealer.reopen(Segments {
            unsealed: vec![1, 2, 3],
            shared: vec![1],
            sealed: 1,
            last: 3,
        });
        assert_eq!(sealer.due(0), Some((vec![2], 0)));
    }
}
