//! What calls cost, and since when.

mod consumption;
mod costing;
mod day;
mod entry;
mod item;
mod json;
mod key;
mod load;
mod load_entry;
mod load_report;
mod name_hash;
mod off_peak;
mod plan;
mod rate;
mod rates;
mod reprice;
mod rule;
mod shipped;
mod table;
mod window;

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use agent_primitives::{ModelId, ProviderId, Timestamp, TokenUsage, Usd};

use crate::ModelCall;

use plan::Plan;
use rate::Factor;
use table::{ALWAYS, Held, Series, Table};

pub use consumption::Consumption;
pub use costing::{CostLine, Costing, Unpriced};
pub use item::Item;
pub use key::PriceTier;
pub use load_report::{KeyKind, KeyLine, LoadError, LoadProblem, LoadReport, ProblemKind};
pub use rates::Price;
pub use reprice::{Drift, Repricing};

/// Prices by provider, model and time.
///
/// [`Prices::shipped`] knows the current models of the main providers, [`Prices::from_litellm`] reads
/// the public map that the LiteLLM project keeps, and own prices come before both. The price of a call
/// is the one of its time. A model that nobody named has no price, which is reported as unpriced and
/// never as zero; a price of zero is a price.
///
/// # Which price holds
///
/// Own prices first: for this model at this provider, then for every model of this provider, then for
/// this model anywhere. Then the names of the map, the first that is there:
///
/// 1. `provider/model`
/// 2. `vendor/model`, where the vendor is the provider by its name in the map: `anthropic` for
///    `claude`, `groq` for `groq-eu`, `bedrock` for `aws.bedrock`
/// 3. `model`
/// 4. where the model is itself written `seller/model`: that name, then `model` if that is the
///    seller's own
/// 5. the same four without what is not part of the name: `[1m]`, `models/`, the owner of a
///    fine-tuning; then without Bedrock's region (`us.`), without the date (`@20250929`,
///    `-2025-09-29`), and without both
///
/// Among prices under one name the latest that has begun holds. When a price of the map began is not
/// known, only when it was read: the oldest one stands for earlier calls too, and
/// [`Costing::before_first`] says so.
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
/// let prices = Prices::shipped()
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
    table: Arc<Table>,
    margins: HashMap<ProviderId, Factor>,
    windows: HashMap<ModelId, u64>,
}

/// What one provider asks.
#[derive(Debug, Clone, Default)]
struct Offer {
    models: HashMap<ModelId, Series>,
    any_model: Series,
}

impl Prices {
    /// No prices: every call is unpriced.
    pub fn none() -> Self {
        Self::default()
    }

    /// The table that the crate ships: list prices of the main models of Anthropic, OpenAI, Google,
    /// Mistral, Groq, Cohere, xAI and `DeepSeek`, and of Claude on Bedrock and Vertex AI, with their
    /// cache prices, thresholds and service tiers.
    ///
    /// They are taken from the public price map of the LiteLLM project; [`Prices::shipped_on`] says
    /// when. The file is `src/price/shipped.json` of the crate: each price with the day on which it
    /// was read and with its source.
    pub fn shipped() -> Self {
        Self {
            table: shipped::table(),
            ..Self::default()
        }
    }

    /// The day on which the shipped prices were read, such as `2026-11-20`.
    ///
    /// ```
    /// assert_eq!(agent_telemetry::Prices::shipped_on(), "2026-11-20");
    /// ```
    pub fn shipped_on() -> &'static str {
        shipped::read_on()
    }

    /// Reads a price map of the LiteLLM project (`model_prices_and_context_window.json`), whose prices
    /// are taken to hold since `as_of`.
    ///
    /// Numbers are read digit by digit, exact to 30 decimals of a dollar. An entry with a price that
    /// cannot be read is left out and reported; the others are not touched by it.
    ///
    /// ```
    /// use agent_primitives::{ModelId, ProviderId, Timestamp, TokenUsage};
    /// use agent_telemetry::Prices;
    ///
    /// let map = r#"{
    ///     "acme/small": {"input_cost_per_token": 1.25e-07, "output_cost_per_token": 1e-06},
    ///     "acme/large": {"input_cost_per_token": "dear"}
    /// }"#;
    /// let day = Timestamp::from_unix_seconds(1_795_132_800);
    /// let (prices, report) = Prices::from_litellm(map, day)?;
    /// assert_eq!((report.priced, report.left_out), (1, 1));
    /// assert_eq!(
    ///     report.problems[0].to_string(),
    ///     "price map entry \"acme/large\", key \"input_cost_per_token\": \
    ///      not a number; write dollars for one unit, such as 1.25e-07"
    /// );
    /// let (acme, small) = (ProviderId::new("acme")?, ModelId::new("small")?);
    /// let cost = prices.cost(&acme, &small, &TokenUsage::new(8, 1), day);
    /// assert_eq!(cost, Some("0.000002".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`LoadError`] when the text is not a JSON object, or larger than 64 MiB or 100 000 entries.
    pub fn from_litellm(map: &str, as_of: Timestamp) -> Result<(Self, LoadReport), LoadError> {
        let (table, report) = load::map(map, as_of)?;
        let prices = Self {
            table: Arc::new(table),
            ..Self::default()
        };
        Ok((prices, report))
    }

    /// [`Prices::from_litellm`] of what a reader gives, of which at most 64 MiB are read.
    ///
    /// # Errors
    /// [`LoadError`] as there, and when reading fails.
    pub fn from_litellm_reader(
        reader: impl Read,
        as_of: Timestamp,
    ) -> Result<(Self, LoadReport), LoadError> {
        let limit = load::MOST_BYTES;
        let mut text = String::new();
        reader.take(limit + 1).read_to_string(&mut text)?;
        Self::from_litellm(&text, as_of)
    }

    /// Adds the prices of `newer`, which count where both have one of the same name and day. Maps of
    /// different days make a history: each price holds until the next one begins.
    #[must_use]
    pub fn merge(mut self, newer: &Self) -> Self {
        for (provider, offer) in &newer.at_provider {
            let own = self.at_provider.entry(provider.clone()).or_default();
            own.any_model.merge(&offer.any_model);
            for (model, series) in &offer.models {
                own.models.entry(model.clone()).or_default().merge(series);
            }
        }
        for (model, series) in &newer.anywhere {
            self.anywhere
                .entry(model.clone())
                .or_default()
                .merge(series);
        }
        self.margins.extend(
            newer
                .margins
                .iter()
                .map(|(provider, it)| (provider.clone(), *it)),
        );
        let windows = newer.windows.iter();
        self.windows
            .extend(windows.map(|(model, it)| (model.clone(), *it)));
        Arc::make_mut(&mut self.table).merge(&newer.table);
        self
    }

    /// A price for this model at whichever provider.
    #[must_use]
    pub fn with_model(self, model: ModelId, price: Price) -> Self {
        self.with_model_since(model, price, ALWAYS)
    }

    /// A price for this model at whichever provider, from `since` on.
    #[must_use]
    pub fn with_model_since(mut self, model: ModelId, price: Price, since: Timestamp) -> Self {
        let plan = Arc::new(Plan::new(model.as_str(), price.entry()));
        self.anywhere.entry(model).or_default().set(since, plan);
        self
    }

    /// A price for every model of this provider, such as [`Price::FREE`] for one that runs on the
    /// host's own machine.
    #[must_use]
    pub fn with_provider(mut self, provider: ProviderId, price: Price) -> Self {
        let plan = Arc::new(Plan::new("", price.entry()));
        let offer = self.at_provider.entry(provider).or_default();
        offer.any_model.set(ALWAYS, plan);
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
        let plan = Arc::new(Plan::new(model.as_str(), price.entry()));
        let offer = self.at_provider.entry(provider).or_default();
        offer.models.entry(model).or_default().set(since, plan);
        self
    }

    /// Multiplies every price of this provider, such as by `1.055` for a gateway that asks 5.5 % more
    /// than the list.
    ///
    /// ```
    /// use agent_primitives::{ModelId, ProviderId, Timestamp, TokenUsage};
    /// use agent_telemetry::Prices;
    ///
    /// let (claude, model) = (ProviderId::new("claude")?, ModelId::new("claude-sonnet-4-5")?);
    /// let prices = Prices::shipped().with_margin(claude.clone(), "1.055")?;
    /// let usage = TokenUsage::new(100_000, 0);
    /// let now = Timestamp::from_unix_seconds(1_795_132_800);
    /// assert_eq!(prices.cost(&claude, &model, &usage, now), Some("0.3165".parse()?));
    /// assert!(Prices::none().with_margin(claude, "-1").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ProblemKind::BadFactor`] for what is not a number from 0 to 1 000 with at most nine decimals.
    pub fn with_margin(mut self, provider: ProviderId, factor: &str) -> Result<Self, ProblemKind> {
        let factor = Factor::parse(factor).ok_or(ProblemKind::BadFactor)?;
        self.margins.insert(provider, factor);
        Ok(self)
    }

    /// How many names of the map have a price.
    pub fn names(&self) -> usize {
        self.table.len()
    }

    /// Whether a price of this provider and model holds at `at`.
    pub fn knows(&self, provider: &ProviderId, model: &ModelId, at: Timestamp) -> bool {
        self.find(provider, model, at).is_ok()
    }

    /// The exact cost of `usage` at the standard tier, or `None` where no price is known.
    pub fn cost(
        &self,
        provider: &ProviderId,
        model: &ModelId,
        usage: &TokenUsage,
        at: Timestamp,
    ) -> Option<Usd> {
        self.amount(provider, model, &Consumption::new(*usage), at)
            .ok()
    }

    /// The exact cost of a call without its lines; makes no allocation.
    ///
    /// # Errors
    /// [`Unpriced`] says why there is none.
    pub fn amount(
        &self,
        provider: &ProviderId,
        model: &ModelId,
        consumption: &Consumption,
        at: Timestamp,
    ) -> Result<Usd, Unpriced> {
        let held = self.find(provider, model, at)?;
        let mut amount = Usd::ZERO;
        costing::bill(held.plan, consumption, at, self.margin(provider), |line| {
            amount += line.amount;
        })?;
        Ok(amount)
    }

    /// The exact cost of a call, line by line.
    ///
    /// The length of the prompt, cached tokens included, chooses the threshold, and its rates hold for
    /// all tokens of the call, as LiteLLM computes it.
    ///
    /// ```
    /// use agent_primitives::{ModelId, ProviderId, Timestamp, TokenUsage};
    /// use agent_telemetry::{Consumption, Item, Prices, PriceTier};
    ///
    /// let map = r#"{"acme/long": {
    ///     "input_cost_per_token": 1e-06, "input_cost_per_token_above_200k_tokens": 2e-06,
    ///     "output_cost_per_token": 4e-06, "output_cost_per_token_above_200k_tokens": 8e-06,
    ///     "input_cost_per_token_flex": 5e-07
    /// }}"#;
    /// let day = Timestamp::from_unix_seconds(1_795_132_800);
    /// let (prices, _) = Prices::from_litellm(map, day)?;
    /// let (acme, long) = (ProviderId::new("acme")?, ModelId::new("long")?);
    ///
    /// let usage = TokenUsage::new(300_000, 1_000);
    /// let costing = prices.costing(&acme, &long, &Consumption::new(usage), day)?;
    /// assert_eq!(costing.amount, "0.608".parse()?);
    /// assert_eq!(costing.lines[0].item, Item::Input);
    /// assert_eq!(costing.from_prompt_tokens, 200_001);
    ///
    /// let flex = Consumption::new(TokenUsage::new(1_000, 0)).tier(PriceTier::Flex);
    /// assert_eq!(prices.costing(&acme, &long, &flex, day)?.amount, "0.0005".parse()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Unpriced`] says why there is none.
    pub fn costing(
        &self,
        provider: &ProviderId,
        model: &ModelId,
        consumption: &Consumption,
        at: Timestamp,
    ) -> Result<Costing, Unpriced> {
        let held = self.find(provider, model, at)?;
        let mut lines = Vec::new();
        let margin = self.margin(provider);
        let from = costing::bill(held.plan, consumption, at, margin, |line| lines.push(line))?;
        Ok(Costing {
            amount: lines.iter().map(|line| line.amount).sum(),
            lines,
            price: held.plan.name.to_string(),
            since: (held.since != ALWAYS).then_some(held.since),
            before_first: held.before_first,
            tier: consumption.tier,
            tier_listed: held.plan.lists(consumption.tier),
            from_prompt_tokens: from,
        })
    }

    /// [`Prices::costing`] of a recorded call that was made at `at`, at the service tier that it names;
    /// the standard one unless it does. Of usage that no call explains the length of the prompts is not known:
    /// the rates of the shortest hold.
    ///
    /// ```
    /// use agent_primitives::{ModelId, ProviderId, Timestamp, TokenUsage};
    /// use agent_telemetry::{ModelCall, Prices, ServiceTier};
    ///
    /// let call = ModelCall::new(ProviderId::new("claude")?, ModelId::new("claude-sonnet-4-5-20250929")?)
    ///     .usage(TokenUsage::new(1_000, 0))
    ///     .service_tier(ServiceTier::Batch);
    /// let now = Timestamp::from_unix_seconds(1_795_132_800);
    /// assert_eq!(Prices::shipped().costing_of(&call, now)?.amount, "0.0015".parse()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Unpriced`] says why there is none.
    pub fn costing_of(&self, call: &ModelCall, at: Timestamp) -> Result<Costing, Unpriced> {
        self.costing(&call.provider, &call.model, &recorded(call)?, at)
    }

    /// The amount of [`Prices::costing_of`]; makes no allocation.
    ///
    /// # Errors
    /// [`Unpriced`] says why there is none.
    pub fn amount_of(&self, call: &ModelCall, at: Timestamp) -> Result<Usd, Unpriced> {
        self.amount(&call.provider, &call.model, &recorded(call)?, at)
    }

    fn margin(&self, provider: &ProviderId) -> Factor {
        // Few hosts have any: the look-up is saved.
        if self.margins.is_empty() {
            return Factor::ONE;
        }
        self.margins.get(provider).copied().unwrap_or(Factor::ONE)
    }

    fn find(
        &self,
        provider: &ProviderId,
        model: &ModelId,
        at: Timestamp,
    ) -> Result<Held<'_>, Unpriced> {
        if self.at_provider.is_empty() && self.anywhere.is_empty() {
            let held = self.table.find(provider.as_str(), model.as_str(), at);
            return held.ok_or(Unpriced::UnknownModel);
        }
        let offer = self.at_provider.get(provider);
        let own = offer.and_then(|offer| offer.models.get(model));
        let anywhere = self.anywhere.get(model);
        own.and_then(|series| series.at(at))
            .or_else(|| offer?.any_model.at(at))
            .or_else(|| anywhere?.at(at))
            .or_else(|| self.table.find(provider.as_str(), model.as_str(), at))
            .ok_or(match own.or(anywhere) {
                Some(_) => Unpriced::NotYet,
                None => Unpriced::UnknownModel,
            })
    }
}

fn recorded(call: &ModelCall) -> Result<Consumption, Unpriced> {
    let tier = PriceTier::recorded(call.service_tier).ok_or(Unpriced::UnknownTier)?;
    let consumption = Consumption::new(call.usage).tier(tier);
    Ok(consumption.sum(call.is_unexplained()))
}
