//! Circuit breakers: a call that succeeds through a closed one, and one that an open one turns away.

use std::num::NonZeroU16;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use agent_primitives::{FailureKind, ProviderId};
use agent_resilience::{BreakerConfig, BreakerWindow, CircuitBreaker, SlowCalls};
use failsafe::CircuitBreaker as _;
use failsafe::backoff::Constant;
use failsafe::failure_policy::{ConsecutiveFailures, consecutive_failures};
use recloser::Recloser;
use tower::{Service, ServiceExt};
use tower_resilience::circuitbreaker::{CircuitBreakerError, CircuitBreakerLayer};

use super::executor::{Ending, Executor};
use super::operation::{Refused, answer, answer_async, refuse, repeat};
use crate::harness::{Broken, Case, Group, Kind, Plan, ready, version_of};

/// Longer than any run, so that an open breaker stays open.
const AN_HOUR: Duration = Duration::from_secs(3600);

pub(super) fn plans() -> Vec<Plan> {
    vec![
        Plan::new("breaker, closed", |name| Ok(Group::new(name, closed()?))),
        Plan::new("breaker, closed", |name| {
            Ok(Group::new(name, closed()?).threads(2))
        }),
        Plan::new("breaker, open", |name| Ok(Group::new(name, open()?))),
        Plan::new("breaker, open", |name| {
            Ok(Group::new(name, open()?).threads(2))
        }),
    ]
}

fn closed() -> Result<Vec<Case>, Broken> {
    Ok(vec![
        Case::looped(Kind::Floor, "the bare call", "", |calls| {
            repeat(calls, answer);
        }),
        load_and_add(),
        ours_closed(
            "consecutive failures",
            BreakerConfig {
                failure_rate: None,
                ..BreakerConfig::default()
            },
        )?,
        ours_closed(
            "failure rate over 60 s, bounded probes",
            BreakerConfig::default(),
        )?,
        ours_closed(
            "failure rate over the last 100 calls",
            BreakerConfig {
                window: BreakerWindow::Calls(NonZeroU16::MIN.saturating_add(99)),
                ..BreakerConfig::default()
            },
        )?,
        ours_closed(
            "failure and slow-call rate over 60 s",
            BreakerConfig {
                slow_calls: Some(SlowCalls::default()),
                ..BreakerConfig::default()
            },
        )?,
        recloser_closed(),
        failsafe("failsafe, consecutive", failsafe_consecutive(5)),
        failsafe("failsafe, default policy", failsafe::Config::new().build()),
        tower_closed()?,
    ])
}

fn open() -> Result<Vec<Case>, Broken> {
    Ok(vec![
        ours_open()?,
        recloser_open()?,
        failsafe("failsafe, consecutive", failsafe_opened()?),
        tower_open()?,
    ])
}

/// The least that counting calls takes: the state read, one counter written.
fn load_and_add() -> Case {
    let (state, count) = (AtomicU64::new(0), AtomicU64::new(0));
    Case::looped(Kind::Floor, "one load and one add", "", move |calls| {
        repeat(calls, |number| {
            if state.load(Ordering::Acquire) == 0 {
                let answered = answer(number);
                count.fetch_add(1, Ordering::Relaxed);
                answered
            } else {
                Err(Refused)
            }
        });
    })
}

pub(super) fn ours(config: BreakerConfig) -> Result<CircuitBreaker, Broken> {
    let name = ProviderId::new("bench").map_err(Broken::when("name the provider"))?;
    Ok(CircuitBreaker::new(name, config))
}

fn ours_closed(name: &str, config: BreakerConfig) -> Result<Case, Broken> {
    let breaker = ours(config)?;
    Ok(Case::looped(
        Kind::Ours,
        name,
        version_of("agent-resilience"),
        move |calls| {
            repeat(calls, |number| {
                let permit = breaker.admit().map_err(|_| Refused)?;
                let answered = answer(number);
                match answered {
                    Ok(_) => permit.success(),
                    Err(_) => permit.failure(FailureKind::Overloaded),
                }
                answered
            });
        },
    ))
}

/// Ours after a failure that opened it.
pub(super) fn ours_opened() -> Result<CircuitBreaker, Broken> {
    let breaker = ours(BreakerConfig {
        consecutive_failures: Some(NonZeroU16::MIN),
        open_for: AN_HOUR,
        ..BreakerConfig::default()
    })?;
    if let Ok(permit) = breaker.admit() {
        permit.failure(FailureKind::Overloaded);
    }
    turned_away("agent-resilience", breaker.admit().is_err())?;
    Ok(breaker)
}

fn ours_open() -> Result<Case, Broken> {
    let breaker = ours_opened()?;
    Ok(Case::looped(
        Kind::Ours,
        "failure rate over 60 s, bounded probes",
        version_of("agent-resilience"),
        move |calls| repeat(calls, |_| breaker.admit().is_err()),
    ))
}

fn recloser_closed() -> Case {
    let breaker = Recloser::default();
    Case::looped(
        Kind::Peer,
        "recloser",
        version_of("recloser"),
        move |calls| {
            repeat(calls, |number| breaker.call(|| answer(number)).is_ok());
        },
    )
}

/// A recloser after failures that opened it.
pub(super) fn recloser_opened() -> Result<Recloser, Broken> {
    let breaker = Recloser::custom().closed_len(1).open_wait(AN_HOUR).build();
    for _ in 0..3 {
        // The first ones fail, those after them are turned away: both are what is wanted here.
        let _ = breaker.call(refuse);
    }
    let rejected = matches!(breaker.call(refuse), Err(recloser::Error::Rejected));
    turned_away("recloser", rejected)?;
    Ok(breaker)
}

fn recloser_open() -> Result<Case, Broken> {
    let breaker = recloser_opened()?;
    let version = version_of("recloser");
    Ok(Case::looped(
        Kind::Peer,
        "recloser",
        version,
        move |calls| {
            repeat(calls, |number| breaker.call(|| answer(number)).is_err());
        },
    ))
}

fn failsafe<B>(name: &str, breaker: B) -> Case
where
    B: failsafe::CircuitBreaker + Send + Sync + 'static,
{
    Case::looped(Kind::Peer, name, version_of("failsafe"), move |calls| {
        repeat(calls, |number| breaker.call(|| answer(number)).is_ok());
    })
}

pub(super) type Consecutive = failsafe::StateMachine<ConsecutiveFailures<Constant>, ()>;

/// failsafe with the policy that counts failures in a row.
pub(super) fn failsafe_consecutive(failures: u32) -> Consecutive {
    let policy = consecutive_failures(failures, failsafe::backoff::constant(AN_HOUR));
    failsafe::Config::new().failure_policy(policy).build()
}

/// The same after the failure that opened it.
pub(super) fn failsafe_opened() -> Result<Consecutive, Broken> {
    let breaker = failsafe_consecutive(1);
    let _ = breaker.call(refuse);
    turned_away("failsafe", !breaker.is_call_permitted())?;
    Ok(breaker)
}

pub(super) fn tower_closed() -> Result<Case, Broken> {
    let layer = CircuitBreakerLayer::builder()
        .build()
        .map_err(Broken::when("configure tower-resilience"))?;
    let service = layer.layer_fn(tower::service_fn(answer_async));
    let package = "tower-resilience-circuitbreaker";
    Executor::spinning()?.service("tower-resilience", package, Ending::Answered, service)
}

pub(super) fn tower_open() -> Result<Case, Broken> {
    let (layer, handle) = CircuitBreakerLayer::builder()
        .wait_duration_in_open(AN_HOUR)
        .build_with_handle()
        .map_err(Broken::when("configure tower-resilience"))?;
    ready(handle.force_open());
    let service = layer.layer_fn(tower::service_fn(answer_async));
    let mut probe = service.clone();
    let answered = ready(async { probe.ready().await?.call(1).await });
    let rejected = matches!(answered, Err(CircuitBreakerError::OpenCircuit));
    turned_away("tower-resilience", rejected)?;
    let package = "tower-resilience-circuitbreaker";
    Executor::spinning()?.service("tower-resilience", package, Ending::TurnedAway, service)
}

fn turned_away(peer: &str, rejected: bool) -> Result<(), Broken> {
    if rejected {
        Ok(())
    } else {
        Err(Broken::new(
            format!("open the breaker of {peer}"),
            "it still lets calls through",
        ))
    }
}
