//! Gemini CLI.

use super::super::super::seen::Bucket;
use super::super::field::Field as F;
use super::super::field::{Key, key};
use super::super::read;
use super::{Group, Read, Row, Signal, event, metric, plain, silent};

pub(super) const GROUP: Group = Group {
    title: "Gemini CLI",
    from: "google-gemini/gemini-cli, docs/cli/telemetry.md and packages/core/src/telemetry/metrics.ts; \
           of its `gen_ai` events and spans nothing is taken, as its own events tell the same with thoughts and cache",
    rows: ROWS,
    keys: KEYS,
};

const fn unkept(name: &'static str) -> Row {
    silent(Signal::Event, name, "nothing")
}

const ROWS: &[Row] = &[
    event("gemini_cli.config", read::began, "session began"),
    event("gemini_cli.user_prompt", read::turn, "metric `turns`"),
    event(
        "gemini_cli.tool_call",
        read::gemini_tool,
        "tool call, or violation `tool_rejected`",
    ),
    silent(
        Signal::Event,
        "gemini_cli.api_request",
        "nothing: the answer or the error tells the call",
    ),
    event("gemini_cli.api_response", read::gemini_call, "model call"),
    event(
        "gemini_cli.api_error",
        read::gemini_call,
        "failed model call",
    ),
    event(
        "gemini_cli.model_routing",
        read::routing,
        "decision about `model`",
    ),
    event(
        "gemini_cli.flash_fallback",
        read::fallback,
        "decision about `model`",
    ),
    event(
        "gemini_cli.chat_compression",
        read::gemini_compaction,
        "compaction",
    ),
    event("gemini_cli.agent.start", read::began, "agent began"),
    event("gemini_cli.agent.finish", read::agent_ended, "agent ended"),
    silent(
        Signal::Event,
        "gemini_cli.conversation_finished",
        "nothing: it comes at the end of each turn that nobody has to allow",
    ),
    silent(
        Signal::Event,
        "gemini_cli.file_operation",
        "nothing: `gemini_cli.file.operation.count` tells the same",
    ),
    unkept("gemini_cli.tool_output_truncated"),
    unkept("gemini_cli.edit_strategy"),
    unkept("gemini_cli.edit_correction"),
    unkept("gemini_cli.malformed_json_response"),
    unkept("gemini_cli.slash_command"),
    unkept("gemini_cli.slash_command.model"),
    unkept("gemini_cli.chat.invalid_chunk"),
    unkept("gemini_cli.chat.content_retry"),
    unkept("gemini_cli.chat.content_retry_failure"),
    unkept("gemini_cli.next_speaker_check"),
    unkept("gemini_cli.ripgrep_fallback"),
    unkept("gemini_cli.web_fetch_fallback_attempt"),
    unkept("gemini_cli.extension_install"),
    unkept("gemini_cli.extension_uninstall"),
    unkept("gemini_cli.extension_enable"),
    unkept("gemini_cli.extension_disable"),
    unkept("gemini_cli.extension_update"),
    unkept("gemini_cli.ide_connection"),
    metric("gemini_cli.session.count", Read::Began, "session began"),
    metric(
        "gemini_cli.token.usage",
        Read::Tokens(&[
            ("input", Bucket::InputInclusive),
            ("output", Bucket::OutputExclusive),
            ("thought", Bucket::Reasoning),
            ("cache", Bucket::CacheRead),
            // Results of tools are input that `input` does not hold.
            ("tool", Bucket::InputInclusive),
        ]),
        "tokens, by `type`: input with cached ones, `tool` beside it, output without `thought`",
    ),
    metric(
        "gemini_cli.lines.changed",
        Read::Lines,
        "lines changed, by `type`",
    ),
    metric(
        "gemini_cli.file.operation.count",
        Read::Files(&["create", "update"]),
        "files changed, where `operation` is `create` or `update`",
    ),
    metric(
        "gemini_cli.api.request.count",
        Read::Amount(Bucket::Calls),
        "calls",
    ),
    plain("gemini_cli.tool.call.count"),
    plain("gemini_cli.tool.call.latency"),
    plain("gemini_cli.api.request.latency"),
    plain("gemini_cli.chat_compression"),
    plain("gemini_cli.chat.invalid_chunk.count"),
    plain("gemini_cli.chat.content_retry.count"),
    plain("gemini_cli.chat.content_retry_failure.count"),
    plain("gemini_cli.slash_command.model.call_count"),
    plain("gemini_cli.model_routing.latency"),
    plain("gemini_cli.model_routing.failure.count"),
    plain("gemini_cli.agent.run.count"),
    plain("gemini_cli.agent.duration"),
    plain("gemini_cli.agent.turns"),
    plain("gemini_cli.agent.recovery_attempt.count"),
    plain("gemini_cli.agent.recovery_attempt.duration"),
    plain("gemini_cli.plan.execution.count"),
    plain("gemini_cli.hook_call.count"),
    plain("gemini_cli.hook_call.latency"),
    plain("gemini_cli.ui.flicker.count"),
    plain("gemini_cli.ui.slow_render.latency"),
    plain("gemini_cli.exit.fail.count"),
    plain("gemini_cli.startup.duration"),
    plain("gemini_cli.memory.usage"),
    plain("gemini_cli.cpu.usage"),
    plain("gemini_cli.tool.queue.depth"),
    plain("gemini_cli.tool.execution.breakdown"),
    plain("gemini_cli.api.request.breakdown"),
    plain("gemini_cli.token.efficiency"),
    plain("gemini_cli.performance.score"),
    plain("gemini_cli.performance.regression"),
    plain("gemini_cli.performance.regression.percentage_change"),
    plain("gemini_cli.performance.baseline.comparison"),
];

const KEYS: &[Key] = &[
    key("cached_content_token_count", F::CacheRead),
    key("thoughts_token_count", F::Thoughts),
    key("tool_token_count", F::ToolTokens),
    key("function_name", F::ToolName),
    key("agent_name", F::AgentName),
    key("terminate_reason", F::Ending),
    key("finish_reasons", F::StopReason),
    key("tokens_before", F::Before),
    key("tokens_after", F::After),
    key("decision_model", F::ChosenModel),
    key("failed", F::Failed),
    key("operation", F::Sort),
    key("gen_ai.tool.call_id", F::ToolCall),
    key("function_args", F::Content),
    key("request_text", F::Content),
    key("response_text", F::Content),
    key("reasoning", F::Content),
];
