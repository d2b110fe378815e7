//! A record as cells of the one table.

use std::time::Duration;

use agent_primitives::{FailureKind, Handoff, Party, Timestamp, Usd};

use super::column::Column;
use super::column::Column as C;
use crate::{Body, Decision, ModelCall, Record, ServiceTier, StopReason, Task, Violation};

/// One value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell<'r> {
    Text(&'r str),
    Time(Timestamp),
    Count(u64),
    Real(f64),
    Seconds(Duration),
    Usd(Usd),
    Flag(bool),
}

/// Gives every cell that is not empty, in the order of the columns.
pub(super) fn cells(record: &Record, put: &mut impl FnMut(Column, Cell<'_>)) {
    put(C::Record, Cell::Text(record.kind().as_str()));
    put(C::At, Cell::Time(record.at));
    maybe(put, C::Project, record.project.as_ref().map(AsRef::as_ref));
    maybe(put, C::Session, record.session.as_ref().map(AsRef::as_ref));
    maybe(put, C::Agent, record.agent.as_ref().map(AsRef::as_ref));
    match &record.body {
        Body::SessionStart(task) | Body::SessionResume(task) => life(task, put),
        Body::SessionEnd(it) => {
            put(C::Outcome, Cell::Text(it.outcome.as_str()));
            put(C::Elapsed, Cell::Seconds(it.elapsed));
        }
        Body::ModelCall(it) => model_call(it, put),
        Body::ToolCall(it) => {
            put(C::Tool, Cell::Text(it.tool.as_str()));
            put(C::Outcome, Cell::Text(it.outcome.as_str()));
            put(C::Elapsed, Cell::Seconds(it.elapsed));
        }
        Body::Handoff(it) => handoff(it, put),
        Body::Attempt(it) => {
            put(C::Provider, Cell::Text(it.provider.as_str()));
            failure(put, it.failure);
            put(C::Elapsed, Cell::Seconds(it.elapsed));
            put(C::Attempt, Cell::Count(it.attempt.into()));
        }
        Body::Retry(it) => {
            put(C::Provider, Cell::Text(it.provider.as_str()));
            failure(put, Some(it.failure));
            put(C::Delay, Cell::Seconds(it.delay));
            put(C::Attempt, Cell::Count(it.attempt.into()));
        }
        Body::Breaker(it) => {
            put(C::Provider, Cell::Text(it.provider.as_str()));
            put(C::FromState, Cell::Text(it.from.as_str()));
            put(C::ToState, Cell::Text(it.to.as_str()));
        }
        Body::Cooldown(it) => {
            put(C::Provider, Cell::Text(it.provider.as_str()));
            failure(put, Some(it.failure));
            put(C::Duration, Cell::Seconds(it.duration));
            put(C::Scope, Cell::Text(it.scope.as_str()));
        }
        Body::ContextPressure(it) => {
            put(C::Used, Cell::Count(it.used));
            put(C::Window, Cell::Count(it.window));
        }
        Body::CheckpointSaved(it) => {
            put(C::Elapsed, Cell::Seconds(it.elapsed));
            put(C::Checkpoint, Cell::Text(it.checkpoint.as_str()));
            put(C::Kind, Cell::Text(it.kind.as_str()));
            put(C::LogicalBytes, Cell::Count(it.logical_bytes));
            put(C::StoredBytes, Cell::Count(it.stored_bytes));
        }
        Body::Restored(it) => {
            put(C::Elapsed, Cell::Seconds(it.elapsed));
            put(C::Checkpoint, Cell::Text(it.checkpoint.as_str()));
            put(C::LostBytes, Cell::Count(it.lost_bytes));
        }
        Body::Metric(it) => {
            put(C::Metric, Cell::Text(it.name()));
            put(C::Value, Cell::Real(it.value()));
            put(C::Unit, Cell::Text(it.unit().as_str()));
        }
        Body::Violation(it) => violation(it, put),
        Body::Decision(it) => decision(it, put),
        Body::DecisionOutcome(it) => {
            put(C::Outcome, Cell::Text(it.outcome.as_str()));
            put(C::Decision, Cell::Text(&it.decision));
            real(put, C::Score, it.score);
        }
        Body::FilesChanged(it) => {
            put(C::Files, Cell::Count(it.files));
            put(C::LinesAdded, Cell::Count(it.lines_added));
            put(C::LinesRemoved, Cell::Count(it.lines_removed));
        }
        Body::TaskTiming(it) => {
            put(C::Queued, Cell::Seconds(it.queued));
            put(C::Ran, Cell::Seconds(it.ran));
        }
    }
}

fn life(task: &Task, put: &mut impl FnMut(Column, Cell<'_>)) {
    maybe(put, C::TaskType, task.task_type.as_deref());
    maybe(put, C::Description, task.description.as_deref());
    if let Some(parent) = &task.parent {
        put(C::ParentSession, Cell::Text(parent.session.as_str()));
        maybe(
            put,
            C::ParentAgent,
            parent.agent.as_ref().map(AsRef::as_ref),
        );
    }
    if let Some(user) = task.user {
        put(C::User, Cell::Text(&user.to_string()));
    }
}

fn model_call(it: &ModelCall, put: &mut impl FnMut(Column, Cell<'_>)) {
    put(C::Provider, Cell::Text(it.provider.as_str()));
    put(C::Model, Cell::Text(it.model.as_str()));
    failure(put, it.failure);
    put(C::Latency, Cell::Seconds(it.latency));
    if let Some(after) = it.first_token {
        put(C::FirstToken, Cell::Seconds(after));
    }
    let usage = &it.usage;
    put(C::Input, Cell::Count(usage.input()));
    put(C::CacheRead, Cell::Count(usage.cache_read()));
    put(C::CacheWrite5m, Cell::Count(usage.cache_write_5m()));
    put(C::CacheWrite1h, Cell::Count(usage.cache_write_1h()));
    put(C::Output, Cell::Count(usage.output()));
    put(C::Reasoning, Cell::Count(usage.reasoning()));
    if let Some(cost) = it.cost {
        put(C::Cost, Cell::Usd(cost));
    }
    put(C::Attempts, Cell::Count(it.attempts.into()));
    maybe(
        put,
        C::ServiceTier,
        it.service_tier.map(ServiceTier::as_str),
    );
    maybe(put, C::StopReason, it.stop_reason.map(StopReason::as_str));
    put(C::Streamed, Cell::Flag(it.streamed));
}

fn handoff(it: &Handoff, put: &mut impl FnMut(Column, Cell<'_>)) {
    put(C::FromKind, Cell::Text(party_kind(&it.from)));
    put(C::FromName, Cell::Text(it.from.name()));
    put(C::ToKind, Cell::Text(party_kind(&it.to)));
    put(C::ToName, Cell::Text(it.to.name()));
    put(C::Reason, Cell::Text(it.reason.as_str()));
    put(C::Initiator, Cell::Text(it.initiator.as_str()));
}

fn violation(it: &Violation, put: &mut impl FnMut(Column, Cell<'_>)) {
    put(C::Kind, Cell::Text(&it.kind));
    put(C::Severity, Cell::Text(it.severity.as_str()));
    put(C::Message, Cell::Text(&it.message));
    maybe(put, C::File, it.file.as_deref());
    if let Some(line) = it.line {
        put(C::Line, Cell::Count(line.into()));
    }
    put(C::Fixed, Cell::Flag(it.fixed));
}

fn decision(it: &Decision, put: &mut impl FnMut(Column, Cell<'_>)) {
    put(C::Decision, Cell::Text(&it.id));
    put(C::Subject, Cell::Text(&it.subject));
    maybe(put, C::Choice, it.choice.as_deref());
    real(put, C::Confidence, it.confidence);
    // Names and finite numbers: it cannot fail.
    if let Ok(candidates) = serde_json::to_string(&it.candidates) {
        put(C::Candidates, Cell::Text(&candidates));
    }
    put(C::Omitted, Cell::Count(it.omitted.into()));
}

fn maybe(put: &mut impl FnMut(Column, Cell<'_>), column: Column, text: Option<&str>) {
    if let Some(text) = text {
        put(column, Cell::Text(text));
    }
}

fn real(put: &mut impl FnMut(Column, Cell<'_>), column: Column, value: Option<f64>) {
    if let Some(value) = value {
        put(column, Cell::Real(value));
    }
}

fn failure(put: &mut impl FnMut(Column, Cell<'_>), kind: Option<FailureKind>) {
    maybe(put, C::Failure, kind.map(FailureKind::as_str));
}

const fn party_kind(party: &Party) -> &'static str {
    match party {
        Party::Provider(_) => "provider",
        // A kind that this version does not know is kept by its name.
        _ => "agent",
    }
}
