//! What the work left behind, for whom it was, and how long it waited and ran.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use agent_primitives::{AgentId, SessionId, Usd};
use serde::{Deserialize, Serialize};

use super::calls::latency;
use super::{Latency, Outcomes};
use crate::{Body, FilesChanged, ProjectId, Record, Task, UserHash};

/// What the work left behind, for whom it was, and how long it waited and ran.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::Timestamp;
/// use agent_telemetry::{FilesChanged, Record, Stats, TaskTiming};
///
/// let at = Timestamp::UNIX_EPOCH;
/// let stats = Stats::of([
///     Record::new(at, FilesChanged::new(3).lines(120, 45)),
///     Record::new(at, TaskTiming::new(Duration::from_secs(4), Duration::from_secs(90))),
/// ]);
/// assert_eq!((stats.work.files, stats.work.lines_added, stats.work.tasks), (3, 120, 1));
/// assert_eq!(stats.work.queued.map(|it| it.p50), Some(Duration::from_secs(4)));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Work {
    /// Times that files were said to be changed.
    pub changes: u64,
    /// Files in them; one that is changed twice counts twice.
    pub files: u64,
    /// Lines that are new.
    pub lines_added: u64,
    /// Lines that are gone.
    pub lines_removed: u64,
    /// Tasks that were timed.
    pub tasks: u64,
    /// From being asked for to the beginning, over those tasks.
    pub queued: Option<Latency>,
    /// From the beginning to the end, over those tasks.
    pub ran: Option<Latency>,
    /// Stretches of work: what lies between the making of a session's handle and its end.
    pub stretches: u64,
    /// How long they took.
    pub stretch: Option<Latency>,
    /// Agents that worked for another one, counted in each session.
    pub subagents: u64,
    /// People that work was done for, by their hashes.
    pub users: u64,
    /// By project, the dearest first; `None` for what belongs to none.
    pub projects: Vec<ProjectLine>,
}

/// What was done for one project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProjectLine {
    /// Which project; `None` for records that name none.
    pub project: Option<ProjectId>,
    /// Sessions, by id.
    pub sessions: u64,
    /// Sessions that ended in success.
    pub successes: u64,
    /// Model calls, failed ones included.
    pub model_calls: u64,
    /// Tool calls, whichever way they ended.
    pub tool_calls: u64,
    /// Broken rules.
    pub violations: u64,
    /// Files changed.
    pub files: u64,
    /// Lines that are new.
    pub lines_added: u64,
    /// Lines that are gone.
    pub lines_removed: u64,
    /// The sum over priced calls.
    pub cost: Usd,
    /// Calls that are missing from the sum.
    pub unpriced_calls: u64,
}

#[derive(Debug, Default)]
pub(super) struct Labour {
    changes: u64,
    /// Files, added and removed lines.
    changed: [u64; 3],
    queued: Vec<Duration>,
    ran: Vec<Duration>,
    stretches: Vec<Duration>,
    subagents: HashSet<(Option<ProjectId>, Option<SessionId>, Option<AgentId>)>,
    users: HashSet<UserHash>,
    projects: BTreeMap<Option<ProjectId>, ProjectLine>,
}

impl Labour {
    pub(super) fn add(&mut self, record: &Record) {
        if !self.projects.contains_key(&record.project) {
            let line = ProjectLine {
                project: record.project.clone(),
                ..ProjectLine::default()
            };
            self.projects.insert(record.project.clone(), line);
        }
        let Some(project) = self.projects.get_mut(&record.project) else {
            return;
        };
        match &record.body {
            Body::SessionStart(task) | Body::SessionResume(task) => self.add_task(record, task),
            Body::SessionEnd(end) => self.stretches.push(end.elapsed),
            Body::ModelCall(call) => {
                project.model_calls += u64::from(!call.is_unexplained());
                project.cost += call.cost.unwrap_or(Usd::ZERO);
                project.unpriced_calls += u64::from(call.is_unpriced());
            }
            Body::ToolCall(_) => project.tool_calls += 1,
            Body::Violation(_) => project.violations += 1,
            Body::FilesChanged(changed) => {
                project.add_changed(changed);
                self.changes += 1;
                let [files, added, removed] = &mut self.changed;
                *files = files.saturating_add(changed.files);
                *added = added.saturating_add(changed.lines_added);
                *removed = removed.saturating_add(changed.lines_removed);
            }
            Body::TaskTiming(timing) => {
                self.queued.push(timing.queued);
                self.ran.push(timing.ran);
            }
            _ => {}
        }
    }

    fn add_task(&mut self, record: &Record, task: &Task) {
        if task.parent.is_some() {
            let who = (
                record.project.clone(),
                record.session.clone(),
                record.agent.clone(),
            );
            self.subagents.insert(who);
        }
        self.users.extend(task.user);
    }

    /// With the sessions of each project and how they ended.
    pub(super) fn finish(mut self, sessions: &BTreeMap<Option<ProjectId>, Outcomes>) -> Work {
        for (project, outcomes) in sessions {
            if let Some(line) = self.projects.get_mut(project) {
                line.sessions = outcomes.total();
                line.successes = outcomes.success;
            }
        }
        let mut projects: Vec<ProjectLine> = self.projects.into_values().collect();
        // Stable: equal costs stay in the order of names.
        projects.sort_by_key(|line| Reverse(line.cost));
        let [files, lines_added, lines_removed] = self.changed;
        Work {
            changes: self.changes,
            files,
            lines_added,
            lines_removed,
            tasks: self.queued.len() as u64,
            queued: latency(self.queued),
            ran: latency(self.ran),
            stretches: self.stretches.len() as u64,
            stretch: latency(self.stretches),
            subagents: self.subagents.len() as u64,
            users: self.users.len() as u64,
            projects,
        }
    }
}

impl ProjectLine {
    fn add_changed(&mut self, changed: &FilesChanged) {
        self.files = self.files.saturating_add(changed.files);
        self.lines_added = self.lines_added.saturating_add(changed.lines_added);
        self.lines_removed = self.lines_removed.saturating_add(changed.lines_removed);
    }
}
