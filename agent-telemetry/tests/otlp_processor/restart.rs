//! What is known again after a crash.

use std::time::Duration;

use agent_primitives::{Timestamp, TokenUsage};
use agent_telemetry::otlp::Signal;
use agent_telemetry::{
    Mark, MemorySink, Metric, Record, Sink, SinkError, SqliteSink, Stats, UserKey,
};

use super::host::{Host, PATIENCE, calls, stored, sum};
use super::requests::{CUMULATIVE, Call, DELTA, Tokens, call_events, genai, tokens};

const CALL: Call = Call {
    session: "s1",
    number: 0,
    second: 5,
    input: 100,
    cache_read: 0,
    output: 50,
};

fn output(start: u64, time: u64, value: i64) -> Tokens {
    Tokens {
        session: "s1",
        kind: "output",
        start,
        time,
        value,
    }
}

#[test]
fn cumulative_value_is_compared_with_that_of_the_process_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    for (time, value) in [(60, 10), (120, 25), (180, 25), (240, 70)] {
        let host = Host::in_file(&path);
        host.metrics(&tokens(CUMULATIVE, &[output(0, time, value)]));
        assert!(host.processor.flush(super::host::PATIENCE));
    }
    assert_eq!(sum(&stored(&path)).0, TokenUsage::new(0, 70));
}

#[test]
fn request_that_is_sent_again_after_a_restart_is_known_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    for _ in 0..3 {
        let host = Host::in_file(&path);
        host.logs(&call_events(&[CALL]));
        host.metrics(&tokens(DELTA, &[output(0, 60, 50)]));
        assert!(host.processor.flush(super::host::PATIENCE));
    }
    let records = stored(&path);
    assert_eq!(calls(&records).len(), 1, "{records:?}");
    assert_eq!(sum(&records).0, TokenUsage::new(100, 50));
}

#[test]
fn tool_call_that_a_hook_told_before_a_restart_is_known_again() {
    let store = MemorySink::new();
    for _ in 0..3 {
        let host = Host::on(store.clone(), |it| it);
        let told = br#"{"session_id": "s1", "hook_event_name": "PostToolUse", "tool_name": "Bash",
            "tool_use_id": "toolu_1", "duration_ms": 1200}"#;
        host.processor.hook(told).unwrap();
        assert!(host.processor.flush(PATIENCE));
        assert_eq!(host.processor.figures().marks_refused, 0);
    }
    let stats = Stats::of(store.records());
    assert_eq!((stats.overview.sessions, stats.overview.tool_calls), (1, 1));
}

#[test]
fn answered_when_stored_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    let host = Host::on(SqliteSink::open(&path).unwrap(), |it| {
        it.answer_when_stored(Duration::from_secs(30))
    });
    host.send(Signal::Logs, &call_events(&[CALL])).unwrap();
    // No flush: what was answered is there.
    assert_eq!(calls(&stored(&path)).len(), 1);
}

/// A store that removed its oldest marks.
struct Forgetful {
    store: MemorySink,
    gone: usize,
}

impl Sink for Forgetful {
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        self.store.write(batch)
    }

    fn user_key(&mut self) -> Result<UserKey, SinkError> {
        self.store.user_key()
    }

    fn marks(&mut self) -> Result<Vec<Mark>, SinkError> {
        Ok(self.store.marks()?.split_off(self.gone))
    }
}

fn of(session: &'static str, it: Tokens) -> Tokens {
    Tokens { session, ..it }
}

const HOUR: u64 = 3_600;

/// Two processes of a host, of which the second one does not find the marks that the first one stored first.
fn after_marks_were_removed(in_the_second: &[Tokens]) -> (TokenUsage, u64) {
    let mut store = MemorySink::new();
    let host = Host::on(store.clone(), |it| it);
    host.metrics(&tokens(CUMULATIVE, &[output(0, 60, 100)]));
    assert!(host.processor.flush(PATIENCE));
    let gone = store.marks().unwrap().len();
    host.clock.advance(Duration::from_secs(2 * HOUR));
    host.metrics(&tokens(CUMULATIVE, &[of("s2", output(HOUR, HOUR + 60, 1))]));
    assert!(host.processor.flush(PATIENCE));
    drop(host);

    let sink = Forgetful {
        store: store.clone(),
        gone,
    };
    let host = Host::on(sink, |it| it);
    host.clock.advance(Duration::from_secs(5 * HOUR));
    for point in in_the_second {
        host.metrics(&tokens(CUMULATIVE, std::slice::from_ref(point)));
    }
    assert!(host.processor.flush(PATIENCE));
    let lost = host
        .processor
        .coverage()
        .iter()
        .map(|it| it.points_lost)
        .sum();
    (sum(&store.records()).0, lost)
}

#[test]
fn total_whose_baseline_the_store_removed_is_the_next_baseline_and_is_told_as_lost() {
    let points = [(5 * HOUR, 130), (5 * HOUR + 60, 150)];
    let points = points.map(|(time, value)| output(0, time, value));
    let (usage, lost) = after_marks_were_removed(&points);
    assert_eq!(usage, TokenUsage::new(0, 100 + 1 + 20));
    assert_eq!(lost, 1);
}

#[test]
fn what_began_when_all_marks_are_still_there_is_counted_whole() {
    let (begins, time) = (5 * HOUR, 5 * HOUR + 60);
    let newer = of("s3", output(begins, time, 7));
    // Its baseline was stored later than those that are gone.
    let known = of("s2", output(HOUR, time, 5));
    let (usage, lost) = after_marks_were_removed(&[newer, known]);
    assert_eq!(usage, TokenUsage::new(0, 100 + 5 + 7));
    assert_eq!(lost, 0);
}

#[test]
fn what_began_before_the_host_did_is_counted_whole_when_no_mark_is_gone() {
    let store = MemorySink::new();
    let mut total = 0;
    for (process, session) in ["s1", "s2", "s3"].into_iter().enumerate() {
        let host = Host::on(store.clone(), |it| it);
        host.clock
            .advance(Duration::from_secs(process as u64 * 2 * HOUR));
        host.metrics(&tokens(CUMULATIVE, &[of(session, output(0, 60, 10))]));
        assert!(host.processor.flush(PATIENCE));
        total += 10;
        assert_eq!(sum(&store.records()).0, TokenUsage::new(0, total));
    }
}

#[test]
fn marks_of_the_host_are_none_of_an_earlier_processor() {
    let mut store = MemorySink::new();
    let marks = [(1, b"".as_slice()), (2, b"hello"), (3, b"h"), (4, b"entry")];
    let marks = marks.map(|(key, state)| Mark::new(key, state).unwrap());
    let record = Record::new(Timestamp::UNIX_EPOCH, Metric::count("of_the_host", 1));
    store.write(&[record.with_marks(marks).unwrap()]).unwrap();
    let host = Host::on(store.clone(), |it| it);
    host.metrics(&tokens(CUMULATIVE, &[output(0, 60, 10)]));
    assert!(host.processor.flush(PATIENCE));
    assert_eq!(sum(&store.records()).0, TokenUsage::new(0, 10));
    assert_eq!(host.processor.figures().marks_refused, 3);
}

#[test]
fn instance_that_told_its_sessions_before_a_restart_is_no_session_after_it() {
    let store = MemorySink::new();
    let (_, spans) = genai(1_000, 50);
    let host = Host::on(store.clone(), |it| it);
    host.spans(&spans);
    assert!(host.processor.flush(PATIENCE));
    drop(host);

    let host = Host::on(store.clone(), |it| it);
    let (metrics, _) = genai(1_500, 70);
    host.metrics(&metrics);
    assert!(host.processor.flush(PATIENCE));
    let records = store.records();
    assert_eq!(sum(&records).0, TokenUsage::new(1_500, 70));
    let sessions = records.iter().filter_map(|it| it.session.as_ref());
    for session in sessions {
        assert_eq!(session.as_str(), "conversation-1");
    }
}
