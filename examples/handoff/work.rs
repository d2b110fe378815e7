//! The first agent's work: what is recorded of it, and what its host keeps.

use std::error::Error;
use std::fs;
use std::path::Path;

use agent_checkpoint::{Artifact, Checkpointer, Decision};
use agent_primitives::CheckpointKind;
use serde_json::Value;
use support::{Message, Role};

/// Words in the names of tools that change files.
const CHANGES: [&str; 4] = ["replace", "edit", "write", "create"];

/// Plays the messages. For each change the host keeps a decision with its reason and an artifact with its digest;
/// the change itself lies in `project`, so that the other side can compare it.
pub(crate) fn play(
    session: &mut Checkpointer,
    messages: &[Message],
    project: &Path,
) -> Result<(), Box<dyn Error>> {
    let mut changes = 0;
    for message in messages {
        session.push(message.clone())?;
        for call in &message.tool_calls {
            if !CHANGES.iter().any(|word| call.name.contains(word)) {
                continue;
            }
            changes += 1;
            let name = format!("{changes}.change");
            fs::write(project.join(&name), &call.arguments)?;
            let artifact = Artifact::of_bytes(name, call.arguments.as_bytes());
            let what = format!("change {}", path_of(&call.arguments));
            let why = match message.content.as_str() {
                "" => "it follows from the step before",
                why => why,
            };
            let at = agent_primitives::Timestamp::UNIX_EPOCH;
            let decision = Decision::new(at, what, why);
            session.update(|work| {
                work.artifacts.push(artifact.with_kind("change"));
                work.decisions.push(decision);
            });
        }
        if message.role == Role::Assistant {
            session.save(CheckpointKind::Auto)?;
        }
    }
    let announced = messages.iter().rev().find(|m| m.role == Role::Assistant);
    let next = announced.map_or("go on", |message| message.content.trim());
    let next = if next.is_empty() { "go on" } else { next };
    session.update(|work| work.next_steps.push(next.into()));
    Ok(())
}

fn path_of(arguments: &str) -> String {
    let arguments = serde_json::from_str::<Value>(arguments).unwrap_or_default();
    let mut names = ["path", "filename", "file_path"].iter();
    let path = names.find_map(|name| arguments.get(name)?.as_str());
    path.unwrap_or("a file").to_owned()
}
