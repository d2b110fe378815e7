//! Takes into memory what opening left in the log, for what only the whole session can answer.

use super::Checkpointer;
use super::current::Current;
use crate::Error;
use crate::log::view::Piece;

/// Most messages of the context that are kept by themselves when what they stand among leaves the memory: each
/// becomes a range of the next commits.
const NOTES_MAX: usize = 4_096;

impl Checkpointer {
    /// Whether messages of the context are in the log alone: the session was opened at its end, and the context was
    /// never cut.
    pub(crate) fn is_context_partial(&self) -> bool {
        self.skipped() > 0 && self.current.context.is_none()
    }

    /// Reads the messages that lie before those in memory; how many these are.
    ///
    /// # Errors
    /// The log cannot be read, or is not what it was when the session was opened. Nothing changed then.
    pub(crate) fn take_in(&mut self) -> Result<usize, Error> {
        let skipped = self.skipped();
        let Some(head) = self.head_id().filter(|_| skipped > 0) else {
            return Ok(0);
        };
        let (_, whole) = self.read_checkpoint(&head)?;
        let taken = self.current.precede(whole);
        taken.ok_or_else(|| Error::damaged(head)).map(|()| skipped)
    }

    /// As [`take_in`](Self::take_in), where the context needs it.
    pub(crate) fn take_in_context(&mut self) -> Result<usize, Error> {
        if self.is_context_partial() {
            return self.take_in();
        }
        Ok(0)
    }

    /// Leaves the first `count` messages out of memory again, unless too many of them stand in the context.
    pub(crate) fn leave_out_again(&mut self, count: usize) {
        let in_context = |piece: &Piece| match piece {
            Piece::History(range) => range.end.min(count).saturating_sub(range.start),
            Piece::Note(_) => 0,
        };
        let pieces = self.current.context.iter().flatten();
        let notes = pieces.map(in_context).fold(0, usize::saturating_add);
        if count > 0 && notes <= NOTES_MAX {
            self.current.leave_out(count);
        }
    }
}

impl Current {
    /// Takes from `whole`, the state that was opened, the messages before those in memory. `None` where it has
    /// another history.
    fn precede(&mut self, whole: Self) -> Option<()> {
        let skipped = self.numbering.skipped();
        if whole.numbering.spans() != self.numbering.spans() || whole.numbering.skipped() > 0 {
            return None;
        }
        let mut conversation = whole.state.conversation;
        conversation.truncate(skipped);
        conversation.append(&mut self.state.conversation);
        self.state.conversation = conversation;
        self.numbering = whole.numbering;
        for piece in self.context.iter_mut().flatten() {
            if let Piece::History(range) = piece {
                *range = range.start.saturating_add(skipped)..range.end.saturating_add(skipped);
            }
        }
        Some(())
    }
}
