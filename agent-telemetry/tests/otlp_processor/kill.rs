//! A process that is killed while it receives: once it is started again and what it did not answer is sent again, all
//! is counted, and nothing twice.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use agent_primitives::{TokenUsage, Usd};
use agent_telemetry::otlp::{Processor, Receiver};
use agent_telemetry::{Body, Record, SqliteSink, Telemetry};
use opentelemetry_proto::tonic::metrics::v1::NumberDataPoint;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;

use super::host::{PATIENCE, calls, stored};
use super::requests::{
    CUMULATIVE, Call, DELTA, at, call_event, call_spans, event, logs, sums, text,
};

/// Tells the child where to record; without it the child's test has nothing to do.
const PATH: &str = "AGENT_TELEMETRY_OTLP_KILL_TEST_DATABASE";
/// Whether it answers what is stored alone.
const STORED: &str = "AGENT_TELEMETRY_OTLP_KILL_TEST_STORED";
/// How often it is killed, where that is to be more than a dozen times.
const KILLS: &str = "AGENT_TELEMETRY_OTLP_KILLS";
const PORT: &str = "port ";
/// What a sender sends to the last child, beyond what it sent to others.
const LAST: u64 = 20;

/// Runs in the child: takes requests until it is killed, or told to end.
#[test]
fn child_takes_requests_until_it_is_killed() {
    let Some(path) = std::env::var_os(PATH) else {
        return;
    };
    let sink = SqliteSink::open(Path::new(&path)).unwrap();
    let telemetry = Telemetry::builder(sink)
        .window(Duration::from_millis(1))
        .start()
        .unwrap();
    // Short, so that there is always something under way.
    let mut builder = Processor::builder(&telemetry)
        .window(Duration::from_millis(10))
        .hold(Duration::from_millis(10))
        .grace(Duration::from_millis(40));
    if std::env::var_os(STORED).is_some() {
        builder = builder.answer_when_stored(PATIENCE);
    }
    let processor = builder.start().unwrap();
    let receiver = Receiver::builder(processor.clone());
    let receiver = receiver.bind("127.0.0.1:0").start().unwrap();
    println!("\n{PORT}{}", receiver.local_addr().port());
    // Ends with the parent as well.
    io::stdin().read_to_end(&mut Vec::new()).unwrap();
    receiver.shutdown(PATIENCE).unwrap();
    assert!(processor.flush(PATIENCE));
    assert_eq!(processor.figures().marks_refused, 0);
    telemetry.shutdown(PATIENCE).unwrap();
}

fn start(path: &Path, answers_when_stored: bool) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "kill::child_takes_requests_until_it_is_killed",
            "--nocapture",
        ])
        .env(PATH, path)
        .env_remove(STORED)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    if answers_when_stored {
        command.env(STORED, "1");
    }
    command.spawn().unwrap()
}

/// Where the child listens.
fn port(child: &mut Child) -> u16 {
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut lines = output.lines().map_while(Result::ok);
    let port = lines.find_map(|line| line.strip_prefix(PORT)?.parse().ok());
    // What it says later is read, so that it never waits for a reader.
    std::thread::spawn(move || lines.count());
    port.expect("the child says where it listens")
}

/// What sends request after request, each the same whenever it is made.
struct Sender {
    path: &'static str,
    request: fn(u64) -> Vec<u8>,
    /// The first that is not answered.
    next: u64,
    /// Requests that were sent again.
    again: u64,
}

impl Sender {
    const fn new(path: &'static str, request: fn(u64) -> Vec<u8>) -> Self {
        Self {
            path,
            request,
            next: 0,
            again: 0,
        }
    }

    /// Sends until `end`, or until nobody answers.
    fn send(&mut self, port: u16, end: u64) {
        while self.next < end {
            match self.post(port) {
                Ok(200) => self.next += 1,
                Ok(503) => self.again += 1,
                Ok(status) => panic!("{} is answered {status}", self.path),
                Err(_) => {
                    self.again += 1;
                    return;
                }
            }
        }
    }

    fn post(&self, port: u16) -> io::Result<u16> {
        let body = (self.request)(self.next);
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-protobuf\r\n\
             connection: close\r\ncontent-length: {}\r\n\r\n",
            self.path,
            body.len(),
        );
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(2 * PATIENCE))?;
        stream.write_all(&[head.as_bytes(), &body].concat())?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|it| it.parse().ok());
        status.ok_or(ErrorKind::UnexpectedEof.into())
    }
}

/// Sends to child after child, all but the last of which are killed. Gives the last its end.
fn send_and_kill(path: &Path, senders: &mut [Sender], answers_when_stored: bool, seed: u64) {
    let kills: u32 = std::env::var(KILLS).map_or(12, |it| it.parse().unwrap());
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..kills {
        let mut child = start(path, answers_when_stored);
        let wait = Duration::from_micros(random.u64(..150_000));
        // Some while they read what is stored.
        if random.u32(..4) == 0 {
            wait_for(wait / 3);
        } else {
            let port = port(&mut child);
            std::thread::scope(|scope| {
                for sender in &mut *senders {
                    scope.spawn(move || sender.send(port, u64::MAX));
                }
                wait_for(wait);
                // SIGKILL on Unix: no destructor, no flush.
                child.kill().unwrap();
            });
        }
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success());
    }
    let mut child = start(path, answers_when_stored);
    let port = port(&mut child);
    let end = senders.iter().map(|it| it.next).max().unwrap_or(0) + LAST;
    std::thread::scope(|scope| {
        for sender in senders {
            scope.spawn(move || {
                sender.send(port, end);
                assert_eq!(sender.next, end, "the last one answers");
            });
        }
    });
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

fn wait_for(time: Duration) {
    let (_open, never) = channel::<()>();
    assert_eq!(never.recv_timeout(time), Err(RecvTimeoutError::Timeout));
}

/// Tokens of a request. Every one differs from those around it.
const fn output(number: u64) -> u64 {
    100 + number % 7
}

const INPUT: u64 = 1_000;
/// Pico-dollars.
const COST: u64 = 250_000_000;

/// Of all requests before this one.
fn outputs(number: u64) -> u64 {
    (0..number).map(output).sum()
}

fn value(session: &str, kind: &str, from: u64, to: u64, value: Number) -> NumberDataPoint {
    NumberDataPoint {
        attributes: vec![
            text("session.id", session),
            text("model", "claude-haiku-4-5"),
            text("type", kind),
        ],
        start_time_unix_nano: at(from),
        time_unix_nano: at(to),
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

fn int(value: u64) -> Number {
    Number::AsInt(i64::try_from(value).unwrap())
}

/// Tokens, their cost, and a counter of a name that nobody knows, since the start.
fn cumulative(number: u64) -> Vec<u8> {
    let sum = |kind, sum| value("cumulative", kind, 0, number + 1, sum);
    let count = number + 1;
    #[expect(clippy::cast_precision_loss, reason = "far below that")]
    let cost = sum("", Number::AsDouble(count as f64 * 0.000_25));
    let tokens = vec![
        sum("input", int(count * INPUT)),
        sum("output", int(outputs(count))),
    ];
    let name = "claude_code.token.usage";
    [
        sums(name, "tokens", CUMULATIVE, tokens),
        sums("claude_code.cost.usage", "USD", CUMULATIVE, vec![cost]),
        sums("steps", "", CUMULATIVE, vec![sum("", int(count))]),
    ]
    .concat()
}

/// The same as what was added since the request before.
fn delta(number: u64) -> Vec<u8> {
    let sum = |kind, sum| value("delta", kind, number, number + 1, sum);
    let tokens = vec![sum("input", int(INPUT)), sum("output", int(output(number)))];
    let cost = sum("", Number::AsDouble(0.000_25));
    [
        sums("claude_code.token.usage", "tokens", DELTA, tokens),
        sums("claude_code.cost.usage", "USD", DELTA, vec![cost]),
        sums("steps", "", DELTA, vec![sum("", int(1))]),
    ]
    .concat()
}

fn call(session: &'static str, number: u64) -> Call {
    Call {
        session,
        number,
        second: number + 1,
        input: i64::try_from(INPUT).unwrap(),
        cache_read: 0,
        output: i64::try_from(output(number)).unwrap(),
    }
}

/// A call, and a turn, which has no key of its own.
fn events(number: u64) -> Vec<u8> {
    let turn = vec![
        text("event.name", "user_prompt"),
        text("session.id", "told"),
    ];
    logs(vec![
        call_event(&call("told", number)),
        event("user_prompt", number, turn),
    ])
}

/// The same calls as events tell.
fn spans(number: u64) -> Vec<u8> {
    call_spans(&[call("told", number)])
}

/// A call that metrics tell as well.
fn mixed_events(number: u64) -> Vec<u8> {
    logs(vec![call_event(&call("mixed", number))])
}

fn mixed_metrics(number: u64) -> Vec<u8> {
    tokens("mixed", number)
}

/// Makes no record before the account is settled.
fn alone(number: u64) -> Vec<u8> {
    tokens("alone", number)
}

/// What was added since the request before.
fn tokens(session: &str, number: u64) -> Vec<u8> {
    let sum = |kind, sum| value(session, kind, number, number + 1, sum);
    let tokens = vec![sum("input", int(INPUT)), sum("output", int(output(number)))];
    sums("claude_code.token.usage", "tokens", DELTA, tokens)
}

/// What is stored of a session.
#[derive(Debug, Default, PartialEq)]
struct Total {
    usage: TokenUsage,
    cost: Usd,
    calls: u64,
    counted: f64,
}

fn totals(records: &[Record]) -> BTreeMap<String, Total> {
    let mut totals: BTreeMap<String, Total> = BTreeMap::new();
    for record in records {
        let Some(session) = &record.session else {
            continue;
        };
        let total = totals.entry(session.as_str().to_owned()).or_default();
        match &record.body {
            Body::ModelCall(call) => {
                total.usage += call.usage;
                total.cost += call.cost.unwrap_or(Usd::ZERO);
                total.calls += u64::from(!call.is_unexplained());
            }
            Body::Metric(metric) if ["steps", "turns"].contains(&metric.name()) => {
                total.counted += metric.value();
            }
            _ => {}
        }
    }
    totals
}

#[track_caller]
fn check<T: PartialEq + Debug>(session: &str, what: &str, found: &T, truth: &T) {
    assert_eq!(found, truth, "{what} of the session {session}");
}

/// All is as it was sent. Cost is that of metrics: a span or a metric that comes before the event of its call tells none.
fn check_totals(records: &[Record], sent: u64, calls: &[(&str, bool)]) {
    let totals = totals(records);
    for (session, is_call) in calls {
        let total = &totals[*session];
        let usage = TokenUsage::new(sent * INPUT, outputs(sent));
        check(session, "tokens", &total.usage, &usage);
        let told = if *is_call { sent } else { 0 };
        check(session, "calls", &total.calls, &told);
        if ["cumulative", "delta"].contains(session) {
            let cost = Usd::from_picos(i128::from(sent * COST));
            check(session, "cost", &total.cost, &cost);
        }
        if ["cumulative", "delta", "told"].contains(session) {
            #[expect(clippy::cast_precision_loss, reason = "far below that")]
            check(session, "counter", &total.counted, &(sent as f64));
        }
    }
}

fn report(what: &str, senders: &[Sender], records: &[Record]) {
    let requests: u64 = senders.iter().map(|it| it.next).sum();
    let again: u64 = senders.iter().map(|it| it.again).sum();
    let calls = calls(records).len();
    println!(
        "kill: {what}: {requests} requests answered, {again} sent again, {calls} calls stored"
    );
}

#[test]
fn what_was_answered_when_stored_is_counted_once_however_often_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    let mut senders = [
        Sender::new("/v1/metrics", cumulative),
        Sender::new("/v1/metrics", delta),
        Sender::new("/v1/logs", events),
        Sender::new("/v1/traces", spans),
        Sender::new("/v1/logs", mixed_events),
        Sender::new("/v1/metrics", mixed_metrics),
    ];
    send_and_kill(&path, &mut senders, true, 9);
    let records = stored(&path);
    report("answered when stored", &senders, &records);
    let sessions = [
        ("cumulative", false),
        ("delta", false),
        ("told", true),
        ("mixed", true),
    ];
    check_totals(&records, senders[0].next, &sessions);
}

/// With nothing beside them that brings what they add to the store.
#[test]
fn deltas_that_were_answered_when_stored_are_counted_though_no_record_tells_them_yet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    let mut senders = [Sender::new("/v1/metrics", alone)];
    send_and_kill(&path, &mut senders, true, 11);
    let records = stored(&path);
    report("deltas alone", &senders, &records);
    check_totals(&records, senders[0].next, &[("alone", false)]);
}

#[test]
fn cumulative_values_make_up_for_what_a_killed_process_did_not_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    let mut senders = [Sender::new("/v1/metrics", cumulative)];
    send_and_kill(&path, &mut senders, false, 10);
    let records = stored(&path);
    report("answered at once", &senders, &records);
    check_totals(&records, senders[0].next, &[("cumulative", false)]);
}
