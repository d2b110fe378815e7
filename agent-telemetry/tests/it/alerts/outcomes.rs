//! What a receiver that fails costs the others, and what is offered again after a restart.

use std::sync::Arc;
use std::sync::mpsc::{channel, sync_channel};
use std::time::Duration;

use agent_telemetry::alert::{
    AlertStore as _, Alerting, AlertingBuilder, AlertingHealth, AlertsConfig, MemoryState,
    Notification, Receive, ReceiveError,
};

use super::deliver::{SOON, burst, busy, noon, started};

/// Refuses everything like this.
struct Refuses(Cause);

impl Receive for Refuses {
    fn receive(&mut self, _: &Notification) -> Result<(), ReceiveError> {
        Err((self.0)("as the test wants it"))
    }
}

type Cause = fn(&'static str) -> ReceiveError;
const NEVER: Cause = |cause| ReceiveError::never(cause);
const LATER: Cause = |cause| ReceiveError::later(cause);

/// Tells of two alerts, with a channel that is read beside `others`, and says how many a restart offers again.
fn offered_again(
    others: impl FnOnce(AlertingBuilder) -> AlertingBuilder,
    is_heard: bool,
) -> (AlertingHealth, usize) {
    let (clock, kept) = (noon(), MemoryState::default());
    let (sender, told) = sync_channel(10);
    let mut builder = others(Alerting::builder(busy()).store(kept.clone()));
    if is_heard {
        builder = builder.channel(sender);
    }
    let before = started(builder, &clock);
    before.observe(&[burst(1), burst(2)]);
    assert!(before.flush(SOON));
    let health = before.health();
    drop(before);
    assert_eq!(told.try_iter().count(), if is_heard { 2 } else { 0 });

    let (sender, again) = sync_channel(10);
    let builder = Alerting::builder(busy()).store(kept).channel(sender);
    let after = started(builder, &clock);
    assert!(after.flush(SOON));
    let offered = again.try_iter().count();
    assert_eq!(after.health().offered_again, offered as u64);
    (health, offered)
}

#[test]
fn receiver_that_refuses_for_good_costs_the_others_nothing() {
    let (health, again) = offered_again(|it| it.receiver(Refuses(NEVER)), true);
    assert_eq!((health.delivered, health.refused, again), (2, 2, 0));
    let gone = |it: AlertingBuilder| it.channel(sync_channel(1).0);
    let (health, again) = offered_again(gone, true);
    assert_eq!((health.delivered, health.refused, again), (2, 2, 0));
}

#[test]
fn what_everybody_refused_waits_for_somebody_else() {
    let (health, again) = offered_again(|it| it.receiver(Refuses(NEVER)), false);
    assert_eq!((health.delivered, health.refused, again), (0, 2, 2));
}

#[test]
fn receiver_that_refuses_for_now_is_offered_it_again_after_a_restart() {
    let (health, again) = offered_again(|it| it.receiver(Refuses(LATER)), true);
    assert_eq!((health.delivered, health.refused), (2, 0));
    assert_eq!((health.given_up, again), (2, 2));
}

#[test]
fn outbox_empties_however_long_one_receiver_refuses_for_good() {
    let (clock, mut kept) = (noon(), MemoryState::default());
    let builder = Alerting::builder(busy()).store(kept.clone());
    let heard = Arc::new(std::sync::Mutex::new(0));
    let count = heard.clone();
    let alerting = started(
        builder
            .receiver(Refuses(NEVER))
            .callback(move |_| *count.lock().unwrap() += 1),
        &clock,
    );
    for session in 0..20 {
        alerting.observe(&[burst(session)]);
        assert!(alerting.flush(SOON));
    }
    let counts = alerting.health().counts;
    assert_eq!((*heard.lock().unwrap(), counts.unheard), (20, 0));
    drop(alerting);
    let state = serde_json::to_value(kept.load().unwrap().unwrap()).unwrap();
    assert!(state["outbox"].as_array().unwrap().is_empty());
}

#[test]
fn queue_of_a_receiver_holds_what_a_restart_may_offer() {
    let (clock, kept) = (noon(), MemoryState::default());
    let builder = Alerting::builder(busy()).store(kept.clone());
    let before = started(builder.receiver(Refuses(NEVER)), &clock);
    for session in 0..256 {
        before.observe(&[burst(session)]);
    }
    assert!(before.flush(SOON));
    drop(before);
    let (release, hangs) = channel::<()>();
    let after = Alerting::builder(busy())
        .store(kept)
        .clock(clock)
        .callback(move |_| {
            let _ = hangs.recv();
        })
        .start()
        .unwrap();
    assert!(!after.flush(Duration::from_millis(50)), "it hangs");
    drop(release);
    assert!(after.flush(SOON));
    let health = after.health();
    assert_eq!((health.offered_again, health.delivered), (256, 256));
    assert_eq!(health.dropped, 0);
}

#[test]
fn queue_of_a_receiver_holds_256_beside_the_one_in_its_hands() {
    let (release, hangs) = channel::<()>();
    let alerting = Alerting::builder(busy())
        .config(AlertsConfig { subjects: 400 })
        .clock(noon())
        .callback(move |_| {
            let _ = hangs.recv();
        })
        .start()
        .unwrap();
    let bursts: Vec<_> = (0..300).map(burst).collect();
    alerting.observe(&bursts);
    assert!(!alerting.flush(Duration::from_millis(50)), "it hangs");
    drop(release);
    assert!(alerting.flush(SOON));
    let health = alerting.health();
    assert!((43..=44).contains(&health.dropped), "{health:?}");
    assert_eq!(health.delivered + health.dropped, 300);
}
