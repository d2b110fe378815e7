//! Retry wrappers around a call that succeeds at once: what they charge when nothing goes wrong.

use std::future;
use std::time::Duration;

use agent_resilience::{Backoff, Retry};
use backoff::ExponentialBackoff;
use backon::{ExponentialBuilder, Retryable};
use tokio_retry2::strategy::ExponentialFactorBackoff;
use tower::retry::Policy;
use tower_resilience::retry::RetryLayer;

use super::executor::{Ending, Executor};
use super::operation::{Refused, answer_async, repeat};
use crate::harness::{Broken, Case, Group, Kind, Plan, ready, version_of};

pub(super) fn plans() -> Vec<Plan> {
    vec![Plan::new("retry, no failure", |name| {
        let executor = Executor::spinning()?;
        Ok(Group::new(
            name,
            vec![
                Case::looped(Kind::Floor, "the bare call", "", |calls| {
                    repeat(calls, |number| ready(answer_async(number)));
                }),
                ours(),
                backon(),
                backoff(),
                tokio_retry(),
                tower_retry(&executor)?,
                tower_resilience(&executor)?,
            ],
        ))
    })]
}

fn ours() -> Case {
    let retry = Retry::new(Backoff::default());
    let version = version_of("agent-resilience");
    Case::looped(Kind::Ours, "retry", version, move |calls| {
        repeat(calls, |number| {
            ready(retry.run(|_| answer_async(number))).is_ok()
        });
    })
}

fn backon() -> Case {
    Case::looped(Kind::Peer, "backon", version_of("backon"), |calls| {
        repeat(calls, |number| {
            let call = || answer_async(number);
            ready(async { call.retry(ExponentialBuilder::default()).await }).is_ok()
        });
    })
}

fn backoff() -> Case {
    Case::looped(Kind::Peer, "backoff", version_of("backoff"), |calls| {
        repeat(calls, |number| {
            let call = || async move {
                let answered = answer_async(number).await;
                answered.map_err(backoff::Error::transient)
            };
            ready(backoff::future::retry(ExponentialBackoff::default(), call)).is_ok()
        });
    })
}

fn tokio_retry() -> Case {
    let version = version_of("tokio-retry2");
    Case::looped(Kind::Peer, "tokio-retry2", version, |calls| {
        repeat(calls, |number| {
            let call = || async move {
                let answered = answer_async(number).await;
                answered.map_err(tokio_retry2::RetryError::transient)
            };
            let delays = ExponentialFactorBackoff::from_millis(100, 2.0).take(3);
            ready(tokio_retry2::Retry::spawn(delays, call)).is_ok()
        });
    })
}

/// Three attempts without a pause, the smallest policy of tower's that retries at all.
#[derive(Clone)]
pub(super) struct Attempts(pub(super) u32);

impl<E> Policy<u32, u32, E> for Attempts {
    type Future = future::Ready<()>;

    fn retry(&mut self, _request: &mut u32, result: &mut Result<u32, E>) -> Option<Self::Future> {
        if result.is_ok() || self.0 == 0 {
            return None;
        }
        self.0 -= 1;
        Some(future::ready(()))
    }

    fn clone_request(&mut self, request: &u32) -> Option<u32> {
        Some(*request)
    }
}

fn tower_retry(executor: &Executor) -> Result<Case, Broken> {
    let service = tower::retry::Retry::new(Attempts(2), tower::service_fn(answer_async));
    executor.service("tower", "tower", Ending::Answered, service)
}

fn tower_resilience(executor: &Executor) -> Result<Case, Broken> {
    let layer = RetryLayer::<u32, u32, Refused>::builder()
        .max_attempts(3)
        .exponential_backoff(Duration::from_millis(100))
        .build();
    let service = tower::Layer::layer(&layer, tower::service_fn(answer_async));
    executor.service(
        "tower-resilience",
        "tower-resilience-retry",
        Ending::Answered,
        service,
    )
}
