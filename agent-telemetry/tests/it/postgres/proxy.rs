//! A way to the server that breaks when it is told to.

#![expect(
    clippy::indexing_slicing,
    reason = "there are two directions, and no more is passed on than was read"
)]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

/// Passes on what it is sent, so many bytes in each direction.
pub(crate) struct Proxy {
    port: u16,
    left: Arc<[AtomicI64; 2]>,
}

/// A direction.
pub(crate) const TO_SERVER: usize = 0;
pub(crate) const TO_CLIENT: usize = 1;

const ALL: i64 = i64::MAX / 2;

impl Proxy {
    pub(crate) fn to(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let left = Arc::new([AtomicI64::new(ALL), AtomicI64::new(ALL)]);
        let budget = Arc::clone(&left);
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else {
                    continue;
                };
                for stream in [&client, &server] {
                    stream.set_nodelay(true).unwrap();
                }
                let ways = [
                    (client.try_clone().unwrap(), server.try_clone().unwrap()),
                    (server, client),
                ];
                for (direction, (from, to)) in ways.into_iter().enumerate() {
                    let budget = Arc::clone(&budget);
                    thread::spawn(move || pump(from, to, &budget[direction]));
                }
            }
        });
        Self { port, left }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Breaks the connection after so many bytes of a direction; what breaks once stays whole after it.
    pub(crate) fn break_after(&self, direction: usize, bytes: i64) {
        self.left[direction].store(bytes, Ordering::SeqCst);
    }

    /// How many bytes have passed since the last call.
    pub(crate) fn passed(&self, direction: usize) -> i64 {
        ALL - self.left[direction].swap(ALL, Ordering::SeqCst)
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, left: &AtomicI64) {
    let mut buffer = [0; 4_096];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let length = i64::try_from(read).unwrap();
        let before = left.fetch_sub(length, Ordering::SeqCst);
        let passing = usize::try_from(before).unwrap_or(0).min(read);
        if to.write_all(&buffer[..passing]).is_err() {
            break;
        }
        if passing < read {
            left.store(ALL, Ordering::SeqCst);
            break;
        }
    }
    to.shutdown(Shutdown::Both).ok();
    from.shutdown(Shutdown::Both).ok();
}
