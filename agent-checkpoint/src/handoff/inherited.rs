//! What a session was given when it began, kept in its state.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Link, Package, Piece, Scenario, Tried};
use crate::{ToolCall, Work};

/// Name of the component.
pub(crate) const NAME: &str = "handoff";

/// What a session was given when it began, as far as its [`Work`] has no field for it: the component
/// `handoff`. A package that is made of such a session says all of it again, within its bounds; what goes there is
/// counted in `left_out`, and makes the verdict say what is missing.
///
/// ```
/// use agent_checkpoint::handoff::Inherited;
/// use agent_checkpoint::Work;
///
/// assert!(Inherited::of(&Work::default()).is_none());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Inherited {
    /// The task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objective: Option<String>,
    /// What the user said after the task.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<String>,
    /// The conversation of the sessions before, in short.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// What was done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub progress: Vec<String>,
    /// What was tried and failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Tried>,
    /// Files that the work is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// What else must not be forgotten.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<String>,
    /// Calls that had no result when the session began.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub open_calls: Vec<ToolCall>,
    /// What kind of handoff it was.
    pub scenario: Scenario,
    /// How many messages the session began with, which were made of the package. Where a recovery put a mark in the place
    /// of some that are lost, the mark counts as one.
    pub opening: u64,
    /// The sessions that the work came through, oldest first; the last is the one that gave it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Link>,
    /// What was left out of packages so far.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<Piece, u64>,
    /// Any other field.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Inherited {
    /// What the session with this state was given; `None` where it was given nothing, or something that does
    /// not read as a package's.
    pub fn of(work: &Work) -> Option<Self> {
        Self::deserialize(work.extra.get(NAME)?).ok()
    }

    pub(super) fn of_package(package: &Package, opening: usize) -> Self {
        let mut earlier = package.earlier.clone();
        earlier.push(package.from.clone());
        Self {
            objective: package.objective.clone(),
            requests: package.requests.clone(),
            summary: package.summary.clone(),
            progress: package.progress.clone(),
            tried: package.tried.clone(),
            files: package.files.clone(),
            facts: package.facts.clone(),
            open_calls: package.open_calls.clone(),
            scenario: package.scenario,
            opening: u64::try_from(opening).unwrap_or(u64::MAX),
            earlier,
            left_out: package.left_out.clone(),
            extra: package.extra.clone(),
        }
    }
}
