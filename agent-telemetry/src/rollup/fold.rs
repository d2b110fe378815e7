//! Records into sums.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use agent_primitives::SessionId;

use super::merge::{Merge, limited};
use super::{
    AgentCell, AgentKey, MetricCell, MetricKey, ModelKey, Rollups, Span, ToolCell, ToolKey,
};
use crate::{
    Body, ExponentialHistogram, ModelCall, Outcome, ProjectId, Record, Severity, Task, ToolCall,
    ToolOutcome, Violation,
};

/// What earlier records say about the session of a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) task_type: Option<Cow<'static, str>>,
    /// Whether the record is the session's first mark.
    pub(crate) begins: bool,
}

/// What is known of one session by now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SessionSoFar {
    /// As the first mark says that says anything.
    pub(crate) task_type: Option<Cow<'static, str>>,
}

impl SessionSoFar {
    /// How a record stands to what was known, and whether there is more to be known now.
    pub(crate) fn learn(known: &mut Option<Self>, record: &Record) -> (Standing, bool) {
        let (mut begins, mut learnt) = (false, false);
        if let Some(task) = mark(&record.body) {
            begins = known.is_none();
            let so_far = known.get_or_insert_default();
            learnt = begins || (so_far.task_type.is_none() && task.task_type.is_some());
            if so_far.task_type.is_none() {
                so_far.task_type.clone_from(&task.task_type);
            }
        }
        let task_type = known.as_ref().and_then(|it| it.task_type.clone());
        (Standing { task_type, begins }, learnt)
    }
}

fn mark(body: &Body) -> Option<&Task> {
    match body {
        Body::SessionStart(task) | Body::SessionResume(task) => Some(task),
        _ => None,
    }
}

/// All sessions of the records so far.
#[derive(Debug, Default)]
pub(crate) struct KnownSessions(HashMap<(Option<ProjectId>, SessionId), Option<SessionSoFar>>);

impl KnownSessions {
    pub(crate) fn standing(&mut self, record: &Record) -> Standing {
        let Some(session) = &record.session else {
            return Standing::default();
        };
        let key = (record.project.clone(), session.clone());
        SessionSoFar::learn(self.0.entry(key).or_default(), record).0
    }
}

/// Sums by minute: the beginning of each in seconds since 1970, and what lies in it.
#[derive(Debug, Default)]
pub(crate) struct Minutes(pub(crate) BTreeMap<i64, Rollups>);

impl Minutes {
    pub(crate) fn add(&mut self, record: &Record, standing: &Standing) {
        let minute = Span::Minute.start(record.at);
        self.0.entry(minute).or_default().add(record, standing);
    }

    /// The same by a longer span.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn by(&self, span: Span) -> BTreeMap<i64, Rollups> {
        let mut longer: BTreeMap<i64, Rollups> = BTreeMap::new();
        for (&minute, sums) in &self.0 {
            longer.entry(span.floor(minute)).or_default().absorb(sums);
        }
        longer
    }

    pub(crate) fn total(&self) -> Rollups {
        let mut total = Rollups::default();
        for sums in self.0.values() {
            total.absorb(sums);
        }
        total
    }
}

impl Rollups {
    pub(crate) fn add(&mut self, record: &Record, standing: &Standing) {
        let key = AgentKey {
            project: record.project.clone(),
            agent: record.agent.clone(),
            task_type: standing.task_type.clone(),
        };
        let sums = self.agents.entry(key).or_default();
        sums.records.absorb(&1);
        sums.sessions.absorb(&u64::from(standing.begins));
        sums.add(&record.body);
        match &record.body {
            Body::ModelCall(call) => self.add_model(record, call),
            Body::ToolCall(call) => self.add_tool(record, call),
            Body::Metric(metric) => {
                let key = MetricKey {
                    project: record.project.clone(),
                    agent: record.agent.clone(),
                    metric: Cow::Owned(metric.name().to_owned()),
                    unit: metric.unit(),
                };
                let value = MetricCell::of(metric.value());
                self.metrics.entry(key).or_default().absorb(&value);
            }
            _ => {}
        }
    }

    fn add_model(&mut self, record: &Record, call: &ModelCall) {
        let key = ModelKey {
            project: record.project.clone(),
            provider: call.provider.clone(),
            model: call.model.clone(),
        };
        let sums = self.models.entry(key).or_default();
        sums.unpriced.absorb(&call.is_unpriced().into());
        sums.usage.absorb(&call.usage);
        sums.cost.absorb(&call.cost.unwrap_or_default());
        if call.is_unexplained() {
            return;
        }
        sums.calls.absorb(&1);
        sums.attempts.absorb(&call.attempts.into());
        sums.priced.absorb(&call.cost.is_some().into());
        if let Some(kind) = call.failure {
            sums.failed.absorb(&1);
            sums.failures.entry(kind).or_default().absorb(&1);
            return;
        }
        time(&mut sums.latency_ns, call.latency);
        if let Some(first) = call.first_token {
            time(&mut sums.first_token_ns, first);
        }
    }

    fn add_tool(&mut self, record: &Record, call: &ToolCall) {
        let key = ToolKey {
            project: record.project.clone(),
            tool: call.tool.clone(),
        };
        let sums: &mut ToolCell = self.tools.entry(key).or_default();
        match call.outcome {
            ToolOutcome::Ok => {
                sums.ok.absorb(&1);
                time(&mut sums.latency_ns, call.elapsed);
            }
            ToolOutcome::Failed => sums.failed.absorb(&1),
            ToolOutcome::Aborted => sums.aborted.absorb(&1),
        }
    }
}

impl AgentCell {
    fn add(&mut self, body: &Body) {
        match body {
            Body::SessionResume(_) => self.resumptions.absorb(&1),
            Body::SessionEnd(end) => {
                match end.outcome {
                    Outcome::Success => self.success.absorb(&1),
                    Outcome::Escalated => self.escalated.absorb(&1),
                    Outcome::Failed => self.failed.absorb(&1),
                    Outcome::Aborted => self.aborted.absorb(&1),
                }
                self.elapsed_ns.absorb(&nanos(end.elapsed));
            }
            Body::ModelCall(call) => {
                let is_call = !call.is_unexplained();
                self.model_calls.absorb(&is_call.into());
                self.failed_calls.absorb(&call.failure.is_some().into());
                let is_priced = is_call && call.cost.is_some();
                self.priced_calls.absorb(&is_priced.into());
                self.unpriced_calls.absorb(&call.is_unpriced().into());
                self.usage.absorb(&call.usage);
                self.cost.absorb(&call.cost.unwrap_or_default());
            }
            Body::ToolCall(call) => match call.outcome {
                ToolOutcome::Ok => self.tools_ok.absorb(&1),
                ToolOutcome::Failed => self.tools_failed.absorb(&1),
                ToolOutcome::Aborted => self.tools_aborted.absorb(&1),
            },
            Body::Handoff(_) => self.handoffs.absorb(&1),
            Body::Retry(_) => self.retries.absorb(&1),
            Body::Violation(violation) => self.add_violation(violation),
            Body::FilesChanged(changed) => {
                self.files.absorb(&changed.files);
                self.lines_added.absorb(&changed.lines_added);
                self.lines_removed.absorb(&changed.lines_removed);
            }
            Body::TaskTiming(timing) => {
                self.tasks.absorb(&1);
                self.queued_ns.absorb(&nanos(timing.queued));
                self.ran_ns.absorb(&nanos(timing.ran));
            }
            Body::SessionStart(_)
            | Body::Attempt(_)
            | Body::Breaker(_)
            | Body::Cooldown(_)
            | Body::ContextPressure(_)
            | Body::CheckpointSaved(_)
            | Body::Restored(_)
            | Body::Metric(_)
            | Body::Decision(_)
            | Body::DecisionOutcome(_) => {}
        }
    }

    fn add_violation(&mut self, violation: &Violation) {
        match violation.severity {
            Severity::Info => self.violations_info.absorb(&1),
            Severity::Warning => self.violations_warning.absorb(&1),
            Severity::Error => self.violations_error.absorb(&1),
            Severity::Critical => self.violations_critical.absorb(&1),
        }
        self.violations_fixed.absorb(&violation.fixed.into());
    }
}

/// 292 years at most, as in the database.
fn nanos(time: Duration) -> u64 {
    limited(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

fn time(times: &mut ExponentialHistogram, time: Duration) {
    // Up to 104 days a sum of nanoseconds is exact.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a histogram holds floating-point numbers"
    )]
    times.record(nanos(time) as f64);
}
