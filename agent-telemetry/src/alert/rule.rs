//! One rule: what it watches, of what, and how it is told.

use std::time::Duration;

use agent_primitives::{AgentId, ModelId, ProviderId, SessionId, ToolName};
use serde::{Deserialize, Serialize};

use super::{Condition, span};
use crate::words::words;
use crate::{ProjectId, Severity};

words! {
    /// By what a rule is told apart: each value has a state of its own.
    ///
    /// ```
    /// assert_eq!(agent_telemetry::alert::Dimension::Provider.as_str(), "provider");
    /// ```
    Dimension {
        /// The project.
        Project = "project",
        /// The agent.
        Agent = "agent",
        /// The session, in its project.
        Session = "session",
        /// The provider of a call or an event.
        Provider = "provider",
        /// The model of a call.
        Model = "model",
        /// The tool of a call.
        Tool = "tool",
    }
}

/// Which records a rule sees: those that have all of these names. All records unless set.
///
/// ```
/// use agent_telemetry::alert::Only;
///
/// let only: Only = serde_json::from_str(r#"{"agent": "coder"}"#)?;
/// assert_eq!(only.agent.as_ref().map(|it| it.as_str()), Some("coder"));
/// assert!(only.provider.is_none());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Only {
    /// Of this project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    /// By this agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// In this session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Of this provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderId>,
    /// Of this model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelId>,
    /// Of this tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<ToolName>,
}

/// When somebody is told, and of what.
///
/// As JSON, with lengths of time as texts:
///
/// ```
/// use agent_telemetry::alert::Rule;
///
/// let rule: Rule = serde_json::from_str(r#"{
///     "name": "coder-fails",
///     "when": {"kind": "error_rate", "of": "model_calls", "above": 0.1, "clear": 0.05, "window": "5m"},
///     "only": {"agent": "coder"},
///     "by": ["provider"],
///     "severity": "error",
///     "for": "2m",
///     "cooldown": "10m"
/// }"#)?;
/// assert_eq!(rule.hold.as_secs(), 120);
/// assert_eq!(serde_json::from_str::<Rule>(&serde_json::to_string(&rule)?)?, rule);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name, unlike that of any other rule. One to 128 bytes.
    pub name: String,
    /// What must hold.
    pub when: Condition,
    /// Of which records; all unless set.
    #[serde(default, skip_serializing_if = "is_any")]
    pub only: Only,
    /// Told apart by what; all together unless set. A provider that is down is always told apart by provider, the
    /// budget of a session by session, the context window by session and agent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<Dimension>,
    /// How bad it is; [`Severity::Warning`] unless set.
    #[serde(default = "warning")]
    pub severity: Severity,
    /// For how long it must hold without a break, `for` in JSON; zero unless set.
    #[serde(
        rename = "for",
        default,
        with = "span",
        skip_serializing_if = "Duration::is_zero"
    )]
    pub hold: Duration,
    /// How long it cannot fire again after its end; zero unless set.
    #[serde(default, with = "span", skip_serializing_if = "Duration::is_zero")]
    pub cooldown: Duration,
}

impl Rule {
    /// A rule over all records together, at once and as a warning.
    ///
    /// ```
    /// use std::time::Duration;
    /// use agent_telemetry::alert::{Condition, Rule};
    ///
    /// let rule = Rule::new("silent", Condition::Silence { after: Duration::from_secs(600) });
    /// assert!(rule.by.is_empty() && rule.hold.is_zero());
    /// ```
    pub fn new(name: impl Into<String>, when: Condition) -> Self {
        Self {
            name: name.into(),
            when,
            only: Only::default(),
            by: Vec::new(),
            severity: Severity::Warning,
            hold: Duration::ZERO,
            cooldown: Duration::ZERO,
        }
    }

    /// Sets which records it sees.
    #[must_use]
    pub fn only(mut self, only: Only) -> Self {
        self.only = only;
        self
    }

    /// Sets by what it is told apart.
    #[must_use]
    pub fn by(mut self, by: impl IntoIterator<Item = Dimension>) -> Self {
        self.by = by.into_iter().collect();
        self
    }

    /// Sets how bad it is.
    #[must_use]
    pub const fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Sets for how long it must hold before it fires.
    #[must_use]
    pub const fn hold(mut self, hold: Duration) -> Self {
        self.hold = hold;
        self
    }

    /// Sets how long it cannot fire again after its end.
    #[must_use]
    pub const fn cooldown(mut self, cooldown: Duration) -> Self {
        self.cooldown = cooldown;
        self
    }
}

const fn warning() -> Severity {
    Severity::Warning
}

fn is_any(only: &Only) -> bool {
    *only == Only::default()
}
