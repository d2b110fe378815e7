//! Senders that are slow, silent, stuck or too many.

use std::io::Write as _;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use agent_telemetry::otlp::{Receiver, Signal};

use crate::peer::{Peer, WAIT, fine, fine_head};
use crate::scripted::{Scripted, until};

/// Short, since they are waited for; nothing here asserts how long they take.
const SHORT: Duration = Duration::from_millis(400);
/// Between two bytes of a slow sender.
const DRIP: Duration = Duration::from_millis(10);

fn number(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

/// Waits until another is served, as if nothing were: on a busy machine, a request may itself be too slow for these
/// limits.
fn is_served(receiver: &Receiver) -> bool {
    (0..100).any(|_| {
        let mut peer = Peer::connect(receiver.local_addr());
        peer.write(&fine(b"x"));
        peer.read_answer(true).is_ok_and(|it| it.status == 200)
    })
}

#[test]
fn a_head_that_drips_ends_the_connection() {
    let builder = Receiver::builder(Scripted::default()).bind("127.0.0.1:0");
    let receiver = builder.header_timeout(SHORT).start().unwrap();
    let mut peer = Peer::connect(receiver.local_addr());
    let mut bytes = b"POST /v1/metrics HTTP/1.1\r\nx: ".to_vec();
    bytes.resize(10_000, b'y');
    let mut sent = 0;
    for byte in bytes {
        if !peer.write(&[byte]) || peer.ends_within(DRIP) {
            break;
        }
        sent += 1;
    }
    assert!(sent < 9_000, "{sent}");
    let stats = until(&receiver, |it| it.connections_open == 0);
    assert_eq!(stats.connections_timed_out, 1);
    assert!(is_served(&receiver));
}

#[test]
fn a_connection_that_says_nothing_ends_too() {
    let builder = Receiver::builder(Scripted::default()).bind("127.0.0.1:0");
    let receiver = builder.header_timeout(SHORT).start().unwrap();
    let mut peers: Vec<Peer> = (0..50)
        .map(|_| Peer::connect(receiver.local_addr()))
        .collect();
    assert!(is_served(&receiver));
    for peer in &mut peers {
        assert_eq!(peer.end(), b"");
    }
    let stats = until(&receiver, |it| it.connections_open == 0);
    assert!(stats.connections_timed_out >= 50, "{stats:?}");
}

#[test]
fn a_body_that_drips_is_answered_408() {
    let builder = Receiver::builder(Scripted::default()).bind("127.0.0.1:0");
    let receiver = builder.body_timeout(SHORT).start().unwrap();
    let mut peer = Peer::connect(receiver.local_addr());
    peer.write(&fine_head(10_000));
    let mut sent = 0;
    peer.stream().set_read_timeout(Some(DRIP)).unwrap();
    while sent < 10_000 && peer.stream().peek(&mut [0]).is_err() {
        peer.write(b"x");
        sent += 1;
    }
    peer.stream().set_read_timeout(Some(WAIT)).unwrap();
    let answer = peer.answer();
    assert_eq!(answer.status, 408);
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(sent < 9_000, "{sent}");
    drop(peer);
    until(&receiver, |it| it.connections_open == 0);
    assert_eq!(receiver.stats().answered(Some(Signal::Metrics), 408), 1);
    assert_eq!(receiver.stats().bytes_under_way, 0);
}

#[test]
fn a_body_that_pays_for_its_time_is_taken() {
    let builder = Receiver::builder(Scripted::default()).bind("127.0.0.1:0");
    let receiver = builder
        .body_timeout(SHORT)
        .min_rate(NonZeroU32::MIN)
        .start()
        .unwrap();
    let mut peer = Peer::connect(receiver.local_addr());
    // What comes with the head pays at once, for far longer than the rest takes.
    peer.write(&[fine_head(200), vec![b'x'; 100]].concat());
    for _ in 0..99 {
        peer.write(b"x");
        assert!(!peer.ends_within(DRIP));
    }
    peer.write(b"x");
    peer.stream().set_read_timeout(Some(WAIT)).unwrap();
    assert_eq!(peer.answer().status, 200);
}

#[test]
fn who_reads_no_answers_is_not_waited_for() {
    let builder = Receiver::builder(Scripted::default()).bind("127.0.0.1:0");
    let receiver = builder.body_timeout(SHORT).start().unwrap();
    let mut peer = Peer::connect(receiver.local_addr());
    let many = fine(b"bad").repeat(1_000);
    while peer.write(&many) {}
    let stats = until(&receiver, |it| it.connections_open == 0);
    assert_eq!(stats.connections_timed_out, 1);
    assert!(is_served(&receiver));
}

#[test]
fn who_is_refused_and_goes_on_sending_is_cut_off() {
    let builder = Receiver::builder(Scripted::default()).bind("127.0.0.1:0");
    let receiver = builder.header_timeout(SHORT).start().unwrap();
    let mut peer = Peer::connect(receiver.local_addr());
    peer.write(&fine_head(usize::MAX / 2));
    let answer = peer.answer();
    assert_eq!(answer.status, 413);
    assert_eq!(answer.header("connection"), Some("close"));
    while peer.write(&vec![b'x'; 1 << 20]) {}
    let stats = until(&receiver, |it| it.connections_open == 0);
    // It had its answer, so there is nothing to complain of.
    assert_eq!(
        (stats.connections_timed_out, stats.connections_broken),
        (0, 0)
    );
}

#[test]
fn who_is_refused_may_send_all_and_still_gets_the_answer() {
    let builder = Receiver::builder(Scripted::default()).bind("127.0.0.1:0");
    let receiver = builder.max_body(number(1_000)).start().unwrap();
    let mut peer = Peer::connect(receiver.local_addr());
    // Far more than sockets keep: many senders look at no answer before they have written all.
    assert!(peer.write(&fine(&vec![b'x'; 16 << 20])));
    assert_eq!(peer.answer().status, 413);
}

#[test]
fn an_idle_connection_ends_in_peace() {
    let builder = Receiver::builder(Scripted::default()).bind("127.0.0.1:0");
    let receiver = builder.idle_timeout(SHORT).start().unwrap();
    let mut peer = Peer::connect(receiver.local_addr());
    peer.write(&fine(b"x"));
    assert_eq!(peer.answer().status, 200);
    assert_eq!(peer.end(), b"");
    let stats = until(&receiver, |it| it.connections_open == 0);
    assert_eq!(
        (stats.connections_idle, stats.connections_timed_out),
        (1, 0)
    );
    assert_eq!(stats.connections_accepted, 1);
}

#[test]
fn one_connection_too_many_is_told_so() {
    let builder = Receiver::builder(Scripted::default()).bind("127.0.0.1:0");
    let receiver = builder.max_connections(number(2)).start().unwrap();
    let (first, _second) = (
        Peer::connect(receiver.local_addr()),
        Peer::connect(receiver.local_addr()),
    );
    until(&receiver, |it| it.connections_open == 2);
    let mut third = Peer::connect(receiver.local_addr());
    third.write(&fine(b"x"));
    let answer = third.answer();
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(third.end(), b"");
    drop(first);
    until(&receiver, |it| it.connections_open == 1);
    assert!(is_served(&receiver));
    assert_eq!(receiver.stats().connections_refused, 1);
}

#[test]
fn one_request_too_many_is_answered_503() {
    let builder = Receiver::builder(Scripted::default()).bind("127.0.0.1:0");
    let receiver = builder.max_requests(number(1)).start().unwrap();
    let mut first = Peer::connect(receiver.local_addr());
    first.write(&fine_head(2));
    until(&receiver, |it| it.requests_under_way == 1);
    let mut second = Peer::connect(receiver.local_addr());
    second.write(&fine(b"x"));
    let answer = second.answer();
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    first.write(b"xx");
    assert_eq!(first.answer().status, 200);
    // The connection of a small refused request goes on.
    second.write(&fine(b"x"));
    assert_eq!(second.answer().status, 200);
}

#[test]
fn bodies_under_way_share_what_memory_there_is() {
    let builder = Receiver::builder(Scripted::default()).bind("127.0.0.1:0");
    let receiver = builder
        .max_bytes_under_way(number(100_000))
        .start()
        .unwrap();
    let mut first = Peer::connect(receiver.local_addr());
    first.write(&fine_head(90_000));
    first.write(&vec![b'x'; 80_000]);
    until(&receiver, |it| it.bytes_under_way >= 80_000);
    let mut second = Peer::connect(receiver.local_addr());
    second.write(&fine(&vec![b'x'; 50_000]));
    assert_eq!(second.answer().status, 503);
    first.write(&vec![b'x'; 10_000]);
    assert_eq!(first.answer().status, 200);
    let stats = until(&receiver, |it| it.requests_under_way == 0);
    assert_eq!(stats.bytes_under_way, 0);
    second.write(&fine(&vec![b'x'; 50_000]));
    assert_eq!(second.answer().status, 200);
}

#[test]
fn requests_that_come_together_are_answered_in_order() {
    let receiver = Receiver::builder(Scripted::default())
        .bind("127.0.0.1:0")
        .start()
        .unwrap();
    let mut peer = Peer::connect(receiver.local_addr());
    let all = [fine(b"x"), fine(b"bad"), fine(b"busy"), fine(b"y")].concat();
    // Cut where it hurts: within a head, and within a body.
    for part in all.chunks(97) {
        peer.write(part);
    }
    let answers: Vec<u16> = (0..4).map(|_| peer.answer().status).collect();
    assert_eq!(answers, [200, 400, 429, 200]);
}

#[test]
fn a_connection_that_breaks_leaves_nothing_behind() {
    let scripted = Scripted::default();
    let builder = Receiver::builder(scripted.clone()).bind("127.0.0.1:0");
    let receiver = builder.start().unwrap();
    for cut in [1, 20, 90, 150] {
        let mut peer = Peer::connect(receiver.local_addr());
        let bytes = fine(&vec![b'x'; 10_000]);
        peer.write(&bytes[..cut]);
        peer.stream().flush().unwrap();
        drop(peer);
    }
    let stats = until(&receiver, |it| {
        it.connections_accepted == 4 && it.connections_open == 0
    });
    assert_eq!((stats.requests_under_way, stats.bytes_under_way), (0, 0));
    assert_eq!(scripted.taken(), []);
}
