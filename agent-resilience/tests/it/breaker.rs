//! The circuit breaker against its arithmetic, against a model, and under threads.

use std::num::{NonZeroU16, NonZeroU32};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_primitives::{
    BreakerState, Event, FailureKind, ManualClock, Observer, ProviderId, Stamp,
};
use agent_resilience::{BreakerConfig, BreakerWindow, CircuitBreaker, Percent};

fn name() -> ProviderId {
    ProviderId::new("claude").expect("a valid name")
}

fn breaker(config: BreakerConfig) -> (CircuitBreaker, ManualClock) {
    let clock = ManualClock::default();
    let breaker = CircuitBreaker::new(name(), config).clock(clock.clone());
    (breaker, clock)
}

fn in_row(failures: u16, probes: u16) -> BreakerConfig {
    BreakerConfig {
        consecutive_failures: NonZeroU16::new(failures),
        failure_rate: None,
        open_for: Duration::from_secs(10),
        probes: NonZeroU16::new(probes).expect("at least one probe"),
        half_open_for: Duration::from_secs(60),
        ..BreakerConfig::default()
    }
}

fn rate(percent: u8, minimum_calls: u32, seconds: u64) -> BreakerConfig {
    BreakerConfig {
        consecutive_failures: None,
        failure_rate: Percent::new(percent),
        minimum_calls: NonZeroU32::new(minimum_calls).expect("not zero"),
        window: BreakerWindow::Time(Duration::from_secs(seconds)),
        ..in_row(1, 1)
    }
}

fn fail(breaker: &CircuitBreaker) {
    breaker
        .admit()
        .expect("admitted")
        .failure(FailureKind::Server);
}

fn succeed(breaker: &CircuitBreaker) {
    breaker.admit().expect("admitted").success();
}

#[test]
fn opens_after_exactly_the_configured_failures_in_a_row() {
    let (breaker, _) = breaker(in_row(3, 1));
    fail(&breaker);
    fail(&breaker);
    succeed(&breaker);
    fail(&breaker);
    fail(&breaker);
    assert_eq!(breaker.state(), BreakerState::Closed);
    fail(&breaker);
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn open_breaker_rejects_until_cooldown() {
    let (breaker, clock) = breaker(in_row(1, 1));
    fail(&breaker);
    let refused = breaker.admit().unwrap_err();
    assert_eq!(refused.retry_in, Some(Duration::from_secs(10)));
    clock.advance(Duration::from_nanos(9_999_999_999));
    assert_eq!(
        breaker.admit().unwrap_err().retry_in,
        Some(Duration::from_nanos(1))
    );
    clock.advance(Duration::from_nanos(1));
    assert!(breaker.admit().is_ok());
}

#[test]
fn a_day_of_success_does_not_delay_opening() {
    let (breaker, clock) = breaker(rate(50, 20, 16));
    for _ in 0..100_000 {
        succeed(&breaker);
        clock.advance(Duration::from_millis(864));
    }
    // 18 or 19 successes lie in the window of 16 s at one each 864 ms: half of the calls have failed
    // after as many failures.
    let mut failures = 0;
    while breaker.state() == BreakerState::Closed {
        fail(&breaker);
        failures += 1;
    }
    assert!((17..=20).contains(&failures), "{failures}");
}

#[test]
fn a_rate_needs_its_minimum_of_calls() {
    let (breaker, _) = breaker(rate(50, 20, 60));
    for _ in 0..19 {
        fail(&breaker);
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
    fail(&breaker);
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn half_open_admits_exactly_its_probes_and_closes_when_all_succeed() {
    let (breaker, clock) = breaker(in_row(1, 3));
    fail(&breaker);
    clock.advance(Duration::from_secs(10));
    let probes: Vec<_> = (0..3).map(|_| breaker.admit().expect("a probe")).collect();
    let refused = breaker.admit().unwrap_err();
    assert_eq!(refused.state, BreakerState::HalfOpen);
    for (done, probe) in probes.into_iter().enumerate() {
        assert_eq!(breaker.state(), BreakerState::HalfOpen, "{done} succeeded");
        probe.success();
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn one_failed_probe_opens_again_and_the_others_results_are_ignored() {
    let (breaker, clock) = breaker(in_row(1, 2));
    fail(&breaker);
    clock.advance(Duration::from_secs(10));
    let late = breaker.admit().expect("a probe");
    fail(&breaker);
    assert_eq!(breaker.state(), BreakerState::Open);
    late.success();
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn a_result_from_before_the_opening_is_ignored() {
    let (breaker, clock) = breaker(in_row(1, 1));
    let early = breaker.admit().expect("closed");
    fail(&breaker);
    clock.advance(Duration::from_secs(10));
    let probe = breaker.admit().expect("a probe");
    early.success();
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    probe.success();
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn a_dropped_probe_is_given_back() {
    let (breaker, clock) = breaker(in_row(1, 1));
    fail(&breaker);
    clock.advance(Duration::from_secs(10));
    drop(breaker.admit().expect("a probe"));
    succeed(&breaker);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn a_probe_lost_in_a_panic_is_given_back() {
    let (breaker, clock) = breaker(in_row(1, 1));
    fail(&breaker);
    clock.advance(Duration::from_secs(10));
    let other = breaker.clone();
    let panicked = std::thread::spawn(move || {
        let _probe = other.admit().expect("a probe");
        std::panic::resume_unwind(Box::new("the call panics"));
    })
    .join();
    assert!(panicked.is_err());
    assert!(breaker.admit().is_ok());
}

#[test]
fn probes_that_never_report_cannot_keep_it_half_open() {
    let (breaker, clock) = breaker(in_row(1, 1));
    fail(&breaker);
    clock.advance(Duration::from_secs(10));
    let stuck = breaker.admit().expect("a probe");
    clock.advance(Duration::from_secs(59));
    assert_eq!(
        breaker.admit().unwrap_err().retry_in,
        Some(Duration::from_secs(1))
    );
    clock.advance(Duration::from_secs(1));
    let fresh = breaker.admit().expect("a new probe");
    stuck.failure(FailureKind::Server);
    assert_eq!(
        breaker.state(),
        BreakerState::HalfOpen,
        "the old probe has no vote"
    );
    fresh.success();
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn only_failures_of_the_service_count() {
    for kind in FailureKind::ALL {
        let (breaker, _) = breaker(in_row(1, 1));
        breaker.admit().expect("closed").failure(*kind);
        let expected = match kind {
            FailureKind::Overloaded
            | FailureKind::Server
            | FailureKind::Timeout
            | FailureKind::Network
            | FailureKind::StreamCut
            | FailureKind::Unknown => BreakerState::Open,
            _ => BreakerState::Closed,
        };
        assert_eq!(breaker.state(), expected, "{kind}");
    }
}

#[test]
fn isolation_holds_until_released() {
    let (breaker, clock) = breaker(in_row(1, 1));
    breaker.isolate();
    clock.advance(Duration::from_secs(1_000_000));
    breaker.half_open();
    let refused = breaker.admit().unwrap_err();
    assert_eq!(
        (refused.state, refused.retry_in),
        (BreakerState::Isolated, None)
    );
    breaker.close();
    assert!(breaker.admit().is_ok());
}

#[test]
fn closing_a_closed_breaker_forgets_what_it_counted() {
    let (breaker, _) = breaker(in_row(3, 1));
    fail(&breaker);
    fail(&breaker);
    breaker.close();
    fail(&breaker);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn while_the_probes_are_under_way_it_says_when_to_come_back() {
    let (breaker, clock) = breaker(in_row(1, 1));
    fail(&breaker);
    clock.advance(Duration::from_secs(10));
    let _probe = breaker.admit().expect("a probe");
    clock.advance(Duration::from_secs(20));
    assert_eq!(breaker.retry_in(), Some(Duration::from_secs(40)));
}

#[test]
fn a_passed_health_check_ends_the_open_state_early() {
    let (breaker, _) = breaker(in_row(1, 1));
    breaker.half_open();
    assert_eq!(breaker.state(), BreakerState::Closed, "nothing to end");
    fail(&breaker);
    breaker.half_open();
    succeed(&breaker);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn each_change_is_told_once() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&heard);
    let observer: Arc<dyn Observer> = Arc::new(move |_: Stamp<'_>, event: &Event| {
        if let Event::Breaker(change) = event {
            sink.lock().unwrap().push((change.from, change.to));
        }
    });
    let (breaker, clock) = breaker(in_row(1, 1));
    let breaker = breaker.observer(observer);
    fail(&breaker);
    clock.advance(Duration::from_secs(10));
    fail(&breaker);
    clock.advance(Duration::from_secs(10));
    succeed(&breaker);
    let (closed, open, half) = (
        BreakerState::Closed,
        BreakerState::Open,
        BreakerState::HalfOpen,
    );
    assert_eq!(
        *heard.lock().unwrap(),
        [
            (closed, open),
            (open, half),
            (half, open),
            (open, half),
            (half, closed)
        ]
    );
}

#[test]
fn threads_get_exactly_the_probes_and_open_exactly_once() {
    const THREADS: usize = 8;
    let opened = Arc::new(AtomicU32::new(0));
    for round in 0..200 {
        let clock = ManualClock::default();
        let count = Arc::clone(&opened);
        let breaker = CircuitBreaker::new(name(), in_row(4, 3))
            .clock(clock.clone())
            .observer(move |_: Stamp<'_>, event: &Event| {
                if let Event::Breaker(change) = event
                    && change.to == BreakerState::Open
                {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        let gate = std::sync::Barrier::new(THREADS);
        let admitted = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    gate.wait();
                    if let Ok(permit) = breaker.admit() {
                        permit.failure(FailureKind::Server);
                    }
                    if gate.wait().is_leader() {
                        clock.advance(Duration::from_secs(10));
                    }
                    gate.wait();
                    let permit = breaker.admit().ok();
                    admitted.fetch_add(u32::from(permit.is_some()), Ordering::Relaxed);
                    gate.wait();
                    drop(permit);
                });
            }
        });
        assert_eq!(admitted.load(Ordering::Relaxed), 3, "round {round}");
        assert_eq!(opened.load(Ordering::Relaxed), round + 1);
    }
}
