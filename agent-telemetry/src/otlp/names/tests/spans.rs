//! One row for each name of a span, and for each value of the attributes that say what a span is.

use super::super::table::Signal;
use super::*;
use crate::otlp::wire::SpanEvent;

const OPENAI: &str = "gen_ai.provider.name=openai gen_ai.request.model=gpt-5 gen_ai.response.model=gpt-5-2026 gen_ai.response.id=resp_1 gen_ai.usage.input_tokens=100 gen_ai.usage.output_tokens=9";
const OPENAI_CALL: &str = "call openai gpt-5-2026 100+0+0>9(0) 2.5s response=resp_1";
const RUN: &str = "began resumed=false\nended success 2.5s";

const SPANS: &[(&str, &str, &str)] = &[
    (
        "claude_code.llm_request",
        "session.id=s1 span.type=llm_request model=claude-opus-5 gen_ai.system=anthropic gen_ai.request.model=claude-opus-5 input_tokens=2 output_tokens=1200 cache_read_tokens=84562 cache_creation_tokens=7096 success=true stop_reason=tool_use ttft_ms=900 duration_ms=2000 request_id=req_1 gen_ai.response.id=req_1 attempt=2",
        "call anthropic claude-opus-5 2+84562+7096>1200(0) 2s first=900ms attempts=2 stop=tool_calls streamed request=req_1",
    ),
    (
        "claude_code.tool",
        "tool_name=Bash tool_use_id=toolu_1 gen_ai.tool.call.id=toolu_1 duration_ms=1831",
        "tool Bash ok id=toolu_1 1.831s",
    ),
    (
        "claude_code.tool.blocked_on_user",
        "decision=accept",
        "waited_for_user 2.5 seconds",
    ),
    ("claude_code.tool.execution", "success=true", ""),
    ("claude_code.interaction", "user_prompt=x", ""),
    ("claude_code.hook", "hook_event=Stop", ""),
    (
        "ai.generateText.doGenerate",
        "ai.operationId=ai.generateText.doGenerate ai.model.provider=openai.chat ai.model.id=gpt-4o gen_ai.system=openai.chat gen_ai.request.model=gpt-4o gen_ai.usage.input_tokens=12 gen_ai.usage.output_tokens=8 ai.usage.promptTokens=12 ai.response.finishReason=tool-calls ai.response.id=chatcmpl-1",
        "call openai gpt-4o 12+0+0>8(0) 2.5s stop=tool_calls response=chatcmpl-1",
    ),
    (
        "ai.streamText.doStream",
        "ai.model.provider=anthropic.messages ai.model.id=claude-x ai.usage.inputTokens=5 ai.usage.outputTokens=6 ai.usage.cachedInputTokens=2 ai.response.msToFirstChunk=100",
        "call anthropic claude-x 3+2+0>6(0) 2.5s first=100ms streamed",
    ),
    (
        "ai.generateObject.doGenerate",
        "ai.model.provider=openai.responses ai.model.id=m ai.usage.promptTokens=1 ai.usage.completionTokens=2",
        "call openai m 1+0+0>2(0) 2.5s",
    ),
    (
        "ai.streamObject.doStream",
        "ai.model.provider=openai.chat ai.model.id=m ai.usage.promptTokens=1 ai.usage.completionTokens=2",
        "call openai m 1+0+0>2(0) 2.5s",
    ),
    (
        "ai.embed.doEmbed",
        "ai.model.provider=openai.embedding ai.model.id=m ai.usage.tokens=7",
        "call openai m 7+0+0>0(0) 2.5s",
    ),
    (
        "ai.embedMany.doEmbed",
        "ai.model.provider=openai.embedding ai.model.id=m ai.usage.tokens=7",
        "call openai m 7+0+0>0(0) 2.5s",
    ),
    ("ai.generateText", "ai.usage.promptTokens=12", ""),
    ("ai.streamText", "ai.usage.promptTokens=12", ""),
    ("ai.generateObject", "ai.usage.promptTokens=12", ""),
    ("ai.streamObject", "ai.usage.promptTokens=12", ""),
    ("ai.embed", "ai.usage.tokens=12", ""),
    ("ai.embedMany", "ai.usage.tokens=12", ""),
    (
        "ai.toolCall",
        "ai.toolCall.name=search ai.toolCall.id=call_1 ai.toolCall.args=x",
        "tool search ok id=call_1 2.5s",
    ),
];

const OPERATIONS: &[(&str, &str, &str)] = &[
    ("chat", OPENAI, OPENAI_CALL),
    (
        "generate_content",
        "gen_ai.provider.name=gcp.gemini gen_ai.request.model=gemini-3 gen_ai.usage.input_tokens=5 gen_ai.usage.output_tokens=6 gen_ai.usage.reasoning.output_tokens=4",
        "call gemini gemini-3 5+0+0>6(4) 2.5s",
    ),
    ("text_completion", OPENAI, OPENAI_CALL),
    (
        "embeddings",
        "gen_ai.provider.name=openai gen_ai.request.model=e gen_ai.usage.input_tokens=5",
        "call openai e 5+0+0>0(0) 2.5s",
    ),
    (
        "execute_tool",
        "gen_ai.tool.name=search gen_ai.tool.call.id=call_1",
        "tool search ok id=call_1 2.5s",
    ),
    (
        "invoke_agent",
        "gen_ai.agent.name=coder gen_ai.usage.input_tokens=100 gen_ai.usage.output_tokens=9",
        RUN,
    ),
    ("invoke_workflow", "gen_ai.workflow.name=w", ""),
    ("create_agent", "gen_ai.agent.name=coder", ""),
    ("plan", "", ""),
    (
        "handoff",
        "gen_ai.agent.handoff.source.name=coder gen_ai.agent.handoff.target.name=on-call agent.handoff.reason=manual",
        "coder -> on-call manual automatic",
    ),
    ("fetch_response", OPENAI, ""),
    ("retrieval", "", ""),
    ("create_memory", "", ""),
    ("update_memory", "", ""),
    ("upsert_memory", "", ""),
    ("delete_memory", "", ""),
    ("search_memory", "", ""),
    ("create_memory_store", "", ""),
    ("delete_memory_store", "", ""),
];

const KINDS: &[(&str, &str, &str)] = &[
    (
        "LLM",
        "llm.provider=anthropic llm.model_name=claude-x llm.token_count.prompt=100 llm.token_count.completion=50 llm.token_count.total=150 llm.token_count.prompt_details.cache_read=70 llm.token_count.prompt_details.cache_write=10 llm.token_count.completion_details.reasoning=20 llm.cost.total=0.25",
        "call anthropic claude-x 20+70+10>50(20) $0.25 2.5s",
    ),
    (
        "EMBEDDING",
        "embedding.model_name=e llm.token_count.prompt=9",
        "call unknown e 9+0+0>0(0) 2.5s",
    ),
    (
        "TOOL",
        "tool.name=grep tool_call.id=call_1 input.value=x",
        "tool grep ok id=call_1 2.5s",
    ),
    (
        "AGENT",
        "agent.name=planner llm.token_count.prompt=100",
        RUN,
    ),
    ("CHAIN", "llm.token_count.prompt=100", ""),
    ("RETRIEVER", "", ""),
    ("RERANKER", "", ""),
    ("GUARDRAIL", "", ""),
    ("EVALUATOR", "", ""),
    ("PROMPT", "", ""),
];

const REQUESTS: &[(&str, &str, &str)] = &[
    (
        "chat",
        "gen_ai.system=Anthropic gen_ai.request.model=claude-x gen_ai.usage.prompt_tokens=100 gen_ai.usage.completion_tokens=50 llm.usage.total_tokens=150 gen_ai.usage.cache_read_input_tokens=70 gen_ai.usage.cache_creation_input_tokens=10 llm.is_streaming=true llm.response.finish_reason=end_turn",
        "call anthropic claude-x 20+70+10>50(0) 2.5s stop=stop streamed",
    ),
    (
        "completion",
        "llm.vendor=OpenAI llm.request.model=a llm.response.model=b llm.usage.prompt_tokens=3 llm.usage.completion_tokens=4",
        "call openai b 3+0+0>4(0) 2.5s",
    ),
    (
        "embedding",
        "gen_ai.system=openai gen_ai.request.model=e gen_ai.usage.prompt_tokens=3",
        "call openai e 3+0+0>0(0) 2.5s",
    ),
    ("rerank", "", ""),
    ("unknown", "", ""),
];

const ENTITIES: &[(&str, &str, &str)] = &[
    (
        "tool",
        "traceloop.entity.name=search traceloop.entity.input=x",
        "tool search ok 2.5s",
    ),
    ("agent", "traceloop.entity.name=planner", RUN),
    ("workflow", "traceloop.entity.name=w", ""),
    ("task", "traceloop.entity.name=t", ""),
];

#[test]
fn span_of_each_name_becomes_what_its_row_says() {
    for (name, text, expected) in SPANS {
        let (recognised, seen) = span("service.name=bot", &span_of(name, text));
        assert!(
            matches!(recognised, Recognised::Known(it, _) if it == *name),
            "{name}"
        );
        assert_eq!(lines(&seen), *expected, "{name}");
    }
    let tested: Vec<&str> = SPANS.iter().map(|(name, _, _)| *name).collect();
    assert_all_names(Signal::Span, &tested);
}

#[test]
fn span_of_each_kind_becomes_what_its_row_says() {
    for (signal, key, rows) in [
        (Signal::Operation, "gen_ai.operation.name", OPERATIONS),
        (Signal::Kind, "openinference.span.kind", KINDS),
        (Signal::Request, "llm.request.type", REQUESTS),
        (Signal::Entity, "traceloop.span.kind", ENTITIES),
    ] {
        for (name, text, expected) in rows {
            let text = format!("{key}={name} {text}");
            let (recognised, seen) = span("", &span_of("a name", &text));
            assert!(
                matches!(recognised, Recognised::Known(it, _) if it == *name),
                "{name}"
            );
            assert_eq!(lines(&seen), *expected, "{key} {name}");
        }
        let tested: Vec<&str> = rows.iter().map(|(name, _, _)| *name).collect();
        assert_all_names(signal, &tested);
    }
}

#[test]
fn run_of_an_agent_is_that_agents_and_begins_when_the_span_did() {
    for text in [
        "gen_ai.operation.name=invoke_agent gen_ai.agent.name=planner",
        "openinference.span.kind=AGENT agent.name=planner",
        "traceloop.span.kind=agent traceloop.entity.name=planner",
    ] {
        let (_, seen) = span("service.name=bot", &span_of("x", text));
        assert_eq!(seen[0].at, moment(START));
        assert_eq!(seen[1].at, moment(END));
        assert!(
            seen.iter()
                .all(|it| it.who.agent.as_ref().unwrap().as_str() == "planner")
        );
    }
}

#[test]
fn span_that_failed_is_a_failed_call_or_tool_or_run() {
    for (text, expected) in [
        (
            "gen_ai.operation.name=chat gen_ai.provider.name=openai gen_ai.request.model=m",
            "call openai m 0+0+0>0(0) 2.5s failed=unknown",
        ),
        (
            "gen_ai.operation.name=execute_tool gen_ai.tool.name=t",
            "tool t failed 2.5s",
        ),
        (
            "gen_ai.operation.name=invoke_agent",
            "began resumed=false\nended failed 2.5s",
        ),
    ] {
        let failed = Span {
            status: SpanStatus::Error,
            ..span_of("x", text)
        };
        assert_eq!(lines(&span("", &failed).1), expected);
    }
}

#[test]
fn first_generation_without_operations_is_known_by_a_client_that_asks_a_provider() {
    let text = "gen_ai.system=openai gen_ai.request.model=gpt-4 gen_ai.usage.prompt_tokens=3 gen_ai.usage.completion_tokens=4";
    let client = Span {
        kind: 3,
        ..span_of("openai.chat", text)
    };
    assert_eq!(
        lines(&span("", &client).1),
        "call openai gpt-4 3+0+0>4(0) 2.5s"
    );
    let within = span_of("openai.chat", text);
    assert_eq!(
        span("", &within),
        (Recognised::Unknown, Vec::new()),
        "not a client's"
    );
    // As pydantic-ai sums up an agent's run: no client, and the calls within tell the same tokens.
    let run = span_of(
        "agent run",
        "model_name=gpt-4 gen_ai.usage.input_tokens=3 gen_ai.usage.output_tokens=4",
    );
    assert_eq!(span("", &run), (Recognised::Unknown, Vec::new()));
}

#[test]
fn unknown_operation_is_unknown_whatever_else_the_span_says() {
    let text =
        "gen_ai.operation.name=brand_new openinference.span.kind=LLM gen_ai.usage.output_tokens=4";
    assert_eq!(span("", &span_of("x", text)).0, Recognised::Unknown);
}

#[test]
fn tool_of_mcp_is_told_by_the_span_around_it() {
    let text = "gen_ai.operation.name=execute_tool mcp.method.name=tools/call gen_ai.tool.name=t";
    let (recognised, seen) = span("", &span_of("tools/call t", text));
    assert!(matches!(recognised, Recognised::Known(..)));
    assert_eq!(seen, []);
}

#[test]
fn compaction_of_a_conversation_is_told_beside_its_call() {
    let text = format!("gen_ai.operation.name=chat gen_ai.conversation.compacted=true {OPENAI}");
    let (_, seen) = span("", &span_of("x", &text));
    assert_eq!(
        lines(&seen),
        format!("{OPENAI_CALL}\ncompacted None None automatic=true")
    );
}

#[test]
fn spans_of_gemini_say_what_its_events_say() {
    let text =
        "gen_ai.operation.name=chat gen_ai.request.model=gemini-3 gen_ai.usage.output_tokens=4";
    let (recognised, seen) = span("service.name=gemini-cli", &span_of("x", text));
    assert!(matches!(recognised, Recognised::Known(..)));
    assert_eq!(seen, []);
}

#[test]
fn events_on_spans_of_codex_tell_calls_and_tools_and_nothing_that_would_count_twice() {
    let events = [
        "event.name=codex.user_prompt prompt_length=4",
        "event.name=codex.sse_event event.kind=response.completed model=gpt-5 conversation.id=c1 input_token_count=10 output_token_count=2",
        "event.name=codex.tool_result tool_name=shell call_id=call_1 success=true duration_ms=3",
        "event.name=codex.brand_new",
    ];
    let events = events.iter().enumerate().map(|(place, text)| SpanEvent {
        time: START + place as u64,
        name: "event codex-rs/otel".into(),
        attributes: attributes(text),
    });
    let own = Span {
        events: events.collect(),
        // As recorded on the span itself, without model and conversation.
        ..span_of(
            "completed",
            "gen_ai.usage.input_tokens=10 gen_ai.usage.output_tokens=2",
        )
    };
    let (_, seen) = span("service.name=codex_cli_rs", &own);
    assert_eq!(
        lines(&seen),
        "call openai gpt-5 10+0+0>2(0)\ntool shell ok id=call_1 3ms"
    );
    let call = calls(&seen)[0];
    assert!(call.keys.item.is_some() && call.keys.span.is_none());
    assert_eq!(seen[0].at, moment(START + 1));
    assert_eq!(seen[0].who.session.as_ref().unwrap().as_str(), "c1");
    let (_, again) = span("service.name=codex_cli_rs", &own);
    assert_eq!(again, seen, "sent twice, it has the same keys");
}
