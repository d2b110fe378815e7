//! A cooldown that several tasks share, and from which they come back spread over time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use agent_primitives::{Clock, Monotonic, SystemClock};
use serde::{Deserialize, Serialize};

use crate::sleep::Sleep;
#[cfg(feature = "tokio")]
use crate::sleep::TokioSleep;

/// 2^64 divided by the golden ratio. Its multiples, taken modulo 2^64, lie evenly spread however many
/// are taken: each new one falls into the widest gap that is left (the three-gap theorem). So the
/// places need not know how many tasks there are.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// How tasks come back after a shared cooldown, as plain data.
///
/// The default spreads them over a quarter of the cooldown, between 1 and 30 s.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::GateConfig;
///
/// let config = GateConfig::default();
/// assert_eq!(config.ramp(Duration::from_secs(60)), Duration::from_secs(15));
/// assert_eq!(config.ramp(Duration::from_millis(10)), Duration::from_secs(1));
/// assert_eq!(config.ramp(Duration::from_secs(3_600)), Duration::from_secs(30));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GateConfig {
    /// The share of the cooldown over which tasks come back, in percent.
    pub ramp_percent: u32,
    /// At least over this time.
    #[serde(with = "crate::duration")]
    pub ramp_min: Duration,
    /// At most over this time.
    #[serde(with = "crate::duration")]
    pub ramp_max: Duration,
    /// Where in the ramp the first task comes back. Processes that share one provider take different
    /// seeds.
    pub seed: u64,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self {
            ramp_percent: 25,
            ramp_min: Duration::from_secs(1),
            ramp_max: Duration::from_secs(30),
            seed: 0,
        }
    }
}

impl GateConfig {
    /// Over what time tasks come back from a cooldown of this length.
    pub fn ramp(&self, cooldown: Duration) -> Duration {
        cooldown
            .saturating_mul(self.ramp_percent)
            .checked_div(100)
            .unwrap_or_default()
            .max(self.ramp_min)
            .min(self.ramp_max)
    }
}

/// A cooldown that many tasks share: whoever hears from the provider that it wants to be left alone
/// closes the gate, all others wait, and after it they come back one after the other instead of
/// together. A handle: clones share the gate.
///
/// A caller that has a [`RateLimit`](crate::RateLimit) needs none: its
/// [`block_until`](crate::RateLimit::block_until) does the same for those who wait in its queue.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::Monotonic;
/// use agent_resilience::{CooldownGate, GateConfig};
///
/// let gate = CooldownGate::new(GateConfig::default());
/// let now = Monotonic::from_nanos(0);
/// assert_eq!(gate.delay_at(now), Duration::ZERO);
///
/// gate.close_at(now, Duration::from_secs(60));
/// let delays: Vec<Duration> = (0..64).map(|_| gate.delay_at(now)).collect();
/// let ends = |second: u64| {
///     let from = Duration::from_secs(second);
///     delays.iter().filter(|delay| (from..from + Duration::from_secs(1)).contains(*delay)).count()
/// };
/// assert!(delays.iter().all(|delay| *delay >= Duration::from_secs(60)));
/// assert!((60..75).all(|second| ends(second) <= 2 * 64 / 15), "spread over 15 s");
/// ```
#[derive(Clone)]
pub struct CooldownGate {
    shared: Arc<Shared>,
}

struct Shared {
    config: GateConfig,
    /// Closed before this moment.
    until: AtomicU64,
    /// Nanoseconds of the ramp after it.
    ramp: AtomicU64,
    /// Places handed out.
    places: AtomicU64,
    clock: Arc<dyn Clock>,
}

impl CooldownGate {
    /// An open gate, timed by the system's clock.
    pub fn new(config: GateConfig) -> Self {
        Self::with_clock(config, SystemClock)
    }

    /// An open gate, timed by `clock`.
    pub fn with_clock(config: GateConfig, clock: impl Clock + 'static) -> Self {
        Self {
            shared: Arc::new(Shared {
                config,
                until: AtomicU64::new(0),
                ramp: AtomicU64::new(0),
                places: AtomicU64::new(config.seed),
                clock: Arc::new(clock),
            }),
        }
    }

    /// Closes the gate at `now` for so long. A cooldown that ends sooner than the present one changes
    /// nothing.
    pub fn close_at(&self, now: Monotonic, cooldown: Duration) {
        let until = (now + cooldown).nanos();
        let ramp = self.shared.config.ramp(cooldown);
        if self.shared.until.fetch_max(until, Ordering::SeqCst) < until {
            // A task that reads between the two sees the ramp of the last cooldown: it comes back at
            // another moment of the right one.
            let ramp = u64::try_from(ramp.as_nanos()).unwrap_or(u64::MAX);
            self.shared.ramp.store(ramp, Ordering::Release);
        }
    }

    /// Closes the gate for so long from now.
    pub fn close_for(&self, cooldown: Duration) {
        self.close_at(self.shared.clock.monotonic(), cooldown);
    }

    /// Opens the gate; tasks that wait already find out when their time is over.
    pub fn open(&self) {
        self.shared.until.store(0, Ordering::SeqCst);
    }

    /// How long a task that comes at `now` has to wait; zero while the gate is open. Each answer while
    /// it is closed is another place in the ramp: ask once and wait.
    pub fn delay_at(&self, now: Monotonic) -> Duration {
        let until = self.shared.until.load(Ordering::Acquire);
        if until <= now.nanos() {
            return Duration::ZERO;
        }
        let place = self.shared.places.fetch_add(1, Ordering::Relaxed);
        let ramp = self.shared.ramp.load(Ordering::Acquire);
        let share = (u128::from(place.wrapping_mul(GOLDEN)) * u128::from(ramp)) >> 64;
        let share = u64::try_from(share).unwrap_or(ramp);
        Duration::from_nanos((until - now.nanos()).saturating_add(share))
    }

    /// Waits while the gate is closed, and for this task's place in the ramp after it, with tokio's
    /// timer. A gate that was closed for longer meanwhile is waited for as well.
    ///
    /// # Cancel safety
    /// Dropping the future ends the wait. Its place in the ramp stays empty.
    #[cfg(feature = "tokio")]
    pub async fn wait(&self) {
        self.wait_with(&TokioSleep).await;
    }

    /// Waits as `wait` does, with a timer of the caller's choice.
    ///
    /// # Cancel safety
    /// Dropping the future ends the wait. Its place in the ramp stays empty.
    pub async fn wait_with(&self, sleep: &(impl Sleep + ?Sized)) {
        loop {
            let delay = self.delay_at(self.shared.clock.monotonic());
            if delay.is_zero() {
                return;
            }
            sleep.sleep(delay).await;
        }
    }
}

impl fmt::Debug for CooldownGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CooldownGate")
            .field("config", &self.shared.config)
            .field("until", &self.shared.until)
            .finish_non_exhaustive()
    }
}
