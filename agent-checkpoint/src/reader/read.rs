//! Answers the reader's questions: from the end of the log where that is enough, from all of it elsewhere.

use std::ops::Range;

use agent_primitives::CheckpointId;

use super::Reader;
use super::directory::Directory;
use super::listing;
use super::tail::{Beside, Tail, is_newer};
use super::walk::Odd;
use crate::checkpointer::attach::{listed, newest};
use crate::checkpointer::current::Current;
use crate::checkpointer::load::{Loaded, Reading, load};
use crate::checkpointer::points::Points;
use crate::format::blob::REFERRED_LIMIT;
use crate::format::compress::Unpacker;
use crate::format::tags::{Flags, Kind};
use crate::log::blobs::Blobs;
use crate::log::decode::{Content, decode};
use crate::log::numbering::{narrow, wide};
use crate::log::replay::{Entry, Replay};
use crate::log::weight;
use crate::{Checkpoint, Error, Message, SessionState};

/// A segment may be replaced or removed under a reader; it looks again this often.
const TRIES: usize = 4;
/// Positions this near the end of a history are read from there.
const NEAR: usize = 4_096;

/// The newest checkpoint and the end of its history.
#[derive(Debug)]
pub(super) struct Newest {
    pub(super) head: Option<Entry>,
    cut: Option<Entry>,
    replay: Replay,
    pub(super) newer: Option<Error>,
}

impl Newest {
    /// The messages of the cut history.
    pub(super) fn into_messages(mut self) -> Vec<Message> {
        let parts = self.cut.iter().flat_map(Entry::history);
        let parts: Vec<_> = parts
            .filter_map(|span| self.replay.positions(span))
            .collect();
        crate::checkpointer::current::take(std::mem::take(&mut self.replay.items), &parts)
    }
}

impl Reader {
    /// Does `look`, again where what it looked at went away meanwhile.
    pub(super) fn look<T>(&self, look: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
        let mut segments = self.store.segments(&self.session)?;
        for _ in 1..TRIES {
            match look() {
                Ok(seen) => return Ok(seen),
                Err(error) => {
                    let now = self.store.segments(&self.session)?;
                    if now == segments {
                        return Err(error);
                    }
                    segments = now;
                }
            }
        }
        look()
    }

    /// Whether a later version wrote something at the end of the log.
    pub(super) fn meets_newer(&self) -> Result<bool, Error> {
        self.look(
            || match is_newer(&self.store, &self.session, self.reading()) {
                Ok(is_newer) => Ok(is_newer),
                Err(Odd::Failed(error)) => Err(error),
                Err(Odd::Unsound) => Ok(self.newest_of_all(0)?.newer.is_some()),
            },
        )
    }

    /// The newest checkpoint with the last `wanted` messages.
    pub(super) fn newest(&self, wanted: usize) -> Result<Newest, Error> {
        self.look(|| {
            match Tail::read(
                &self.store,
                &self.session,
                wanted,
                Beside::Nothing,
                self.reading(),
            ) {
                Ok(tail) => Ok(Newest {
                    head: tail.head,
                    cut: tail.cut,
                    replay: tail.replay,
                    newer: tail.newer,
                }),
                Err(Odd::Failed(error)) => Err(error),
                Err(Odd::Unsound) => self.newest_of_all(wanted),
            }
        })
    }

    fn newest_of_all(&self, wanted: usize) -> Result<Newest, Error> {
        let reading = Reading {
            keeps_messages: wanted > 0,
            ..self.reading()
        };
        let Loaded { replay, newer, .. } = load(&self.store, &self.session, reading)?;
        let head = replay.head().cloned();
        let mut cut = None;
        if let Some(head) = &head {
            cut = super::tail::cut(&replay, head, 0, wanted)
                .ok()
                .map(|(cut, _)| cut);
        }
        Ok(Newest {
            head,
            cut,
            replay,
            newer,
        })
    }
}

pub(super) fn list(reader: &Reader) -> Result<Vec<Checkpoint>, Error> {
    let reading = Reading {
        keeps_messages: false,
        ..reader.reading()
    };
    reader.look(|| {
        match listing::of(&*reader.store, &reader.session, reader.reading()) {
            Ok(list) => return Ok(list),
            Err(Odd::Unsound) => {}
            Err(Odd::Failed(error)) => return Err(error),
        }
        let loaded = load(&reader.store, &reader.session, reading)?;
        let mut list = Points::new(listed(&loaded.replay), &loaded.replay.tags).into_list();
        list.reverse();
        Ok(list)
    })
}

pub(super) fn state(reader: &Reader, id: Option<&CheckpointId>) -> Result<SessionState, Error> {
    reader.look(|| {
        let mut replay = load(&reader.store, &reader.session, reader.reading())?.replay;
        let Some(id) = id else {
            let (_, current) = newest(&mut replay)?;
            return Ok(current.state);
        };
        let entry = replay.commits.iter().find(|entry| entry.id() == *id);
        let entry = entry.ok_or_else(|| Error::not_found(id.clone()))?.clone();
        if !entry.whole {
            return Err(Error::damaged(id.clone()));
        }
        Ok(Current::load(&mut replay, &entry)?.state)
    })
}

pub(super) fn messages(reader: &Reader, range: Range<usize>) -> Result<Vec<Message>, Error> {
    let head = reader.newest(0)?.head;
    let len = head.as_ref().map_or(0, Entry::messages);
    let range = range.start..range.end.min(len);
    let Some(head) = head.filter(|_| !range.is_empty()) else {
        return Ok(Vec::new());
    };
    let found = if len - range.start > NEAR {
        reader.look(|| match far(reader, &head, range.clone()) {
            Ok(messages) => Ok(Some(messages)),
            Err(Odd::Unsound) => Ok(None),
            Err(Odd::Failed(error)) => Err(error),
        })?
    } else {
        let newest = reader.newest(len - range.start)?;
        // The session may have gone on meanwhile; positions count from its start.
        let is_same = newest.head.as_ref().map(|head| head.seq) == Some(head.seq);
        is_same.then(|| newest.into_messages())
    };
    if let Some(mut messages) = found {
        messages.truncate(range.len());
        return Ok(messages);
    }
    let whole = state(reader, Some(&head.id()))?.conversation;
    Ok(whole
        .into_iter()
        .take(range.end)
        .skip(range.start)
        .collect())
}

/// Messages by position, counted from the start of the span that they lie in.
pub(super) fn far(reader: &Reader, head: &Entry, range: Range<usize>) -> Result<Vec<Message>, Odd> {
    let mut directory = Directory::new(&reader.store, &reader.session, reader.reading())?;
    let mut left = reader.limit;
    let mut unpacker = Unpacker::with(&reader.keys)?.within(left);
    let mut blobs = Blobs::default();
    let mut messages = Vec::new();
    let mut position = 0;
    for span in head.history() {
        let end = position + narrow(span.count);
        if position >= range.end {
            break;
        }
        let mut number = span.first;
        let mut at = position;
        position = end;
        if end <= range.start {
            continue;
        }
        while at < end.min(range.end) {
            if number > span.last {
                return Err(Odd::Unsound);
            }
            let frame = directory.find(number)?;
            let skipped = narrow(number.saturating_sub(frame.header.seq));
            let next = frame.next.unwrap_or_else(|| span.last.saturating_add(1));
            if frame.header.kind == Kind::ITEMS {
                let last = next.min(span.last.saturating_add(1));
                let count = narrow(last.saturating_sub(number));
                if at + count > range.start {
                    let decoded = decode(&frame.found(), &mut unpacker);
                    let taken = decoded.as_ref().map_or(0, weight::of);
                    left = left.checked_sub(taken).ok_or(Odd::Unsound)?;
                    unpacker.limit(left);
                    let Ok(Content::Items {
                        messages: mut items,
                        ..
                    }) = decoded.map(|decoded| decoded.content)
                    else {
                        return Err(Odd::Unsound);
                    };
                    if frame.header.flags.has(Flags::BLOB_REF) {
                        put_back(&mut items, &mut blobs, &mut directory, &mut unpacker)?;
                    }
                    if wide(items.len()) < last.saturating_sub(frame.header.seq) {
                        return Err(Odd::Unsound);
                    }
                    let from = range.start.saturating_sub(at);
                    let to = count.min(range.end - at);
                    let part = items.into_iter().skip(skipped + from);
                    messages.extend(part.take(to.saturating_sub(from)));
                }
                at += count;
            }
            number = next;
        }
    }
    if messages.len() == range.len() {
        Ok(messages)
    } else {
        Err(Odd::Unsound)
    }
}

/// Puts long texts back, which lie where they were said first.
fn put_back(
    items: &mut [Message],
    blobs: &mut Blobs,
    directory: &mut Directory<'_>,
    unpacker: &mut Unpacker,
) -> Result<(), Odd> {
    // What was put back half is not looked at again, so the first look is at a copy.
    let room = unpacker.room().min(REFERRED_LIMIT);
    let _ = blobs.put_back(0, &mut items.to_vec(), room, None);
    for number in blobs.sought().collect::<Vec<_>>() {
        let frame = directory.find(number)?;
        let decoded = decode(&frame.found(), unpacker).map_err(|_| Odd::Unsound)?;
        let (Content::Blob(text), Some(digest)) = (decoded.content, decoded.digest) else {
            return Err(Odd::Unsound);
        };
        blobs.insert(number, digest, text);
    }
    let room = unpacker.room().min(REFERRED_LIMIT);
    match blobs.put_back(0, items, room, None) {
        Ok(lacking) if lacking.is_empty() => Ok(()),
        _ => Err(Odd::Unsound),
    }
}
