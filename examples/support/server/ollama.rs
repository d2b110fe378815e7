//! Ollama chat: requests read, answers written.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::asked::{Answer, Asked, pieces};
use crate::{Message, Role, ToolCall};

#[derive(Deserialize)]
struct Request {
    model: String,
    #[serde(default = "yes")]
    stream: bool,
    messages: Vec<Entry>,
}

/// Ollama streams unless told otherwise.
const fn yes() -> bool {
    true
}

#[derive(Deserialize)]
struct Entry {
    role: Role,
    #[serde(default)]
    content: String,
    #[serde(default)]
    tool_calls: Vec<Call>,
    #[serde(default)]
    tool_call_id: String,
}

#[derive(Deserialize)]
struct Call {
    #[serde(default)]
    id: String,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    arguments: Box<RawValue>,
}

/// Reads a request body; the error is the text of the vendor's message.
pub(super) fn asked(body: &[u8]) -> Result<Asked, String> {
    let request: Request = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok(Asked {
        model: request.model,
        stream: request.stream,
        stream_usage: true,
        messages: request.messages.into_iter().map(Entry::read).collect(),
    })
}

impl Entry {
    fn read(self) -> Message {
        match self.role {
            Role::System => Message::system(self.content),
            Role::User => Message::user(self.content),
            Role::Tool => Message::tool(self.tool_call_id, self.content),
            Role::Assistant => {
                let mut message = Message::assistant(self.content);
                message.tool_calls = self
                    .tool_calls
                    .into_iter()
                    .map(|call| {
                        ToolCall::new(call.id, call.function.name, call.function.arguments.get())
                    })
                    .collect();
                message
            }
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    model: &'a str,
    created_at: String,
    message: Said<'a>,
    done: bool,
    #[serde(flatten)]
    end: Option<End>,
}

#[derive(Serialize, Default)]
struct Said<'a> {
    role: &'a str,
    content: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ReplyCall<'a>>,
}

#[derive(Serialize)]
struct ReplyCall<'a> {
    id: &'a str,
    function: ReplyFunction<'a>,
}

#[derive(Serialize)]
struct ReplyFunction<'a> {
    index: usize,
    name: &'a str,
    arguments: Box<RawValue>,
}

/// The figures of the last line; durations are in nanoseconds.
#[derive(Serialize)]
struct End {
    done_reason: &'static str,
    total_duration: u64,
    load_duration: u64,
    prompt_eval_count: u64,
    prompt_eval_duration: u64,
    eval_count: u64,
    eval_duration: u64,
}

/// An answer in one piece.
pub(super) fn plain(answer: &Answer<'_>) -> serde_json::Result<String> {
    let said = Said {
        role: "assistant",
        content: &answer.message.content,
        tool_calls: calls(answer.message, str::to_owned)?,
    };
    serde_json::to_string(&line(answer, said, Some(end(answer))))
}

/// An answer as lines.
///
/// A line break between the tokens of recorded arguments would end the line too early, so it is
/// left out; strings cannot hold a raw one.
pub(super) fn stream(answer: &Answer<'_>) -> serde_json::Result<Vec<String>> {
    let text = |content| Said {
        role: "assistant",
        content,
        tool_calls: Vec::new(),
    };
    let mut said: Vec<Said<'_>> = pieces(&answer.message.content)
        .into_iter()
        .map(text)
        .collect();
    let calls = calls(answer.message, |arguments| {
        arguments.replace(['\n', '\r'], "")
    })?;
    if !calls.is_empty() {
        said.push(Said {
            tool_calls: calls,
            ..text("")
        });
    }
    let mut lines: Vec<Line<'_>> = said
        .into_iter()
        .map(|said| line(answer, said, None))
        .collect();
    lines.push(line(answer, text(""), Some(end(answer))));
    lines
        .iter()
        .map(|line| serde_json::to_string(line).map(|line| line + "\n"))
        .collect()
}

fn line<'a>(answer: &Answer<'a>, message: Said<'a>, end: Option<End>) -> Line<'a> {
    Line {
        model: answer.model,
        created_at: answer.now.to_string(),
        message,
        done: end.is_some(),
        end,
    }
}

fn calls(
    message: &Message,
    arguments: impl Fn(&str) -> String,
) -> serde_json::Result<Vec<ReplyCall<'_>>> {
    debug_assert!(
        message.role == Role::Assistant,
        "only the model calls tools"
    );
    message
        .tool_calls
        .iter()
        .enumerate()
        .map(|(index, call)| {
            Ok(ReplyCall {
                id: &call.id,
                function: ReplyFunction {
                    index,
                    name: &call.name,
                    arguments: RawValue::from_string(arguments(&call.arguments))?,
                },
            })
        })
        .collect()
}

// A small model on a small machine: 2 ms a prompt token, 20 ms an answer token.
const PROMPT_TOKEN_NANOS: u64 = 2_000_000;
const ANSWER_TOKEN_NANOS: u64 = 20_000_000;

fn end(answer: &Answer<'_>) -> End {
    let reading = answer.usage.input.saturating_mul(PROMPT_TOKEN_NANOS);
    let writing = answer.usage.output.saturating_mul(ANSWER_TOKEN_NANOS);
    End {
        done_reason: "stop",
        total_duration: reading.saturating_add(writing),
        load_duration: 0,
        prompt_eval_count: answer.usage.input,
        prompt_eval_duration: reading,
        eval_count: answer.usage.output,
        eval_duration: writing,
    }
}
