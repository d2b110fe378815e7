//! What of a state reads back when it was saved; the rest is refused before it is written.

use serde_json::{Map, Value};

use super::{Message, ToolCall, Work};
use crate::Error;
use crate::format::items::{ITEM_MAX, json_len};

/// How deep arrays and objects may nest in a value. The reader's parser stops at 128, and frames and
/// types take a few levels of their own.
pub(crate) const DEPTH_MAX: usize = 100;

/// JSON makes at most six bytes of one; below this length no text passes the limit.
const SURELY_FITS: usize = ITEM_MAX / 8;

const MESSAGE: &[&str] = &["role", "content", "parts", "tool_calls", "tool_call_id"];
const CALL: &[&str] = &["id", "name", "arguments"];
const WORK: &[&str] = &[
    "conversation",
    "agents",
    "workflow",
    "decisions",
    "artifacts",
    "next_steps",
    "usage",
];
const WORKFLOW: &[&str] = &["name", "step", "done"];
const DECISION: &[&str] = &["at", "what", "why"];
const ARTIFACT: &[&str] = &["path", "hash"];

/// Whether a save can write the message and a reader reads it. Costs next to nothing where there is
/// text only.
pub(crate) fn check_message(message: &Message) -> Result<(), Error> {
    let Message {
        role: _,
        content,
        parts,
        tool_calls,
        tool_call_id,
        extra,
    } = message;
    for part in parts {
        check_depth("a message's part", part)?;
    }
    check_extra("a message", extra, MESSAGE)?;
    for call in tool_calls {
        check_extra("a tool call", &call.extra, CALL)?;
    }
    let text = |call: &ToolCall| {
        // The names of the fields count too: a message may have any number of calls.
        call.id.len() + call.name.len() + call.arguments.len() + CALL_FIELDS
    };
    let len = tool_calls
        .iter()
        .map(text)
        .chain(tool_call_id.as_ref().map(String::len))
        .fold(content.len(), usize::saturating_add);
    let is_plain =
        parts.is_empty() && extra.is_empty() && tool_calls.iter().all(|call| call.extra.is_empty());
    if is_plain && len <= SURELY_FITS {
        return Ok(());
    }
    // The JSON is longer than the texts in it.
    let len = if len > ITEM_MAX {
        len
    } else {
        json_len(message)?
    };
    if len > ITEM_MAX {
        return Err(Error::too_large("a message", len, ITEM_MAX));
    }
    Ok(())
}

/// A call's JSON without its texts.
const CALL_FIELDS: usize = r#"{"id":"","name":"","arguments":""},"#.len();

/// Whether the state beside the messages reads back as it is.
pub(crate) fn check_work(work: &Work) -> Result<(), Error> {
    for (agent, value) in &work.agents {
        check_depth(format!("what agent {agent} keeps"), value)?;
    }
    check_extra("the session's state", &work.extra, WORK)?;
    if let Some(workflow) = &work.workflow {
        check_extra("a workflow", &workflow.extra, WORKFLOW)?;
    }
    for decision in &work.decisions {
        check_extra("a decision", &decision.extra, DECISION)?;
    }
    for artifact in &work.artifacts {
        check_extra("an artifact", &artifact.extra, ARTIFACT)?;
    }
    Ok(())
}

/// Whether a reader's parser gets to the bottom of the value.
pub(crate) fn check_depth(what: impl Into<String>, value: &Value) -> Result<(), Error> {
    if is_within(value, DEPTH_MAX) {
        Ok(())
    } else {
        Err(Error::too_deep(what, DEPTH_MAX))
    }
}

fn check_extra(what: &str, extra: &Map<String, Value>, fields: &[&str]) -> Result<(), Error> {
    for (name, value) in extra {
        // Written twice, a field makes the whole frame unreadable, or replaces the typed one.
        if fields.contains(&name.as_str()) {
            return Err(Error::reserved(what, name));
        }
        check_depth(format!("field {name} of {what}"), value)?;
    }
    Ok(())
}

/// Goes no deeper than `left`, so that no value exhausts the stack.
fn is_within(value: &Value, left: usize) -> bool {
    let inside = |value: &Value| left > 0 && is_within(value, left - 1);
    match value {
        Value::Array(values) => left > 0 && values.iter().all(inside),
        Value::Object(fields) => left > 0 && fields.values().all(inside),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Artifact, Decision, Workflow};
    use serde::Serialize;
    use serde_json::json;

    fn nested(depth: usize) -> Value {
        (0..depth).fold(json!(1), |value, _| json!([value]))
    }

    #[test]
    fn depth_counts_arrays_and_objects() {
        assert!(is_within(&json!(1), 0));
        assert!(is_within(&json!({"a": [1]}), 2) && !is_within(&json!({"a": [1]}), 1));
        assert!(check_depth("x", &nested(DEPTH_MAX)).is_ok());
        let refused = check_depth("x", &nested(DEPTH_MAX + 1)).unwrap_err();
        assert!(refused.is_unsavable(), "{refused}");
    }

    /// The fields that a value has of its own, as serde writes them.
    fn fields(value: &impl Serialize) -> Vec<String> {
        let value = serde_json::to_value(value).unwrap();
        value.as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn every_field_that_serde_writes_is_reserved() {
        let call = ToolCall::new("c", "n", "{}");
        let mut message = Message::tool("c", "x").with_part(json!(1));
        message.tool_calls.push(call.clone());
        let mut workflow = Workflow::new("w");
        workflow.step = Some("s".into());
        workflow.done.push("d".into());
        let mut artifact = Artifact::new("p");
        artifact.hash = Some("h".into());
        let mut work = Work::default();
        work.agents
            .insert(agent_primitives::AgentId::new("a").unwrap(), json!(1));
        work.workflow = Some(workflow.clone());
        work.decisions.push(Decision::default());
        work.artifacts.push(artifact.clone());
        work.next_steps.push("n".into());
        work.usage = agent_primitives::TokenUsage::new(1, 1);
        let state = crate::SessionState {
            conversation: vec![message.clone()],
            work,
        };
        for (written, reserved) in [
            (fields(&message), MESSAGE),
            (fields(&call), CALL),
            (fields(&state), WORK),
            (fields(&workflow), WORKFLOW),
            (fields(&Decision::default()), DECISION),
            (fields(&artifact), ARTIFACT),
        ] {
            let mut reserved = reserved.to_vec();
            reserved.sort_unstable();
            let mut written = written;
            written.sort_unstable();
            assert_eq!(written, reserved);
        }
    }
}
