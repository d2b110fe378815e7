//! Makes the context one that a provider takes; the history stays as it was.

use super::Checkpointer;
use super::current::Note;
use crate::Error;
use crate::format::SPANS_MAX;
use crate::history::Repair;
use crate::history::repair::{Plan, Slot};
use crate::log::view::{Piece, push_history};

impl Checkpointer {
    /// Repairs the [`context`](Self::context) as [`history::repair`](crate::history::repair) does, and tells
    /// each change; nothing where a provider would take it as it is. The [`history`](Self::history) keeps every
    /// message as it is, and the next save records the repair: ranges of the history, and beside them what is new.
    ///
    /// ```
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message, ToolCall, history};
    /// use agent_primitives::SessionId;
    ///
    /// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?).open()?;
    /// session.push(Message::assistant("").with_tool_call(ToolCall::new("c1", "build", "{}")))?;
    /// session.push(Message::user("Go on."))?; // the process ended before the build did
    ///
    /// let repairs = session.repair_context()?;
    /// assert_eq!(repairs[0].to_string(), "message 0: call \"c1\" has no result: answered as interrupted");
    /// assert!(history::check(&session.context()).is_empty());
    /// assert_eq!((session.context().len(), session.history().len()), (3, 2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A session that was opened at its end ([`Resume::Last`](crate::Resume::Last)) and never cut is read whole for it.
    ///
    /// # Errors
    /// [`Error::is_too_large`] when the context would be in more pieces than a save can record; it stays as
    /// it was, and [`cut`](Self::cut) makes it shorter. What the log is read for may fail as well.
    pub fn repair_context(&mut self) -> Result<Vec<Repair>, Error> {
        let taken_in = self.take_in_context()?;
        let repaired = self.repair_whole_context();
        self.leave_out_again(taken_in);
        repaired
    }

    fn repair_whole_context(&mut self) -> Result<Vec<Repair>, Error> {
        let pieces = self.current.pieces();
        let Plan { slots, repairs } = Plan::of(&self.current.messages(&pieces));
        if repairs.is_empty() {
            return Ok(repairs);
        }
        let one_each = singles(&pieces);
        let mut context = Vec::new();
        let mut new = Vec::new();
        for slot in slots {
            match slot {
                Slot::AsIs(position) => match one_each.get(position) {
                    Some(Piece::History(at)) => push_history(&mut context, at.clone()),
                    Some(Piece::Note(note)) => context.push(Piece::Note(*note)),
                    None => {}
                },
                Slot::New(message) => {
                    context.push(Piece::Note(self.current.notes.len() + new.len()));
                    let number = None;
                    new.push(Note { message, number });
                }
            }
        }
        // Pieces become ranges of the commit, and may be parted once more where branches meet.
        let max = SPANS_MAX / 2;
        if context.len() > max {
            return Err(Error::too_many_ranges("context", context.len(), max));
        }
        self.current.notes.extend(new);
        self.current.context = Some(context);
        self.current.is_context_touched = true;
        Ok(repairs)
    }
}

/// The pieces, each parted into pieces of one message.
fn singles(pieces: &[Piece]) -> Vec<Piece> {
    let mut singles = Vec::new();
    for piece in pieces {
        match piece {
            Piece::History(range) => {
                singles.extend(range.clone().map(|at| Piece::History(at..at + 1)));
            }
            Piece::Note(note) => singles.push(Piece::Note(*note)),
        }
    }
    singles
}
