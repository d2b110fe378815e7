//! What a host implements for each place that can answer.

use agent_primitives::{ProviderId, TokenUsage, Usd};
use async_trait::async_trait;

use crate::classify::LimitSnapshot;
use crate::failure::Failure;

/// Somebody who answers requests: one vendor, one region, one key.
///
/// ```
/// use agent_primitives::{FailureKind, ProviderId};
/// use agent_resilience::classify::Verdict;
/// use agent_resilience::{Failure, Provider};
///
/// struct Echo(ProviderId);
///
/// #[async_trait::async_trait]
/// impl Provider<str> for Echo {
///     type Reply = String;
///     fn id(&self) -> &ProviderId {
///         &self.0
///     }
///     async fn call(&self, request: &str) -> Result<String, Failure> {
///         if request.is_empty() {
///             return Err(Verdict::new(FailureKind::InvalidRequest).into());
///         }
///         Ok(request.to_owned())
///     }
/// }
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// let echo = Echo(ProviderId::new("echo").unwrap());
/// assert_eq!(runtime.block_on(echo.call("hello")).unwrap(), "hello");
/// # Ok::<(), std::io::Error>(())
/// ```
#[async_trait]
pub trait Provider<Req: ?Sized>: Send + Sync {
    /// What comes back.
    type Reply: Send;

    /// The name under which this provider appears in events, reports and errors.
    fn id(&self) -> &ProviderId;

    /// Sends one request and waits for the whole answer.
    ///
    /// An answer that broke off is a [`Failure`] with
    /// [`StreamCut`](agent_primitives::FailureKind::StreamCut), never a success. A chain has
    /// time limits of its own; whoever keeps others returns
    /// [`Timeout`](agent_primitives::FailureKind::Timeout).
    ///
    /// # Errors
    /// A [`Failure`] whose verdict comes from [`classify`](crate::classify).
    ///
    /// # Cancel safety
    /// The future may be dropped at any time; the request then counts as cancelled.
    async fn call(&self, request: &Req) -> Result<Self::Reply, Failure>;

    /// What a reply says of its own cost and of the limits that it counts against: limits and budgets
    /// are settled with it, and the chain predicts from it. Nothing unless implemented.
    fn metering(&self, reply: &Self::Reply) -> Metering {
        let _ = reply;
        Metering::default()
    }

    /// A cheap question that shows whether the provider works, such as a list of its models: `None`
    /// when there is none, else how it went. It must cost no tokens and have a time limit of its own.
    ///
    /// Unless implemented, a provider that rests is tried by the first request after its rest.
    async fn probe(&self) -> Option<Result<(), Failure>> {
        None
    }
}

/// What a reply says of itself.
///
/// ```
/// use agent_primitives::TokenUsage;
/// use agent_resilience::Metering;
///
/// let metering = Metering::default().usage(TokenUsage::new(900, 100));
/// assert_eq!(metering.usage.map(|usage| usage.output()), Some(100));
/// assert!(metering.cost.is_none() && metering.limits.is_unknown());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metering {
    /// Tokens that the call took.
    pub usage: Option<TokenUsage>,
    /// What the call cost, where the reply says so. Else it is worked out from `usage` and the
    /// [price](crate::Profile::price) of the link.
    pub cost: Option<Usd>,
    /// The limits that the reply states, from [`classify::headers`](crate::classify::headers).
    pub limits: LimitSnapshot,
}

impl Metering {
    /// Says how many tokens it took.
    #[must_use]
    pub const fn usage(mut self, usage: TokenUsage) -> Self {
        self.usage = Some(usage);
        self
    }

    /// Says what it cost.
    #[must_use]
    pub const fn cost(mut self, cost: Usd) -> Self {
        self.cost = Some(cost);
        self
    }

    /// Says what it leaves of the limits.
    #[must_use]
    pub const fn limits(mut self, limits: LimitSnapshot) -> Self {
        self.limits = limits;
        self
    }
}
