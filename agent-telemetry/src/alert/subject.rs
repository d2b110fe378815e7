//! Whom or what an alert is about.

use std::fmt;

use agent_primitives::{AgentId, ModelId, ProviderId, SessionId, ToolName};
use serde::{Deserialize, Serialize};

use super::{Dimension, Only};
use crate::{Body, ProjectId, Record};

/// The names that one state of a rule is about, by the dimensions of the rule. Without any it is about all records together.
/// A name that records do not have is missing here as well.
///
/// ```
/// use agent_telemetry::alert::Subject;
///
/// assert_eq!(Subject::default().to_string(), "all");
/// let subject: Subject = serde_json::from_str(r#"{"provider": "claude", "model": "small"}"#)?;
/// assert_eq!(subject.to_string(), "provider claude, model small");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Subject {
    /// The project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    /// The agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderId>,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelId>,
    /// The tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<ToolName>,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            ("project", self.project.as_ref().map(ProjectId::as_str)),
            ("agent", self.agent.as_ref().map(AgentId::as_str)),
            ("session", self.session.as_ref().map(SessionId::as_str)),
            ("provider", self.provider.as_ref().map(ProviderId::as_str)),
            ("model", self.model.as_ref().map(ModelId::as_str)),
            ("tool", self.tool.as_ref().map(ToolName::as_str)),
        ];
        let mut gap = "";
        for (what, name) in names {
            if let Some(name) = name {
                write!(f, "{gap}{what} {name}")?;
                gap = ", ";
            }
        }
        if gap.is_empty() {
            f.write_str("all")
        } else {
            Ok(())
        }
    }
}

/// A record, with the names that its body has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'r> {
    pub(super) record: &'r Record,
    /// Nobody works in its session any more.
    pub(super) ends_session: bool,
    provider: Option<&'r ProviderId>,
    model: Option<&'r ModelId>,
    tool: Option<&'r ToolName>,
}

impl<'r> Seen<'r> {
    pub(super) fn new(record: &'r Record) -> Self {
        let (mut provider, mut model, mut tool) = (None, None, None);
        match &record.body {
            Body::ModelCall(it) => (provider, model) = (Some(&it.provider), Some(&it.model)),
            Body::ToolCall(it) => tool = Some(&it.tool),
            Body::Attempt(it) => provider = Some(&it.provider),
            Body::Retry(it) => provider = Some(&it.provider),
            Body::Breaker(it) => provider = Some(&it.provider),
            Body::Cooldown(it) => provider = Some(&it.provider),
            _ => {}
        }
        Self {
            record,
            ends_session: false,
            provider,
            model,
            tool,
        }
    }

    pub(super) fn is_of(&self, only: &Only) -> bool {
        fn fits<T: PartialEq>(wanted: Option<&T>, is: Option<&T>) -> bool {
            wanted.is_none() || wanted == is
        }
        fits(only.project.as_ref(), self.record.project.as_ref())
            && fits(only.agent.as_ref(), self.record.agent.as_ref())
            && fits(only.session.as_ref(), self.record.session.as_ref())
            && fits(only.provider.as_ref(), self.provider)
            && fits(only.model.as_ref(), self.model)
            && fits(only.tool.as_ref(), self.tool)
    }

    pub(super) fn subject(&self, by: &[Dimension]) -> Subject {
        let mut subject = Subject::default();
        for dimension in by {
            match dimension {
                Dimension::Project => subject.project.clone_from(&self.record.project),
                Dimension::Agent => subject.agent.clone_from(&self.record.agent),
                Dimension::Session => {
                    // Equal ids in two projects are two sessions.
                    subject.project.clone_from(&self.record.project);
                    subject.session.clone_from(&self.record.session);
                }
                Dimension::Provider => subject.provider = self.provider.cloned(),
                Dimension::Model => subject.model = self.model.cloned(),
                Dimension::Tool => subject.tool = self.tool.cloned(),
            }
        }
        subject
    }
}
