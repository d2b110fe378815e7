//! What a comparison is asked to look at, and which differences matter.

use serde::{Deserialize, Serialize};

use super::ContenderKind;
use crate::ProjectId;

/// What `compare` looks at, and which differences matter.
///
/// ```
/// use agent_telemetry::{CompareConfig, ContenderKind};
///
/// let config: CompareConfig = serde_json::from_str(r#"{"of":"models","task_type":"bug_fix"}"#)?;
/// assert_eq!((config.of, config.rate_margin), (ContenderKind::Models, 0.1));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CompareConfig {
    /// Agents, unless set, or models.
    pub of: ContenderKind,
    /// Only sessions of this kind of work; all unless set.
    pub task_type: Option<String>,
    /// Only sessions of this project; all unless set.
    pub project: Option<ProjectId>,
    /// The difference of success rates that matters: no difference is seen where the whole interval is nearer
    /// to zero than this. 0.1, which are ten points, unless set; from 0.001 to 1.
    pub rate_margin: f64,
    /// The ratio of costs, or times, that matters, in the same way. 1.25 unless set; at least 1.001.
    pub ratio_margin: f64,
}

impl Default for CompareConfig {
    fn default() -> Self {
        Self {
            of: ContenderKind::Agents,
            task_type: None,
            project: None,
            rate_margin: 0.1,
            ratio_margin: 1.25,
        }
    }
}

impl CompareConfig {
    pub(super) fn is_asked_for(&self, task_type: Option<&str>) -> bool {
        self.task_type
            .as_deref()
            .is_none_or(|wanted| task_type == Some(wanted))
    }

    /// One that is no number is the narrowest: nothing is then said to be equal.
    pub(super) fn rate_margin(&self) -> f64 {
        self.rate_margin.clamp(0.001, 1.0).max(0.001)
    }

    /// On the logarithmic scale.
    pub(super) fn ratio_margin(&self) -> f64 {
        self.ratio_margin.clamp(1.001, 1e6).max(1.001).ln()
    }
}
