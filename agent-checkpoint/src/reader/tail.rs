//! The newest state without what lies before its last messages: what is needed of a log is sought from its end.

use std::collections::BTreeSet;
use std::sync::Arc;

use agent_primitives::SessionId;

use super::directory::Directory;
use super::walk::{Frame, Odd, Walk};
use crate::format::compress::Unpacker;
use crate::format::header::Header;
use crate::format::payload::{Body, Commit, Span};
use crate::format::tags::Kind;
use crate::log::decode::{Decoded, Refusal, admit, decode};
use crate::log::numbering::{narrow, wide};
use crate::log::replay::{Entry, Replay};
use crate::{Error, Position, Store};

/// Most that is read from the end, in bytes as stored; where more is needed all of the log is read.
const TAIL_MAX: usize = 32 << 20;

/// The end of a log.
#[derive(Debug)]
pub(crate) struct Tail {
    /// The frames that were read, and what else the state needs.
    pub(crate) replay: Replay,
    /// The newest checkpoint as it is in the log; none for a new session.
    pub(crate) head: Option<Entry>,
    /// The same with no more of the history than was asked for.
    pub(crate) cut: Option<Entry>,
    /// How many messages lie before.
    pub(crate) skipped: usize,
    /// Segments in the log.
    pub(crate) segments: u32,
    pub(crate) end: Option<Position>,
    pub(crate) epoch: u64,
    pub(crate) is_torn: bool,
    /// Something in it is of a later version and was passed over.
    pub(crate) newer: Option<Error>,
}

impl Tail {
    /// The newest checkpoint with its last `wanted` messages, as far as there are so many, and where
    /// `has_state` says so with its context and components.
    pub(crate) fn read(
        store: &dyn Store,
        session: &SessionId,
        wanted: usize,
        has_state: bool,
    ) -> Result<Self, Odd> {
        let mut gathering = Gathering {
            walk: Walk::new(store, session)?,
            unpacker: Unpacker::new()?,
            frames: Vec::new(),
            held: 0,
            covers: None,
            items: 0,
            is_at_start: false,
        };
        let mut needed = wide(wanted);
        loop {
            gathering.reach(needed)?;
            let mut tail = gathering.fold(&[])?;
            let Some(head) = tail.head.clone() else {
                return if gathering.is_at_start {
                    Ok(tail)
                } else {
                    Err(Odd::Unsound)
                };
            };
            let from = gathering.from();
            let (cut, count) = cut(&tail.replay, &head, from, wanted)?;
            if count < wanted.min(head.messages()) {
                if gathering.is_at_start {
                    return Err(Odd::Unsound);
                }
                needed = gathering.items.saturating_mul(2).max(needed);
                continue;
            }
            let old = if has_state {
                old_frames(store, session, &cut, from)?
            } else {
                Vec::new()
            };
            if !old.is_empty() {
                let newer = tail.newer.take();
                tail = gathering.fold(&old)?;
                tail.newer = newer.or(tail.newer);
            }
            tail.skipped = head.messages().saturating_sub(count);
            tail.cut = Some(cut);
            return Ok(tail);
        }
    }
}

struct Gathering<'a> {
    walk: Walk<'a>,
    unpacker: Unpacker,
    /// From the last one on.
    frames: Vec<Frame>,
    /// Bytes in them.
    held: usize,
    /// The first number that the newest commit covers.
    covers: Option<u64>,
    items: u64,
    is_at_start: bool,
}

impl Gathering<'_> {
    /// The first number that was read.
    fn from(&self) -> u64 {
        if self.is_at_start {
            return 0;
        }
        self.frames.last().map_or(0, |frame| frame.header.seq)
    }

    /// Reads on until the newest commit can be checked and there are `items` items.
    fn reach(&mut self, items: u64) -> Result<(), Odd> {
        loop {
            let is_checked = self.covers.is_some_and(|covers| self.from() <= covers);
            if self.is_at_start || is_checked && self.items >= items {
                return Ok(());
            }
            let Some(frame) = self.walk.back()? else {
                self.is_at_start = true;
                return Ok(());
            };
            match frame.header.kind {
                Kind::ITEMS => self.items = self.items.saturating_add(frame.records()),
                Kind::COMMIT if self.covers.is_none() => self.covers = self.covered(&frame),
                _ => {}
            }
            self.held = self.held.saturating_add(frame.stored.len());
            if self.held > TAIL_MAX {
                return Err(Odd::Unsound);
            }
            self.frames.push(frame);
        }
    }

    /// The first number that a commit covers; `None` for one that this build does not read.
    fn covered(&mut self, frame: &Frame) -> Option<u64> {
        admit(&frame.header).ok()??;
        let raw = self.unpacker.inflate(&frame.header, &frame.stored).ok()?;
        let (commit, _) = Commit::decode(raw)?;
        Some(commit.body.covers.min(frame.header.seq))
    }

    /// What the frames amount to, with some that lie further before.
    fn fold(&mut self, old: &[Frame]) -> Result<Tail, Odd> {
        let from = self.from();
        let mut replay = Replay::trusting(from);
        let mut newer = None;
        for frame in old.iter().chain(self.frames.iter().rev()) {
            let decoded = decode(&frame.found(), &mut self.unpacker);
            take(&mut replay, &frame.header, decoded, &mut newer)?;
        }
        if newer.is_none() && replay.missing.iter().any(|numbers| numbers.end > from) {
            return Err(Odd::Unsound);
        }
        // A newer commit than the head that is not whole is damage. Of older ones too little was read.
        if newer.is_none() && replay.commits.last().is_some_and(|entry| !entry.whole) {
            return Err(Odd::Unsound);
        }
        replay.commits.retain(|entry| entry.whole);
        replay.missing.clear();
        Ok(Tail {
            head: replay.head().cloned(),
            replay,
            cut: None,
            skipped: 0,
            segments: self.walk.segments(),
            end: self.walk.end(),
            epoch: self.walk.epoch(),
            is_torn: self.walk.is_torn(),
            newer,
        })
    }
}

fn take(
    replay: &mut Replay,
    header: &Header,
    decoded: Result<Decoded, Refusal>,
    newer: &mut Option<Error>,
) -> Result<(), Odd> {
    match replay.frame(header, decoded) {
        Ok(()) => Ok(()),
        Err(Refusal::Beyond(error)) => {
            newer.get_or_insert(error);
            Ok(())
        }
        Err(Refusal::Fault(_)) => Err(Odd::Unsound),
    }
}

/// `head` with the last `wanted` messages of its history as far as they were read, and how many these are.
pub(super) fn cut(
    replay: &Replay,
    head: &Entry,
    from: u64,
    wanted: usize,
) -> Result<(Entry, usize), Odd> {
    let mut history = Vec::new();
    let mut count = 0_usize;
    for span in head.history().rev() {
        if count == wanted || span.last < from {
            break;
        }
        if span.first >= from && replay.positions(span).is_none() {
            return Err(Odd::Unsound);
        }
        let Some(part) = replay.last_of(span, wanted - count) else {
            break;
        };
        count += narrow(part.count);
        history.push(part);
    }
    history.reverse();
    let context = head.context().map(Iterator::collect::<Vec<Span>>);
    let cut = Entry {
        body: Arc::new(Body {
            history,
            context,
            ..(*head.body).clone()
        }),
        tail: None,
        ..head.clone()
    };
    Ok((cut, count))
}

/// The frames before `from` that the context and the components of `entry` need, ascending.
fn old_frames(
    store: &dyn Store,
    session: &SessionId,
    entry: &Entry,
    from: u64,
) -> Result<Vec<Frame>, Odd> {
    let body = &entry.body;
    let components: BTreeSet<u64> = body.components.values().map(|part| part.seq).collect();
    let mut wanted: Vec<(u64, u64)> = components.into_iter().map(|seq| (seq, seq)).collect();
    let context = body.context.iter().flatten();
    wanted.extend(context.map(|span| (span.first, span.last)));
    wanted.retain(|(first, _)| *first < from);
    wanted.sort_unstable();
    let mut frames: Vec<Frame> = Vec::new();
    if wanted.is_empty() {
        return Ok(frames);
    }
    let mut directory = Directory::new(store, session)?;
    let mut held = 0_usize;
    for (first, last) in wanted {
        let mut number = first;
        // A span's numbers may belong to frames in between that are no items.
        while number <= last && number < from {
            let read = frames.last().and_then(|frame| frame.next);
            if read.is_some_and(|read| number < read) {
                number = read.unwrap_or(number);
                continue;
            }
            let frame = directory.find(number)?;
            number = frame.next.unwrap_or(u64::MAX);
            held = held.saturating_add(frame.stored.len());
            if held > TAIL_MAX {
                return Err(Odd::Unsound);
            }
            if frame.header.seq < from {
                frames.push(frame);
            }
        }
    }
    Ok(frames)
}
