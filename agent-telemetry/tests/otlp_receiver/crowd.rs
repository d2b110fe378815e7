//! Many senders at once, and one that sends a bomb.

use std::num::NonZeroUsize;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use agent_telemetry::otlp::{Receiver, Signal};

use crate::peer::{Peer, fine, request};
use crate::scripted::{Scripted, gzip, until};

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const GZIP: (&str, &str) = ("content-encoding", "gzip");

#[test]
fn three_hundred_connections_are_served_or_told_that_they_are_too_many() {
    let receiver = Receiver::builder(Scripted::default())
        .bind("127.0.0.1:0")
        .start()
        .unwrap();
    let mut peers: Vec<Peer> = (0..300)
        .map(|_| Peer::connect(receiver.local_addr()))
        .collect();
    until(&receiver, |it| {
        it.connections_accepted + it.connections_refused == 300
    });
    let (mut served, mut refused) = (0, 0);
    for peer in &mut peers {
        peer.write(&fine(b"x"));
        match peer.read_answer(true) {
            Ok(answer) if answer.status == 200 => served += 1,
            Ok(answer) => {
                assert_eq!(answer.status, 503);
                refused += 1;
            }
            // Told, and ended before it was read.
            Err(_) => refused += 1,
        }
    }
    assert_eq!((served, refused), (256, 44));
    let stats = receiver.stats();
    assert_eq!(
        (stats.connections_open, stats.connections_refused),
        (256, 44)
    );
    drop(peers);
    until(&receiver, |it| it.connections_open == 0);
}

#[test]
fn requests_of_twenty_threads_are_all_taken_once() {
    const EACH: usize = 50;
    let scripted = Scripted::default();
    let receiver = Receiver::builder(scripted.clone())
        .bind("127.0.0.1:0")
        .start()
        .unwrap();
    let address = receiver.local_addr();
    let ready = Barrier::new(20);
    std::thread::scope(|scope| {
        for thread in 0..20 {
            let ready = &ready;
            scope.spawn(move || {
                let agent = ureq::Agent::new_with_defaults();
                ready.wait();
                for nth in 0..EACH {
                    let body = vec![b'x'; 1 + (thread * EACH + nth) % 5_000];
                    let path = ["metrics", "logs", "traces"][nth % 3];
                    let post = agent.post(format!("http://{address}/v1/{path}"));
                    let answer = if nth % 2 == 0 {
                        post.content_type("application/json").send(&body)
                    } else {
                        let post = post.header(GZIP.0, GZIP.1);
                        post.header(PROTOBUF.0, PROTOBUF.1).send(gzip(&body))
                    };
                    assert_eq!(answer.unwrap().status(), 200);
                }
            });
        }
    });
    let mut taken: Vec<usize> = scripted.taken().iter().map(|(.., len)| *len).collect();
    taken.sort_unstable();
    let mut sent: Vec<usize> = (0..20 * EACH).map(|it| 1 + it % 5_000).collect();
    sent.sort_unstable();
    assert_eq!(taken, sent);
    let stats = receiver.stats();
    let of = |signal| stats.answered(Some(signal), 200);
    let all = of(Signal::Metrics) + of(Signal::Logs) + of(Signal::Traces);
    assert_eq!(all, 1_000);
    assert_eq!(stats.bytes_inflated, sent.iter().sum::<usize>() as u64);
    assert_eq!((stats.bytes_under_way, stats.requests_under_way), (0, 0));
}

#[test]
fn what_is_small_as_it_comes_may_be_large_inflated() {
    let scripted = Scripted::default();
    let receiver = Receiver::builder(scripted.clone())
        .bind("127.0.0.1:0")
        .start()
        .unwrap();
    let mut peer = Peer::connect(receiver.local_addr());
    for len in [200_000, 300_000, 2 << 20] {
        let body = gzip(&vec![b'x'; len]);
        assert!(body.len() < 10_000);
        peer.write(&request("POST /v1/traces", &[PROTOBUF, GZIP], &body));
        assert_eq!(peer.answer().status, 200);
        assert_eq!(scripted.taken().last().map(|(.., len)| *len), Some(len));
    }
    assert_eq!(receiver.stats().bytes_inflated, 500_000 + (2 << 20));
}

#[test]
fn a_bomb_of_a_gigabyte_takes_no_more_than_the_limits() {
    const MAX: usize = 4 << 20;
    // A megabyte of nothing, a thousand times: gzip has no single member that packs more tightly.
    let bomb = gzip(&vec![0; 1 << 20]).repeat(1_024);
    let max = NonZeroUsize::new(MAX).unwrap();
    let receiver = Receiver::builder(Scripted::default())
        .bind("127.0.0.1:0")
        .max_inflated(max)
        .start()
        .unwrap();
    let (done, most) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let held = receiver.stats().bytes_under_way;
                most.fetch_max(held, Ordering::Relaxed);
                std::thread::yield_now();
            }
        });
        let mut peer = Peer::connect(receiver.local_addr());
        for _ in 0..3 {
            peer.write(&request("POST /v1/logs", &[PROTOBUF, GZIP], &bomb));
            let answer = peer.answer();
            assert_eq!(answer.status, 413);
            // It was read whole, so the connection goes on.
            assert_eq!(answer.header("connection"), None);
        }
        done.store(true, Ordering::Relaxed);
    });
    let most = most.into_inner();
    assert!(most >= bomb.len() as u64, "{most}");
    assert!(most <= (bomb.len() + MAX) as u64, "{most}");
    assert_eq!(receiver.stats().bytes_under_way, 0);
    assert_eq!(receiver.stats().bytes_inflated, 0);
}
