//! What the next agent needs to know.

use std::collections::BTreeMap;

use agent_primitives::{AgentId, CheckpointId, HandoffReason, SessionId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::masked::Masks;
use super::{Piece, Scenario};
use crate::{Message, ToolCall, Work};

/// Everything that whoever takes a piece of work needs to go on with it. Plain data: a host adds to each
/// part, or replaces it. Fields that this version does not know are kept in `extra`.
///
/// ```
/// use agent_checkpoint::{Checkpointer, MemoryStore, Message, handoff::Package};
/// use agent_primitives::SessionId;
///
/// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?).open()?;
/// session.push(Message::user("Fix the build."))?;
/// session.update(|work| work.next_steps.push("read the log".into()));
///
/// let mut package = Package::of(&session);
/// package.facts.push("the build needs Python 3.11".into());
/// assert_eq!(package.objective.as_deref(), Some("Fix the build."));
/// assert_eq!(package.work.next_steps, ["read the log"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Package {
    /// The session that it was made of, and who gives.
    pub from: Link,
    /// Who takes the work; nobody in particular where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<AgentId>,
    /// What kind of handoff it is; decides which parts may not be missing.
    #[serde(default)]
    pub scenario: Scenario,
    /// Why work changes hands. A word of a later version reads as [`HandoffReason::Other`].
    #[serde(default = "manual")]
    pub reason: HandoffReason,
    /// The task: what an earlier package said, the agent's own task, or the first message of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<String>,
    /// The standing instructions at the beginning of the conversation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instructions: Vec<Message>,
    /// What the user said after the task, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<String>,
    /// The conversation in short, where the host has that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// What is done, oldest first: steps of the workflow and next steps that are finished.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub progress: Vec<String>,
    /// What was tried and failed, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Tried>,
    /// Files that tool calls named, those named last first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// What else must not be forgotten, in the host's words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<String>,
    /// Calls that the model made last and that have no result yet, arguments byte for byte. Whether a tool
    /// has run is not known: look before running one again that has effects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open_calls: Vec<ToolCall>,
    /// Decisions, artifacts, next steps, questions, tool servers, workflow, agents' memory, usage.
    #[serde(default)]
    pub work: Work,
    /// The newest messages, in whole turns: a call is there with its results or not at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recent: Vec<Message>,
    /// The sessions that the work came through before, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Link>,
    /// How many entries of each part did not fit, or were shortened.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<Piece, u64>,
    /// Any other field.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
    #[serde(skip)]
    pub(super) masks: Masks,
}

const fn manual() -> HandoffReason {
    HandoffReason::Manual
}

impl Package {
    /// A package that says nothing but where it is from.
    pub fn new(from: Link) -> Self {
        let scenario = Scenario::default();
        Self {
            from,
            to: None,
            reason: scenario.reason(),
            scenario,
            objective: None,
            instructions: Vec::new(),
            requests: Vec::new(),
            summary: None,
            progress: Vec::new(),
            tried: Vec::new(),
            files: Vec::new(),
            facts: Vec::new(),
            open_calls: Vec::new(),
            work: Work::default(),
            recent: Vec::new(),
            earlier: Vec::new(),
            left_out: BTreeMap::new(),
            extra: Map::new(),
            masks: Masks::default(),
        }
    }

    /// Sets who takes the work.
    #[must_use]
    pub fn with_to(mut self, agent: AgentId) -> Self {
        self.to = Some(agent);
        self
    }

    /// Sets what kind of handoff it is, and the reason that goes with it.
    #[must_use]
    pub fn with_scenario(mut self, scenario: Scenario) -> Self {
        self.reason = scenario.reason();
        self.scenario = scenario;
        self
    }

    /// Sets the task.
    #[must_use]
    pub fn with_objective(mut self, objective: impl Into<String>) -> Self {
        self.objective = Some(objective.into());
        self
    }

    pub(super) fn count_left_out(&mut self, piece: Piece, count: usize) {
        if count > 0 {
            let sum = self.left_out.entry(piece).or_default();
            *sum = sum.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        }
    }
}

/// One session that work came through.
///
/// ```
/// use agent_checkpoint::handoff::Link;
/// use agent_primitives::{SessionId, Timestamp};
///
/// let link = Link::new(SessionId::new("s1")?, Timestamp::UNIX_EPOCH);
/// assert_eq!(link.checkpoint, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Link {
    /// Which session.
    pub session: SessionId,
    /// The checkpoint that holds what the package says; `None` where something was not saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<CheckpointId>,
    /// Who worked there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// When the work was given on.
    pub at: Timestamp,
    /// Any other field.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Link {
    /// A session, given on at this time.
    pub fn new(session: SessionId, at: Timestamp) -> Self {
        Self {
            session,
            checkpoint: None,
            agent: None,
            at,
            extra: Map::new(),
        }
    }

    /// Sets the checkpoint.
    #[must_use]
    pub fn with_checkpoint(mut self, checkpoint: CheckpointId) -> Self {
        self.checkpoint = Some(checkpoint);
        self
    }

    /// Sets who worked there.
    #[must_use]
    pub fn with_agent(mut self, agent: AgentId) -> Self {
        self.agent = Some(agent);
        self
    }
}

/// Something that was tried and failed, so that nobody tries it again without need.
///
/// ```
/// use agent_checkpoint::handoff::Tried;
///
/// let tried = Tried::new("cargo build --offline", "the index is not there");
/// assert_eq!((tried.times, tried.worked_since), (1, false));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Tried {
    /// What: a call with its arguments, a step of a workflow, an approach.
    pub what: String,
    /// How it failed.
    pub error: String,
    /// How often it failed.
    pub times: u32,
    /// Whether the very same has worked since.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub worked_since: bool,
    /// Any other field.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Tried {
    /// `what` failed once, with this error.
    pub fn new(what: impl Into<String>, error: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            error: error.into(),
            times: 1,
            ..Self::default()
        }
    }
}
