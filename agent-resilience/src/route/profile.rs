//! Who a candidate is, as far as choosing and health need to know.

use std::fmt;

use agent_primitives::{ModelId, Usd};
use serde::{Deserialize, Serialize};

use super::{Capabilities, Needs};
use crate::budget::TokenPrice;

/// Who answers behind one endpoint and key, as plain data: what it shares with others, and what it is
/// able to do. Nothing has to be said; the default is a candidate of its own that is able to do everything.
///
/// ```
/// use agent_primitives::ModelId;
/// use agent_resilience::{Capabilities, Profile, TokenPrice};
///
/// let profile = Profile::default()
///     .vendor("anthropic")
///     .model(ModelId::new("claude-sonnet-4-5")?)
///     .key("team-a")
///     .capabilities(Capabilities::default().context_window(200_000))
///     .price(TokenPrice::per_million("3".parse()?, "15".parse()?))
///     .strength(3);
/// let read: Profile = serde_json::from_str(
///     r#"{"vendor": "anthropic", "model": "claude-sonnet-4-5", "key": "team-a",
///         "capabilities": {"context_window": 200000}, "price": {"input": "3", "output": "15"},
///         "strength": 3}"#,
/// )?;
/// assert_eq!(read, profile);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// Whose API it is, in the words of OpenTelemetry's `gen_ai.provider.name`, such as `aws.bedrock`.
    pub vendor: Option<String>,
    /// The model that answers.
    pub model: Option<ModelId>,
    /// Where it answers, such as `eu-west-1`: regions of one vendor fail apart from each other.
    pub region: Option<String>,
    /// A label of the key, such as `team-a`. Never the key itself: this is shown.
    pub key: Option<String>,
    /// A label of the account or project whose quota it uses: candidates with the same one run out together.
    pub account: Option<String>,
    /// What it is able to do.
    pub capabilities: Capabilities,
    /// What its tokens cost; not known unless set, which is not free.
    pub price: Option<TokenPrice>,
    /// How good its answers are next to the others, higher is better; 0 is not said.
    pub strength: u8,
}

impl Profile {
    /// Sets whose API it is.
    #[must_use]
    pub fn vendor(mut self, vendor: impl Into<String>) -> Self {
        self.vendor = Some(vendor.into());
        self
    }

    /// Sets the model that answers.
    #[must_use]
    pub fn model(mut self, model: ModelId) -> Self {
        self.model = Some(model);
        self
    }

    /// Sets where it answers.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Sets the label of the key; never the key itself.
    #[must_use]
    pub fn key(mut self, label: impl Into<String>) -> Self {
        self.key = Some(label.into());
        self
    }

    /// Sets the label of the account whose quota it uses.
    #[must_use]
    pub fn account(mut self, label: impl Into<String>) -> Self {
        self.account = Some(label.into());
        self
    }

    /// Sets what it is able to do.
    #[must_use]
    pub fn capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Sets what its tokens cost.
    #[must_use]
    pub fn price(mut self, price: TokenPrice) -> Self {
        self.price = Some(price);
        self
    }

    /// Sets how good its answers are next to the others.
    #[must_use]
    pub fn strength(mut self, strength: u8) -> Self {
        self.strength = strength;
        self
    }

    /// What a request with these needs would cost at the most: none of it cached, the answer as long as
    /// it may be. `None` where the price is not known.
    pub const fn estimate(&self, needs: &Needs) -> Option<Usd> {
        match &self.price {
            Some(price) => Some(price.estimate(needs.input_tokens, needs.output_tokens)),
            None => None,
        }
    }
}

/// `vendor/model@region (key)`, of which what is not said is left out.
///
/// ```
/// use agent_primitives::ModelId;
/// use agent_resilience::Profile;
///
/// let profile = Profile::default().vendor("anthropic").model(ModelId::new("claude-haiku-4-5")?);
/// assert_eq!(profile.to_string(), "anthropic/claude-haiku-4-5");
/// let european = profile.region("eu-west-1").key("team-a");
/// assert_eq!(european.to_string(), "anthropic/claude-haiku-4-5@eu-west-1 (team-a)");
/// assert_eq!(Profile::default().to_string(), "unnamed");
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.vendor, &self.model) {
            (Some(vendor), Some(model)) => write!(f, "{vendor}/{model}")?,
            (Some(vendor), None) => f.write_str(vendor)?,
            (None, Some(model)) => write!(f, "{model}")?,
            (None, None) => f.write_str("unnamed")?,
        }
        if let Some(region) = &self.region {
            write!(f, "@{region}")?;
        }
        match &self.key {
            Some(key) => write!(f, " ({key})"),
            None => Ok(()),
        }
    }
}
