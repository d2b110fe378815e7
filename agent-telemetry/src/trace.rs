//! `tracing` spans and events beside the records, with the attribute names of the OpenTelemetry
//! GenAI conventions. Without a subscriber each costs one atomic load.

use agent_primitives::{AgentId, FailureKind, Handoff, ModelId, ProviderId, SessionId, ToolName};
use tracing::{Level, Span, debug, debug_span, field, info_span};

use crate::{GenAiNames, ModelCall, Outcome, ToolOutcome};

pub(crate) fn session_span(session: &SessionId, agent: &AgentId) -> Span {
    info_span!(
        target: "agent_telemetry",
        "invoke_agent",
        gen_ai.operation.name = "invoke_agent",
        gen_ai.conversation.id = session.as_str(),
        gen_ai.agent.name = agent.as_str(),
        outcome = field::Empty,
    )
}

pub(crate) fn session_end(span: &Span, outcome: Outcome) {
    span.record("outcome", outcome.as_str());
}

pub(crate) fn tool_span(session: &Span, tool: &ToolName) -> Span {
    debug_span!(
        target: "agent_telemetry",
        parent: session,
        "execute_tool",
        gen_ai.operation.name = "execute_tool",
        gen_ai.tool.name = tool.as_str(),
        outcome = field::Empty,
    )
}

pub(crate) fn tool_end(span: &Span, outcome: ToolOutcome) {
    span.record("outcome", outcome.as_str());
}

/// Whether anybody may listen to calls.
pub(crate) fn is_enabled() -> bool {
    tracing::enabled!(target: "agent_telemetry", Level::DEBUG)
}

/// Names of other generations stay empty, and what is empty no subscriber sees.
pub(crate) fn chat_span(
    session: &Span,
    names: GenAiNames,
    provider: &ProviderId,
    model: &ModelId,
) -> Span {
    debug_span!(
        target: "agent_telemetry",
        parent: session,
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.system = names.system(provider),
        gen_ai.provider.name = names.provider(provider),
        gen_ai.request.model = model.as_str(),
        gen_ai.usage.input_tokens = field::Empty,
        gen_ai.usage.cache_read.input_tokens = field::Empty,
        gen_ai.usage.cache_creation.input_tokens = field::Empty,
        gen_ai.usage.cache_write.input_tokens = field::Empty,
        gen_ai.usage.output_tokens = field::Empty,
        gen_ai.usage.reasoning.output_tokens = field::Empty,
        gen_ai.response.time_to_first_chunk = field::Empty,
        error.type = field::Empty,
    )
}

pub(crate) fn chat_end(span: &Span, names: GenAiNames, call: &ModelCall) {
    let usage = &call.usage;
    // The conventions count cached tokens as input.
    span.record("gen_ai.usage.input_tokens", usage.input_total());
    for (name, tokens) in names.parts(usage) {
        span.record(name, tokens);
    }
    span.record("gen_ai.usage.output_tokens", usage.output());
    if let Some(after) = call.first_token.filter(|_| names.has_first_chunk()) {
        span.record("gen_ai.response.time_to_first_chunk", after.as_secs_f64());
    }
    if let Some(kind) = call.failure {
        span.record("error.type", kind.as_str());
    }
}

pub(crate) fn model_call(session: &Span, names: GenAiNames, call: &ModelCall) {
    // The conventions count cached tokens as input.
    debug!(
        target: "agent_telemetry",
        parent: session,
        {
            gen_ai.operation.name = "chat",
            gen_ai.system = names.system(&call.provider),
            gen_ai.provider.name = names.provider(&call.provider),
            gen_ai.request.model = call.model.as_str(),
            gen_ai.usage.input_tokens = call.usage.input_total(),
            gen_ai.usage.cache_read.input_tokens = names.cache_read(&call.usage),
            gen_ai.usage.cache_creation.input_tokens = names.cache_creation(&call.usage),
            gen_ai.usage.cache_write.input_tokens = names.cache_write(&call.usage),
            gen_ai.usage.output_tokens = call.usage.output(),
            gen_ai.usage.reasoning.output_tokens = names.reasoning(&call.usage),
            error.type = call.failure.map(FailureKind::as_str),
            latency_ms = call.latency.as_secs_f64() * 1e3,
        },
        "model call"
    );
}

pub(crate) fn handoff(session: &Span, handoff: &Handoff) {
    debug!(
        target: "agent_telemetry",
        parent: session,
        from = handoff.from.name(),
        to = handoff.to.name(),
        reason = handoff.reason.as_str(),
        initiator = handoff.initiator.as_str(),
        "handoff"
    );
}
