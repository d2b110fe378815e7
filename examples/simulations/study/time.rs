//! Simulated time: hours pass while the work of a moment is done.

use std::future::Future;
use std::io;
use std::time::Duration;

use agent_primitives::{Clock, Monotonic, Timestamp};
use tokio::time::Instant;

/// When every simulation begins: a minute and a second after the full hour, since windows end by the
/// wall clock.
const BEGIN: Timestamp = Timestamp::from_unix_seconds(1_795_000_000);

/// The time of the runtime it was made on. It stands still while anything can be done, and then jumps
/// to the next moment at which somebody wakes up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SimulatedTime(Instant);

impl SimulatedTime {
    /// Begins now.
    pub(crate) fn begin() -> Self {
        Self(Instant::now())
    }

    /// Time since the beginning.
    pub(crate) fn passed(&self) -> Duration {
        self.0.elapsed()
    }

    /// The wall clock's time, of which providers count their minutes and days.
    pub(crate) fn wall(&self) -> Timestamp {
        BEGIN + self.passed()
    }
}

impl Clock for SimulatedTime {
    fn monotonic(&self) -> Monotonic {
        Monotonic::from_nanos(0) + self.passed()
    }

    fn timestamp(&self) -> Timestamp {
        self.wall()
    }
}

/// Tells a story to its end on a runtime of one thread whose time is simulated: the same each time.
pub(crate) fn simulate<T>(story: impl Future<Output = T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    Ok(runtime.block_on(story))
}

/// Waits so many milliseconds of simulated time.
pub(crate) async fn pause(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}
