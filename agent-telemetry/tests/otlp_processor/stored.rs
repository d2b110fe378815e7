//! Requests that are answered when they are stored.

use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use agent_telemetry::otlp::{Encoding, Intake, Receiver, Refused, Signal};

use super::host::{Host, PATIENCE, calls};
use super::requests::{Call, call_events};
use super::valve::{Mode, Valve};

fn event(number: u64) -> Vec<u8> {
    call_events(&[Call {
        session: "s1",
        number,
        second: 5,
        input: 10,
        cache_read: 0,
        output: 5,
    }])
}

fn slow(within: Duration) -> (Valve, Host, Receiver) {
    let valve = Valve::new(Mode::Holds);
    let host = Host::on(valve.clone(), |it| it.answer_when_stored(within));
    let receiver = Receiver::builder(host.processor.clone()).bind("127.0.0.1:0");
    let receiver = receiver.start().unwrap();
    (valve, host, receiver)
}

/// The status, and when to try again.
fn post(address: SocketAddr, number: u64) -> (u16, Option<String>) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .build()
        .into();
    let request = agent.post(format!("http://{address}/v1/logs"));
    let answer = request.content_type("application/x-protobuf");
    let answer = answer.send(event(number)).unwrap();
    let retry = answer.headers().get("retry-after");
    let retry = retry.map(|it| it.to_str().unwrap().to_owned());
    (answer.status().as_u16(), retry)
}

fn health(address: SocketAddr) -> u16 {
    let answer = ureq::get(format!("http://{address}/health")).call();
    answer.unwrap().status().as_u16()
}

fn until(receiver: &Receiver, requests: u64) {
    let start = Instant::now();
    while receiver.stats().requests_under_way != requests {
        assert!(start.elapsed() < PATIENCE, "{:?}", receiver.stats());
        std::thread::yield_now();
    }
}

#[test]
fn store_that_is_slow_holds_up_no_other_connection() {
    let (valve, _host, receiver) = slow(PATIENCE);
    let address = receiver.local_addr();
    std::thread::scope(|scope| {
        let (answered, answers) = channel();
        for number in 0..20 {
            let answered = answered.clone();
            scope.spawn(move || answered.send(post(address, number)).unwrap());
        }
        until(&receiver, 20);
        // What waits takes no memory for its body, and the thread of the server is free.
        for _ in 0..10 {
            assert_eq!(health(address), 200);
        }
        let stats = receiver.stats();
        assert_eq!((stats.requests_under_way, stats.bytes_under_way), (20, 0));
        assert!(answers.try_recv().is_err());
        assert!(valve.records().is_empty());
        valve.turn(Mode::Takes);
        for _ in 0..20 {
            assert_eq!(answers.recv_timeout(PATIENCE).unwrap(), (200, None));
        }
    });
    assert_eq!(calls(&valve.records()).len(), 20);
}

#[test]
fn sender_that_waited_too_long_comes_again_and_is_counted_once() {
    let (valve, host, receiver) = slow(Duration::from_millis(50));
    let retry = (503, Some("1".to_owned()));
    assert_eq!(post(receiver.local_addr(), 1), retry);
    valve.turn(Mode::Takes);
    assert!(host.processor.flush(PATIENCE));
    let start = Instant::now();
    // The time is short, and the machine may be busy.
    while post(receiver.local_addr(), 1) == retry {
        assert!(start.elapsed() < PATIENCE);
    }
    assert!(host.processor.flush(PATIENCE));
    assert_eq!(calls(&valve.records()).len(), 1);
}

#[test]
fn requests_that_wait_are_bounded_and_those_that_go_make_room() {
    let valve = Valve::new(Mode::Holds);
    let host = Host::on(valve.clone(), |it| it.answer_when_stored(PATIENCE));
    let receive = |number| {
        let body = event(number);
        host.processor
            .receive(Signal::Logs, Encoding::Protobuf, &body)
    };
    let mut receipts: Vec<_> = (0..1_024).map(|it| receive(it).unwrap()).collect();
    let refused = receive(2_000);
    assert!(
        matches!(refused, Err(Refused::Unavailable { .. })),
        "{refused:?}"
    );
    assert_eq!(host.processor.figures().put_off, 1);
    assert_eq!(host.processor.figures().requests, 1_024);
    receipts.truncate(1_000);
    for number in 3_000..3_024 {
        receipts.push(receive(number).unwrap());
    }
    assert!(receive(4_000).is_err());
    valve.turn(Mode::Takes);
    assert!(host.processor.flush(PATIENCE));
    assert_eq!(calls(&valve.records()).len(), 1_048);
}

#[test]
fn receiver_that_stops_finishes_requests_that_wait_for_the_store() {
    let (valve, _host, receiver) = slow(PATIENCE);
    let address = receiver.local_addr();
    std::thread::scope(|scope| {
        let posted = scope.spawn(move || post(address, 1));
        until(&receiver, 1);
        let stopped = scope.spawn(move || receiver.shutdown(PATIENCE));
        valve.turn(Mode::Takes);
        assert_eq!(posted.join().unwrap(), (200, None));
        let stats = stopped.join().unwrap().unwrap();
        assert_eq!(stats.answered(Some(Signal::Logs), 200), 1);
    });
    assert_eq!(calls(&valve.records()).len(), 1);
}
