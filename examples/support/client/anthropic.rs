//! Anthropic Messages: requests written, answers read.

use agent_primitives::{FailureKind, TokenUsage};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::chat::{ChatRequest, Finish, ToolSpec};
use super::parts::{CallParts, Parts};
use super::spoiled::Spoiled;
use crate::{Message, Role};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u64,
    stream: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    messages: Vec<Entry<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'a str,
    description: &'a str,
    input_schema: &'a serde_json::Value,
}

#[derive(Serialize)]
struct Entry<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

#[derive(Serialize, Default)]
struct Block<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_use_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

#[derive(Serialize)]
struct CacheControl {
    r#type: &'static str,
}

impl<'a> Block<'a> {
    fn text(text: &'a str) -> Self {
        Self {
            r#type: "text",
            text: Some(text),
            ..Self::default()
        }
    }
}

/// Writes the body of a request.
pub(super) fn body(request: &ChatRequest, model: &str) -> serde_json::Result<Vec<u8>> {
    let first = request
        .messages
        .iter()
        .position(|message| message.role != Role::System)
        .unwrap_or(request.messages.len());
    let (system, rest) = request.messages.split_at(first);
    let mut messages: Vec<Entry<'_>> = Vec::new();
    for message in rest {
        let (role, blocks) = blocks(message)?;
        match messages.last_mut() {
            // The results of several calls must come in one message.
            Some(last) if last.role == role && role == "user" => last.content.extend(blocks),
            _ if blocks.is_empty() => {}
            _ => messages.push(Entry {
                role,
                content: blocks,
            }),
        }
    }
    // Everything up to here is read from the cache by the next request, which repeats it.
    if let Some(last) = messages
        .last_mut()
        .and_then(|entry| entry.content.last_mut())
    {
        last.cache_control = Some(CacheControl {
            r#type: "ephemeral",
        });
    }
    serde_json::to_vec(&Body {
        model,
        max_tokens: request.max_tokens,
        stream: request.stream,
        system: texts(system).collect(),
        messages,
        tools: request.tools.iter().map(tool).collect(),
    })
}

/// Empty texts are refused by the vendor and say nothing, so they are left out.
fn texts(messages: &[Message]) -> impl Iterator<Item = Block<'_>> {
    messages
        .iter()
        .filter(|message| !message.content.is_empty())
        .map(|message| Block::text(&message.content))
}

fn blocks(message: &Message) -> serde_json::Result<(&'static str, Vec<Block<'_>>)> {
    if message.role == Role::Tool {
        let result = Block {
            r#type: "tool_result",
            tool_use_id: message.tool_call_id.as_deref(),
            content: Some(&message.content),
            ..Block::default()
        };
        return Ok(("user", vec![result]));
    }
    let mut blocks: Vec<Block<'_>> = texts(std::slice::from_ref(message)).collect();
    if message.role != Role::Assistant {
        return Ok(("user", blocks));
    }
    for call in &message.tool_calls {
        blocks.push(Block {
            r#type: "tool_use",
            id: Some(&call.id),
            name: Some(&call.name),
            input: Some(super::arguments(call)?),
            ..Block::default()
        });
    }
    Ok(("assistant", blocks))
}

fn tool(spec: &ToolSpec) -> Tool<'_> {
    Tool {
        name: &spec.name,
        description: &spec.description,
        input_schema: &spec.parameters,
    }
}

/// Any event, and the whole message: the vendor gives their fields the same meaning.
#[derive(Deserialize)]
struct Event {
    r#type: String,
    #[serde(default)]
    index: usize,
    #[serde(default)]
    message: Option<Start>,
    #[serde(default)]
    content_block: Option<ReplyBlock>,
    #[serde(default)]
    delta: Option<Delta>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Start {
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Whole {
    content: Vec<ReplyBlock>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct ReplyBlock {
    r#type: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    input: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    partial_json: Option<String>,
    #[serde(default)]
    stop_reason: Option<String>,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(default)]
struct Usage {
    input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_creation: Option<CacheCreation>,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(default)]
struct CacheCreation {
    ephemeral_1h_input_tokens: u64,
}

/// A usage report replaces the figures that it has and leaves the others.
fn merge(known: TokenUsage, report: Usage) -> TokenUsage {
    let hour = report
        .cache_creation
        .map_or(known.cache_write_1h(), |made| {
            made.ephemeral_1h_input_tokens
        });
    let written = report
        .cache_creation_input_tokens
        .map_or(known.cache_write_5m(), |all| all.saturating_sub(hour));
    TokenUsage::new(
        report.input_tokens.unwrap_or(known.input()),
        report.output_tokens.unwrap_or(known.output()),
    )
    .with_cache_read(report.cache_read_input_tokens.unwrap_or(known.cache_read()))
    .with_cache_write_5m(written)
    .with_cache_write_1h(hour)
}

fn finish(stop_reason: &str) -> Result<Finish, Spoiled> {
    match stop_reason {
        "end_turn" | "stop_sequence" => Ok(Finish::Stop),
        "tool_use" => Ok(Finish::ToolCalls),
        "max_tokens" => Err(Spoiled::Stopped("max_tokens", FailureKind::OutputLimit)),
        "refusal" => Err(Spoiled::Stopped("refusal", FailureKind::ContentPolicy)),
        "model_context_window_exceeded" => Err(Spoiled::Stopped(
            "model_context_window_exceeded",
            FailureKind::ContextTooLong,
        )),
        _ => Ok(Finish::Other),
    }
}

/// Takes the data of one event.
pub(super) fn event(data: &[u8], parts: &mut Parts) -> Result<(), Spoiled> {
    let event: Event = serde_json::from_slice(data)?;
    let report = event.usage.or(event.message.and_then(|start| start.usage));
    if let Some(report) = report {
        parts.usage = merge(parts.usage, report);
    }
    match event.r#type.as_str() {
        "content_block_start" => {
            if let Some(block) = event.content_block {
                match block.r#type.as_str() {
                    "text" => parts.text.push_str(&block.text),
                    "tool_use" => {
                        let call = CallParts {
                            id: block.id,
                            name: block.name,
                            arguments: String::new(),
                        };
                        parts.calls.insert(event.index, call);
                    }
                    _ => {}
                }
            }
        }
        "content_block_delta" => {
            let delta = event
                .delta
                .ok_or_else(|| Spoiled::Garbled("a delta without content".to_owned()))?;
            if let Some(text) = delta.text {
                parts.text.push_str(&text);
            }
            if let Some(json) = delta.partial_json {
                // Other blocks with JSON, such as the vendor's own tools, are not ours to call.
                if let Some(call) = parts.calls.get_mut(&event.index) {
                    call.arguments.push_str(&json);
                }
            }
        }
        "message_delta" => {
            if let Some(reason) = event.delta.and_then(|delta| delta.stop_reason) {
                parts.finish = Some(finish(&reason)?);
            }
        }
        "message_stop" => parts.complete = true,
        _ => {}
    }
    Ok(())
}

/// Takes a whole answer.
pub(super) fn whole(data: &[u8]) -> Result<Parts, Spoiled> {
    let whole: Whole = serde_json::from_slice(data)?;
    let mut parts = Parts {
        usage: merge(TokenUsage::ZERO, whole.usage.unwrap_or_default()),
        finish: whole.stop_reason.as_deref().map(finish).transpose()?,
        complete: true,
        ..Parts::default()
    };
    for (index, block) in whole.content.into_iter().enumerate() {
        match block.r#type.as_str() {
            "text" => parts.text.push_str(&block.text),
            "tool_use" => {
                let input = block.input.as_deref().map_or("", RawValue::get);
                let call = CallParts {
                    id: block.id,
                    name: block.name,
                    arguments: input.to_owned(),
                };
                parts.calls.insert(index, call);
            }
            _ => {}
        }
    }
    Ok(parts)
}
