//! `show` and `latest`: what a checkpoint holds, and the log beneath it.

use std::fmt::Write;

use agent_checkpoint::{Message, Role, SessionState, Work};
use serde_json::{Value, json};

use crate::Said;
use crate::columns::{WIDTH, clip, counted};
use crate::failure::Failure;
use crate::list;
use crate::place::{Place, newest_or};

pub(crate) fn latest(place: &Place, session: &str) -> Result<Said, Failure> {
    let list = place.reader(session)?.list()?;
    let checkpoint = newest_or(&list, None)?;
    let text = format!("{}\n", clip(&checkpoint.to_string(), WIDTH));
    Ok(Said::new(text, list::value(checkpoint)))
}

pub(crate) fn show(
    place: &Place,
    session: &str,
    checkpoint: Option<&str>,
    full: bool,
) -> Result<Said, Failure> {
    let reader = place.reader(session)?;
    let list = reader.list()?;
    let checkpoint = newest_or(&list, checkpoint)?;
    let state = reader.state_at(&checkpoint.id)?;
    let mut text = format!("{}\n", clip(&checkpoint.to_string(), WIDTH));
    text += &work(&state.work);
    let _ = writeln!(text, "\n{}", counted(state.conversation.len(), "message"));
    for (message, at) in state.conversation.iter().zip(0_usize..) {
        let _ = if full {
            text.write_str(&whole(message, at))
        } else {
            writeln!(text, "{}", clip(&line(message, at), WIDTH))
        };
    }
    let value = json!({"checkpoint": list::value(checkpoint), "state": state_value(&state)?});
    Ok(Said::new(text, value))
}

fn state_value(state: &SessionState) -> Result<Value, Failure> {
    serde_json::to_value(state).map_err(|error| Failure::problem(error.to_string()))
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

/// A message on one line: its place, who speaks, what is in it.
pub(crate) fn line(message: &Message, at: usize) -> String {
    let mut said = Vec::new();
    if !message.content.is_empty() {
        said.push(message.content.clone());
    }
    let calls = message.tool_calls.iter();
    said.extend(calls.map(|call| format!("→ {} {}", call.name, call.arguments)));
    if !message.parts.is_empty() {
        let kinds = message
            .parts
            .iter()
            .map(|part| part["type"].as_str().unwrap_or("part"));
        said.push(format!("[{}]", kinds.collect::<Vec<_>>().join(", ")));
    }
    format!("{at:>5}  {:<9}  {}", role(message.role), said.join("  "))
}

/// All of a message.
fn whole(message: &Message, at: usize) -> String {
    let mut text = format!("\n--- {at} {}", role(message.role));
    if let Some(call) = &message.tool_call_id {
        let _ = write!(text, ", result of {call}");
    }
    let printed = |text: &str| -> String {
        let escaped = |c: char| match c {
            '\n' | '\t' => c.to_string(),
            c if c.is_control() => c.escape_default().to_string(),
            c => c.to_string(),
        };
        text.chars().map(escaped).collect()
    };
    let _ = writeln!(text, "\n{}", printed(&message.content).trim_end());
    for call in &message.tool_calls {
        let _ = writeln!(
            text,
            "→ {} ({}) {}",
            call.name,
            call.id,
            printed(&call.arguments)
        );
    }
    for part in &message.parts {
        let _ = writeln!(text, "[part] {}", clip(&part.to_string(), 4_000));
    }
    text
}

/// What there is beside the messages, a line each.
fn work(work: &Work) -> String {
    let mut text = String::new();
    let mut add = |name: &str, what: String| {
        let _ = writeln!(text, "{}", clip(&format!("{name:<10} {what}"), WIDTH));
    };
    for (agent, context) in &work.agents {
        let model = context.model.as_deref().unwrap_or("-");
        let task = context.task.as_deref().unwrap_or("");
        add("agent", format!("{agent}  {model}  {task}"));
    }
    if work.usage.total() > 0 {
        let (input, output) = (work.usage.input_total(), work.usage.output());
        add("tokens", format!("{input} in, {output} out"));
    }
    for decision in &work.decisions {
        add("decided", format!("{}: {}", decision.what, decision.why));
    }
    for artifact in &work.artifacts {
        add("artifact", artifact.path.clone());
    }
    for step in &work.next_steps {
        add("next", step.text.clone());
    }
    for question in work.questions.iter().filter(|question| question.is_open()) {
        add("asks", question.text.clone());
    }
    for server in &work.mcp_servers {
        add(
            "server",
            format!("{}  {}", server.name, counted(server.tools.len(), "tool")),
        );
    }
    for (name, value) in &work.extra {
        add(name, value.to_string());
    }
    text
}

/// The frames of the log. Damage among them is shown and is no failure here: `verify` judges.
pub(crate) fn raw(place: &Place, session: &str) -> Result<Said, Failure> {
    let reader = place.reader(session)?;
    let mut text = String::from("seg    offset    number  kind        stored     bytes\n");
    let mut values = Vec::new();
    reader.frames(|frame| {
        let _ = writeln!(text, "{}", clip(&frame.to_string(), WIDTH));
        values.push(json!({
            "segment": frame.segment,
            "offset": frame.offset,
            "kind": frame.kind,
            "number": frame.number,
            "stored": frame.stored,
            "len": frame.len,
            "notes": frame.notes,
        }));
        true
    })?;
    Ok(Said::new(
        text,
        json!({"session": session, "frames": values}),
    ))
}
