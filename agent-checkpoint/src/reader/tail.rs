//! The newest state without what lies before its last messages: what is needed of a log is sought from its end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use agent_primitives::SessionId;

use super::directory::Directory;
use super::walk::{Frame, Odd, Walk};
use crate::checkpointer::load::Reading;
use crate::checkpointer::stored::WORK;
use crate::format::compress::{Unpacker, needs_other};
use crate::format::header::Header;
use crate::format::patch;
use crate::format::payload::{Body, Commit, Span};
use crate::format::tags::Kind;
use crate::log::decode::{Decoded, Refusal, admit, decode};
use crate::log::numbering::{narrow, wide};
use crate::log::replay::{Entry, Replay};
use crate::log::weight::{self, beyond};
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

/// What is read beside the last messages.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Beside<'a> {
    Nothing,
    /// The context and all components.
    State,
    /// This component of the session's own.
    Component(&'a str),
}

impl Beside<'_> {
    /// The entry without what is not read.
    fn of(self, mut entry: Entry) -> Entry {
        if let Self::Component(name) = self {
            let mut body = (*entry.body).clone();
            body.context = None;
            let is_it = |full: &String| full.strip_prefix(WORK) == Some(name);
            body.components.retain(|full, _| is_it(full));
            entry.body = Arc::new(body);
        }
        entry
    }
}

impl Tail {
    /// The newest checkpoint with its last `wanted` messages, as far as there are so many, and what `beside` says.
    pub(crate) fn read(
        store: &dyn Store,
        session: &SessionId,
        wanted: usize,
        beside: Beside<'_>,
        reading: Reading<'_>,
    ) -> Result<Self, Odd> {
        let mut gathering = Gathering::new(store, session, reading)?;
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
            let cut = beside.of(cut);
            let old = match beside {
                Beside::Nothing => Vec::new(),
                _ => gathering.old_frames(store, session, &cut)?,
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

/// Whether a later version wrote any of the frames that the newest commit covers. Only headers are looked at.
pub(super) fn is_newer(
    store: &dyn Store,
    session: &SessionId,
    reading: Reading<'_>,
) -> Result<bool, Odd> {
    let mut gathering = Gathering::new(store, session, reading)?;
    gathering.reach(0)?;
    if let Some(newest) = gathering.frames.first()
        && let Err(Refusal::Locked(error)) = decode(&newest.found(), &mut gathering.unpacker)
    {
        return Err(error.into());
    }
    let is_newer = |frame: &Frame| admit(&frame.header).is_err() || needs_other(&frame.found());
    Ok(gathering.frames.iter().any(is_newer))
}

/// What the frames with numbers from `number` on amount to. Commits with smaller ones may be among them.
pub(super) fn since(
    store: &dyn Store,
    session: &SessionId,
    number: u64,
    reading: Reading<'_>,
) -> Result<Replay, Odd> {
    let mut gathering = Gathering::new(store, session, reading)?;
    gathering.reach_before(number)?;
    let tail = gathering.fold(&[])?;
    // What a later version wrote is told by reading all of it.
    match tail.newer {
        None => Ok(tail.replay),
        Some(_) => Err(Odd::Unsound),
    }
}

struct Gathering<'a> {
    walk: Walk<'a>,
    reading: Reading<'a>,
    unpacker: Unpacker,
    /// From the last one on.
    frames: Vec<Frame>,
    /// Long texts from further before.
    blobs: Vec<Frame>,
    /// Bytes in them.
    held: usize,
    /// The first number that the newest commit covers.
    covers: Option<u64>,
    items: u64,
    is_at_start: bool,
}

impl<'a> Gathering<'a> {
    fn new(
        store: &'a dyn Store,
        session: &'a SessionId,
        reading: Reading<'a>,
    ) -> Result<Self, Odd> {
        Ok(Self {
            walk: Walk::new(store, session, reading)?,
            unpacker: Unpacker::with(reading.keys)?.within(reading.limit),
            reading,
            frames: Vec::new(),
            blobs: Vec::new(),
            held: 0,
            covers: None,
            items: 0,
            is_at_start: false,
        })
    }

    /// Reads on until a commit before `number` can be checked, on which those behind it build.
    fn reach_before(&mut self, number: u64) -> Result<(), Odd> {
        while self.covers.is_none_or(|covers| covers < self.from()) {
            self.next()?;
            if self.is_at_start {
                break;
            }
            // Those behind are covered by what was read on the way.
            if self.from() >= number {
                self.covers = None;
            }
        }
        Ok(())
    }

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
            self.next()?;
        }
    }

    /// Reads the frame before, where there is one.
    fn next(&mut self) -> Result<(), Odd> {
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
        Ok(())
    }

    /// The first number that a commit covers; `None` for one that this build does not read.
    fn covered(&mut self, frame: &Frame) -> Option<u64> {
        admit(&frame.header).ok()??;
        let (opened, raw) = self.unpacker.read(&frame.found()).ok()?;
        if beyond(&opened.header, raw, self.reading.limit).is_some() {
            return None;
        }
        let (commit, _) = Commit::decode(raw)?;
        Some(commit.body.covers.min(frame.header.seq))
    }

    /// The frames before those read that the context and the components of `entry` need, ascending.
    fn old_frames(
        &mut self,
        store: &dyn Store,
        session: &SessionId,
        entry: &Entry,
    ) -> Result<Vec<Frame>, Odd> {
        let mut old = Old {
            directory: Directory::new(store, session, self.reading)?,
            frames: BTreeMap::new(),
            held: 0,
        };
        let from = self.from();
        let mut parts: BTreeSet<u64> = entry.body.components.values().map(|r| r.seq).collect();
        // From the newest on, so that each segment is gone through once.
        while let Some(seq) = parts.pop_last() {
            let at = self.frames.partition_point(|frame| frame.header.seq > seq);
            let frame = match self.frames.get(at) {
                _ if seq < from => old.take(seq)?,
                Some(frame) if frame.header.seq == seq => frame,
                _ => return Err(Odd::Unsound),
            };
            if frame.header.kind == Kind::PATCH {
                let found = frame.found();
                let read = self.unpacker.read(&found);
                let head = read.and_then(|(_, raw)| patch::head(raw));
                let head = head.map_err(|_| Odd::Unsound)?;
                if head.base >= seq {
                    return Err(Odd::Unsound);
                }
                parts.insert(head.base);
            }
        }
        for span in entry.body.context.iter().flatten() {
            let mut number = span.first;
            // Some of the numbers may belong to frames in between that are no items.
            while number <= span.last && number < from {
                number = old.take(number)?.next.unwrap_or(from);
            }
        }
        Ok(old.frames.into_values().collect())
    }

    /// What the frames amount to, with some that lie further before.
    fn fold(&mut self, old: &[Frame]) -> Result<Tail, Odd> {
        let tail = self.fold_once(old)?;
        if !tail.replay.is_lacking() {
            return Ok(tail);
        }
        // Long texts are stored where they were said first.
        let mut directory = Directory::new(self.walk.store(), self.walk.session(), self.reading)?;
        for number in tail.replay.blobs.sought() {
            let frame = directory.find(number)?;
            self.held = self.held.saturating_add(frame.stored.len());
            if frame.header.seq >= self.from() || self.held > TAIL_MAX {
                return Err(Odd::Unsound);
            }
            self.blobs.push(frame);
        }
        let tail = self.fold_once(old)?;
        if tail.replay.is_lacking() {
            return Err(Odd::Unsound);
        }
        Ok(tail)
    }

    fn fold_once(&mut self, old: &[Frame]) -> Result<Tail, Odd> {
        let from = self.from();
        let mut replay = Replay::trusting(from);
        let mut newer = None;
        let mut old: Vec<&Frame> = old.iter().chain(&self.blobs).collect();
        // Reading may have come to a long text since it was fetched.
        old.retain(|frame| frame.header.seq < from);
        old.sort_unstable_by_key(|frame| frame.header.seq);
        old.dedup_by_key(|frame| frame.header.seq);
        let mut left = self.reading.limit;
        for frame in old.into_iter().chain(self.frames.iter().rev()) {
            self.unpacker.limit(left);
            let decoded = decode(&frame.found(), &mut self.unpacker);
            let taken = decoded.as_ref().map_or(0, weight::of);
            let taken = taken.max(frame.header.raw_len.into());
            left = left.checked_sub(taken).ok_or(Odd::Unsound)?;
            replay.limit_references(left);
            take(&mut replay, &frame.header, decoded, &mut newer)?;
        }
        self.unpacker.limit(self.reading.limit);
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
        // Reading all of it tells how much that is.
        Err(Refusal::Beyond(error)) if error.is_too_large() => Err(Odd::Unsound),
        Err(Refusal::Beyond(error)) => {
            newer.get_or_insert(error);
            Ok(())
        }
        Err(Refusal::Locked(error)) => Err(error.into()),
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
        base: count,
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

/// Frames from before the tail, by their numbers.
struct Old<'a> {
    directory: Directory<'a>,
    frames: BTreeMap<u64, Frame>,
    held: usize,
}

impl Old<'_> {
    /// The frame that holds the record `number`.
    fn take(&mut self, number: u64) -> Result<&Frame, Odd> {
        let held = self.frames.range(..=number).next_back();
        let seq = match held {
            Some((seq, frame)) if frame.next.is_none_or(|next| number < next) => *seq,
            _ => {
                let frame = self.directory.find(number)?;
                self.held = self.held.saturating_add(frame.stored.len());
                if self.held > TAIL_MAX {
                    return Err(Odd::Unsound);
                }
                let seq = frame.header.seq;
                self.frames.insert(seq, frame);
                seq
            }
        };
        self.frames.get(&seq).ok_or(Odd::Unsound)
    }
}
