//! OpenAI chat completions, and Groq's: requests written, answers read.

#![expect(
    clippy::indexing_slicing,
    reason = "assigning to a key of a JSON object that was made here adds the key"
)]

use agent_primitives::{FailureKind, TokenUsage};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::chat::{ChatRequest, Finish};
use super::parts::{CallParts, Parts};
use super::spoiled::Spoiled;
use crate::{Message, Role};

/// Writes the body of a request.
pub(super) fn body(request: &ChatRequest, model: &str) -> Vec<u8> {
    let mut body = json!({
        "model": model,
        "max_completion_tokens": request.max_tokens,
        "stream": request.stream,
        "messages": request.messages.iter().map(entry).collect::<Vec<_>>(),
    });
    if request.stream {
        body["stream_options"] = json!({"include_usage": true});
    }
    if !request.tools.is_empty() {
        body["tools"] = super::function_tools(&request.tools);
    }
    body.to_string().into_bytes()
}

fn entry(message: &Message) -> Value {
    let text = message.content.as_str();
    match message.role {
        Role::System => json!({"role": "system", "content": text}),
        Role::User => json!({"role": "user", "content": text}),
        Role::Tool => {
            json!({"role": "tool", "tool_call_id": message.tool_call_id, "content": text})
        }
        Role::Assistant if message.tool_calls.is_empty() => {
            json!({"role": "assistant", "content": text})
        }
        Role::Assistant => {
            let calls = message.tool_calls.iter().map(|call| {
                json!({
                    "id": call.id, "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                })
            });
            json!({
                "role": "assistant",
                "content": (!text.is_empty()).then_some(text),
                "tool_calls": calls.collect::<Vec<_>>(),
            })
        }
    }
}

/// A chunk and a whole answer: `delta` and `message` hold the same fields.
#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default)]
    x_groq: Option<Groq>,
}

#[derive(Deserialize)]
struct Groq {
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default, alias = "message")]
    delta: Delta,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Delta {
    content: Option<String>,
    #[serde(deserialize_with = "null_as_empty")]
    tool_calls: Vec<Call>,
}

#[derive(Deserialize)]
struct Call {
    /// Only chunks have one; whole answers have an order.
    #[serde(default)]
    index: Option<usize>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Function,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Function {
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Deserialize, Clone, Copy)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    #[serde(default)]
    prompt_tokens_details: Option<PromptDetails>,
    #[serde(default)]
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Deserialize, Default, Clone, Copy)]
struct PromptDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
}

#[derive(Deserialize, Default, Clone, Copy)]
struct CompletionDetails {
    #[serde(default)]
    reasoning_tokens: Option<u64>,
}

fn null_as_empty<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Call>, D::Error> {
    Option::<Vec<Call>>::deserialize(from).map(Option::unwrap_or_default)
}

/// Figures that contradict each other are taken without the part that cannot be.
fn usage(report: Usage) -> TokenUsage {
    let details = report.prompt_tokens_details.unwrap_or_default();
    let cached = details.cached_tokens.unwrap_or(0);
    let (input, output) = (report.prompt_tokens, report.completion_tokens);
    let plain = TokenUsage::from_inclusive(input, cached, 0, output)
        .unwrap_or_else(|_| TokenUsage::new(input, output));
    let details = report.completion_tokens_details.unwrap_or_default();
    plain
        .with_reasoning(details.reasoning_tokens.unwrap_or(0))
        .unwrap_or(plain)
}

fn finish(reason: &str) -> Result<Finish, Spoiled> {
    match reason {
        "stop" => Ok(Finish::Stop),
        "tool_calls" | "function_call" => Ok(Finish::ToolCalls),
        "length" => Err(Spoiled::Stopped("length", FailureKind::OutputLimit)),
        "content_filter" => Err(Spoiled::Stopped(
            "content_filter",
            FailureKind::ContentPolicy,
        )),
        _ => Ok(Finish::Other),
    }
}

/// Takes the data of one event.
pub(super) fn event(data: &[u8], parts: &mut Parts) -> Result<(), Spoiled> {
    if data == b"[DONE]" {
        parts.complete = true;
        return Ok(());
    }
    take(serde_json::from_slice(data)?, parts)
}

/// Takes a whole answer.
pub(super) fn whole(data: &[u8]) -> Result<Parts, Spoiled> {
    let mut parts = Parts {
        complete: true,
        ..Parts::default()
    };
    take(serde_json::from_slice(data)?, &mut parts)?;
    Ok(parts)
}

fn take(reply: Reply, parts: &mut Parts) -> Result<(), Spoiled> {
    let report = reply.usage.or(reply.x_groq.and_then(|groq| groq.usage));
    if let Some(report) = report {
        parts.usage = usage(report);
    }
    // Only one choice was asked for.
    let Some(choice) = reply.choices.into_iter().next() else {
        return Ok(());
    };
    if let Some(text) = choice.delta.content {
        parts.text.push_str(&text);
    }
    for (order, call) in choice.delta.tool_calls.into_iter().enumerate() {
        let known: &mut CallParts = parts.calls.entry(call.index.unwrap_or(order)).or_default();
        if let Some(id) = call.id {
            known.id = id;
        }
        if let Some(name) = call.function.name {
            known.name = name;
        }
        if let Some(arguments) = call.function.arguments {
            known.arguments.push_str(&arguments);
        }
    }
    if let Some(reason) = choice.finish_reason {
        parts.finish = Some(finish(&reason)?);
    }
    Ok(())
}
