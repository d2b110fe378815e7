//! Time that passes at once where everybody waits for it, with real sockets in between.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agent_primitives::{Clock, Monotonic, Timestamp};
use agent_resilience::Sleep;
use async_trait::async_trait;
use tokio::sync::oneshot;

/// A clock and a timer for scenarios that would take minutes. It stands still while anything happens, and
/// goes to the next moment that somebody waits for once nothing has happened for two milliseconds: enough
/// for bytes to pass through the loopback interface.
///
/// What counts as happening is what [`stir`](Self::stir) is called for; [`Sleep::sleep`] calls it itself.
/// Give the same one to everything that waits, and run all of it on one thread. Clones show the same time.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::Clock;
/// use agent_resilience::Sleep;
/// use support::VirtualTime;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let time = VirtualTime::default();
/// let day = time.sleep(Duration::from_secs(86_400));
/// time.while_passing(day).await;
/// assert_eq!(time.monotonic().nanos(), 86_400_000_000_000);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct VirtualTime(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    nanos: AtomicU64,
    stirs: AtomicU64,
    sleepers: Mutex<Sleepers>,
}

#[derive(Debug, Default)]
struct Sleepers {
    next: u64,
    waiting: BinaryHeap<Reverse<Sleeper>>,
}

/// Ordered by the moment, then by who came first.
#[derive(Debug)]
struct Sleeper {
    at: u64,
    number: u64,
    wake: oneshot::Sender<()>,
}

impl PartialEq for Sleeper {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Sleeper {}

impl PartialOrd for Sleeper {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Sleeper {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// Looks so often whether anything happened.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// Time moves when so many looks in a row saw nothing.
const QUIET_LOOKS: u32 = 2;

impl VirtualTime {
    /// Says that something happened, so that time does not move yet.
    pub fn stir(&self) {
        self.0.stirs.fetch_add(1, Ordering::Relaxed);
    }

    /// What `work` comes to, with time passing for it.
    pub async fn while_passing<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            done = work => done,
            never = self.pass() => match never {},
        }
    }

    async fn pass(&self) -> std::convert::Infallible {
        let mut seen = self.0.stirs.load(Ordering::Relaxed);
        let mut quiet = 0;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let stirs = self.0.stirs.load(Ordering::Relaxed);
            quiet = if stirs == seen { quiet + 1 } else { 0 };
            seen = stirs;
            if quiet >= QUIET_LOOKS {
                self.advance();
                quiet = 0;
            }
        }
    }

    /// Goes to the next moment that somebody still waits for.
    fn advance(&self) {
        let mut sleepers = self.sleepers();
        while let Some(Reverse(sleeper)) = sleepers.waiting.pop() {
            if sleeper.wake.is_closed() {
                continue;
            }
            self.0.nanos.fetch_max(sleeper.at, Ordering::Relaxed);
            self.stir();
            // Gone since the look; then time has moved to no purpose, which harms nobody.
            let _ = sleeper.wake.send(());
            return;
        }
    }

    fn sleepers(&self) -> MutexGuard<'_, Sleepers> {
        // Nothing panics under the lock.
        self.0
            .sleepers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for VirtualTime {
    fn monotonic(&self) -> Monotonic {
        Monotonic::from_nanos(self.0.nanos.load(Ordering::Relaxed))
    }

    fn timestamp(&self) -> Timestamp {
        // 2026-01-01, so that dates in headers look like dates.
        Timestamp::from_unix_seconds(1_767_225_600) + self.monotonic().since(Monotonic::default())
    }
}

#[async_trait]
impl Sleep for VirtualTime {
    async fn sleep(&self, duration: Duration) {
        let (wake, woken) = oneshot::channel();
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        {
            let mut sleepers = self.sleepers();
            let number = sleepers.next;
            sleepers.next += 1;
            let at = self.monotonic().nanos().saturating_add(nanos);
            sleepers.waiting.push(Reverse(Sleeper { at, number, wake }));
        }
        self.stir();
        // An error would mean that the clock is gone, which this future keeps alive.
        let _ = woken.await;
        self.stir();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<T>(work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(work)
    }

    #[test]
    fn sleepers_wake_in_order_and_only_when_time_has_come() {
        run(async {
            let time = VirtualTime::default();
            let woken = Mutex::new(Vec::new());
            let sleeper = |seconds| {
                let (time, woken) = (&time, &woken);
                async move {
                    time.sleep(Duration::from_secs(seconds)).await;
                    woken.lock().unwrap().push(time.monotonic().nanos());
                }
            };
            let all = async { tokio::join!(sleeper(3), sleeper(1), sleeper(2)) };
            time.while_passing(all).await;
            let seconds: Vec<_> = woken
                .lock()
                .unwrap()
                .iter()
                .map(|n| n / 1_000_000_000)
                .collect();
            assert_eq!(seconds, [1, 2, 3]);
        });
    }

    #[test]
    fn a_dropped_sleeper_moves_no_time() {
        run(async {
            let time = VirtualTime::default();
            let race = async {
                tokio::select! {
                    () = time.sleep(Duration::from_secs(60)) => {}
                    () = time.sleep(Duration::from_secs(1)) => {}
                }
                time.sleep(Duration::from_secs(4)).await;
            };
            time.while_passing(race).await;
            assert_eq!(time.monotonic().nanos(), 5_000_000_000);
        });
    }
}
