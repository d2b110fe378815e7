//! What attributes say: one pass over them, by the table of keys.

use super::super::value::{Attributes, Value};
use super::index::Index;
use super::table;

macro_rules! fields {
    ($($variant:ident = $says:literal,)+) => {
        /// What an attribute tells, whatever its sender calls it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Field {
            $($variant,)+
        }

        impl Field {
            pub(super) const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// What it is, for the page.
            #[cfg(test)]
            pub(super) const fn says(self) -> &'static str {
                match self { $(Self::$variant => $says,)+ }
            }
        }
    };
}

fields! {
    Session = "session",
    Instance = "session, where none is told",
    Process = "session, where none and no instance is told",
    Service = "agent, where none is told",
    Project = "project",
    User = "user, hashed by whoever stores it",
    AgentName = "agent",
    AgentId = "agent, where it has no name",
    ParentAgent = "who gave the agent its work",
    Operation = "what a span is",
    SpanKind = "what a span is (OpenInference)",
    RequestType = "what a span is (OpenLLMetry)",
    Entity = "what a span is (Traceloop)",
    EntityName = "agent or tool (Traceloop)",
    Provider = "provider",
    RequestModel = "model, where the answer names none",
    ResponseModel = "model",
    Input = "input tokens, with cached ones",
    InputUncached = "input tokens, without cached ones",
    CacheRead = "tokens read from a cache",
    CacheWrite = "tokens written to a cache",
    Output = "output tokens",
    Reasoning = "tokens of reasoning, within the output",
    Thoughts = "tokens of reasoning, beside the output",
    ToolTokens = "input tokens of tool results, beside the input",
    Total = "all tokens, which tells whether input holds the cached ones",
    CostPicos = "cost, in pico-dollars",
    CostMicros = "cost, in micro-dollars",
    CostUsd = "cost, in dollars, where no micro-dollars are told",
    LatencyMs = "duration, in milliseconds",
    FirstTokenMs = "time to the first token, in milliseconds",
    FirstTokenS = "time to the first token, in seconds",
    Attempts = "requests that it took",
    StatusCode = "kind of failure",
    ErrorType = "kind of failure, where no status tells it",
    ErrorText = "kind of failure, by its words; not kept",
    StopReason = "why the model stopped",
    ServiceTier = "terms of service",
    Streamed = "whether the answer came in pieces",
    Request = "id of the request",
    ClientRequest = "id of the request, where the provider gave none",
    Response = "id of the answer",
    ToolName = "tool",
    ToolCall = "id of the tool call",
    Success = "whether it went well",
    Failed = "whether a router failed",
    Verdict = "whether a tool call was allowed",
    VerdictSource = "who decided about a tool call",
    TokenType = "which tokens a point counts",
    Sort = "what else a point counts",
    StartType = "whether a session is resumed",
    Before = "tokens before a compaction",
    After = "tokens after a compaction",
    Trigger = "what began a compaction",
    Compacted = "whether the conversation was compacted",
    Sequence = "number of the event in its session",
    Ending = "how an agent's run ended",
    Outcome = "how an agent's run ended, in our words",
    ToolOutcome = "how a tool call ended, in our words",
    HandoffFrom = "who gave work away",
    HandoffTo = "who took work over",
    HandoffFromKind = "whether it was a provider who gave it away",
    HandoffToKind = "whether it was a provider who took it over",
    HandoffReason = "why work changed hands",
    HandoffInitiator = "whether a person decided that",
    ScoreName = "name of a score",
    Score = "a score",
    ChosenModel = "the model that a router chose",
    HookEvent = "which hook",
    Blocking = "hooks that forbade something",
    EventKind = "which part of an answer",
    EventName = "name of the event",
    Overflow = "whether the SDK put it together for want of room",
    Protocol = "whether a span is one of MCP, which another span encloses",
    Content = "nothing: content is not read",
}

/// An attribute's key and what it tells. Of several keys with one meaning, the first of the table counts.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) field: Field,
}

pub(super) const fn key(name: &'static str, field: Field) -> Key {
    Key { name, field }
}

/// The values of one item's attributes, by what they tell. Keys that the table has not are not read.
#[derive(Debug, Clone)]
pub(super) struct Facts<'a> {
    values: [Option<&'a Value<'a>>; Field::ALL.len()],
}

impl<'a> Facts<'a> {
    pub(super) fn of(attributes: &'a Attributes<'a>) -> Self {
        let mut values = [None; Field::ALL.len()];
        let mut ranks = [u16::MAX; Field::ALL.len()];
        let keys = table::keys();
        for (name, value) in attributes.iter() {
            let Some((rank, field)) = keys.get(name) else {
                continue;
            };
            let place = field as usize;
            let (Some(slot), Some(held)) = (values.get_mut(place), ranks.get_mut(place)) else {
                continue;
            };
            // Of one key that comes twice the last value counts.
            if rank <= *held && !is_empty(value) {
                (*slot, *held) = (Some(value), rank);
            }
        }
        Self { values }
    }

    pub(super) fn get(&self, field: Field) -> Option<&'a Value<'a>> {
        self.values.get(field as usize).copied().flatten()
    }

    pub(super) fn has(&self, field: Field) -> bool {
        self.get(field).is_some()
    }

    pub(super) fn text(&self, field: Field) -> Option<&'a str> {
        self.get(field)?.text()
    }

    /// A text, or the first text of a list.
    pub(super) fn first_text(&self, field: Field) -> Option<&'a str> {
        match self.get(field)? {
            Value::Array(values) => values.iter().find_map(Value::text),
            value => value.text(),
        }
    }

    pub(super) fn count(&self, field: Field) -> Option<u64> {
        u64::try_from(self.get(field)?.int()?).ok()
    }

    pub(super) fn double(&self, field: Field) -> Option<f64> {
        self.get(field)?.double()
    }

    pub(super) fn bool(&self, field: Field) -> Option<bool> {
        self.get(field)?.bool()
    }
}

/// Senders write what they do not know as empty.
fn is_empty(value: &Value<'_>) -> bool {
    match value {
        Value::Empty => true,
        Value::Text(text) => text.is_empty(),
        _ => false,
    }
}

/// Keys with their rank, which is their place in the table.
pub(super) type Keys = Index<(u16, Field)>;
