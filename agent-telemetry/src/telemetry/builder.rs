//! Options of the recorder.

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{Clock, SystemClock};

use super::queue::Queue;
use super::{Shared, Telemetry, writer};
use crate::{Prices, Sink};

/// A recorder about to start.
///
/// ```
/// use std::num::NonZeroUsize;
/// use std::time::Duration;
/// use agent_primitives::ManualClock;
/// use agent_telemetry::{MemorySink, Prices, Telemetry};
///
/// let telemetry = Telemetry::builder(MemorySink::new())
///     .clock(ManualClock::default())
///     .prices(Prices::shipped())
///     .queue(NonZeroUsize::new(1_024).expect("not zero"))
///     .window(Duration::from_millis(10))
///     .start()?;
/// assert!(telemetry.health().running);
/// # Ok::<(), agent_telemetry::StartError>(())
/// ```
#[must_use = "nothing is recorded before `start`"]
pub struct TelemetryBuilder<S> {
    sink: S,
    clock: Arc<dyn Clock>,
    prices: Prices,
    queue: usize,
    window: Duration,
}

impl<S: Sink + 'static> TelemetryBuilder<S> {
    const QUEUE: usize = 65_536;
    const WINDOW: Duration = Duration::from_millis(50);

    pub(super) fn new(sink: S) -> Self {
        Self {
            sink,
            clock: Arc::new(SystemClock),
            prices: Prices::shipped(),
            queue: Self::QUEUE,
            window: Self::WINDOW,
        }
    }

    /// Where sessions and spans take their time from; the system's clocks unless set. Events bring
    /// their own time.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// What model calls cost; [`Prices::shipped`] unless set.
    pub fn prices(mut self, prices: Prices) -> Self {
        self.prices = prices;
        self
    }

    /// Most records that wait for the sink; 65 536 unless set, some 14 MB when full.
    pub fn queue(mut self, records: NonZeroUsize) -> Self {
        self.queue = records.get();
        self
    }

    /// The group-commit window: how long the first record of a batch waits for others, and so what a
    /// killed process may lose; 50 ms unless set. Zero stores each record as soon as the sink can
    /// take it. A batch of 8 192 records, or half the queue, does not wait. Real time, whatever the
    /// clock.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Starts the writer thread.
    ///
    /// # Errors
    /// [`StartError`] when the system gives no thread.
    pub fn start(self) -> Result<Telemetry, StartError> {
        let queue = Arc::new(Queue::new(self.queue, self.window));
        let (for_writer, sink) = (Arc::clone(&queue), self.sink);
        // Not joined: `Queue::close` waits for the writer, with a limit.
        std::thread::Builder::new()
            .name("agent-telemetry".to_owned())
            .spawn(move || writer::run(&for_writer, sink))
            .map_err(StartError)?;
        Ok(Telemetry(Arc::new(Shared {
            queue,
            clock: self.clock,
            prices: self.prices,
        })))
    }
}

impl<S> fmt::Debug for TelemetryBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TelemetryBuilder")
            .field("queue", &self.queue)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

/// The system gave no thread to write with.
///
/// ```
/// let ready: Result<_, agent_telemetry::StartError> =
///     agent_telemetry::Telemetry::builder(agent_telemetry::MemorySink::new()).start();
/// assert!(ready.is_ok());
/// ```
#[derive(Debug, thiserror::Error)]
#[error("the telemetry writer thread did not start; raise the thread limit of the process")]
pub struct StartError(#[source] io::Error);
