//! What opening a session found, lost and did.

use std::fmt;
use std::ops::Range;

use agent_primitives::CheckpointId;

use super::load::Loaded;
use crate::Position;
use crate::log::numbering::wide;
use crate::log::replay::Entry;

/// Bytes that were no frame and were copied aside.
///
/// See [`Report`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quarantined {
    /// Where they lay.
    pub at: Position,
    /// How many.
    pub len: u64,
    /// What is wrong with them.
    pub reason: String,
    /// Name of the copy; for a file store, a file in the session's `quarantine` folder.
    pub copy: String,
}

/// Bytes that are no frame, whether they could be copied aside or not.
///
/// See [`Report`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damaged {
    /// Where they lie, or lay.
    pub at: Position,
    /// How many.
    pub len: u64,
}

/// What opening a session found, lost and did. A host looks at it, since the state may be older than
/// what was written: [`is_clean`](Self::is_clean) in one question, [`Display`](fmt::Display) in one line.
///
/// ```
/// use agent_checkpoint::{Checkpointer, MemoryStore};
/// use agent_primitives::SessionId;
///
/// let session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?).open()?;
/// assert!(session.report().is_clean());
/// assert_eq!(session.report().to_string(), "a new session");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The checkpoint that the session continues from; none for a new session.
    pub head: Option<CheckpointId>,
    /// Segments read.
    pub segments: u32,
    /// Frames read.
    pub frames: u64,
    /// Messages in the log, those of other branches included.
    pub items: usize,
    /// Checkpoints in the log, whole or not.
    pub checkpoints: usize,
    /// Checkpoints that cannot be restored since something that they need is lost; oldest first.
    pub degraded: Vec<CheckpointId>,
    /// Numbers of the records that are lost, each one message, component or mark.
    pub missing: Vec<Range<u64>>,
    /// Messages behind `head`: written but not committed, or of a degraded checkpoint. They stay in
    /// the log and are not in the state.
    pub uncommitted: usize,
    /// Bytes that were no frame; always the sum of `quarantined`.
    pub lost_bytes: u64,
    /// Copies of those bytes.
    pub quarantined: Vec<Quarantined>,
    /// All ranges of bytes that were no frame, set aside or not, in order.
    pub damaged: Vec<Damaged>,
    /// Bytes that were no frame and could not be copied aside yet, for want of room; the first save does
    /// it, and then counts them among `lost_bytes`.
    pub unmended_bytes: u64,
    /// Number of the record that an interrupted write at the end was to begin with; how many it was to write
    /// is not known. None where the log ends with a whole record.
    pub torn_at: Option<u64>,
    /// Number behind the last record that such a write is known to have held: some headers may be intact where
    /// nothing else is.
    pub torn_to: Option<u64>,
    /// Segments whose header is damaged. Their frames were read all the same.
    pub damaged_headers: Vec<u32>,
    /// Segments behind a gap in the numbers that have neither header nor frame: not this session's, and
    /// left as they are.
    pub ignored: Vec<u32>,
    /// Segments that a writer began after the session was taken over from it. They hold nothing that was
    /// acknowledged and do not count.
    pub superseded: Vec<u32>,
}

impl Report {
    /// What the log is found to be, before anything is done about it.
    pub(crate) fn of(loaded: &Loaded, head: Option<&Entry>) -> Self {
        let replay = &loaded.replay;
        let drops = replay.drops();
        let degraded = replay
            .commits
            .iter()
            // Of dropped ones parts may be left out on purpose.
            .filter(|entry| !entry.whole && !drops.has(entry.seq))
            .map(Entry::id)
            .collect();
        let uncommitted = replay
            .blocks
            .iter()
            .filter(|b| head.is_none_or(|head| b.first > head.seq));
        let damaged = loaded.lost.iter().map(|lost| Damaged {
            at: lost.at,
            len: wide(lost.bytes.len()),
        });
        let torn_at = loaded.is_torn.then_some(replay.next);
        Self {
            head: head.map(Entry::id),
            segments: loaded.segments,
            frames: replay.frames,
            // The items themselves have gone into the state by now.
            items: replay.blocks.iter().map(|block| block.count).sum(),
            checkpoints: replay.commits.len(),
            degraded,
            missing: replay.missing.clone(),
            torn_at,
            torn_to: torn_at.map(|at| replay.remains.end().max(at.saturating_add(1))),
            uncommitted: uncommitted.map(|block| block.count).sum(),
            damaged: damaged.collect(),
            damaged_headers: loaded.damaged_headers.clone(),
            ignored: loaded.ignored.clone(),
            superseded: loaded.superseded.clone(),
            ..Self::default()
        }
    }

    /// Whether all that was ever written is there.
    pub fn is_clean(&self) -> bool {
        self.degraded.is_empty()
            && self.missing.is_empty()
            && self.uncommitted == 0
            && self.quarantined.is_empty()
            && self.damaged_headers.is_empty()
            && self.ignored.is_empty()
            && self.unmended_bytes == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.head {
            Some(head) => write!(
                f,
                "continues from {head}; {} checkpoints in the log",
                self.checkpoints
            )?,
            None if self.segments == 0 => f.write_str("a new session")?,
            None => f.write_str("no checkpoint could be used")?,
        }
        if self.is_clean() {
            return Ok(());
        }
        let records = self.missing.iter().map(|range| range.end - range.start);
        write!(
            f,
            "; {} bytes set aside in {} copies, {} records lost, {} messages uncommitted, {} \
             checkpoints degraded",
            self.lost_bytes,
            self.quarantined.len(),
            records.fold(0, u64::saturating_add),
            self.uncommitted,
            self.degraded.len(),
        )?;
        if self.unmended_bytes > 0 {
            write!(f, "; {} bytes still to be set aside", self.unmended_bytes)?;
        }
        if !self.ignored.is_empty() {
            write!(f, "; {} foreign segments ignored", self.ignored.len())?;
        }
        Ok(())
    }
}
