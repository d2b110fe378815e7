//! One row for each name of a metric.

use super::super::table::{Read, Signal};
use super::*;

/// Name, unit, attributes, and what 3 added by a sum say.
const AMOUNTS: &str = r"
gen_ai.client.token.usage | {token} | gen_ai.token.type=input gen_ai.system=openai gen_ai.request.model=m | InputInclusive 3 openai m
gen_ai.client.inference.usage.input_tokens | {token} | gen_ai.provider.name=openai gen_ai.request.model=m gen_ai.token.modality=text | InputInclusive 3 openai m
gen_ai.client.inference.usage.output_tokens | {token} | gen_ai.provider.name=openai gen_ai.request.model=m | Output 3 openai m
gen_ai.client.inference.usage.cache_read.input_tokens | {token} | gen_ai.provider.name=openai gen_ai.request.model=m | CacheRead 3 openai m
gen_ai.client.inference.usage.cache_write.input_tokens | {token} | gen_ai.provider.name=openai gen_ai.request.model=m | CacheWrite 3 openai m
gen_ai.client.inference.usage.reasoning.output_tokens | {token} | gen_ai.provider.name=openai gen_ai.request.model=m | Reasoning 3 openai m
gen_ai.client.operation.duration | s | gen_ai.operation.name=chat gen_ai.system=openai gen_ai.request.model=m | Calls 3 openai m
gen_ai.client.inference.duration | s | gen_ai.operation.name=chat gen_ai.system=openai gen_ai.request.model=m | Calls 3 openai m
claude_code.session.count |  | start_type=fresh | began resumed=false
claude_code.lines_of_code.count |  | type=added | files 0 +3 -0
claude_code.cost.usage | USD | model=claude-opus-5[1m] | Cost 3000000000000 anthropic claude-opus-5
claude_code.token.usage | tokens | type=input model=claude-opus-5[1m] query_source=main | Input 3 anthropic claude-opus-5
gemini_cli.session.count |  |  | began resumed=false
gemini_cli.token.usage |  | type=input model=gemini-3 | InputInclusive 3 gemini gemini-3
gemini_cli.lines.changed |  | type=removed | files 0 +0 -3
gemini_cli.file.operation.count |  | operation=create | files 3 +0 -0
gemini_cli.api.request.count |  | model=gemini-3 status_code=200 | Calls 3 gemini gemini-3
";

/// Name, unit, and the unit and value that 3 become.
const PLAIN: &str = r"
gen_ai.client.operation.time_to_first_chunk | s | 3 seconds
gen_ai.client.operation.time_per_output_chunk | s | 3 seconds
gen_ai.client.inference.time_to_first_chunk | s | 3 seconds
gen_ai.client.inference.time_per_output_chunk | s | 3 seconds
gen_ai.client.inference.operation.input_tokens | {token} | 3 tokens
gen_ai.client.inference.operation.output_tokens | {token} | 3 tokens
gen_ai.invoke_agent.duration | s | 3 seconds
gen_ai.invoke_agent.inference_calls | {inference_call} | 3 count
gen_ai.invoke_agent.tool_calls | {tool_call} | 3 count
gen_ai.execute_tool.duration | s | 3 seconds
gen_ai.invoke_workflow.duration | s | 3 seconds
gen_ai.workflow.duration | s | 3 seconds
gen_ai.server.request.duration | s | 3 seconds
gen_ai.server.time_per_output_token | s | 3 seconds
gen_ai.server.time_to_first_token | s | 3 seconds
mcp.client.operation.duration | s | 3 seconds
mcp.client.session.duration | s | 3 seconds
mcp.server.operation.duration | s | 3 seconds
mcp.server.session.duration | s | 3 seconds
claude_code.pull_request.count |  | 3 count
claude_code.commit.count |  | 3 count
claude_code.code_edit_tool.decision |  | 3 count
claude_code.active_time.total | s | 3 seconds
codex.turn.token_usage |  | 3 tokens
codex.thread.started |  | 3 count
codex.turn.e2e_duration_ms |  | 0.003 seconds
codex.turn.ttft.duration_ms | ms | 0.003 seconds
codex.turn.ttfm.duration_ms | ms | 0.003 seconds
codex.turn.tool.call |  | 3 count
codex.turn.network_proxy |  | 3 count
codex.turn.memory |  | 3 count
codex.api_request |  | 3 count
codex.api_request.duration_ms | ms | 0.003 seconds
codex.sse_event |  | 3 count
codex.sse_event.duration_ms | ms | 0.003 seconds
codex.websocket.request |  | 3 count
codex.websocket.request.duration_ms | ms | 0.003 seconds
codex.websocket.event |  | 3 count
codex.websocket.event.duration_ms | ms | 0.003 seconds
codex.tool.call |  | 3 count
codex.tool.call.duration_ms | ms | 0.003 seconds
codex.tool.unified_exec |  | 3 count
codex.responses_api_overhead.duration_ms | ms | 0.003 seconds
codex.responses_api_inference_time.duration_ms | ms | 0.003 seconds
codex.responses_api_engine_iapi_ttft.duration_ms | ms | 0.003 seconds
codex.responses_api_engine_service_ttft.duration_ms | ms | 0.003 seconds
codex.responses_api_engine_iapi_tbt.duration_ms | ms | 0.003 seconds
codex.responses_api_engine_service_tbt.duration_ms | ms | 0.003 seconds
codex.guardian.review |  | 3 count
codex.guardian.review.e2e_duration_ms | ms | 0.003 seconds
codex.guardian.review.phase.duration_ms | ms | 0.003 seconds
codex.guardian.review.prompt.approx_tokens |  | 3 tokens
codex.guardian.review.prompt.transcript_entries |  | 3 count
codex.profile.usage |  | 3 count
codex.plugins.startup_sync |  | 3 count
codex.plugins.startup_sync.final |  | 3 count
codex.startup_prewarm.duration_ms | ms | 0.003 seconds
codex.startup_prewarm.age_at_first_turn_ms | ms | 0.003 seconds
gemini_cli.tool.call.count |  | 3 count
gemini_cli.tool.call.latency | ms | 0.003 seconds
gemini_cli.api.request.latency | ms | 0.003 seconds
gemini_cli.chat_compression |  | 3 count
gemini_cli.chat.invalid_chunk.count |  | 3 count
gemini_cli.chat.content_retry.count |  | 3 count
gemini_cli.chat.content_retry_failure.count |  | 3 count
gemini_cli.slash_command.model.call_count |  | 3 count
gemini_cli.model_routing.latency | ms | 0.003 seconds
gemini_cli.model_routing.failure.count |  | 3 count
gemini_cli.agent.run.count |  | 3 count
gemini_cli.agent.duration | ms | 0.003 seconds
gemini_cli.agent.turns | turns | 3 count
gemini_cli.agent.recovery_attempt.count |  | 3 count
gemini_cli.agent.recovery_attempt.duration | ms | 0.003 seconds
gemini_cli.plan.execution.count |  | 3 count
gemini_cli.hook_call.count |  | 3 count
gemini_cli.hook_call.latency | ms | 0.003 seconds
gemini_cli.ui.flicker.count |  | 3 count
gemini_cli.ui.slow_render.latency | ms | 0.003 seconds
gemini_cli.exit.fail.count |  | 3 count
gemini_cli.startup.duration | ms | 0.003 seconds
gemini_cli.memory.usage | bytes | 3 bytes
gemini_cli.cpu.usage | percent | 0.03 ratio
gemini_cli.tool.queue.depth | count | 3 count
gemini_cli.tool.execution.breakdown | ms | 0.003 seconds
gemini_cli.api.request.breakdown | ms | 0.003 seconds
gemini_cli.token.efficiency | ratio | 3 ratio
gemini_cli.performance.score | score | 3 score
gemini_cli.performance.regression |  | 3 count
gemini_cli.performance.regression.percentage_change | percent | 0.03 ratio
gemini_cli.performance.baseline.comparison | percent | 0.03 ratio
gen_ai.client.generation.choices | choice | 3 count
llm.openai.chat_completions.exceptions | time | 3 count
llm.openai.chat_completions.streaming_time_to_first_token | s | 3 seconds
llm.openai.chat_completions.streaming_time_to_generate | s | 3 seconds
llm.openai.embeddings.exceptions | time | 3 count
llm.openai.embeddings.vector_size | element | 3 count
llm.anthropic.completion.exceptions | time | 3 count
goose.session_starts |  | 3 count
goose.session_completions |  | 3 count
goose.session_duration_ms |  | 0.003 seconds
goose.session_tokens |  | 3 tokens
goose.tool_calls |  | 3 count
goose.tool_completions |  | 3 count
goose.recipe_runs |  | 3 count
goose.cli_commands |  | 3 count
";

fn service(name: &str) -> &'static str {
    match name.split(['.', '_']).next() {
        Some("claude") => "service.name=claude-code",
        Some("gemini") => "service.name=gemini-cli",
        Some("codex") => "service.name=codex_cli_rs",
        _ => "service.name=bot",
    }
}

/// The cells of each row.
fn cells<const N: usize>(rows: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    let rows = rows.lines().filter(|row| !row.is_empty());
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        cells.try_into().unwrap()
    })
}

#[test]
fn metric_of_each_name_becomes_what_its_row_says() {
    let mut tested = Vec::new();
    for [name, unit, text, expected] in cells(AMOUNTS) {
        let meaning = meaning(service(name), name, unit, text);
        assert!(meaning.is_known());
        for number in [Number::Int(3), Number::Double(3.0)] {
            assert_eq!(added(&meaning, number), expected, "{name}");
        }
        tested.push(name);
    }
    for [name, unit, expected] in cells(PLAIN) {
        let meaning = meaning(service(name), name, unit, "");
        assert!(meaning.is_known());
        let expected = format!("{name} {expected}");
        assert_eq!(added(&meaning, Number::Int(3)), expected);
        assert_eq!(measured(&meaning, 2, 6.0), expected, "the mean");
        tested.push(name);
    }
    assert_all_names(Signal::Metric, &tested);
}

#[test]
fn tokens_of_each_type_go_into_their_bucket() {
    for (name, key, kind, expected) in [
        ("claude_code.token.usage", "type", "input", Bucket::Input),
        ("claude_code.token.usage", "type", "output", Bucket::Output),
        (
            "claude_code.token.usage",
            "type",
            "cacheRead",
            Bucket::CacheRead,
        ),
        (
            "claude_code.token.usage",
            "type",
            "cacheCreation",
            Bucket::CacheWrite,
        ),
        (
            "gen_ai.client.token.usage",
            "gen_ai.token.type",
            "input",
            Bucket::InputInclusive,
        ),
        (
            "gen_ai.client.token.usage",
            "gen_ai.token.type",
            "output",
            Bucket::Output,
        ),
        (
            "gen_ai.client.token.usage",
            "gen_ai.token.type",
            "completion",
            Bucket::Output,
        ),
        (
            "gemini_cli.token.usage",
            "type",
            "input",
            Bucket::InputInclusive,
        ),
        (
            "gemini_cli.token.usage",
            "type",
            "tool",
            Bucket::InputInclusive,
        ),
        ("gemini_cli.token.usage", "type", "cache", Bucket::CacheRead),
        (
            "gemini_cli.token.usage",
            "type",
            "output",
            Bucket::OutputExclusive,
        ),
        (
            "gemini_cli.token.usage",
            "type",
            "thought",
            Bucket::Reasoning,
        ),
    ] {
        let text = format!("{key}={kind} model=m");
        let meaning = meaning("", name, "", &text);
        let expected = format!("{expected:?} 7 unknown m");
        assert_eq!(added(&meaning, Number::Int(7)), expected, "{name} {kind}");
        assert_eq!(
            measured(&meaning, 2, 7.0),
            expected,
            "the sum of a histogram"
        );
    }
    let types = table::GROUPS.iter().flat_map(|group| group.rows);
    let types = types.filter_map(|row| match row.read {
        Read::Tokens(types) => Some(types.len()),
        _ => None,
    });
    assert_eq!(types.sum::<usize>(), 12, "each has a row above");
}

#[test]
fn amount_names_its_metric_and_its_span_of_time() {
    let meaning = meaning(
        "",
        "gen_ai.client.token.usage",
        "",
        "gen_ai.token.type=input",
    );
    let mut out = Vec::new();
    meaning.of_number(Number::Int(1), moment(START), moment(END), &mut out);
    let What::Amount(amount) = &out[0].what else {
        panic!()
    };
    assert_eq!(
        (amount.source, amount.since),
        ("gen_ai.client.token.usage", moment(START))
    );
    assert_eq!(out[0].at, moment(END));
}

#[test]
fn histogram_of_durations_counts_calls_and_keeps_their_mean() {
    for (operation, expected) in [
        (
            "gen_ai.operation.name=chat",
            "Calls 4 openai m\ngen_ai.client.operation.duration 1.5 seconds",
        ),
        (
            "",
            "Calls 4 openai m\ngen_ai.client.operation.duration 1.5 seconds",
        ),
        (
            "gen_ai.operation.name=execute_tool",
            "gen_ai.client.operation.duration 1.5 seconds",
        ),
        (
            "gen_ai.operation.name=invoke_agent",
            "gen_ai.client.operation.duration 1.5 seconds",
        ),
        (
            "gen_ai.operation.name=retrieval",
            "gen_ai.client.operation.duration 1.5 seconds",
        ),
        (
            "gen_ai.operation.name=brand_new",
            "gen_ai.client.operation.duration 1.5 seconds",
        ),
    ] {
        let text = format!("gen_ai.provider.name=openai gen_ai.request.model=m {operation}");
        let meaning = meaning("", "gen_ai.client.operation.duration", "s", &text);
        assert_eq!(measured(&meaning, 4, 6.0), expected, "{operation}");
        let mut out = Vec::new();
        meaning.of_histogram(0, Some(0.0), moment(START), moment(END), &mut out);
        assert_eq!(out, []);
    }
}

#[test]
fn cost_is_exact_to_the_pico_dollar() {
    let meaning = meaning(
        "service.name=claude-code",
        "claude_code.cost.usage",
        "USD",
        "model=m",
    );
    let picos = |dollars| added(&meaning, Number::Double(dollars));
    assert_eq!(picos(0.012_345_678_901), "Cost 12345678901 anthropic m");
    assert_eq!(picos(1e-12), "Cost 1 anthropic m");
    assert_eq!(picos(-1.0), "");
    assert_eq!(picos(f64::NAN), "");
    assert_eq!(picos(f64::INFINITY), "");
    assert_eq!(picos(1e30), "");
}

#[test]
fn nothing_and_less_than_nothing_add_nothing() {
    let tokens = meaning("", "claude_code.token.usage", "", "type=input model=m");
    for number in [
        Number::Int(0),
        Number::Int(-4),
        Number::Double(-0.6),
        Number::Double(f64::NAN),
    ] {
        assert_eq!(added(&tokens, number), "");
    }
    assert_eq!(
        added(&tokens, Number::Int(i64::MAX)),
        format!("Input {} unknown m", i64::MAX)
    );
    assert_eq!(
        added(&tokens, Number::Double(1e300)),
        format!("Input {} unknown m", u64::MAX)
    );
}

#[test]
fn metric_of_another_name_stands_for_itself() {
    let meaning = meaning("session.id=s1", "my.own_metric", "ms", "model=m type=input");
    assert!(!meaning.is_known());
    assert_eq!(
        added(&meaning, Number::Double(2.0)),
        "my.own_metric 0.002 seconds"
    );
    assert_eq!(
        added(&meaning, Number::Int(-2)),
        "my.own_metric -0.002 seconds",
        "it may go down"
    );
    assert_eq!(measured(&meaning, 2, 8.0), "my.own_metric 0.004 seconds");
    let mut out = Vec::new();
    meaning.of_gauge(Number::Int(0), moment(END), &mut out);
    assert_eq!(
        lines(&out),
        "my.own_metric 0 seconds",
        "a gauge may show nothing"
    );
    assert_eq!(out[0].who.session.as_ref().unwrap().as_str(), "s1");
}

#[test]
fn gauge_of_a_known_name_adds_nothing_to_anything() {
    let meaning = meaning(
        "",
        "claude_code.token.usage",
        "tokens",
        "type=input model=m",
    );
    let mut out = Vec::new();
    meaning.of_gauge(Number::Int(3), moment(END), &mut out);
    assert_eq!(lines(&out), "claude_code.token.usage 3 count");
}

#[test]
fn long_name_of_a_metric_is_cut() {
    let meaning = meaning("", &"x".repeat(100_000), "", "");
    let mut out = Vec::new();
    meaning.of_number(Number::Int(1), moment(START), moment(END), &mut out);
    let What::Metric(metric) = &out[0].what else {
        panic!()
    };
    assert!(metric.name().len() <= 128);
}

#[test]
fn what_an_sdk_had_no_room_for_keeps_its_total_and_belongs_to_nobody() {
    let resource = "service.name=claude-code service.instance.id=i1";
    let overflow = "otel.metric.overflow=true";
    let cost = meaning(resource, "claude_code.cost.usage", "USD", overflow);
    assert!(cost.notes().overflow);
    assert_eq!(cost.who().session, None);
    assert_eq!(
        added(&cost, Number::Int(1)),
        "Cost 1000000000000 anthropic unknown"
    );
    let tokens = meaning(resource, "claude_code.token.usage", "tokens", overflow);
    assert_eq!(
        added(&tokens, Number::Int(5)),
        "claude_code.token.usage.overflow 5 tokens"
    );
}

#[test]
fn metrics_are_split_by_words_of_the_table_alone() {
    for (name, text, expected) in [
        (
            "claude_code.active_time.total",
            "type=cli",
            "claude_code.active_time.total.cli",
        ),
        (
            "claude_code.active_time.total",
            "type=secret",
            "claude_code.active_time.total",
        ),
        (
            "claude_code.code_edit_tool.decision",
            "decision=reject",
            "claude_code.code_edit_tool.decision.reject",
        ),
        (
            "codex.turn.token_usage",
            "token_type=cached_input",
            "codex.turn.token_usage.cached_input",
        ),
        (
            "codex.turn.token_usage",
            "token_type=total",
            "codex.turn.token_usage.total",
        ),
    ] {
        let meaning = meaning("", name, "", text);
        let said = added(&meaning, Number::Int(1));
        assert_eq!(said.split(' ').next(), Some(expected));
    }
}

#[test]
fn session_that_is_resumed_is_said_to_be() {
    for (start, resumed) in [
        ("fresh", false),
        ("resume", true),
        ("continue", true),
        ("agents_view", false),
    ] {
        let text = format!("start_type={start}");
        let meaning = meaning("", "claude_code.session.count", "", &text);
        assert_eq!(
            added(&meaning, Number::Int(1)),
            format!("began resumed={resumed}")
        );
    }
}

#[test]
fn reading_files_changes_none() {
    let meaning = meaning("", "gemini_cli.file.operation.count", "", "operation=read");
    assert_eq!(
        added(&meaning, Number::Int(2)),
        "gemini_cli.file.operation.count 2 count"
    );
}
