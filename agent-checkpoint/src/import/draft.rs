//! Messages of a session while its file is read.

use std::ops::Range;

use serde_json::{Map, Value, json};

use super::body::Body;
use super::{ImportError, LeftOut, Limits, Reason, names};
use crate::state::savable::check_message;
use crate::{Message, Role};

/// A message that may still grow.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) role: Role,
    pub(super) body: Body,
    pub(super) tool_call_id: Option<String>,
    pub(super) extra: Map<String, Value>,
    /// Where it stands in the file.
    pub(super) line: u64,
    /// Whether the model is sent it.
    pub(super) is_sent: bool,
}

impl Entry {
    pub(super) fn new(role: Role, line: u64) -> Self {
        Self {
            role,
            body: Body::default(),
            tool_call_id: None,
            extra: Map::new(),
            line,
            is_sent: true,
        }
    }

    /// The result of the call `id`.
    pub(super) fn result(id: String, line: u64) -> Self {
        Self {
            tool_call_id: Some(id),
            ..Self::new(Role::Tool, line)
        }
    }

    /// Sets when it was said, as the file has it.
    pub(super) fn at(&mut self, at: Option<&str>) {
        if let Some(at) = at {
            self.set(names::AT, json!(at));
        }
    }

    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.extra.insert(name.to_owned(), value);
    }

    /// Sets what else the vendor says of it, where that is something.
    pub(super) fn set_all(&mut self, name: &str, values: Map<String, Value>) {
        if !values.is_empty() {
            self.set(name, Value::Object(values));
        }
    }

    fn into_message(self) -> Message {
        let mut message = self.body.into_message(self.role, self.extra);
        message.tool_call_id = self.tool_call_id;
        message
    }
}

/// What was read so far, within the limits.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    limits: &'a Limits,
    entries: Vec<Entry>,
    kept: u64,
    pub(super) left_out: LeftOut,
}

/// Messages in order, and what became of the entries.
#[derive(Debug, Default)]
pub(super) struct Assembled {
    pub(super) messages: Vec<Message>,
    /// Which of them the model is sent.
    pub(super) is_sent: Vec<bool>,
    /// The entry that each message was.
    pub(super) entries: Vec<usize>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            entries: Vec::new(),
            kept: 0,
            left_out: LeftOut::default(),
        }
    }

    /// Counts bytes that are kept.
    pub(super) fn keep(&mut self, bytes: usize) -> Result<(), ImportError> {
        self.kept = self.kept.saturating_add(bytes as u64);
        if self.kept > self.limits.kept_bytes {
            return Err(ImportError::TooLarge {
                what: "bytes of messages",
                max: self.limits.kept_bytes,
            });
        }
        Ok(())
    }

    pub(super) fn push(&mut self, entry: Entry) -> Result<usize, ImportError> {
        if self.entries.len() >= self.limits.messages {
            return Err(ImportError::TooLarge {
                what: "messages",
                max: self.limits.messages as u64,
            });
        }
        self.entries.push(entry);
        Ok(self.entries.len() - 1)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn get(&self, at: usize) -> Option<&Entry> {
        self.entries.get(at)
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Entry> {
        self.entries.get_mut(at)
    }

    pub(super) fn entries_mut(&mut self) -> &mut [Entry] {
        &mut self.entries
    }

    /// The entries of `order` as messages. What no save could write is left out and counted.
    pub(super) fn assemble(&mut self, order: impl IntoIterator<Item = usize>) -> Assembled {
        let mut assembled = Assembled::default();
        for at in order {
            let Some(entry) = self.entries.get_mut(at) else {
                continue;
            };
            let line = entry.line;
            let entry = std::mem::replace(entry, Entry::new(entry.role, line));
            if entry.body.is_empty() && entry.role != Role::Tool {
                let what = "empty message";
                self.left_out.note(Reason::Bookkeeping, what, line);
                continue;
            }
            let is_sent = entry.is_sent;
            let message = entry.into_message();
            if let Err(error) = check_message(&message) {
                let reason = if error.is_too_large() {
                    Reason::TooLong
                } else {
                    Reason::TooDeep
                };
                self.left_out.note(reason, "message", line);
                continue;
            }
            assembled.messages.push(message);
            assembled.is_sent.push(is_sent);
            assembled.entries.push(at);
        }
        assembled
    }
}

/// Where `flags` are set, as ranges; `None` where all are.
pub(super) fn ranges(flags: &[bool]) -> Option<Vec<Range<usize>>> {
    if flags.iter().all(|flag| *flag) {
        return None;
    }
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (at, _) in flags.iter().enumerate().filter(|(_, flag)| **flag) {
        match ranges.last_mut() {
            Some(last) if last.end == at => last.end += 1,
            _ => ranges.push(at..at + 1),
        }
    }
    Some(ranges)
}
