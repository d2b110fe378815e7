//! `OpenLLMetry`, as the instrumentations of Traceloop speak beside the `GenAI` conventions.

use super::super::field::Field as F;
use super::super::field::{Key, key};
use super::super::read;
use super::{Group, Read, Row, Signal, plain, row, silent};

pub(super) const GROUP: Group = Group {
    title: "OpenLLMetry",
    from: "traceloop/openllmetry, opentelemetry-semantic-conventions-ai",
    rows: ROWS,
    keys: KEYS,
};

const fn request(name: &'static str) -> Row {
    row(
        Signal::Request,
        name,
        Read::With(read::genai_call),
        "model call",
    )
}

const ROWS: &[Row] = &[
    request("chat"),
    request("completion"),
    request("embedding"),
    silent(
        Signal::Request,
        "rerank",
        "nothing: not a call that tokens are told of",
    ),
    silent(Signal::Request, "unknown", "nothing"),
    row(Signal::Entity, "tool", Read::With(read::tool), "tool call"),
    row(
        Signal::Entity,
        "agent",
        Read::With(read::agent_run),
        "agent began and ended",
    ),
    silent(
        Signal::Entity,
        "workflow",
        "nothing: the calls within are told",
    ),
    silent(Signal::Entity, "task", "nothing: the calls within are told"),
    plain("gen_ai.client.generation.choices"),
    plain("llm.openai.chat_completions.exceptions"),
    plain("llm.openai.chat_completions.streaming_time_to_first_token"),
    plain("llm.openai.chat_completions.streaming_time_to_generate"),
    plain("llm.openai.embeddings.exceptions"),
    plain("llm.openai.embeddings.vector_size"),
    plain("llm.anthropic.completion.exceptions"),
];

const KEYS: &[Key] = &[
    key("llm.request.type", F::RequestType),
    key("llm.vendor", F::Provider),
    key("llm.request.model", F::RequestModel),
    key("llm.response.model", F::ResponseModel),
    key("llm.usage.prompt_tokens", F::Input),
    key("llm.usage.completion_tokens", F::Output),
    key("gen_ai.usage.total_tokens", F::Total),
    key("llm.usage.total_tokens", F::Total),
    key("gen_ai.usage.cache_read_input_tokens", F::CacheRead),
    key("llm.usage.cache_read_input_tokens", F::CacheRead),
    key("gen_ai.usage.cache_creation_input_tokens", F::CacheWrite),
    key("llm.usage.cache_creation_input_tokens", F::CacheWrite),
    key("gen_ai.usage.reasoning_tokens", F::Reasoning),
    key("llm.usage.reasoning_tokens", F::Reasoning),
    key("llm.response.finish_reason", F::StopReason),
    key("gen_ai.response.finish_reason", F::StopReason),
    key("gen_ai.response.stop_reason", F::StopReason),
    key("llm.is_streaming", F::Streamed),
    key("gen_ai.is_streaming", F::Streamed),
    key("traceloop.span.kind", F::Entity),
    key("traceloop.entity.name", F::EntityName),
    key("traceloop.association.properties.session_id", F::Session),
    key("traceloop.association.properties.thread_id", F::Session),
    key("traceloop.association.properties.user_id", F::User),
    key("traceloop.entity.input", F::Content),
    key("traceloop.entity.output", F::Content),
];
