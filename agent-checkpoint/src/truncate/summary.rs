//! A host's summary of what was dropped.

use std::error::Error;

use super::{CountTokens, summary_note};
use crate::Message;
use crate::state::savable::check_message;

/// Says in a few words what a cut takes out of the context. A host implements it, usually by asking a model.
///
/// Closures implement it.
///
/// ```
/// use agent_checkpoint::truncate::{Dropped, Summarize};
///
/// let mut hook = |dropped: &Dropped<'_>| Ok(format!("{} messages", dropped.messages.len()));
/// let _: &mut dyn Summarize = &mut hook;
/// ```
///
/// A host whose model answers later asks twice: a hook that fails changes nothing where
/// [`WithoutSummary::Fail`](super::WithoutSummary::Fail) is set.
///
/// ```
/// use agent_checkpoint::truncate::{Dropped, Summary, WithoutSummary};
/// use agent_checkpoint::{Checkpointer, MemoryStore, Message, Truncate};
/// use agent_primitives::SessionId;
///
/// # let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?).open()?;
/// # for text in ["the task", "one", "two", "three"] {
/// #     session.push(Message::user(text))?;
/// # }
/// # let one_each = |_: &Message| 1;
/// let how = Truncate::to(3).summary_tokens(1).without_summary(WithoutSummary::Fail);
/// let mut asked: Vec<Message> = Vec::new();
/// let mut first = |dropped: &Dropped<'_>| {
///     asked.extend(dropped.messages.iter().map(|message| (*message).clone()));
///     Err("the model is asked".into())
/// };
/// if session.cut_with(how, &one_each, &mut first).is_err() {
///     let answer = format!("{} messages", asked.len()); // .await
///     let mut second = |_: &Dropped<'_>| Ok(answer.clone());
///     let cut = session.cut_with(how, &one_each, &mut second)?;
///     assert_eq!(cut.summary, Summary::Made(1));
/// }
/// # assert_eq!(session.context()[1].content, "2 messages");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Summarize {
    /// A text of at most [`Dropped::tokens_max`] tokens that stands for all that is dropped, the
    /// [earlier](Dropped::earlier) summary included.
    ///
    /// # Errors
    /// Any. Nothing is lost by it: see [`WithoutSummary`](super::WithoutSummary).
    fn summarize(&mut self, dropped: &Dropped<'_>) -> Result<String, Box<dyn Error + Send + Sync>>;
}

impl<F> Summarize for F
where
    F: FnMut(&Dropped<'_>) -> Result<String, Box<dyn Error + Send + Sync>>,
{
    fn summarize(&mut self, dropped: &Dropped<'_>) -> Result<String, Box<dyn Error + Send + Sync>> {
        self(dropped)
    }
}

/// What a cut takes out of the context.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Dropped<'a> {
    /// The summary of an earlier cut, which the new one replaces.
    pub earlier: Option<&'a str>,
    /// The messages, oldest first.
    pub messages: Vec<&'a Message>,
    /// Most tokens that the summary may take, what is put around a message included.
    pub tokens_max: u64,
}

/// Why a summary is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no room for one beside what must stay.
    #[error("no room for a summary; allow {0} tokens or more, or fewer for the summary")]
    NoRoom(u64),
    /// It has no text.
    #[error("the summary is empty; return text, or an error")]
    Empty,
    /// It takes more tokens than it may.
    #[error("the summary takes {tokens} tokens; at most {most} are allowed")]
    TooLong {
        /// What it takes.
        tokens: u64,
        /// What it may take.
        most: u64,
    },
    /// The hook failed, with this message.
    #[error("the summary hook failed: {0}")]
    Failed(String),
}

/// Asks for a summary, and looks at it: the note and its tokens.
pub(crate) fn ask(
    hook: &mut dyn Summarize,
    dropped: &Dropped<'_>,
    counter: &dyn CountTokens,
) -> Result<(Message, u64), Refusal> {
    let text = hook
        .summarize(dropped)
        .map_err(|error| Refusal::Failed(error.to_string()))?;
    if text.trim().is_empty() {
        return Err(Refusal::Empty);
    }
    let note = summary_note(text);
    let tokens = counter.count(&note);
    // What no save can write is too long, whatever the counter says.
    if tokens > dropped.tokens_max || check_message(&note).is_err() {
        return Err(Refusal::TooLong {
            tokens,
            most: dropped.tokens_max,
        });
    }
    Ok((note, tokens))
}
