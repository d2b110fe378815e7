//! Plans a cut of a session's context: what stays, and which notes are put in.

use super::summary::ask;
use super::{
    CountTokens, Dropped, Hold, Kind, LimitTooSmall, Outline, Refusal, Summarize, Truncate,
    Truncation, WithoutSummary, work_note,
};
use crate::{Error, Message, Work};

/// What [`Checkpointer::cut_with`](crate::Checkpointer::cut_with) did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cut {
    /// Which messages stay, by their positions in the context before. Notes of an earlier cut that are
    /// replaced count as dropped.
    pub truncation: Truncation,
    /// What became of the summary.
    pub summary: Summary,
}

/// What became of the summary of a cut.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Summary {
    /// Nothing was dropped that one could be made of; an earlier one stays.
    NotNeeded,
    /// It stands in the context and takes this many tokens.
    Made(u64),
    /// It is not used; an earlier one stays.
    Refused(Refusal),
}

/// Why a context was not cut. It stays as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CutError {
    /// Nothing useful fits.
    #[error(transparent)]
    LimitTooSmall(#[from] LimitTooSmall),
    /// The summary cannot be used, and [`WithoutSummary::Fail`](super::WithoutSummary::Fail) is set.
    #[error(transparent)]
    NoSummary(#[from] Refusal),
    /// Not all of the context is in memory, and the rest cannot be read.
    #[error(transparent)]
    Unread(#[from] Error),
}

impl CutError {
    /// The smallest limit that would do, where the limit is what is wrong.
    ///
    /// ```
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message};
    /// use agent_primitives::SessionId;
    ///
    /// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?).open()?;
    /// session.push(Message::user("the task"))?;
    /// session.push(Message::assistant("the answer"))?;
    /// let error = session.cut(1, &|_: &Message| 1).unwrap_err();
    /// assert_eq!(error.needed(), Some(2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn needed(&self) -> Option<u64> {
        match self {
            Self::LimitTooSmall(error) => Some(error.needed),
            _ => None,
        }
    }
}

/// Where a summary comes from.
pub(crate) enum Source<'a> {
    /// There is none to be.
    Nobody,
    Ready(Message),
    Hook(&'a mut dyn Summarize),
}

/// A context that is to be cut.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) messages: Vec<&'a Message>,
    /// Where notes of earlier cuts stand in it, ascending.
    pub(crate) notes: Vec<(usize, Kind)>,
    /// What the context is to say of it.
    pub(crate) work: Option<&'a Work>,
}

/// What a cut does.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) cut: Cut,
    /// Messages to put in, with their positions in the context before.
    pub(crate) inserts: Vec<(usize, Message)>,
}

impl View<'_> {
    /// Counts each message of the context once, and each note that it makes.
    pub(crate) fn plan(
        &self,
        how: &Truncate,
        counter: &dyn CountTokens,
        source: Source<'_>,
    ) -> Result<Plan, CutError> {
        let positions: Vec<usize> = self.notes.iter().map(|(at, _)| *at).collect();
        let mut outline = Outline::of(&self.messages, &positions, counter);
        for at in positions {
            outline.hold(at, Hold::Stays);
        }
        if let Ok(whole) = outline.fit(how.limit, how.keep_last)
            && whole.groups == 0
        {
            return Ok(Plan::new(whole, Summary::NotNeeded));
        }

        self.hold(&mut outline, Kind::Work, Hold::Goes);
        let work = self.work.and_then(work_note);
        let work = work.map(|note| (counter.count(&note), note));
        let bare = Plan::with_work(&outline, how, 0, work.as_ref());
        // An older and longer note may have been all that was too much.
        let is_enough = |plan: &Plan| plan.cut.truncation.groups == 0;
        if bare.as_ref().is_ok_and(is_enough) {
            return Ok(bare?);
        }
        let refused = match source {
            Source::Nobody => return Ok(bare?),
            Source::Ready(summary) => {
                self.hold(&mut outline, Kind::Summary, Hold::Goes);
                let tokens = counter.count(&summary);
                let plan = Plan::with_work(&outline, how, tokens, work.as_ref())?;
                return Ok(plan.with_summary(tokens, summary));
            }
            Source::Hook(hook) => {
                self.hold(&mut outline, Kind::Summary, Hold::Goes);
                let most = how.summary_most();
                let plan = Plan::with_work(&outline, how, most, work.as_ref());
                let summary = plan
                    .map_err(|error| Refusal::NoRoom(error.needed))
                    .and_then(|plan| {
                        let dropped = self.dropped(&plan.cut.truncation, &outline, most);
                        Ok((plan, ask(hook, &dropped, counter)?))
                    });
                match summary {
                    Ok((plan, (summary, tokens))) => return Ok(plan.with_summary(tokens, summary)),
                    Err(refused) => refused,
                }
            }
        };
        if how.without_summary == WithoutSummary::Fail {
            return Err(refused.into());
        }
        let mut plan = bare?;
        plan.cut.summary = Summary::Refused(refused);
        Ok(plan)
    }

    fn hold(&self, outline: &mut Outline, kind: Kind, hold: Hold) {
        for (at, _) in self.notes.iter().filter(|(_, note)| *note == kind) {
            outline.hold(*at, hold);
        }
    }

    /// What the hook is to make a summary of.
    fn dropped(&self, truncation: &Truncation, outline: &Outline, most: u64) -> Dropped<'_> {
        let mut kept = truncation.kept.iter().peekable();
        let mut dropped = Dropped {
            earlier: None,
            messages: Vec::new(),
            tokens_max: most,
        };
        let mut notes = self.notes.iter().peekable();
        for (at, message) in self.messages.iter().enumerate() {
            while kept.next_if(|range| range.end <= at).is_some() {}
            let kind = notes.next_if(|(note, _)| *note == at).map(|(_, kind)| kind);
            match kind {
                Some(Kind::Summary) => dropped.earlier = Some(&message.content),
                Some(Kind::Work | Kind::Brief) => {}
                None if kept.peek().is_some_and(|range| range.contains(&at)) => {}
                // A result without a call tells a model nothing.
                None if outline.is_held(at, Hold::Goes) => {}
                None => dropped.messages.push(message),
            }
        }
        dropped
    }
}

impl Plan {
    fn new(truncation: Truncation, summary: Summary) -> Self {
        Self {
            cut: Cut {
                truncation,
                summary,
            },
            inserts: Vec::new(),
        }
    }

    /// With the note about the work, and with `room` left for a summary.
    fn with_work(
        outline: &Outline,
        how: &Truncate,
        room: u64,
        work: Option<&(u64, Message)>,
    ) -> Result<Self, LimitTooSmall> {
        let taken = work.map_or(0, |(tokens, _)| *tokens);
        let room = room.saturating_add(taken);
        let too_small = |tokens: u64| LimitTooSmall {
            limit: how.limit,
            needed: tokens.saturating_add(room),
        };
        let left = how.limit.saturating_sub(room);
        let fitted = outline.fit(left, how.keep_last);
        let mut truncation = fitted.map_err(|error| too_small(error.needed))?;
        if truncation.tokens.saturating_add(room) > how.limit {
            return Err(too_small(truncation.tokens));
        }
        truncation.tokens = truncation.tokens.saturating_add(taken);
        let at = outline.behind_task(&truncation);
        let mut plan = Self::new(truncation, Summary::NotNeeded);
        plan.inserts
            .extend(work.map(|(_, note)| (at, note.clone())));
        Ok(plan)
    }

    fn with_summary(mut self, tokens: u64, summary: Message) -> Self {
        let truncation = &mut self.cut.truncation;
        truncation.tokens = truncation.tokens.saturating_add(tokens);
        self.inserts.push((truncation.tail, summary));
        self.cut.summary = Summary::Made(tokens);
        self
    }
}
