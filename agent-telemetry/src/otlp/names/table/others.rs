//! Names of single programs, and strays of the conventions.

use super::super::field::Field as F;
use super::super::field::{Key, key};
use super::super::read;
use super::{Group, Read, Row, Signal, row, silent};

pub(super) const GROUP: Group = Group {
    title: "Others",
    from: "pydantic-ai, Langfuse, LangSmith, OpenLIT and the Vercel AI SDK (spans `ai.*`)",
    rows: ROWS,
    keys: KEYS,
};

const fn call(name: &'static str) -> Row {
    row(
        Signal::Span,
        name,
        Read::With(read::genai_call),
        "model call",
    )
}

const fn within(name: &'static str) -> Row {
    silent(Signal::Span, name, "nothing: the calls within are told")
}

const ROWS: &[Row] = &[
    call("ai.generateText.doGenerate"),
    call("ai.streamText.doStream"),
    call("ai.generateObject.doGenerate"),
    call("ai.streamObject.doStream"),
    call("ai.embed.doEmbed"),
    call("ai.embedMany.doEmbed"),
    within("ai.generateText"),
    within("ai.streamText"),
    within("ai.generateObject"),
    within("ai.streamObject"),
    within("ai.embed"),
    within("ai.embedMany"),
    row(
        Signal::Span,
        "ai.toolCall",
        Read::With(read::tool),
        "tool call",
    ),
];

const KEYS: &[Key] = &[
    key("gen_ai.usage.cache_read_tokens", F::CacheRead),
    key("gen_ai.usage.details.cache_read_tokens", F::CacheRead),
    key("gen_ai.usage.details.cache_read_input_tokens", F::CacheRead),
    key("gen_ai.usage.input_cached_tokens", F::CacheRead),
    key("gen_ai.usage.cache_write_tokens", F::CacheWrite),
    key("gen_ai.usage.details.cache_write_tokens", F::CacheWrite),
    key(
        "gen_ai.usage.details.cache_creation_input_tokens",
        F::CacheWrite,
    ),
    key("gen_ai.usage.input_cache_creation", F::CacheWrite),
    key("gen_ai.usage.details.reasoning_tokens", F::Reasoning),
    key("gen_ai.usage.cost", F::CostUsd),
    key("operation.cost", F::CostUsd),
    key("langfuse.session.id", F::Session),
    key("langsmith.trace.session_id", F::Session),
    key("ai.telemetry.metadata.sessionId", F::Session),
    key("session_id", F::Session),
    key("thread_id", F::Session),
    key("ai.model.provider", F::Provider),
    key("ai.model.id", F::RequestModel),
    key("ai.response.model", F::ResponseModel),
    key("ai.response.id", F::Response),
    key("ai.response.finishReason", F::StopReason),
    key("ai.response.msToFirstChunk", F::FirstTokenMs),
    key("ai.usage.inputTokens", F::Input),
    key("ai.usage.promptTokens", F::Input),
    key("ai.usage.outputTokens", F::Output),
    key("ai.usage.completionTokens", F::Output),
    key("ai.usage.cachedInputTokens", F::CacheRead),
    key("ai.usage.reasoningTokens", F::Reasoning),
    key("ai.usage.tokens", F::Input),
    key("ai.toolCall.name", F::ToolName),
    key("ai.toolCall.id", F::ToolCall),
    key("ai.prompt", F::Content),
    key("ai.prompt.messages", F::Content),
    key("ai.response.text", F::Content),
    key("ai.response.toolCalls", F::Content),
    key("ai.toolCall.args", F::Content),
    key("ai.toolCall.result", F::Content),
    key("all_messages_events", F::Content),
    key("final_result", F::Content),
];
