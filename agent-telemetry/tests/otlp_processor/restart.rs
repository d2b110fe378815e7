//! What is known again after a crash.

use std::time::Duration;

use agent_primitives::TokenUsage;
use agent_telemetry::SqliteSink;
use agent_telemetry::otlp::Signal;

use super::host::{Host, calls, stored, sum};
use super::requests::{CUMULATIVE, Call, DELTA, Tokens, call_events, tokens};

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
