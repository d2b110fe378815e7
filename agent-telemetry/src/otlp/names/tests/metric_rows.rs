//! The rows of metrics: what each name becomes.

/// Name, unit, attributes, and what 3 added by a sum say.
pub(super) const AMOUNTS: &str = r"
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
pub(super) const PLAIN: &str = r"
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
