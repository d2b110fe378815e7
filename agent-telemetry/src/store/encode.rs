//! A record as a row.

use std::time::Duration;

use agent_primitives::{FailureKind, Handoff, Party};
use rusqlite::Connection;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};

use super::names::Numbers;
use super::tables::Table;
use crate::{Body, ModelCall, Record, Task, Violation};

type Cell<'a> = ToSqlOutput<'a>;

const NULL: Cell<'static> = ToSqlOutput::Borrowed(ValueRef::Null);

/// Turns records into rows of the [`Table`] layout, within a transaction.
pub(super) struct Encoder<'a> {
    connection: &'a Connection,
    names: &'a mut Numbers,
}

impl<'a> Encoder<'a> {
    pub(super) const fn new(connection: &'a Connection, names: &'a mut Numbers) -> Self {
        Self { connection, names }
    }

    pub(super) fn row<'r>(
        &mut self,
        seq: i64,
        record: &'r Record,
    ) -> rusqlite::Result<(Table, Vec<Cell<'r>>)> {
        let session = record.session.as_ref().map(AsRef::as_ref);
        let agent = record.agent.as_ref().map(AsRef::as_ref);
        let mut row = vec![
            Cell::from(seq),
            Cell::from(record.at.unix_nanos()),
            self.maybe_name(session)?,
            self.maybe_name(agent)?,
        ];
        let table = self.body(&record.body, &mut row)?;
        Ok((table, row))
    }

    fn body<'r>(&mut self, body: &'r Body, row: &mut Vec<Cell<'r>>) -> rusqlite::Result<Table> {
        let (table, cells): (_, &[Cell<'r>]) = match body {
            Body::SessionStart(task) => (Table::SessionMarks, &self.life("start", task)?),
            Body::SessionResume(task) => (Table::SessionMarks, &self.life("resume", task)?),
            Body::SessionEnd(it) => (
                Table::SessionMarks,
                &[
                    text("end"),
                    NULL,
                    NULL,
                    text(it.outcome.as_str()),
                    nanos(it.elapsed),
                ],
            ),
            Body::ModelCall(it) => (Table::ModelCalls, &self.model_call(it)?),
            Body::ToolCall(it) => (
                Table::ToolCalls,
                &[
                    self.name(it.tool.as_str())?,
                    text(it.outcome.as_str()),
                    nanos(it.elapsed),
                ],
            ),
            Body::Handoff(it) => (Table::Handoffs, &self.handoff(it)?),
            Body::Attempt(it) => (
                Table::Attempts,
                &[
                    self.name(it.provider.as_str())?,
                    it.attempt.into(),
                    nanos(it.elapsed),
                    failure(it.failure),
                ],
            ),
            Body::Retry(it) => (
                Table::Retries,
                &[
                    self.name(it.provider.as_str())?,
                    it.attempt.into(),
                    nanos(it.delay),
                    text(it.failure.as_str()),
                ],
            ),
            Body::Breaker(it) => (
                Table::BreakerChanges,
                &[
                    self.name(it.provider.as_str())?,
                    text(it.from.as_str()),
                    text(it.to.as_str()),
                ],
            ),
            Body::Cooldown(it) => (
                Table::Cooldowns,
                &[
                    self.name(it.provider.as_str())?,
                    text(it.scope.as_str()),
                    text(it.failure.as_str()),
                    nanos(it.duration),
                ],
            ),
            Body::ContextPressure(it) => (
                Table::ContextPressure,
                &[number(it.used), number(it.window)],
            ),
            Body::CheckpointSaved(it) => (
                Table::Checkpoints,
                &[
                    text(it.checkpoint.as_str()),
                    text(it.kind.as_str()),
                    number(it.logical_bytes),
                    number(it.stored_bytes),
                    nanos(it.elapsed),
                ],
            ),
            Body::Restored(it) => (
                Table::Restores,
                &[
                    text(it.checkpoint.as_str()),
                    number(it.lost_bytes),
                    nanos(it.elapsed),
                ],
            ),
            Body::Metric(it) => (
                Table::Metrics,
                &[
                    self.name(it.name())?,
                    it.value().into(),
                    text(it.unit().as_str()),
                ],
            ),
            Body::Violation(it) => (Table::Violations, &self.violation(it)?),
        };
        row.extend_from_slice(cells);
        Ok(table)
    }

    fn life<'r>(&mut self, mark: &'r str, task: &'r Task) -> rusqlite::Result<[Cell<'r>; 5]> {
        Ok([
            text(mark),
            self.maybe_name(task.task_type.as_deref())?,
            maybe_text(task.description.as_deref()),
            NULL,
            NULL,
        ])
    }

    fn model_call<'r>(&mut self, it: &'r ModelCall) -> rusqlite::Result<[Cell<'r>; 14]> {
        let (cost, wide) = match it
            .cost
            .map(|cost| (cost.picos(), i64::try_from(cost.picos())))
        {
            None => (NULL, NULL),
            Some((_, Ok(picos))) => (picos.into(), NULL),
            Some((picos, Err(_))) => (NULL, ToSqlOutput::Owned(Value::Text(picos.to_string()))),
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
