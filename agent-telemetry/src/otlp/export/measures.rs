//! What records add to metrics.

use std::time::Duration;

use super::instruments as at;
use super::meter::{Added, Meter};
use super::spans::nanos;
use crate::{Body, FilesChanged, GenAiNames, ModelCall, Outcome, Record, SessionEnd, ToolOutcome};

/// Providers that say how many tokens were text are not told from those that do not.
const MODALITY: (&str, &str) = ("gen_ai.token.modality", "unknown");

/// Adds what a record says.
pub(super) fn measure(meter: &mut Meter, record: &Record, names: GenAiNames) {
    let agent = record
        .agent
        .as_ref()
        .map(|it| ("gen_ai.agent.name", it.as_str()));
    let one = Added::Count(1);
    match &record.body {
        Body::ModelCall(call) => model_call(meter, call, names, agent),
        Body::SessionEnd(end) => session(meter, end, names, agent),
        Body::ToolCall(call) => {
            let tool = ("gen_ai.tool.name", call.tool.as_str());
            let outcome = ("agent.tool.outcome", call.outcome.as_str());
            meter.add(at::TOOL_CALLS, &pairs(&[tool, outcome], agent), one);
            if names == GenAiNames::Latest {
                let error = (call.outcome != ToolOutcome::Ok).then_some(call.outcome.as_str());
                let pairs = pairs(&[tool], error.map(|it| ("error.type", it)));
                meter.add(at::EXECUTE_TOOL_DURATION, &pairs, seconds(call.elapsed));
            }
        }
        Body::Handoff(it) => {
            let labels = [
                ("agent.handoff.source", it.from.name()),
                ("agent.handoff.target", it.to.name()),
                ("agent.handoff.reason", it.reason.as_str()),
                ("agent.handoff.initiator", it.initiator.as_str()),
            ];
            meter.add(at::HANDOFFS, &labels, one);
        }
        Body::Retry(it) => {
            let provider = (names.provider_key(), it.provider.as_str());
            meter.add(
                at::RETRIES,
                &[provider, ("error.type", it.failure.as_str())],
                one,
            );
        }
        Body::Violation(it) => {
            let kind = ("agent.violation.kind", &*it.kind);
            let severity = ("agent.violation.severity", it.severity.as_str());
            meter.add(at::VIOLATIONS, &pairs(&[kind, severity], agent), one);
        }
        Body::CheckpointSaved(it) => {
            let kind = ("agent.checkpoint.kind", it.kind.as_str());
            meter.add(at::CHECKPOINTS, &pairs(&[kind], agent), one);
        }
        Body::FilesChanged(it) => files(meter, it, agent),
        Body::ContextPressure(it) => {
            let share = Added::At(share(it.used, it.window), nanos(record.at));
            meter.add(at::CONTEXT, &pairs(&[], agent), share);
        }
        Body::TaskTiming(it) => {
            meter.add(at::QUEUED, &pairs(&[], agent), seconds(it.queued));
            meter.add(at::RAN, &pairs(&[], agent), seconds(it.ran));
        }
        Body::Metric(it) => {
            let value = Added::At(it.value(), nanos(record.at));
            let name = ("agent.metric.name", it.name());
            meter.add(at::measured(it.unit()), &pairs(&[name], agent), value);
        }
        _ => {}
    }
}

type Pair<'a> = (&'a str, &'a str);

fn pairs<'a>(known: &[Pair<'a>], maybe: Option<Pair<'a>>) -> Vec<Pair<'a>> {
    known.iter().copied().chain(maybe).collect()
}

const fn seconds(time: Duration) -> Added {
    Added::Value(time.as_secs_f64())
}

#[expect(clippy::cast_precision_loss, reason = "a share is no exact figure")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        1.0
    } else {
        part as f64 / whole as f64
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "buckets are coarser than the last of 53 bits"
)]
const fn tokens(count: u64) -> Added {
    Added::Value(count as f64)
}

fn model_call(meter: &mut Meter, call: &ModelCall, names: GenAiNames, agent: Option<Pair<'_>>) {
    let usage = &call.usage;
    let called = [
        ("gen_ai.operation.name", "chat"),
        (names.provider_key(), call.provider.as_str()),
        ("gen_ai.request.model", call.model.as_str()),
    ];
    let (duration, first_chunk) = match names {
        GenAiNames::V1_36 => (at::OPERATION_DURATION, None),
        GenAiNames::V1_41 => (at::OPERATION_DURATION, Some(at::OPERATION_FIRST_CHUNK)),
        GenAiNames::Latest => (at::INFERENCE_DURATION, Some(at::INFERENCE_FIRST_CHUNK)),
    };
    let error = call.failure.map(|it| ("error.type", it.as_str()));
    meter.add(duration, &pairs(&called, error), seconds(call.latency));
    if let (Some(instrument), Some(after)) = (first_chunk, call.first_token) {
        meter.add(instrument, &called, seconds(after));
    }
    if names == GenAiNames::Latest {
        let labels = pairs(&called, Some(MODALITY));
        for (instrument, count) in [
            (at::INPUT_TOKENS, usage.input_total()),
            (at::CACHE_READ_TOKENS, usage.cache_read()),
            (at::CACHE_WRITE_TOKENS, usage.cache_write()),
            (at::OUTPUT_TOKENS, usage.output()),
            (at::REASONING_TOKENS, usage.reasoning()),
        ] {
            meter.add(instrument, &labels, Added::Count(count));
        }
        meter.add(at::OF_INPUT, &called, tokens(usage.input_total()));
        meter.add(at::OF_OUTPUT, &called, tokens(usage.output()));
    } else {
        for (word, count) in [("input", usage.input_total()), ("output", usage.output())] {
            let labels = pairs(&called, Some(("gen_ai.token.type", word)));
            meter.add(at::TOKEN_USAGE, &labels, tokens(count));
        }
    }
    if let Some(cost) = call.cost {
        let labels = pairs(called.get(1..).unwrap_or_default(), agent);
        meter.add(at::COST, &labels, Added::Money(cost.picos()));
    }
}

fn session(meter: &mut Meter, end: &SessionEnd, names: GenAiNames, agent: Option<Pair<'_>>) {
    let outcome = end.outcome.as_str();
    let labels = pairs(&[("agent.outcome", outcome)], agent);
    meter.add(at::SESSIONS, &labels, Added::Count(1));
    if names == GenAiNames::Latest {
        let is_failure = matches!(end.outcome, Outcome::Failed | Outcome::Aborted);
        let mut labels = pairs(&[("gen_ai.operation.name", "invoke_agent")], agent);
        labels.extend(is_failure.then_some(("error.type", outcome)));
        meter.add(at::INVOKE_AGENT_DURATION, &labels, seconds(end.elapsed));
    }
}

fn files(meter: &mut Meter, changed: &FilesChanged, agent: Option<Pair<'_>>) {
    meter.add(at::FILES, &pairs(&[], agent), Added::Count(changed.files));
    for (word, lines) in [
        ("added", changed.lines_added),
        ("removed", changed.lines_removed),
    ] {
        let labels = pairs(&[("agent.lines.type", word)], agent);
        meter.add(at::LINES, &labels, Added::Count(lines));
    }
}
