//! A recorded session, as a list of turns.

mod invalid;
mod traj;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::{Message, Role};

pub use invalid::InvalidRecording;

/// A recorded agent session: the conversation as the model saw it. Clones share one copy.
///
/// Reads SWE-agent's `.traj` JSON: `history` with the roles `system`, `user`, `assistant` and
/// `tool`, text as a string, as a list of text parts or as null, `tool_calls` and `tool_call_ids`,
/// and, where it is there, `trajectory[].execution_time`. Other fields are skipped.
///
/// ```
/// use support::Recording;
///
/// let recording = Recording::parse(
///     r#"{"history": [
///         {"role": "user", "content": "2 + 2?"},
///         {"role": "assistant", "content": "4"}
///     ]}"#,
/// )?;
/// assert_eq!(recording.turns().len(), 1);
/// assert_eq!(recording.turn(1).map(|turn| turn.answer().content.as_str()), Some("4"));
/// # Ok::<(), support::InvalidRecording>(())
/// ```
#[derive(Debug, Clone)]
pub struct Recording(Arc<Session>);

#[derive(Debug)]
struct Session {
    messages: Vec<Message>,
    /// Indices of the assistant messages; never empty.
    answers: Vec<usize>,
    /// One for each answer, or none at all.
    execution_times: Vec<Option<Duration>>,
}

/// One answer of the model, with the messages that led to it.
///
/// ```
/// let recording = support::Recording::sample();
/// let turn = recording.turn(2).ok_or("only one turn")?;
/// assert_eq!(turn.before().len(), 2, "two tool results");
/// assert_eq!(turn.history().len(), 5);
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Turn<'a> {
    number: usize,
    history: &'a [Message],
    new_from: usize,
    answer: &'a Message,
    execution_time: Option<Duration>,
}

impl<'a> Turn<'a> {
    /// Its place in the session; the first is 1.
    pub const fn number(&self) -> usize {
        self.number
    }

    /// The messages since the answer before: the task, or the results of tool calls.
    pub fn before(&self) -> &'a [Message] {
        self.history.get(self.new_from..).unwrap_or_default()
    }

    /// Every message before the answer, from the start of the session.
    pub const fn history(&self) -> &'a [Message] {
        self.history
    }

    /// What the model said.
    pub const fn answer(&self) -> &'a Message {
        self.answer
    }

    /// How long the action that the answer asked for took, where the recording says so.
    pub const fn execution_time(&self) -> Option<Duration> {
        self.execution_time
    }
}

impl Recording {
    /// The largest file that is read: 64 MiB.
    pub const MAX_BYTES: u64 = 64 * 1024 * 1024;

    /// The small session that is committed with the project.
    ///
    /// # Panics
    /// Never: a test reads the same file.
    ///
    /// ```
    /// assert!(support::Recording::sample().turns().len() >= 10);
    /// ```
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "the text is a part of the program, and a test parses it"
    )]
    pub fn sample() -> Self {
        Self::parse(include_str!("../../data/session.json"))
            .expect("the committed session is valid")
    }

    /// Reads a file.
    ///
    /// # Errors
    /// One line that names the file, what is wrong and where.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, InvalidRecording> {
        let path = path.as_ref();
        traj::read(path)
            .and_then(|text| Self::parse(&text))
            .map_err(|error| error.in_file(path))
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// One line that says what is wrong and where.
    pub fn parse(text: &str) -> Result<Self, InvalidRecording> {
        let (messages, times) = traj::parse(text)?;
        Self::new(messages, times)
    }

    /// A conversation as a session. It must begin with a message of somebody else than the assistant, and
    /// have one of the assistant's.
    ///
    /// # Errors
    /// One line that says which of the two is missing.
    ///
    /// ```
    /// use support::{Message, Recording};
    ///
    /// let said = vec![Message::user("2 + 2?"), Message::assistant("4")];
    /// assert_eq!(Recording::from_messages(said)?.turns().len(), 1);
    /// # Ok::<(), support::InvalidRecording>(())
    /// ```
    pub fn from_messages(messages: Vec<Message>) -> Result<Self, InvalidRecording> {
        Self::new(messages, Vec::new())
    }

    fn new(messages: Vec<Message>, times: Vec<Option<Duration>>) -> Result<Self, InvalidRecording> {
        let answers: Vec<usize> = messages
            .iter()
            .enumerate()
            .filter_map(|(index, message)| (message.role == Role::Assistant).then_some(index))
            .collect();
        match answers.first() {
            None => return Err(InvalidRecording::NoAnswer),
            Some(0) => return Err(InvalidRecording::AnswerFirst),
            Some(_) => {}
        }
        // The steps of a trajectory are the answers, unless demonstrations were put before them:
        // then nothing says which is which.
        let execution_times = if times.len() == answers.len() {
            times
        } else {
            Vec::new()
        };
        Ok(Self(Arc::new(Session {
            messages,
            answers,
            execution_times,
        })))
    }

    /// The whole conversation, in order.
    pub fn messages(&self) -> &[Message] {
        &self.0.messages
    }

    /// The turns, in order; at least one.
    pub fn turns(&self) -> Vec<Turn<'_>> {
        (1..=self.0.answers.len())
            .filter_map(|number| self.turn(number))
            .collect()
    }

    /// Turn number `number`; the first is 1.
    pub fn turn(&self, number: usize) -> Option<Turn<'_>> {
        let session = &*self.0;
        let index = number.checked_sub(1)?;
        let (history, rest) = session
            .messages
            .split_at_checked(*session.answers.get(index)?)?;
        let previous = index.checked_sub(1).and_then(|i| session.answers.get(i));
        Some(Turn {
            number,
            history,
            new_from: previous.map_or(0, |previous| previous + 1),
            answer: rest.first()?,
            execution_time: session.execution_times.get(index).copied().flatten(),
        })
    }

    /// The messages after the last answer: observations that nobody answered.
    pub fn trailing(&self) -> &[Message] {
        let last = self.0.answers.last().map_or(0, |last| last + 1);
        self.0.messages.get(last..).unwrap_or_default()
    }

    /// The names of the tools that the session calls, each once, in order of first use.
    pub fn tool_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for call in self
            .0
            .messages
            .iter()
            .flat_map(|message| &message.tool_calls)
        {
            if !names.contains(&call.name.as_str()) {
                names.push(&call.name);
            }
        }
        names
    }
}
