//! The events of three vendors as items, as a host reads them; and what an answer adds up to.

use agent_primitives::{FailureKind, TokenUsage};
use agent_resilience::classify::{Vendor, Verdict};
use agent_resilience::{EventReader, Failure, Part, StreamItem};
use serde_json::Value;

/// A recorded stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recorded {
    pub(crate) name: &'static str,
    pub(crate) vendor: Vendor,
    pub(crate) body: &'static str,
    /// The request asked for JSON.
    pub(crate) is_json: bool,
}

macro_rules! recorded {
    ($($name:literal $vendor:ident $is_json:literal),* $(,)?) => {
        [$(Recorded {
            name: $name,
            vendor: Vendor::$vendor,
            body: include_str!(concat!("recorded/", $name)),
            is_json: $is_json,
        }),*]
    };
}

pub(crate) const RECORDED: [Recorded; 8] = recorded![
    "anthropic_text.sse" Anthropic false,
    "anthropic_thinking_and_tool.sse" Anthropic false,
    "openai_text.sse" OpenAi false,
    "openai_two_tools.sse" OpenAi false,
    "openai_json.sse" OpenAi true,
    "ollama_text.ndjson" Ollama false,
    "ollama_thinking_and_tool.ndjson" Ollama false,
    "ollama_json.ndjson" Ollama true,
];

impl Recorded {
    pub(crate) fn reader(&self) -> EventReader {
        if self.vendor == Vendor::Ollama {
            EventReader::lines()
        } else {
            EventReader::sse()
        }
    }

    /// What the vendor sends when it fails in the middle.
    pub(crate) fn error_event(&self) -> &'static str {
        match self.vendor {
            Vendor::Anthropic => {
                "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"
            }
            Vendor::Ollama => "{\"error\":\"server busy, please try again\"}\n",
            _ => {
                "data: {\"error\":{\"type\":\"server_error\",\"code\":\"server_error\",\"message\":\"failed\"}}\n\n"
            }
        }
    }

    pub(crate) fn read(&self) -> impl FnMut(&[u8]) -> Result<Option<Event>, Failure> + use<> {
        let Self {
            vendor, is_json, ..
        } = *self;
        // The blocks of a message have no kind in the event that ends them.
        let mut in_call = false;
        move |data| {
            if data == b"[DONE]" {
                return Ok(Some(Event::default()));
            }
            let value: Value = serde_json::from_slice(data).map_err(|error| {
                Failure::new(Verdict::new(FailureKind::StreamCut)).with_source(error)
            })?;
            let mut event = match vendor {
                Vendor::Anthropic => anthropic(&value, &mut in_call),
                Vendor::Ollama => ollama(&value),
                _ => openai(&value),
            };
            if is_json {
                event.structured = std::mem::take(&mut event.text);
            }
            Ok(Some(event))
        }
    }
}

/// What one event carries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) text: String,
    pub(crate) reasoning: String,
    pub(crate) structured: String,
    /// Names of the calls that begin.
    pub(crate) calls: Vec<String>,
    pub(crate) arguments: String,
    call_ended: u32,
    usage: Option<TokenUsage>,
    is_end: bool,
}

impl StreamItem for Event {
    fn parts(&self, tell: &mut impl FnMut(Part<'_>)) {
        if !self.reasoning.is_empty() {
            tell(Part::Reasoning(&self.reasoning));
        }
        tell(Part::Text(&self.text));
        tell(Part::Structured(&self.structured));
        for _ in &self.calls {
            tell(Part::ToolCall);
        }
        tell(Part::Arguments(&self.arguments));
        for _ in 0..self.call_ended {
            tell(Part::ToolCallEnd);
        }
        if let Some(usage) = self.usage {
            tell(Part::Usage(usage));
        }
        if self.is_end {
            tell(Part::End);
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn anthropic(value: &Value, in_call: &mut bool) -> Event {
    let mut event = Event::default();
    match value["type"].as_str() {
        Some("content_block_start") => {
            *in_call = value["content_block"]["type"] == "tool_use";
            if *in_call {
                event.calls.push(text(&value["content_block"]["name"]));
            }
        }
        Some("content_block_delta") => {
            let delta = &value["delta"];
            event.text = text(&delta["text"]);
            event.reasoning = text(&delta["thinking"]) + &text(&delta["signature"]);
            event.arguments = text(&delta["partial_json"]);
        }
        Some("content_block_stop") => event.call_ended = std::mem::take(in_call).into(),
        Some("message_delta") => {
            let output = value["usage"]["output_tokens"].as_u64();
            event.usage = output.map(|output| TokenUsage::new(25, output));
        }
        Some("message_stop") => event.is_end = true,
        _ => {}
    }
    event
}

fn openai(value: &Value) -> Event {
    let mut event = Event::default();
    let choice = &value["choices"][0];
    event.text = text(&choice["delta"]["content"]);
    for call in choice["delta"]["tool_calls"]
        .as_array()
        .into_iter()
        .flatten()
    {
        if let Some(name) = call["function"]["name"].as_str() {
            event.calls.push(name.to_owned());
        }
        event.arguments += &text(&call["function"]["arguments"]);
    }
    event.is_end = matches!(
        choice["finish_reason"].as_str(),
        Some("stop" | "tool_calls")
    );
    let used = |name: &str| value["usage"][name].as_u64();
    event.usage = used("prompt_tokens")
        .zip(used("completion_tokens"))
        .map(|(input, output)| TokenUsage::new(input, output));
    event
}

fn ollama(value: &Value) -> Event {
    let message = &value["message"];
    let mut event = Event {
        text: text(&message["content"]),
        reasoning: text(&message["thinking"]),
        is_end: value["done"] == true,
        ..Event::default()
    };
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        event.calls.push(text(&call["function"]["name"]));
        event.arguments += &call["function"]["arguments"].to_string();
        event.call_ended += 1;
    }
    event
}

/// What a consumer made of the events it was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) items: u64,
    pub(crate) text: String,
    pub(crate) reasoning: String,
    pub(crate) structured: String,
    pub(crate) calls: Vec<String>,
    pub(crate) arguments: String,
}

impl Answer {
    pub(crate) fn add(&mut self, event: &Event) {
        self.items += 1;
        self.text += &event.text;
        self.reasoning += &event.reasoning;
        self.structured += &event.structured;
        self.calls.extend(event.calls.iter().cloned());
        self.arguments += &event.arguments;
    }

    pub(crate) fn is_nothing(&self) -> bool {
        Self {
            items: 0,
            ..self.clone()
        } == Self::default()
    }

    /// Nothing else, nothing twice, nothing left out in the middle.
    pub(crate) fn is_the_beginning_of(&self, whole: &Self) -> bool {
        whole.text.starts_with(&self.text)
            && whole.reasoning.starts_with(&self.reasoning)
            && whole.structured.starts_with(&self.structured)
            && whole.calls.starts_with(&self.calls)
            && whole.arguments.starts_with(&self.arguments)
    }
}
