//! How much fits into the context of a model.

use agent_primitives::{ModelId, ProviderId, Timestamp};

use super::Prices;

/// What Claude Code appends to the name of a model whose window holds a million tokens.
const MILLION: &str = "[1m]";

impl Prices {
    /// Sets how many tokens fit into the context of a model, at whichever provider.
    #[must_use]
    pub fn with_context_window(mut self, model: ModelId, tokens: u64) -> Self {
        self.windows.insert(model, tokens);
        self
    }

    /// How many tokens fit into the context of a model: those that the host set, a million for a name
    /// that ends with `[1m]`, else those of a prompt as the price map lists them (`max_input_tokens`) for
    /// the name that a price is found under; `None` where nobody says.
    ///
    /// ```
    /// use agent_primitives::{ModelId, ProviderId, Timestamp};
    /// use agent_telemetry::Prices;
    ///
    /// let (anthropic, sonnet) = (ProviderId::new("anthropic")?, ModelId::new("claude-sonnet-4-5")?);
    /// let now = Timestamp::from_unix_seconds(1_795_132_800);
    /// let prices = Prices::shipped();
    /// assert_eq!(prices.context_window(&anthropic, &sonnet, now), Some(200_000));
    /// let million = ModelId::new("claude-sonnet-4-5[1m]")?;
    /// assert_eq!(prices.context_window(&anthropic, &million, now), Some(1_000_000));
    ///
    /// let house = ModelId::new("house-model")?;
    /// assert_eq!(prices.context_window(&anthropic, &house, now), None);
    /// let prices = prices.with_context_window(house.clone(), 32_768);
    /// assert_eq!(prices.context_window(&anthropic, &house, now), Some(32_768));
    /// # Ok::<(), agent_primitives::InvalidId>(())
    /// ```
    pub fn context_window(
        &self,
        provider: &ProviderId,
        model: &ModelId,
        at: Timestamp,
    ) -> Option<u64> {
        if let Some(set) = self.windows.get(model) {
            return Some(*set);
        }
        if model.as_str().ends_with(MILLION) {
            return Some(1_000_000);
        }
        let held = self.table.find(provider.as_str(), model.as_str(), at)?;
        held.plan.entry.window
    }
}
