//! What is read of a hook. All else, and with it every prompt, argument and answer, is passed over.

use std::borrow::Cow;
use std::time::Duration;

use agent_primitives::{AgentId, SessionId, ToolName};
use serde::Deserialize;

use super::super::seen::Who;
use super::error::InvalidHook;

/// Bytes of a hook that is read.
pub(super) const LONGEST: usize = 1 << 20;
/// Bytes of a tool call's id that is kept.
const ID: usize = 256;
/// The agent that is not a subagent, as it calls itself over OTLP.
const MAIN: &str = "claude-code";

#[derive(Debug, Deserialize)]
pub(crate) struct Input<'a> {
    #[serde(borrow, default)]
    session_id: Option<Cow<'a, str>>,
    /// None is told to a status line; it was `Status` once.
    #[serde(borrow, default)]
    pub(super) hook_event_name: Option<Cow<'a, str>>,
    /// Told by hooks within a subagent alone.
    #[serde(borrow, default)]
    agent_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    agent_type: Option<Cow<'a, str>>,
    /// Of the start of a session.
    #[serde(borrow, default)]
    pub(super) source: Option<Cow<'a, str>>,
    /// Of a compaction.
    #[serde(borrow, default)]
    trigger: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    tool_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    tool_use_id: Option<Cow<'a, str>>,
    /// Milliseconds, without those that a person was asked for.
    #[serde(default)]
    duration_ms: Option<f64>,
    #[serde(default)]
    context_window: Option<ContextWindow>,
}

#[derive(Debug, Deserialize)]
struct ContextWindow {
    #[serde(default, rename = "context_window_size")]
    size: Option<u64>,
    /// Of the last request. None before the first, and after a compaction.
    #[serde(default)]
    current_usage: Option<Usage>,
    #[serde(default)]
    used_percentage: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Usage {
    #[serde(default, rename = "input_tokens")]
    uncached: Option<u64>,
    #[serde(default, rename = "cache_creation_input_tokens")]
    cache_write: Option<u64>,
    #[serde(default, rename = "cache_read_input_tokens")]
    cache_read: Option<u64>,
}

impl<'a> Input<'a> {
    pub(crate) fn read(json: &'a [u8]) -> Result<Self, InvalidHook> {
        if json.len() > LONGEST {
            return Err(InvalidHook::TooLarge { bytes: json.len() });
        }
        // A list would be read as fields in their order.
        let rest = json.trim_ascii_start();
        if rest.first() == Some(&b'[') {
            let before = json.iter().take(json.len() - rest.len());
            let line = 1 + before.clone().filter(|it| **it == b'\n').count();
            let column = 1 + before.rev().take_while(|it| **it != b'\n').count();
            return Err(InvalidHook::Malformed { line, column });
        }
        // The words of the reader's error may quote a value.
        serde_json::from_slice(json).map_err(|error| InvalidHook::Malformed {
            line: error.line(),
            column: error.column(),
        })
    }

    /// In whose work. A subagent goes by its type, as it does over OTLP, and without one by its id.
    pub(crate) fn who(&self) -> Result<Who, InvalidHook> {
        let session = self.session_id.as_deref().filter(|it| !it.is_empty());
        let session = session.ok_or(InvalidHook::NoSession)?;
        let session = SessionId::new(session).map_err(|_| InvalidHook::Session)?;
        let main = AgentId::new(MAIN).ok();
        let sub = self.agent_id.as_deref().filter(|it| !it.is_empty());
        let names = [self.agent_type.as_deref(), sub];
        let sub = sub.and_then(|_| {
            names
                .into_iter()
                .flatten()
                .find_map(|it| AgentId::new(it).ok())
        });
        Ok(Who {
            project: None,
            session: Some(session),
            parent_agent: main.clone().filter(|_| sub.is_some()),
            agent: sub.or(main),
            user: None,
        })
    }

    /// What tells one run of a subagent from another.
    pub(super) fn agent(&self) -> &str {
        self.agent_id.as_deref().unwrap_or_default()
    }

    /// The tool that is called, if it has a name.
    pub(super) fn tool(&self) -> Option<ToolName> {
        ToolName::new(self.tool_name.as_deref()?).ok()
    }

    pub(super) fn call(&self) -> Option<&str> {
        let call = self.tool_use_id.as_deref();
        call.filter(|it| !it.is_empty() && it.len() <= ID)
    }

    pub(super) fn elapsed(&self) -> Option<Duration> {
        Duration::try_from_secs_f64(self.duration_ms? / 1_000.0).ok()
    }

    /// Whether a compaction was not asked for.
    pub(super) fn is_automatic(&self) -> bool {
        self.trigger.as_deref() != Some("manual")
    }

    /// Tokens of the context, and of its window.
    pub(super) fn context(&self) -> Option<(u64, u64)> {
        let context = self.context_window.as_ref()?;
        let window = context.size.filter(|it| *it > 0)?;
        let told = context.current_usage.as_ref().map(|it| {
            let cached = [it.cache_write, it.cache_read];
            let cached = cached.into_iter().flatten();
            cached.fold(it.uncached.unwrap_or(0), u64::saturating_add)
        });
        let used = told.or_else(|| Some(share(context.used_percentage?, window)))?;
        (used > 0).then_some((used, window))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "what is no share at all becomes none or all of u64, and no window has 2^53 tokens"
)]
fn share(percent: f64, window: u64) -> u64 {
    (window as f64 * percent / 100.0).round() as u64
}
