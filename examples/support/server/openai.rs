//! OpenAI chat completions, and Groq's: requests read, answers written.

#![expect(
    clippy::indexing_slicing,
    reason = "assigning to a key of a JSON object that was made here adds the key"
)]

use serde::Deserialize;
use serde_json::{Value, json};

use super::asked::{Answer, Asked, Usage, pieces};
use crate::call::FunctionCall;
use crate::text::{Text, joined};
use crate::{Message, ToolCall};

/// Where the two differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    OpenAi,
    Groq,
}

#[derive(Deserialize)]
struct Request {
    model: String,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    stream_options: StreamOptions,
    messages: Vec<Entry>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Deserialize)]
struct Entry {
    role: Speaker,
    #[serde(default)]
    content: Option<Text>,
    #[serde(default)]
    tool_calls: Option<Vec<FunctionCall>>,
    #[serde(default)]
    tool_call_id: Option<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Speaker {
    System,
    Developer,
    User,
    Assistant,
    Tool,
}

/// Reads a request body; the error is the text of the vendor's message.
pub(super) fn asked(body: &[u8]) -> Result<Asked, String> {
    let request: Request = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let messages = request
        .messages
        .into_iter()
        .enumerate()
        .map(|(index, entry)| {
            entry
                .read()
                .map_err(|error| format!("Invalid value for 'messages[{index}]': {error}"))
        })
        .collect::<Result<_, _>>()?;
    Ok(Asked {
        model: request.model,
        stream: request.stream,
        stream_usage: request.stream_options.include_usage,
        messages,
    })
}

impl Entry {
    fn read(self) -> Result<Message, String> {
        let content = joined(self.content)?;
        Ok(match self.role {
            Speaker::System | Speaker::Developer => Message::system(content),
            Speaker::User => Message::user(content),
            Speaker::Assistant => {
                let mut message = Message::assistant(content);
                message.tool_calls = self
                    .tool_calls
                    .unwrap_or_default()
                    .into_iter()
                    .map(ToolCall::from)
                    .collect();
                message
            }
            Speaker::Tool => {
                let id = self.tool_call_id.ok_or("missing 'tool_call_id'")?;
                Message::tool(id, content)
            }
        })
    }
}

/// An answer in one piece.
pub(super) fn plain(flavour: Flavour, answer: &Answer<'_>) -> String {
    let message = answer.message;
    let mut reply = json!({
        "role": "assistant",
        "content": content(message),
        "refusal": null,
    });
    if !message.tool_calls.is_empty() {
        let calls = message.tool_calls.iter().map(|call| {
            json!({
                "id": call.id, "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            })
        });
        reply["tool_calls"] = calls.collect();
    }
    let mut body = frame(answer, "chat.completion");
    body["choices"] = json!([{
        "index": 0, "message": reply, "logprobs": null, "finish_reason": finish_reason(message),
    }]);
    body["usage"] = usage(answer.usage);
    if flavour == Flavour::Groq {
        body["x_groq"] = json!({"id": groq_id(answer)});
    }
    body.to_string()
}

/// An answer as events.
pub(super) fn stream(flavour: Flavour, answer: &Answer<'_>) -> Vec<String> {
    let message = answer.message;
    let chunk = |delta: Value, finish: Option<&str>| {
        let mut chunk = frame(answer, "chat.completion.chunk");
        chunk["choices"] = json!([{
            "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish,
        }]);
        chunk
    };
    let mut start = match content(message) {
        Value::Null => Value::Null,
        _ => json!(""),
    };
    start = json!({"role": "assistant", "content": start});
    let mut first = chunk(start, None);
    if flavour == Flavour::Groq {
        first["x_groq"] = json!({"id": groq_id(answer)});
    }
    let mut chunks = vec![first];
    let texts = pieces(&message.content).into_iter();
    chunks.extend(texts.map(|piece| chunk(json!({"content": piece}), None)));
    for (index, call) in message.tool_calls.iter().enumerate() {
        let opening = json!({
            "index": index, "id": call.id, "type": "function",
            "function": {"name": call.name, "arguments": ""},
        });
        chunks.push(chunk(json!({"tool_calls": [opening]}), None));
        chunks.extend(pieces(&call.arguments).into_iter().map(|piece| {
            let part = json!({"index": index, "function": {"arguments": piece}});
            chunk(json!({"tool_calls": [part]}), None)
        }));
    }
    let mut last = chunk(json!({}), Some(finish_reason(message)));
    if flavour == Flavour::Groq {
        last["x_groq"] = json!({"id": groq_id(answer), "usage": usage(answer.usage)});
    }
    chunks.push(last);
    if answer.stream_usage {
        let mut figures = frame(answer, "chat.completion.chunk");
        figures["choices"] = json!([]);
        figures["usage"] = usage(answer.usage);
        chunks.push(figures);
    }
    let mut events: Vec<String> = chunks.iter().map(event).collect();
    events.push("data: [DONE]\n\n".to_owned());
    events
}

/// One server-sent event.
pub(super) fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

fn frame(answer: &Answer<'_>, object: &str) -> Value {
    json!({
        "id": format!("chatcmpl-{:024}", answer.turn),
        "object": object,
        "created": answer.now.unix_seconds(),
        "model": answer.model,
        "system_fingerprint": "fp_0000000000",
    })
}

fn groq_id(answer: &Answer<'_>) -> String {
    format!("req_{:024}", answer.turn)
}

/// Null where there are only tool calls.
fn content(message: &Message) -> Value {
    if message.content.is_empty() && !message.tool_calls.is_empty() {
        Value::Null
    } else {
        json!(message.content)
    }
}

fn finish_reason(message: &Message) -> &'static str {
    if message.tool_calls.is_empty() {
        "stop"
    } else {
        "tool_calls"
    }
}

/// `prompt_tokens` includes what came from the cache, which holds blocks of 128 tokens.
fn usage(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input.saturating_add(usage.output),
        "prompt_tokens_details": {"cached_tokens": usage.repeated / 128 * 128},
    })
}
