//! A service under a policy, and the future of its calls.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_service::Service;

use super::Reading;
use super::attempt::{Attempts, given_up};
use crate::policy::PolicyError;
use crate::retry::{FailedTry, GiveUp, RetryError};

/// A service under a [`Policy`](crate::Policy), made by a [`PolicyLayer`](crate::PolicyLayer).
///
/// # Errors
/// A [`PolicyError`] with the inner service's error. When the inner service fails to become ready, so does
/// this one, with the error of a run that made no attempt.
///
/// ```
/// use agent_resilience::classify::Verdict;
/// use agent_resilience::{Policy, PolicyLayer, PolicyService};
/// use tower::{Service, ServiceExt};
/// use tower::util::service_fn;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
/// # runtime.block_on(async {
/// let inner = service_fn(|number: u32| async move { Ok::<_, Verdict>(number + 1) });
/// let mut service = PolicyService::around(inner, PolicyLayer::new(Policy::default()));
/// assert_eq!(service.ready().await.unwrap().call(6).await.unwrap(), 7);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct PolicyService<S, Req, Res, E> {
    inner: S,
    reading: Arc<Reading<Req, Res, E>>,
}

impl<S, Req, Res, E> PolicyService<S, Req, Res, E> {
    pub(super) fn new(inner: S, reading: Arc<Reading<Req, Res, E>>) -> Self {
        Self { inner, reading }
    }

    /// The same as the layer's `layer`, for hosts that do not name tower's traits.
    pub fn around(inner: S, layer: super::PolicyLayer<Req, Res, E>) -> Self {
        Self::new(inner, Arc::new(layer.reading))
    }
}

impl<S: Clone, Req, Res, E> Clone for PolicyService<S, Req, Res, E> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), Arc::clone(&self.reading))
    }
}

impl<S: fmt::Debug, Req, Res, E> fmt::Debug for PolicyService<S, Req, Res, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyService")
            .field("inner", &self.inner)
            .field("policy", &self.reading.policy)
            .finish_non_exhaustive()
    }
}

impl<S, Req, Res, E> Service<Req> for PolicyService<S, Req, Res, E>
where
    S: Service<Req, Response = Res, Error = E> + Clone + Send + 'static,
    S::Future: Send,
    Req: Send + 'static,
    Res: Send + 'static,
    E: Send + 'static,
{
    type Response = Res;
    type Error = PolicyError<E>;
    type Future = PolicyFuture<Res, E>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(|error| {
            PolicyError::Failed(RetryError {
                attempts: 0,
                reason: GiveUp::NotRetryable,
                last: FailedTry::Error(error),
            })
        })
    }

    fn call(&mut self, request: Req) -> Self::Future {
        // The one that is ready makes the call; the clone has to become ready first.
        let unready = self.inner.clone();
        let ready = mem::replace(&mut self.inner, unready);
        let reading = Arc::clone(&self.reading);
        PolicyFuture {
            call: Box::pin(async move { made(&reading, ready, request).await }),
        }
    }
}

async fn made<S, Req, Res, E>(
    reading: &Reading<Req, Res, E>,
    ready: S,
    request: Req,
) -> Result<Res, PolicyError<E>>
where
    S: Service<Req, Response = Res, Error = E> + Clone,
{
    let cost = reading.cost_of(&request);
    let mut attempts = Attempts::new(reading, ready, request);
    let is_only_one = attempts.is_only_one();
    let run = reading.policy.run(cost, |_| attempts.next());
    let run = run.settle(|answer| reading.usage_of(answer));
    match if is_only_one { run.once() } else { run }.await {
        Ok(answer) => {
            reading.observe(&answer);
            Ok(answer)
        }
        Err(error) => given_up(error),
    }
}

/// The future of a call of a [`PolicyService`]: `Send`, with one allocation. Nothing happens before it is
/// first polled.
///
/// # Cancel safety
/// Dropping it drops the running attempt, ends the pause or leaves the queue, and gives back every permit,
/// slot, reservation and retry, and what the inner service took when it became ready.
///
/// ```
/// use agent_resilience::classify::Verdict;
/// use agent_resilience::{Policy, PolicyFuture, PolicyLayer, PolicyService};
/// use tower::{Service, util::service_fn};
///
/// let inner = service_fn(|number: u32| async move { Ok::<_, Verdict>(number + 1) });
/// let mut service = PolicyService::around(inner, PolicyLayer::new(Policy::default()));
/// let future: PolicyFuture<u32, Verdict> = service.call(6);
/// drop(future); // nothing was called
/// ```
pub struct PolicyFuture<Res, E> {
    call: Pin<Box<dyn Future<Output = Result<Res, PolicyError<E>>> + Send>>,
}

impl<Res, E> Future for PolicyFuture<Res, E> {
    type Output = Result<Res, PolicyError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.call.as_mut().poll(cx)
    }
}

impl<Res, E> fmt::Debug for PolicyFuture<Res, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyFuture").finish_non_exhaustive()
    }
}
