//! A row as a record.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{
    AgentId, Attempt, BreakerChange, BreakerState, CheckpointId, CheckpointKind, CheckpointSaved,
    ContextPressure, Cooldown, FailureKind, Handoff, HandoffReason, Initiator, ModelId, Party,
    ProviderId, Restored, Retry, Scope, SessionId, Timestamp, TokenUsage, ToolName, Usd,
};
use postgres::Row;
use postgres::types::FromSql;

use super::cell::unescaped;
use super::error::Fault;
use super::names::Texts;
use crate::store::Table;
use crate::{
    Body, Decision, DecisionOutcome, FilesChanged, Metric, ModelCall, Outcome, Parent, ProjectId,
    Record, ServiceTier, SessionEnd, Severity, StopReason, Task, TaskTiming, ToolCall, ToolOutcome,
    Unit, Violation,
};

pub(super) fn nonsense(what: impl std::fmt::Display) -> Fault {
    Fault::Nonsense(what.to_string())
}

/// Which of the columns behind the first five hold numbers of names.
fn is_name(table: Table, column: &str) -> bool {
    match column {
        "kind" => table == Table::Violations,
        "task_type" | "parent_session" | "parent_agent" | "provider" | "model" | "tool"
        | "from_name" | "to_name" | "metric" | "subject" | "choice" => true,
        _ => false,
    }
}

/// Places of the cells in a row of the table that hold numbers of names.
pub(super) fn name_places(table: Table) -> Vec<usize> {
    let of_table = (5..).zip(table.columns());
    let of_table = of_table.filter(|(_, column)| is_name(table, column));
    [2, 3, 4]
        .into_iter()
        .chain(of_table.map(|(place, _)| place))
        .collect()
}

/// Reads the cells of a row from left to right.
pub(super) struct Decoder<'a> {
    texts: &'a Texts,
    row: &'a Row,
    next: usize,
}

impl<'a> Decoder<'a> {
    pub(super) const fn new(texts: &'a Texts, row: &'a Row, next: usize) -> Self {
        Self { texts, row, next }
    }

    /// The place of the record among all, and the record.
    pub(super) fn record(mut self, table: Table) -> Result<(i64, Record), Fault> {
        let seq = self.cell()?;
        let at = Timestamp::from_unix_nanos(self.cell()?);
        let session = self.maybe_name()?;
        let agent = self.maybe_name()?;
        let project = self.maybe_name()?;
        let mut record = Record::new(at, self.body(table)?);
        record.project = project.map(ProjectId::new).transpose().map_err(nonsense)?;
        record.session = session.map(SessionId::new).transpose().map_err(nonsense)?;
        record.agent = agent.map(AgentId::new).transpose().map_err(nonsense)?;
        Ok((seq, record))
    }

    fn body(&mut self, table: Table) -> Result<Body, Fault> {
        Ok(match table {
            Table::SessionMarks => self.session_mark()?,
            Table::ModelCalls => self.model_call()?.into(),
            Table::ToolCalls => ToolCall::new(
                self.id(ToolName::new)?,
                self.word(ToolOutcome::from_word)?,
                self.nanos()?,
            )
            .into(),
            Table::Handoffs => self.handoff()?.into(),
            Table::Attempts => {
                let attempt = Attempt::new(self.provider()?, self.small()?, self.nanos()?);
                match self.maybe_failure()? {
                    Some(kind) => attempt.failed(kind),
                    None => attempt,
                }
                .into()
            }
            Table::Retries => Retry::new(
                self.provider()?,
                self.small()?,
                self.nanos()?,
                self.failure()?,
            )
            .into(),
            Table::BreakerChanges => BreakerChange::new(
                self.provider()?,
                self.word(BreakerState::from_word)?,
                self.word(BreakerState::from_word)?,
            )
            .into(),
            Table::Cooldowns => Cooldown::new(
                self.provider()?,
                self.word(Scope::from_word)?,
                self.failure()?,
                self.nanos()?,
            )
            .into(),
            Table::ContextPressure => ContextPressure::new(self.number()?, self.number()?).into(),
            Table::Checkpoints => CheckpointSaved::new(
                CheckpointId::new(self.string()?).map_err(nonsense)?,
                self.word(CheckpointKind::from_word)?,
            )
            .bytes(self.number()?, self.number()?)
            .took(self.nanos()?)
            .into(),
            Table::Restores => {
                let checkpoint = CheckpointId::new(self.string()?).map_err(nonsense)?;
                let lost = self.number()?;
                Restored::new(checkpoint, self.nanos()?).lost(lost).into()
            }
            Table::Metrics => {
                let (name, value) = (self.name()?.to_string(), self.cell()?);
                let unit = self.word(Unit::from_word)?;
                Metric::new(name, value, unit).map_err(nonsense)?.into()
            }
            Table::Violations => self.violation()?.into(),
            Table::Decisions => self.decision()?.into(),
            Table::DecisionOutcomes => {
                let id = self.string()?;
                let mut outcome = DecisionOutcome::new(id, self.word(Outcome::from_word)?);
                outcome.score = self.cell()?;
                outcome.into()
            }
            Table::FilesChanged => FilesChanged::new(self.number()?)
                .lines(self.number()?, self.number()?)
                .into(),
            Table::TaskTimings => TaskTiming::new(self.nanos()?, self.nanos()?).into(),
        })
    }

    fn session_mark(&mut self) -> Result<Body, Fault> {
        let mark = self.string()?;
        let mut task = Task {
            task_type: self.maybe_name()?.map(|name| Cow::Owned(name.to_string())),
            description: self.maybe_string()?.map(Cow::Owned),
            ..Task::default()
        };
        if mark == "end" {
            let outcome = self.word(Outcome::from_word)?;
            return Ok(SessionEnd::new(outcome, self.nanos()?).into());
        }
        let (_, _) = (self.maybe_string()?, self.cell::<Option<i64>>()?);
        task.parent = self.parent()?;
        let user = self.maybe_string()?;
        task.user = user
            .map(|user| user.parse())
            .transpose()
            .map_err(nonsense)?;
        match mark.as_str() {
            "start" => Ok(Body::SessionStart(task)),
            "resume" => Ok(Body::SessionResume(task)),
            other => Err(nonsense(format_args!("session mark {other:?}"))),
        }
    }

    fn model_call(&mut self) -> Result<ModelCall, Fault> {
        let mut call = ModelCall::new(self.provider()?, self.id(ModelId::new)?);
        let (input, cache_read) = (self.number()?, self.number()?);
        let (five_minutes, hour, output) = (self.number()?, self.number()?, self.number()?);
        call.usage = TokenUsage::new(input, output)
            .with_cache_read(cache_read)
            .with_cache_write_5m(five_minutes)
            .with_cache_write_1h(hour)
            .with_reasoning(self.number()?)
            .map_err(nonsense)?;
        let (cost, wide) = (self.cell::<Option<i64>>()?, self.maybe_string()?);
        call.cost = match wide {
            Some(picos) => Some(picos.parse().map_err(nonsense)?),
            None => cost.map(i128::from),
        }
        .map(Usd::from_picos);
        call.latency = self.nanos()?;
        call.first_token = self.cell::<Option<i64>>()?.map(duration).transpose()?;
        call.attempts = self.small()?;
        call.failure = self.maybe_failure()?;
        let tier = self.maybe_string()?;
        call.service_tier =
            tier.map(|word| ServiceTier::from_word(&word).unwrap_or(ServiceTier::Other));
        let reason = self.maybe_string()?;
        call.stop_reason =
            reason.map(|word| StopReason::from_word(&word).unwrap_or(StopReason::Other));
        call.streamed = self.cell::<Option<i64>>()? == Some(1);
        Ok(call)
    }

    fn parent(&mut self) -> Result<Option<Parent>, Fault> {
        let (session, agent) = (self.maybe_name()?, self.maybe_name()?);
        let Some(session) = session else {
            return Ok(None);
        };
        let mut parent = Parent::new(SessionId::new(session).map_err(nonsense)?);
        parent.agent = agent.map(AgentId::new).transpose().map_err(nonsense)?;
        Ok(Some(parent))
    }

    fn decision(&mut self) -> Result<Decision, Fault> {
        let id = self.string()?;
        let mut decision = Decision::new(id, self.name()?.to_string());
        decision.choice = self.maybe_name()?.map(|name| Cow::Owned(name.to_string()));
        decision.confidence = self.cell()?;
        let candidates = self.string()?;
        decision.candidates = serde_json::from_str(&candidates).map_err(nonsense)?;
        decision.omitted = self.small()?;
        Ok(decision)
    }

    fn handoff(&mut self) -> Result<Handoff, Fault> {
        let (from, to) = (self.party()?, self.party()?);
        let reason = self.word(HandoffReason::from_word)?;
        Ok(match self.word(Initiator::from_word)? {
            Initiator::Manual => Handoff::manual(from, to, reason),
            _ => Handoff::automatic(from, to, reason),
        })
    }

    fn party(&mut self) -> Result<Party, Fault> {
        let kind = self.string()?;
        match kind.as_str() {
            "provider" => self.provider().map(Party::from),
            "agent" => self.id(AgentId::new).map(Party::from),
            other => Err(nonsense(format_args!("party {other:?}"))),
        }
    }

    fn violation(&mut self) -> Result<Violation, Fault> {
        let kind = self.name()?.to_string();
        let severity = self.word(Severity::from_word)?;
        let mut violation = Violation::new(kind, severity, self.string()?);
        violation.file = self.maybe_string()?.map(Cow::Owned);
        let line = self.cell::<Option<i64>>()?;
        violation.line = line.map(u32::try_from).transpose().map_err(nonsense)?;
        violation.fixed = self.cell::<i64>()? != 0;
        Ok(violation)
    }

    pub(super) fn cell<T: FromSql<'a>>(&mut self) -> Result<T, Fault> {
        let at = self.next;
        self.next += 1;
        self.row.try_get(at).map_err(nonsense)
    }

    pub(super) fn maybe_string(&mut self) -> Result<Option<String>, Fault> {
        Ok(self.cell::<Option<String>>()?.map(unescaped))
    }

    fn string(&mut self) -> Result<String, Fault> {
        self.cell().map(unescaped)
    }

    fn small(&mut self) -> Result<u32, Fault> {
        let number: i64 = self.cell()?;
        u32::try_from(number).map_err(|_| nonsense(format_args!("the count {number}")))
    }

    pub(super) fn maybe_name(&mut self) -> Result<Option<Arc<str>>, Fault> {
        let id = self.cell::<Option<i64>>()?;
        id.map(|id| self.text(id)).transpose()
    }

    pub(super) fn name(&mut self) -> Result<Arc<str>, Fault> {
        let id = self.cell()?;
        self.text(id)
    }

    pub(super) fn text(&self, id: i64) -> Result<Arc<str>, Fault> {
        self.texts.of(id)
    }

    pub(super) fn id<T, E: std::fmt::Display>(
        &mut self,
        new: impl Fn(Arc<str>) -> Result<T, E>,
    ) -> Result<T, Fault> {
        new(self.name()?).map_err(nonsense)
    }

    pub(super) fn provider(&mut self) -> Result<ProviderId, Fault> {
        self.id(ProviderId::new)
    }

    pub(super) fn word<T>(&mut self, from_word: impl Fn(&str) -> Option<T>) -> Result<T, Fault> {
        let word = self.string()?;
        from_word(&word).ok_or_else(|| nonsense(format_args!("the word {word:?}")))
    }

    /// As in JSON, a kind that this version does not know is unknown.
    fn maybe_failure(&mut self) -> Result<Option<FailureKind>, Fault> {
        let word = self.maybe_string()?;
        Ok(word.map(|word| FailureKind::from_word(&word).unwrap_or(FailureKind::Unknown)))
    }

    fn failure(&mut self) -> Result<FailureKind, Fault> {
        Ok(self.maybe_failure()?.unwrap_or(FailureKind::Unknown))
    }

    pub(super) fn number(&mut self) -> Result<u64, Fault> {
        let number: i64 = self.cell()?;
        u64::try_from(number).map_err(|_| nonsense(format_args!("the count {number}")))
    }

    fn nanos(&mut self) -> Result<Duration, Fault> {
        duration(self.cell()?)
    }
}

fn duration(nanos: i64) -> Result<Duration, Fault> {
    let nanos = u64::try_from(nanos).map_err(|_| nonsense(format_args!("{nanos} ns")))?;
    Ok(Duration::from_nanos(nanos))
}
