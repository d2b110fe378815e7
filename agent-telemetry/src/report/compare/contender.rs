//! Who is compared, and what is known of one session.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use agent_primitives::{AgentId, ModelId, ProviderId, SessionId, Usd};
use serde::{Deserialize, Serialize};

use crate::Outcome;
use crate::words::words;

words! {
    /// What is compared.
    ///
    /// ```
    /// assert_eq!(agent_telemetry::ContenderKind::Models.as_str(), "models");
    /// ```
    ContenderKind {
        /// Agents, by what they ended.
        Agents = "agents",
        /// Models, by the sessions in which they were asked first.
        Models = "models",
    }
}

/// An agent or a model that is compared with others of its kind.
///
/// ```
/// use agent_primitives::{ModelId, ProviderId};
/// use agent_telemetry::Contender;
///
/// let provider = ProviderId::new("claude")?;
/// let model = Contender::Model { provider, model: ModelId::new("claude-haiku-4-5")? };
/// assert_eq!(model.to_string(), "claude · claude-haiku-4-5");
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Contender {
    /// An agent.
    Agent(AgentId),
    /// A model at a provider.
    Model {
        /// Who answers.
        provider: ProviderId,
        /// With which model.
        model: ModelId,
    },
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(agent) => f.pad(agent.as_str()),
            Self::Model { provider, model } => f.pad(&format!("{provider} · {model}")),
        }
    }
}

/// How one session went for whoever is compared.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{AgentId, SessionId, Usd};
/// use agent_telemetry::{Contender, Outcome, SessionResult};
///
/// let who = Contender::Agent(AgentId::new("coder")?);
/// let result = SessionResult::new(who, SessionId::new("s1")?, Outcome::Success)
///     .task_type("bug_fix")
///     .cost(Usd::from_micros(31_000))
///     .elapsed(Duration::from_secs(48));
/// assert_eq!(result.cost, Some(Usd::from_micros(31_000)));
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionResult {
    /// Who worked.
    pub who: Contender,
    /// In which session.
    pub session: SessionId,
    /// On what kind of work; not known unless set.
    pub task_type: Option<Cow<'static, str>>,
    /// How it ended.
    pub outcome: Outcome,
    /// What it cost; `None`, unless set: not known, which is not the same as free.
    pub cost: Option<Usd>,
    /// Time at work; none unless set.
    pub elapsed: Duration,
}

impl SessionResult {
    /// Nothing is known but how it ended.
    pub const fn new(who: Contender, session: SessionId, outcome: Outcome) -> Self {
        Self {
            who,
            session,
            task_type: None,
            outcome,
            cost: None,
            elapsed: Duration::ZERO,
        }
    }

    /// Sets the kind of work.
    #[must_use]
    pub fn task_type(mut self, task_type: impl Into<Cow<'static, str>>) -> Self {
        self.task_type = Some(task_type.into());
        self
    }

    /// Sets what it cost.
    #[must_use]
    pub const fn cost(mut self, cost: Usd) -> Self {
        self.cost = Some(cost);
        self
    }

    /// Sets the time at work.
    #[must_use]
    pub const fn elapsed(mut self, elapsed: Duration) -> Self {
        self.elapsed = elapsed;
        self
    }
}
