//! Codex CLI.

use super::super::field::Field as F;
use super::super::field::{Key, key};
use super::super::read;
use super::super::unit::MILLISECONDS;
use super::{Group, Read, Row, Signal, event, metric, plain, silent};

pub(super) const GROUP: Group = Group {
    title: "Codex",
    from: "openai/codex, codex-rs/otel/src/events/session_telemetry.rs and metrics/names.rs; \
           the events also arrive as events of its spans",
    rows: ROWS,
    keys: KEYS,
};

const fn time(name: &'static str) -> Row {
    metric(
        name,
        Read::Plain(&[], Some(MILLISECONDS)),
        "metric: mean time",
    )
}

const fn unkept(name: &'static str) -> Row {
    silent(Signal::Event, name, "nothing")
}

const ROWS: &[Row] = &[
    event("codex.conversation_starts", read::began, "session began"),
    event("codex.user_prompt", read::turn, "metric `turns`"),
    event(
        "codex.api_request",
        read::codex_request,
        "failed model call, where it failed; else `codex.sse_event` tells it",
    ),
    event(
        "codex.sse_event",
        read::codex_answer,
        "model call, where `event.kind` is `response.completed` or it failed",
    ),
    event("codex.tool_result", read::tool, "tool call"),
    event(
        "codex.tool_decision",
        read::rejected,
        "violation `tool_rejected`, where it is one",
    ),
    unkept("codex.websocket_connect"),
    unkept("codex.websocket_request"),
    unkept("codex.websocket_event"),
    unkept("codex.turn_ttft"),
    unkept("codex.sandbox_outcome"),
    unkept("codex.auth_recovery"),
    metric(
        "codex.turn.token_usage",
        Read::Plain(
            &[
                "input",
                "cached_input",
                "cache_write_input",
                "output",
                "reasoning_output",
                "total",
            ],
            Some(super::super::unit::one(crate::Unit::Tokens)),
        ),
        "metric, by `token_type`: it names no conversation, and the events tell all calls",
    ),
    plain("codex.thread.started"),
    time("codex.turn.e2e_duration_ms"),
    time("codex.turn.ttft.duration_ms"),
    time("codex.turn.ttfm.duration_ms"),
    plain("codex.turn.tool.call"),
    plain("codex.turn.network_proxy"),
    plain("codex.turn.memory"),
    plain("codex.api_request"),
    time("codex.api_request.duration_ms"),
    plain("codex.sse_event"),
    time("codex.sse_event.duration_ms"),
    plain("codex.websocket.request"),
    time("codex.websocket.request.duration_ms"),
    plain("codex.websocket.event"),
    time("codex.websocket.event.duration_ms"),
    plain("codex.tool.call"),
    time("codex.tool.call.duration_ms"),
    plain("codex.tool.unified_exec"),
    time("codex.responses_api_overhead.duration_ms"),
    time("codex.responses_api_inference_time.duration_ms"),
    time("codex.responses_api_engine_iapi_ttft.duration_ms"),
    time("codex.responses_api_engine_service_ttft.duration_ms"),
    time("codex.responses_api_engine_iapi_tbt.duration_ms"),
    time("codex.responses_api_engine_service_tbt.duration_ms"),
    plain("codex.guardian.review"),
    time("codex.guardian.review.e2e_duration_ms"),
    time("codex.guardian.review.phase.duration_ms"),
    plain("codex.guardian.review.prompt.approx_tokens"),
    plain("codex.guardian.review.prompt.transcript_entries"),
    plain("codex.profile.usage"),
    plain("codex.plugins.startup_sync"),
    plain("codex.plugins.startup_sync.final"),
    time("codex.startup_prewarm.duration_ms"),
    time("codex.startup_prewarm.age_at_first_turn_ms"),
];

const KEYS: &[Key] = &[
    key("conversation.id", F::Session),
    key("thread.id", F::Session),
    key("input_token_count", F::Input),
    key("output_token_count", F::Output),
    key("cached_token_count", F::CacheRead),
    key("cache_write_token_count", F::CacheWrite),
    key("reasoning_token_count", F::Reasoning),
    key("call_id", F::ToolCall),
    key("event.kind", F::EventKind),
    key("error.message", F::ErrorText),
    key("token_type", F::TokenType),
    key("arguments", F::Content),
    key("output", F::Content),
];
