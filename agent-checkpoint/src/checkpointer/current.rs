//! The state in memory, and which part of it lies where in the log.

use std::ops::Range;

use serde_json::{Map, Value};

use super::components::{Changes, Components, Written};
use super::hosts::Hosts;
use super::stored::Stored;
use crate::format::payload::Span;
use crate::log::numbering::{Numbering, wide};
use crate::log::replay::{Entry, Replay};
use crate::log::view::{Piece, push_history};
use crate::redact::Redaction;
use crate::{Error, Message, SessionState};

/// A message of the context that is not in the history.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    pub(crate) message: Message,
    /// Its number, once saved.
    pub(crate) number: Option<u64>,
}

/// The state of a session in memory.
#[derive(Debug, Default)]
pub(crate) struct Current {
    pub(crate) state: SessionState,
    /// Numbers of the saved part of the conversation; the rest is pending.
    pub(crate) numbering: Numbering,
    pub(crate) notes: Vec<Note>,
    /// What the model is sent; the whole conversation where absent.
    pub(crate) context: Option<Vec<Piece>>,
    pub(crate) hosts: Hosts,
    /// What a later version wrote into commits, kept for it.
    pub(crate) other: Map<String, Value>,
    pub(crate) components: Components,
    pub(crate) is_work_touched: bool,
    pub(crate) is_context_touched: bool,
}

impl Current {
    /// The state at a whole commit. Takes what it can out of `replay`.
    pub(crate) fn load(replay: &mut Replay, entry: &Entry) -> Result<Self, Error> {
        let damaged = || Error::damaged(entry.id());
        // What may fail goes first: `replay` stays whole for an older entry then.
        let stored = Stored::load(replay, entry)?;
        let mut current = Self {
            other: entry.body.other.clone(),
            components: stored.components,
            hosts: Hosts::of(stored.host),
            ..Self::default()
        };
        current.state.work = stored.work;
        // The context goes first: its notes are cloned, the history may be moved out.
        let mut history = Vec::new();
        for span in entry.history() {
            history.push(replay.positions(span).ok_or_else(damaged)?);
        }
        if let Some(spans) = entry.context() {
            let mut pieces = Vec::new();
            let mut position = 0;
            let placed = history.iter().map(|part| {
                let before = position;
                position += part.len();
                (before, part.clone())
            });
            let placed: Vec<_> = placed.collect();
            for span in spans {
                let items = replay.positions(span).ok_or_else(damaged)?;
                current.place(&mut pieces, replay, items, &placed);
            }
            current.context = Some(pieces);
        }
        for items in &history {
            current.number(replay, items);
        }
        current.state.conversation = take(std::mem::take(&mut replay.items), &history);
        Ok(current)
    }

    /// Adds the items to a context, as history where they are part of it and as notes elsewhere.
    pub(super) fn place(
        &mut self,
        pieces: &mut Vec<Piece>,
        replay: &Replay,
        items: Range<usize>,
        history: &[(usize, Range<usize>)],
    ) {
        let mut at = items.start;
        // Both ascend, and there may be many of each.
        let first = history.partition_point(|(_, part)| part.end <= items.start);
        let near = history.get(first..).unwrap_or_default().iter();
        for (position, part) in near.take_while(|(_, part)| part.start < items.end) {
            let (from, to) = (part.start.max(at), part.end.min(items.end));
            if from < to {
                self.note(pieces, replay, at..from);
                push_history(
                    pieces,
                    position + (from - part.start)..position + (to - part.start),
                );
                at = to;
            }
        }
        self.note(pieces, replay, at..items.end);
    }

    fn note(&mut self, pieces: &mut Vec<Piece>, replay: &Replay, items: Range<usize>) {
        for at in items {
            let behind = replay.blocks.partition_point(|block| block.start <= at);
            let block = behind
                .checked_sub(1)
                .and_then(|block| replay.blocks.get(block));
            let number = block.map(|block| block.first + wide(at - block.start));
            if let Some(message) = replay.items.get(at) {
                pieces.push(Piece::Note(self.notes.len()));
                self.notes.push(Note {
                    message: message.clone(),
                    number,
                });
            }
        }
    }

    fn number(&mut self, replay: &Replay, items: &Range<usize>) {
        let from = replay
            .blocks
            .partition_point(|block| block.start + block.count <= items.start);
        let mut joins = false;
        for block in replay
            .blocks
            .iter()
            .skip(from)
            .take_while(|block| block.start < items.end)
        {
            let start = block.start.max(items.start);
            let end = (block.start + block.count).min(items.end);
            self.numbering
                .extend(block.first + wide(start - block.start), end - start, joins);
            joins = true;
        }
    }

    /// Stands on what `log` has, and keeps everything; what the log does not have is pending again. A message
    /// that was masked there is the same one.
    pub(crate) fn rebase(&mut self, mut log: Self, redaction: &Redaction) {
        let more = self
            .numbering
            .skipped()
            .saturating_sub(log.numbering.skipped());
        log.leave_out(more);
        let both = self.state.conversation.iter();
        let same = both
            .zip(&log.state.conversation)
            .take_while(|(mine, saved)| is_written_as(mine, saved, redaction))
            .count();
        self.numbering = log.numbering;
        self.numbering.truncate(same);
        for note in &mut self.notes {
            note.number = None;
        }
        self.components = log.components;
        self.other = log.other;
        self.is_work_touched = true;
        // A full commit: the log's newest one may have a context or messages that memory has not.
        self.is_context_touched = true;
    }

    /// Forgets the first `count` messages in memory. They stay in the history, and what of them is in the
    /// context stays there.
    pub(crate) fn leave_out(&mut self, count: usize) {
        let count = count.min(self.numbering.len());
        let mut gone = self.state.conversation.drain(..count);
        if let Some(pieces) = &mut self.context {
            let mut kept = Vec::new();
            for piece in std::mem::take(pieces) {
                let Piece::History(range) = piece else {
                    kept.push(piece);
                    continue;
                };
                for position in range.start..range.end.min(count) {
                    let number = self.numbering.spans_of(position..position + 1);
                    if let Some(message) = gone.as_slice().get(position) {
                        kept.push(Piece::Note(self.notes.len()));
                        self.notes.push(Note {
                            message: message.clone(),
                            number: number.first().map(|span| span.first),
                        });
                    }
                }
                let rest = range.start.max(count)..range.end;
                push_history(
                    &mut kept,
                    rest.start - count..rest.end.saturating_sub(count),
                );
            }
            *pieces = kept;
        }
        gone.by_ref().for_each(drop);
        drop(gone);
        self.numbering.skip(count);
    }

    /// Forgets notes that are not in the context any more.
    pub(crate) fn forget_notes(&mut self) {
        let mut old: Vec<Option<Note>> = std::mem::take(&mut self.notes)
            .into_iter()
            .map(Some)
            .collect();
        for piece in self.context.iter_mut().flatten() {
            if let Piece::Note(at) = piece
                && let Some(note) = old.get_mut(*at).and_then(Option::take)
            {
                *at = self.notes.len();
                self.notes.push(note);
            }
        }
    }

    /// Messages that are not saved yet.
    pub(crate) fn pending(&self) -> &[Message] {
        self.state
            .conversation
            .get(self.numbering.len()..)
            .unwrap_or_default()
    }

    pub(crate) fn push(&mut self, message: Message) {
        let at = self.state.conversation.len();
        self.state.conversation.push(message);
        if let Some(pieces) = &mut self.context {
            push_history(pieces, at..at + 1);
        }
    }

    /// Puts a message in front of those in memory, none of which is saved.
    pub(crate) fn begin_with(&mut self, message: Message) {
        self.state.conversation.insert(0, message);
        if let Some(pieces) = &mut self.context {
            let is_history = |piece: &Piece| matches!(piece, Piece::History(_));
            let at = pieces.iter().position(is_history);
            for piece in pieces.iter_mut() {
                if let Piece::History(range) = piece {
                    *range = range.start.saturating_add(1)..range.end.saturating_add(1);
                }
            }
            pieces.insert(at.unwrap_or(pieces.len()), Piece::History(0..1));
        }
        self.is_context_touched = true;
    }

    /// The context as pieces, the whole conversation where it was never cut.
    pub(crate) fn pieces(&self) -> Vec<Piece> {
        self.context.clone().unwrap_or_else(|| {
            let mut whole = Vec::new();
            push_history(&mut whole, 0..self.state.conversation.len());
            whole
        })
    }

    /// The messages that `pieces` are.
    pub(crate) fn messages(&self, pieces: &[Piece]) -> Vec<&Message> {
        let mut messages = Vec::new();
        for piece in pieces {
            match piece {
                Piece::History(range) => {
                    let part = self.state.conversation.get(range.clone());
                    messages.extend(part.unwrap_or_default());
                }
                Piece::Note(note) => {
                    messages.extend(self.notes.get(*note).map(|note| &note.message));
                }
            }
        }
        messages
    }

    /// The context as ranges of numbers, once everything in it has one.
    pub(crate) fn context_spans(&self, note_numbers: &[u64]) -> Option<Vec<Span>> {
        let pieces = self.context.as_ref()?;
        let mut spans = Vec::new();
        for piece in pieces {
            match piece {
                Piece::History(range) => spans.extend(self.numbering.spans_of(range.clone())),
                Piece::Note(note) => spans.extend(note_numbers.get(*note).map(|n| Span {
                    first: *n,
                    last: *n,
                    count: 1,
                })),
            }
        }
        Some(spans)
    }

    /// Remembers that `changes` and the notes are saved.
    pub(crate) fn saved(&mut self, changes: Changes, written: Written, note_numbers: &[u64]) {
        for bytes in self.components.saved(changes, written) {
            self.hosts.recycle(bytes);
        }
        for (note, number) in self.notes.iter_mut().zip(note_numbers) {
            note.number = Some(*number);
        }
    }

    /// Whether the state beside messages and the context may differ from what is saved; from now on
    /// they do not.
    pub(crate) fn take_touched(&mut self) -> (bool, bool) {
        let take = std::mem::take::<bool>;
        (
            take(&mut self.is_work_touched),
            take(&mut self.is_context_touched),
        )
    }

    /// They may differ after all.
    pub(crate) fn touch(&mut self, (work, context): (bool, bool)) {
        self.is_work_touched |= work;
        self.is_context_touched |= context;
    }

    /// Whether something may not be saved.
    pub(crate) fn is_changed(&self) -> bool {
        self.is_work_touched || self.is_context_touched || !self.pending().is_empty()
    }

    /// Whether both are the same to a host.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let host = |current: &Self| -> Vec<_> {
            let values = current.hosts.values.iter();
            values
                .map(|(kind, host)| (kind.clone(), host.schema, host.codec, host.bytes.clone()))
                .collect()
        };
        self.state == other.state
            && self.messages(&self.pieces()) == other.messages(&other.pieces())
            && host(self) == host(other)
    }

    /// Components that differ from what is saved.
    pub(crate) fn changes(&self, redaction: &Redaction) -> Result<Changes, Error> {
        if !self.is_work_touched {
            return Ok(Changes::default());
        }
        self.components
            .changes(&self.state.work, &self.hosts.values, redaction)
    }
}

/// Whether the log has `mine` as `saved`.
pub(super) fn is_written_as(mine: &Message, saved: &Message, redaction: &Redaction) -> bool {
    mine == saved || *redaction.message(mine) == *saved
}

/// The items at `kept`, which ascend and do not overlap. A clone of them would double what a restore takes.
pub(crate) fn take(mut items: Vec<Message>, kept: &[Range<usize>]) -> Vec<Message> {
    let mut kept = kept.iter();
    let mut part = kept.next();
    let mut at = 0;
    items.truncate(kept.as_slice().last().or(part).map_or(0, |last| last.end));
    items.retain(|_| {
        while part.is_some_and(|part| part.end <= at) {
            part = kept.next();
        }
        let is_kept = part.is_some_and(|part| part.contains(&at));
        at += 1;
        is_kept
    });
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_is_taken_from_the_items_in_any_parts() {
        let items = || (0..10).map(|n| Message::user(n.to_string())).collect();
        let taken = |kept: &[Range<usize>]| -> Vec<String> {
            let taken = take(items(), kept).into_iter();
            taken.map(|message| message.content).collect()
        };
        assert_eq!(taken(std::slice::from_ref(&(0..10))).len(), 10);
        assert_eq!(taken(&[0..4, 4..10]).len(), 10);
        assert_eq!(taken(&[1..3, 5..6, 8..9]), ["1", "2", "5", "8"]);
        assert_eq!(taken(&[2..3, 3..3, 7..12]), ["2", "7", "8", "9"]);
        assert!(taken(&[]).is_empty());
    }
}
