//! Claude Code: metrics, events, and spans of its beta.

use super::super::super::seen::Bucket;
use super::super::field::Field as F;
use super::super::field::{Key, key};
use super::super::read;
use super::{Group, Read, Row, Signal, event, metric, plain, refused, row, silent};

pub(super) const GROUP: Group = Group {
    title: "Claude Code",
    from: "code.claude.com/docs/en/monitoring-usage, versions to 2.1.266; input tokens are told without cached ones",
    rows: ROWS,
    keys: KEYS,
};

const fn span(name: &'static str, read: super::Reader, becomes: &'static str) -> Row {
    row(Signal::Span, name, Read::With(read), becomes)
}

/// An event of which records keep nothing.
const fn unkept(name: &'static str) -> Row {
    silent(Signal::Event, name, "nothing")
}

const ROWS: &[Row] = &[
    metric("claude_code.session.count", Read::Began, "session began"),
    metric(
        "claude_code.lines_of_code.count",
        Read::Lines,
        "lines changed, by `type`",
    ),
    plain("claude_code.pull_request.count"),
    plain("claude_code.commit.count"),
    metric("claude_code.cost.usage", Read::Amount(Bucket::Cost), "cost"),
    metric(
        "claude_code.token.usage",
        Read::Tokens(&[
            ("input", Bucket::Input),
            ("output", Bucket::Output),
            ("cacheRead", Bucket::CacheRead),
            ("cacheCreation", Bucket::CacheWrite),
        ]),
        "tokens, by `type`",
    ),
    metric(
        "claude_code.code_edit_tool.decision",
        Read::Plain(&["accept", "reject"], None),
        "metric, by `decision`",
    ),
    metric(
        "claude_code.active_time.total",
        Read::Plain(&["user", "cli"], None),
        "metric, by `type`",
    ),
    event("claude_code.user_prompt", read::turn, "metric `turns`"),
    silent(
        Signal::Event,
        "claude_code.assistant_response",
        "nothing: `claude_code.api_request` tells the call",
    ),
    event("claude_code.api_request", read::claude_call, "model call"),
    event(
        "claude_code.api_error",
        read::claude_call,
        "failed model call",
    ),
    silent(
        Signal::Event,
        "claude_code.api_retries_exhausted",
        "nothing: `claude_code.api_error` tells the call, with its attempts",
    ),
    event(
        "claude_code.api_refusal",
        read::refused_answer,
        "violation `model_refused`",
    ),
    event("claude_code.tool_result", read::tool, "tool call"),
    event(
        "claude_code.tool_decision",
        read::rejected,
        "violation `tool_rejected`, where it is one",
    ),
    event(
        "claude_code.subagent_completed",
        read::agent_ended,
        "agent ended; `total_tokens` are of its last request, and not counted",
    ),
    event("claude_code.compaction", read::compaction, "compaction"),
    event(
        "claude_code.hook_execution_complete",
        read::stopped_by_hook,
        "violation `hook_blocked`, where it is one",
    ),
    unkept("claude_code.permission_mode_changed"),
    unkept("claude_code.hook_registered"),
    unkept("claude_code.hook_execution_start"),
    unkept("claude_code.hook_plugin_metrics"),
    unkept("claude_code.auth"),
    unkept("claude_code.mcp_server_connection"),
    unkept("claude_code.internal_error"),
    unkept("claude_code.plugin_installed"),
    unkept("claude_code.plugin_loaded"),
    unkept("claude_code.skill_activated"),
    unkept("claude_code.at_mention"),
    unkept("claude_code.feedback_survey"),
    unkept("claude_code.retention_sweep"),
    refused("claude_code.api_request_body"),
    refused("claude_code.api_response_body"),
    span("claude_code.llm_request", read::claude_call, "model call"),
    span("claude_code.tool", read::tool, "tool call"),
    span(
        "claude_code.tool.blocked_on_user",
        read::waited,
        "metric `waited_for_user`",
    ),
    silent(
        Signal::Span,
        "claude_code.tool.execution",
        "nothing: `claude_code.tool` tells the call",
    ),
    silent(
        Signal::Span,
        "claude_code.interaction",
        "nothing: `claude_code.user_prompt` tells the turn",
    ),
    silent(Signal::Span, "claude_code.hook", "nothing"),
];

const KEYS: &[Key] = &[
    key("user.account_uuid", F::User),
    key("user.account_id", F::User),
    key("model", F::RequestModel),
    key("input_tokens", F::InputUncached),
    key("output_tokens", F::Output),
    key("cache_read_tokens", F::CacheRead),
    key("cache_creation_tokens", F::CacheWrite),
    key("cost_usd_micros", F::CostMicros),
    key("cost_usd", F::CostUsd),
    key("duration_ms", F::LatencyMs),
    key("ttft_ms", F::FirstTokenMs),
    key("attempt", F::Attempts),
    key("status_code", F::StatusCode),
    key("error_type", F::ErrorType),
    key("error", F::ErrorText),
    key("stop_reason", F::StopReason),
    key("speed", F::ServiceTier),
    key("request_id", F::Request),
    key("client_request_id", F::ClientRequest),
    key("success", F::Success),
    key("tool_name", F::ToolName),
    key("tool_use_id", F::ToolCall),
    key("decision", F::Verdict),
    key("source", F::VerdictSource),
    key("type", F::TokenType),
    key("start_type", F::StartType),
    key("agent.name", F::AgentName),
    key("agent_type", F::AgentName),
    key("agent_id", F::AgentId),
    key("parent_agent_id", F::ParentAgent),
    key("pre_tokens", F::Before),
    key("post_tokens", F::After),
    key("trigger", F::Trigger),
    key("num_blocking", F::Blocking),
    key("hook_event", F::HookEvent),
    key("event.sequence", F::Sequence),
    key("prompt", F::Content),
    key("response", F::Content),
    key("tool_input", F::Content),
    key("tool_parameters", F::Content),
    key("file_path", F::Content),
    key("body", F::Content),
];
