//! All policies around one call as stacks of tower layers.

use std::time::Duration;

use agent_resilience::{Policy, PolicyLayer};
use tower::limit::rate::Rate;
use tower::limit::{ConcurrencyLimit, RateLimit};
use tower::retry::Retry;
use tower::timeout::Timeout;
use tower::{Layer, Service, ServiceExt};
use tower_resilience::bulkhead::BulkheadLayer;
use tower_resilience::circuitbreaker::CircuitBreakerLayer;
use tower_resilience::ratelimiter::RateLimiterLayer;
use tower_resilience::retry::RetryLayer;
use tower_resilience::timelimiter::TimeLimiterLayer;

use super::executor::{Ending, Executor};
use super::operation::Operation;
use super::retry::Attempts;
use super::together::{AT_ONCE, TIMEOUT};
use crate::harness::{Broken, Case, Kind, version_of};

const PLENTY: usize = 1_000_000_000;
const A_SECOND: Duration = Duration::from_secs(1);

/// Ours as one layer, called as any tower service is.
pub(super) fn layer<O: Operation>(
    policy: Policy,
    operation: O,
    executor: &Executor,
) -> Result<Case, Broken> {
    let service = tower::service_fn(move |number| operation.call(number));
    let service = PolicyLayer::new(policy).layer(service);
    let (name, version) = ("policy as a tower layer", version_of("agent-resilience"));
    executor.case(Kind::Ours, name, version, Ending::Answered, move || {
        let mut service = service.clone();
        async move |number| service.ready().await?.call(number).await
    })
}

/// tower's own layers and, since it has no breaker, that of tower-resilience. The rate limit cannot be
/// cloned, so it stands before the retries, and each batch makes a stack of its own.
pub(super) fn tower<O: Operation>(operation: O, executor: &Executor) -> Result<Case, Broken> {
    let breaker = breaker()?;
    let stack = move || {
        let operation = operation.clone();
        let service = tower::service_fn(move |number| operation.call(number));
        let service = breaker.layer_fn(Timeout::new(service, TIMEOUT));
        let service = Retry::new(Attempts(2), ConcurrencyLimit::new(service, AT_ONCE));
        let mut service = RateLimit::new(service, Rate::new(u64::from(u32::MAX), A_SECOND));
        async move |number| service.ready().await?.call(number).await
    };
    let version = ["tower", "tower-resilience-circuitbreaker"].map(version_of);
    let name = "tower, breaker of tower-resilience";
    executor.case(Kind::Peer, name, version.join("+"), Ending::Answered, stack)
}

pub(super) fn tower_resilience<O: Operation>(
    operation: O,
    executor: &Executor,
) -> Result<Case, Broken> {
    let doing = "configure tower-resilience";
    let bulkhead = BulkheadLayer::builder()
        .max_concurrent_calls(AT_ONCE)
        .build()
        .map_err(Broken::when(doing))?;
    let limit = RateLimiterLayer::builder()
        .limit_for_period(PLENTY)
        .refresh_period(A_SECOND)
        .timeout_duration(Duration::ZERO)
        .build()
        .map_err(Broken::when(doing))?;
    let timeout = TimeLimiterLayer::builder()
        .timeout_duration(TIMEOUT)
        .build();
    let retry = RetryLayer::builder()
        .max_attempts(3)
        .exponential_backoff(Duration::from_millis(100))
        .build();
    let service = tower::service_fn(move |number| operation.call(number));
    let service = breaker()?.layer_fn(timeout.layer(service));
    let service = retry.layer(limit.layer(bulkhead.layer(service)));
    executor.service(
        "tower-resilience",
        "tower-resilience",
        Ending::Answered,
        service,
    )
}

fn breaker() -> Result<CircuitBreakerLayer, Broken> {
    CircuitBreakerLayer::builder()
        .build()
        .map_err(Broken::when("configure tower-resilience"))
}
