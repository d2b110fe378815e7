//! A record as a row.

use std::borrow::Cow;

use agent_primitives::{FailureKind, Handoff, Party};

use super::cell::Cell;
use super::error::Fault;
use crate::store::Table;
use crate::{Body, Decision, ModelCall, Record, Task, Violation};

/// Where a record is stored.
pub(super) fn table_of(body: &Body) -> Table {
    match body {
        Body::SessionStart(_) | Body::SessionResume(_) | Body::SessionEnd(_) => Table::SessionMarks,
        Body::ModelCall(_) => Table::ModelCalls,
        Body::ToolCall(_) => Table::ToolCalls,
        Body::Handoff(_) => Table::Handoffs,
        Body::Attempt(_) => Table::Attempts,
        Body::Retry(_) => Table::Retries,
        Body::Breaker(_) => Table::BreakerChanges,
        Body::Cooldown(_) => Table::Cooldowns,
        Body::ContextPressure(_) => Table::ContextPressure,
        Body::CheckpointSaved(_) => Table::Checkpoints,
        Body::Restored(_) => Table::Restores,
        Body::Metric(_) => Table::Metrics,
        Body::Violation(_) => Table::Violations,
        Body::Decision(_) => Table::Decisions,
        Body::DecisionOutcome(_) => Table::DecisionOutcomes,
        Body::FilesChanged(_) => Table::FilesChanged,
        Body::TaskTiming(_) => Table::TaskTimings,
    }
}

/// Appends the row of a record, in the order of the columns of its table.
pub(super) fn push_row<'r>(
    row: &mut Vec<Cell<'r>>,
    seq: i64,
    record: &'r Record,
) -> Result<(), Fault> {
    row.extend([
        Cell::Int(seq),
        Cell::Int(record.at.unix_nanos()),
        maybe_name(record.session.as_ref()),
        maybe_name(record.agent.as_ref()),
        maybe_name(record.project.as_ref()),
    ]);
    match &record.body {
        Body::SessionStart(task) => life(row, "start", task),
        Body::SessionResume(task) => life(row, "resume", task),
        Body::SessionEnd(it) => row.extend([
            Cell::text("end"),
            Cell::Null,
            Cell::Null,
            Cell::text(it.outcome.as_str()),
            it.elapsed.into(),
            Cell::Null,
            Cell::Null,
            Cell::Null,
        ]),
        Body::ModelCall(it) => model_call(row, it),
        Body::ToolCall(it) => row.extend([
            Cell::name(it.tool.as_str()),
            Cell::text(it.outcome.as_str()),
            it.elapsed.into(),
        ]),
        Body::Handoff(it) => handoff(row, it),
        Body::Attempt(it) => row.extend([
            Cell::name(it.provider.as_str()),
            Cell::Int(it.attempt.into()),
            it.elapsed.into(),
            failure(it.failure),
        ]),
        Body::Retry(it) => row.extend([
            Cell::name(it.provider.as_str()),
            Cell::Int(it.attempt.into()),
            it.delay.into(),
            Cell::text(it.failure.as_str()),
        ]),
        Body::Breaker(it) => row.extend([
            Cell::name(it.provider.as_str()),
            Cell::text(it.from.as_str()),
            Cell::text(it.to.as_str()),
        ]),
        Body::Cooldown(it) => row.extend([
            Cell::name(it.provider.as_str()),
            Cell::text(it.scope.as_str()),
            Cell::text(it.failure.as_str()),
            it.duration.into(),
        ]),
        Body::ContextPressure(it) => row.extend([it.used.into(), it.window.into()]),
        Body::CheckpointSaved(it) => row.extend([
            Cell::text(it.checkpoint.as_str()),
            Cell::text(it.kind.as_str()),
            it.logical_bytes.into(),
            it.stored_bytes.into(),
            it.elapsed.into(),
        ]),
        Body::Restored(it) => row.extend([
            Cell::text(it.checkpoint.as_str()),
            it.lost_bytes.into(),
            it.elapsed.into(),
        ]),
        Body::Metric(it) => row.extend([
            Cell::name(it.name()),
            it.value().into(),
            Cell::text(it.unit().as_str()),
        ]),
        Body::Violation(it) => violation(row, it),
        Body::Decision(it) => decision(row, it)?,
        Body::DecisionOutcome(it) => row.extend([
            Cell::text(&it.decision),
            Cell::text(it.outcome.as_str()),
            Cell::maybe(it.score),
        ]),
        Body::FilesChanged(it) => {
            row.extend([
                it.files.into(),
                it.lines_added.into(),
                it.lines_removed.into(),
            ]);
        }
        Body::TaskTiming(it) => row.extend([it.queued.into(), it.ran.into()]),
    }
    Ok(())
}

fn life<'r>(row: &mut Vec<Cell<'r>>, mark: &'r str, task: &'r Task) {
    let parent = task.parent.as_ref();
    row.extend([
        Cell::text(mark),
        maybe_name(task.task_type.as_ref()),
        maybe_text(task.description.as_deref()),
        Cell::Null,
        Cell::Null,
        maybe_name(parent.map(|parent| &parent.session)),
        maybe_name(parent.and_then(|parent| parent.agent.as_ref())),
        owned(task.user.map(|user| user.to_string())),
    ]);
}

fn model_call<'r>(row: &mut Vec<Cell<'r>>, it: &'r ModelCall) {
    let picos = it.cost.map(agent_primitives::Usd::picos);
    let narrow = picos.and_then(|picos| i64::try_from(picos).ok());
    let wide = picos.filter(|_| narrow.is_none());
    row.extend([
        Cell::name(it.provider.as_str()),
        Cell::name(it.model.as_str()),
        it.usage.input().into(),
        it.usage.cache_read().into(),
        it.usage.cache_write_5m().into(),
        it.usage.cache_write_1h().into(),
        it.usage.output().into(),
        it.usage.reasoning().into(),
        Cell::maybe(narrow),
        owned(wide.map(|picos| picos.to_string())),
        it.latency.into(),
        Cell::maybe(it.first_token),
        Cell::Int(it.attempts.into()),
        failure(it.failure),
        maybe_text(it.service_tier.map(crate::ServiceTier::as_str)),
        maybe_text(it.stop_reason.map(crate::StopReason::as_str)),
        Cell::Int(it.streamed.into()),
    ]);
}

fn handoff<'r>(row: &mut Vec<Cell<'r>>, it: &'r Handoff) {
    row.extend([
        Cell::text(party_kind(&it.from)),
        Cell::name(it.from.name()),
        Cell::text(party_kind(&it.to)),
        Cell::name(it.to.name()),
        Cell::text(it.reason.as_str()),
        Cell::text(it.initiator.as_str()),
    ]);
}

fn violation<'r>(row: &mut Vec<Cell<'r>>, it: &'r Violation) {
    row.extend([
        Cell::name(&it.kind),
        Cell::text(it.severity.as_str()),
        Cell::text(&it.message),
        maybe_text(it.file.as_deref()),
        Cell::maybe(it.line.map(i64::from)),
        Cell::Int(it.fixed.into()),
    ]);
}

fn decision<'r>(row: &mut Vec<Cell<'r>>, it: &'r Decision) -> Result<(), Fault> {
    let candidates = serde_json::to_string(&it.candidates).map_err(Fault::nonsense)?;
    row.extend([
        Cell::text(&it.id),
        Cell::name(&it.subject),
        maybe_name(it.choice.as_ref()),
        Cell::maybe(it.confidence),
        Cell::Text(Cow::Owned(candidates)),
        Cell::Int(it.omitted.into()),
    ]);
    Ok(())
}

fn maybe_name(name: Option<&(impl AsRef<str> + ?Sized)>) -> Cell<'_> {
    name.map_or(Cell::Null, |name| Cell::name(name.as_ref()))
}

fn maybe_text(text: Option<&str>) -> Cell<'_> {
    text.map_or(Cell::Null, Cell::text)
}

fn owned(text: Option<String>) -> Cell<'static> {
    text.map_or(Cell::Null, |text| Cell::Text(Cow::Owned(text)))
}

fn failure(kind: Option<FailureKind>) -> Cell<'static> {
    maybe_text(kind.map(FailureKind::as_str))
}

fn party_kind(party: &Party) -> &'static str {
    match party {
        Party::Provider(_) => "provider",
        // A kind that this version does not know is kept by its name.
        _ => "agent",
    }
}
