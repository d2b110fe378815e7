//! Takes messages out of the context, never out of the history.

use super::Checkpointer;
use super::current::Note;
use crate::format::SPANS_MAX;
use crate::log::view::{Piece, pick};
use crate::state::savable::check_message;
use crate::{CountTokens, LimitTooSmall, Message, Truncation, truncate};

impl Checkpointer {
    /// Cuts the [`context`](Self::context) to `limit` tokens, as [`truncate`] does. The
    /// [`history`](Self::history) keeps every message; the next save records the cut as ranges.
    ///
    /// ```
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message};
    /// use agent_primitives::SessionId;
    ///
    /// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?).open()?;
    /// for text in ["the task", "one", "two", "three"] {
    ///     session.push(Message::user(text))?;
    /// }
    /// session.cut(2, &|_: &Message| 1)?;
    /// assert_eq!(session.context(), [&Message::user("the task"), &Message::user("three")]);
    /// assert_eq!(session.history().len(), 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`LimitTooSmall`] says which limit would do; the context stays as it was. `needed` is `u64::MAX`
    /// where none would: the context would be in more pieces than a save can record.
    pub fn cut(
        &mut self,
        limit: u64,
        counter: &dyn CountTokens,
    ) -> Result<Truncation, LimitTooSmall> {
        self.cut_to(limit, counter, None)
    }

    /// As [`cut`](Self::cut), with `summary` in the place of what was dropped. It stands in the context
    /// and not in the history, counts against the limit, and is not used when nothing is dropped.
    ///
    /// # Errors
    /// As [`cut`](Self::cut); `needed` includes the summary. It is `u64::MAX` for a summary that no save
    /// could write, of which [`push`](Self::push) would say why.
    pub fn cut_with_summary(
        &mut self,
        limit: u64,
        counter: &dyn CountTokens,
        summary: Message,
    ) -> Result<Truncation, LimitTooSmall> {
        self.cut_to(limit, counter, Some(summary))
    }

    fn cut_to(
        &mut self,
        limit: u64,
        counter: &dyn CountTokens,
        summary: Option<Message>,
    ) -> Result<Truncation, LimitTooSmall> {
        let pieces = self.current.pieces();
        let messages = self.current.messages(&pieces);
        let mut truncation = truncate(&messages, limit, counter)?;
        if truncation.dropped == 0 {
            return Ok(truncation);
        }
        let never = LimitTooSmall {
            limit,
            needed: u64::MAX,
        };
        if summary.as_ref().is_some_and(|s| check_message(s).is_err()) {
            return Err(never);
        }
        let room = summary.as_ref().map_or(0, |summary| counter.count(summary));
        if room > 0 {
            let left = limit.saturating_sub(room);
            truncation = truncate(&messages, left, counter).map_err(|error| LimitTooSmall {
                limit,
                needed: error.needed.saturating_add(room),
            })?;
            truncation.tokens = truncation.tokens.saturating_add(room);
        }
        let tail = truncation.tail;
        let clip = |from: usize, to: usize| {
            let part = truncation
                .kept
                .iter()
                .map(move |range| range.start.max(from)..range.end.min(to));
            part.filter(|range| !range.is_empty()).collect::<Vec<_>>()
        };
        let mut context = pick(&pieces, &clip(0, tail));
        let rest = pick(&pieces, &clip(tail, usize::MAX));
        // Pieces become ranges of the commit, and may be parted once more where branches meet.
        if context.len() + rest.len() > SPANS_MAX / 2 {
            return Err(never);
        }
        if let Some(message) = summary {
            context.push(Piece::Note(self.current.notes.len()));
            self.current.notes.push(Note {
                message,
                number: None,
            });
        }
        context.extend(rest);
        self.current.context = Some(context);
        self.current.is_context_touched = true;
        Ok(truncation)
    }
}
