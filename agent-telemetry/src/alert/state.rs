//! What survives a restart.

use agent_primitives::Timestamp;
use serde::{Deserialize, Serialize};

use super::crew::CrewState;
use super::watch::State;
use super::{Notification, Rule, Subject};

/// The version of the form that is written.
const VERSION: u32 = 1;

/// Everything that [`Alerts`](super::Alerts) knows: windows, what fires, who works in which session, and what was told and not acknowledged. With it
/// a restart changes nothing of what is told.
///
/// Serialises in a form with a version; only the newest is read.
///
/// ```
/// use agent_primitives::Timestamp;
/// use agent_telemetry::alert::{AlertState, Alerts, Rules};
///
/// let now = Timestamp::from_unix_seconds(1_795_219_200);
/// let rules = Rules::recommended();
/// let state = Alerts::new(&rules, now).state();
/// let json = serde_json::to_string(&state)?;
/// assert!(json.starts_with(r#"{"version":1,"#));
/// assert_eq!(serde_json::from_str::<AlertState>(&json)?, state);
/// let later = serde_json::from_str::<AlertState>(&json.replacen(":1,", ":2,", 1));
/// assert!(later.unwrap_err().to_string().starts_with("state of alerts has version 2, and 1 is known"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct AlertState {
    pub(super) now: Timestamp,
    pub(super) rules: Vec<RuleState>,
    pub(super) sessions: Vec<CrewState>,
    pub(super) outbox: Vec<Notification>,
}

/// A rule as it was, and its states.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RuleState {
    pub(super) rule: Rule,
    pub(super) states: Vec<(Subject, State)>,
    /// How often it has fired.
    #[serde(default)]
    pub(super) fired: u64,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    version: u32,
    #[serde(default)]
    now: Timestamp,
    #[serde(default)]
    rules: Vec<RuleState>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sessions: Vec<CrewState>,
    #[serde(default)]
    outbox: Vec<Notification>,
}

#[derive(Debug, thiserror::Error)]
#[error("state of alerts has version {0}, and {VERSION} is known; move it away to begin anew")]
struct UnknownVersion(u32);

impl TryFrom<Wire> for AlertState {
    type Error = UnknownVersion;
    fn try_from(wire: Wire) -> Result<Self, UnknownVersion> {
        if wire.version != VERSION {
            return Err(UnknownVersion(wire.version));
        }
        Ok(Self {
            now: wire.now,
            rules: wire.rules,
            sessions: wire.sessions,
            outbox: wire.outbox,
        })
    }
}

impl From<AlertState> for Wire {
    fn from(state: AlertState) -> Self {
        Self {
            version: VERSION,
            now: state.now,
            rules: state.rules,
            sessions: state.sessions,
            outbox: state.outbox,
        }
    }
}
