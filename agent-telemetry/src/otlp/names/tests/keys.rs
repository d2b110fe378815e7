//! Each key of an attribute tells what its row says.

use super::super::field::Field;
use super::super::table::GROUPS;
use super::*;
use crate::otlp::seen::Who;

fn keys() -> impl Iterator<Item = (&'static str, Field)> {
    let keys = GROUPS.iter().flat_map(|group| group.keys);
    keys.map(|key| (key.name, key.field))
}

fn call(text: &str) -> CallSeen {
    let text = format!("gen_ai.operation.name=chat {text}");
    let (_, seen) = span("", &span_of("x", &text));
    calls(&seen)[0].clone()
}

fn exclusive(text: &str) -> CallSeen {
    let (_, seen) = event("", "claude_code.api_request", text);
    calls(&seen)[0].clone()
}

fn gemini(text: &str) -> CallSeen {
    let (_, seen) = event("", "gemini_cli.api_response", text);
    calls(&seen)[0].clone()
}

fn who(resource: &str, text: &str) -> Who {
    let text = format!("gen_ai.operation.name=chat {text}");
    span(resource, &span_of("x", &text)).1[0].who.clone()
}

fn said(name: &str, text: &str) -> String {
    lines(&event("", name, text).1)
}

/// A handoff as a tool call, and as a span of its own.
fn handoff(sides: &[&str], text: &str) -> String {
    let sides: Vec<String> = sides
        .iter()
        .map(|it| format!("gen_ai.agent.handoff.{it}"))
        .collect();
    let told = ["execute_tool gen_ai.tool.name=transfer_to_x", "handoff"].map(|operation| {
        let text = format!(
            "gen_ai.operation.name={operation} {} {text}",
            sides.join(" ")
        );
        lines(&span("", &span_of("x", &text)).1)
    });
    assert_eq!(told[0], told[1]);
    told[0].clone()
}

/// Sets one key, and looks at what it changed.
#[expect(clippy::too_many_lines, reason = "one arm for each meaning")]
fn tells(key: &str, field: Field) -> bool {
    let with = |value: &str| format!("{key}={value}");
    let seven = with("7");
    match field {
        Field::Session => who("", &with("k")).session.unwrap().as_str() == "k",
        Field::Instance => who(&with("k"), "").session.unwrap().as_str() == "k",
        Field::Process => who(&seven, "").session.unwrap().as_str() == "process-7",
        Field::Service => who(&with("k"), "").agent.unwrap().as_str() == "k",
        Field::Project => who(&with("k"), "").project.unwrap().as_str() == "k",
        Field::User => who("", &with("k")).user.as_deref() == Some("k"),
        Field::AgentName | Field::AgentId => who("", &with("k")).agent.unwrap().as_str() == "k",
        Field::ParentAgent => who("", &with("k")).parent_agent.unwrap().as_str() == "k",
        Field::Operation => kind(key, "chat"),
        Field::SpanKind => kind(key, "LLM"),
        Field::RequestType => kind(key, "completion"),
        Field::Entity => kind(key, "agent"),
        Field::EntityName => {
            let text = format!("traceloop.span.kind=tool {}", with("k"));
            lines(&span("", &span_of("x", &text)).1).starts_with("tool k ")
        }
        Field::Provider => call(&with("k")).provider.as_str() == "k",
        Field::RequestModel | Field::ResponseModel => call(&with("k")).model.as_str() == "k",
        Field::Input => call(&seven).usage.unwrap().input() == 7,
        Field::InputUncached => exclusive(&seven).usage.unwrap().input() == 7,
        Field::CacheRead => call(&seven).usage.unwrap().cache_read() == 7,
        Field::CacheWrite => call(&seven).usage.unwrap().cache_write() == 7,
        Field::Output => call(&seven).usage.unwrap().output() == 7,
        Field::Reasoning => {
            let text = format!("gen_ai.usage.output_tokens=9 {seven}");
            call(&text).usage.unwrap().reasoning() == 7
        }
        Field::Thoughts => {
            let usage = gemini(&format!("output_token_count=1 {seven}"))
                .usage
                .unwrap();
            (usage.output(), usage.reasoning()) == (8, 7)
        }
        Field::ToolTokens => {
            let usage = gemini(&format!("output_token_count=1 {seven}"))
                .usage
                .unwrap();
            usage.input() == 7
        }
        Field::Total => {
            let text = "gen_ai.usage.input_tokens=5 gen_ai.usage.cache_read.input_tokens=2";
            call(&format!("{text} {seven}")).usage.unwrap().input() == 5
        }
        Field::CostPicos => call(&seven).cost.unwrap().picos() == 7,
        Field::CostMicros => call(&seven).cost.unwrap().picos() == 7_000_000,
        Field::CostUsd => call(&seven).cost.unwrap().picos() == 7_000_000_000_000,
        Field::LatencyMs => call(&seven).latency.unwrap().as_millis() == 7,
        Field::FirstTokenMs => call(&seven).first_token.unwrap().as_millis() == 7,
        Field::FirstTokenS => call(&seven).first_token.unwrap().as_secs() == 7,
        Field::Attempts => call(&seven).attempts == 7,
        Field::StatusCode => call(&with("429")).failure.is_some(),
        Field::ErrorType | Field::ErrorText => call(&with("timeout")).failure.is_some(),
        Field::StopReason => call(&with("length")).stop_reason.is_some(),
        Field::ServiceTier => call(&with("priority")).service_tier.is_some(),
        Field::Streamed => call(&with("true")).streamed,
        Field::Request | Field::ClientRequest => {
            call(&with("k")).keys.request.as_deref() == Some("k")
        }
        Field::Response => call(&with("k")).keys.response.as_deref() == Some("k"),
        Field::ToolName => said("claude_code.tool_result", &with("k")) == "tool k ok",
        Field::ToolCall => {
            let text = format!("tool_name=t {}", with("k"));
            said("claude_code.tool_result", &text) == "tool t ok id=k"
        }
        Field::Success => call(&with("false")).failure.is_some(),
        Field::Failed => {
            let text = format!("decision_model=m {}", with("true"));
            said("gemini_cli.model_routing", &text) == "model -> nothing"
        }
        Field::Verdict => said("codex.tool_decision", &with("denied")).contains("refused"),
        Field::VerdictSource => {
            let text = format!("decision=denied {}", with("hook"));
            said("codex.tool_decision", &text).ends_with("by hook")
        }
        Field::TokenType => {
            let meaning = meaning("", "claude_code.token.usage", "", &with("output"));
            added(&meaning, Number::Int(1)).starts_with("Output 1")
        }
        Field::Sort => {
            let meaning = meaning("", "gemini_cli.file.operation.count", "", &with("update"));
            added(&meaning, Number::Int(1)) == "files 1 +0 -0"
        }
        Field::StartType => {
            let meaning = meaning("", "claude_code.session.count", "", &with("resume"));
            added(&meaning, Number::Int(1)) == "began resumed=true"
        }
        Field::Before => said("claude_code.compaction", &seven).contains("Some(7) None"),
        Field::After => said("claude_code.compaction", &seven).contains("None Some(7)"),
        Field::Trigger => said("claude_code.compaction", &with("manual")).ends_with("=false"),
        Field::Compacted => {
            let text = format!("gen_ai.operation.name=chat {}", with("true"));
            span("", &span_of("x", &text)).1.len() == 2
        }
        Field::Sequence => {
            let (resource, scope) = (attributes("session.id=s"), scope());
            let text = with("7");
            let log = Log {
                attributes: attributes(&text),
                ..Log::default()
            };
            sequence_of(&Source::new(&resource, &scope), &log)
                .unwrap()
                .1
                == 7
        }
        Field::Ending => {
            said("gemini_cli.agent.finish", &with("ERROR")).starts_with("ended failed")
        }
        Field::Outcome => {
            let text = format!("gen_ai.operation.name=invoke_agent {}", with("escalated"));
            lines(&span("", &span_of("x", &text)).1).contains("ended escalated")
        }
        Field::ToolOutcome => {
            let text = format!(
                "gen_ai.operation.name=execute_tool gen_ai.tool.name=t {}",
                with("aborted")
            );
            lines(&span("", &span_of("x", &text)).1).starts_with("tool t aborted")
        }
        Field::HandoffFrom => {
            handoff(&["target.name=b"], &with("k")) == "k -> b delegated automatic"
        }
        Field::HandoffTo => handoff(&["source.name=a"], &with("k")) == "a -> k delegated automatic",
        Field::HandoffFromKind => handoff(&["source.name=a", "target.name=b"], &with("provider"))
            .starts_with("provider a"),
        Field::HandoffToKind => {
            handoff(&["source.name=a", "target.name=b"], &with("provider")).contains("provider b")
        }
        Field::HandoffReason => {
            handoff(&["source.name=a", "target.name=b"], &with("quality")).contains("quality")
        }
        Field::HandoffInitiator => {
            handoff(&["source.name=a", "target.name=b"], &with("manual")).ends_with("manual")
        }
        Field::ScoreName => {
            let text = format!("gen_ai.evaluation.score.value=1 {}", with("k"));
            said("gen_ai.evaluation.result", &text) == "k 1 score"
        }
        Field::Score => {
            let text = format!("gen_ai.evaluation.name=n {seven}");
            said("gen_ai.evaluation.result", &text) == "n 7 score"
        }
        Field::ChosenModel => said("gemini_cli.model_routing", &with("k")) == "model -> k",
        Field::HookEvent => {
            let text = format!("num_blocking=1 {}", with("Stop"));
            said("claude_code.hook_execution_complete", &text).contains("hook of Stop")
        }
        Field::Blocking => !said("claude_code.hook_execution_complete", &seven).is_empty(),
        Field::EventKind => {
            let text = format!(
                "output_token_count=1 input_token_count=1 {}",
                with("response.completed")
            );
            !said("codex.sse_event", &text).is_empty()
        }
        Field::EventName => {
            matches!(
                event("", "", &with("codex.user_prompt")).0,
                Recognised::Known(..)
            )
        }
        Field::Overflow => {
            let meaning = meaning("", "claude_code.cost.usage", "", &with("true"));
            meaning.notes().overflow
        }
        Field::Protocol => {
            let text = format!(
                "gen_ai.operation.name=execute_tool gen_ai.tool.name=t {}",
                with("k")
            );
            span("", &span_of("x", &text)).1.is_empty()
        }
        Field::Content => call(&with("k")) == call(""),
    }
}

/// Whether a key says what a span is.
fn kind(key: &str, value: &str) -> bool {
    let text = format!("{key}={value}");
    matches!(span("", &span_of("x", &text)).0, Recognised::Known(it, _) if it == value)
}

#[test]
fn key_of_each_name_tells_what_its_row_says() {
    let mut tested = 0;
    for (key, field) in keys() {
        assert!(tells(key, field), "{key} does not tell {field:?}");
        assert!(
            !tells_without_panic("another.key", field),
            "{field:?} is told by any key"
        );
        tested += 1;
    }
    println!("{tested} keys");
    for field in Field::ALL {
        assert!(keys().any(|(_, it)| it == *field), "no key tells {field:?}");
    }
}

/// As before, for a key that is not in the table; looking at what is not there counts as not told.
fn tells_without_panic(key: &'static str, field: Field) -> bool {
    field != Field::Content && std::panic::catch_unwind(|| tells(key, field)).unwrap_or(false)
}

#[test]
fn first_of_several_keys_with_one_meaning_counts_in_any_order() {
    for text in [
        "gen_ai.usage.input_tokens=5 gen_ai.usage.prompt_tokens=9 llm.usage.prompt_tokens=8",
        "llm.usage.prompt_tokens=8 gen_ai.usage.prompt_tokens=9 gen_ai.usage.input_tokens=5",
    ] {
        assert_eq!(call(text).usage.unwrap().input(), 5);
    }
    assert_eq!(
        call("gen_ai.usage.input_tokens=5 gen_ai.usage.input_tokens=6")
            .usage
            .unwrap()
            .input(),
        6
    );
    assert_eq!(
        call("gen_ai.response.model= gen_ai.request.model=m")
            .model
            .as_str(),
        "m"
    );
}
