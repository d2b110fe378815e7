//! How a session gives its work on.

use agent_primitives::{AgentId, Initiator};
use serde::{Deserialize, Serialize};

use super::{Bounds, Scenario};

/// How a session gives its work on: to whom, why, and how much of it.
///
/// ```
/// use agent_checkpoint::handoff::{Scenario, Terms};
/// use agent_primitives::{AgentId, Initiator};
///
/// let terms = Terms::new(Scenario::Quality).with_to(AgentId::new("reviewer")?);
/// assert_eq!(terms.initiator, Initiator::Automatic);
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Terms {
    /// What kind of handoff it is; planned unless set.
    pub scenario: Scenario,
    /// Who takes the work; nobody in particular unless set.
    pub to: Option<AgentId>,
    /// Whether a rule or a person decided; a rule unless set.
    pub initiator: Initiator,
    /// How much of the session goes into the package.
    pub bounds: Bounds,
}

impl Default for Terms {
    fn default() -> Self {
        Self::new(Scenario::default())
    }
}

impl Terms {
    /// A handoff of this kind, to nobody in particular, decided by a rule.
    pub fn new(scenario: Scenario) -> Self {
        Self {
            scenario,
            to: None,
            initiator: Initiator::Automatic,
            bounds: Bounds::default(),
        }
    }

    /// Sets who takes the work.
    #[must_use]
    pub fn with_to(mut self, agent: AgentId) -> Self {
        self.to = Some(agent);
        self
    }

    /// Sets that a person decided.
    #[must_use]
    pub fn manual(mut self) -> Self {
        self.initiator = Initiator::Manual;
        self
    }

    /// Sets how much of the session goes into the package.
    #[must_use]
    pub fn with_bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }
}
