//! Takes messages out of the context, never out of the history.

use std::ops::Range;

use super::Checkpointer;
use super::current::Note;
use crate::format::SPANS_MAX;
use crate::log::view::{Piece, pick};
use crate::state::savable::check_written;
use crate::truncate::{Cut, CutError, Kind, Plan, Source, Summarize, View};
use crate::{CountTokens, LimitTooSmall, Message, Truncate, Truncation};

impl Checkpointer {
    /// Cuts the [`context`](Self::context) to a limit of tokens, as [`truncate`](crate::truncate()) does. The
    /// [`history`](Self::history) keeps every message; the next save records the cut as ranges.
    ///
    /// Where messages are dropped, what [`Work`](crate::Work) says was decided and is open (decisions, steps
    /// to come, questions) stands in the context from then on, as one message of the user's behind the task.
    /// It counts against the limit, and the next cut that drops something brings it up to date; in between it stays
    /// as it is, so that what a provider has cached of the request stays good. A
    /// [summary](Self::cut_with) that an earlier cut made stays.
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
    ///
    /// session.update(|work| work.next_steps.push("ask for four".into()));
    /// session.push(Message::user("four"))?;
    /// session.cut(3, &|_: &Message| 1)?; // fits
    /// session.push(Message::user("five"))?;
    /// session.cut(3, &|_: &Message| 1)?;
    /// let texts: Vec<&str> = session.context().iter().map(|m| m.content.as_str()).collect();
    /// assert_eq!(texts, [
    ///     "the task",
    ///     "Where the work stands.\n\nTo do:\n- ask for four\n",
    ///     "five",
    /// ]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The context stays as it was. [`CutError::needed`] says which limit would do; it is `u64::MAX`
    /// where none would: the context would be in more pieces than a save can record. [`CutError::Unread`] where the session
    /// was opened at its end ([`Resume::Last`](crate::Resume::Last)) and never cut, and the rest of it cannot be read: what
    /// stays is chosen from the whole of it.
    pub fn cut(
        &mut self,
        how: impl Into<Truncate>,
        counter: &dyn CountTokens,
    ) -> Result<Truncation, CutError> {
        self.cut_plainly(how.into(), counter, Source::Nobody)
    }

    /// As [`cut`](Self::cut), with `summary` in the place of what was dropped. It stands in the context
    /// and not in the history, counts against the limit, and is not used when nothing is dropped. A summary that
    /// [`cut_with`](Self::cut_with) made goes; one that was given here is a message as any other for later cuts.
    ///
    /// # Errors
    /// As [`cut`](Self::cut); `needed` includes the summary. It is `u64::MAX` for a summary that no save
    /// could write, of which [`push`](Self::push) would say why.
    pub fn cut_with_summary(
        &mut self,
        how: impl Into<Truncate>,
        counter: &dyn CountTokens,
        summary: Message,
    ) -> Result<Truncation, CutError> {
        self.cut_plainly(how.into(), counter, Source::Ready(summary))
    }

    fn cut_plainly(
        &mut self,
        how: Truncate,
        counter: &dyn CountTokens,
        source: Source<'_>,
    ) -> Result<Truncation, CutError> {
        self.cut_to(how, counter, source).map(|cut| cut.truncation)
    }

    /// As [`cut`](Self::cut), with a summary by the host's `hook` in the place of what was dropped. It stands in
    /// the context as a message of the user's, and not in the history, which keeps every message.
    ///
    /// The hook is asked once, when messages are dropped, and gets the summary of the cut before as well: the
    /// new one stands for both. Room for [`summary_tokens`](Truncate::summary_tokens) is kept. A summary that is
    /// empty, too long, or an error is not used: what then is [`without_summary`](Truncate::without_summary)'s to say.
    ///
    /// ```
    /// use agent_checkpoint::truncate::{Dropped, Summary};
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message, Truncate};
    /// use agent_primitives::SessionId;
    ///
    /// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?).open()?;
    /// for text in ["the task", "one", "two", "three"] {
    ///     session.push(Message::user(text))?;
    /// }
    /// let how = Truncate::to(3).summary_tokens(1);
    /// let mut hook = |dropped: &Dropped<'_>| Ok(format!("{} said", dropped.messages.len()));
    /// let cut = session.cut_with(how, &|_: &Message| 1, &mut hook)?;
    /// assert_eq!((cut.truncation.dropped, cut.summary), (2, Summary::Made(1)));
    /// let texts: Vec<&str> = session.context().iter().map(|m| m.content.as_str()).collect();
    /// assert_eq!(texts, ["the task", "2 said", "three"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`cut`](Self::cut). [`CutError::NoSummary`] where [`WithoutSummary::Fail`](crate::truncate::WithoutSummary::Fail) is set and the summary cannot be
    /// used. The context stays as it was.
    pub fn cut_with(
        &mut self,
        how: impl Into<Truncate>,
        counter: &dyn CountTokens,
        hook: &mut dyn Summarize,
    ) -> Result<Cut, CutError> {
        self.cut_to(how.into(), counter, Source::Hook(hook))
    }

    fn cut_to(
        &mut self,
        how: Truncate,
        counter: &dyn CountTokens,
        source: Source<'_>,
    ) -> Result<Cut, CutError> {
        let taken_in = self.take_in_context()?;
        let cut = self.cut_whole(how, counter, source);
        self.leave_out_again(taken_in);
        cut
    }

    fn cut_whole(
        &mut self,
        how: Truncate,
        counter: &dyn CountTokens,
        source: Source<'_>,
    ) -> Result<Cut, CutError> {
        let pieces = self.current.pieces();
        let view = View {
            messages: self.current.messages(&pieces),
            notes: self.notes(&pieces),
            work: Some(&self.current.state.work).filter(|_| how.work),
        };
        let Plan { cut, inserts } = view.plan(&how, counter, source)?;
        if cut.truncation.dropped > 0 {
            self.recut(&pieces, &cut.truncation.kept, inserts)
                .ok_or_else(|| never(how.limit))?;
        }
        Ok(cut)
    }

    /// Where notes of earlier cuts stand in the context that `pieces` is.
    fn notes(&self, pieces: &[Piece]) -> Vec<(usize, Kind)> {
        let mut notes = Vec::new();
        let mut start = 0;
        for piece in pieces {
            match piece {
                Piece::History(range) => start += range.len(),
                Piece::Note(note) => {
                    let note = self.current.notes.get(*note);
                    let kind = note.and_then(|note| Kind::of(&note.message));
                    notes.extend(kind.map(|kind| (start, kind)));
                    start += 1;
                }
            }
        }
        notes
    }

    /// Makes the context of what is kept of `pieces`, with `inserts` at positions of the context before. Nothing
    /// where no save could record it.
    fn recut(
        &mut self,
        pieces: &[Piece],
        kept: &[Range<usize>],
        mut inserts: Vec<(usize, Message)>,
    ) -> Option<()> {
        inserts.sort_by_key(|(at, _)| *at);
        let mut context = Vec::new();
        let mut notes = Vec::new();
        let mut from = 0;
        for (at, message) in inserts {
            check_written(&message, &self.redaction).ok()?;
            context.extend(pick(pieces, &clip(kept, from..at)));
            context.push(Piece::Note(self.current.notes.len() + notes.len()));
            notes.push(Note {
                message,
                number: None,
            });
            from = at;
        }
        context.extend(pick(pieces, &clip(kept, from..usize::MAX)));
        // Pieces become ranges of the commit, and may be parted once more where branches meet.
        if context.len() > SPANS_MAX / 2 {
            return None;
        }
        self.current.notes.extend(notes);
        self.current.context = Some(context);
        self.current.is_context_touched = true;
        // A save under way numbers them by their places.
        if self.flight.is_none() {
            self.current.forget_notes();
        }
        Some(())
    }
}

/// No limit would do.
const fn never(limit: u64) -> LimitTooSmall {
    LimitTooSmall {
        limit,
        needed: u64::MAX,
    }
}

/// The parts of `kept` within `window`.
fn clip(kept: &[Range<usize>], window: Range<usize>) -> Vec<Range<usize>> {
    kept.iter()
        .map(|range| range.start.max(window.start)..range.end.min(window.end))
        .filter(|range| !range.is_empty())
        .collect()
}
