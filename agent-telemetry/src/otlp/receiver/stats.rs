//! What the receiver has done so far.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::intake::Signal;

/// The receiver at one moment. Counts are since its start.
///
/// ```
/// use agent_telemetry::otlp::{Receiver, Signal};
/// # use agent_telemetry::otlp::{Accepted, Encoding, Intake, Refused};
/// # struct TakesAll;
/// # impl Intake for TakesAll {
/// #     fn take(&self, _: Signal, _: Encoding, _: &[u8]) -> Result<Accepted, Refused> { Ok(Accepted::all()) }
/// #     fn flush(&self, _: std::time::Duration) -> bool { true }
/// # }
///
/// let receiver = Receiver::builder(TakesAll).bind("127.0.0.1:0").start()?;
/// let stats = receiver.stats();
/// assert_eq!((stats.connections_open, stats.connections_accepted), (0, 0));
/// assert_eq!(stats.answered(Some(Signal::Metrics), 200), 0);
/// # Ok::<(), agent_telemetry::otlp::BindError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiverStats {
    /// Connections now.
    pub connections_open: u64,
    /// Connections that were served, those that are open among them.
    pub connections_accepted: u64,
    /// Connections that were turned away, since as many as allowed were open.
    pub connections_refused: u64,
    /// Connections that were ended since the sender was too slow with a head, or with reading the answer.
    pub connections_timed_out: u64,
    /// Connections that were ended after nothing had come for the idle timeout.
    pub connections_idle: u64,
    /// Connections that broke, or on which something else than HTTP came.
    pub connections_broken: u64,
    /// Connections that the system failed to hand over, for want of file descriptors for instance.
    pub accept_errors: u64,
    /// Requests now.
    pub requests_under_way: u64,
    /// Bytes of memory that bodies take now, packed and inflated.
    pub bytes_under_way: u64,
    /// Bytes of bodies as they came.
    pub bytes_received: u64,
    /// Bytes of bodies as they were handed to the intake.
    pub bytes_inflated: u64,
    /// How often the intake panicked; the sender was told 500.
    pub intake_panics: u64,
    /// Answers, by signal and status, in this order.
    pub requests: Vec<RequestCount>,
}

/// How often requests were answered with one status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestCount {
    /// What the request was to carry; `None` for other paths, the health among them.
    pub signal: Option<Signal>,
    /// As over HTTP, for requests over gRPC as well: what would have been answered over HTTP.
    pub status: u16,
    /// Requests.
    pub count: u64,
}

impl ReceiverStats {
    /// How many requests for this signal, `None` for other paths, were answered with this status.
    pub fn answered(&self, signal: Option<Signal>, status: u16) -> u64 {
        let mut lines = self.requests.iter();
        lines
            .find(|it| it.signal == signal && it.status == status)
            .map_or(0, |it| it.count)
    }
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) accepted: Count,
    pub(super) refused: Count,
    pub(super) timed_out: Count,
    pub(super) idle: Count,
    pub(super) broken: Count,
    pub(super) accept_errors: Count,
    pub(super) received: Count,
    pub(super) inflated: Count,
    pub(super) panics: Count,
    /// Bounded: there are a few statuses.
    requests: Mutex<BTreeMap<(Option<Signal>, u16), u64>>,
}

#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, number: usize) {
        self.0.fetch_add(number as u64, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    pub(super) fn answered(&self, signal: Option<Signal>, status: u16) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((signal, status)).or_default() += 1;
    }

    /// The figures that are not held elsewhere.
    pub(super) fn stats(&self) -> ReceiverStats {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let line = |(&(signal, status), &count)| RequestCount {
            signal,
            status,
            count,
        };
        ReceiverStats {
            connections_accepted: self.accepted.now(),
            connections_refused: self.refused.now(),
            connections_timed_out: self.timed_out.now(),
            connections_idle: self.idle.now(),
            connections_broken: self.broken.now(),
            accept_errors: self.accept_errors.now(),
            bytes_received: self.received.now(),
            bytes_inflated: self.inflated.now(),
            intake_panics: self.panics.now(),
            requests: requests.iter().map(line).collect(),
            ..ReceiverStats::default()
        }
    }
}
