//! What of a state reads back when it was saved; the rest is refused before it is written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use agent_primitives::AgentId;
use serde_json::{Map, Value};

use super::{
    AgentContext, Artifact, Decision, McpServer, Message, NextStep, Question, ToolCall, Workflow,
};
use crate::Error;
use crate::codec::Fault;
use crate::format::items::{ITEM_MAX, json_len, naming};
use crate::redact::Redaction;

/// How deep arrays and objects may nest in a value. The reader's parser stops at 128, and frames and
/// types take a few levels of their own.
pub(crate) const DEPTH_MAX: usize = 100;

/// JSON makes at most six bytes of one, and takes some around them.
const ESCAPE_MAX: usize = 8;

/// How many times as long a text becomes at most: a mask has 70 bytes or less and stands for four or more.
const GROWTH_MAX: usize = 18;

const MESSAGE: &[&str] = &["role", "content", "parts", "tool_calls", "tool_call_id"];
const CALL: &[&str] = &["id", "name", "arguments"];
const AGENT: &[&str] = &["task", "model", "memory", "usage"];
const WORKFLOW: &[&str] = &["name", "steps"];
const WORKFLOW_STEP: &[&str] = &["name", "status", "attempts", "error", "data"];
const SERVER: &[&str] = &[
    "name",
    "transport",
    "address",
    "protocol",
    "session",
    "config_hash",
    "tools",
];
const TOOL: &[&str] = &["name", "hash"];
const DECISION: &[&str] = &["at", "what", "why", "alternatives", "confidence"];
const ARTIFACT: &[&str] = &["path", "hash", "size", "kind"];
const STEP: &[&str] = &["text", "owner", "status"];
const QUESTION: &[&str] = &["text", "to", "answer"];

/// Whether a save can write the message and a reader reads it. Costs next to nothing where there is
/// text only.
pub(crate) fn check_message(message: &Message) -> Result<(), Error> {
    checked_len(message, ITEM_MAX).map(drop)
}

/// As [`check_message`], for what is written of it: a mask may be longer than what it stands for.
pub(crate) fn check_written(message: &Message, redaction: &Redaction) -> Result<(), Error> {
    check_masked(message, redaction, ITEM_MAX)
}

fn check_masked(message: &Message, redaction: &Redaction, most: usize) -> Result<(), Error> {
    if checked_len(message, most)? <= most / GROWTH_MAX {
        return Ok(());
    }
    match redaction.message(message) {
        Cow::Owned(masked) => checked_len(&masked, most).map(drop),
        Cow::Borrowed(_) => Ok(()),
    }
}

/// How long its texts are, or all of it as JSON where there is more than text.
fn checked_len(message: &Message, most: usize) -> Result<usize, Error> {
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
    if is_plain && len <= most / ESCAPE_MAX {
        return Ok(len);
    }
    // The JSON is longer than the texts in it.
    let len = if len > most { len } else { json_len(message)? };
    if len > most {
        return Err(Error::too_large(naming(message), len, most));
    }
    Ok(len)
}

/// A call's JSON without its texts.
const CALL_FIELDS: usize = r#"{"id":"","name":"","arguments":""},"#.len();

pub(crate) fn check_agents(agents: &BTreeMap<AgentId, AgentContext>) -> Result<(), Error> {
    for (agent, context) in agents {
        check_depth(format!("what agent {agent} remembers"), &context.memory)?;
        check_extra("an agent's context", &context.extra, AGENT)?;
    }
    Ok(())
}

pub(crate) fn check_workflow(workflow: Option<&Workflow>) -> Result<(), Error> {
    if let Some(workflow) = workflow {
        check_extra("a workflow", &workflow.extra, WORKFLOW)?;
        for step in &workflow.steps {
            check_depth(format!("data of step {}", step.name), &step.data)?;
            check_extra("a workflow's step", &step.extra, WORKFLOW_STEP)?;
        }
    }
    Ok(())
}

pub(crate) fn check_servers(servers: &[McpServer]) -> Result<(), Error> {
    for server in servers {
        check_extra("a tool server", &server.extra, SERVER)?;
        for tool in &server.tools {
            check_extra("a tool", &tool.extra, TOOL)?;
        }
    }
    Ok(())
}

pub(crate) fn check_decisions(decisions: &[Decision]) -> Result<(), Error> {
    for (at, decision) in decisions.iter().enumerate() {
        check_extra("a decision", &decision.extra, DECISION)?;
        if decision.confidence.is_some_and(|c| !c.is_finite()) {
            let fault = Fault {
                path: format!("decisions[{at}].confidence"),
                reason: "is not a finite number, which JSON cannot say".to_owned(),
            };
            return Err(Error::unsavable("the session's state", "JSON", fault));
        }
    }
    Ok(())
}

pub(crate) fn check_artifacts(artifacts: &[Artifact]) -> Result<(), Error> {
    let mut extras = artifacts.iter().map(|artifact| &artifact.extra);
    extras.try_for_each(|extra| check_extra("an artifact", extra, ARTIFACT))
}

pub(crate) fn check_steps(steps: &[NextStep]) -> Result<(), Error> {
    let mut extras = steps.iter().map(|step| &step.extra);
    extras.try_for_each(|extra| check_extra("a next step", extra, STEP))
}

pub(crate) fn check_questions(questions: &[Question]) -> Result<(), Error> {
    let mut extras = questions.iter().map(|question| &question.extra);
    extras.try_for_each(|extra| check_extra("a question", extra, QUESTION))
}

/// Whether a reader's parser gets to the bottom of the value.
pub(crate) fn check_depth(what: impl Into<String>, value: &Value) -> Result<(), Error> {
    if is_within(value, DEPTH_MAX) {
        Ok(())
    } else {
        Err(Error::too_deep(what, DEPTH_MAX))
    }
}

/// Whether the additional fields have names of their own and read back.
pub(crate) fn check_extra(
    what: &str,
    extra: &Map<String, Value>,
    fields: &[&str],
) -> Result<(), Error> {
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
    use crate::{McpTool, WorkflowStep};
    use serde::Serialize;
    use serde_json::json;

    fn nested(depth: usize) -> Value {
        (0..depth).fold(json!(1), |value, _| json!([value]))
    }

    #[test]
    fn what_masks_make_too_long_is_refused_and_the_rest_is_not() {
        let name = "n".repeat(48);
        let redaction = Redaction::default().with_literal(name, "abcdef");
        let (mut refused, mut most_taken) = (0, 0);
        for text in ["abcdef", "abcdef ", "pwd=a1b2\n", "plain \u{1} "] {
            for count in 0..200 {
                let message = Message::user(text.repeat(count));
                let written = json_len(&redaction.message(&message)).unwrap();
                let checked = check_masked(&message, &redaction, 1_000);
                assert_eq!(
                    checked.is_ok(),
                    written <= 1_000,
                    "{text:?} {count} {written}"
                );
                let plain = check_masked(&message, &Redaction::off(), 1_000);
                assert_eq!(plain.is_ok(), json_len(&message).unwrap() <= 1_000);
                if written > 1_000 && plain.is_ok() {
                    refused += 1;
                } else if written <= 1_000 {
                    most_taken = most_taken.max(written);
                }
            }
        }
        assert!(refused > 100 && most_taken > 990, "{refused} {most_taken}");
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
        let mut step = WorkflowStep::new("s").with_data(1);
        step.attempts = 1;
        step.error = Some("e".into());
        let mut workflow = Workflow::new("w");
        workflow.steps.push(step.clone());
        let tool = McpTool::new("t", &json!(1));
        let server = McpServer::stdio("s", "p")
            .with_protocol("1")
            .with_session("1")
            .with_config(&json!(1))
            .with_tools([tool.clone()]);
        let mut agent = AgentContext::new(1).with_task("t").with_model("m");
        agent.usage = agent_primitives::TokenUsage::new(1, 1);
        let decision = Decision::default()
            .with_alternatives(["a"])
            .with_confidence(0.5);
        let artifact = Artifact::of_bytes("p", b"x").with_kind("k");
        let next = NextStep::new("n").with_owner("o").with_status("s");
        let mut question = Question::new("q").with_to("t");
        question.answer = Some("a".into());
        for (written, reserved) in [
            (fields(&message), MESSAGE),
            (fields(&call), CALL),
            (fields(&agent), AGENT),
            (fields(&workflow), WORKFLOW),
            (fields(&step), WORKFLOW_STEP),
            (fields(&server), SERVER),
            (fields(&tool), TOOL),
            (fields(&decision), DECISION),
            (fields(&artifact), ARTIFACT),
            (fields(&next), STEP),
            (fields(&question), QUESTION),
        ] {
            let mut reserved = reserved.to_vec();
            reserved.sort_unstable();
            let mut written = written;
            written.sort_unstable();
            assert_eq!(written, reserved);
        }
    }
}
