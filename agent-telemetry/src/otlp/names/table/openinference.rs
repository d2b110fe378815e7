//! `OpenInference`, as Phoenix and its instrumentations speak.

use super::super::field::Field as F;
use super::super::field::{Key, key};
use super::super::read;
use super::{Group, Read, Row, Signal, row, silent};

pub(super) const GROUP: Group = Group {
    title: "OpenInference",
    from: "Arize-ai/openinference, spec/semantic_conventions.md",
    rows: ROWS,
    keys: KEYS,
};

const fn kind(name: &'static str, read: super::Reader, becomes: &'static str) -> Row {
    row(Signal::Kind, name, Read::With(read), becomes)
}

const fn unkept(name: &'static str) -> Row {
    silent(Signal::Kind, name, "nothing: the calls within are told")
}

const ROWS: &[Row] = &[
    kind("LLM", read::genai_call, "model call"),
    kind("EMBEDDING", read::genai_call, "model call"),
    kind("TOOL", read::tool, "tool call"),
    kind("AGENT", read::agent_run, "agent began and ended"),
    unkept("CHAIN"),
    unkept("RETRIEVER"),
    unkept("RERANKER"),
    unkept("GUARDRAIL"),
    unkept("EVALUATOR"),
    unkept("PROMPT"),
];

const KEYS: &[Key] = &[
    key("openinference.span.kind", F::SpanKind),
    key("llm.provider", F::Provider),
    key("llm.system", F::Provider),
    key("llm.model_name", F::RequestModel),
    key("embedding.model_name", F::RequestModel),
    key("llm.token_count.prompt", F::Input),
    key("llm.token_count.completion", F::Output),
    key("llm.token_count.total", F::Total),
    key("llm.token_count.prompt_details.cache_read", F::CacheRead),
    key("llm.token_count.prompt_details.cache_write", F::CacheWrite),
    key("llm.token_count.completion_details.reasoning", F::Reasoning),
    key("llm.cost.total", F::CostUsd),
    key("llm.finish_reason", F::StopReason),
    key("tool.name", F::ToolName),
    key("tool_call.id", F::ToolCall),
    key("input.value", F::Content),
    key("output.value", F::Content),
    key("llm.input_messages", F::Content),
    key("llm.output_messages", F::Content),
    key("llm.invocation_parameters", F::Content),
    key("tool.parameters", F::Content),
    key("tool.description", F::Content),
    key("metadata", F::Content),
];
