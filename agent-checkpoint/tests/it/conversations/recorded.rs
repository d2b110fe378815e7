//! Recorded sessions, where they are.

use std::fs;
use std::path::{Path, PathBuf};

use agent_checkpoint::{Message, ToolCall};
use serde_json::Value;

/// SWE-agent's sessions beside the project, and the one that the examples have; by name.
pub(crate) fn sessions() -> Vec<(String, Vec<Message>)> {
    let crate_root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = crate_root.join("../../shared/data/trajectories");
    let mut files: Vec<PathBuf> = match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => Vec::new(),
    };
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "traj")
    });
    if files.is_empty() {
        println!("SKIPPED recorded trajectories: none beside the project");
    }
    files.push(crate_root.join("../examples/data/session.json"));
    files.retain(|file| file.exists());
    files.sort();
    files.iter().map(|file| (name(file), read(file))).collect()
}

fn name(file: &Path) -> String {
    file.file_stem().unwrap().to_string_lossy().into_owned()
}

fn read(file: &Path) -> Vec<Message> {
    let session: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let history = session["history"].as_array().unwrap().iter();
    history.map(message).collect()
}

fn message(entry: &Value) -> Message {
    let text = match &entry["content"] {
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect(),
        content => content.as_str().unwrap_or_default().to_owned(),
    };
    match entry["role"].as_str().unwrap() {
        "system" => Message::system(text),
        "user" => Message::user(text),
        "tool" => Message::tool(entry["tool_call_ids"][0].as_str().unwrap(), text),
        _ => {
            let calls = entry["tool_calls"].as_array().into_iter().flatten();
            let said = |value: &Value| value.as_str().unwrap().to_owned();
            calls.fold(Message::assistant(text), |message, call| {
                let called = &call["function"];
                let (name, arguments) = (said(&called["name"]), said(&called["arguments"]));
                message.with_tool_call(ToolCall::new(said(&call["id"]), name, arguments))
            })
        }
    }
}
