//! What an agent knows beside the conversation.

use std::collections::BTreeMap;

use agent_primitives::{AgentId, Timestamp, TokenUsage};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{AgentContext, McpServer, NextStep, Workflow, is_zero};

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
    /// What each agent keeps for itself.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub agents: BTreeMap<AgentId, AgentContext>,
    /// How far a workflow has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<Workflow>,
    /// The tool servers that the session uses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mcp_servers: Vec<McpServer>,
    /// What was decided, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<Decision>,
    /// What was made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    /// What is to be done, first things first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub next_steps: Vec<NextStep>,
    /// What somebody has to answer, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Question>,
    /// Tokens used so far.
    #[serde(skip_serializing_if = "is_zero")]
    pub usage: TokenUsage,
    /// The same by model, as far as a host tells them apart.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub usage_by_model: BTreeMap<String, TokenUsage>,
    /// Any other component.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Work {
    /// Adds what a call of `model` used, to the total and to the model's own.
    ///
    /// ```
    /// use agent_checkpoint::Work;
    /// use agent_primitives::TokenUsage;
    ///
    /// let mut work = Work::default();
    /// work.add_usage("large", TokenUsage::new(100, 10));
    /// work.add_usage("small", TokenUsage::new(5, 5));
    /// assert_eq!(work.usage, TokenUsage::new(105, 15));
    /// assert_eq!(work.usage_by_model["small"], TokenUsage::new(5, 5));
    /// ```
    pub fn add_usage(&mut self, model: impl Into<String>, usage: TokenUsage) {
        self.usage = self.usage + usage;
        let own = self.usage_by_model.entry(model.into()).or_default();
        *own = *own + usage;
    }

    /// The tool server of this name.
    pub fn mcp_server(&self, name: &str) -> Option<&McpServer> {
        self.mcp_servers.iter().find(|server| server.name == name)
    }

    /// Sets the tool server of its name.
    pub fn set_mcp_server(&mut self, server: McpServer) {
        match self.mcp_servers.iter_mut().find(|s| s.name == server.name) {
            Some(old) => *old = server,
            None => self.mcp_servers.push(server),
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
    /// What else was weighed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<String>,
    /// How sure whoever decided was, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
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
            ..Self::default()
        }
    }

    /// Sets what else was weighed.
    #[must_use]
    pub fn with_alternatives<A: Into<String>>(
        mut self,
        others: impl IntoIterator<Item = A>,
    ) -> Self {
        self.alternatives = others.into_iter().map(Into::into).collect();
        self
    }

    /// Sets how sure whoever decided was, from 0 to 1.
    #[must_use]
    pub fn with_confidence(mut self, confidence: f64) -> Self {
        self.confidence = Some(confidence);
        self
    }
}

/// Something that the session made: a file, a patch, a report.
///
/// ```
/// use agent_checkpoint::Artifact;
///
/// let patch = Artifact::of_bytes("fix.patch", b"--- a").with_kind("patch");
/// assert_eq!((patch.path.as_str(), patch.size), ("fix.patch", Some(5)));
/// assert_ne!(patch.hash, Artifact::of_bytes("fix.patch", b"--- b").hash);
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
    /// Its length in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// What it is, in the host's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
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

    /// An artifact at `path` with this content: its length, and its BLAKE3 digest as hex digits.
    pub fn of_bytes(path: impl Into<String>, content: &[u8]) -> Self {
        Self {
            hash: Some(blake3::hash(content).to_hex().to_string()),
            size: u64::try_from(content.len()).ok(),
            ..Self::new(path)
        }
    }

    /// Sets what it is.
    #[must_use]
    pub fn with_kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }
}

/// Something that somebody has to answer.
///
/// ```
/// let mut question = agent_checkpoint::Question::new("which branch?");
/// assert!(question.is_open());
/// question.answer = Some("main".into());
/// assert!(!question.is_open());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Question {
    /// What is asked.
    pub text: String,
    /// Who is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The answer, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Any other field.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Question {
    /// An open question.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// Sets who is asked.
    #[must_use]
    pub fn with_to(mut self, to: impl Into<String>) -> Self {
        self.to = Some(to.into());
        self
    }

    /// Whether there is no answer yet.
    pub fn is_open(&self) -> bool {
        self.answer.is_none()
    }
}
