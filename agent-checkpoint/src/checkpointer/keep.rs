//! Sets the context to messages of the history, by position.

use std::ops::Range;

use super::Checkpointer;
use crate::Error;
use crate::format::SPANS_MAX;
use crate::log::view::{Piece, push_history};

impl Checkpointer {
    /// Makes the context of these messages of the history, in the order of their positions.
    ///
    /// # Errors
    /// When it would be in more pieces than a save can record; the context stays as it was.
    pub(crate) fn keep_in_context(&mut self, kept: &[Range<usize>]) -> Result<(), Error> {
        let mut kept = kept.to_vec();
        kept.sort_by_key(|range| range.start);
        let mut context: Vec<Piece> = Vec::new();
        let mut end = 0;
        for range in kept {
            let from = range.start.max(end);
            end = range.end.min(self.history().len()).max(end);
            push_history(&mut context, from..end);
        }
        // Pieces become ranges of the commit, and may be parted once more where branches meet.
        if context.len() > SPANS_MAX / 2 {
            let max = SPANS_MAX / 2;
            return Err(Error::too_many_ranges("context", context.len(), max));
        }
        self.current.context = Some(context);
        self.current.is_context_touched = true;
        Ok(())
    }
}
