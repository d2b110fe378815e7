//! What a model behind an endpoint is able to do.

use serde::{Deserialize, Serialize};

use super::needs::Needs;
use super::skip::Skip;

/// What a candidate is able to do. What is not said is not held against it: the default is able to do
/// everything, in a window of any size.
///
/// ```
/// use agent_resilience::{Capabilities, Needs};
///
/// let small = Capabilities::default().without_vision().context_window(8_192).max_output(4_096);
/// assert!(small.tools && !small.vision);
/// let read: Capabilities =
///     serde_json::from_str(r#"{"vision": false, "context_window": 8192, "max_output": 4096}"#)?;
/// assert_eq!(read, small);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four independent facts, read from configuration by name"
)]
pub struct Capabilities {
    /// Calls tools; true unless set.
    pub tools: bool,
    /// Reads images; true unless set.
    pub vision: bool,
    /// Answers in JSON when asked to; true unless set.
    pub json_mode: bool,
    /// Continues an answer that the request begins; true unless set. Anthropic's models refuse such
    /// requests from Claude 4.6 on.
    pub prefill: bool,
    /// Tokens that request and answer may have together; not known unless set.
    pub context_window: Option<u64>,
    /// Tokens that one answer may have; not known unless set.
    pub max_output: Option<u64>,
}

impl Default for Capabilities {
    fn default() -> Self {
        Self {
            tools: true,
            vision: true,
            json_mode: true,
            prefill: true,
            context_window: None,
            max_output: None,
        }
    }
}

impl Capabilities {
    /// Is sent no request with tools.
    #[must_use]
    pub const fn without_tools(mut self) -> Self {
        self.tools = false;
        self
    }

    /// Is sent no request with images.
    #[must_use]
    pub const fn without_vision(mut self) -> Self {
        self.vision = false;
        self
    }

    /// Is sent no request for JSON.
    #[must_use]
    pub const fn without_json_mode(mut self) -> Self {
        self.json_mode = false;
        self
    }

    /// Is sent no request that begins the answer.
    #[must_use]
    pub const fn without_prefill(mut self) -> Self {
        self.prefill = false;
        self
    }

    /// Tokens that request and answer may have together.
    #[must_use]
    pub const fn context_window(mut self, tokens: u64) -> Self {
        self.context_window = Some(tokens);
        self
    }

    /// Tokens that one answer may have.
    #[must_use]
    pub const fn max_output(mut self, tokens: u64) -> Self {
        self.max_output = Some(tokens);
        self
    }

    /// Why a request with these needs does not suit; `None` where it does. Where no size of the answer
    /// is named, room for one token is asked for.
    ///
    /// ```
    /// use agent_resilience::{Capabilities, Needs, Skip};
    ///
    /// let able = Capabilities::default().without_tools().context_window(8_192).max_output(4_096);
    /// assert_eq!(able.misfit(&Needs::default().input(4_096).output(4_096)), None);
    /// assert_eq!(able.misfit(&Needs::default().input(4_097).output(4_096)), Some(Skip::ContextWindow));
    /// assert_eq!(able.misfit(&Needs::default().output(4_097)), Some(Skip::OutputLimit));
    /// assert_eq!(able.misfit(&Needs::default().tools()), Some(Skip::NoTools));
    /// ```
    pub const fn misfit(&self, needs: &Needs) -> Option<Skip> {
        if needs.tools && !self.tools {
            return Some(Skip::NoTools);
        }
        if needs.vision && !self.vision {
            return Some(Skip::NoVision);
        }
        if needs.json_mode && !self.json_mode {
            return Some(Skip::NoJsonMode);
        }
        if needs.prefill && !self.prefill {
            return Some(Skip::NoPrefill);
        }
        let answer = if needs.output_tokens == 0 {
            1
        } else {
            needs.output_tokens
        };
        if let Some(window) = self.context_window {
            match window.checked_sub(needs.input_tokens) {
                Some(room) if answer <= room => {}
                _ => return Some(Skip::ContextWindow),
            }
        }
        if let Some(longest) = self.max_output
            && answer > longest
        {
            return Some(Skip::OutputLimit);
        }
        None
    }
}
