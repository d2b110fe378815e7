//! Watching a recorder: what a reader sees, misses and is told.

mod bounds;
mod race;
mod totals;
mod waiting;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{ManualClock, Timestamp};
use agent_telemetry::{
    Body, Live, LiveConfig, LiveItem, MemorySink, Metric, Outcome, ProjectId, Record, RecordKind,
    SessionStart, Telemetry, ToolOutcome,
};

use crate::story::{LONG, agent, recorder, session_id, tool};

fn numbered(number: u32) -> Record {
    Record::new(Timestamp::UNIX_EPOCH, Metric::count("number", number))
}

fn number(record: &Record) -> Option<u32> {
    let Body::Metric(metric) = &record.body else {
        return None;
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "as it was made of an u32"
    )]
    Some(metric.value() as u32)
}

fn at_most(records: usize) -> LiveConfig {
    let capacity = NonZeroUsize::new(records).unwrap();
    LiveConfig::new().without_totals().capacity(capacity)
}

fn next_record(live: &mut Live) -> Arc<Record> {
    match live.recv(LONG) {
        Ok(LiveItem::Record(record)) => record,
        other => panic!("no record: {other:?}"),
    }
}

#[test]
fn a_reader_has_records_before_the_sink_and_the_sink_has_them_once_and_in_order() {
    let sink = MemorySink::new();
    // A window of a minute: without a flush nothing is stored.
    let telemetry = recorder(sink.clone(), &ManualClock::default());
    let mut live = telemetry.subscribe(at_most(100)).unwrap();
    for number in 0..10 {
        telemetry.record(numbered(number));
        assert_eq!(*next_record(&mut live), numbered(number));
    }
    let health = telemetry.health();
    assert_eq!((health.waiting, health.stored), (10, 0));
    assert!(sink.records().is_empty());
    telemetry.record(numbered(10));
    assert_eq!(telemetry.flush(LONG).unwrap().stored, 11);
    let stored: Vec<_> = sink.records().iter().filter_map(number).collect();
    assert_eq!(stored, (0..11).collect::<Vec<_>>());
    assert_eq!(*next_record(&mut live), numbered(10));
    assert!(live.try_recv().unwrap_err().is_empty());
}

#[test]
fn a_reader_sees_what_is_recorded_after_it_subscribed_and_nothing_else() {
    let sink = MemorySink::new();
    let telemetry = recorder(sink.clone(), &ManualClock::default());
    telemetry.record(numbered(0));
    let mut live = telemetry.subscribe(at_most(10)).unwrap();
    telemetry.record(numbered(1));
    assert_eq!(*next_record(&mut live), numbered(1));
    telemetry.flush(LONG).unwrap();
    assert_eq!(sink.records(), [numbered(0), numbered(1)]);
}

#[test]
fn readers_share_one_copy_of_a_record() {
    let telemetry = recorder(MemorySink::new(), &ManualClock::default());
    let mut first = telemetry.subscribe(at_most(10)).unwrap();
    let mut second = telemetry.subscribe(at_most(10)).unwrap();
    telemetry.record(numbered(1));
    assert!(Arc::ptr_eq(
        &next_record(&mut first),
        &next_record(&mut second)
    ));
}

#[test]
fn a_reader_sees_what_the_sink_gets_priced_and_masked() {
    let sink = MemorySink::new();
    let telemetry = recorder(sink.clone(), &ManualClock::default());
    let live = telemetry
        .subscribe(LiveConfig::new().without_totals())
        .unwrap();
    let start = SessionStart::new(session_id("s"), agent("a")).description("ask ada@example.com");
    let session = telemetry.session(start);
    let grep = session.tool(tool("grep"));
    grep.record(ToolOutcome::Ok, Duration::from_millis(3));
    session.end(Outcome::Success);
    drop(grep);
    // Its number stands for another context now.
    let other = telemetry.session(SessionStart::new(session_id("t"), agent("b")));
    let edit = other.tool(tool("edit"));
    edit.record(ToolOutcome::Failed, Duration::ZERO);
    other.end(Outcome::Failed);
    telemetry.shutdown(LONG).unwrap();
    let seen: Vec<Record> = live
        .map(|item| match item {
            LiveItem::Record(record) => (*record).clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(seen, sink.records());
    let Body::SessionStart(task) = &seen[0].body else {
        panic!("{:?}", seen[0]);
    };
    assert_eq!(task.description.as_deref(), Some("ask [email]"));
}

#[test]
fn a_filter_lets_through_what_all_of_it_allows() {
    let telemetry = recorder(MemorySink::new(), &ManualClock::default());
    let shop = ProjectId::new("shop").unwrap();
    let config = || LiveConfig::new().without_totals();
    let readers = [
        config().kinds([RecordKind::SessionEnd]),
        config().project(shop.clone()),
        config().agent(agent("b")),
        config().session(session_id("s2")),
        config()
            .session(session_id("s2"))
            .kinds([RecordKind::ToolCall]),
        config().kinds([]),
    ]
    .map(|config| telemetry.subscribe(config).unwrap());
    for (session, name, project) in [("s1", "a", Some(&shop)), ("s2", "b", None)] {
        let mut start = SessionStart::new(session_id(session), agent(name));
        start.project = project.cloned();
        telemetry.session(start).end(Outcome::Success);
    }
    telemetry.shutdown(LONG).unwrap();
    let seen = readers.map(|live| {
        live.map(|item| match item {
            LiveItem::Record(it) => format!("{} {}", it.session.as_ref().unwrap(), it.kind()),
            other => panic!("{other:?}"),
        })
        .collect::<Vec<_>>()
    });
    let (s1, s2) = (
        ["s1 session_start", "s1 session_end"],
        ["s2 session_start", "s2 session_end"],
    );
    assert_eq!(seen[0], ["s1 session_end", "s2 session_end"]);
    assert_eq!(seen[1], s1);
    assert_eq!(
        (&seen[2][..], &seen[3][..]),
        (&s2.map(str::to_owned)[..], &s2.map(str::to_owned)[..])
    );
    assert!(seen[4].is_empty() && seen[5].is_empty());
}

#[test]
fn a_reader_that_outlives_the_recorder_gets_the_rest_and_then_the_end() {
    let sink = MemorySink::new();
    let telemetry = recorder(sink.clone(), &ManualClock::default());
    let mut live = telemetry.subscribe(at_most(10)).unwrap();
    telemetry.record(numbered(0));
    telemetry.record(numbered(1));
    drop(telemetry);
    assert_eq!(sink.records().len(), 2);
    assert_eq!(*next_record(&mut live), numbered(0));
    assert_eq!(*next_record(&mut live), numbered(1));
    assert!(live.recv(LONG).unwrap_err().is_ended());
    assert!(live.try_recv().unwrap_err().is_ended());
    assert!(live.next().is_none());
}

#[test]
fn a_recorder_that_has_stopped_gives_a_reader_that_is_at_its_end() {
    let telemetry = recorder(MemorySink::new(), &ManualClock::default());
    telemetry.shutdown(LONG).unwrap();
    let mut live = telemetry.subscribe(LiveConfig::new()).unwrap();
    assert!(live.recv(LONG).unwrap_err().is_ended());
    assert_eq!(telemetry.health().live.subscribers, 0);
}

#[test]
fn a_sink_that_refuses_keeps_no_record_from_a_reader() {
    struct Refuses;
    impl agent_telemetry::Sink for Refuses {
        fn write(&mut self, _: &[Record]) -> Result<(), agent_telemetry::SinkError> {
            Err(agent_telemetry::SinkError::new("no space left"))
        }
    }
    let telemetry = Telemetry::builder(Refuses)
        .window(Duration::ZERO)
        .start()
        .unwrap();
    let mut live = telemetry.subscribe(at_most(10)).unwrap();
    for number in 0..5 {
        telemetry.record(numbered(number));
        assert_eq!(*next_record(&mut live), numbered(number));
    }
    let error = telemetry.shutdown(LONG).unwrap_err();
    assert!(error.is_sink());
    assert_eq!(telemetry.dropped().sink_failed, 5);
    assert!(live.recv(LONG).unwrap_err().is_ended());
}
