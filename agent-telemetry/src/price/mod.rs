//! What tokens cost, and since when.

mod rates;
mod table;

use std::collections::HashMap;

use agent_primitives::{ModelId, ProviderId, Timestamp, TokenUsage, Usd};

pub use rates::Price;

/// Prices by provider, model and time.
///
/// [`Prices::builtin`] knows a handful of current models; own prices come before those. The most
/// specific one holds: for this model at this provider, then for every model of this provider, then
/// for this model anywhere. Among prices of the same kind the latest that has begun holds. A model
/// that nobody named has no price, which is reported as unpriced and never as zero.
///
/// ```
/// use agent_primitives::{ModelId, ProviderId, Timestamp, TokenUsage, Usd};
/// use agent_telemetry::{Price, Prices};
///
/// let (groq, ollama) = (ProviderId::new("groq")?, ProviderId::new("ollama")?);
/// let house_model = ModelId::new("house-model")?;
/// let now = Timestamp::from_unix_seconds(1_790_000_000);
/// let usage = TokenUsage::new(1_000_000, 100_000);
///
/// let prices = Prices::builtin()
///     .with_provider(ollama.clone(), Price::FREE)
///     .with_model(house_model.clone(), Price::per_million("2".parse()?, "8".parse()?));
///
/// assert_eq!(prices.cost(&groq, &house_model, &usage, now), Some("2.8".parse()?));
/// assert_eq!(prices.cost(&ollama, &house_model, &usage, now), Some(Usd::ZERO));
/// assert_eq!(prices.cost(&groq, &ModelId::new("unheard-of")?, &usage, now), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Prices {
    at_provider: HashMap<ProviderId, Offer>,
    anywhere: HashMap<ModelId, Series>,
    builtin: bool,
}

/// What one provider asks.
#[derive(Debug, Clone, Default)]
struct Offer {
    models: HashMap<ModelId, Series>,
    any_model: Series,
}

/// Prices with the time from which each holds, in the order of time.
#[derive(Debug, Clone, Default)]
struct Series(Vec<(Timestamp, Price)>);

impl Series {
    /// A price of the same time replaces the one before.
    fn set(&mut self, since: Timestamp, price: Price) {
        match self.0.binary_search_by_key(&since, |(at, _)| *at) {
            Ok(at) => {
                if let Some(entry) = self.0.get_mut(at) {
                    entry.1 = price;
                }
            }
            Err(at) => self.0.insert(at, (since, price)),
        }
    }

    fn at(&self, at: Timestamp) -> Option<Price> {
        let begun = self.0.partition_point(|(since, _)| *since <= at);
        self.0.get(begun.checked_sub(1)?).map(|(_, price)| *price)
    }
}

/// Before everything that a clock shows.
const ALWAYS: Timestamp = Timestamp::from_unix_nanos(i64::MIN);

impl Prices {
    /// No prices: every call is unpriced.
    pub fn none() -> Self {
        Self::default()
    }

    /// The table that the crate ships: list prices in US dollars of the models that it names, as the
    /// public price map of the LiteLLM project (release 1.109.1, read on 2026-11-20) has them, for
    /// plain requests: no batch, priority or long-context tiers. Llama 3.3 70B at Groq, which that
    /// release no longer lists, has Groq's last list price.
    ///
    /// Models that cost more above a number of tokens are left out until the table can say so:
    /// unpriced is better than wrong. Prices that belong to one vendor's offer of an open model hold
    /// for providers named after that vendor, such as `groq` and `groq-eu`.
    pub fn builtin() -> Self {
        Self {
            builtin: true,
            ..Self::default()
        }
    }

    /// A price for this model at whichever provider.
    #[must_use]
    pub fn with_model(self, model: ModelId, price: Price) -> Self {
        self.with_model_since(model, price, ALWAYS)
    }

    /// A price for this model at whichever provider, from `since` on.
    #[must_use]
    pub fn with_model_since(mut self, model: ModelId, price: Price, since: Timestamp) -> Self {
        self.anywhere.entry(model).or_default().set(since, price);
        self
    }

    /// A price for every model of this provider, such as [`Price::FREE`] for one that runs on the
    /// host's own machine.
    #[must_use]
    pub fn with_provider(mut self, provider: ProviderId, price: Price) -> Self {
        let offer = self.at_provider.entry(provider).or_default();
        offer.any_model.set(ALWAYS, price);
        self
    }

    /// A price for this model at this provider, from `since` on.
    #[must_use]
    pub fn with_provider_model_since(
        mut self,
        provider: ProviderId,
        model: ModelId,
        price: Price,
        since: Timestamp,
    ) -> Self {
        let offer = self.at_provider.entry(provider).or_default();
        offer.models.entry(model).or_default().set(since, price);
        self
    }

    /// The price that holds at `at`, or `None` for a model that has none.
    pub fn price(&self, provider: &ProviderId, model: &ModelId, at: Timestamp) -> Option<Price> {
        let offer = self.at_provider.get(provider);
        offer
            .and_then(|offer| offer.models.get(model)?.at(at))
            .or_else(|| offer?.any_model.at(at))
            .or_else(|| self.anywhere.get(model)?.at(at))
            .or_else(|| {
                self.builtin
                    .then(|| table::price(provider.as_str(), model.as_str(), at))?
            })
    }

    /// The exact cost of `usage`, or `None` where no price is known.
    pub fn cost(
        &self,
        provider: &ProviderId,
        model: &ModelId,
        usage: &TokenUsage,
        at: Timestamp,
    ) -> Option<Usd> {
        self.price(provider, model, at)
            .map(|price| price.cost(usage))
    }
}
