//! The newest state of a damaged log as far as it can be told, with a word in the place of what is lost.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use agent_primitives::{CheckpointId, SessionId};

use super::current::{Current, is_written_as};
use super::hosts::Hosts;
use super::load::{Reading, load};
use super::lost_opening::LostOpening;
use super::newest::newest;
use super::pieced::Pieced;
use super::save::Head;
use super::stored::Stored;
use super::{Builder, Checkpointer};
use crate::format::payload::Span;
use crate::log::replay::Replay;
use crate::log::salvage::{Part, Wreck, lacks, parts};
use crate::log::view::{Piece, push_history};
use crate::{Error, Message, SessionState, Store};

/// A state that is newer than the newest whole checkpoint.
#[derive(Debug)]
pub(crate) struct Salvaged {
    current: Current,
    /// Numbers of records among which messages are lost.
    pub(crate) gaps: Vec<Range<u64>>,
    /// How many messages are lost.
    pub(crate) messages: usize,
    /// Components of which there is an older value, or none.
    pub(crate) components: Vec<String>,
    /// Numbers of long texts that are lost.
    pub(crate) stubs: Vec<u64>,
    /// What was taken without the commits that it belongs to.
    pub(crate) unproven: Option<Unproven>,
    /// Number of the newest record that it takes in.
    pub(crate) through: u64,
}

/// What stands in for commits that are lost.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unproven {
    /// Where the commits were.
    pub(crate) records: Vec<Range<u64>>,
    /// Components whose values lie there.
    pub(crate) taken: Vec<String>,
}

impl Salvaged {
    /// Whether nothing is lost.
    pub(crate) fn is_whole(&self) -> bool {
        self.gaps.is_empty()
            && self.messages == 0
            && self.components.is_empty()
            && self.stubs.is_empty()
            && self.unproven.is_none()
    }
}

impl Checkpointer {
    /// The state of the newest checkpoint that `store`, which holds this session's log, can tell more of than is in
    /// memory; `None` where it cannot.
    pub(crate) fn salvaged(&self, store: &dyn Store) -> Result<Option<Salvaged>, Error> {
        let reading = Reading {
            salvages: true,
            ..Reading::within(self.limit, &self.keys)
        };
        let mut replay = load(store, &self.session, reading)?.replay;
        let here = self.head.as_ref().map(Head::seq);
        let next = replay.next;
        let lost = replay.missing.last().map_or(0, |lost| lost.end);
        let mut salvage = replay.salvage.take().unwrap_or_default();
        let wreck = salvage.take(replay.head(), (lost, next), |range| replay.has_some(range));
        if let Some(wreck) = wreck.filter(|wreck| here.is_none_or(|here| wreck.entry.seq > here)) {
            let lost: Vec<u64> = replay
                .blobs
                .sought()
                .chain(salvage.stubs.iter().copied())
                .collect();
            for text in lost {
                replay.remains.is_no_message(text);
            }
            let mut salvaged = Salvaged::of(&mut replay, wreck, &self.current)?;
            salvaged.stubs = salvage.stubs;
            return Ok(Some(salvaged));
        }
        // With every lost text replaced a checkpoint may be whole that is not otherwise.
        let (head, current) = newest(&mut replay)?;
        let head = head.map(|head| head.seq);
        let newer = head.filter(|head| here.is_none_or(|here| *head > here));
        Ok(newer.map(|through| Salvaged {
            current,
            through,
            unproven: None,
            gaps: Vec::new(),
            messages: 0,
            components: Vec::new(),
            stubs: salvage.stubs,
        }))
    }

    /// Goes on with a salvaged state, all of which is in memory then. What of it the newest whole checkpoint does
    /// not have is written by the next save.
    pub(crate) fn adopt(&mut self, salvaged: Salvaged) -> Result<(), Error> {
        let mut current = salvaged.current;
        let saved = match self.head_id().filter(|_| self.skipped() > 0) {
            // Of a part nobody can tell how much is the same.
            Some(head) => self.read_checkpoint(&head)?.1,
            None => std::mem::take(&mut self.current),
        };
        current.rebase(saved, &self.redaction);
        self.current = current;
        Ok(())
    }
}

/// What a recovery asks of a session.
impl Checkpointer {
    pub(crate) fn shared_store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// The version of a host's component as it was saved.
    pub(crate) fn component_version(&self, kind: &str) -> Option<u16> {
        self.current.hosts.values.get(kind).map(|host| host.schema)
    }

    /// Whether something is not saved.
    pub(crate) fn is_changed(&self) -> bool {
        self.current.is_changed()
    }

    pub(crate) fn head_id(&self) -> Option<CheckpointId> {
        self.head.as_ref().map(Head::id)
    }

    /// The state of a checkpoint, as the store has it.
    pub(crate) fn state_of(&self, id: &CheckpointId) -> Result<SessionState, Error> {
        Ok(self.read_checkpoint(id)?.1.state)
    }

    /// Whether the state in memory is that of the checkpoint, as the store has it; what is masked there is the
    /// same.
    pub(crate) fn is_state_of(&self, id: &CheckpointId) -> Result<bool, Error> {
        let (_, saved) = self.read_checkpoint(id)?;
        let is_same = |mine: &[&Message], saved: &[&Message]| {
            let mut both = mine.iter().zip(saved);
            mine.len() == saved.len()
                && both.all(|(mine, saved)| is_written_as(mine, saved, &self.redaction))
        };
        let mine: Vec<&Message> = self.history().iter().collect();
        let history = saved.state.conversation.iter().skip(self.skipped());
        let context = saved.messages(&saved.pieces());
        let (work, hosts) = (&self.current.state.work, &self.current.hosts.values);
        let is_same_context = if self.is_context_partial() {
            saved.context.is_none()
        } else {
            is_same(&self.context(), &context)
        };
        Ok(is_same_context
            && is_same(&mine, &history.collect::<Vec<_>>())
            && saved
                .components
                .changes(work, hosts, &self.redaction)?
                .are_saved(&saved.components))
    }

    /// The number of the first message in memory, where messages of the history stand before it.
    pub(crate) fn first_number(&self) -> u64 {
        self.current.numbering.boundary()
    }

    /// Puts a mark in front of the messages in memory, for those from the log's last message up to number `first`
    /// that are not in it any more. The numbers of what is lost.
    pub(crate) fn mark_before(&mut self, first: u64) -> Range<u64> {
        let saved = self.current.numbering.spans().last();
        let end = saved.map_or(0, |span| span.last.saturating_add(1));
        let lost = end..first.max(end);
        // None of those in memory has a number then.
        self.current.begin_with(mark(&lost));
        lost
    }

    /// Becomes a session of its own that begins with the checkpoint of this one, with all that is in memory.
    pub(crate) fn branch(&mut self, id: SessionId, from: &CheckpointId) -> Result<(), Error> {
        let builder = Builder::like(self, id).fork_of(self.session.clone(), from.clone());
        let mut branch = builder.open()?;
        let mut current = std::mem::take(&mut self.current);
        current.rebase(std::mem::take(&mut branch.current), &self.redaction);
        branch.current = current;
        branch.succeed(self);
        branch.progress = self.progress;
        *self = branch;
        Ok(())
    }
}

impl Salvaged {
    /// What there is of a commit that is not whole.
    fn of(replay: &mut Replay, wreck: Wreck, older: &Current) -> Result<Self, Error> {
        let Wreck {
            mut entry, since, ..
        } = wreck;
        let followed = Pieced::of(replay, &mut entry, &since);
        let (stored, mut components) = Stored::salvage(replay, &entry, &older.components)?;
        components.extend(followed.doubted);
        components.sort_unstable();
        components.dedup();
        let mut current = Current {
            other: entry.body.other.clone(),
            components: stored.components,
            hosts: Hosts::of(stored.host),
            ..Current::default()
        };
        current.state.work = stored.work;
        let mut opening = LostOpening::of(&current.state.work);
        let mut layout = Vec::new();
        let mut messages: usize = 0;
        for span in entry.history().chain(followed.said.iter().copied()) {
            let present = replay.present(span);
            let lost = lacks(span, present.len());
            messages = messages.saturating_add(lost);
            let before = |number| replay.items_before(number);
            let of_span = parts(span, present, &replay.missing, &replay.remains, before);
            opening.pass(&of_span, lost);
            layout.extend(of_span);
        }
        opening.tell(&mut current.state.work);
        let mut placed = Vec::new();
        let mut marks = BTreeSet::new();
        let mut gaps = Vec::new();
        let mut position = 0;
        for part in &layout {
            match part {
                Part::Items(items) => {
                    placed.push((position, items.clone()));
                    position += items.len();
                }
                Part::Gap(records) => {
                    marks.insert(position);
                    gaps.push(records.clone());
                    position += 1;
                }
            }
        }
        if let Some(spans) = entry.context() {
            let spans: Vec<Span> = spans.chain(followed.said.iter().copied()).collect();
            let items = spans.iter().map(|span| replay.present(*span));
            let items: Vec<Range<usize>> = items.collect();
            let named = items
                .iter()
                .fold(0, |sum: usize, items| sum.saturating_add(items.len()));
            // A forged one could name the same items again and again.
            if named <= replay.counted() {
                let mut pieces = Vec::new();
                for items in items {
                    current.place(&mut pieces, replay, items, &placed);
                }
                current.context = Some(with_marks(pieces, &marks));
            }
        }
        for part in layout {
            match part {
                Part::Items(items) => {
                    let items = replay.items.get_mut(items).unwrap_or_default();
                    let taken = items
                        .iter_mut()
                        .map(|item| std::mem::replace(item, Message::user("")));
                    current.state.conversation.extend(taken);
                }
                Part::Gap(records) => current.state.conversation.push(mark(&records)),
            }
        }
        Ok(Self {
            current,
            gaps,
            messages,
            components,
            stubs: Vec::new(),
            unproven: followed.unproven,
            through: entry.seq,
        })
    }
}

/// What stands in a conversation where messages are lost. Of the user, since no provider takes instructions in
/// the middle of a conversation, and the model did not say it.
fn mark(records: &Range<u64>) -> Message {
    let last = records.end.saturating_sub(1);
    Message::user(format!(
        "[lost: messages of the records {} to {last} were damaged and are not in this history]",
        records.start
    ))
}

/// The context with the marks that stand right behind a part of it.
fn with_marks(pieces: Vec<Piece>, marks: &BTreeSet<usize>) -> Vec<Piece> {
    let mut marked = Vec::new();
    for piece in pieces {
        match piece {
            Piece::History(range) => {
                let end = range.end + usize::from(marks.contains(&range.end));
                push_history(&mut marked, range.start..end);
            }
            note @ Piece::Note(_) => marked.push(note),
        }
    }
    marked
}
