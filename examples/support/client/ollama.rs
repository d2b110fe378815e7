//! Ollama chat: requests written, answers read.

use agent_primitives::{FailureKind, TokenUsage};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::chat::{ChatRequest, Finish};
use super::parts::{CallParts, Parts};
use super::spoiled::Spoiled;
use crate::{Message, Role};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    stream: bool,
    messages: Vec<Entry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<serde_json::Value>,
    /// Without these two the server forgets the start of a long conversation and does not say so.
    truncate: bool,
    shift: bool,
    options: Options,
}

#[derive(Serialize)]
struct Options {
    num_predict: u64,
}

#[derive(Serialize)]
struct Entry<'a> {
    role: &'static str,
    content: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_name: Option<&'a str>,
}

#[derive(Serialize)]
struct Call<'a> {
    id: &'a str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    index: usize,
    name: &'a str,
    arguments: &'a RawValue,
}

/// Writes the body of a request.
pub(super) fn body(request: &ChatRequest, model: &str) -> serde_json::Result<Vec<u8>> {
    let mut messages = Vec::with_capacity(request.messages.len());
    for (index, message) in request.messages.iter().enumerate() {
        let before = request.messages.get(..index).unwrap_or_default();
        messages.push(entry(message, before)?);
    }
    serde_json::to_vec(&Body {
        model,
        stream: request.stream,
        messages,
        tools: (!request.tools.is_empty()).then(|| super::function_tools(&request.tools)),
        truncate: false,
        shift: false,
        options: Options {
            num_predict: request.max_tokens,
        },
    })
}

fn entry<'a>(message: &'a Message, before: &'a [Message]) -> serde_json::Result<Entry<'a>> {
    let tool_calls = message
        .tool_calls
        .iter()
        .enumerate()
        .map(|(index, call)| {
            let function = Function {
                index,
                name: &call.name,
                arguments: super::arguments(call)?,
            };
            Ok(Call {
                id: &call.id,
                function,
            })
        })
        .collect::<serde_json::Result<_>>()?;
    // Older servers join a result to its call by the tool's name.
    let tool_name = message.tool_call_id.as_deref().and_then(|id| {
        let calls = before.iter().rev().flat_map(|message| &message.tool_calls);
        calls
            .filter(|call| call.id == id)
            .map(|call| call.name.as_str())
            .next()
    });
    Ok(Entry {
        role: match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        },
        content: &message.content,
        tool_calls,
        tool_call_id: message.tool_call_id.as_deref(),
        tool_name,
    })
}

/// A line and a whole answer alike.
#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    message: Said,
    done: bool,
    #[serde(default)]
    done_reason: Option<String>,
    #[serde(default)]
    prompt_eval_count: u64,
    #[serde(default)]
    eval_count: u64,
}

#[derive(Deserialize, Default)]
struct Said {
    #[serde(default)]
    content: String,
    #[serde(default)]
    tool_calls: Vec<SaidCall>,
}

#[derive(Deserialize)]
struct SaidCall {
    /// Missing before version 0.12.
    #[serde(default)]
    id: Option<String>,
    function: SaidFunction,
}

#[derive(Deserialize)]
struct SaidFunction {
    name: String,
    arguments: Box<RawValue>,
}

/// Takes one line, or a whole answer.
pub(super) fn line(data: &[u8], parts: &mut Parts) -> Result<(), Spoiled> {
    let line: Line = serde_json::from_slice(data)?;
    parts.text.push_str(&line.message.content);
    for call in line.message.tool_calls {
        let index = parts.calls.len();
        let call = CallParts {
            id: call.id.unwrap_or_else(|| format!("call_{index}")),
            name: call.function.name,
            arguments: call.function.arguments.get().to_owned(),
        };
        parts.calls.insert(index, call);
    }
    if line.done {
        parts.complete = true;
        parts.usage = TokenUsage::new(line.prompt_eval_count, line.eval_count);
        parts.finish = Some(match line.done_reason.as_deref() {
            Some("length") => {
                return Err(Spoiled::Stopped("length", FailureKind::OutputLimit));
            }
            // The vendor says "stop" for tool calls too.
            Some("stop") | None if parts.calls.is_empty() => Finish::Stop,
            Some("stop") | None => Finish::ToolCalls,
            Some(_) => Finish::Other,
        });
    }
    Ok(())
}
