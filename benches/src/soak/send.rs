//! The senders, in a process of their own.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use agent_telemetry::otlp::Encoding;
use serde::{Deserialize, Serialize};

use super::{ROUNDS, SESSIONS};
use crate::claude_code::{POINTS, Sessions};
use crate::harness::Broken;

const THREADS: u32 = 4;
/// Of the bodies beside the others; the receiver takes 64 MiB.
const LARGE: usize = 60 << 20;
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest head of an answer.
const HEAD: usize = 4_096;

/// What was sent, and how it was acknowledged. Times in microseconds, from the first byte written to the last one of
/// the answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// Rounds of each session.
    pub rounds: u32,
    /// Requests that were acknowledged.
    pub requests: u64,
    /// Requests that were answered otherwise. What they said is in the next one of their session.
    pub refused: u64,
    /// Points of the acknowledged ones.
    pub points: u64,
    /// Seconds from the first to the last one.
    pub seconds: f64,
    /// Median.
    pub p50: f64,
    /// Of a hundred, one takes longer.
    pub p99: f64,
    /// Of a thousand, one takes longer.
    pub p999: f64,
    /// The longest.
    pub max: f64,
    /// How far the senders were behind their schedule at most.
    pub behind: f64,
    /// Bodies of almost the largest size that were acknowledged meanwhile, on a connection of their own.
    pub large: u64,
}

/// Sends for `seconds`; `beside_large` bodies one after another, if it is so.
///
/// # Errors
/// When a connection ends, or the last request of a session is not acknowledged.
pub fn send(address: SocketAddr, seconds: u32, beside_large: bool) -> Result<Sent, Broken> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_err(Broken::when("read the time"))?;
    let sessions = Sessions {
        began: u64::try_from(now.as_nanos()).unwrap_or(u64::MAX),
        between: 1_000_000_000 / u64::from(ROUNDS),
    };
    let rounds = seconds * ROUNDS;
    let ends = Arc::new(AtomicBool::new(false));
    let large = if beside_large {
        Some(Large::new(address, &sessions, Arc::clone(&ends))?)
    } else {
        None
    };
    let large = large.map(|large| thread::spawn(move || large.run()));
    let origin = Instant::now();
    let mut threads = Vec::new();
    for first in 0..THREADS {
        threads.push(thread::spawn(move || {
            Sender::new(address, first)?.run(&sessions, rounds, origin)
        }));
    }
    let mut sent = Sent {
        rounds,
        ..Sent::default()
    };
    let mut times = Vec::new();
    for thread in threads {
        let of = thread.join();
        let of = of.map_err(|_| Broken::new("send", "a thread panicked"))??;
        sent.refused += of.refused;
        sent.behind = sent.behind.max(micros(of.behind));
        times.extend(of.times);
    }
    sent.seconds = origin.elapsed().as_secs_f64();
    ends.store(true, Ordering::Relaxed);
    if let Some(large) = large {
        let of = large.join();
        sent.large = of.map_err(|_| Broken::new("send", "a thread panicked"))??;
    }
    sent.requests = times.len() as u64;
    sent.points = sent.requests * u64::from(POINTS);
    times.sort_unstable();
    let at = |per_mille: usize| {
        let place = (times.len() * per_mille / 1_000).min(times.len().saturating_sub(1));
        times.get(place).copied().map_or(f64::NAN, micros)
    };
    (sent.p50, sent.p99, sent.p999, sent.max) = (at(500), at(990), at(999), at(1_000));
    Ok(sent)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The sessions of one thread, with their connections.
struct Sender {
    address: SocketAddr,
    streams: Vec<(u32, TcpStream)>,
    times: Vec<Duration>,
    refused: u64,
    behind: Duration,
}

impl Sender {
    fn new(address: SocketAddr, first: u32) -> Result<Self, Broken> {
        let mut streams = Vec::new();
        for session in (first..SESSIONS).step_by(THREADS as usize) {
            let doing = "connect";
            let stream = TcpStream::connect(address).map_err(Broken::when(doing))?;
            stream.set_nodelay(true).map_err(Broken::when(doing))?;
            let patience = stream.set_read_timeout(Some(PATIENCE));
            patience.map_err(Broken::when(doing))?;
            streams.push((session, stream));
        }
        Ok(Self {
            address,
            streams,
            times: Vec::new(),
            refused: 0,
            behind: Duration::ZERO,
        })
    }

    fn run(mut self, sessions: &Sessions, rounds: u32, origin: Instant) -> Result<Self, Broken> {
        let (_never, pause): (_, Receiver<()>) = channel();
        let between = Duration::from_secs(1) / ROUNDS;
        let mut request = Vec::new();
        for round in 1..=rounds {
            for (session, stream) in &mut self.streams {
                let only = *session..*session + 1;
                let body = sessions.metrics(only, round, Encoding::Protobuf)?;
                request.clear();
                let head = head(self.address, body.len());
                request.extend_from_slice(head.as_bytes());
                request.extend_from_slice(&body);
                // Sessions take turns within a round.
                let due = between * (round - 1) + between * *session / SESSIONS;
                let left = due.saturating_sub(origin.elapsed());
                if left.is_zero() {
                    self.behind = self.behind.max(origin.elapsed().saturating_sub(due));
                } else {
                    let _ = pause.recv_timeout(left);
                }
                let began = Instant::now();
                if post(stream, &request)? {
                    self.times.push(began.elapsed());
                } else if round == rounds {
                    return Err(Broken::new("send the last values", "they were refused"));
                } else {
                    self.refused += 1;
                }
            }
        }
        Ok(self)
    }
}

/// Sends a body of almost the largest size again and again: points of sessions of its own, most of which are known.
struct Large {
    stream: TcpStream,
    request: Vec<u8>,
    ends: Arc<AtomicBool>,
}

impl Large {
    fn new(
        address: SocketAddr,
        sessions: &Sessions,
        ends: Arc<AtomicBool>,
    ) -> Result<Self, Broken> {
        let doing = "connect";
        let stream = TcpStream::connect(address).map_err(Broken::when(doing))?;
        let patience = stream.set_read_timeout(Some(PATIENCE));
        patience.map_err(Broken::when(doing))?;
        let others = 2 * SESSIONS..7 * SESSIONS;
        // Requests one after another are one request.
        let body = sessions.metrics(others, 1, Encoding::Protobuf)?;
        let times = LARGE / body.len();
        let mut request = head(address, times * body.len()).into_bytes();
        request.extend(body.repeat(times));
        Ok(Self {
            stream,
            request,
            ends,
        })
    }

    /// How many were taken.
    fn run(mut self) -> Result<u64, Broken> {
        let mut taken = 0;
        while !self.ends.load(Ordering::Relaxed) {
            taken += u64::from(post(&mut self.stream, &self.request)?);
        }
        Ok(taken)
    }
}

fn head(address: SocketAddr, length: usize) -> String {
    format!(
        "POST /v1/metrics HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/x-protobuf\r\ncontent-length: {length}\r\n\r\n",
    )
}

/// Whether it was answered with 200.
fn post(stream: &mut TcpStream, request: &[u8]) -> Result<bool, Broken> {
    let doing = "send a request";
    stream.write_all(request).map_err(Broken::when(doing))?;
    let doing = "read an answer";
    let mut answer = Vec::new();
    let mut buffer = [0; 1_024];
    loop {
        let read = stream.read(&mut buffer).map_err(Broken::when(doing))?;
        answer.extend_from_slice(buffer.get(..read).unwrap_or_default());
        if let Some((status, whole)) = told(&answer)
            && answer.len() >= whole
        {
            return Ok(status == 200);
        }
        if read == 0 || answer.len() > HEAD {
            return Err(Broken::new(doing, "it has no end, or none that is known"));
        }
    }
}

/// The status of an answer and how long it is, once its head is there.
fn told(answer: &[u8]) -> Option<(u16, usize)> {
    let text = std::str::from_utf8(answer).ok();
    let ends = answer.windows(4).position(|it| it == b"\r\n\r\n")?;
    let head = text.or_else(|| std::str::from_utf8(answer.get(..ends)?).ok())?;
    let mut lines = head.get(..ends)?.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let named = name.eq_ignore_ascii_case("content-length");
        named.then(|| value.trim().parse::<usize>().ok())?
    });
    Some((status, ends + 4 + length?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_it_says() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(told(answer), Some((200, answer.len())));
        assert_eq!(told(&answer[..30]), None);
        let refused = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(told(refused), Some((503, refused.len())));
    }
}
