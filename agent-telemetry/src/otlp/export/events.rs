//! Records of a moment, as log records that are events.

use agent_primitives::{AgentId, BreakerState, CheckpointSaved, Cooldown, FailureKind};

use super::protobuf::{Attributes, Message};
use super::sessions::Sessions;
use super::spans::{nanos, owner};
use super::style::Style;
use crate::{Body, GenAiNames, Metric, Outcome, Record, Severity, Task, Violation};

/// Severities of the protocol.
const INFO: u64 = 9;
const WARN: u64 = 13;
const ERROR: u64 = 17;
const FATAL: u64 = 21;

// The fields of a log record.
const TIME: u32 = 1;
const SEVERITY: u32 = 2;
const SEVERITY_TEXT: u32 = 3;
const ATTRIBUTES: u32 = 6;
const TRACE_ID: u32 = 9;
const SPAN_ID: u32 = 10;
const OBSERVED: u32 = 11;
const EVENT_NAME: u32 = 12;

/// The event of a record, if it is one that has an event.
pub(super) fn event(record: &Record, style: Style, sessions: &Sessions) -> Option<Message> {
    let name = name(record, style)?;
    let severity = severity(&record.body);
    let mut log = Message::new();
    log.fixed(TIME, nanos(record.at));
    log.fixed(OBSERVED, nanos(record.at));
    log.number(SEVERITY, severity);
    log.text(SEVERITY_TEXT, word(severity));
    let mut attributes = Attributes::new(&mut log, ATTRIBUTES);
    owner(&mut attributes, record);
    say(&mut attributes, &record.body, style);
    if let Some(place) = sessions.place(record) {
        log.slice(TRACE_ID, &place.trace.0);
        if let Some(parent) = place.parent {
            log.slice(SPAN_ID, &parent.0);
        }
    }
    log.text(EVENT_NAME, name);
    Some(log)
}

fn name(record: &Record, style: Style) -> Option<&'static str> {
    Some(match &record.body {
        Body::SessionStart(_) => "agent.session.started",
        Body::SessionResume(_) => "agent.session.resumed",
        Body::SessionEnd(_) => "agent.session.ended",
        Body::Attempt(_) => "agent.attempt",
        Body::Retry(_) => "agent.retry",
        Body::Breaker(_) => "agent.breaker.changed",
        Body::Cooldown(_) => "agent.cooldown",
        Body::ContextPressure(_) => "agent.context.pressure",
        Body::CheckpointSaved(_) => "agent.checkpoint.saved",
        Body::Restored(_) => "agent.checkpoint.restored",
        Body::Metric(metric) if is_evaluation(metric, style) => "gen_ai.evaluation.result",
        Body::Metric(_) => "agent.metric",
        Body::Violation(_) => "agent.violation",
        Body::DecisionOutcome(_) => "agent.decision.outcome",
        Body::FilesChanged(_) => "agent.files.changed",
        Body::TaskTiming(_) => "agent.task.timing",
        _ => return None,
    })
}

/// The conventions have had evaluations since 1.38.
fn is_evaluation(metric: &Metric, style: Style) -> bool {
    metric.is_score() && style.names != GenAiNames::V1_36
}

fn severity(body: &Body) -> u64 {
    match body {
        Body::Violation(it) => match it.severity {
            Severity::Info => INFO,
            Severity::Warning => WARN,
            Severity::Error => ERROR,
            Severity::Critical => FATAL,
        },
        Body::SessionEnd(end) if end.outcome == Outcome::Failed => ERROR,
        Body::Attempt(attempt) if attempt.failure.is_some() => WARN,
        Body::Retry(_) | Body::Cooldown(_) | Body::ContextPressure(_) => WARN,
        Body::Breaker(change) if change.to != BreakerState::Closed => WARN,
        _ => INFO,
    }
}

const fn word(severity: u64) -> &'static str {
    match severity {
        WARN => "WARN",
        ERROR => "ERROR",
        FATAL => "FATAL",
        _ => "INFO",
    }
}

fn say(attributes: &mut Attributes<'_>, body: &Body, style: Style) {
    let provider = style.names.provider_key();
    match body {
        Body::SessionStart(it) | Body::SessionResume(it) => task(attributes, it, style),
        Body::SessionEnd(it) => {
            attributes
                .text("agent.outcome", it.outcome.as_str())
                .double("agent.elapsed", it.elapsed.as_secs_f64());
        }
        Body::Attempt(it) => {
            attributes
                .text(provider, it.provider.as_str())
                .count("agent.attempt.number", u64::from(it.attempt))
                .double("agent.elapsed", it.elapsed.as_secs_f64())
                .maybe("error.type", it.failure.map(FailureKind::as_str));
        }
        Body::Retry(it) => {
            attributes
                .text(provider, it.provider.as_str())
                .count("agent.attempt.number", u64::from(it.attempt))
                .double("agent.delay", it.delay.as_secs_f64())
                .text("error.type", it.failure.as_str());
        }
        Body::Breaker(it) => {
            attributes
                .text(provider, it.provider.as_str())
                .text("agent.breaker.from", it.from.as_str())
                .text("agent.breaker.to", it.to.as_str());
        }
        Body::Cooldown(it) => cooldown(attributes, it, provider),
        Body::ContextPressure(it) => {
            attributes
                .count("agent.context.used", it.used)
                .count("agent.context.window", it.window);
        }
        Body::CheckpointSaved(it) => checkpoint(attributes, it),
        Body::Restored(it) => {
            attributes
                .text("agent.checkpoint.id", it.checkpoint.as_str())
                .count("agent.checkpoint.lost_bytes", it.lost_bytes)
                .double("agent.elapsed", it.elapsed.as_secs_f64());
        }
        Body::Metric(it) => metric(attributes, it, style),
        Body::Violation(it) => violation(attributes, it, style),
        Body::DecisionOutcome(it) => {
            attributes
                .text("agent.decision.id", &it.decision)
                .text("agent.outcome", it.outcome.as_str());
            if let Some(score) = it.score {
                attributes.double("agent.decision.score", score);
            }
        }
        Body::FilesChanged(it) => {
            attributes
                .count("agent.files.changed", it.files)
                .count("agent.lines.added", it.lines_added)
                .count("agent.lines.removed", it.lines_removed);
        }
        Body::TaskTiming(it) => {
            attributes
                .double("agent.task.queued", it.queued.as_secs_f64())
                .double("agent.task.ran", it.ran.as_secs_f64());
        }
        _ => {}
    }
}

fn task(attributes: &mut Attributes<'_>, task: &Task, style: Style) {
    attributes.maybe("agent.task.type", task.task_type.as_deref());
    let description = task.description.as_deref();
    attributes.maybe(
        "agent.task.description",
        description.filter(|_| style.texts),
    );
    if let Some(parent) = &task.parent {
        attributes
            .text("agent.parent.conversation.id", parent.session.as_str())
            .maybe(
                "agent.parent.name",
                parent.agent.as_ref().map(AgentId::as_str),
            );
    }
    if let Some(user) = task.user {
        attributes.text("user.hash", &user.to_string());
    }
}

fn cooldown(attributes: &mut Attributes<'_>, it: &Cooldown, provider: &str) {
    attributes
        .text(provider, it.provider.as_str())
        .text("agent.cooldown.scope", it.scope.as_str())
        .double("agent.delay", it.duration.as_secs_f64())
        .text("error.type", it.failure.as_str());
}

fn checkpoint(attributes: &mut Attributes<'_>, it: &CheckpointSaved) {
    attributes
        .text("agent.checkpoint.id", it.checkpoint.as_str())
        .text("agent.checkpoint.kind", it.kind.as_str())
        .count("agent.checkpoint.logical_bytes", it.logical_bytes)
        .count("agent.checkpoint.stored_bytes", it.stored_bytes)
        .double("agent.elapsed", it.elapsed.as_secs_f64());
}

fn metric(attributes: &mut Attributes<'_>, it: &Metric, style: Style) {
    if is_evaluation(it, style) {
        attributes
            .text("gen_ai.evaluation.name", it.name())
            .double("gen_ai.evaluation.score.value", it.value());
    } else {
        attributes
            .text("agent.metric.name", it.name())
            .double("agent.metric.value", it.value());
    }
    attributes.text("agent.metric.unit", it.unit().as_str());
}

fn violation(attributes: &mut Attributes<'_>, it: &Violation, style: Style) {
    attributes
        .text("agent.violation.kind", &it.kind)
        .text("agent.violation.severity", it.severity.as_str())
        .bool("agent.violation.fixed", it.fixed);
    if style.texts {
        attributes
            .text("agent.violation.message", &it.message)
            .maybe("code.file.path", it.file.as_deref());
        if let Some(line) = it.line {
            attributes.count("code.line.number", u64::from(line));
        }
    }
}
