//! A whole policy as one tower layer.

mod attempt;
mod service;

use std::fmt;
use std::sync::Arc;

use agent_primitives::{Timestamp, TokenUsage};
use tower_layer::Layer;

use crate::classify::{Classify, LimitSnapshot, Verdict};
use crate::limit::Cost;
use crate::policy::Policy;

pub use service::{PolicyFuture, PolicyService};

/// Puts a [`Policy`] around a tower service: deadline, retries and their budget, rate limit, concurrency,
/// circuit breaker and attempt timeout, in the policy's order. It takes the place of a stack of layers.
///
/// The service that it makes answers as the one inside it does, or fails with a
/// [`PolicyError`](crate::PolicyError) that holds the inner error. An answer that is judged a failure
/// ([`PolicyLayer::answers`]) is decided upon as one; when it is given up it is handed on as it came, body
/// and all, since it is what the service answered.
///
/// | what | unless set |
/// |---|---|
/// | how a request is repeated | [`PolicyLayer::new`]: it is cloned |
/// | what an error means | [`PolicyLayer::new`]: what its [`Classify`] says |
/// | what a request costs | [`Cost::REQUEST`] |
/// | which answers are failures | none |
/// | what an answer took, and what it says of limits | not known |
///
/// All services made by one layer, and their clones, share the stages of its policy.
///
/// # Readiness
/// `poll_ready` asks the service inside, and the one that was found ready makes the first attempt. Further
/// attempts are made by clones of it, each of which is waited for until it is ready, within the attempt's
/// timeout. What a service inside takes when it becomes ready, such as a place in
/// `tower::limit::ConcurrencyLimit`, is held while a call waits for the policy's rate limit: leave limits to
/// the policy. An open breaker is no reason not to be ready: the call is made, and refused at once.
///
/// # Cost
/// One allocation a call, for the future, which owns what it needs.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use agent_primitives::FailureKind;
/// use agent_resilience::classify::{LimitedResource, Verdict};
/// use agent_resilience::{Cost, Policy, PolicyError, PolicyLayer};
/// use agent_resilience::{RateLimit, RateLimitConfig, RateWindow};
/// use tower::{Service, ServiceBuilder, ServiceExt};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread()
/// #     .enable_time().start_paused(true).build()?;
/// # runtime.block_on(async {
/// let tokens = RateWindow::per_minute(LimitedResource::Tokens, 1_000);
/// let limit = RateLimit::new(&RateLimitConfig::default().window(tokens))?;
/// let layer = PolicyLayer::new(Policy::default().rate_limit(limit))
///     .cost(|prompt: &String| Cost::REQUEST.input(prompt.len() as u64))
///     .answers(|answer: &String| answer.is_empty().then(|| Verdict::new(FailureKind::Server)));
///
/// let asked = Arc::new(AtomicU32::new(0));
/// let mut service = ServiceBuilder::new().layer(layer).service_fn(move |prompt: String| {
///     let is_first = asked.fetch_add(1, Ordering::Relaxed) == 0;
///     async move { Ok::<_, Verdict>(if is_first { String::new() } else { prompt + "!" }) }
/// });
/// assert_eq!(service.ready().await?.call("again".to_owned()).await?, "again!");
///
/// let error = service.ready().await?.call("x".repeat(2_000)).await.unwrap_err();
/// assert!(matches!(error, PolicyError::Refused { attempts: 0, .. }), "it never fits");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct PolicyLayer<Req, Res, E> {
    reading: Reading<Req, Res, E>,
}

type Of<T, Out> = Arc<dyn Fn(&T) -> Out + Send + Sync>;
type LimitsOf<Res> = Arc<dyn Fn(&Res, Timestamp) -> LimitSnapshot + Send + Sync>;

/// A policy, and how requests and answers are read for it.
struct Reading<Req, Res, E> {
    policy: Policy,
    replay: Of<Req, Option<Req>>,
    error: Of<E, Verdict>,
    cost: Option<Of<Req, Cost>>,
    answer: Option<Of<Res, Option<Verdict>>>,
    usage: Option<Of<Res, Option<TokenUsage>>>,
    limits: Option<LimitsOf<Res>>,
}

impl<Req, Res, E> PolicyLayer<Req, Res, E> {
    /// `policy` around services whose requests can be cloned and whose errors say what they mean.
    ///
    /// A clone is made for each attempt, so requests should be cheap to clone, as bodies of `Bytes` are.
    pub fn new(policy: Policy) -> Self
    where
        Req: Clone,
        E: Classify,
    {
        Self::with(
            policy,
            |request| Some(Req::clone(request)),
            |error: &E| error.verdict(),
        )
    }

    /// `policy` around services whose requests are repeated by `replay` and whose errors mean what `verdict`
    /// says, for types of other crates.
    ///
    /// A request of which `replay` makes no copy is sent once; a failure that would have been followed by
    /// another attempt is then given up for [`NotReplayable`](crate::GiveUp::NotReplayable). It is asked
    /// before each attempt.
    ///
    /// ```
    /// use std::io;
    /// use agent_resilience::{GiveUp, Policy, PolicyError, PolicyLayer};
    /// use agent_resilience::classify;
    /// use tower::{Service, ServiceBuilder, ServiceExt};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    /// # runtime.block_on(async {
    /// /// Bytes, or a stream that can be read once.
    /// enum Body { Bytes(&'static [u8]), Stream(Box<dyn io::Read + Send>) }
    ///
    /// let replay = |body: &Body| match body {
    ///     Body::Bytes(bytes) => Some(Body::Bytes(bytes)),
    ///     Body::Stream(_) => None,
    /// };
    /// let layer = PolicyLayer::with(Policy::default(), replay, |error: &io::Error| classify::transport(error));
    /// let mut service = ServiceBuilder::new().layer(layer).service_fn(|_: Body| async {
    ///     Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionReset))
    /// });
    ///
    /// let stream = Body::Stream(Box::new(io::empty()));
    /// let error = service.ready().await.unwrap().call(stream).await.unwrap_err();
    /// let PolicyError::Failed(error) = error else { unreachable!("no stage refuses") };
    /// assert_eq!((error.attempts, error.reason), (1, GiveUp::NotReplayable));
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn with(
        policy: Policy,
        replay: impl Fn(&Req) -> Option<Req> + Send + Sync + 'static,
        verdict: impl Fn(&E) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        Self {
            reading: Reading {
                policy,
                replay: Arc::new(replay),
                error: Arc::new(verdict),
                cost: None,
                answer: None,
                usage: None,
                limits: None,
            },
        }
    }

    /// What each attempt of a request is expected to take from the rate limit; [`Cost::REQUEST`] unless set.
    #[must_use]
    pub fn cost(mut self, cost: impl Fn(&Req) -> Cost + Send + Sync + 'static) -> Self {
        self.reading.cost = Some(Arc::new(cost));
        self
    }

    /// Which answers are failures, such as an HTTP response whose status is 429; none unless set.
    ///
    /// A status and headers tell less than the body does: many a 429 is a quota that is used up, which its
    /// body alone says. Where bodies can be read, read those of failures inside this layer and make errors of
    /// them. See the example `tower_client`.
    #[must_use]
    pub fn answers(
        mut self,
        judge: impl Fn(&Res) -> Option<Verdict> + Send + Sync + 'static,
    ) -> Self {
        self.reading.answer = Some(Arc::new(judge));
        self
    }

    /// What an answer really took, so that token limits count that instead of the estimate.
    #[must_use]
    pub fn usage(
        mut self,
        usage: impl Fn(&Res) -> Option<TokenUsage> + Send + Sync + 'static,
    ) -> Self {
        self.reading.usage = Some(Arc::new(usage));
        self
    }

    /// What an answer that came at this time says of the provider's limits: for an HTTP response,
    /// [`classify::headers`](crate::classify::headers()) of its headers. The policy's rate limit
    /// [observes](Policy::observe) it.
    #[must_use]
    pub fn limits(
        mut self,
        limits: impl Fn(&Res, Timestamp) -> LimitSnapshot + Send + Sync + 'static,
    ) -> Self {
        self.reading.limits = Some(Arc::new(limits));
        self
    }
}

impl<S, Req, Res, E> Layer<S> for PolicyLayer<Req, Res, E> {
    type Service = PolicyService<S, Req, Res, E>;

    fn layer(&self, inner: S) -> Self::Service {
        PolicyService::new(inner, Arc::new(self.reading.clone()))
    }
}

impl<Req, Res, E> Reading<Req, Res, E> {
    fn cost_of(&self, request: &Req) -> Cost {
        self.cost
            .as_ref()
            .map_or(Cost::REQUEST, |cost| cost(request))
    }

    fn usage_of(&self, answer: &Res) -> Option<TokenUsage> {
        self.usage.as_ref().and_then(|usage| usage(answer))
    }

    fn verdict_on(&self, answer: &Res) -> Option<Verdict> {
        self.answer.as_ref().and_then(|judge| judge(answer))
    }

    fn observe(&self, answer: &Res) {
        if let Some(limits) = &self.limits {
            let now = self.policy.timestamp();
            self.policy.observe(&limits(answer, now));
        }
    }
}

impl<Req, Res, E> Clone for Reading<Req, Res, E> {
    fn clone(&self) -> Self {
        Self {
            policy: self.policy.clone(),
            replay: Arc::clone(&self.replay),
            error: Arc::clone(&self.error),
            cost: self.cost.clone(),
            answer: self.answer.clone(),
            usage: self.usage.clone(),
            limits: self.limits.clone(),
        }
    }
}

impl<Req, Res, E> Clone for PolicyLayer<Req, Res, E> {
    fn clone(&self) -> Self {
        Self {
            reading: self.reading.clone(),
        }
    }
}

impl<Req, Res, E> fmt::Debug for PolicyLayer<Req, Res, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyLayer")
            .field("policy", &self.reading.policy)
            .finish_non_exhaustive()
    }
}
