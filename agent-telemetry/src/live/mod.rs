//! Watching what is recorded, while it is recorded.

mod channel;
mod config;
mod error;
mod fold;
mod item;
mod minute;
#[cfg(all(test, agent_model))]
mod model;
mod totals;

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

pub(crate) use channel::{Channel, Handed, Offered};
pub use config::LiveConfig;
pub use error::LiveError;
pub use item::LiveItem;
pub use totals::{LastMinute, LiveSums, LiveTotals};

use crate::telemetry::Tap;

/// What a recorder records, as it happens; made by [`Telemetry::subscribe`](crate::Telemetry::subscribe).
///
/// It holds no recorder: when that shuts down, a reader gets what it has not read yet, and then the end. Dropping it
/// ends the subscription.
///
/// As an iterator it waits for what comes next, up to the end:
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{AgentId, SessionId};
/// use agent_telemetry::{LiveConfig, LiveItem, MemorySink, Outcome, RecordKind, SessionStart, Telemetry};
///
/// let telemetry = Telemetry::builder(MemorySink::new()).start()?;
/// let live = telemetry.subscribe(LiveConfig::new().without_totals())?;
/// let start = SessionStart::new(SessionId::new("s1")?, AgentId::new("coder")?);
/// telemetry.session(start).end(Outcome::Success);
/// telemetry.shutdown(Duration::from_secs(5))?;
///
/// let kinds: Vec<RecordKind> = live
///     .filter_map(|item| match item {
///         LiveItem::Record(record) => Some(record.kind()),
///         _ => None,
///     })
///     .collect();
/// assert_eq!(kinds, [RecordKind::SessionStart, RecordKind::SessionEnd]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Live {
    tap: Arc<Tap>,
    channel: Arc<Channel>,
}

impl Live {
    pub(crate) const fn new(tap: Arc<Tap>, channel: Arc<Channel>) -> Self {
        Self { tap, channel }
    }

    /// The next item; waits for it for `timeout`, in real time.
    ///
    /// Blocks the calling thread: in async code, use [`recv_async`](Self::recv_async).
    ///
    /// # Errors
    /// [`LiveError`] says whether nothing came, or nothing will.
    pub fn recv(&mut self, timeout: Duration) -> Result<LiveItem, LiveError> {
        self.channel.wait(Instant::now().checked_add(timeout))
    }

    /// The next item, if there is one.
    ///
    /// # Errors
    /// [`LiveError`] says whether nothing is there, or nothing will come.
    pub fn try_recv(&mut self) -> Result<LiveItem, LiveError> {
        self.channel.take()
    }

    /// The next item, for any async runtime: the waker is woken when a record comes, and at the end.
    ///
    /// Totals that are due come with the next poll. No timer wakes for them, so that with nothing recorded a
    /// subscriber rests; ask [`totals`](Self::totals) at any time.
    ///
    /// # Errors
    /// [`LiveError`] at the end; never for want of time.
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Result<LiveItem, LiveError>> {
        self.channel.poll(context)
    }

    /// [`poll_recv`](Self::poll_recv) as a future.
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::task::{Context, Waker};
    /// use agent_telemetry::{LiveConfig, MemorySink, Telemetry};
    ///
    /// let telemetry = Telemetry::builder(MemorySink::new()).start()?;
    /// let mut live = telemetry.subscribe(LiveConfig::new().without_totals())?;
    /// let next = pin!(live.recv_async());
    /// assert!(next.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    /// # Ok::<(), agent_telemetry::StartError>(())
    /// ```
    ///
    /// # Errors
    /// [`LiveError`] at the end.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, it has taken nothing.
    pub async fn recv_async(&mut self) -> Result<LiveItem, LiveError> {
        poll_fn(|context| self.poll_recv(context)).await
    }

    /// Running totals since the subscription, at this moment: of all records that the filter lets through, missed ones
    /// included.
    pub fn totals(&self) -> LiveTotals {
        self.channel.totals()
    }
}

/// Waits for what comes next; `None` once nothing will come any more.
impl Iterator for Live {
    type Item = LiveItem;

    fn next(&mut self) -> Option<LiveItem> {
        self.channel.wait(None).ok()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.tap.unsubscribe(&self.channel);
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Live").field(&self.channel).finish()
    }
}
