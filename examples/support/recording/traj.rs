//! The `.traj` format of SWE-agent, read into messages.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::{InvalidRecording, Recording};
use crate::call::FunctionCall;
use crate::text::{Text, joined};
use crate::{Message, Role, ToolCall};

#[derive(Deserialize)]
struct Trajectory {
    history: Vec<Entry>,
    #[serde(default)]
    trajectory: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    execution_time: Option<f64>,
}

#[derive(Deserialize)]
struct Entry {
    role: Role,
    #[serde(default)]
    content: Option<Text>,
    #[serde(default)]
    tool_calls: Option<Vec<FunctionCall>>,
    #[serde(default)]
    tool_call_ids: Option<Vec<String>>,
}

type Conversation = (Vec<Message>, Vec<Option<Duration>>);

/// The text of `path`, which may change size while it is read.
pub(super) fn read(path: &Path) -> Result<String, InvalidRecording> {
    let file = File::open(path).map_err(InvalidRecording::Unreadable)?;
    let bytes = file.metadata().map_err(InvalidRecording::Unreadable)?.len();
    check_size(bytes)?;
    let mut text = String::new();
    let read = file
        .take(Recording::MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(InvalidRecording::Unreadable)?;
    check_size(u64::try_from(read).unwrap_or(u64::MAX))?;
    Ok(text)
}

fn check_size(bytes: u64) -> Result<(), InvalidRecording> {
    if bytes > Recording::MAX_BYTES {
        return Err(InvalidRecording::TooLarge {
            bytes,
            max: Recording::MAX_BYTES,
        });
    }
    Ok(())
}

/// The messages, and the execution time of each step.
pub(super) fn parse(text: &str) -> Result<Conversation, InvalidRecording> {
    check_size(u64::try_from(text.len()).unwrap_or(u64::MAX))?;
    let trajectory: Trajectory =
        serde_json::from_str(text).map_err(|error| InvalidRecording::Syntax {
            reason: error.to_string(),
        })?;
    let messages = trajectory
        .history
        .into_iter()
        .enumerate()
        .map(|(index, entry)| message(index, entry))
        .collect::<Result<_, _>>()?;
    let times = trajectory
        .trajectory
        .iter()
        .enumerate()
        .map(|(index, step)| execution_time(index, step))
        .collect::<Result<_, _>>()?;
    Ok((messages, times))
}

fn execution_time(index: usize, step: &Step) -> Result<Option<Duration>, InvalidRecording> {
    step.execution_time
        .map(|seconds| {
            Duration::try_from_secs_f64(seconds)
                .map_err(|_| InvalidRecording::ExecutionTime { index, seconds })
        })
        .transpose()
}

fn message(index: usize, entry: Entry) -> Result<Message, InvalidRecording> {
    let content =
        joined(entry.content).map_err(|reason| InvalidRecording::message(index, reason))?;
    let calls = entry.tool_calls.unwrap_or_default();
    if !calls.is_empty() && entry.role != Role::Assistant {
        return Err(InvalidRecording::message(
            index,
            "tool_calls outside an assistant message; only the model calls tools",
        ));
    }
    Ok(match entry.role {
        Role::System => Message::system(content),
        Role::User => Message::user(content),
        Role::Assistant => {
            let mut message = Message::assistant(content);
            for call in calls {
                message.tool_calls.push(tool_call(index, call.into())?);
            }
            message
        }
        Role::Tool => match entry.tool_call_ids.unwrap_or_default().as_slice() {
            [id] => Message::tool(id.clone(), content),
            ids => {
                return Err(InvalidRecording::message(
                    index,
                    format!(
                        "a tool message with {} tool_call_ids; give each tool call a result of its own",
                        ids.len()
                    ),
                ));
            }
        },
    })
}

/// Anthropic and Ollama carry arguments as JSON objects, so a text that is none could not be
/// played through every wire format.
fn tool_call(index: usize, call: ToolCall) -> Result<ToolCall, InvalidRecording> {
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&call.arguments) {
        Ok(_) => Ok(call),
        Err(error) => Err(InvalidRecording::message(
            index,
            format!(
                "the arguments of tool call {:?} are not a JSON object: {error}",
                call.id
            ),
        )),
    }
}
