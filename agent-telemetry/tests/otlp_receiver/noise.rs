//! Bytes of all kinds.

#![allow(clippy::print_stdout, reason = "what came of them is to be read")]

use std::net::SocketAddr;

use agent_telemetry::otlp::Receiver;

use crate::peer::{Peer, fine, head, request};
use crate::scripted::{Scripted, gzip, until};

/// Some bytes changed, left out, doubled or put in.
fn broken(whole: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..random.usize(1..5) {
        let at = random.usize(0..bytes.len());
        match random.u8(0..5) {
            0 => bytes[at] = random.u8(..),
            1 => bytes[at] ^= 1 << random.u8(0..8),
            2 => bytes.truncate(at.max(1)),
            3 => drop(bytes.splice(at..at, [b'\r', b'\n', random.u8(..)])),
            _ => {
                let part = bytes[at..].to_vec();
                bytes.extend(part);
            }
        }
    }
    bytes
}

/// Sends each to `address`, and waits for the end.
fn send(address: SocketAddr, wholes: &[Vec<u8>], random: &mut fastrand::Rng) {
    for nth in 0..400 {
        let mut peer = Peer::connect(address);
        peer.write(&broken(&wholes[nth % wholes.len()], random));
        if peer.stream().shutdown(std::net::Shutdown::Write).is_ok() {
            peer.end();
        }
    }
}

#[test]
fn broken_requests_harm_nobody() {
    let receiver = Receiver::builder(Scripted::default())
        .bind("127.0.0.1:0")
        .start()
        .unwrap();
    let json = ("content-type", "application/json");
    let chunks = head("POST /v1/logs", &[json, ("transfer-encoding", "chunked")]);
    let wholes = [
        fine(b"said"),
        request(
            "POST /v1/logs",
            &[json, ("content-encoding", "gzip")],
            &gzip(b"said"),
        ),
        [&chunks[..], b"4\r\nsaid\r\n0\r\n\r\n"].concat(),
        [fine(b"said"), fine(b"bad")].concat(),
        head("GET /health", &[]),
    ];
    send(
        receiver.local_addr(),
        &wholes,
        &mut fastrand::Rng::with_seed(9),
    );
    let mut peer = Peer::connect(receiver.local_addr());
    peer.write(&fine(b"x"));
    assert_eq!(peer.answer().status, 200);
    drop(peer);
    let stats = until(&receiver, |it| it.connections_open == 0);
    assert_eq!((stats.requests_under_way, stats.bytes_under_way), (0, 0));
    let all: u64 = stats.requests.iter().map(|it| it.count).sum();
    println!("400 connections, {all} answers: {:?}", stats.requests);
    assert_eq!(stats.connections_accepted, 401);
}

#[cfg(feature = "otlp-grpc")]
#[test]
fn broken_frames_harm_nobody() {
    let receiver = Receiver::builder(Scripted::default())
        .bind("127.0.0.1:0")
        .grpc("127.0.0.1:0")
        .start()
        .unwrap();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = b"\0\0\0\x04\0\0\0\0\0";
    // `POST`, `http` and `/` of the table that all know, in one frame that ends the head.
    let headers = b"\0\0\x03\x01\x04\0\0\0\x01\x83\x86\x84";
    let data = b"\0\0\x09\0\x01\0\0\0\x01\0\0\0\0\x04said";
    let ping = b"\0\0\x08\x06\0\0\0\0\0pingpong";
    let window = b"\0\0\x04\x08\0\0\0\0\0\x7f\xff\xff\xff";
    let begin = [&preface[..], settings].concat();
    let wholes = [
        [&begin[..], headers, data].concat(),
        [&begin[..], ping, window].concat(),
        [&begin[..], headers, window, data, ping].concat(),
    ];
    let address = receiver.grpc_addr().unwrap();
    send(address, &wholes, &mut fastrand::Rng::with_seed(9));
    let stats = until(&receiver, |it| it.connections_open == 0);
    assert_eq!((stats.requests_under_way, stats.bytes_under_way), (0, 0));
    assert_eq!(stats.connections_accepted, 400);
}

#[cfg(feature = "otlp-grpc")]
#[test]
fn requests_that_are_taken_back_at_once_end_the_connection() {
    let receiver = Receiver::builder(Scripted::default())
        .bind("127.0.0.1:0")
        .grpc("127.0.0.1:0")
        .start()
        .unwrap();
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    // Fewer than other bounds have room for.
    for nth in 0..40_u32 {
        let stream = (2 * nth + 1).to_be_bytes();
        bytes.extend(b"\0\0\x03\x01\x04");
        bytes.extend(stream);
        bytes.extend(b"\x83\x86\x84");
        bytes.extend(b"\0\0\x04\x03\0");
        bytes.extend(stream);
        bytes.extend(b"\0\0\0\x08");
    }
    let mut peer = Peer::connect(receiver.grpc_addr().unwrap());
    peer.write(&bytes);
    peer.stream().shutdown(std::net::Shutdown::Write).unwrap();
    let said = peer.end();
    // The frame of farewell, of eight bytes or more, whose last word is that this was too much.
    let farewell = said
        .windows(17)
        .any(|it| it[3..5] == [7, 0] && it[13..17] == 11_u32.to_be_bytes());
    assert!(farewell, "{said:?}");
    until(&receiver, |it| it.connections_open == 0);
}
