//! Which frames of a log the listed checkpoints need.

use std::collections::BTreeSet;

use super::numbering::last_number;
use super::replay::Replay;
use crate::format::header::Header;
use crate::format::payload::Span;
use crate::format::tags::{Flags, Kind};

/// What is to become of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Keep,
    /// It is needed, but not the commit that its flag makes.
    Unflag,
    /// No listed checkpoint needs it.
    Leave,
}

/// What the listed checkpoints of a log need.
#[derive(Debug)]
pub(crate) struct Needed {
    /// Numbers of items, first and last, ascending and apart.
    items: Vec<(u64, u64)>,
    /// Numbers of frames that hold values of components.
    components: BTreeSet<u64>,
    /// Numbers of Blob frames.
    blobs: BTreeSet<u64>,
    /// Numbers of Commit frames.
    commits: BTreeSet<u64>,
    /// Numbers of commits by flag.
    flags: BTreeSet<u64>,
    /// Numbers that the hash of a needed Commit frame covers, first and last.
    covered: Vec<(u64, u64)>,
    /// Frames behind the newest whole commit are left as they are.
    head: u64,
}

impl Needed {
    /// `None` where a listed checkpoint is not whole: nobody knows what it needs, so all of it stays.
    pub(crate) fn of(replay: &Replay) -> Option<Self> {
        let mut needed = Self {
            items: Vec::new(),
            components: BTreeSet::new(),
            blobs: BTreeSet::new(),
            commits: BTreeSet::new(),
            flags: BTreeSet::new(),
            covered: Vec::new(),
            head: replay.head()?.seq,
        };
        let drops = replay.drops();
        let mut base = 0;
        let mut chain: Vec<u64> = Vec::new();
        for entry in &replay.commits {
            if entry.tail.is_none() {
                base = entry.seq;
                chain.clear();
            } else {
                chain.push(entry.seq);
            }
            if drops.has(entry.seq) {
                continue;
            }
            if !entry.whole {
                return None;
            }
            // A commit by flag is read from the Commit frame before it and every flag since.
            needed.flags.extend(chain.drain(..));
            if needed.commits.insert(base) {
                let body = &entry.body;
                let last = base.saturating_sub(1);
                needed.covered.push((body.covers, last));
                for reference in body.components.values() {
                    let mut seq = Some(reference.seq);
                    // A patch is nothing without what it patches.
                    while let Some(part) = seq.filter(|seq| needed.components.insert(*seq)) {
                        seq = replay.values.base_of(part);
                    }
                }
                needed.name(entry.body.history.iter());
                needed.name(entry.body.context.iter().flatten());
            }
            needed.name(entry.tail.iter());
        }
        needed.merge();
        needed.use_blobs(replay);
        Some(needed)
    }

    /// A frame of items that stays, stays with all its texts.
    fn use_blobs(&mut self, replay: &Replay) {
        for (user, blob) in replay.blobs.uses() {
            let at = replay.blocks.partition_point(|block| block.first < *user);
            let block = replay.blocks.get(at).filter(|block| block.first == *user);
            let last = block.and_then(|block| last_number(block.first, block.count));
            let stays = |last| {
                last > self.head || self.flags.contains(&last) || self.holds_items(*user, last)
            };
            // Nobody knows of the others what they are.
            if last.is_none_or(stays) {
                self.blobs.insert(*blob);
            }
        }
    }

    fn name<'a>(&mut self, spans: impl Iterator<Item = &'a Span>) {
        self.items.extend(spans.map(|span| (span.first, span.last)));
    }

    fn merge(&mut self) {
        self.items.sort_unstable();
        self.items.dedup_by(|later, earlier| {
            let touches = later.0 <= earlier.1.saturating_add(1);
            if touches {
                earlier.1 = earlier.1.max(later.1);
            }
            touches
        });
    }

    /// What is to become of a frame with this many records.
    pub(crate) fn fate(&self, header: &Header, records: u64) -> Fate {
        let last = header.seq.saturating_add(records.saturating_sub(1));
        if last > self.head {
            return Fate::Keep;
        }
        let keep = |is_needed| if is_needed { Fate::Keep } else { Fate::Leave };
        match header.kind {
            Kind::ITEMS if self.flags.contains(&last) => Fate::Keep,
            Kind::ITEMS => match self.holds_items(header.seq, last) {
                true if header.flags.has(Flags::COMMIT) => Fate::Unflag,
                is_needed => keep(is_needed),
            },
            Kind::SNAPSHOT | Kind::COMPONENT | Kind::PATCH => {
                keep(self.components.contains(&header.seq))
            }
            Kind::BLOB => keep(self.blobs.contains(&header.seq)),
            Kind::COMMIT => keep(self.commits.contains(&header.seq)),
            // Small, or unknown and perhaps needed.
            _ => Fate::Keep,
        }
    }

    fn holds_items(&self, first: u64, last: u64) -> bool {
        let at = self.items.partition_point(|(_, end)| *end < first);
        self.items.get(at).is_some_and(|(start, _)| *start <= last)
    }

    /// Whether the hash of a needed commit covers the frame with this number.
    pub(crate) fn covers(&self, seq: u64) -> bool {
        let at = self.covered.partition_point(|(_, last)| *last < seq);
        self.covered.get(at).is_some_and(|(first, _)| *first <= seq)
    }
}
