//! What an agent knows beside the conversation.

use std::collections::BTreeMap;

use agent_primitives::{AgentId, Timestamp, TokenUsage};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Everything of a session but its conversation. Each field is a component of its own: saving writes
/// those that changed. Fields that this version does not know are kept in `extra`.
///
/// ```
/// use agent_checkpoint::Work;
///
/// let newer = r#"{"next_steps":["run the tests"],"mood":"fine"}"#;
/// let work: Work = serde_json::from_str(newer)?;
/// assert_eq!(work.next_steps, ["run the tests"]);
/// assert_eq!(serde_json::to_string(&work)?, newer);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Work {
    /// What each agent keeps for itself, as any JSON.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub agents: BTreeMap<AgentId, Value>,
    /// How far a workflow has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<Workflow>,
    /// What was decided, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<Decision>,
    /// What was made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    /// What is to be done, first things first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub next_steps: Vec<String>,
    /// Tokens used so far.
    #[serde(skip_serializing_if = "is_zero")]
    pub usage: TokenUsage,
    /// Any other component.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

fn is_zero(usage: &TokenUsage) -> bool {
    *usage == TokenUsage::ZERO
}

/// How far a workflow has come.
///
/// ```
/// let mut workflow = agent_checkpoint::Workflow::new("release");
/// workflow.done.push("build".into());
/// workflow.step = Some("test".into());
/// assert_eq!(workflow.name, "release");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Workflow {
    /// Which workflow.
    pub name: String,
    /// The step in progress.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Finished steps, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<String>,
    /// Any other field.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Workflow {
    /// A workflow at its beginning.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}

/// Something that was decided, and why.
///
/// ```
/// use agent_checkpoint::Decision;
/// use agent_primitives::Timestamp;
///
/// let decision = Decision::new(Timestamp::UNIX_EPOCH, "use SQLite", "one file, no server");
/// assert_eq!(decision.why, "one file, no server");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Decision {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: String,
    /// For which reason.
    pub why: String,
    /// Any other field.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Decision {
    /// `what` was decided because of `why`.
    pub fn new(at: Timestamp, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            at,
            what: what.into(),
            why: why.into(),
            extra: Map::new(),
        }
    }
}

/// Something that the session made: a file, a patch, a report.
///
/// ```
/// let mut patch = agent_checkpoint::Artifact::new("fix.patch");
/// patch.hash = Some("9f86d081".into());
/// assert_eq!(patch.path, "fix.patch");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Artifact {
    /// Where it lies, as the host names places.
    pub path: String,
    /// A digest of its content, as the host writes digests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Any other field.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Artifact {
    /// An artifact at `path`.
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            ..Self::default()
        }
    }
}
