//! A circuit breaker under extreme settings, late results and long silences.

use std::num::{NonZeroU16, NonZeroU32};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use agent_primitives::{BreakerState, Clock, Event, FailureKind, ManualClock, ProviderId, Stamp};
use agent_resilience::{BreakerConfig, BreakerWindow, CircuitBreaker, SlowCalls};

const SECOND: Duration = Duration::from_secs(1);

fn breaker(config: BreakerConfig) -> (CircuitBreaker, ManualClock) {
    let clock = ManualClock::default();
    let name = ProviderId::new("claude").expect("valid");
    let breaker = CircuitBreaker::new(name, config).clock(clock.clone());
    (breaker, clock)
}

fn by_rate(window: Duration) -> BreakerConfig {
    BreakerConfig {
        consecutive_failures: None,
        window: BreakerWindow::Time(window),
        ..BreakerConfig::default()
    }
}

fn fails(breaker: &CircuitBreaker) {
    let permit = breaker.admit().expect("admitted");
    permit.failure(FailureKind::Server);
}

#[test]
fn a_window_counts_after_any_silence() {
    // Half of the times that a slice can tell apart, and more: 1 s is fifteen slices.
    for days in [1, 6, 7, 9, 12, 13, 14, 25, 400] {
        let (breaker, clock) = breaker(by_rate(SECOND));
        for _ in 0..30 {
            breaker.admit().expect("closed").success();
            clock.advance(SECOND / 15);
        }
        clock.advance(days * 86_400 * SECOND);
        // Three windows for counts from before the silence to be out of the way.
        clock.advance(3 * SECOND);
        for _ in 0..20 {
            if breaker.state() == BreakerState::Closed {
                fails(&breaker);
            }
        }
        assert_eq!(breaker.state(), BreakerState::Open, "after {days} days");
    }
}

#[test]
fn a_probe_admitted_late_is_still_the_only_one() {
    let (breaker, clock) = breaker(BreakerConfig::default());
    breaker.open();
    breaker.half_open();
    // Nobody calls for longer than a probe may take.
    clock.advance(61 * SECOND);
    let probe = breaker.admit().expect("a free probe");
    let second = breaker.admit();
    assert!(second.is_err(), "one probe at a time: {second:?}");
    clock.advance(SECOND);
    probe.success();
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn a_probe_admitted_after_one_was_given_back_has_its_full_time() {
    let (breaker, clock) = breaker(BreakerConfig::default());
    breaker.open();
    clock.advance(30 * SECOND);
    let cancelled = breaker.admit().expect("a probe");
    clock.advance(599 * SECOND);
    drop(cancelled);
    let probe = breaker.admit().expect("given back");
    clock.advance(599 * SECOND);
    assert_eq!(
        breaker.admit().expect_err("under way").retry_in,
        Some(SECOND)
    );
    probe.success();
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn probes_that_are_never_reported_do_not_keep_it_half_open() {
    let (breaker, clock) = breaker(BreakerConfig {
        probes: NonZeroU16::new(3).expect("not zero"),
        ..BreakerConfig::default()
    });
    breaker.open();
    clock.advance(30 * SECOND);
    for round in 0..5 {
        for _ in 0..3 {
            let _lost = std::mem::ManuallyDrop::new(breaker.admit().expect("a probe"));
            clock.advance(20 * SECOND);
        }
        let refused = breaker.admit().expect_err("all are out");
        clock.advance(refused.retry_in.expect("known"));
        assert!(breaker.would_admit(), "round {round}");
    }
}

#[test]
fn results_of_an_older_generation_change_nothing() {
    let (breaker, clock) = breaker(BreakerConfig::default());
    let old: Vec<_> = (0..9).map(|_| breaker.admit().expect("closed")).collect();
    breaker.open();
    clock.advance(30 * SECOND);
    let probe = breaker.admit().expect("a probe");
    for (number, late) in old.into_iter().enumerate() {
        match number % 3 {
            0 => late.success(),
            1 => late.failure(FailureKind::Server),
            _ => drop(late),
        }
    }
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    assert!(breaker.admit().is_err(), "the probe is still out");
    probe.success();
    let snapshot = breaker.snapshot();
    assert_eq!(
        (snapshot.calls, snapshot.failed, snapshot.in_a_row),
        (0, 0, 0)
    );
}

#[test]
fn an_observer_that_panics_leaks_no_probe() {
    let (breaker, clock) = breaker(BreakerConfig::default());
    breaker.open();
    clock.advance(30 * SECOND);
    let loud = breaker
        .clone()
        .observer(|_: Stamp<'_>, _: &Event| panic!("an observer's bug"));
    let told = catch_unwind(AssertUnwindSafe(|| drop(loud.admit())));
    assert!(told.is_err());
    let probe = breaker.admit().expect("the probe came back");
    assert!(breaker.admit().is_err());
    probe.success();
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn extreme_settings_neither_panic_nor_overflow() {
    let spans = [
        Duration::ZERO,
        Duration::from_nanos(1),
        SECOND,
        Duration::MAX,
    ];
    for window in spans.map(BreakerWindow::Time).into_iter().chain(
        [1, u16::MAX].map(|calls| BreakerWindow::Calls(NonZeroU16::new(calls).expect("not zero"))),
    ) {
        for span in spans {
            for minimum_calls in [NonZeroU32::MIN, NonZeroU32::MAX] {
                let (breaker, clock) = breaker(BreakerConfig {
                    window,
                    minimum_calls,
                    open_for: span,
                    half_open_for: span,
                    slow_calls: Some(SlowCalls {
                        after: span,
                        ..SlowCalls::default()
                    }),
                    probes: NonZeroU16::MAX,
                    ..BreakerConfig::default()
                });
                for call in 0..200_u32 {
                    match breaker.admit() {
                        Ok(permit) if call % 3 == 0 => permit.success(),
                        Ok(permit) => permit.failure(FailureKind::Timeout),
                        Err(refused) => assert!(refused.retry_in.is_some(), "{refused}"),
                    }
                    clock.advance(span / 100);
                    let _ = breaker.snapshot().to_string();
                }
            }
        }
    }
}

#[test]
fn a_clock_that_goes_back_delays_and_does_not_admit() {
    let (breaker, clock) = breaker(BreakerConfig::default());
    clock.advance(100 * SECOND);
    breaker.open();
    let earlier = agent_primitives::Monotonic::from_nanos(0);
    let refused = breaker.admit_at(earlier).expect_err("open");
    assert_eq!(refused.retry_in, Some(30 * SECOND));
    clock.advance(30 * SECOND);
    breaker
        .admit_at(clock.monotonic())
        .expect("a probe")
        .success_at(earlier);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn hostile_configurations_are_refused_with_words() {
    for (json, wanted) in [
        (r#"{"probes": 0}"#, "nonzero"),
        (r#"{"failure_rate": 0}"#, "give 1 to 100"),
        (r#"{"failure_rate": 101}"#, "give 1 to 100"),
        (r#"{"window": {"calls": 0}}"#, "nonzero"),
        (r#"{"window": {"minutes": 1}}"#, "minutes"),
        (r#"{"consecutive_failure": 1}"#, "consecutive_failure"),
        (r#"{"weights": {"timeout": 256}}"#, "256"),
        (r#"{"guards": "everything"}"#, "everything"),
        (r#"{"open_for": "a while"}"#, "such as \"30s\""),
        (
            r#"{"open_for": {"secs": 18446744073709551615, "nanos": 1000000000}}"#,
            "fewer nanoseconds than a second has",
        ),
    ] {
        let error = serde_json::from_str::<BreakerConfig>(json)
            .expect_err(json)
            .to_string();
        assert!(error.contains(wanted), "{json}: {error}");
    }
}
