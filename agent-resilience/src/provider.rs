//! What a host implements for each place that can answer.

use agent_primitives::ProviderId;
use async_trait::async_trait;

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
    /// [`StreamCut`](agent_primitives::FailureKind::StreamCut), never a success. Time limits are the
    /// implementor's: return [`Timeout`](agent_primitives::FailureKind::Timeout).
    ///
    /// # Errors
    /// A [`Failure`] whose verdict comes from [`classify`](crate::classify).
    ///
    /// # Cancel safety
    /// The future may be dropped at any time; the request then counts as cancelled.
    async fn call(&self, request: &Req) -> Result<Self::Reply, Failure>;

    /// A cheap question that shows whether the provider works, such as a list of its models: `None`
    /// when there is none, else how it went. It must cost no tokens and have a time limit of its own.
    ///
    /// Unless implemented, a provider that rests is tried by the first request after its rest.
    async fn probe(&self) -> Option<Result<(), Failure>> {
        None
    }
}
