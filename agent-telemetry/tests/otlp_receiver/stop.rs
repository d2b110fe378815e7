//! Stopping: in peace, in time, or not.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use agent_telemetry::otlp::{Receiver, Signal};

use crate::peer::{Peer, WAIT, fine, fine_head};
use crate::scripted::{Scripted, until};

fn started(scripted: &Scripted) -> Receiver {
    let builder = Receiver::builder(scripted.clone()).bind("127.0.0.1:0");
    builder.start().unwrap()
}

#[test]
fn a_request_under_way_is_finished_and_the_intake_flushed() {
    let scripted = Scripted::default();
    let receiver = started(&scripted);
    let address = receiver.local_addr();
    let mut idle = Peer::connect(address);
    idle.write(&fine(b"x"));
    assert_eq!(idle.answer().status, 200);
    let mut silent = Peer::connect(address);
    let mut busy = Peer::connect(address);
    busy.write(&fine_head(4));
    busy.write(b"xx");
    until(&receiver, |it| {
        it.requests_under_way == 1 && it.connections_open == 3
    });
    let stopping = std::thread::spawn(move || receiver.shutdown(WAIT));
    // Those that ask for nothing are ended at once.
    assert_eq!((idle.end(), silent.end()), (Vec::new(), Vec::new()));
    assert!(TcpStream::connect(address).is_err());
    assert_eq!(scripted.flushed(), 0);
    busy.write(b"xx");
    assert_eq!(busy.answer().status, 200);
    assert_eq!(busy.end(), b"");
    let stats = stopping.join().unwrap().unwrap();
    assert_eq!(stats.answered(Some(Signal::Metrics), 200), 2);
    assert_eq!((stats.connections_open, scripted.flushed()), (0, 1));
    assert!(TcpListener::bind(address).is_ok());
}

#[test]
fn what_does_not_finish_in_time_is_cut_off_and_told() {
    let scripted = Scripted::default();
    let receiver = started(&scripted);
    let mut busy = Peer::connect(receiver.local_addr());
    busy.write(&fine_head(4));
    until(&receiver, |it| it.requests_under_way == 1);
    let error = receiver.shutdown(Duration::from_millis(100)).unwrap_err();
    assert!(error.is_cut_off() && !error.is_not_flushed() && !error.is_stuck());
    assert_eq!(
        error.to_string(),
        "the receiver stopped, but cut 1 connections off within 100ms"
    );
    assert_eq!(busy.end(), b"");
    assert_eq!(scripted.flushed(), 1);
}

#[test]
fn an_intake_that_does_not_return_is_left_behind() {
    let scripted = Scripted::default();
    let (waits, go) = scripted.gate();
    let receiver = started(&scripted);
    let mut busy = Peer::connect(receiver.local_addr());
    busy.write(&fine(b"wait for it"));
    waits.recv_timeout(WAIT).unwrap();
    let error = receiver.shutdown(Duration::from_millis(100)).unwrap_err();
    assert!(error.is_stuck() && error.is_not_flushed());
    go.send(()).unwrap();
    assert_eq!(busy.answer().status, 200);
}

#[test]
fn a_large_request_does_not_hold_up_the_small_ones() {
    let scripted = Scripted::default();
    let (waits, go) = scripted.gate();
    let receiver = started(&scripted);
    let mut large = Peer::connect(receiver.local_addr());
    let mut body = b"wait ".to_vec();
    body.resize(300_000, b'x');
    large.write(&fine(&body));
    // A sender that has said all may say so, and still gets its answer.
    large.finish_writing();
    waits.recv_timeout(WAIT).unwrap();
    let mut small = Peer::connect(receiver.local_addr());
    small.write(&fine(b"x"));
    assert_eq!(small.answer().status, 200);
    go.send(()).unwrap();
    assert_eq!(large.answer().status, 200);
}

#[test]
fn one_that_is_dropped_stops_as_well() {
    let scripted = Scripted::default();
    let receiver = started(&scripted);
    let address = receiver.local_addr();
    drop(receiver);
    assert_eq!(scripted.flushed(), 1);
    assert!(TcpStream::connect(address).is_err());
    assert!(TcpListener::bind(address).is_ok());
}
