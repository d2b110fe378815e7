//! What a host, a sink or a clock may do to the processor.

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use agent_primitives::{Event, Stamp, Timestamp, TokenUsage};
use agent_telemetry::otlp::{ClaudeTranscripts, Encoding, Processor, Refused, Signal};
use agent_telemetry::{Metric, Record, Telemetry};

use super::host::{Host, PATIENCE, calls, sum};
use super::requests::{BEGIN, CUMULATIVE, Call, DELTA, Tokens, call_events, tokens};
use super::valve::{Mode, Valve};

const NEVER: Duration = Duration::from_secs(3_600);

fn call(number: u64, input: i64) -> Call {
    Call {
        session: "s1",
        number,
        second: 5,
        input,
        cache_read: 0,
        output: 1,
    }
}

fn output(time: u64, value: i64) -> Tokens {
    Tokens {
        session: "s1",
        kind: "output",
        start: 0,
        time,
        value,
    }
}

#[test]
fn bursts_of_the_host_cost_no_record_that_was_answered_and_leave_their_order() {
    let valve = Valve::default();
    let telemetry = Telemetry::builder(valve.clone())
        .queue(NonZeroUsize::new(64).unwrap())
        .window(Duration::ZERO)
        .start()
        .unwrap();
    let processor = Processor::builder(&telemetry).start().unwrap();
    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !ends.load(Ordering::Relaxed) {
                    telemetry.record(Record::new(Timestamp::UNIX_EPOCH, Metric::count("own", 1)));
                }
            });
        }
        for body in 0..20 {
            let numbers = body * 100..(body + 1) * 100;
            let events = numbers.map(|it| call(it, i64::try_from(it).unwrap()));
            let events: Vec<Call> = events.collect();
            let bytes = call_events(&events);
            let taken = processor.ingest(Signal::Logs, Encoding::Protobuf, &bytes);
            taken.unwrap();
        }
        assert!(processor.flush(PATIENCE));
        ends.store(true, Ordering::Relaxed);
    });
    let records = valve.records();
    let told: Vec<u64> = calls(&records).iter().map(|it| it.usage.input()).collect();
    assert_eq!(told, (0..2_000).collect::<Vec<u64>>());
    let dropped = telemetry.dropped();
    println!("{} of the host's own were dropped", dropped.queue_full);
}

#[test]
fn observer_that_panics_is_counted_and_ends_nothing() {
    let host = Host::with(|it| it.observer(|_: Stamp<'_>, _: &Event| panic!("as it is told")));
    for number in 1..=3 {
        let event = call(number, 100_000 * i64::try_from(number).unwrap());
        host.logs(&call_events(&[event]));
        assert!(host.processor.flush(PATIENCE));
    }
    assert_eq!(host.processor.figures().observer_panics, 3);
    assert_eq!(calls(&host.records()).len(), 3);
}

#[test]
fn what_a_clock_far_ahead_says_happened_now_and_hides_nothing_that_follows() {
    let host = Host::new();
    let year = 365 * 86_400;
    let mut late = call(1, 10);
    late.second = 10 * year;
    let mut soon = call(2, 20);
    soon.second = 3_600 + 3_600;
    host.logs(&call_events(&[late, soon]));
    host.metrics(&tokens(CUMULATIVE, &[output(10 * year, 7)]));
    host.metrics(&tokens(CUMULATIVE, &[output(60, 30)]));
    host.metrics(&tokens(CUMULATIVE, &[output(120, 50)]));
    let records = host.records();
    let seconds: Vec<i64> = records
        .iter()
        .filter(|it| matches!(&it.body, agent_telemetry::Body::ModelCall(it) if it.attempts > 0))
        .map(|it| it.at.unix_nanos() / 1_000_000_000)
        .collect();
    let begin = i64::try_from(BEGIN).unwrap();
    assert_eq!(seconds, [begin + 3_600, begin + 7_200]);
    // 50, of which two calls explain two.
    assert_eq!(sum(&records).0, TokenUsage::new(30, 50));
    assert_eq!(host.processor.figures().points.invalid, 1);
}

#[test]
fn flush_without_an_end_ends_when_all_is_stored() {
    let host = Host::new();
    host.logs(&call_events(&[call(1, 10)]));
    assert!(host.processor.flush(Duration::MAX));
    assert_eq!(calls(&host.records()).len(), 1);
}

#[test]
fn last_handle_that_goes_while_a_window_waits_leaves_nothing_behind() {
    let valve = Valve::default();
    let host = Host::on(valve.clone(), |it| it.window(NEVER).hold(NEVER));
    host.metrics(&tokens(DELTA, &[output(60, 40)]));
    host.logs(&call_events(&[call(1, 10)]));
    assert!(calls(&valve.records()).is_empty());
    drop(host.processor);
    // One token of the call is one of the forty.
    assert_eq!(sum(&valve.records()).0, TokenUsage::new(10, 40));
}

#[test]
fn records_beyond_the_bytes_that_may_wait_put_senders_off() {
    let valve = Valve::new(Mode::Refuses);
    let host = Host::on(valve.clone(), |it| {
        it.hold(Duration::ZERO).waiting_bytes(200_000)
    });
    let mut sent = 0;
    let refused = loop {
        let events: Vec<Call> = (0..10).map(|it| call(10 * sent + it, 1)).collect();
        match host.send(Signal::Logs, &call_events(&events)) {
            Ok(_) => sent += 1,
            Err(refused) => break refused,
        }
        assert!(!host.processor.flush(PATIENCE));
        assert!(sent < 100, "it is never full");
    };
    assert!(matches!(refused, Refused::Busy { .. }), "{refused:?}");
    assert_eq!(host.processor.figures().put_off, 1);
    valve.turn(Mode::Takes);
    assert!(host.processor.flush(PATIENCE));
    let records = valve.records();
    assert_eq!(calls(&records).len() as u64, 10 * sent);
    host.logs(&call_events(&[call(10 * sent, 1)]));
}

#[test]
fn import_into_a_sink_that_refuses_is_done_again_from_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = String::new();
    for number in 0..3_000 {
        let line = format!(
            r#"{{"type":"assistant","sessionId":"s1","timestamp":"2026-11-20T10:00:00.000Z","requestId":"req_{number}","message":{{"id":"msg_{number}","role":"assistant","model":"claude-haiku-4-5","usage":{{"input_tokens":10,"output_tokens":5}},"content":[]}}}}"#
        );
        writeln!(lines, "{line}").unwrap();
    }
    std::fs::write(folder.path().join("s1.jsonl"), lines).unwrap();
    let valve = Valve::new(Mode::Refuses);
    let host = Host::on(valve.clone(), |it| {
        it.hold(Duration::ZERO).waiting_bytes(500_000)
    });
    let mut transcripts = ClaudeTranscripts::new(folder.path());
    let before = transcripts.places().clone();
    let error = host.processor.import(&mut transcripts).unwrap_err();
    assert!(error.to_string().contains("mend its sink"), "{error}");
    assert_eq!(*transcripts.places(), before);
    valve.turn(Mode::Takes);
    host.processor.import(&mut transcripts).unwrap();
    assert_ne!(*transcripts.places(), before);
    assert!(host.processor.flush(PATIENCE));
    let records = valve.records();
    assert_eq!(calls(&records).len(), 3_000);
    assert_eq!(sum(&records).0, TokenUsage::new(30_000, 15_000));
}
