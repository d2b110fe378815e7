//! What a record says, in words for a person.

use std::fmt::Write as _;

use agent_primitives::{AgentId, FailureKind, Scope, SessionId};
use agent_telemetry::{Body, Decision, Metric, ModelCall, Record, Task, Unit, Violation};

use crate::figures::{money, percent, time};

/// A record in words.
#[derive(Debug)]
pub(crate) struct Told {
    /// A word for what it is.
    pub(crate) mark: &'static str,
    pub(crate) text: String,
    /// Lines below it.
    pub(crate) details: Vec<String>,
}

pub(crate) fn told(record: &Record) -> Told {
    let mut details = Vec::new();
    let (mark, text) = match &record.body {
        Body::SessionStart(task) => {
            details.extend(task.description.as_deref().map(str::to_owned));
            ("begin", begins(record, task))
        }
        Body::SessionResume(task) => ("resume", begins(record, task)),
        Body::SessionEnd(end) => {
            let text = format!("{} after {}", end.outcome, time(end.elapsed));
            ("end", text)
        }
        Body::ModelCall(call) => ("model", model_call(call)),
        Body::ToolCall(call) => {
            let text = format!("{}: {} in {}", call.tool, call.outcome, time(call.elapsed));
            ("tool", text)
        }
        Body::Decision(decision) => {
            details = candidates(decision);
            ("decide", decided(decision))
        }
        Body::DecisionOutcome(outcome) => {
            let mut text = format!("decision {}: {}", outcome.decision, outcome.outcome);
            if let Some(score) = outcome.score {
                let _ = write!(text, ", score {score:.2}");
            }
            ("outcome", text)
        }
        Body::Metric(metric) => ("metric", measured(metric)),
        Body::Violation(violation) => ("violation", violated(violation)),
        Body::FilesChanged(it) => {
            let (added, removed) = (it.lines_added, it.lines_removed);
            (
                "files",
                format!(
                    "{} changed, {added} lines added, {removed} removed",
                    it.files
                ),
            )
        }
        Body::TaskTiming(it) => {
            let text = format!(
                "waited for {}, then ran for {}",
                time(it.queued),
                time(it.ran)
            );
            ("timing", text)
        }
        other => service(other).unwrap_or_else(|| ("other", record.kind().to_string())),
    };
    Told {
        mark,
        text,
        details,
    }
}

/// What the crates around the calls say.
fn service(body: &Body) -> Option<(&'static str, String)> {
    Some(match body {
        Body::Handoff(handoff) => ("handoff", handoff.to_string()),
        Body::Attempt(it) => {
            let ended = failure(it.failure);
            let text = format!(
                "{} no. {}: {ended} after {}",
                it.provider,
                it.attempt,
                time(it.elapsed)
            );
            ("attempt", text)
        }
        Body::Retry(it) => {
            let (delay, why) = (time(it.delay), it.failure);
            let text = format!(
                "{} is asked again in {delay}, as no. {} ({why})",
                it.provider, it.attempt
            );
            ("retry", text)
        }
        Body::Breaker(it) => (
            "breaker",
            format!("{}: {} -> {}", it.provider, it.from, it.to),
        ),
        Body::Cooldown(it) => {
            let whole = match it.scope {
                Scope::Model => "this model of it",
                _ => "it",
            };
            let length = time(it.duration);
            let text = format!(
                "{}: {whole} is left alone for {length} ({})",
                it.provider, it.failure
            );
            ("cooldown", text)
        }
        Body::ContextPressure(it) => {
            let text = format!(
                "{} % full: {} of {} tokens",
                it.percent(),
                it.used,
                it.window
            );
            ("context", text)
        }
        Body::CheckpointSaved(it) => {
            let (bytes, stored) = (it.logical_bytes, it.stored_bytes);
            let text = format!(
                "checkpoint {} ({}): {bytes} bytes in {stored}",
                it.checkpoint, it.kind
            );
            ("save", text)
        }
        Body::Restored(it) => {
            let text = format!("checkpoint {} in {}", it.checkpoint, time(it.elapsed));
            ("restore", text)
        }
        _ => return None,
    })
}

fn begins(record: &Record, task: &Task) -> String {
    let name = |it: Option<&str>| it.unwrap_or("nobody").to_owned();
    let agent = name(record.agent.as_ref().map(AgentId::as_str));
    let session = name(record.session.as_ref().map(SessionId::as_str));
    // Writing to a string does not fail.
    let mut text = format!("session {session}, agent {agent}");
    if let Some(kind) = &task.task_type {
        let _ = write!(text, ", {kind}");
    }
    if let Some(parent) = &task.parent {
        let _ = write!(text, ", from session {}", parent.session);
    }
    text
}

fn model_call(call: &ModelCall) -> String {
    let mut text = format!("{} · {}: ", call.provider, call.model);
    text += &match call.failure {
        Some(kind) => kind.to_string(),
        None => "ok".to_owned(),
    };
    let _ = write!(text, " in {}", time(call.latency));
    if call.attempts > 1 {
        let _ = write!(text, " at attempt {}", call.attempts);
    }
    let usage = &call.usage;
    if usage.total() > 0 {
        let (input, output) = (usage.input_total(), usage.output());
        let _ = write!(text, "; {input} in, {output} out");
    }
    if let Some(cost) = call.cost {
        let _ = write!(text, "; {}", money(cost));
    } else if call.is_unpriced() {
        text += "; at an unknown price";
    }
    text
}

fn failure(kind: Option<FailureKind>) -> String {
    kind.map_or_else(|| "answered".to_owned(), |kind| format!("failed ({kind})"))
}

fn decided(decision: &Decision) -> String {
    let choice = decision.choice.as_deref().unwrap_or("nothing would do");
    let mut text = format!("{}: {choice}", decision.subject);
    if let Some(confidence) = decision.confidence {
        let _ = write!(text, ", {} sure", percent(confidence));
    }
    text
}

/// All candidates, the chosen one first and the others by their scores, and why they were passed over.
fn candidates(decision: &Decision) -> Vec<String> {
    let chosen = decision.candidates.iter();
    let chosen = chosen.filter(|it| Some(&it.name) == decision.choice.as_ref());
    let others = decision.alternatives().into_iter();
    let mut lines: Vec<String> = chosen
        .map(|it| (it, "chosen"))
        .chain(others.map(|it| (it, it.lost.as_deref().unwrap_or("passed over"))))
        .map(|(it, why)| {
            let score = it
                .score
                .map_or_else(|| "-".to_owned(), |it| format!("{it:.3}"));
            format!("{:<18} {score:>8}  {why}", it.name)
        })
        .collect();
    if decision.omitted > 0 {
        lines.push(format!(
            "and {} candidates that are not kept",
            decision.omitted
        ));
    }
    lines
}

fn measured(metric: &Metric) -> String {
    let (name, value) = (metric.name(), metric.value());
    match metric.unit() {
        Unit::Ratio => format!("{name}: {}", percent(value)),
        unit => format!("{name}: {value} {unit}"),
    }
}

fn violated(violation: &Violation) -> String {
    let mut text = format!(
        "{} ({}): {}",
        violation.kind, violation.severity, violation.message
    );
    if let Some(file) = &violation.file {
        let _ = write!(text, ", in {file}");
        if let Some(line) = violation.line {
            let _ = write!(text, ":{line}");
        }
    }
    if violation.fixed {
        text += ", mended";
    }
    text
}
