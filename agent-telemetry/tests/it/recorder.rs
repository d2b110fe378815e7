//! The recorder: bounds, order, flushes, failing sinks, handles that are dropped.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use agent_primitives::{
    Attempt, Clock, Handoff, HandoffReason, ManualClock, Observer, SessionId, Stamp, Timestamp,
};
use agent_telemetry::{
    Body, FlushError, MemorySink, Metric, Outcome, Record, SessionEnd, SessionStart, Sink,
    SinkError, Telemetry, ToolOutcome,
};

use crate::story::{LONG, agent, provider, recorder, session_id, tool};

fn numbered(number: u32) -> Record {
    Record::new(Timestamp::UNIX_EPOCH, Metric::count("number", number))
}

fn numbers(records: &[Record]) -> Vec<f64> {
    records
        .iter()
        .filter_map(|record| match &record.body {
            Body::Metric(metric) => Some(metric.value()),
            _ => None,
        })
        .collect()
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

struct Gated {
    telemetry: Telemetry,
    entered: mpsc::Receiver<()>,
    leave: mpsc::Sender<()>,
    stored: MemorySink,
}

impl Gated {
    /// Lets two writes pass, and any further one fail.
    fn open(&self) {
        self.leave.send(()).unwrap();
        self.leave.send(()).unwrap();
    }
}

fn gated(queue: usize) -> Gated {
    let (entered, has_entered) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel();
    let stored = MemorySink::new();
    let gate = Gate {
        entered,
        leave: may_leave,
        behind: stored.clone(),
    };
    let telemetry = Telemetry::builder(gate)
        .queue(NonZeroUsize::new(queue).unwrap())
        .window(Duration::ZERO)
        .start()
        .unwrap();
    Gated {
        telemetry,
        entered: has_entered,
        leave,
        stored,
    }
}

#[test]
fn full_queue_drops_what_comes_and_counts_it() {
    let it = gated(4);
    it.telemetry.record(numbered(0));
    it.entered.recv().unwrap();
    // One is in the sink's hands and counts towards the bound.
    for number in 1..7 {
        it.telemetry.record(numbered(number));
    }
    let health = it.telemetry.health();
    assert_eq!((health.accepted, health.waiting), (4, 4));
    assert_eq!((health.dropped.queue_full, health.dropped.total()), (3, 3));
    it.open();
    let flushed = it.telemetry.flush(LONG).unwrap();
    assert_eq!((flushed.stored, flushed.dropped.queue_full), (4, 3));
    assert_eq!(numbers(&it.stored.records()), [0.0, 1.0, 2.0, 3.0]);
}

#[test]
fn flush_waits_for_the_sink_and_says_when_time_is_up() {
    let it = gated(16);
    it.telemetry.record(numbered(0));
    it.entered.recv().unwrap();
    it.telemetry.record(numbered(1));
    let error = it.telemetry.flush(Duration::ZERO).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(error.missing(), 2);
    it.open();
    assert_eq!(it.telemetry.flush(LONG).unwrap().stored, 2);
    assert_eq!(it.stored.records().len(), 2);
}

#[test]
fn group_waits_for_its_window_and_a_flush_does_not() {
    let sink = MemorySink::new();
    let telemetry = recorder(sink.clone(), &ManualClock::default());
    telemetry.record(numbered(0));
    assert_eq!((telemetry.health().waiting, sink.records().len()), (1, 0));
    telemetry.flush(LONG).unwrap();
    assert_eq!((telemetry.health().waiting, sink.records().len()), (0, 1));
}

#[test]
fn window_of_zero_stores_without_being_asked() {
    let it = gated(16);
    it.telemetry.record(numbered(7));
    it.entered.recv().unwrap();
    it.leave.send(()).unwrap();
    assert_eq!(it.telemetry.shutdown(LONG).unwrap().stored, 1);
}

#[test]
fn records_of_many_threads_arrive_whole_and_each_thread_in_order() {
    const EACH: u32 = 20_000;
    let sink = MemorySink::new();
    let telemetry = Telemetry::builder(sink.clone()).start().unwrap();
    std::thread::scope(|scope| {
        for name in ["a", "b"] {
            let telemetry = telemetry.clone();
            scope.spawn(move || {
                let id = session_id(name);
                for number in 0..EACH {
                    telemetry.record(numbered(number).of_session(id.clone()));
                }
            });
        }
    });
    let flushed = telemetry.flush(LONG).unwrap();
    assert_eq!(
        (flushed.stored, flushed.dropped.total()),
        (u64::from(2 * EACH), 0)
    );
    let all = sink.records();
    for name in ["a", "b"] {
        let of_thread =
            |record: &&Record| record.session.as_ref().map(SessionId::as_str) == Some(name);
        let records: Vec<Record> = all.iter().filter(of_thread).cloned().collect();
        let expected: Vec<f64> = (0..EACH).map(f64::from).collect();
        assert_eq!(numbers(&records), expected);
    }
}

#[test]
fn last_handle_to_go_stores_what_is_left() {
    let sink = MemorySink::new();
    let telemetry = recorder(sink.clone(), &ManualClock::default());
    let session = telemetry.session(SessionStart::new(session_id("s"), agent("a")));
    telemetry.record(numbered(1));
    drop(telemetry);
    assert_eq!(sink.records().len(), 0);
    drop(session);
    assert_eq!(sink.records().len(), 3);
}

/// Refuses while told to.
#[derive(Clone, Default)]
struct Moody {
    refuses: Arc<AtomicBool>,
    behind: MemorySink,
}

impl Sink for Moody {
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        if self.refuses.load(Ordering::Relaxed) {
            return Err(SinkError::new("no space"));
        }
        self.behind.write(batch)
    }
}

#[test]
fn sink_that_fails_and_recovers_loses_nothing_within_the_bound() {
    let sink = Moody::default();
    let telemetry = Telemetry::builder(sink.clone())
        .queue(NonZeroUsize::new(8).unwrap())
        .window(LONG)
        .start()
        .unwrap();
    sink.refuses.store(true, Ordering::Relaxed);
    for number in 0..5 {
        telemetry.record(numbered(number));
    }
    let error = telemetry.flush(LONG).unwrap_err();
    assert!(error.is_sink(), "{error}");
    assert_eq!(error.missing(), 5);
    for number in 5..10 {
        telemetry.record(numbered(number));
    }
    let health = telemetry.health();
    let cause = std::error::Error::source(&*health.error.unwrap())
        .unwrap()
        .to_string();
    assert_eq!(
        (cause.as_str(), health.failed_writes > 0),
        ("no space", true)
    );
    assert_eq!((health.waiting, health.dropped.queue_full), (8, 2));

    sink.refuses.store(false, Ordering::Relaxed);
    assert_eq!(telemetry.flush(LONG).unwrap().stored, 8);
    assert!(telemetry.health().error.is_none());
    let expected: Vec<f64> = (0..8).map(f64::from).collect();
    assert_eq!(numbers(&sink.behind.records()), expected);
}

#[test]
fn shutdown_counts_what_the_sink_refused_to_the_end_and_what_came_after() {
    let sink = Moody::default();
    sink.refuses.store(true, Ordering::Relaxed);
    let telemetry = recorder(sink, &ManualClock::default());
    for number in 0..3 {
        telemetry.record(numbered(number));
    }
    let error = telemetry.shutdown(LONG).unwrap_err();
    assert!(error.is_sink(), "{error}");
    telemetry.record(numbered(3));
    let health = telemetry.health();
    assert_eq!(
        (health.dropped.sink_failed, health.dropped.after_shutdown),
        (3, 1)
    );
    assert!(!health.running);
    assert!(telemetry.flush(LONG).unwrap_err().is_stopped());
}

struct Panics;

impl Sink for Panics {
    fn write(&mut self, _: &[Record]) -> Result<(), SinkError> {
        std::panic::panic_any("broken sink");
    }
}

#[test]
fn sink_that_panics_stops_the_writer_and_nobody_waits_for_it() {
    let telemetry = recorder(Panics, &ManualClock::default());
    telemetry.record(numbered(0));
    assert!(telemetry.flush(LONG).unwrap_err().is_stopped());
    telemetry.record(numbered(1));
    let health = telemetry.health();
    assert_eq!((health.running, health.dropped.total()), (false, 2));
}

type FromSink = fn(Telemetry) -> Option<FlushError>;

/// Uses the recorder that it is the sink of.
struct Inward {
    recorder: Arc<Mutex<Option<Telemetry>>>,
    ask: FromSink,
    answers: mpsc::Sender<Option<FlushError>>,
}

impl Sink for Inward {
    fn write(&mut self, _: &[Record]) -> Result<(), SinkError> {
        if let Some(telemetry) = self.recorder.lock().unwrap().take() {
            self.answers.send((self.ask)(telemetry)).unwrap();
        }
        Ok(())
    }
}

#[test]
fn sink_that_waits_for_its_own_recorder_is_told_so_at_once() {
    let asks: [(FromSink, bool); 3] = [
        (|it| it.flush(LONG).err(), true),
        (|it| it.shutdown(LONG).err(), true),
        (
            |it| {
                drop(it);
                None
            },
            false,
        ),
    ];
    for (ask, fails) in asks {
        let slot = Arc::new(Mutex::new(None));
        let (answers, answer) = mpsc::channel();
        let sink = Inward {
            recorder: Arc::clone(&slot),
            ask,
            answers,
        };
        let telemetry = Telemetry::builder(sink)
            .window(Duration::ZERO)
            .start()
            .unwrap();
        *slot.lock().unwrap() = Some(telemetry.clone());
        telemetry.record(numbered(0));
        drop(telemetry);
        let error = answer.recv().unwrap();
        assert_eq!(error.is_some(), fails);
        assert!(error.is_none_or(|error| error.is_within_sink()));
    }
}

#[test]
fn dropped_handles_record_that_they_were_dropped_and_how_long_they_lived() {
    let sink = MemorySink::new();
    let clock = ManualClock::default();
    let telemetry = recorder(sink.clone(), &clock);
    let session = telemetry.session(SessionStart::new(session_id("s"), agent("a")));
    let span = session.tool_call(tool("grep"));
    clock.advance(Duration::from_secs(2));
    drop(session);
    clock.advance(Duration::from_secs(1));
    drop(span);
    telemetry.flush(LONG).unwrap();
    let records = sink.records();
    assert_eq!(
        records[1].body,
        SessionEnd::new(Outcome::Aborted, Duration::from_secs(2)).into()
    );
    assert!(
        matches!(&records[2].body, Body::ToolCall(call)
            if call.outcome == ToolOutcome::Aborted && call.elapsed == Duration::from_secs(3)),
        "{:?}",
        records[2]
    );
    for record in &records {
        assert_eq!(record.session, Some(session_id("s")));
        assert_eq!(record.agent, Some(agent("a")));
    }
    assert_eq!(records[2].at, clock.timestamp());
}

#[test]
fn session_of_a_thread_that_panics_is_aborted() {
    let sink = MemorySink::new();
    let telemetry = recorder(sink.clone(), &ManualClock::default());
    let session = telemetry.session(SessionStart::new(session_id("s"), agent("a")));
    let worker = std::thread::spawn(move || {
        let _session = session;
        std::panic::resume_unwind(Box::new("agent failed"));
    });
    assert!(worker.join().is_err());
    telemetry.flush(LONG).unwrap();
    let end = SessionEnd::new(Outcome::Aborted, Duration::ZERO);
    assert_eq!(sink.records().last().unwrap().body, end.into());
}

#[test]
fn events_become_records_with_the_time_and_session_of_their_stamp() {
    let sink = MemorySink::new();
    let telemetry = recorder(sink.clone(), &ManualClock::default());
    let session = telemetry.session(SessionStart::new(session_id("s"), agent("a")));
    let at = Timestamp::from_unix_seconds(77);
    let attempt = Attempt::new(provider("claude"), 1, Duration::from_millis(5));
    let handoff = Handoff::automatic(provider("claude"), provider("groq"), HandoffReason::Cost);
    session
        .observer()
        .observe(Stamp::at(at), &attempt.clone().into());
    telemetry.observe(Stamp::at(at), &handoff.clone().into());
    telemetry.flush(LONG).unwrap();
    let scoped = Record::new(at, attempt)
        .of_session(session_id("s"))
        .of_agent(agent("a"));
    assert_eq!(sink.records()[1..], [scoped, Record::new(at, handoff)]);
}
