//! A session that was read from another program's file.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::draft::{Assembled, ranges};
use super::{LeftOut, Reason, names};
use crate::history::{Repaired, repair};
use crate::state::savable::check_depth;
use crate::{Builder, Checkpointer, Error, Message, SessionState, Work};

/// Whose file a session was read from.
///
/// ```
/// assert_eq!(agent_checkpoint::import::Source::ClaudeCode.name(), "claude_code");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Source {
    /// A rollout of Codex CLI.
    Codex,
    /// A transcript of Claude Code.
    ClaudeCode,
    /// An export, a database or an older session file of goose.
    Goose,
    /// An [`export`](crate::export) of this library.
    Export,
}

impl Source {
    /// The name as it is serialised; the agent of an imported session has it too.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Codex => "codex",
            Self::ClaudeCode => "claude_code",
            Self::Goose => "goose",
            Self::Export => "export",
        }
    }
}

/// Why messages stand beside a conversation and not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BranchKind {
    /// A person went back and went on otherwise.
    Abandoned,
    /// An agent of its own, which the session's agent gave a task.
    Sidechain,
}

/// Messages beside the conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Branch {
    /// Why they stand beside it.
    pub kind: BranchKind,
    /// The vendor's id of the branch or its agent, where there is one.
    pub id: Option<String>,
    /// Behind how many messages of the conversation it begins, where the file tells.
    pub from: Option<usize>,
    /// Its messages, without those before it.
    pub messages: Vec<Message>,
}

/// A session that was read from another program's file.
///
/// Messages have what the file tells of them beside their text: `at` (when, as the file has it), `model`, `is_error`
/// for a tool's result, `layout` where blocks came in another order than parts, one text, calls; and under the
/// source's name what else the vendor's line has. A `layout` lists the blocks: a number is the length in bytes of
/// the next text, texts standing one below the other; `"part"` and `"call"` are the next of those.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Imported {
    /// The conversation from its first message on, what was used, and under `imported` in
    /// [`extra`](Work::extra) what the file tells of the session: `source`, and as far as known `session`, `title`,
    /// `cwd`, `git`, `version`, `from`, `to` and more.
    pub state: SessionState,
    /// Whose file it is.
    pub source: Source,
    /// The vendor's id of the session.
    pub id: Option<String>,
    /// The positions of the messages that its model was sent last; all where absent. They are fewer where the vendor
    /// compacted the conversation.
    pub context: Option<Vec<Range<usize>>>,
    /// What stands beside the conversation.
    pub branches: Vec<Branch>,
    /// What of the file is in none of these.
    pub left_out: LeftOut,
}

/// What the file tells of the session may take so many bytes of JSON.
const ABOUT: usize = 1 << 20;
/// Of one that takes more, texts up to so many bytes stay.
const TEXT: usize = 4 << 10;

/// Leaves out what no save could write, or what would be as long as the conversation.
fn slim(about: &mut Value, left_out: &mut LeftOut) {
    let is_deep = check_depth("what a file tells", about).is_err();
    let reason = if is_deep {
        Reason::TooDeep
    } else if about.to_string().len() > ABOUT {
        Reason::TooLong
    } else {
        return;
    };
    if let Some(about) = about.as_object_mut() {
        about.retain(|_, value| value.as_str().is_some_and(|text| text.len() <= TEXT));
    }
    left_out.note(reason, "session", 1);
}

impl Imported {
    pub(super) fn new(
        source: Source,
        assembled: Assembled,
        mut work: Work,
        mut left_out: LeftOut,
    ) -> Self {
        if let Some(about) = work.extra.get_mut(names::IMPORTED) {
            slim(about, &mut left_out);
        }
        Self {
            context: ranges(&assembled.is_sent),
            state: SessionState {
                conversation: assembled.messages,
                work,
            },
            source,
            id: None,
            branches: Vec::new(),
            left_out,
        }
    }

    /// What the file tells of the session.
    pub fn about(&self) -> Option<&Map<String, Value>> {
        self.state.work.extra.get(names::IMPORTED)?.as_object()
    }

    /// The context as a provider takes it, with what was put right for that. It needs nothing where the file is whole;
    /// a session that was interrupted has calls without results, and a compaction may part the two.
    pub fn repaired(&self) -> Repaired {
        let history = &self.state.conversation;
        let sent: Vec<&Message> = match &self.context {
            None => history.iter().collect(),
            Some(ranges) => {
                let ranges = ranges.iter().filter_map(|range| history.get(range.clone()));
                ranges.flatten().collect()
            }
        };
        repair(&sent)
    }

    /// Opens the session that `builder` names, which must hold nothing yet, and puts all of this into it, in memory:
    /// history, context and work. The next save writes it. The history is as it was; the context is repaired, as
    /// [`repaired`](Self::repaired) tells.
    ///
    /// ```
    /// use agent_checkpoint::{Checkpointer, MemoryStore, import};
    /// use agent_primitives::{CheckpointKind, SessionId};
    ///
    /// let rollout = concat!(
    ///     r#"{"timestamp":"2026-01-05T09:00:00Z","type":"session_meta","payload":{"id":"7f","cwd":"/w"}}"#,
    ///     "\n",
    ///     r#"{"timestamp":"2026-01-05T09:00:01Z","type":"response_item","payload":"#,
    ///     r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"Fix it."}]}}"#,
    /// );
    /// let imported = import::any(rollout.as_bytes(), &import::Limits::default())?;
    /// let id = SessionId::new("taken-over")?;
    /// let mut session = imported.open_in(Checkpointer::builder(MemoryStore::new(), id))?;
    /// session.save(CheckpointKind::Manual)?;
    /// assert_eq!(session.history()[0].content, "Fix it.");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Builder::open`]; [`Error::is_taken`] when something is saved in the session already.
    pub fn open_in(self, builder: Builder) -> Result<Checkpointer, Error> {
        let mut session = builder.open()?;
        if session.latest().is_some() || !session.history().is_empty() {
            let what = format!("session {}", session.session());
            return Err(Error::taken(what, "its own messages"));
        }
        for message in self.state.conversation {
            session.push(message)?;
        }
        session.update(|work| *work = self.state.work);
        if let Some(context) = &self.context {
            session.keep_in_context(context)?;
        }
        session.repair_context()?;
        Ok(session)
    }
}
