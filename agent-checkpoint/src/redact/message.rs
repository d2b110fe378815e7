//! Secrets in messages and in JSON values, and the blocks that a provider verifies.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Redaction, field, layout, mask};
use crate::{Message, ToolCall};

/// What becomes of blocks in a message that their provider verifies when they are sent back: `thinking` with a
/// `signature` and `redacted_thinking` (Anthropic), `reasoning` with `encrypted_content` (`OpenAI`), parts with
/// a `thoughtSignature` (Gemini). With one byte changed the provider refuses the request.
///
/// In a part that holds a function call, only the signature itself counts as such a block.
///
/// ```
/// use agent_checkpoint::redact::SignedBlocks;
///
/// assert_eq!(SignedBlocks::default(), SignedBlocks::Keep);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SignedBlocks {
    /// They are written byte for byte, and so is a secret that a model thought aloud of.
    #[default]
    Keep,
    /// As `Keep`, but for those with a secret in them, which are left out.
    KeepClean,
    /// They are left out. A provider that asks for them, as Anthropic does for those of an answer whose tool calls
    /// are not answered yet, refuses to go on from there.
    Drop,
}

/// The field of an imported message that tells the order of its blocks.
const LAYOUT: &str = "layout";
/// Longer secrets cannot be guessed, in bytes.
const UNGUESSABLE: usize = 20;
/// Digits of the hash that keep masked ids apart.
const ID_DIGITS: usize = 8;

/// Values that are opaque wherever they stand.
const OPAQUE: &[&str] = &[
    "thoughtSignature",
    "thought_signature",
    "encrypted_content",
    "encrypted_index",
    "redactedContent",
];

/// Fields of a call, which a provider does not verify.
const CALLS: &[&str] = &["functionCall", "function_call", "arguments", "input"];

impl Redaction {
    /// The message as a session with this redaction writes it; borrowed where it has no secrets.
    ///
    /// The arguments of tool calls are masked as JSON, where they are, and stay it.
    ///
    /// ```
    /// use agent_checkpoint::redact::Redaction;
    /// use agent_checkpoint::{Message, ToolCall};
    ///
    /// let call = ToolCall::new("c1", "login", r#"{"user":"ada","password":"hunter2"}"#);
    /// let message = Message::assistant("").with_tool_call(call);
    /// let masked = Redaction::default().message(&message).into_owned();
    /// assert_eq!(masked.tool_calls[0].arguments, r#"{"user":"ada","password":"[redacted:password]"}"#);
    /// ```
    pub fn message<'m>(&self, message: &'m Message) -> Cow<'m, Message> {
        if !self.is_on() || !self.changes_message(message) {
            return Cow::Borrowed(message);
        }
        let Message {
            role,
            content,
            parts,
            tool_calls,
            tool_call_id,
            extra,
        } = message;
        let mut masked = Message::new(*role, self.text(content));
        masked.parts.clone_from(parts);
        self.list(&mut masked.parts);
        masked.tool_calls = tool_calls.iter().map(|call| self.call(call)).collect();
        masked.tool_call_id = tool_call_id.as_ref().map(|id| self.id(id).into_owned());
        masked.extra.clone_from(extra);
        self.fields(&mut masked.extra);
        if let Some(Value::Array(layout)) = masked.extra.get_mut(LAYOUT) {
            layout::follow(layout, content, &self.scan(content));
        }
        Cow::Owned(masked)
    }

    /// Masks secrets in the texts of a value, its keys included, and does with signed blocks in it what
    /// [`signed`](Self::signed) says. Whether anything changed.
    ///
    /// ```
    /// use agent_checkpoint::redact::Redaction;
    ///
    /// let mut value = serde_json::json!({"api_key": "0a1b2c3d4e5f6a7b8c9d", "tokens": 3});
    /// assert!(Redaction::default().value(&mut value));
    /// assert_eq!(value, serde_json::json!({"api_key": "[redacted:api-key]", "tokens": 3}));
    /// ```
    pub fn value(&self, value: &mut Value) -> bool {
        if !self.is_on() || !self.changes(None, value) {
            return false;
        }
        self.mask(value);
        true
    }

    fn call(&self, call: &ToolCall) -> ToolCall {
        let mut masked = ToolCall::new(
            self.id(&call.id),
            self.text(&call.name),
            self.arguments(&call.arguments),
        );
        masked.extra.clone_from(&call.extra);
        self.fields(&mut masked.extra);
        masked
    }

    /// The id of a call, which its result has too: masks of ids that differ, differ.
    fn id<'t>(&self, id: &'t str) -> Cow<'t, str> {
        let found = self.scan(id);
        let Some(first) = found.first() else {
            return Cow::Borrowed(id);
        };
        let mut masked = mask::masked(id, &found);
        // Of what cannot be guessed the hash tells nothing.
        if first.end - first.start >= UNGUESSABLE {
            let hash = blake3::hash(id.as_bytes()).to_hex();
            masked.push('#');
            masked.push_str(hash.as_str().get(..ID_DIGITS).unwrap_or_default());
        }
        Cow::Owned(masked)
    }

    /// JSON as a rule.
    fn arguments<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if is_json(text) {
            self.json(text)
        } else {
            self.text(text)
        }
    }

    fn changes_message(&self, message: &Message) -> bool {
        let is_dirty = |text: &str| matches!(self.text(text), Cow::Owned(_));
        let in_fields = |fields: &Map<String, Value>| {
            fields
                .iter()
                .any(|(name, value)| is_dirty(name) || self.changes(Some(name), value))
        };
        let in_call = |call: &ToolCall| {
            is_dirty(&call.id)
                || is_dirty(&call.name)
                || matches!(self.arguments(&call.arguments), Cow::Owned(_))
                || in_fields(&call.extra)
        };
        is_dirty(&message.content)
            || message.tool_call_id.as_deref().is_some_and(is_dirty)
            || message.tool_calls.iter().any(in_call)
            || message.parts.iter().any(|part| self.changes(None, part))
            || in_fields(&message.extra)
    }

    /// Whether masking changes the value of the field `name`, or that of none.
    fn changes(&self, name: Option<&str>, value: &Value) -> bool {
        match value {
            Value::String(text) => {
                let is_named = name.is_some_and(|it| self.named(it, text).is_some());
                is_named || matches!(self.text(text), Cow::Owned(_))
            }
            Value::Array(values) => values.iter().any(|it| self.changes(None, it)),
            Value::Object(fields) => match Block::of(fields) {
                Block::Signed => self.drops(fields),
                Block::Plain => fields.iter().any(|(name, value)| {
                    !is_opaque(name)
                        && (matches!(self.text(name), Cow::Owned(_))
                            || self.changes(Some(name), value))
                }),
            },
            _ => false,
        }
    }

    fn named(&self, name: &str, text: &str) -> Option<String> {
        field::masked(name, text, self.rules())
    }

    /// Whether a signed block is left out.
    fn drops(&self, fields: &Map<String, Value>) -> bool {
        match self.signed {
            SignedBlocks::Keep => false,
            SignedBlocks::Drop => true,
            SignedBlocks::KeepClean => fields
                .iter()
                .filter(|(name, _)| !matches!(name.as_str(), "signature" | "data"))
                .any(|(name, value)| !is_opaque(name) && self.changes(Some(name), value)),
        }
    }

    fn mask(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(masked) = self.text(text) {
                    *text = masked;
                }
            }
            Value::Array(values) => self.list(values),
            Value::Object(fields) => {
                if Block::of(fields) != Block::Signed {
                    self.fields(fields);
                } else if self.drops(fields) {
                    *value = Value::Null;
                }
            }
            _ => {}
        }
    }

    fn list(&self, values: &mut Vec<Value>) {
        values.retain(|value| {
            let is_dropped = |fields: &Map<String, Value>| {
                Block::of(fields) == Block::Signed && self.drops(fields)
            };
            !value.as_object().is_some_and(is_dropped)
        });
        for value in values {
            self.mask(value);
        }
    }

    fn fields(&self, fields: &mut Map<String, Value>) {
        for (name, value) in fields.iter_mut() {
            if is_opaque(name) {
                continue;
            }
            if let Value::String(text) = value
                && let Some(masked) = self.named(name, text)
            {
                *text = masked;
            } else {
                self.mask(value);
            }
        }
        let names: Vec<_> = fields.keys().cloned().collect();
        for name in names {
            if let Cow::Owned(masked) = self.text(&name)
                && let Some(value) = fields.remove(&name)
            {
                let taken = (1..).map(|number| match number {
                    1 => masked.clone(),
                    _ => format!("{masked}#{number}"),
                });
                let free = taken.into_iter().find(|it| !fields.contains_key(it));
                fields.insert(free.unwrap_or(masked), value);
            }
        }
    }
}

/// By both its ends, where they are an object's; looked through where it might be a command in brackets.
fn is_json(text: &str) -> bool {
    let text = text.trim_ascii();
    let opening = text.as_bytes().first();
    match opening {
        Some(b'{') => {
            let inside = text.get(1..).unwrap_or_default().trim_ascii_start();
            inside.starts_with(['"', '}']) && text.ends_with('}')
        }
        Some(b'[' | b'"') => serde_json::from_str::<IgnoredAny>(text).is_ok(),
        _ => false,
    }
}

/// What an object is to a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Plain,
    /// All of it is verified.
    Signed,
}

impl Block {
    fn of(fields: &Map<String, Value>) -> Self {
        let has = |name: &str| fields.get(name).is_some_and(Value::is_string);
        let word = fields
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let is_reasoning = word == "reasoning" || word.starts_with("reasoning.");
        let is_thinking = has("signature") && (has("thinking") || is_reasoning);
        let is_encrypted = has("encrypted_content")
            && (is_reasoning || word.ends_with("compaction"))
            || has("data") && matches!(word, "redacted_thinking" | "reasoning.encrypted");
        let is_thought = has("thoughtSignature") || has("thought_signature");
        // Amazon Bedrock has them one level down.
        let bedrock = fields
            .get("reasoningContent")
            .or_else(|| fields.get("reasoningText"));
        let is_bedrock = bedrock.is_some_and(|it| {
            it.get("redactedContent").is_some()
                || it.get("signature").is_some()
                || it.get("reasoningText").is_some()
        });
        let is_call = CALLS.iter().any(|name| fields.contains_key(*name));
        if is_thinking || is_encrypted || is_bedrock || is_thought && !is_call {
            Self::Signed
        } else {
            Self::Plain
        }
    }
}

fn is_opaque(name: &str) -> bool {
    OPAQUE.contains(&name)
}
