//! The messages that a fresh session begins with.

use super::Cycle;
use crate::handoff::Package;
use crate::history::repair;
use crate::truncate::{Kind, Outline, brief_note};
use crate::{CountTokens, LimitTooSmall, Message};

/// The messages that a fresh session begins with: instructions, task, a brief, what is pinned, the newest.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) messages: Vec<Message>,
    pub(crate) tokens: u64,
}

impl Opening {
    /// Of what the model is sent, as far as there is room; `package` tells of the rest.
    ///
    /// # Errors
    /// What must be there makes the next cycle due already.
    pub(crate) fn of(
        context: &[&Message],
        package: &Package,
        cycle: &Cycle,
        counter: &dyn CountTokens,
    ) -> Result<Self, LimitTooSmall> {
        let room = cycle.fresh_tokens();
        // The task stands beside it.
        let mut told = package.clone();
        if told
            .objective
            .as_ref()
            .is_some_and(|task| is_said(task, context))
        {
            told.objective = None;
        }
        let most = cycle.brief_tokens.min(room / 3);
        let brief = brief_note(told.brief_within(most, counter));
        if brief.content.is_empty() {
            return Err(cycle.too_small(u64::MAX));
        }
        let tokens = counter.count(&brief);
        let spoken: Vec<&Message> = context
            .iter()
            .copied()
            .filter(|message| Kind::of(message).is_none())
            .collect();
        let outline = Outline::of(&spoken, &[], counter);
        let fitted = outline.fit(room.saturating_sub(tokens), 1);
        // What must be there may take more, as long as a cycle frees anything.
        let fitted = fitted.or_else(|error| outline.fit(error.needed, 1))?;
        let total = fitted.tokens.saturating_add(tokens);
        if cycle.is_due(total) {
            return Err(cycle.too_small(total));
        }
        let at = outline.behind_task(&fitted);
        let mut messages = Vec::new();
        let mut brief = Some(brief);
        for position in fitted.kept.iter().flat_map(Clone::clone) {
            if position >= at {
                messages.extend(brief.take());
            }
            messages.extend(spoken.get(position).map(|message| (*message).clone()));
        }
        messages.extend(brief);
        let messages = repair(&messages).messages;
        let tokens = messages.iter().map(|message| counter.count(message));
        Ok(Self {
            tokens: tokens.fold(0, u64::saturating_add),
            messages,
        })
    }
}

/// Whether the first thing that the user says in `context` is `task`.
fn is_said(task: &str, context: &[&Message]) -> bool {
    let mut said = context
        .iter()
        .filter(|message| message.role == crate::Role::User && Kind::of(message).is_none());
    said.next().is_some_and(|message| message.content == task)
}
