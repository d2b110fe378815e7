//! How far a workflow has come.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How far a step of a workflow has come. A word of a later version is kept as it is.
///
/// ```
/// use agent_checkpoint::StepStatus;
///
/// let later: StepStatus = serde_json::from_str("\"paused\"")?;
/// assert_eq!(later, StepStatus::Other("paused".into()));
/// assert_eq!(serde_json::to_string(&StepStatus::Running)?, "\"running\"");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StepStatus {
    /// Not begun.
    #[default]
    Pending,
    /// Begun and not ended.
    Running,
    /// Ended well.
    Done,
    /// Ended badly; it may be tried again.
    Failed,
    /// Left out.
    Skipped,
    /// A word that this version does not know.
    #[serde(untagged)]
    Other(String),
}

/// One step of a workflow.
///
/// ```
/// use agent_checkpoint::{StepStatus, WorkflowStep};
///
/// let step = WorkflowStep::new("test");
/// assert_eq!((step.status, step.attempts), (StepStatus::Pending, 0));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct WorkflowStep {
    /// Which step.
    pub name: String,
    /// How far it has come.
    pub status: StepStatus,
    /// How often it was begun.
    #[serde(skip_serializing_if = "is_none")]
    pub attempts: u32,
    /// Why it failed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What it needs to go on or has brought, as any JSON.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub data: Value,
    /// Any other field.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_none(attempts: &u32) -> bool {
    *attempts == 0
}

impl WorkflowStep {
    /// A step that is not begun.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Sets the status.
    #[must_use]
    pub fn with_status(mut self, status: StepStatus) -> Self {
        self.status = status;
        self
    }

    /// Sets the data.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<Value>) -> Self {
        self.data = data.into();
        self
    }
}

/// How far a workflow has come, step by step.
///
/// ```
/// use agent_checkpoint::{StepStatus, Workflow};
///
/// let mut release = Workflow::new("release").with_steps(["build", "test", "publish"]);
/// release.start("build");
/// release.finish("build");
/// release.start("test");
/// release.fail("test", "two of 90 failed");
/// release.start("test");
/// let test = release.current().unwrap();
/// assert_eq!((test.name.as_str(), test.attempts), ("test", 2));
/// assert_eq!(release.with_status(&StepStatus::Done).count(), 1);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Workflow {
    /// Which workflow.
    pub name: String,
    /// Its steps, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<WorkflowStep>,
    /// Any other field.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Workflow {
    /// A workflow without steps.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Adds steps that are not begun.
    #[must_use]
    pub fn with_steps<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.steps.extend(names.into_iter().map(WorkflowStep::new));
        self
    }

    /// The step of this name.
    pub fn step(&self, name: &str) -> Option<&WorkflowStep> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// The first step that is running.
    pub fn current(&self) -> Option<&WorkflowStep> {
        self.with_status(&StepStatus::Running).next()
    }

    /// Steps with this status, in order.
    pub fn with_status(&self, status: &StepStatus) -> impl Iterator<Item = &WorkflowStep> {
        self.steps.iter().filter(move |step| step.status == *status)
    }

    /// Notes that the step was begun once more; adds it where there is none of this name.
    pub fn start(&mut self, name: &str) -> &mut WorkflowStep {
        let step = self.entry(name);
        step.status = StepStatus::Running;
        step.attempts = step.attempts.saturating_add(1);
        step
    }

    /// Notes that the step ended well; adds it where there is none of this name.
    pub fn finish(&mut self, name: &str) -> &mut WorkflowStep {
        let step = self.entry(name);
        step.status = StepStatus::Done;
        step.error = None;
        step
    }

    /// Notes that the step ended badly, and why; adds it where there is none of this name.
    pub fn fail(&mut self, name: &str, error: impl Into<String>) -> &mut WorkflowStep {
        let step = self.entry(name);
        step.status = StepStatus::Failed;
        step.error = Some(error.into());
        step
    }

    fn entry(&mut self, name: &str) -> &mut WorkflowStep {
        let at = self.steps.iter().position(|step| step.name == name);
        let at = at.unwrap_or_else(|| {
            self.steps.push(WorkflowStep::new(name));
            self.steps.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "found or pushed just now")]
        &mut self.steps[at]
    }
}

/// The layout of version 1: `step` in progress, and the names of those `done`.
pub(crate) fn from_version_1(mut old: Value) -> Value {
    let Some(fields) = old.as_object_mut() else {
        return old;
    };
    let done = match fields.remove("done") {
        Some(Value::Array(names)) => names,
        _ => Vec::new(),
    };
    let mut steps: Vec<Value> = done
        .into_iter()
        .map(|name| serde_json::json!({"name": name, "status": "done", "attempts": 1}))
        .collect();
    if let Some(name) = fields.remove("step").filter(|step| !step.is_null()) {
        steps.push(serde_json::json!({"name": name, "status": "running", "attempts": 1}));
    }
    if !steps.is_empty() {
        fields.insert("steps".to_owned(), Value::Array(steps));
    }
    old
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_layout_becomes_steps() {
        let old = json!({"name": "release", "step": "test", "done": ["build"], "by": "ci"});
        let new: Workflow = serde_json::from_value(from_version_1(old)).unwrap();
        assert_eq!(new.current().unwrap().name, "test");
        assert_eq!(new.step("build").unwrap().status, StepStatus::Done);
        assert_eq!((new.steps.len(), &new.extra["by"]), (2, &json!("ci")));
        let bare = from_version_1(json!({"name": "w"}));
        assert_eq!(bare, json!({"name": "w"}));
    }

    #[test]
    fn a_step_that_ends_well_has_no_error_any_more() {
        let mut workflow = Workflow::new("w");
        workflow.start("a");
        workflow.fail("a", "no");
        assert_eq!(workflow.step("a").unwrap().error.as_deref(), Some("no"));
        workflow.start("a").data = json!([1]);
        workflow.finish("a");
        let step = workflow.step("a").unwrap();
        assert_eq!((&step.error, step.attempts), (&None, 2));
        assert_eq!(step.data, json!([1]));
    }
}
