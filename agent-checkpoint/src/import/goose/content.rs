//! Messages of goose, and the blocks in them.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::super::body::Body;
use super::super::draft::Entry;
use super::super::fields::{Fault, Fields, compact, value};
use super::super::{ImportError, Reason, names};
use super::{Session, moment};
use crate::{Role, ToolCall};

/// Under which name a message keeps what else goose says of it.
const GOOSE: &str = "goose";

impl Session<'_> {
    /// Takes a message in: what was said, and each result of a call as a message of its own before it.
    pub(super) fn message(
        &mut self,
        message: &Fields<'_>,
        number: u64,
    ) -> Result<Option<Fault>, ImportError> {
        match entries(message, number) {
            Ok(entries) => {
                for entry in entries {
                    self.draft.push(entry)?;
                }
                Ok(None)
            }
            Err(fault) => Ok(Some(fault)),
        }
    }
}

fn entries(message: &Fields<'_>, number: u64) -> Result<Vec<Entry>, Fault> {
    let role = match message.text("role").as_deref() {
        Some("assistant") => Role::Assistant,
        Some("user") => Role::User,
        Some("system") => Role::System,
        _ => return Err(Reason::Malformed),
    };
    let blocks = message.list("content").ok_or(Reason::Malformed)?;
    let mut results = Vec::new();
    let mut said = Entry::new(role, number);
    for raw in blocks {
        let block = Fields::of(raw).ok_or(Reason::Malformed)?;
        match block.kind().as_str() {
            "text" if block.rest(&["type", "text"])?.is_empty() => {
                said.body
                    .text(&block.text("text").ok_or(Reason::Malformed)?);
            }
            "toolRequest" | "frontendToolRequest" => said.body.call(call(&block)?),
            "toolResponse" => results.push(result(&block, number)?),
            // Images, reasoning, notices, questions for leave.
            _ => said.body.part(value(raw)?),
        }
    }
    if !said.body.is_empty() || results.is_empty() {
        results.push(said);
    }
    let metadata = message.object("metadata").unwrap_or_default();
    let is_sent = metadata
        .raw("agentVisible")
        .is_none_or(|raw| raw.get() != "false");
    let rest = message.rest(&["role", "created", "content"])?;
    for entry in &mut results {
        entry.is_sent = is_sent;
        if let Some(created) = message.parsed("created") {
            entry.at(Some(&moment(created)));
        }
        entry.set_all(GOOSE, rest.clone());
    }
    Ok(results)
}

/// A call; one that the model wrote so that goose could not read it has the error beside it, and no name.
fn call(block: &Fields<'_>) -> Result<ToolCall, Fault> {
    let id = block.text("id").ok_or(Reason::Malformed)?;
    let outcome = block.object("toolCall").unwrap_or_default();
    let asked = outcome.object("value");
    let name = asked.as_ref().and_then(|asked| asked.text("name"));
    let arguments = asked.as_ref().and_then(|asked| asked.raw("arguments"));
    // goose parsed what the model wrote, and an export puts each value on a line of its own.
    let arguments = arguments.map_or_else(|| "{}".to_owned(), compact);
    let is_read = name.is_some();
    let name = name.unwrap_or_else(|| "unreadable_call".to_owned());
    let mut call = ToolCall::new(id, name, arguments);
    let mut rest = block.rest(&["id", "toolCall"])?;
    if rest.get("type") == Some(&json!("toolRequest")) {
        rest.remove("type");
    }
    if let Some(asked) = asked.filter(|_| is_read) {
        rest.extend(asked.rest(&["name", "arguments"])?);
    } else {
        rest.insert("toolCall".to_owned(), Value::Object(outcome.rest(&[])?));
    }
    if !rest.is_empty() {
        call.extra.insert(GOOSE.to_owned(), Value::Object(rest));
    }
    Ok(call)
}

/// A result: `CallToolResult` of MCP, the list of its blocks as older versions have it, or an error.
fn result(block: &Fields<'_>, number: u64) -> Result<Entry, Fault> {
    let id = block.text("id").ok_or(Reason::Malformed)?;
    let mut entry = Entry::result(id, number);
    let outcome = block.object("toolResult").unwrap_or_default();
    let mut rest = block.rest(&["type", "id", "toolResult"])?;
    let mut is_error = outcome.text("status").as_deref() == Some("error");
    if let Some(error) = outcome.text("error") {
        entry.body.text(&error);
    }
    if let Some(raw) = outcome.raw("value") {
        let outcome_value = Fields::of(raw);
        let blocks = match &outcome_value {
            Some(value) => value.list("content"),
            None => super::super::fields::list(raw),
        };
        let is_listed = blocks.is_some();
        for block in blocks.unwrap_or_default() {
            result_block(block, &mut entry.body)?;
        }
        match outcome_value {
            Some(value) => {
                is_error |= value.is_set("isError");
                let taken: &[&str] = if is_listed {
                    &["content", "isError"]
                } else {
                    &["isError"]
                };
                rest.extend(value.rest(taken)?);
            }
            None if !is_listed => {
                rest.insert("value".to_owned(), value(raw)?);
            }
            None => {}
        }
    }
    if is_error {
        entry.set(names::IS_ERROR, json!(true));
    }
    entry.set_all("result", rest);
    Ok(entry)
}

fn result_block(raw: &RawValue, body: &mut Body) -> Result<(), Fault> {
    let block = Fields::of(raw).ok_or(Reason::Malformed)?;
    let is_text = block.kind() == "text" && block.rest(&["type", "text"])?.is_empty();
    match block.text("text").filter(|_| is_text) {
        Some(text) => body.text(&text),
        None => body.part(value(raw)?),
    }
    Ok(())
}
