//! Blocks of a message's content.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::super::Reason;
use super::super::body::Body;
use super::super::draft::Entry;
use super::super::fields::{Fault, Fields, text, value};
use super::super::names;
use super::{CLAUDE_CODE, Stop, Transcript};
use crate::{Role, ToolCall};

/// What of a line is kept elsewhere.
const LINE: &[&str] = &[
    "type",
    "message",
    "timestamp",
    "toolUseResult",
    "sessionId",
    "cwd",
    "version",
    "gitBranch",
    "userType",
    "isSidechain",
];

/// A text, or a list of blocks that are texts or parts.
pub(super) fn content_of(raw: Option<&RawValue>, body: &mut Body) -> Result<(), Fault> {
    let Some(raw) = raw else { return Ok(()) };
    if let Some(text) = text(raw) {
        body.text(&text);
        return Ok(());
    }
    for block in super::super::fields::list(raw).ok_or(Reason::Malformed)? {
        block_of(block, body)?;
    }
    Ok(())
}

/// One block: a text that is nothing else, or a part as it is.
fn block_of(raw: &RawValue, body: &mut Body) -> Result<(), Fault> {
    let block = Fields::of(raw).unwrap_or_default();
    let is_text = block.kind() == "text" && block.rest(&["type", "text"])?.is_empty();
    match block.text("text").filter(|_| is_text) {
        Some(text) => body.text(&text),
        None => body.part(value(raw)?),
    }
    Ok(())
}

/// What else the line and the message in it say.
fn told(line: &Fields<'_>, message: &Fields<'_>) -> Result<Map<String, Value>, Fault> {
    let mut told = line.rest(LINE)?;
    let message = message.rest(&["role", "content", "type", "model", "usage"])?;
    if !message.is_empty() {
        told.insert("message".to_owned(), Value::Object(message));
    }
    Ok(told)
}

impl Transcript<'_> {
    /// What a person said, and results of calls, each of which becomes a message.
    pub(super) fn user(&mut self, line: &Fields<'_>, number: u64) -> Result<Vec<usize>, Stop> {
        let message = line.object("message").ok_or(Reason::Malformed)?;
        let at = line.text("timestamp");
        let mut told = told(line, &message)?;
        if let Some(shown) = line.raw("toolUseResult") {
            // What is shown of a result; the model is told the result itself.
            let agent = Fields::of(shown).and_then(|shown| shown.text("agentId"));
            if let Some(agent) = agent {
                told.insert("agentId".to_owned(), json!(agent));
            }
            let what = "toolUseResult";
            self.draft.left_out.note(Reason::Repeated, what, number);
        }
        let mut results = Vec::new();
        let mut said = Entry::new(Role::User, number);
        let content = message.raw("content");
        match content.and_then(super::super::fields::list) {
            None => content_of(content, &mut said.body)?,
            Some(blocks) => {
                for raw in blocks {
                    let block = Fields::of(raw).unwrap_or_default();
                    match block.text("tool_use_id") {
                        Some(id) if block.kind() == "tool_result" => {
                            results.push(result(id, &block, number)?);
                        }
                        _ => block_of(raw, &mut said.body)?,
                    }
                }
            }
        }
        if !said.body.is_empty() || results.is_empty() {
            results.push(said);
        }
        let mut entries = Vec::new();
        for mut entry in results {
            entry.at(at.as_deref());
            entry.set_all(CLAUDE_CODE, told.clone());
            entries.push(self.draft.push(entry)?);
        }
        Ok(entries)
    }

    /// A reply of the model, or a part of it: each block may have a line of its own.
    pub(super) fn assistant(&mut self, line: &Fields<'_>, number: u64) -> Result<Vec<usize>, Stop> {
        let message = line.object("message").ok_or(Reason::Malformed)?;
        let mut entry = Entry::new(Role::Assistant, number);
        let content = message.raw("content");
        match content.and_then(super::super::fields::list) {
            None => content_of(content, &mut entry.body)?,
            Some(blocks) => {
                for raw in blocks {
                    let block = Fields::of(raw).unwrap_or_default();
                    if block.kind() == "tool_use" {
                        entry.body.call(call(&block)?);
                    } else {
                        block_of(raw, &mut entry.body)?;
                    }
                }
            }
        }
        entry.at(line.text("timestamp").as_deref());
        let model = message.text("model");
        if let Some(model) = &model {
            entry.set(names::MODEL, json!(model));
        }
        // Said by the program, to the person alone.
        entry.is_sent = !line.is_set("isApiErrorMessage");
        entry.set_all(CLAUDE_CODE, told(line, &message)?);
        if let Some(usage) = message.object("usage") {
            let id = message.text("id").or_else(|| line.text("uuid"));
            self.usage.reply(id.unwrap_or_default(), model, &usage);
        }
        Ok(vec![self.draft.push(entry)?])
    }
}

fn call(block: &Fields<'_>) -> Result<ToolCall, Fault> {
    let id = block.text("id").ok_or(Reason::Malformed)?;
    let name = block.text("name").ok_or(Reason::Malformed)?;
    let arguments = block.raw("input").map_or("{}", RawValue::get);
    let mut call = ToolCall::new(id, name, arguments);
    let rest = block.rest(&["type", "id", "name", "input"])?;
    if !rest.is_empty() {
        call.extra
            .insert(CLAUDE_CODE.to_owned(), Value::Object(rest));
    }
    Ok(call)
}

fn result(id: String, block: &Fields<'_>, number: u64) -> Result<Entry, Fault> {
    let mut entry = Entry::result(id, number);
    content_of(block.raw("content"), &mut entry.body)?;
    if block.is_set("is_error") {
        entry.set(names::IS_ERROR, json!(true));
    }
    let taken = ["type", "tool_use_id", "content", "is_error"];
    entry.set_all("tool_result", block.rest(&taken)?);
    Ok(entry)
}
