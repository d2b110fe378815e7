//! Anthropic Messages: requests read, answers written.

use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use super::asked::{Answer, Asked, Usage, pieces};
use crate::text::{Text, joined};
use crate::{Message, ToolCall};

#[derive(Deserialize)]
struct Request {
    model: String,
    /// Required by the vendor; its value does not matter here.
    #[serde(rename = "max_tokens")]
    _max_tokens: u64,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    system: Option<Text>,
    messages: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    role: Speaker,
    /// A string or blocks; kept raw, since tool inputs must keep their bytes.
    content: Box<RawValue>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Speaker {
    User,
    Assistant,
}

#[derive(Deserialize)]
struct Block {
    r#type: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    input: Option<Box<RawValue>>,
    #[serde(default)]
    tool_use_id: String,
    #[serde(default)]
    content: Option<Text>,
}

/// Reads a request body; the error is the text of the vendor's message.
pub(super) fn asked(body: &[u8]) -> Result<Asked, String> {
    let request: Request = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let mut messages = Vec::new();
    if request.system.is_some() {
        messages.push(Message::system(joined(request.system)?));
    }
    for (index, entry) in request.messages.iter().enumerate() {
        entry
            .read(&mut messages)
            .map_err(|error| format!("messages.{index}: {error}"))?;
    }
    Ok(Asked {
        model: request.model,
        stream: request.stream,
        stream_usage: true,
        messages,
    })
}

impl Entry {
    /// A user's message can hold several texts and tool results, which are messages of their own.
    fn read(&self, messages: &mut Vec<Message>) -> Result<(), String> {
        let content = self.content.get();
        let blocks = if content.starts_with('"') {
            let text: String = serde_json::from_str(content).map_err(|error| error.to_string())?;
            match self.role {
                Speaker::User => messages.push(Message::user(text)),
                Speaker::Assistant => messages.push(Message::assistant(text)),
            }
            return Ok(());
        } else {
            serde_json::from_str::<Vec<Block>>(content).map_err(|error| error.to_string())?
        };
        let mut answer = Message::assistant("");
        for block in blocks {
            match (self.role, block.r#type.as_str()) {
                (_, "text") if block.text.is_empty() => {
                    return Err("text content blocks must be non-empty".to_owned());
                }
                (Speaker::User, "text") => messages.push(Message::user(block.text)),
                (Speaker::User, "tool_result") => {
                    messages.push(Message::tool(block.tool_use_id, joined(block.content)?));
                }
                (Speaker::Assistant, "text") => answer.content.push_str(&block.text),
                (Speaker::Assistant, "tool_use") => {
                    let input = block.input.ok_or("tool_use.input: Field required")?;
                    answer
                        .tool_calls
                        .push(ToolCall::new(block.id, block.name, input.get()));
                }
                (Speaker::Assistant, "thinking" | "redacted_thinking") => {}
                (_, other) => return Err(format!("content blocks of type {other:?} are not read")),
            }
        }
        if self.role == Speaker::Assistant {
            messages.push(answer);
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct Reply<'a> {
    id: String,
    r#type: &'a str,
    role: &'a str,
    model: &'a str,
    content: Vec<ReplyBlock<'a>>,
    stop_reason: &'a str,
    stop_sequence: Option<&'a str>,
    usage: serde_json::Value,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ReplyBlock<'a> {
    Text {
        text: &'a str,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: &'a RawValue,
    },
}

/// An answer in one piece.
pub(super) fn plain(answer: &Answer<'_>) -> serde_json::Result<String> {
    let mut content = Vec::new();
    if !answer.message.content.is_empty() {
        content.push(ReplyBlock::Text {
            text: &answer.message.content,
        });
    }
    for call in &answer.message.tool_calls {
        content.push(ReplyBlock::ToolUse {
            id: &call.id,
            name: &call.name,
            input: serde_json::from_str(&call.arguments)?,
        });
    }
    serde_json::to_string(&Reply {
        id: id(answer),
        r#type: "message",
        role: "assistant",
        model: answer.model,
        content,
        stop_reason: stop_reason(answer.message),
        stop_sequence: None,
        usage: usage(answer.usage, answer.usage.output),
    })
}

/// An answer as events.
pub(super) fn stream(answer: &Answer<'_>) -> Vec<String> {
    let mut events = vec![
        event(
            "message_start",
            json!({"message": {
                "id": id(answer), "type": "message", "role": "assistant", "model": answer.model,
                "content": [], "stop_reason": null, "stop_sequence": null,
                "usage": usage(answer.usage, 1),
            }}),
        ),
        event("ping", json!({})),
    ];
    let message = answer.message;
    let text = (!message.content.is_empty()).then(|| {
        (
            json!({"type": "text", "text": ""}),
            "text_delta",
            "text",
            message.content.as_str(),
        )
    });
    let calls = message.tool_calls.iter().map(|call| {
        (
            json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}}),
            "input_json_delta",
            "partial_json",
            call.arguments.as_str(),
        )
    });
    for (index, (block, delta, field, value)) in text.into_iter().chain(calls).enumerate() {
        events.push(event(
            "content_block_start",
            json!({"index": index, "content_block": block}),
        ));
        events.extend(pieces(value).into_iter().map(|piece| {
            event(
                "content_block_delta",
                json!({"index": index, "delta": {"type": delta, field: piece}}),
            )
        }));
        events.push(event("content_block_stop", json!({"index": index})));
    }
    events.push(event(
        "message_delta",
        json!({
            "delta": {"stop_reason": stop_reason(message), "stop_sequence": null},
            "usage": usage(answer.usage, answer.usage.output),
        }),
    ));
    events.push(event("message_stop", json!({})));
    events
}

/// One server-sent event; its name stands in the data too.
pub(super) fn event(name: &str, mut data: serde_json::Value) -> String {
    if let Some(data) = data.as_object_mut() {
        data.insert("type".to_owned(), json!(name));
    }
    format!("event: {name}\ndata: {data}\n\n")
}

fn id(answer: &Answer<'_>) -> String {
    format!("msg_{:024}", answer.turn)
}

fn stop_reason(message: &Message) -> &'static str {
    if message.tool_calls.is_empty() {
        "end_turn"
    } else {
        "tool_use"
    }
}

/// Buckets that do not overlap: `input_tokens` is what no cache has seen.
fn usage(usage: Usage, output: u64) -> serde_json::Value {
    json!({
        "input_tokens": usage.input.saturating_sub(usage.repeated),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.repeated,
        "output_tokens": output,
        "service_tier": "standard",
    })
}
