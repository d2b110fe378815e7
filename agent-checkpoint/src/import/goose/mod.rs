//! Sessions of goose: the JSON of `goose session export --format json`, and the JSONL that versions before 1.10 kept.
//!
//! An export is a `Session` of aaif-goose/goose (block/goose before), `crates/goose/src/session/session_manager.rs`;
//! its messages are those of `crates/goose/src/conversation/message.rs`. An older file has a line about the session
//! and then a message on each, as `crates/goose/src/session/legacy.rs` reads it.

mod content;
#[cfg(feature = "goose-sqlite")]
mod database;

use std::io::Read;

use agent_primitives::{AgentId, Timestamp, TokenUsage};
use serde_json::{Map, Value, json};

use super::draft::Draft;
use super::fields::{Fault, Fields, list, mended};
use super::lines::{Line, Lines};
use super::{ImportError, Imported, Limits, Reason, Source, names};
use crate::{AgentContext, Work};
#[cfg(feature = "goose-sqlite")]
pub use database::{GooseSession, goose_database, goose_sessions};

/// Reads a session that goose exported as JSON, or a session file of its versions before 1.10.
///
/// Messages that goose shows to the person alone, or that it compacted, are in the conversation and not in the
/// [`context`](Imported::context).
///
/// # Errors
/// [`ImportError::Nothing`] where there is no message of goose; [`ImportError::Damaged`] for an export that breaks
/// off; [`ImportError::TooLarge`]; [`ImportError::Read`].
pub fn goose(reader: impl Read, limits: &Limits) -> Result<Imported, ImportError> {
    of_lines(Lines::new(reader, limits)?, limits)
}

pub(super) fn of_lines(mut lines: Lines<'_>, limits: &Limits) -> Result<Imported, ImportError> {
    let is_lines = match lines.peek(0)? {
        Some(line) => Fields::of_line(&line.bytes).is_ok_and(|first| !first.has("conversation")),
        None => false,
    };
    let mut session = Session::new(limits);
    if is_lines {
        while let Some(line) = lines.next()? {
            session.line(line)?;
        }
        if session.draft.len() == 0 && !session.is_one {
            return Err(ImportError::Nothing {
                source_of: Source::Goose,
                lines: lines.count(),
            });
        }
    } else {
        let document = lines.rest()?;
        session.draft.keep(document.len())?;
        let (document, is_mended) = mended(document);
        session.document(&document)?;
        if is_mended {
            session.draft.left_out.note(Reason::HalfCharacter, "", 1);
        }
    }
    Ok(session.finish())
}

/// Whether an object is an export.
pub(super) fn is_export(fields: &Fields<'_>) -> bool {
    fields.has("working_dir") && fields.has("conversation")
}

/// Whether a line is one of an older session file.
pub(super) fn is_line(fields: &Fields<'_>) -> bool {
    is_message(fields) || is_head(fields)
}

fn is_head(fields: &Fields<'_>) -> bool {
    fields.has("working_dir") || (fields.has("description") && fields.has("message_count"))
}

fn is_message(fields: &Fields<'_>) -> bool {
    fields.has("role") && fields.has("created") && fields.list("content").is_some()
}

/// A session while it is read.
#[derive(Debug)]
struct Session<'a> {
    draft: Draft<'a>,
    is_one: bool,
    about: Map<String, Value>,
    id: Option<String>,
    model: Option<String>,
    usage: TokenUsage,
}

impl<'a> Session<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            draft: Draft::new(limits),
            is_one: false,
            about: Map::new(),
            id: None,
            model: None,
            usage: TokenUsage::ZERO,
        }
    }

    fn line(&mut self, line: Line) -> Result<(), ImportError> {
        let number = line.number;
        if line.is_too_long {
            self.draft.left_out.note(Reason::TooLong, "", number);
            return Ok(());
        }
        let (bytes, is_mended) = mended(line.bytes);
        let fault = match Fields::of_line(&bytes) {
            Err(_) if !line.is_ended => Some(Reason::CutOff),
            Err(fault) => Some(fault),
            Ok(fields) if is_message(&fields) => {
                self.draft.keep(bytes.len())?;
                self.message(&fields, number)?
            }
            Ok(fields) if !self.is_one && is_head(&fields) => self.head(&fields).err(),
            Ok(_) => Some(Reason::Unknown),
        };
        self.is_one |= fault.is_none();
        let fault = fault.or_else(|| is_mended.then_some(Reason::HalfCharacter));
        if let Some(fault) = fault {
            self.draft.left_out.note(fault, "", number);
        }
        Ok(())
    }

    fn document(&mut self, document: &[u8]) -> Result<(), ImportError> {
        let damaged = |fault: Fault| ImportError::Damaged(fault.name().to_owned());
        let fields = Fields::of_line(document);
        let fields = match fields {
            Ok(fields) => fields,
            Err(Reason::Malformed) => {
                let parsed: Result<&serde_json::value::RawValue, _> =
                    serde_json::from_slice(document);
                let why = match parsed {
                    Err(error) => error.to_string(),
                    Ok(_) => "no object".to_owned(),
                };
                return Err(ImportError::Damaged(why));
            }
            Err(fault) => return Err(damaged(fault)),
        };
        let raw = fields
            .raw("conversation")
            .or_else(|| fields.raw("messages"));
        let messages = raw.and_then(list);
        let Some(messages) = messages.filter(|_| is_head(&fields)) else {
            return Err(ImportError::Nothing {
                source_of: Source::Goose,
                lines: 1,
            });
        };
        if let Err(fault) = self.head(&fields) {
            self.draft.left_out.note(fault, "session", 1);
        }
        for (raw, number) in messages.into_iter().zip(1..) {
            let fault = match Fields::of(raw) {
                Some(message) => self.message(&message, number)?,
                None => Some(Reason::Malformed),
            };
            if let Some(fault) = fault {
                self.draft.left_out.note(fault, "message", number);
            }
        }
        Ok(())
    }

    /// What is told of the session.
    fn head(&mut self, head: &Fields<'_>) -> Result<(), Fault> {
        self.id = head.text("id");
        let model = head.object("model_config");
        self.model = model.and_then(|config| config.text("model_name"));
        self.usage = usage(head);
        let taken = [
            "id",
            "conversation",
            "messages",
            "message_count",
            "usage",
            "accumulated_usage",
        ];
        for (name, value) in head.rest(&taken)? {
            let name = match name.as_str() {
                "working_dir" => "cwd",
                "name" | "description" if value.as_str() == Some("") => continue,
                "name" | "description" => "title",
                "created_at" => "from",
                "updated_at" => "to",
                name if name.ends_with("_tokens") => continue,
                name => name,
            };
            self.about.insert(name.to_owned(), value);
        }
        Ok(())
    }

    fn finish(mut self) -> Imported {
        let mut work = Work::default();
        let agent = AgentContext {
            model: self.model.clone(),
            usage: self.usage,
            ..AgentContext::default()
        };
        if let Ok(id) = AgentId::new(Source::Goose.name()) {
            work.agents.insert(id, agent);
        }
        work.usage = self.usage;
        if let Some(model) = self.model.filter(|_| self.usage != TokenUsage::ZERO) {
            work.usage_by_model.insert(model, self.usage);
        }
        let mut about = std::mem::take(&mut self.about);
        about.insert("source".to_owned(), json!(Source::Goose.name()));
        if let Some(id) = &self.id {
            about.insert("session".to_owned(), json!(id));
        }
        let about = Value::Object(about);
        work.extra.insert(names::IMPORTED.to_owned(), about);
        let order: Vec<usize> = (0..self.draft.len()).collect();
        let assembled = self.draft.assemble(order);
        let mut imported = Imported::new(Source::Goose, assembled, work, self.draft.left_out);
        imported.id = self.id;
        imported
    }
}

/// What the session used: `accumulated_usage`, or the flat fields of exports before there was one. The input
/// includes what was read from a cache and written to it.
fn usage(head: &Fields<'_>) -> TokenUsage {
    let nested = head.object("accumulated_usage");
    let number = |inner: &str, flat: &str| {
        let nested = nested.as_ref().and_then(|usage| usage.number(inner));
        nested.or_else(|| head.number(flat)).unwrap_or(0)
    };
    let input = number("input_tokens", "accumulated_input_tokens");
    let output = number("output_tokens", "accumulated_output_tokens");
    let read = number("cache_read_input_tokens", "accumulated_cache_read_tokens");
    let written = number("cache_write_input_tokens", "accumulated_cache_write_tokens");
    let plain = TokenUsage::new(input, output);
    TokenUsage::from_inclusive(input, read, written, output).unwrap_or(plain)
}

/// Moments are seconds; some versions wrote milliseconds. The border is that of
/// `MILLISECOND_TIMESTAMP_THRESHOLD` beside them.
fn moment(created: i64) -> String {
    const MILLISECONDS: i64 = 10_000_000_000;
    let at = if created > MILLISECONDS {
        Timestamp::from_unix_millis(created)
    } else {
        Timestamp::from_unix_seconds(created)
    };
    at.to_string()
}
