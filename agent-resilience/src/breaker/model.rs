//! The machine under every order in which threads can meet, by the model checker.
//!
//! Not part of the usual tests:
//!
//! ```text
//! RUSTFLAGS="--cfg agent_model" cargo test --release -p agent-resilience --lib breaker::model
//! ```

use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use agent_primitives::{BreakerState, Monotonic};
use loom::sync::Arc;
use loom::thread;

use super::config::{BreakerConfig, BreakerWindow, Percent, SlowCalls};
use super::machine::{Machine, Ticket};

const OPEN_FOR: u64 = 10;
const HALF_OPEN_FOR: u64 = 100;
const SLOW_AFTER: u64 = 5;

fn at(nanos: u64) -> Monotonic {
    Monotonic::from_nanos(nanos)
}

fn in_row(failures: u16, probes: u16) -> BreakerConfig {
    BreakerConfig {
        consecutive_failures: NonZeroU16::new(failures),
        failure_rate: None,
        probes: NonZeroU16::new(probes).unwrap(),
        open_for: Duration::from_nanos(OPEN_FOR),
        half_open_for: Duration::from_nanos(HALF_OPEN_FOR),
        ..BreakerConfig::default()
    }
}

/// Opens when half of at least three calls failed or were slow.
fn rates(window: BreakerWindow) -> BreakerConfig {
    let half = Percent::new(50).unwrap();
    BreakerConfig {
        consecutive_failures: None,
        failure_rate: Some(half),
        slow_calls: Some(SlowCalls {
            after: Duration::from_nanos(SLOW_AFTER),
            percent: half,
        }),
        minimum_calls: NonZeroU32::new(3).unwrap(),
        window,
        ..in_row(1, 1)
    }
}

/// Checks `story` under every order of its threads with up to four preemptions.
fn check(story: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(4);
    model.check(story);
}

fn machine(config: &BreakerConfig) -> Arc<Machine> {
    Arc::new(Machine::new(*config, at(0)))
}

/// Open since 0.
fn opened(probes: u16) -> Arc<Machine> {
    let machine = machine(&in_row(1, probes));
    let ticket = admit(&machine, 0).unwrap();
    assert!(machine.failure(ticket, 1, at(0)).is_some());
    machine
}

fn admit(machine: &Machine, nanos: u64) -> Option<Ticket> {
    machine.admit(at(nanos)).ok().map(|(ticket, _)| ticket)
}

fn fail(machine: &Machine, ticket: Ticket, nanos: u64) -> usize {
    machine.failure(ticket, 1, at(nanos)).into_iter().count()
}

fn succeed(machine: &Machine, ticket: Ticket, nanos: u64) {
    machine.success(ticket, || at(nanos));
}

fn state(machine: &Machine, nanos: u64) -> BreakerState {
    machine.state(at(nanos)).state
}

#[test]
fn half_open_admits_exactly_its_probes() {
    for probes in [1, 2] {
        check(move || {
            let machine = opened(probes);
            let ask = |machine: Arc<Machine>| {
                thread::spawn(move || usize::from(admit(&machine, OPEN_FOR).is_some()))
            };
            let others = [ask(machine.clone()), ask(machine.clone())];
            let own = usize::from(admit(&machine, OPEN_FOR).is_some());
            let admitted = others.into_iter().map(|t| t.join().unwrap()).sum::<usize>() + own;
            assert_eq!(admitted, usize::from(probes));
        });
    }
}

#[test]
fn a_probe_given_back_is_neither_lost_nor_doubled() {
    check(|| {
        let machine = opened(1);
        let first = admit(&machine, OPEN_FOR).unwrap();
        let other = {
            let machine = machine.clone();
            thread::spawn(move || admit(&machine, OPEN_FOR))
        };
        machine.give_back(first);
        let second = other.join().unwrap();
        let third = admit(&machine, OPEN_FOR);
        assert_eq!(third.is_some(), second.is_none(), "one probe, always");
        succeed(&machine, second.or(third).unwrap(), OPEN_FOR);
        assert_eq!(state(&machine, OPEN_FOR), BreakerState::Closed);
    });
}

#[test]
fn two_probes_that_end_in_different_ways_leave_nothing_stuck() {
    for given_back in [false, true] {
        check(move || {
            let machine = opened(2);
            let first = admit(&machine, OPEN_FOR).unwrap();
            let second = admit(&machine, OPEN_FOR).unwrap();
            let other = {
                let machine = machine.clone();
                thread::spawn(move || {
                    if given_back {
                        machine.give_back(first);
                    } else {
                        fail(&machine, first, OPEN_FOR);
                    }
                })
            };
            succeed(&machine, second, OPEN_FOR);
            other.join().unwrap();
            if given_back {
                let third = admit(&machine, OPEN_FOR).unwrap();
                assert!(admit(&machine, OPEN_FOR).is_none());
                succeed(&machine, third, OPEN_FOR);
                assert_eq!(state(&machine, OPEN_FOR), BreakerState::Closed);
            } else {
                assert_eq!(state(&machine, OPEN_FOR), BreakerState::Open);
                assert!(admit(&machine, 2 * OPEN_FOR).is_some());
            }
        });
    }
}

#[test]
fn a_probe_that_expires_while_it_reports_is_counted_once_or_never() {
    for success in [true, false] {
        check(move || {
            let machine = opened(1);
            let late = admit(&machine, OPEN_FOR).unwrap();
            let expired = OPEN_FOR + HALF_OPEN_FOR;
            let other = {
                let machine = machine.clone();
                thread::spawn(move || {
                    if success {
                        succeed(&machine, late, expired);
                        0
                    } else {
                        fail(&machine, late, expired)
                    }
                })
            };
            let fresh = admit(&machine, expired);
            let opened = other.join().unwrap();
            if let Some(fresh) = fresh {
                assert_eq!(opened, 0, "a late failure has no vote");
                succeed(&machine, fresh, expired);
                assert_eq!(state(&machine, expired), BreakerState::Closed);
            } else {
                assert_eq!((success, opened), (false, 1));
                assert_eq!(state(&machine, expired), BreakerState::Open);
                assert!(admit(&machine, expired + OPEN_FOR).is_some());
            }
        });
    }
}

#[test]
fn a_result_from_before_the_opening_is_ignored() {
    check(|| {
        let machine = machine(&in_row(1, 1));
        let early = admit(&machine, 0).unwrap();
        let failing = admit(&machine, 0).unwrap();
        let other = {
            let machine = machine.clone();
            thread::spawn(move || succeed(&machine, early, OPEN_FOR))
        };
        assert_eq!(fail(&machine, failing, 0), 1);
        let probe = admit(&machine, OPEN_FOR);
        other.join().unwrap();
        assert!(probe.is_some());
        assert_eq!(state(&machine, OPEN_FOR), BreakerState::HalfOpen);
        assert!(admit(&machine, OPEN_FOR).is_none());
    });
}

#[test]
fn failures_in_a_row_open_exactly_once() {
    check(|| {
        let machine = machine(&in_row(2, 1));
        let tickets = [0; 3].map(|now| admit(&machine, now).unwrap());
        let [first, second, third] = tickets;
        let report = |ticket| {
            let machine = machine.clone();
            thread::spawn(move || fail(&machine, ticket, 0))
        };
        let others = [report(first), report(second)];
        let own = fail(&machine, third, 0);
        let changes = others.into_iter().map(|t| t.join().unwrap()).sum::<usize>() + own;
        assert_eq!(changes, 1);
        assert_eq!(state(&machine, 0), BreakerState::Open);
    });
}

fn windows() -> [BreakerWindow; 2] {
    let calls = NonZeroU16::new(4).unwrap();
    [
        BreakerWindow::Time(Duration::from_secs(1)),
        BreakerWindow::Calls(calls),
    ]
}

/// A success, then two threads that do `bad` at the same time: two of three open it, one of two does not.
fn two_of_three(config: BreakerConfig, bad: fn(&Machine, Ticket) -> usize) {
    check(move || {
        let machine = machine(&config);
        let ticket = admit(&machine, 0).unwrap();
        succeed(&machine, ticket, 0);
        let other = {
            let machine = machine.clone();
            thread::spawn(move || bad(&machine, ticket))
        };
        let own = bad(&machine, ticket);
        assert_eq!(other.join().unwrap() + own, 1, "opened once");
        assert_eq!(state(&machine, SLOW_AFTER), BreakerState::Open);
    });
}

#[test]
fn no_failure_is_overlooked_by_the_rate() {
    for window in windows() {
        two_of_three(rates(window), |machine, ticket| fail(machine, ticket, 0));
    }
}

#[test]
fn no_slow_call_is_overlooked_by_the_rate() {
    for window in windows() {
        two_of_three(rates(window), |machine, ticket| {
            let change = machine.success(ticket, || at(SLOW_AFTER));
            change.into_iter().count()
        });
    }
}

#[test]
fn a_thread_that_was_stopped_cannot_make_a_later_state_look_old() {
    check(|| {
        let machine = machine(&in_row(1, 1));
        let stopped = admit(&machine, 0).unwrap();
        let failing = admit(&machine, 0).unwrap();
        let other = {
            let machine = machine.clone();
            thread::spawn(move || fail(&machine, stopped, 0))
        };
        fail(&machine, failing, 0);
        // Opened by either, half opened, and opened again.
        let probe = admit(&machine, OPEN_FOR).unwrap();
        assert_eq!(fail(&machine, probe, OPEN_FOR), 1);
        other.join().unwrap();
        assert!(admit(&machine, 2 * OPEN_FOR - 1).is_none());
        assert!(admit(&machine, 2 * OPEN_FOR).is_some());
    });
}

#[test]
fn a_breaker_closed_by_hand_beside_a_failing_probe_is_never_stuck() {
    check(|| {
        let machine = opened(1);
        let probe = admit(&machine, OPEN_FOR).unwrap();
        let other = {
            let machine = machine.clone();
            thread::spawn(move || fail(&machine, probe, OPEN_FOR))
        };
        machine.force(BreakerState::Closed, at(OPEN_FOR));
        other.join().unwrap();
        assert_eq!(state(&machine, OPEN_FOR), BreakerState::Closed);
        assert!(admit(&machine, OPEN_FOR).is_some());
    });
}
