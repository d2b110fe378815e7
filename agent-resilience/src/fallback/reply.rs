//! An answer of a chain.

use std::time::Duration;

use agent_primitives::{Handoff, ProviderId, TokenUsage, Usd};

use crate::route::Decision;

/// An answer, who gave it, and what it took.
///
/// ```
/// # use agent_primitives::{FailureKind, ProviderId};
/// # use agent_resilience::{classify::Verdict, *};
/// # struct Named(ProviderId, Option<FailureKind>);
/// # #[async_trait::async_trait]
/// # impl Provider<str> for Named {
/// #     type Reply = String;
/// #     fn id(&self) -> &ProviderId { &self.0 }
/// #     async fn call(&self, _: &str) -> Result<String, Failure> {
/// #         self.1.map_or(Ok("fine".into()), |kind| Err(Verdict::new(kind).into()))
/// #     }
/// # }
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # let groq = Named(ProviderId::new("groq").unwrap(), None);
/// # runtime.block_on(async {
/// let chain = FallbackChain::builder().provider(groq).build().unwrap();
/// let reply = chain.call("how are you").await.unwrap();
/// assert_eq!((reply.value.as_str(), reply.provider.as_str()), ("fine", "groq"));
/// assert_eq!((reply.attempts, reply.handoffs.len()), (1, 0));
/// # });
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Reply<T> {
    /// The answer.
    pub value: T,
    /// Who gave it.
    pub provider: ProviderId,
    /// Calls made for it, to whomever.
    pub attempts: u32,
    /// How long the call took that was answered, without what failed before it.
    pub latency: Duration,
    /// From the request to the answer, failed calls and pauses included.
    pub elapsed: Duration,
    /// How the work moved on the way, a return to a preferred provider included: the last 128.
    pub handoffs: Vec<Handoff>,
    /// Each choice on the way, and why it was not another one, in the chain's order of
    /// [providers](crate::FallbackChain::providers): the last 128.
    pub decisions: Vec<Decision>,
    /// Handoffs and decisions before those: a request that waits long for a place decides often.
    pub left_out: u32,
    /// Tokens that the answered call took, where its [`metering`](crate::Provider::metering) says so.
    pub usage: Option<TokenUsage>,
    /// What the answered call cost, where it is known.
    pub cost: Option<Usd>,
}
