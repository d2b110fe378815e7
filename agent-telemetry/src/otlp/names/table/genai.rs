//! The GenAI conventions of OpenTelemetry, three generations of them, and what stands in every resource.

use super::super::super::seen::Bucket;
use super::super::field::Field as F;
use super::super::field::{Key, key};
use super::super::read;
use super::{Group, Read, Row, Signal, event, metric, plain, refused, row, silent};

pub(super) const GROUP: Group = Group {
    title: "OpenTelemetry GenAI",
    from: "open-telemetry/semantic-conventions up to 1.36 and 1.37 to 1.41, \
           open-telemetry/semantic-conventions-genai (pull requests 374, 440, 521)",
    rows: ROWS,
    keys: KEYS,
};

const fn operation(name: &'static str, read: super::Reader, becomes: &'static str) -> Row {
    row(Signal::Operation, name, Read::With(read), becomes)
}

const CALL: &str = "model call";
const TIME: &str = "metric: mean time";
const NOTHING: &str = "nothing: not a call of a model";

const ROWS: &[Row] = &[
    operation("chat", read::genai_call, CALL),
    operation("generate_content", read::genai_call, CALL),
    operation("text_completion", read::genai_call, CALL),
    operation("embeddings", read::genai_call, CALL),
    operation("execute_tool", read::tool, "tool call"),
    operation(
        "invoke_agent",
        read::agent_run,
        "agent began and ended; its tokens are those of the calls within",
    ),
    silent(
        Signal::Operation,
        "invoke_workflow",
        "nothing: the agents and calls within are told",
    ),
    silent(
        Signal::Operation,
        "create_agent",
        "nothing: the agent does not work yet",
    ),
    silent(
        Signal::Operation,
        "plan",
        "nothing: the call within is told",
    ),
    silent(
        Signal::Operation,
        "fetch_response",
        "nothing: the call was told when it was made",
    ),
    silent(Signal::Operation, "retrieval", NOTHING),
    silent(Signal::Operation, "create_memory", NOTHING),
    silent(Signal::Operation, "update_memory", NOTHING),
    silent(Signal::Operation, "upsert_memory", NOTHING),
    silent(Signal::Operation, "delete_memory", NOTHING),
    silent(Signal::Operation, "search_memory", NOTHING),
    silent(Signal::Operation, "create_memory_store", NOTHING),
    silent(Signal::Operation, "delete_memory_store", NOTHING),
    event(
        "gen_ai.client.inference.operation.details",
        read::genai_event,
        "model call, the one of its span",
    ),
    event(
        "gen_ai.client.operation.exception",
        read::genai_event,
        "failed model call, the one of its span",
    ),
    event(
        "gen_ai.client.inference.operation.exception",
        read::genai_event,
        "failed model call, the one of its span",
    ),
    event(
        "gen_ai.evaluation.result",
        read::evaluation,
        "metric: score under the name of the evaluation",
    ),
    refused("gen_ai.system.message"),
    refused("gen_ai.user.message"),
    refused("gen_ai.assistant.message"),
    refused("gen_ai.tool.message"),
    refused("gen_ai.choice"),
    refused("gen_ai.content.prompt"),
    refused("gen_ai.content.completion"),
    metric(
        "gen_ai.client.token.usage",
        Read::Tokens(&[
            ("input", Bucket::InputInclusive),
            ("output", Bucket::Output),
            // As 1.27 and before called the output.
            ("completion", Bucket::Output),
        ]),
        "tokens: input with cached ones, output",
    ),
    metric(
        "gen_ai.client.inference.usage.input_tokens",
        Read::Amount(Bucket::InputInclusive),
        "tokens: input with cached ones",
    ),
    metric(
        "gen_ai.client.inference.usage.output_tokens",
        Read::Amount(Bucket::Output),
        "tokens: output",
    ),
    metric(
        "gen_ai.client.inference.usage.cache_read.input_tokens",
        Read::Amount(Bucket::CacheRead),
        "tokens: read from a cache",
    ),
    metric(
        "gen_ai.client.inference.usage.cache_write.input_tokens",
        Read::Amount(Bucket::CacheWrite),
        "tokens: written to a cache",
    ),
    metric(
        "gen_ai.client.inference.usage.reasoning.output_tokens",
        Read::Amount(Bucket::Reasoning),
        "tokens: reasoning",
    ),
    metric(
        "gen_ai.client.operation.duration",
        Read::Calls,
        "calls; metric: mean time",
    ),
    metric(
        "gen_ai.client.inference.duration",
        Read::Calls,
        "calls; metric: mean time",
    ),
    metric(
        "gen_ai.client.operation.time_to_first_chunk",
        Read::Plain(&[], None),
        TIME,
    ),
    metric(
        "gen_ai.client.operation.time_per_output_chunk",
        Read::Plain(&[], None),
        TIME,
    ),
    metric(
        "gen_ai.client.inference.time_to_first_chunk",
        Read::Plain(&[], None),
        TIME,
    ),
    metric(
        "gen_ai.client.inference.time_per_output_chunk",
        Read::Plain(&[], None),
        TIME,
    ),
    metric(
        "gen_ai.client.inference.operation.input_tokens",
        Read::Plain(&[], None),
        "metric: mean; sums are told by the counters",
    ),
    metric(
        "gen_ai.client.inference.operation.output_tokens",
        Read::Plain(&[], None),
        "metric: mean; sums are told by the counters",
    ),
    metric("gen_ai.invoke_agent.duration", Read::Plain(&[], None), TIME),
    plain("gen_ai.invoke_agent.inference_calls"),
    plain("gen_ai.invoke_agent.tool_calls"),
    metric("gen_ai.execute_tool.duration", Read::Plain(&[], None), TIME),
    metric(
        "gen_ai.invoke_workflow.duration",
        Read::Plain(&[], None),
        TIME,
    ),
    metric("gen_ai.workflow.duration", Read::Plain(&[], None), TIME),
    metric(
        "gen_ai.server.request.duration",
        Read::Plain(&[], None),
        TIME,
    ),
    metric(
        "gen_ai.server.time_per_output_token",
        Read::Plain(&[], None),
        TIME,
    ),
    metric(
        "gen_ai.server.time_to_first_token",
        Read::Plain(&[], None),
        TIME,
    ),
    metric(
        "mcp.client.operation.duration",
        Read::Plain(&[], None),
        TIME,
    ),
    metric("mcp.client.session.duration", Read::Plain(&[], None), TIME),
    metric(
        "mcp.server.operation.duration",
        Read::Plain(&[], None),
        TIME,
    ),
    metric("mcp.server.session.duration", Read::Plain(&[], None), TIME),
];

const KEYS: &[Key] = &[
    key("service.name", F::Service),
    key("service.instance.id", F::Instance),
    key("process.pid", F::Process),
    key("agent.project", F::Project),
    key("project", F::Project),
    key("service.namespace", F::Project),
    key("session.id", F::Session),
    key("gen_ai.conversation.id", F::Session),
    key("user.email", F::User),
    key("enduser.id", F::User),
    key("user.id", F::User),
    key("event.name", F::EventName),
    key("otel.metric.overflow", F::Overflow),
    key("error.type", F::ErrorType),
    key("http.response.status_code", F::StatusCode),
    key("mcp.method.name", F::Protocol),
    key("gen_ai.operation.name", F::Operation),
    key("gen_ai.provider.name", F::Provider),
    key("gen_ai.system", F::Provider),
    key("gen_ai.response.model", F::ResponseModel),
    key("gen_ai.request.model", F::RequestModel),
    key("gen_ai.response.id", F::Response),
    key("gen_ai.response.finish_reasons", F::StopReason),
    key("gen_ai.response.time_to_first_chunk", F::FirstTokenS),
    key("gen_ai.request.stream", F::Streamed),
    key("gen_ai.conversation.compacted", F::Compacted),
    key("gen_ai.usage.input_tokens", F::Input),
    key("gen_ai.usage.prompt_tokens", F::Input),
    key("gen_ai.usage.output_tokens", F::Output),
    key("gen_ai.usage.completion_tokens", F::Output),
    key("gen_ai.usage.cache_read.input_tokens", F::CacheRead),
    key("gen_ai.usage.cache_write.input_tokens", F::CacheWrite),
    key("gen_ai.usage.cache_creation.input_tokens", F::CacheWrite),
    key("gen_ai.usage.reasoning.output_tokens", F::Reasoning),
    key("gen_ai.usage.cost.amount", F::CostUsd),
    key("gen_ai.token.type", F::TokenType),
    key("gen_ai.agent.name", F::AgentName),
    key("gen_ai.agent.id", F::AgentId),
    key("gen_ai.tool.name", F::ToolName),
    key("gen_ai.tool.call.id", F::ToolCall),
    key("gen_ai.evaluation.name", F::ScoreName),
    key("gen_ai.evaluation.score.value", F::Score),
    key("openai.response.service_tier", F::ServiceTier),
    key("gen_ai.openai.response.service_tier", F::ServiceTier),
    key("openai.request.service_tier", F::ServiceTier),
    key("gen_ai.openai.request.service_tier", F::ServiceTier),
    key("gen_ai.input.messages", F::Content),
    key("gen_ai.output.messages", F::Content),
    key("gen_ai.system_instructions", F::Content),
    key("gen_ai.prompt", F::Content),
    key("gen_ai.completion", F::Content),
    key("gen_ai.tool.call.arguments", F::Content),
    key("gen_ai.tool.call.result", F::Content),
    key("gen_ai.tool.definitions", F::Content),
    key("gen_ai.tool.description", F::Content),
    key("gen_ai.agent.description", F::Content),
    key("gen_ai.evaluation.explanation", F::Content),
];
