//! Panics in what the host has written: receivers, stores, subscribers, clocks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};

use agent_primitives::{Clock, ManualClock, Monotonic, Timestamp};
use agent_telemetry::alert::{AlertState, AlertStore, AlertStoreError, Alerting, MemoryState};

use super::deliver::{SOON, burst, busy, noon, started};

#[test]
fn receiver_that_panics_has_refused_that_one_and_hears_of_the_next() {
    let (clock, kept) = (noon(), MemoryState::default());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (keep, mut tries) = (heard.clone(), 0);
    let (sender, told) = sync_channel(10);
    let builder = Alerting::builder(busy())
        .store(kept.clone())
        .channel(sender);
    let alerting = started(
        builder.callback(move |it| {
            tries += 1;
            assert_ne!(tries, 1, "as the test wants it");
            keep.lock().unwrap().push(it.id.clone());
        }),
        &clock,
    );
    alerting.observe(&[burst(1), burst(2)]);
    assert!(alerting.flush(SOON));
    let health = alerting.health();
    assert_eq!((health.delivered, health.refused), (3, 1));
    assert!(health.running);
    let ids: Vec<_> = told.try_iter().map(|it| it.id).collect();
    assert_eq!(*heard.lock().unwrap(), ids[1..]);
    drop(alerting);
    let after = started(Alerting::builder(busy()).store(kept), &clock);
    assert_eq!(after.health().offered_again, 0);
}

/// Panics at each event.
struct Panics;

impl tracing::Subscriber for Panics {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "agent_telemetry::alert"
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        panic!("as the test wants it");
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn subscriber_that_panics_is_counted_and_others_go_on_hearing() {
    let (clock, (sender, told)) = (noon(), sync_channel(10));
    let alerting = tracing::subscriber::with_default(Panics, || {
        started(Alerting::builder(busy()).tracing().channel(sender), &clock)
    });
    for session in 1..=2 {
        alerting.observe(&[burst(session)]);
        assert!(alerting.flush(SOON));
    }
    assert_eq!(told.try_iter().count(), 2);
    let health = alerting.health();
    assert_eq!((health.delivered, health.refused), (2, 2));
    assert!(health.running);
}

impl AlertStore for Panics {
    fn load(&mut self) -> Result<Option<AlertState>, AlertStoreError> {
        Ok(None)
    }

    fn save(&mut self, _: &AlertState) -> Result<(), AlertStoreError> {
        panic!("as the test wants it");
    }
}

#[test]
fn alerts_are_told_although_the_store_panics() {
    let (clock, (sender, told)) = (noon(), sync_channel(10));
    let builder = Alerting::builder(busy()).store(Panics).channel(sender);
    let alerting = started(builder, &clock);
    for session in 1..=2 {
        alerting.observe(&[burst(session)]);
        assert!(alerting.flush(SOON));
    }
    assert_eq!(told.try_iter().count(), 2);
    let health = alerting.health();
    assert!(health.running && health.saved == 0 && health.failed_saves > 1);
    let error = health.error.unwrap();
    let cause = std::error::Error::source(&*error).unwrap();
    assert_eq!(cause.to_string(), "the store panicked");
}

/// Panics on the thread of alerts once it is told to.
struct Faulty(ManualClock, Arc<AtomicBool>);

impl Faulty {
    fn check(&self) {
        let is_there = std::thread::current().name() == Some("agent-alerts");
        assert!(
            !is_there || !self.1.load(Ordering::Relaxed),
            "as the test wants it"
        );
    }
}

impl Clock for Faulty {
    fn monotonic(&self) -> Monotonic {
        self.check();
        self.0.monotonic()
    }

    fn timestamp(&self) -> Timestamp {
        self.check();
        self.0.timestamp()
    }
}

#[test]
fn thread_that_is_gone_is_seen_in_health_and_by_a_flush() {
    let (sender, told) = sync_channel(10);
    let fails = Arc::new(AtomicBool::new(false));
    let alerting = Alerting::builder(busy())
        .clock(Faulty(noon(), fails.clone()))
        .channel(sender)
        .start()
        .unwrap();
    assert!(alerting.flush(SOON) && alerting.health().running);
    fails.store(true, Ordering::Relaxed);
    alerting.observe(&[burst(1)]);
    assert!(!alerting.flush(SOON));
    assert!(!alerting.health().running);
    // It is no more, and neither is its end of the channel.
    assert!(told.try_iter().count() <= 1);
    assert!(told.recv().is_err());
    // What fires can be asked for all the same.
    assert_eq!(alerting.firing().len(), 1);
}
