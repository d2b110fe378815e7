//! Recorded sessions of a coding agent (SWE-agent trajectories), where somebody has put them.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{Message, Role, ToolCall};
use crate::harness::{Broken, Skipped};

/// Beside the workspace; they are not part of the project.
pub(crate) const FOLDER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../shared/data/trajectories"
);

/// The messages of every `.traj` file in `folder`, in the order of the names.
pub(crate) fn recorded(folder: &Path) -> Result<Vec<Message>, Skipped> {
    let skip = |why: String| Skipped::new("recorded sessions", why);
    let entries =
        fs::read_dir(folder).map_err(|_| skip("no ../shared/data/trajectories".to_owned()))?;
    let mut paths: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "traj"))
        .collect();
    paths.sort();
    let mut messages = Vec::new();
    for path in paths {
        let text = fs::read(&path).map_err(|error| skip(error.to_string()))?;
        messages.extend(messages_of(&text).map_err(|broken| skip(broken.to_string()))?);
    }
    if messages.is_empty() {
        return Err(skip("there are none in the folder".to_owned()));
    }
    Ok(messages)
}

fn messages_of(text: &[u8]) -> Result<Vec<Message>, Broken> {
    let session: Value =
        serde_json::from_slice(text).map_err(Broken::when("read a recorded session"))?;
    let history = session.get("history").and_then(Value::as_array);
    Ok(history.into_iter().flatten().map(message).collect())
}

fn message(recorded: &Value) -> Message {
    let role = match recorded.get("role").and_then(Value::as_str) {
        Some("system") => Role::System,
        Some("assistant") => Role::Assistant,
        Some("tool") => Role::Tool,
        _ => Role::User,
    };
    let content = match recorded.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(parts) => parts.to_string(),
        None => String::new(),
    };
    let calls = recorded.get("tool_calls").and_then(Value::as_array);
    let text = |value: Option<&Value>| {
        let text = value.and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    Message {
        tool_calls: calls
            .into_iter()
            .flatten()
            .map(|call| ToolCall {
                id: text(call.get("id")),
                name: text(call.pointer("/function/name")),
                arguments: text(call.pointer("/function/arguments")),
            })
            .collect(),
        tool_call_id: recorded
            .pointer("/tool_call_ids/0")
            .and_then(Value::as_str)
            .map(str::to_owned),
        ..Message::new(role, content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRAJECTORY: &str = r#"{"history": [
        {"role": "system", "content": "You fix bugs."},
        {"role": "assistant", "content": "I look.", "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{}"}}]},
        {"role": "tool", "content": [{"type": "text", "text": "a.py"}], "tool_call_ids": ["c1"]}
    ]}"#;

    #[test]
    fn calls_and_their_results_are_kept() {
        let messages = messages_of(TRAJECTORY.as_bytes()).unwrap();
        let roles: Vec<_> = messages.iter().map(|message| message.role).collect();
        assert_eq!(roles, [Role::System, Role::Assistant, Role::Tool]);
        assert_eq!(messages[1].tool_calls[0].name, "find");
        assert_eq!(messages[2].tool_call_id.as_deref(), Some("c1"));
        assert_eq!(messages[2].content, r#"[{"text":"a.py","type":"text"}]"#);
    }

    #[test]
    fn files_are_read_in_order_and_others_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        for (name, says) in [("b.traj", "second"), ("a.traj", "first"), ("c.txt", "no")] {
            let text = format!(r#"{{"history": [{{"role": "user", "content": "{says}"}}]}}"#);
            fs::write(folder.path().join(name), text).unwrap();
        }
        let messages = recorded(folder.path()).unwrap();
        let said: Vec<_> = messages
            .iter()
            .map(|message| message.content.as_str())
            .collect();
        assert_eq!(said, ["first", "second"]);
    }

    #[test]
    fn missing_folder_and_broken_file_are_skipped_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let missing = recorded(&folder.path().join("none")).unwrap_err();
        let why = "SKIPPED recorded sessions: no ../shared/data/trajectories";
        assert_eq!(missing.to_string(), why);
        fs::write(folder.path().join("a.traj"), "{").unwrap();
        let broken = recorded(folder.path()).unwrap_err().to_string();
        assert!(
            broken.contains("cannot read a recorded session"),
            "{broken}"
        );
    }
}
