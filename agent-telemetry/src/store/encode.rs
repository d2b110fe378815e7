//! A record as a row.

use std::time::Duration;

use agent_primitives::{FailureKind, Handoff, Party};
use rusqlite::Connection;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};

use super::names::Numbers;
use crate::{Body, Decision, ModelCall, Record, Task, Violation};

pub(super) type Cell<'a> = ToSqlOutput<'a>;

const NULL: Cell<'static> = ToSqlOutput::Borrowed(ValueRef::Null);

/// Turns records into rows, within a transaction.
pub(super) struct Encoder<'a> {
    connection: &'a Connection,
    names: &'a mut Numbers,
}

impl<'a> Encoder<'a> {
    pub(super) const fn new(connection: &'a Connection, names: &'a mut Numbers) -> Self {
        Self { connection, names }
    }

    /// Adds the cells of a record, in the order of the columns of its [`Table`](super::tables::Table).
    pub(super) fn row<'r>(
        &mut self,
        seq: i64,
        record: &'r Record,
        row: &mut Vec<Cell<'r>>,
    ) -> rusqlite::Result<()> {
        let session = record.session.as_ref().map(AsRef::as_ref);
        let agent = record.agent.as_ref().map(AsRef::as_ref);
        row.extend([
            Cell::from(seq),
            Cell::from(record.at.unix_nanos()),
            self.maybe_name(session)?,
            self.maybe_name(agent)?,
            self.maybe_name(record.project.as_ref().map(AsRef::as_ref))?,
        ]);
        self.body(&record.body, row)
    }

    fn body<'r>(&mut self, body: &'r Body, row: &mut Vec<Cell<'r>>) -> rusqlite::Result<()> {
        match body {
            Body::SessionStart(task) => row.extend(self.life("start", task)?),
            Body::SessionResume(task) => row.extend(self.life("resume", task)?),
            Body::SessionEnd(it) => row.extend([
                text("end"),
                NULL,
                NULL,
                text(it.outcome.as_str()),
                nanos(it.elapsed),
                NULL,
                NULL,
                NULL,
            ]),
            Body::ModelCall(it) => row.extend(self.model_call(it)?),
            Body::ToolCall(it) => row.extend([
                self.name(it.tool.as_str())?,
                text(it.outcome.as_str()),
                nanos(it.elapsed),
            ]),
            Body::Handoff(it) => row.extend(self.handoff(it)?),
            Body::Attempt(it) => row.extend([
                self.name(it.provider.as_str())?,
                it.attempt.into(),
                nanos(it.elapsed),
                failure(it.failure),
            ]),
            Body::Retry(it) => row.extend([
                self.name(it.provider.as_str())?,
                it.attempt.into(),
                nanos(it.delay),
                text(it.failure.as_str()),
            ]),
            Body::Breaker(it) => row.extend([
                self.name(it.provider.as_str())?,
                text(it.from.as_str()),
                text(it.to.as_str()),
            ]),
            Body::Cooldown(it) => row.extend([
                self.name(it.provider.as_str())?,
                text(it.scope.as_str()),
                text(it.failure.as_str()),
                nanos(it.duration),
            ]),
            Body::ContextPressure(it) => row.extend([number(it.used), number(it.window)]),
            Body::CheckpointSaved(it) => row.extend([
                text(it.checkpoint.as_str()),
                text(it.kind.as_str()),
                number(it.logical_bytes),
                number(it.stored_bytes),
                nanos(it.elapsed),
            ]),
            Body::Restored(it) => row.extend([
                text(it.checkpoint.as_str()),
                number(it.lost_bytes),
                nanos(it.elapsed),
            ]),
            Body::Metric(it) => row.extend([
                self.name(it.name())?,
                it.value().into(),
                text(it.unit().as_str()),
            ]),
            Body::Violation(it) => row.extend(self.violation(it)?),
            Body::Decision(it) => row.extend(self.decision(it)?),
            Body::DecisionOutcome(it) => row.extend([
                text(&it.decision),
                text(it.outcome.as_str()),
                it.score.map_or(NULL, Cell::from),
            ]),
            Body::FilesChanged(it) => row.extend([
                number(it.files),
                number(it.lines_added),
                number(it.lines_removed),
            ]),
            Body::TaskTiming(it) => row.extend([nanos(it.queued), nanos(it.ran)]),
        }
        Ok(())
    }

    fn life<'r>(&mut self, mark: &'r str, task: &'r Task) -> rusqlite::Result<[Cell<'r>; 8]> {
        let parent = task.parent.as_ref();
        let of_parent = parent.map(|parent| parent.session.as_str());
        let by_agent = parent.and_then(|parent| Some(parent.agent.as_ref()?.as_str()));
        Ok([
            text(mark),
            self.maybe_name(task.task_type.as_deref())?,
            maybe_text(task.description.as_deref()),
            NULL,
            NULL,
            self.maybe_name(of_parent)?,
            self.maybe_name(by_agent)?,
            task.user.map_or(NULL, |user| owned(user.to_string())),
        ])
    }

    fn model_call<'r>(&mut self, it: &'r ModelCall) -> rusqlite::Result<[Cell<'r>; 17]> {
        let (cost, wide) = match it
            .cost
            .map(|cost| (cost.picos(), i64::try_from(cost.picos())))
        {
            None => (NULL, NULL),
            Some((_, Ok(picos))) => (picos.into(), NULL),
            Some((picos, Err(_))) => (NULL, owned(picos.to_string())),
        };
        Ok([
            self.name(it.provider.as_str())?,
            self.name(it.model.as_str())?,
            number(it.usage.input()),
            number(it.usage.cache_read()),
            number(it.usage.cache_write_5m()),
            number(it.usage.cache_write_1h()),
            number(it.usage.output()),
            number(it.usage.reasoning()),
            cost,
            wide,
            nanos(it.latency),
            it.first_token.map_or(NULL, nanos),
            it.attempts.into(),
            failure(it.failure),
            it.service_tier.map_or(NULL, |tier| text(tier.as_str())),
            it.stop_reason.map_or(NULL, |reason| text(reason.as_str())),
            it.streamed.into(),
        ])
    }

    fn handoff<'r>(&mut self, it: &'r Handoff) -> rusqlite::Result<[Cell<'r>; 6]> {
        Ok([
            text(party_kind(&it.from)),
            self.name(it.from.name())?,
            text(party_kind(&it.to)),
            self.name(it.to.name())?,
            text(it.reason.as_str()),
            text(it.initiator.as_str()),
        ])
    }

    fn violation<'r>(&mut self, it: &'r Violation) -> rusqlite::Result<[Cell<'r>; 6]> {
        Ok([
            self.name(&it.kind)?,
            text(it.severity.as_str()),
            text(&it.message),
            maybe_text(it.file.as_deref()),
            it.line.map_or(NULL, Cell::from),
            it.fixed.into(),
        ])
    }

    fn decision<'r>(&mut self, it: &'r Decision) -> rusqlite::Result<[Cell<'r>; 6]> {
        let candidates = serde_json::to_string(&it.candidates)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        Ok([
            text(&it.id),
            self.name(&it.subject)?,
            self.maybe_name(it.choice.as_deref())?,
            it.confidence.map_or(NULL, Cell::from),
            owned(candidates),
            it.omitted.into(),
        ])
    }

    fn name(&mut self, name: &str) -> rusqlite::Result<Cell<'static>> {
        self.names.of(self.connection, name).map(Cell::from)
    }

    fn maybe_name(&mut self, name: Option<&str>) -> rusqlite::Result<Cell<'static>> {
        name.map_or(Ok(NULL), |name| self.name(name))
    }
}

fn text(text: &str) -> Cell<'_> {
    ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes()))
}

fn owned(text: String) -> Cell<'static> {
    ToSqlOutput::Owned(Value::Text(text))
}

fn maybe_text(maybe: Option<&str>) -> Cell<'_> {
    maybe.map_or(NULL, text)
}

fn failure(kind: Option<FailureKind>) -> Cell<'static> {
    kind.map_or(NULL, |kind| text(kind.as_str()))
}

/// SQLite has signed integers: what is beyond, no count of tokens or bytes reaches.
fn number(number: u64) -> Cell<'static> {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

/// 292 years at most.
fn nanos(time: Duration) -> Cell<'static> {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX).into()
}

fn party_kind(party: &Party) -> &'static str {
    match party {
        Party::Provider(_) => "provider",
        // A kind that this version does not know is kept by its name.
        _ => "agent",
    }
}
