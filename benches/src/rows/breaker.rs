//! Circuit breakers: a call that succeeds through a closed one, and one that an open one turns away.

use std::num::NonZeroU16;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use agent_primitives::{FailureKind, ProviderId};
use agent_resilience::{BreakerConfig, BreakerWindow, CircuitBreaker, SlowCalls};
use failsafe::CircuitBreaker as _;
use failsafe::failure_policy::consecutive_failures;
use recloser::Recloser;
use tokio::runtime::Runtime;
use tower::{Service, ServiceExt};
use tower_resilience::circuitbreaker::{CircuitBreakerError, CircuitBreakerLayer};

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
        failsafe(
            "failsafe, consecutive",
            failsafe::Config::new()
                .failure_policy(consecutive_failures(
                    5,
                    failsafe::backoff::constant(AN_HOUR),
                ))
                .build(),
        ),
        failsafe("failsafe, default policy", failsafe::Config::new().build()),
        tower_closed()?,
    ])
}

fn open() -> Result<Vec<Case>, Broken> {
    Ok(vec![
        ours_open()?,
        recloser_open()?,
        failsafe_open()?,
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

fn ours(config: BreakerConfig) -> Result<CircuitBreaker, Broken> {
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

fn ours_open() -> Result<Case, Broken> {
    let breaker = ours(BreakerConfig {
        consecutive_failures: Some(NonZeroU16::MIN),
        open_for: AN_HOUR,
        ..BreakerConfig::default()
    })?;
    if let Ok(permit) = breaker.admit() {
        permit.failure(FailureKind::Overloaded);
    }
    turned_away("agent-resilience", breaker.admit().is_err())?;
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

fn recloser_open() -> Result<Case, Broken> {
    let breaker = Recloser::custom().closed_len(1).open_wait(AN_HOUR).build();
    for _ in 0..3 {
        // The first ones fail, those after them are turned away: both are what is wanted here.
        let _ = breaker.call(refuse);
    }
    let rejected = matches!(breaker.call(refuse), Err(recloser::Error::Rejected));
    turned_away("recloser", rejected)?;
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

fn failsafe_open() -> Result<Case, Broken> {
    let policy = consecutive_failures(1, failsafe::backoff::constant(AN_HOUR));
    let breaker = failsafe::Config::new().failure_policy(policy).build();
    let _ = breaker.call(refuse);
    turned_away("failsafe", !breaker.is_call_permitted())?;
    Ok(failsafe("failsafe, consecutive", breaker))
}

fn tower_closed() -> Result<Case, Broken> {
    let layer = CircuitBreakerLayer::builder()
        .build()
        .map_err(Broken::when("configure tower-resilience"))?;
    let service = layer.layer_fn(tower::service_fn(answer_async));
    Ok(tower_case(service, timers()?))
}

fn tower_open() -> Result<Case, Broken> {
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
    Ok(tower_case(service, timers()?))
}

fn timers() -> Result<Runtime, Broken> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .map_err(Broken::when("start a runtime"))
}

/// Handles of one circuit are shared by cloning the service, as its documentation has it.
fn tower_case<S>(service: S, timers: Runtime) -> Case
where
    S: Service<u32, Response = u32> + Clone + Send + Sync + 'static,
{
    let version = version_of("tower-resilience-circuitbreaker");
    Case::looped(Kind::Peer, "tower-resilience", version, move |calls| {
        // Where two threads meet while it is open, one waits on tokio's timer.
        let _context = timers.enter();
        let mut service = service.clone();
        repeat(calls, |number| {
            ready(async { service.ready().await?.call(number).await }).is_ok()
        });
    })
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
