//! Adds up the figures of token events, which are totals.

use std::collections::BTreeMap;

use agent_primitives::TokenUsage;

use super::super::fields::Fields;

/// `TokenUsage` of `codex-rs/protocol/src/protocol.rs`: the input includes what came from the cache, the
/// output what was reasoning.
#[derive(Debug, Default, Clone, Copy)]
struct Figures {
    input: u64,
    cached: u64,
    output: u64,
    reasoning: u64,
}

impl Figures {
    fn of(fields: &Fields<'_>) -> Self {
        let number = |name| fields.number(name).unwrap_or(0);
        Self {
            input: number("input_tokens"),
            cached: number("cached_input_tokens"),
            output: number("output_tokens"),
            reasoning: number("reasoning_output_tokens"),
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            input: self.input.saturating_sub(before.input),
            cached: self.cached.saturating_sub(before.cached),
            output: self.output.saturating_sub(before.output),
            reasoning: self.reasoning.saturating_sub(before.reasoning),
        }
    }

    /// Figures that contradict each other are taken without the part that does not fit.
    fn usage(self) -> TokenUsage {
        let plain = TokenUsage::new(self.input, self.output);
        let usage = TokenUsage::from_inclusive(self.input, self.cached, 0, self.output);
        let usage = usage.unwrap_or(plain);
        usage.with_reasoning(self.reasoning).unwrap_or(usage)
    }
}

/// So many models are told apart.
const MODELS: usize = 256;

/// What the session used.
#[derive(Debug, Default)]
pub(super) struct Usage {
    /// The last total. It begins anew where a session was forked or resumed elsewhere.
    last: Figures,
    all: TokenUsage,
    by_model: BTreeMap<String, TokenUsage>,
}

impl Usage {
    /// The total is now that of `fields`; what it grew by was used by `model`.
    pub(super) fn total(&mut self, fields: &Fields<'_>, model: Option<&str>) {
        let now = Figures::of(fields);
        let is_anew = now.input < self.last.input || now.output < self.last.output;
        let before = if is_anew {
            Figures::default()
        } else {
            self.last
        };
        let grown = now.since(before).usage();
        self.last = now;
        self.all += grown;
        let is_listed =
            |model: &&str| self.by_model.len() < MODELS || self.by_model.contains_key(*model);
        if let Some(model) = model.filter(is_listed) {
            *self.by_model.entry(model.to_owned()).or_default() += grown;
        }
    }

    pub(super) fn all(&self) -> TokenUsage {
        self.all
    }

    pub(super) fn by_model(&self) -> BTreeMap<String, TokenUsage> {
        self.by_model.clone()
    }
}
