//! What became of what was sent.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::answer::Refusal;
use super::request::{Filler, Request};
use super::style::OtlpSignal;

/// What became of the spans, points or log records of one signal.
///
/// ```
/// use agent_telemetry::otlp::OtlpSignalCounts;
///
/// let counts = OtlpSignalCounts::default();
/// assert_eq!((counts.sent, counts.dropped()), (0, 0));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtlpSignalCounts {
    /// Taken by the server.
    pub sent: u64,
    /// Sent, and rejected in an answer that took the others.
    pub rejected: u64,
    /// Of requests that the server refused for good.
    pub refused: u64,
    /// Of requests that the server refused because it does not know us, or does not allow it: 401 and 403.
    pub unauthorized: u64,
    /// Of requests that were too large for the server, and items that were too large for a request or for the queue.
    pub too_large: u64,
    /// Pushed out of the queue on disk by newer ones.
    pub queue_full: u64,
    /// Of batches that were refused for now, and then never offered again.
    pub abandoned: u64,
}

impl OtlpSignalCounts {
    /// All that never arrived.
    pub const fn dropped(&self) -> u64 {
        self.rejected
            .saturating_add(self.refused)
            .saturating_add(self.unauthorized)
            .saturating_add(self.too_large)
            .saturating_add(self.queue_full)
            .saturating_add(self.abandoned)
    }
}

/// What became of what an [`OtlpSink`](super::OtlpSink) was given.
///
/// ```
/// let counts = agent_telemetry::otlp::OtlpCounts::default();
/// assert_eq!((counts.retries, counts.queued_bytes), (0, 0));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtlpCounts {
    /// Spans.
    pub traces: OtlpSignalCounts,
    /// Data points.
    pub metrics: OtlpSignalCounts,
    /// Log records.
    pub logs: OtlpSignalCounts,
    /// Requests that were sent, again or not.
    pub requests: u64,
    /// Requests that were to be sent again, by their answer or for want of one.
    pub retries: u64,
    /// Requests that wait on disk.
    pub queued: u64,
    /// What they take there, in bytes, each 4 096 at the least.
    pub queued_bytes: u64,
    /// Requests on disk that were not whole, and removed.
    pub damaged: u64,
}

impl OtlpCounts {
    const fn of(&mut self, signal: OtlpSignal) -> &mut OtlpSignalCounts {
        match signal {
            OtlpSignal::Traces => &mut self.traces,
            OtlpSignal::Metrics => &mut self.metrics,
            OtlpSignal::Logs => &mut self.logs,
        }
    }
}

/// Reads the counts of a sink that somebody else has. Clones read the same ones.
///
/// ```
/// use agent_telemetry::Telemetry;
/// use agent_telemetry::otlp::OtlpSink;
///
/// let sink = OtlpSink::builder("http://127.0.0.1:4318").build()?;
/// let stats = sink.stats();
/// let telemetry = Telemetry::builder(sink).start()?;
/// assert_eq!(stats.counts().traces.sent, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct OtlpStats(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    counts: Mutex<OtlpCounts>,
    queue: Condvar,
}

impl OtlpStats {
    /// The counts so far.
    pub fn counts(&self) -> OtlpCounts {
        *self.lock()
    }

    /// Waits until nothing is queued on disk; whether that came in time.
    pub fn wait_until_sent(&self, timeout: Duration) -> bool {
        // Longer than anybody waits.
        const LONGEST: Duration = Duration::from_secs(1 << 32);
        let Some(end) = Instant::now().checked_add(timeout.min(LONGEST)) else {
            return false;
        };
        let mut counts = self.lock();
        while counts.queued > 0 {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.0.queue.wait_timeout(counts, left);
            counts = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, OtlpCounts> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, signal: OtlpSignal, add: impl FnOnce(&mut OtlpSignalCounts)) {
        add(self.lock().of(signal));
    }

    pub(super) fn requested(&self) {
        let mut counts = self.lock();
        counts.requests = counts.requests.saturating_add(1);
    }

    pub(super) fn to_retry(&self) {
        let mut counts = self.lock();
        counts.retries = counts.retries.saturating_add(1);
    }

    pub(super) fn taken(&self, request: &Request, rejected: u64) {
        self.count(request.signal, |it| {
            let sent = request.items.saturating_sub(rejected);
            it.sent = it.sent.saturating_add(sent);
            it.rejected = it.rejected.saturating_add(rejected);
        });
    }

    pub(super) fn refused(&self, request: &Request, why: Refusal) {
        self.count(request.signal, |it| {
            let count = match why {
                Refusal::Unauthorized => &mut it.unauthorized,
                Refusal::TooLarge => &mut it.too_large,
                Refusal::Other => &mut it.refused,
            };
            *count = count.saturating_add(request.items);
        });
    }

    pub(super) fn too_large(&self, filler: &Filler<'_>) {
        if filler.too_large > 0 {
            self.count(filler.signal(), |it| {
                it.too_large = it.too_large.saturating_add(filler.too_large);
            });
        }
    }

    pub(super) fn abandoned<'a>(&self, requests: impl IntoIterator<Item = &'a Request>) {
        for request in requests {
            self.count(request.signal, |it| {
                it.abandoned = it.abandoned.saturating_add(request.items);
            });
        }
    }

    pub(super) fn pushed_out(&self, signal: OtlpSignal, items: u64) {
        self.count(signal, |it| {
            it.queue_full = it.queue_full.saturating_add(items);
        });
    }

    pub(super) fn damaged(&self) {
        let mut counts = self.lock();
        counts.damaged = counts.damaged.saturating_add(1);
    }

    pub(super) fn queued(&self, requests: usize, bytes: u64) {
        let mut counts = self.lock();
        counts.queued = requests as u64;
        counts.queued_bytes = bytes;
        drop(counts);
        self.0.queue.notify_all();
    }
}
