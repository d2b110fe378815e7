//! Puts a message together out of blocks, so that their order can be told again.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::names;
use crate::{Message, Role, ToolCall};

/// What a message is made of while its blocks come.
#[derive(Debug, Default, Clone)]
pub(super) struct Body {
    content: String,
    parts: Vec<Value>,
    calls: Vec<ToolCall>,
    /// In which order they came: the bytes of a text, or a word for another block.
    layout: Vec<Value>,
    texts: usize,
    /// Digests of the parts and ids of the calls, once blocks were joined that may be here already.
    known: HashSet<[u8; 32]>,
    /// How many of either `known` has.
    told: (usize, usize),
}

fn of_part(part: &Value) -> [u8; 32] {
    *blake3::hash(part.to_string().as_bytes()).as_bytes()
}

/// Of its id alone. No part is a text.
fn of_call(call: &ToolCall) -> [u8; 32] {
    of_part(&json!(call.id))
}

/// One block of a message.
#[derive(Debug)]
enum Block {
    Text(String),
    Part(Value),
    Call(ToolCall),
}

const PART: &str = "part";
const CALL: &str = "call";

impl Body {
    /// Texts are put one below the other.
    pub(super) fn text(&mut self, text: &str) {
        if self.texts > 0 {
            self.content.push('\n');
        }
        self.texts += 1;
        self.content.push_str(text);
        self.layout.push(json!(text.len()));
    }

    pub(super) fn part(&mut self, part: Value) {
        self.parts.push(part);
        self.layout.push(json!(PART));
    }

    pub(super) fn call(&mut self, call: ToolCall) {
        self.calls.push(call);
        self.layout.push(json!(CALL));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.content.is_empty() && self.parts.is_empty() && self.calls.is_empty()
    }

    pub(super) fn content(&self) -> &str {
        &self.content
    }

    pub(super) fn has_text(&self) -> bool {
        self.texts > 0
    }

    pub(super) fn calls(&self) -> &[ToolCall] {
        &self.calls
    }

    /// Adds the blocks of `other` behind these.
    pub(super) fn append(&mut self, other: Self) {
        if self.texts > 0 && other.texts > 0 {
            self.content.push('\n');
        }
        self.texts += other.texts;
        self.content.push_str(&other.content);
        self.parts.extend(other.parts);
        self.calls.extend(other.calls);
        self.layout.extend(other.layout);
    }

    /// Adds the blocks of `other` that are not here yet; says whether all were new.
    pub(super) fn join(&mut self, other: Self) -> bool {
        let mut is_new = true;
        for block in other.blocks() {
            self.know();
            match block {
                Block::Text(text) if !text.is_empty() && self.content == text => is_new = false,
                Block::Text(text) => self.text(&text),
                Block::Part(part) if self.known.contains(&of_part(&part)) => is_new = false,
                Block::Part(part) => self.part(part),
                Block::Call(call) if self.known.contains(&of_call(&call)) => is_new = false,
                Block::Call(call) => self.call(call),
            }
        }
        is_new
    }

    /// Takes into `known` what came since.
    fn know(&mut self) {
        let (parts, calls) = self.told;
        let parts = self.parts.iter().skip(parts).map(of_part);
        let calls = self.calls.iter().skip(calls).map(of_call);
        self.known.extend(parts.chain(calls));
        self.told = (self.parts.len(), self.calls.len());
    }

    /// The blocks in the order in which they came.
    fn blocks(self) -> Vec<Block> {
        let (mut parts, mut calls) = (self.parts.into_iter(), self.calls.into_iter());
        let mut rest = self.content.as_str();
        let mut blocks = Vec::new();
        for block in self.layout {
            match block.as_str() {
                Some(PART) => blocks.extend(parts.next().map(Block::Part)),
                Some(_) => blocks.extend(calls.next().map(Block::Call)),
                None => {
                    let len = block.as_u64().and_then(|len| usize::try_from(len).ok());
                    let (text, more) = rest
                        .split_at_checked(len.unwrap_or(0))
                        .unwrap_or((rest, ""));
                    rest = more.strip_prefix('\n').unwrap_or(more);
                    blocks.push(Block::Text(text.to_owned()));
                }
            }
        }
        blocks
    }

    /// Whether the order is the one that a message's fields have: parts, at most one text, calls.
    fn is_plain(&self) -> bool {
        let rank = |block: &Value| match block.as_str() {
            Some(PART) => 0,
            Some(_) => 2,
            None => 1,
        };
        self.texts < 2 && self.layout.is_sorted_by_key(rank)
    }

    /// The message, with the order of its blocks where its fields do not tell it.
    pub(super) fn into_message(self, role: Role, mut extra: Map<String, Value>) -> Message {
        if !self.is_plain() {
            extra.insert(names::LAYOUT.to_owned(), Value::Array(self.layout));
        }
        let mut message = Message::new(role, self.content);
        message.parts = self.parts;
        message.tool_calls = self.calls;
        message.extra = extra;
        message
    }
}
