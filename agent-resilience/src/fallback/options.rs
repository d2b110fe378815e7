//! What one request asks of the chain beside its answer.

use agent_primitives::ProviderId;

use crate::budget::SessionBudget;
use crate::deadline::Deadline;
use crate::route::Needs;

/// How one request goes through a [`FallbackChain`](crate::FallbackChain). The default asks for
/// nothing.
///
/// ```
/// use agent_resilience::{CallOptions, Needs};
///
/// let options = CallOptions::new().needs(Needs::default().tools().input(12_000));
/// assert!(options.needs.tools && options.deadline.is_none());
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct CallOptions {
    /// What the answer takes; nothing unless set.
    pub needs: Needs,
    /// When the request has to be over, on the chain's clock. The chain's own
    /// [total](crate::RetryPolicy::total) counts where it is sooner.
    pub deadline: Option<Deadline>,
    /// Nobody else is asked, for this request alone, whatever the health of this one.
    pub pin: Option<ProviderId>,
    /// What the request may cost. Each call reserves what it is estimated to cost at its provider and
    /// settles what it did cost; the budget's [advice](crate::SpendAdvice) shifts the choice, and whoever
    /// costs more than is left is not asked.
    ///
    /// The estimate is made of [`needs`](Self::needs): say how many tokens they are. A provider without
    /// a price is taken to cost [`RouteConfig::assumed_price`](crate::RouteConfig::assumed_price).
    pub budget: Option<SessionBudget>,
}

impl CallOptions {
    /// Nothing asked.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says what the answer takes.
    #[must_use]
    pub fn needs(mut self, needs: Needs) -> Self {
        self.needs = needs;
        self
    }

    /// Ends the request at a moment of the chain's clock.
    #[must_use]
    pub fn deadline(mut self, deadline: Deadline) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Asks nobody but `provider`.
    #[must_use]
    pub fn pin(mut self, provider: ProviderId) -> Self {
        self.pin = Some(provider);
        self
    }

    /// Pays for the request from `budget`.
    #[must_use]
    pub fn budget(mut self, budget: SessionBudget) -> Self {
        self.budget = Some(budget);
        self
    }
}
