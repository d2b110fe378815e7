//! One row for each name of an event.

use super::super::table::Signal;
use super::*;

const CLAUDE: &str = "service.name=claude-code";
const CODEX: &str = "service.name=codex_cli_rs";
const GEMINI: &str = "service.name=gemini-cli";
const SDK: &str = "service.name=bot";

/// Below its resource: name, attributes, and the line that is seen; `refused` for content.
const EVENTS: &str = r"
service.name=bot
  gen_ai.client.inference.operation.details | gen_ai.provider.name=openai gen_ai.request.model=gpt-5 gen_ai.usage.input_tokens=100 gen_ai.usage.cache_read.input_tokens=80 gen_ai.usage.output_tokens=9 | call openai gpt-5 20+80+0>9(0)
  gen_ai.client.operation.exception | gen_ai.provider.name=openai gen_ai.request.model=gpt-5 error.type=timeout | call openai gpt-5 0+0+0>0(0) failed=timeout
  gen_ai.client.inference.operation.exception | gen_ai.provider.name=openai gen_ai.request.model=gpt-5 error.type=RateLimitError | call openai gpt-5 0+0+0>0(0) failed=rate_limited
  gen_ai.evaluation.result | gen_ai.evaluation.name=Relevance gen_ai.evaluation.score.value=0.75 gen_ai.evaluation.explanation=secret | Relevance 0.75 score
  gen_ai.system.message | content=x | refused
  gen_ai.user.message | content=x | refused
  gen_ai.assistant.message | content=x | refused
  gen_ai.tool.message | content=x | refused
  gen_ai.choice | content=x | refused
  gen_ai.content.prompt | gen_ai.prompt=x | refused
  gen_ai.content.completion | gen_ai.completion=x | refused
service.name=claude-code
  claude_code.user_prompt | prompt_length=5 prompt=x | turns 1 count
  claude_code.assistant_response | response_length=3 model=claude-opus-5 |
  claude_code.api_request | model=claude-opus-5 cost_usd=9.0 cost_usd_micros=12345 duration_ms=1500.0 input_tokens=2 output_tokens=1200 cache_read_tokens=84562 cache_creation_tokens=7096 request_id=req_1 client_request_id=c1 speed=normal query_source=repl_main_thread | call anthropic claude-opus-5 2+84562+7096>1200(0) $0.012345 1.5s tier=standard request=req_1
  claude_code.api_error | model=claude-opus-5 error=Overloaded status_code=529 duration_ms=300 attempt=11 client_request_id=c1 | call anthropic claude-opus-5 0+0+0>0(0) 300ms attempts=11 failed=overloaded request=c1
  claude_code.api_retries_exhausted | total_attempts=11 status_code=529 error=Overloaded |
  claude_code.api_refusal | server_fallback_hop=false has_category=true attempt=1 | model_refused warning: the model refused to answer
  claude_code.tool_result | tool_name=Bash tool_use_id=toolu_1 success=false duration_ms=40 error_type=ShellError tool_input=x | tool Bash failed id=toolu_1 40ms
  claude_code.tool_decision | tool_name=Bash tool_use_id=toolu_1 decision=reject source=user_reject | tool_rejected warning: call of Bash refused by user_reject
  claude_code.subagent_completed | agent_type=Explore total_tokens=900 duration_ms=2000 model=claude-opus-5 | ended success 2s
  claude_code.compaction | trigger=auto success=true duration_ms=9 pre_tokens=150000 post_tokens=20000 | compacted Some(150000) Some(20000) automatic=true
  claude_code.hook_execution_complete | hook_event=PreToolUse num_hooks=2 num_blocking=1 | hook_blocked warning: a hook of PreToolUse forbade what was to be done
  claude_code.permission_mode_changed | from_mode=default to_mode=plan |
  claude_code.hook_registered | hook_event=Stop |
  claude_code.hook_execution_start | hook_event=Stop |
  claude_code.hook_plugin_metrics | free=1 |
  claude_code.auth | action=login |
  claude_code.mcp_server_connection | status=connected |
  claude_code.internal_error | error_name=x |
  claude_code.plugin_installed | plugin.name=x |
  claude_code.plugin_loaded | plugin.name=x |
  claude_code.skill_activated | skill.name=x |
  claude_code.at_mention | mention_type=file |
  claude_code.feedback_survey | response=good |
  claude_code.retention_sweep | removed=3 |
  claude_code.api_request_body | body=x | refused
  claude_code.api_response_body | body=x | refused
service.name=codex_cli_rs
  codex.conversation_starts | conversation.id=c1 provider_name=OpenAI | began resumed=false
  codex.user_prompt | conversation.id=c1 prompt_length=3 prompt=x | turns 1 count
  codex.api_request | conversation.id=c1 model=gpt-5-codex attempt=1 duration_ms=90 http.response.status_code=429 | call openai gpt-5-codex 0+0+0>0(0) 90ms failed=rate_limited
  codex.sse_event | conversation.id=c1 model=gpt-5-codex event.kind=response.completed input_token_count=100 cached_token_count=40 cache_write_token_count=20 output_token_count=10 reasoning_token_count=5 tool_token_count=110 | call openai gpt-5-codex 40+40+20>10(5)
  codex.tool_result | tool_name=shell call_id=call_1 duration_ms=12 success=true arguments=x output=x mcp_server= | tool shell ok id=call_1 12ms
  codex.tool_decision | tool_name=shell call_id=call_1 decision=denied source=user | tool_rejected warning: call of shell refused by user
  codex.websocket_connect | duration_ms=5 success=true |
  codex.websocket_request | duration_ms=5 success=true |
  codex.websocket_event | duration_ms=5 success=true |
  codex.turn_ttft | duration_ms=5 |
  codex.sandbox_outcome | outcome=ok |
  codex.auth_recovery | auth.mode=x |
service.name=gemini-cli
  gemini_cli.config | model=gemini-2.5-pro | began resumed=false
  gemini_cli.user_prompt | prompt_length=3 prompt=x prompt_id=p1 | turns 1 count
  gemini_cli.tool_call | function_name=read_file duration_ms=8 success=true decision=auto_accept function_args=x | tool read_file ok 8ms
  gemini_cli.api_request | model=gemini-2.5-pro request_text=x |
  gemini_cli.api_response | model=gemini-2.5-pro status_code=200 duration_ms=2311 input_token_count=12000 output_token_count=350 cached_content_token_count=8000 thoughts_token_count=420 tool_token_count=0 total_token_count=12770 finish_reasons=STOP | call gemini gemini-2.5-pro 4000+8000+0>770(420) 2.311s stop=stop
  gemini_cli.api_error | model=gemini-2.5-pro error=x error_type=ApiError status_code=500 duration_ms=100 | call gemini gemini-2.5-pro 0+0+0>0(0) 100ms failed=server
  gemini_cli.model_routing | decision_model=gemini-2.5-flash decision_source=classifier reasoning=x failed=false | model -> gemini-2.5-flash
  gemini_cli.flash_fallback | auth_type=x | model -> flash
  gemini_cli.chat_compression | tokens_before=9000 tokens_after=900 | compacted Some(9000) Some(900) automatic=true
  gemini_cli.agent.start | agent_id=a1 agent_name=codebase_investigator | began resumed=false
  gemini_cli.agent.finish | agent_id=a1 agent_name=codebase_investigator duration_ms=4000 turn_count=3 terminate_reason=MAX_TURNS | ended failed 4s
  gemini_cli.conversation_finished | turnCount=3 |
  gemini_cli.file_operation | operation=create lines=5 |
  gemini_cli.tool_output_truncated | tool_name=x |
  gemini_cli.edit_strategy | strategy=x |
  gemini_cli.edit_correction | correction=success |
  gemini_cli.malformed_json_response | model=x |
  gemini_cli.slash_command | command=x |
  gemini_cli.slash_command.model | model_name=x |
  gemini_cli.chat.invalid_chunk | error.message=x |
  gemini_cli.chat.content_retry | attempt_number=1 |
  gemini_cli.chat.content_retry_failure | total_attempts=3 |
  gemini_cli.next_speaker_check | result=x |
  gemini_cli.ripgrep_fallback | error=x |
  gemini_cli.web_fetch_fallback_attempt | reason=x |
  gemini_cli.extension_install | status=x |
  gemini_cli.extension_uninstall | status=x |
  gemini_cli.extension_enable | setting_scope=x |
  gemini_cli.extension_disable | setting_scope=x |
  gemini_cli.extension_update | status=x |
  gemini_cli.ide_connection | connection_type=x |
";

#[test]
fn event_of_each_name_becomes_what_its_row_says() {
    let (mut resource, mut tested) = ("", Vec::new());
    for row in EVENTS.lines().filter(|row| !row.is_empty()) {
        let mut cells = row.split('|').map(str::trim);
        let (name, text, expected) = match (cells.next(), cells.next(), cells.next()) {
            (Some(name), Some(text), Some(expected)) => (name, text, expected),
            (Some(it), ..) => {
                resource = it;
                continue;
            }
            _ => panic!("{row}"),
        };
        tested.push(name);
        let (recognised, seen) = event(resource, name, text);
        if expected == "refused" {
            assert_eq!(recognised, Recognised::Refused(name));
            assert_eq!(seen, []);
            continue;
        }
        assert!(
            matches!(recognised, Recognised::Known(it, _) if it == name),
            "{name}"
        );
        assert_eq!(lines(&seen), expected, "{name}");
    }
    assert_all_names(Signal::Event, &tested);
}

#[test]
fn event_of_another_name_is_unknown_and_leaves_nothing() {
    let (recognised, seen) = event(CLAUDE, "claude_code.brand_new", "prompt=x model=y");
    assert_eq!((recognised, seen), (Recognised::Unknown, Vec::new()));
}

#[test]
fn name_is_in_the_field_the_attribute_or_the_body_with_and_without_its_prefix() {
    let source = attributes(CLAUDE);
    let scope = scope();
    let source = Source::new(&source, &scope);
    let text = attributes("event.name=user_prompt");
    let mut out = Vec::new();
    for log in [
        Log {
            body: Value::Text("claude_code.user_prompt".into()),
            ..Log::default()
        },
        Log {
            attributes: text,
            ..Log::default()
        },
        Log {
            attributes: attributes("event.name=claude_code.user_prompt"),
            ..Log::default()
        },
        Log {
            event_name: "user_prompt".into(),
            ..Log::default()
        },
    ] {
        let recognised = of_log(&source, &log, &mut out);
        assert!(
            matches!(recognised, Recognised::Known("claude_code.user_prompt", notes) if notes.no_time)
        );
    }
    assert_eq!(out.len(), 4);
    let other = attributes(SDK);
    let log = Log {
        event_name: "user_prompt".into(),
        ..Log::default()
    };
    let recognised = of_log(&Source::new(&other, &scope), &log, &mut out);
    assert_eq!(
        recognised,
        Recognised::Unknown,
        "the short name is Claude Code's alone"
    );
}

#[test]
fn short_names_are_known_by_the_scope_where_the_service_has_another_name() {
    let resource = attributes("service.name=my-agent");
    let scope = Scope {
        name: "com.anthropic.claude_code.events".into(),
        ..Scope::default()
    };
    let log = Log {
        event_name: "api_request".into(),
        ..Log::default()
    };
    let mut out = Vec::new();
    let recognised = of_log(&Source::new(&resource, &scope), &log, &mut out);
    assert!(matches!(
        recognised,
        Recognised::Known("claude_code.api_request", _)
    ));
}

/// As Claude Code sends them: truth values in letters, whole numbers as doubles, numbers in digits.
#[test]
fn figures_are_read_in_whichever_type_they_are_sent() {
    let text = |it: &'static str| Value::Text(it.into());
    let pairs = [
        ("model", text("m")),
        ("input_tokens", Value::Double(5.0)),
        ("output_tokens", text("7")),
        ("cost_usd_micros", Value::Double(12.0)),
        ("duration_ms", text("1500")),
    ];
    let resource = attributes(CLAUDE);
    let scope = scope();
    let source = Source::new(&resource, &scope);
    let log = |name: &'static str, attributes| Log {
        event_name: name.into(),
        attributes,
        ..Log::default()
    };
    let mut out = Vec::new();
    let call = log("api_request", Attributes::from_iter(pairs));
    of_log(&source, &call, &mut out);
    let pairs = [("tool_name", text("Bash")), ("success", text("false"))];
    let tool = log("tool_result", Attributes::from_iter(pairs));
    of_log(&source, &tool, &mut out);
    let expected = "call anthropic m 5+0+0>7(0) $0.000012 1.5s\ntool Bash failed";
    assert_eq!(lines(&out), expected);
}

#[test]
fn event_without_a_time_of_its_own_has_that_of_its_observation() {
    let (resource, scope) = (attributes(CODEX), scope());
    let source = Source::new(&resource, &scope);
    let mut out = Vec::new();
    for (time, observed, expected, no_time) in [(3, 5, 3, false), (0, 5, 5, false), (0, 0, 0, true)]
    {
        let log = Log {
            time,
            observed,
            event_name: "codex.user_prompt".into(),
            ..Log::default()
        };
        let recognised = of_log(&source, &log, &mut out);
        assert!(matches!(recognised, Recognised::Known(_, notes) if notes.no_time == no_time));
        assert_eq!(out.pop().unwrap().at, moment(expected));
    }
}

#[test]
fn call_without_tokens_tells_none_and_not_zero() {
    let (_, seen) = event(CLAUDE, "claude_code.api_request", "model=claude-opus-5");
    assert_eq!(calls(&seen)[0].usage, None);
}

#[test]
fn cost_in_dollars_counts_where_no_micro_dollars_are_told() {
    let (_, seen) = event(
        CLAUDE,
        "claude_code.api_request",
        "model=m cost_usd=0.000906",
    );
    assert_eq!(calls(&seen)[0].cost.unwrap().picos(), 906_000_000);
}

#[test]
fn event_within_a_span_is_that_call_only_under_the_conventions() {
    let log = |name: &'static str| Log {
        event_name: name.into(),
        trace_id: Some(1),
        span_id: Some(2),
        fingerprint: 9,
        ..Log::default()
    };
    let resource = attributes("");
    let scope = scope();
    let source = Source::new(&resource, &scope);
    let mut out = Vec::new();
    of_log(
        &source,
        &log("gen_ai.client.inference.operation.details"),
        &mut out,
    );
    of_log(&source, &log("claude_code.api_request"), &mut out);
    let spans: Vec<_> = calls(&out).iter().map(|call| call.keys.span).collect();
    assert_eq!(
        spans,
        [Some((1, 2)), None],
        "one span of an interaction holds many calls"
    );
    assert!(calls(&out).iter().all(|call| call.keys.item == Some(9)));
}

#[test]
fn call_that_gemini_tells_twice_is_taken_once() {
    let text = "gen_ai.request.model=gemini-2.5-pro gen_ai.usage.input_tokens=12000 gen_ai.usage.output_tokens=350";
    let (recognised, seen) = event(GEMINI, "gen_ai.client.inference.operation.details", text);
    assert!(matches!(recognised, Recognised::Known(..)));
    assert_eq!(seen, []);
}

#[test]
fn decisions_that_allow_and_pieces_of_answers_say_nothing() {
    for (resource, name, text) in [
        (
            CLAUDE,
            "claude_code.tool_decision",
            "tool_name=Bash decision=accept source=config",
        ),
        (
            CODEX,
            "codex.tool_decision",
            "tool_name=shell decision=approved source=user",
        ),
        (
            CODEX,
            "codex.sse_event",
            "event.kind=response.created duration_ms=3",
        ),
        (
            CODEX,
            "codex.sse_event",
            "event.kind=response.output_item.done error.message=x",
        ),
        // Sent beside the one of the same kind that has the tokens.
        (
            CODEX,
            "codex.sse_event",
            "event.kind=response.completed duration_ms=3",
        ),
        (
            CODEX,
            "codex.api_request",
            "http.response.status_code=200 duration_ms=3",
        ),
        (
            CLAUDE,
            "claude_code.hook_execution_complete",
            "hook_event=Stop num_blocking=0",
        ),
        (
            CLAUDE,
            "claude_code.compaction",
            "trigger=auto success=false",
        ),
    ] {
        let (recognised, seen) = event(resource, name, text);
        assert!(
            matches!(recognised, Recognised::Known(_, notes) if !notes.incomplete),
            "{name}"
        );
        assert_eq!(lines(&seen), "", "{name}");
    }
}

#[test]
fn answer_that_breaks_off_is_a_failed_call() {
    for (text, failure) in [
        (
            "event.kind=response.failed error.message=server_error",
            "server",
        ),
        ("error.message=idle-timeout", "timeout"),
        (
            "event.kind=response.completed error.message=stream-closed",
            "stream_cut",
        ),
    ] {
        let (_, seen) = event(CODEX, "codex.sse_event", &format!("model=gpt-5 {text}"));
        assert_eq!(calls(&seen)[0].failure.unwrap().as_str(), failure);
    }
}

#[test]
fn refused_tool_of_gemini_was_not_called() {
    let (_, seen) = event(
        GEMINI,
        "gemini_cli.tool_call",
        "function_name=shell success=false decision=reject",
    );
    assert_eq!(
        lines(&seen),
        "tool_rejected warning: call of shell refused by somebody"
    );
}

#[test]
fn router_that_failed_chose_nothing() {
    let (_, seen) = event(
        GEMINI,
        "gemini_cli.model_routing",
        "decision_model=gemini-2.5-pro failed=true",
    );
    assert_eq!(lines(&seen), "model -> nothing");
}

#[test]
fn fact_without_its_attributes_is_said_to_be_incomplete() {
    for (resource, name) in [
        (CLAUDE, "claude_code.tool_result"),
        (CLAUDE, "claude_code.tool_decision"),
        (GEMINI, "gemini_cli.model_routing"),
        (SDK, "gen_ai.evaluation.result"),
    ] {
        let (recognised, seen) = event(resource, name, "");
        assert!(
            matches!(recognised, Recognised::Known(_, notes) if notes.incomplete),
            "{name}"
        );
        assert_eq!(seen, [], "{name}");
    }
}
