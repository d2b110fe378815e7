//! What a reader that does not keep up is told, and what it costs others: nothing.

use std::sync::mpsc;

use agent_primitives::ManualClock;
use agent_telemetry::{
    LiveConfig, LiveItem, MemorySink, Record, Redaction, Sink, SinkError, Telemetry,
};

use super::{at_most, next_record, number, numbered};
use crate::story::{LONG, recorder};

#[test]
fn a_reader_without_room_misses_the_oldest_and_is_told_how_many() {
    let telemetry = recorder(MemorySink::new(), &ManualClock::default());
    let mut slow = telemetry.subscribe(at_most(3)).unwrap();
    let mut other = telemetry.subscribe(at_most(100)).unwrap();
    for number in 0..10 {
        telemetry.record(numbered(number));
    }
    telemetry.flush(LONG).unwrap();
    assert_eq!(slow.try_recv().unwrap(), LiveItem::Missed(7));
    for number in 7..10 {
        assert_eq!(*next_record(&mut slow), numbered(number));
    }
    // It goes on where it is.
    telemetry.record(numbered(10));
    assert_eq!(*next_record(&mut slow), numbered(10));
    for number in 0..11 {
        assert_eq!(*next_record(&mut other), numbered(number));
    }
    let live = telemetry.health().live;
    assert_eq!(
        (live.subscribers, live.missed, live.disconnected),
        (2, 7, 0)
    );
    assert_eq!((slow.totals().records, slow.totals().missed), (11, 7));
}

#[test]
fn a_reader_that_stays_away_is_disconnected_counted_and_nobody_else_is() {
    let telemetry = recorder(MemorySink::new(), &ManualClock::default());
    let patience = 4.try_into().unwrap();
    let mut away = telemetry.subscribe(at_most(2).patience(patience)).unwrap();
    let mut other = telemetry.subscribe(at_most(100)).unwrap();
    // Two wait, and four times two may be missed.
    for number in 0..10 {
        telemetry.record(numbered(number));
    }
    telemetry.flush(LONG).unwrap();
    assert_eq!(telemetry.health().live.disconnected, 0);
    telemetry.record(numbered(10));
    telemetry.flush(LONG).unwrap();
    let live = telemetry.health().live;
    assert_eq!(
        (live.subscribers, live.missed, live.disconnected),
        (1, 11, 1)
    );
    telemetry.record(numbered(11));
    telemetry.flush(LONG).unwrap();
    assert_eq!(away.recv(LONG).unwrap(), LiveItem::Missed(11));
    let error = away.recv(LONG).unwrap_err();
    assert!(error.is_disconnected());
    assert_eq!(
        error.to_string(),
        "disconnected, because 11 records were missed; read faster, or subscribe with more capacity"
    );
    assert!(away.next().is_none());
    for number in 0..12 {
        assert_eq!(*next_record(&mut other), numbered(number));
    }
    drop(away);
    assert_eq!(telemetry.health().live.subscribers, 1);
}

#[test]
fn a_reader_that_reads_now_and_then_is_never_disconnected() {
    let telemetry = recorder(MemorySink::new(), &ManualClock::default());
    let mut slow = telemetry
        .subscribe(at_most(1).patience(1.try_into().unwrap()))
        .unwrap();
    for number in 0..10 {
        telemetry.record(numbered(2 * number));
        telemetry.record(numbered(2 * number + 1));
        telemetry.flush(LONG).unwrap();
        assert_eq!(slow.try_recv().unwrap(), LiveItem::Missed(1));
        assert_eq!(*next_record(&mut slow), numbered(2 * number + 1));
    }
    assert_eq!(telemetry.health().live.disconnected, 0);
}

/// Says when a write begins, and ends it when told to.
struct Gate {
    entered: mpsc::Sender<()>,
    leave: mpsc::Receiver<()>,
    behind: MemorySink,
}

impl Sink for Gate {
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        self.entered.send(()).map_err(SinkError::new)?;
        self.leave.recv().map_err(SinkError::new)?;
        self.behind.write(batch)
    }
}

#[test]
fn a_reader_does_not_widen_the_queue_while_the_sink_works() {
    // Large enough for shards to have places of their own.
    const QUEUE: usize = 512;
    let (entered, has_entered) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel();
    let behind = MemorySink::new();
    let gate = Gate {
        entered,
        leave: may_leave,
        behind: behind.clone(),
    };
    let telemetry = Telemetry::builder(gate)
        .queue(QUEUE.try_into().unwrap())
        .window(std::time::Duration::ZERO)
        .start()
        .unwrap();
    let mut live = telemetry.subscribe(at_most(2 * QUEUE)).unwrap();
    telemetry.record(numbered(0));
    next_record(&mut live);
    has_entered.recv().unwrap();
    // The sink holds the first. The reader sees each of the others before the next one comes, so that every one of
    // them is taken ahead of the writer.
    let mut accepted = 1;
    while telemetry.dropped().queue_full == 0 {
        telemetry.record(numbered(accepted));
        if telemetry.dropped().queue_full == 0 {
            assert_eq!(number(&next_record(&mut live)), Some(accepted));
            accepted += 1;
            assert!(accepted <= u32::try_from(QUEUE).unwrap(), "no bound");
        }
    }
    // Most of the places were used by this thread alone.
    assert!(accepted > 420, "{accepted}");
    drop(leave);
    drop(has_entered);
    assert!(telemetry.shutdown(LONG).is_err());
}

#[test]
fn places_come_back_when_records_that_were_seen_are_stored() {
    let sink = MemorySink::new();
    let telemetry = recorder(sink.clone(), &ManualClock::default());
    let mut live = telemetry.subscribe(at_most(10_000)).unwrap();
    // Many times what the queue of 4 096 holds.
    for round in 0..40 {
        for number in 0..1_000 {
            telemetry.record(numbered(1_000 * round + number));
        }
        next_record(&mut live);
        telemetry.flush(LONG).unwrap();
        for _ in 1..1_000 {
            next_record(&mut live);
        }
    }
    assert_eq!(telemetry.dropped().total(), 0);
    let stored: Vec<u32> = sink.records().iter().filter_map(number).collect();
    assert_eq!(stored, (0..40_000).collect::<Vec<_>>());
}

#[test]
fn a_rule_that_panics_ends_the_recorder_and_its_readers() {
    let redaction = Redaction::none().rule(|text| {
        assert_ne!(text, "boom");
        None
    });
    let telemetry = Telemetry::builder(MemorySink::new())
        .redaction(redaction)
        .window(LONG)
        .start()
        .unwrap();
    let mut live = telemetry
        .subscribe(LiveConfig::new().without_totals())
        .unwrap();
    telemetry.record(numbered(0));
    assert_eq!(*next_record(&mut live), numbered(0));
    let boom = agent_telemetry::Violation::new("boom", agent_telemetry::Severity::Info, "boom");
    telemetry.record(Record::new(agent_primitives::Timestamp::UNIX_EPOCH, boom));
    assert!(live.recv(LONG).unwrap_err().is_ended());
    assert!(telemetry.flush(LONG).unwrap_err().is_stopped());
    let health = telemetry.health();
    assert_eq!((health.running, health.dropped.sink_failed), (false, 2));
    assert!(
        telemetry
            .subscribe(LiveConfig::new())
            .unwrap()
            .next()
            .is_none()
    );
}
