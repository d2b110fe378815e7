//! Requests that wait on disk until a server is there.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use agent_primitives::{Clock as _, SystemClock};
use agent_telemetry::otlp::{OtlpRetry, OtlpSink, OtlpSinkBuilder};
use agent_telemetry::{Record, Sink as _};

use crate::server::{Answer, Server};
use crate::story::{by_coder, call, story};

const LONG: Duration = Duration::from_secs(30);

/// A sink that asks again soon.
fn sink(endpoint: &str, folder: &Path) -> OtlpSinkBuilder {
    let retry = OtlpRetry {
        first_delay: Duration::from_millis(1),
        longest_delay: Duration::from_millis(5),
        ..OtlpRetry::default()
    };
    OtlpSink::builder(endpoint)
        .retry(retry)
        .queue(folder, 1 << 20)
}

fn batch(number: i64) -> [Record; 1] {
    [by_coder(
        number,
        call().latency(Duration::from_millis(number.unsigned_abs())),
    )]
}

/// When the spans ended that a server got, in milliseconds of the story.
fn ends(server: &Server) -> Vec<u64> {
    let traces = server
        .all()
        .into_iter()
        .filter(|it| it.path == "/v1/traces");
    let scopes = traces.flat_map(|it| it.traces().resource_spans);
    let spans = scopes.flat_map(|it| it.scope_spans).flat_map(|it| it.spans);
    let story = crate::story::at(0).unix_nanos().unsigned_abs();
    spans
        .map(|it| (it.end_time_unix_nano - story) / 1_000_000)
        .collect()
}

#[test]
fn batches_are_taken_while_the_server_is_away_and_sent_in_order_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    // An address where nobody listens yet.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut sink = sink(&format!("http://{address}"), folder.path())
        .build()
        .unwrap();
    let stats = sink.stats();
    for number in 0..5 {
        sink.write(&batch(number)).unwrap();
    }
    assert!(stats.counts().queued > 0);
    let server = Server::on(TcpListener::bind(address).unwrap(), []);
    assert!(stats.wait_until_sent(LONG));
    assert_eq!(ends(&server), [0, 1, 2, 3, 4]);
    assert_eq!(
        (stats.counts().traces.sent, stats.counts().queued_bytes),
        (5, 0)
    );
}

#[test]
fn restart_loses_nothing_and_sends_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let away = Server::start((0..10_000).map(|_| Answer::of(503)));
    let mut first = sink(&away.endpoint(), folder.path()).build().unwrap();
    for number in 0..3 {
        first.write(&batch(number)).unwrap();
    }
    assert_eq!(
        first.stats().counts().queued,
        6,
        "spans and metrics; no events"
    );
    drop(first);
    let server = Server::start([]);
    let mut second = sink(&server.endpoint(), folder.path()).build().unwrap();
    let stats = second.stats();
    assert!(stats.wait_until_sent(LONG));
    second.write(&batch(3)).unwrap();
    assert!(stats.wait_until_sent(LONG));
    assert_eq!(ends(&server), [0, 1, 2, 3]);
    drop(second);
    let third = sink(&server.endpoint(), folder.path()).build().unwrap();
    assert_eq!(third.stats().counts().queued, 0);
}

#[test]
fn sink_that_is_dropped_sends_what_the_server_takes() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start([]);
    let mut sink = sink(&server.endpoint(), folder.path()).build().unwrap();
    let stats = sink.stats();
    for number in 0..20 {
        sink.write(&batch(number)).unwrap();
    }
    drop(sink);
    assert_eq!((stats.counts().queued, stats.counts().traces.sent), (0, 20));
    assert_eq!(ends(&server), (0..20).collect::<Vec<u64>>());
}

#[test]
fn sink_that_is_dropped_does_not_wait_for_a_server_that_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(
        (0..10_000).map(|_| Answer::Status(503, vec![("Retry-After", "3600".to_owned())], vec![])),
    );
    let mut sink = sink(&server.endpoint(), folder.path()).build().unwrap();
    sink.write(&batch(0)).unwrap();
    server.next();
    let start = SystemClock.monotonic();
    drop(sink);
    assert!(SystemClock.monotonic().since(start) < LONG);
}

#[test]
fn request_that_is_refused_for_good_does_not_hold_up_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start([Answer::of(400)]);
    let mut sink = sink(&server.endpoint(), folder.path()).build().unwrap();
    let stats = sink.stats();
    sink.write(&batch(0)).unwrap();
    sink.write(&batch(1)).unwrap();
    assert!(stats.wait_until_sent(LONG));
    let counts = stats.counts();
    assert_eq!((counts.traces.sent, counts.traces.refused), (1, 1));
}

#[test]
fn headers_are_no_part_of_what_lies_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start((0..10_000).map(|_| Answer::of(503)));
    let builder = sink(&server.endpoint(), folder.path()).token("hush");
    let mut sink = builder.build().unwrap();
    sink.write(&story()).unwrap();
    let mut files = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(4).any(|it| it == b"hush"));
        files += 1;
    }
    assert_eq!(files, 4, "three requests and a lock");
}

#[test]
fn folder_belongs_to_one_sink() {
    let folder = tempfile::tempdir().unwrap();
    let first = sink("http://127.0.0.1:9", folder.path()).build().unwrap();
    let error = sink("http://127.0.0.1:9", folder.path())
        .build()
        .unwrap_err();
    assert!(error.is_queue());
    drop(first);
    assert!(sink("http://127.0.0.1:9", folder.path()).build().is_ok());
}
