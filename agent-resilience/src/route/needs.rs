//! What one request asks of whoever answers it.

use serde::{Deserialize, Serialize};

use crate::limit::Cost;

/// What one request needs; by default nothing, which every candidate has.
///
/// ```
/// use agent_resilience::{Cost, Needs};
///
/// let needs = Needs::default().tools().input(1_200).output(800);
/// assert!(needs.tools && !needs.vision);
/// assert_eq!(needs.cost(), Cost::REQUEST.input(1_200).output(800));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four independent facts, set one by one by name"
)]
pub struct Needs {
    /// It offers tools.
    pub tools: bool,
    /// It holds images.
    pub vision: bool,
    /// It asks for JSON.
    pub json_mode: bool,
    /// It begins the answer.
    pub prefill: bool,
    /// Tokens to be sent, as estimated; 0 where unknown.
    pub input_tokens: u64,
    /// Tokens that the answer may have, usually the request's own bound (`max_tokens`); 0 where unknown.
    pub output_tokens: u64,
}

impl Needs {
    /// Nothing.
    pub(super) const NOTHING: Self = Self {
        tools: false,
        vision: false,
        json_mode: false,
        prefill: false,
        input_tokens: 0,
        output_tokens: 0,
    };

    /// It offers tools.
    #[must_use]
    pub const fn tools(mut self) -> Self {
        self.tools = true;
        self
    }

    /// It holds images.
    #[must_use]
    pub const fn vision(mut self) -> Self {
        self.vision = true;
        self
    }

    /// It asks for JSON.
    #[must_use]
    pub const fn json_mode(mut self) -> Self {
        self.json_mode = true;
        self
    }

    /// It begins the answer.
    #[must_use]
    pub const fn prefill(mut self) -> Self {
        self.prefill = true;
        self
    }

    /// Sets the tokens to be sent.
    #[must_use]
    pub const fn input(mut self, tokens: u64) -> Self {
        self.input_tokens = tokens;
        self
    }

    /// Sets the tokens that the answer may have.
    #[must_use]
    pub const fn output(mut self, tokens: u64) -> Self {
        self.output_tokens = tokens;
        self
    }

    /// What it takes from a rate limit: one call with these tokens.
    pub const fn cost(&self) -> Cost {
        Cost::REQUEST
            .input(self.input_tokens)
            .output(self.output_tokens)
    }
}
