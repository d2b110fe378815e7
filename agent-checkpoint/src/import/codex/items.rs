//! Items of the model's input and output, as messages.

use serde_json::{Value, json};

use super::super::Reason;
use super::super::body::Body;
use super::super::draft::Entry;
use super::super::fields::{Fault, Fields, text, value};
use super::super::names;
use super::{Rollout, Stop};
use crate::{Role, ToolCall};

/// Under which name a message keeps what else an item says.
const CODEX: &str = "codex";
/// What of an item may differ where it is embedded again.
const FLEETING: &[&str] = &["id", "internal_chat_message_metadata_passthrough"];

/// Whether `kind` is that of an item.
pub(super) fn is_known(kind: &str) -> bool {
    matches!(
        kind,
        "message"
            | "reasoning"
            | "function_call"
            | "function_call_output"
            | "custom_tool_call"
            | "custom_tool_call_output"
            | "local_shell_call"
            | "tool_search_call"
            | "tool_search_output"
            | "web_search_call"
            | "image_generation_call"
            | "compaction"
            | "compaction_summary"
            | "context_compaction"
    )
}

/// Whether an entry is what a person asked, and not what the program put before it: Codex tells the two
/// apart by how the text begins, as `is_contextual_user_message_content` and the markers beside it do.
pub(super) fn is_prompt(entry: &Entry) -> bool {
    let is_context = |text: &str| {
        let begins = [
            "<environment_context>",
            "<user_instructions>",
            "# AGENTS.md",
            "<skill>",
            "<turn_aborted>",
            "<user_shell_command>",
            "<subagent_notification>",
            "<permissions instructions>",
        ];
        let text = text.trim_start();
        begins.iter().any(|begin| text.starts_with(begin))
    };
    entry.role == Role::User
        && !entry.body.is_empty()
        && !is_context(entry.body.content())
        && !entry.extra.contains_key("compacted")
}

/// A digest of an item that is the same wherever it stands.
pub(super) fn digest(item: &Fields<'_>) -> Result<[u8; 32], Fault> {
    let item = Value::Object(item.rest(FLEETING)?);
    Ok(*blake3::hash(item.to_string().as_bytes()).as_bytes())
}

/// What an item is to the conversation.
enum Share {
    /// A message of its own.
    Message(Entry),
    /// A part of the assistant's reply.
    Reply(Body, serde_json::Map<String, Value>),
}

impl Rollout<'_> {
    /// Takes an item into the conversation.
    pub(super) fn item(
        &mut self,
        item: &Fields<'_>,
        bytes: usize,
        line: u64,
        at: Option<&str>,
    ) -> Result<(), Stop> {
        let kind = item.kind();
        if kind == "ghost_snapshot" || kind == "compaction_trigger" {
            self.draft.left_out.note(Reason::Bookkeeping, &kind, line);
            return Ok(());
        }
        let digest = digest(item)?;
        let share = share(&kind, item, line)?;
        self.draft.keep(bytes)?;
        let entry = match share {
            Share::Message(mut entry) => {
                self.open = None;
                entry.at(at);
                self.draft.push(entry)?
            }
            Share::Reply(body, rest) => self.reply(body, rest, line, at)?,
        };
        self.by_digest.entry(digest).or_default().push(entry);
        if let Some(id) = item.text("id") {
            self.by_id.insert(id, entry);
        }
        Ok(())
    }

    /// Adds to the assistant's reply: one message, as providers want the calls that belong together in one.
    fn reply(
        &mut self,
        body: Body,
        rest: serde_json::Map<String, Value>,
        line: u64,
        at: Option<&str>,
    ) -> Result<usize, Stop> {
        // A second text begins a message of its own, unless results are still to come.
        let joins = |entry: &Entry| {
            !body.has_text() || !entry.body.has_text() || !entry.body.calls().is_empty()
        };
        let open = self
            .open
            .filter(|open| self.draft.get(*open).is_some_and(joins));
        if let Some((open, entry)) = open.and_then(|open| Some((open, self.draft.get_mut(open)?))) {
            entry.body.append(body);
            if !rest.is_empty() {
                match entry.extra.get_mut(CODEX).and_then(Value::as_object_mut) {
                    Some(before) => {
                        let further = before.entry("further").or_insert_with(|| json!([]));
                        if let Some(further) = further.as_array_mut() {
                            further.push(Value::Object(rest));
                        }
                    }
                    None => entry.set_all(CODEX, rest),
                }
            }
            return Ok(open);
        }
        let mut entry = Entry::new(Role::Assistant, line);
        entry.body = body;
        entry.at(at);
        if let Some(model) = &self.model {
            entry.set(names::MODEL, json!(model));
        }
        entry.set_all(CODEX, rest);
        let open = self.draft.push(entry)?;
        self.open = Some(open);
        Ok(open)
    }
}

fn share(kind: &str, item: &Fields<'_>, line: u64) -> Result<Share, Fault> {
    match kind {
        "message" => message(item, line),
        "function_call" | "custom_tool_call" | "local_shell_call" | "tool_search_call" => {
            call(kind, item)
        }
        "function_call_output" | "custom_tool_call_output" | "tool_search_output" => {
            result(kind, item, line)
        }
        // From one agent to another.
        "agent_message" => {
            let mut entry = Entry::new(Role::User, line);
            content(item, &mut entry.body)?;
            entry.set_all(CODEX, item.rest(&["content"])?);
            Ok(Share::Message(entry))
        }
        // Reasoning, what the provider's own tools did, and kinds to come: as they are.
        _ => {
            let mut body = Body::default();
            body.part(Value::Object(item.rest(&[])?));
            Ok(Share::Reply(body, serde_json::Map::new()))
        }
    }
}

fn message(item: &Fields<'_>, line: u64) -> Result<Share, Fault> {
    let said = item.text("role").ok_or(Reason::Malformed)?;
    let mut body = Body::default();
    content(item, &mut body)?;
    let mut rest = item.rest(&["type", "role", "content"])?;
    let role = match said.as_str() {
        "assistant" => return Ok(Share::Reply(body, rest)),
        "user" => Role::User,
        "system" => Role::System,
        // What the program tells the model.
        "developer" => {
            rest.insert("role".to_owned(), json!(said));
            Role::System
        }
        _ => {
            rest.insert("role".to_owned(), json!(said));
            Role::User
        }
    };
    let mut entry = Entry::new(role, line);
    entry.body = body;
    entry.set_all(CODEX, rest);
    Ok(Share::Message(entry))
}

/// The blocks of `content`: texts, and what is none.
fn content(item: &Fields<'_>, body: &mut Body) -> Result<(), Fault> {
    let Some(raw) = item.raw("content") else {
        return Ok(());
    };
    if let Some(text) = text(raw) {
        body.text(&text);
        return Ok(());
    }
    for block in item.list("content").ok_or(Reason::Malformed)? {
        let fields = Fields::of(block).unwrap_or_default();
        let is_text = matches!(
            fields.kind().as_str(),
            "input_text" | "output_text" | "text"
        );
        match fields.text("text").filter(|_| is_text) {
            Some(text) if fields.rest(&["type", "text"])?.is_empty() => body.text(&text),
            _ => body.part(value(block)?),
        }
    }
    Ok(())
}

/// A text, or what stands in its place as it is written.
fn written(item: &Fields<'_>, name: &str) -> Option<String> {
    let raw = item.raw(name)?;
    Some(text(raw).unwrap_or_else(|| raw.get().to_owned()))
}

fn call(kind: &str, item: &Fields<'_>) -> Result<Share, Fault> {
    let mut body = Body::default();
    let (name, arguments) = match kind {
        "function_call" => (item.text("name"), written(item, "arguments")),
        "custom_tool_call" => (item.text("name"), written(item, "input")),
        "local_shell_call" => {
            let action = item.raw("action").map(|raw| raw.get().to_owned());
            (Some("local_shell".to_owned()), action)
        }
        _ => {
            let arguments = item.raw("arguments").map(|raw| raw.get().to_owned());
            (Some("tool_search".to_owned()), arguments)
        }
    };
    let id = item.text("call_id").or_else(|| {
        let is_older = kind == "local_shell_call";
        is_older.then(|| item.text("id")).flatten()
    });
    // What the provider ran itself has no id: nothing answers it.
    let (Some(id), Some(name)) = (id, name) else {
        if kind == "tool_search_call" || kind == "local_shell_call" {
            body.part(Value::Object(item.rest(&[])?));
            return Ok(Share::Reply(body, serde_json::Map::new()));
        }
        return Err(Reason::Malformed);
    };
    let mut call = ToolCall::new(id.clone(), name, arguments.unwrap_or_default());
    let mut taken = vec!["call_id", "name", "arguments", "input", "action"];
    if kind == "function_call" {
        taken.push("type");
    }
    let mut rest = item.rest(&taken)?;
    if rest.get("id").and_then(Value::as_str) == Some(&id) {
        rest.remove("id");
    }
    if !rest.is_empty() {
        call.extra.insert(CODEX.to_owned(), Value::Object(rest));
    }
    body.call(call);
    Ok(Share::Reply(body, serde_json::Map::new()))
}

fn result(kind: &str, item: &Fields<'_>, line: u64) -> Result<Share, Fault> {
    if kind == "tool_search_output" && item.raw("call_id").is_none() {
        let mut body = Body::default();
        body.part(Value::Object(item.rest(&[])?));
        return Ok(Share::Reply(body, serde_json::Map::new()));
    }
    let id = item.text("call_id").ok_or(Reason::Malformed)?;
    let mut entry = Entry::result(id, line);
    let mut taken = vec!["call_id"];
    if kind == "function_call_output" {
        taken.push("type");
    }
    if kind == "tool_search_output" {
        if let Some(tools) = item.list("tools") {
            for tool in tools {
                entry.body.part(value(tool)?);
            }
            taken.push("tools");
        }
    } else if let Some(output) = item.raw("output") {
        output_of(output, &mut entry)?;
        taken.push("output");
    }
    entry.set_all(CODEX, item.rest(&taken)?);
    Ok(Share::Message(entry))
}

/// A result's output: a text, a list of blocks, or as of 2025 an object with the text in it.
fn output_of(raw: &serde_json::value::RawValue, entry: &mut Entry) -> Result<(), Fault> {
    if let Some(text) = text(raw) {
        entry.body.text(&text);
        return Ok(());
    }
    if let Some(blocks) = super::super::fields::list(raw) {
        for block in blocks {
            let fields = Fields::of(block).unwrap_or_default();
            let is_text =
                fields.kind() == "input_text" && fields.rest(&["type", "text"])?.is_empty();
            match fields.text("text").filter(|_| is_text) {
                Some(text) => entry.body.text(&text),
                None => entry.body.part(value(block)?),
            }
        }
        return Ok(());
    }
    let fields = Fields::of(raw).ok_or(Reason::Malformed)?;
    if let Some(text) = fields.text("content") {
        entry.body.text(&text);
    }
    if fields
        .raw("success")
        .is_some_and(|raw| raw.get() == "false")
    {
        entry.set(names::IS_ERROR, json!(true));
    }
    entry.set_all("output", fields.rest(&["content", "success"])?);
    Ok(())
}
