//! Alerts beside a recorder: who hears of them, what waits, and what is kept.

use std::fs;
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_primitives::{Clock as _, ManualClock, SessionId};
use agent_telemetry::alert::{
    AlertState, AlertStore, AlertStoreError, Alerting, AlertingBuilder, Condition, DeliveryConfig,
    Dimension, FileState, MemoryState, Notification, Receive, ReceiveError, Rule, Rules, Status,
};
use agent_telemetry::{MemorySink, Record, Telemetry};

use super::{at, rules, seconds, tokens};

pub(super) const SOON: Duration = Duration::from_secs(20);

/// More than 100 tokens a minute, of each session.
pub(super) fn busy() -> Rules {
    let when = Condition::TokensPerMinute {
        above: 100,
        clear: None,
        window: seconds(60),
    };
    rules([Rule::new("busy", when).by([Dimension::Session])])
}

pub(super) fn noon() -> ManualClock {
    ManualClock::starting_at(at(0))
}

/// Fires for a session of its own.
pub(super) fn burst(session: u32) -> Record {
    tokens(0, 200).of_session(SessionId::new(format!("s{session}")).unwrap())
}

pub(super) fn started(builder: AlertingBuilder, clock: &ManualClock) -> Alerting {
    let quick = DeliveryConfig {
        queue: 4,
        first_delay: Duration::from_millis(1),
        ..DeliveryConfig::default()
    };
    builder
        .clock(clock.clone())
        .delivery(quick)
        .start()
        .unwrap()
}

fn heard(told: &Receiver<Notification>) -> Notification {
    told.recv_timeout(SOON).unwrap()
}

#[test]
fn batch_that_crosses_a_limit_is_told_to_every_receiver_at_that_moment() {
    let (clock, called) = (noon(), Arc::new(Mutex::new(Vec::new())));
    let (sender, told) = sync_channel(10);
    let keep = called.clone();
    let alerting = started(
        Alerting::builder(busy())
            .channel(sender)
            .callback(move |it| keep.lock().unwrap().push(it.id.clone())),
        &clock,
    );
    let sink = MemorySink::new();
    let telemetry = Telemetry::builder(alerting.around(sink.clone()))
        .clock(Arc::new(clock.clone()))
        .start()
        .unwrap();
    telemetry.record(burst(1));
    telemetry.flush(SOON).unwrap();
    assert!(alerting.flush(SOON));
    let first = heard(&told);
    assert_eq!(
        (first.status, first.at),
        (Status::Firing, clock.timestamp())
    );
    assert_eq!(*called.lock().unwrap(), std::slice::from_ref(&first.id));
    assert_eq!(sink.records().len(), 1);

    // Time alone ends it; nobody records.
    clock.advance(seconds(61));
    alerting.tick();
    assert!(alerting.flush(SOON));
    assert_eq!(
        (heard(&told).status, alerting.firing().len()),
        (Status::Resolved, 0)
    );
    let health = alerting.health();
    assert_eq!(
        (
            health.told,
            health.delivered,
            health.refused,
            health.dropped
        ),
        (2, 4, 0, 0)
    );
    assert_eq!(health.counts.records, 1);
}

#[test]
fn thread_keeps_time_by_itself() {
    let silent = Condition::Silence {
        after: Duration::from_millis(300),
    };
    let (sender, told) = sync_channel(10);
    let alerting = Alerting::builder(rules([Rule::new("silent", silent)]))
        .channel(sender)
        .start()
        .unwrap();
    let first = heard(&told);
    assert_eq!(
        (first.rule.as_str(), first.status),
        ("silent", Status::Firing)
    );
    drop(alerting);
    assert!(told.recv().is_err(), "the thread has ended");
}

#[test]
fn thread_sees_by_itself_that_the_clock_has_moved_on() {
    // As after a machine has slept: the wait of the thread stood still, and the time did not.
    let clock = noon();
    let hour = Condition::Silence {
        after: seconds(3_600),
    };
    let (sender, told) = sync_channel(10);
    let rules = rules([Rule::new("silent", hour)]);
    let alerting = started(Alerting::builder(rules).channel(sender), &clock);
    assert!(alerting.flush(SOON));
    // It waits by now.
    assert!(told.recv_timeout(Duration::from_millis(100)).is_err());
    clock.advance(seconds(3_600));
    assert_eq!(heard(&told).at, at(3_600));
}

#[test]
fn receiver_that_hangs_holds_up_nobody_and_what_it_misses_is_counted() {
    let clock = noon();
    let (release, hangs) = channel::<()>();
    let (sender, told) = sync_channel(100);
    let alerting = started(
        Alerting::builder(busy())
            .callback(move |_| {
                let _ = hangs.recv();
            })
            .channel(sender),
        &clock,
    );
    let telemetry = Telemetry::builder(alerting.around(MemorySink::new()))
        .clock(Arc::new(clock.clone()))
        .start()
        .unwrap();
    (0..20).for_each(|session| telemetry.record(burst(session)));
    telemetry.flush(SOON).unwrap();
    let others: Vec<_> = (0..20).map(|_| heard(&told).id).collect();
    assert_eq!(others.len(), 20);
    drop(release);
    assert!(alerting.flush(SOON));
    let health = alerting.health();
    // One is in its hands and four wait.
    assert!((15..=16).contains(&health.dropped), "{health:?}");
    assert_eq!(health.delivered + health.dropped, 40);
}

#[test]
fn channel_that_is_full_or_gone_is_counted() {
    let clock = noon();
    let (full, _kept) = sync_channel(1);
    let (gone, _) = sync_channel(1);
    let alerting = started(
        Alerting::builder(busy()).channel(full).channel(gone),
        &clock,
    );
    alerting.observe(&[burst(1), burst(2)]);
    assert!(alerting.flush(SOON));
    let health = alerting.health();
    assert_eq!(
        (health.delivered, health.dropped, health.refused),
        (1, 1, 2)
    );
}

struct Refuses(ReceiveKind, Arc<Mutex<u32>>);

#[derive(Clone, Copy)]
enum ReceiveKind {
    Later,
    Never,
}

impl Receive for Refuses {
    fn receive(&mut self, _: &Notification) -> Result<(), ReceiveError> {
        *self.1.lock().unwrap() += 1;
        Err(match self.0 {
            ReceiveKind::Later => ReceiveError::later("busy"),
            ReceiveKind::Never => ReceiveError::never("gone"),
        })
    }
}

#[test]
fn receiver_that_refuses_is_tried_five_times_or_once() {
    for (kind, expected) in [
        (ReceiveKind::Later, (5, 1, 0)),
        (ReceiveKind::Never, (1, 0, 1)),
    ] {
        let (clock, tries) = (noon(), Arc::default());
        let receiver = Refuses(kind, Arc::clone(&tries));
        let alerting = started(Alerting::builder(busy()).receiver(receiver), &clock);
        alerting.observe(&[burst(1)]);
        assert!(alerting.flush(SOON));
        let health = alerting.health();
        let tries = *tries.lock().unwrap();
        assert_eq!((tries, health.given_up, health.refused), expected);
    }
}

#[test]
fn process_that_dies_before_a_delivery_is_known_offers_it_again_once() {
    let (clock, kept) = (noon(), MemoryState::default());
    let alerting = || {
        let (sender, told) = sync_channel(10);
        (
            Alerting::builder(busy())
                .store(kept.clone())
                .channel(sender),
            told,
        )
    };
    // Nobody hears: the state has been saved, and then the process dies.
    let (release, hangs) = channel::<()>();
    let builder = Alerting::builder(busy()).store(kept.clone());
    let dies = started(
        builder.callback(move |_| {
            let _ = hangs.recv();
        }),
        &clock,
    );
    dies.observe(&[burst(1)]);
    assert!(!dies.flush(Duration::from_millis(50)));
    let saved: AlertState = kept.clone().load().unwrap().unwrap();
    drop((release, dies));
    kept.clone().save(&saved).unwrap();

    let (builder, told) = alerting();
    let second = started(builder, &clock);
    assert!(second.flush(SOON));
    let again = heard(&told);
    assert_eq!(
        (again.status, second.health().offered_again),
        (Status::Firing, 1)
    );
    second.observe(&[burst(1)]);
    assert!(second.flush(SOON));
    assert!(told.try_recv().is_err(), "it fires and was told");
    drop(second);

    let (builder, told) = alerting();
    let third = started(builder, &clock);
    assert!(third.flush(SOON));
    assert!(told.try_recv().is_err());
    assert_eq!((third.health().offered_again, third.firing().len()), (0, 1));
}

#[test]
fn delivery_that_found_no_room_is_offered_again_after_a_restart() {
    let (clock, kept) = (noon(), MemoryState::default());
    let (full, _rest) = sync_channel(1);
    let (sender, told) = sync_channel(10);
    let builder = Alerting::builder(busy())
        .store(kept.clone())
        .channel(full)
        .channel(sender);
    let before = started(builder, &clock);
    before.observe(&[burst(1), burst(2)]);
    assert!(before.flush(SOON));
    let (_, missed) = (heard(&told), heard(&told));
    drop(before);

    let (sender, again) = sync_channel(10);
    let after = started(
        Alerting::builder(busy()).store(kept).channel(sender),
        &clock,
    );
    assert!(after.flush(SOON));
    assert_eq!(heard(&again), missed, "the one that did not fit");
    assert!(again.try_recv().is_err());
}

#[test]
fn receiver_that_panics_is_counted_and_others_go_on_hearing() {
    let (clock, (sender, told)) = (noon(), sync_channel(10));
    let builder = Alerting::builder(busy()).callback(|_| panic!("as the test wants it"));
    let alerting = started(builder.channel(sender), &clock);
    alerting.observe(&[burst(1)]);
    assert!(alerting.flush(SOON));
    alerting.observe(&[burst(2)]);
    assert!(alerting.flush(SOON));
    assert_ne!(heard(&told).id, heard(&told).id);
    let health = alerting.health();
    assert_eq!((health.delivered, health.refused), (2, 2));
}

struct Broken;

impl AlertStore for Broken {
    fn load(&mut self) -> Result<Option<AlertState>, AlertStoreError> {
        Ok(None)
    }

    fn save(&mut self, _: &AlertState) -> Result<(), AlertStoreError> {
        Err(AlertStoreError::new("disk is full"))
    }
}

#[test]
fn alerts_are_told_although_their_state_cannot_be_saved() {
    let (clock, (sender, told)) = (noon(), sync_channel(10));
    let alerting = started(
        Alerting::builder(busy()).store(Broken).channel(sender),
        &clock,
    );
    alerting.observe(&[burst(1)]);
    assert_eq!(heard(&told).rule, "busy");
    assert!(alerting.flush(SOON));
    let health = alerting.health();
    assert!(health.failed_saves > 0 && health.saved == 0 && health.error.is_some());
}

#[test]
fn file_is_for_its_owner_and_for_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alerts.json");
    let open = FileState::open(&path).unwrap();
    assert!(FileState::open(&path).is_err(), "it is in use");
    let clock = noon();
    let alerting = started(Alerting::builder(busy()).store(open), &clock);
    alerting.observe(&[burst(1)]);
    assert!(alerting.flush(SOON));
    drop(alerting);
    #[cfg(unix)]
    for file in fs::read_dir(folder.path()).unwrap() {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let after = started(
        Alerting::builder(busy()).store(FileState::open(&path).unwrap()),
        &clock,
    );
    assert_eq!(after.firing().len(), 1);
}

#[test]
fn damaged_file_is_an_error_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alerts.json");
    for damaged in [
        "",
        "{}",
        r#"{"version":7}"#,
        r#"{"version":1,"rules":[{}]}"#,
    ] {
        fs::write(&path, damaged).unwrap();
        let builder = Alerting::builder(busy()).store(FileState::open(&path).unwrap());
        let error = builder.start().unwrap_err();
        assert!(std::error::Error::source(&error).is_some());
        assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
    }
}

/// Levels and messages of events of alerts.
#[derive(Default, Clone)]
struct Events(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Events {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "agent_telemetry::alert"
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        struct Message(String);
        impl tracing::field::Visit for Message {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        self.0
            .lock()
            .unwrap()
            .push(format!("{} {}", event.metadata().level(), message.0));
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn events_go_to_the_subscriber_of_whoever_started_it() {
    let (clock, events) = (noon(), Events::default());
    let alerting = tracing::subscriber::with_default(events.clone(), || {
        started(Alerting::builder(busy()).tracing(), &clock)
    });
    alerting.observe(&[burst(1)]);
    clock.advance(seconds(60));
    alerting.tick();
    assert!(alerting.flush(SOON));
    assert_eq!(
        *events.0.lock().unwrap(),
        [
            "WARN 200 tokens a minute within 1m (limit 100)",
            "INFO over after 1m: 0 tokens a minute within 1m (limit 100)"
        ]
    );
}
