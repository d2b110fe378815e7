//! One limit for each key.

use std::num::NonZeroUsize;

use agent_primitives::ManualClock;
use agent_resilience::classify::LimitedResource::Requests;
use agent_resilience::{Cost, KeyedLimit, RateWindow};

use super::{SECOND, config};

fn limits(clock: &ManualClock, capacity: usize) -> KeyedLimit<String> {
    let capacity = NonZeroUsize::new(capacity).expect("not zero");
    let minute = RateWindow::per_minute(Requests, 60);
    KeyedLimit::with_clock(config(&[minute]), capacity, clock.clone()).expect("valid")
}

#[test]
fn ten_thousand_keys_take_the_room_of_a_hundred() {
    let clock = ManualClock::default();
    let limits = limits(&clock, 100);
    for key in 0..10_000 {
        limits.handle(&format!("tenant {key}")).unwrap();
        assert!(limits.len() <= 100);
    }
    assert_eq!((limits.evicted(), limits.refused()), (9_900, 0));
}

#[test]
fn a_key_with_something_used_is_not_forgotten() {
    let clock = ManualClock::default();
    let limits = limits(&clock, 2);
    limits
        .handle("used")
        .unwrap()
        .try_take(Cost::REQUEST)
        .unwrap();
    limits.handle("idle").unwrap();
    limits.handle("new").unwrap();
    assert_eq!(limits.evicted(), 1, "the idle one");
    limits
        .handle("new")
        .unwrap()
        .try_take(Cost::REQUEST)
        .unwrap();
    assert!(limits.handle("one more").is_err());
    assert_eq!(limits.refused(), 1);
    clock.advance(SECOND);
    assert!(
        limits.handle("one more").is_ok(),
        "time has given back what was used"
    );
    assert_eq!(limits.evicted(), 3);
}

#[test]
fn a_key_that_is_held_or_blocked_is_not_forgotten() {
    let clock = ManualClock::default();
    let limits = limits(&clock, 2);
    let held = limits.handle("held").unwrap();
    limits.handle("blocked").unwrap().block_until(super::at(60));
    assert!(limits.handle("one more").is_err());
    let reserved = held.try_acquire_owned_at(Cost::ZERO, super::at(0)).unwrap();
    drop(held);
    assert!(
        limits.handle("one more").is_err(),
        "a reservation holds it as well"
    );
    drop(reserved);
    assert!(limits.handle("one more").is_ok());
}
