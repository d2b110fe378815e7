//! The host of a recorded session: what it keeps beside the conversation.

use agent_checkpoint::{Artifact, Checkpointer, Decision, Durability, MemoryStore, Work};
use agent_primitives::{SessionId, Timestamp};
use support::{Message, Role};

use crate::facts::{is_change, path, steps};

/// A session with these messages. As an agent's host would, it keeps a decision and an artifact for each change,
/// and as the next step what the agent announced last.
pub(crate) fn giver(messages: &[Message]) -> Checkpointer {
    let id = SessionId::new("giver").expect("an id");
    let builder = Checkpointer::builder(MemoryStore::new(), id);
    let mut session = builder
        .durability(Durability::Buffered)
        .open()
        .expect("a session");
    for message in messages {
        session.push(message.clone()).expect("a message");
    }
    session.update(|work| *work = work_of(messages));
    session
}

fn work_of(messages: &[Message]) -> Work {
    let mut work = Work::default();
    let mut open_file = "unnamed";
    for step in steps(messages) {
        open_file = path(&step).unwrap_or(open_file);
        if !is_change(&step) {
            continue;
        }
        let what = format!("{} {open_file}", step.tool);
        let why = match step.why.trim() {
            "" => "the step before asks for it",
            why => why,
        };
        work.decisions
            .push(Decision::new(Timestamp::UNIX_EPOCH, what, why));
        let artifact = Artifact::of_bytes(open_file, step.text.as_bytes());
        work.artifacts.push(artifact.with_kind("change"));
    }
    let spoken = messages.iter().rev().find(|m| m.role == Role::Assistant);
    let said = spoken.map(|m| m.content.split('\n').next().unwrap_or_default().trim());
    let said = said.filter(|said| !said.is_empty()).unwrap_or("go on");
    work.next_steps.push(said.into());
    work
}

/// What the host keeps of these messages, as the texts that must survive.
pub(crate) fn kept(messages: &[Message]) -> Vec<String> {
    let work = work_of(messages);
    let decisions = work
        .decisions
        .iter()
        .flat_map(|d| [d.what.clone(), d.why.clone()]);
    let artifacts = work
        .artifacts
        .iter()
        .flat_map(|a| [Some(a.path.clone()), a.hash.clone()]);
    let steps = work.next_steps.iter().map(|step| step.text.clone());
    decisions.chain(artifacts.flatten()).chain(steps).collect()
}
