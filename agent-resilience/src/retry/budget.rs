//! A share of the traffic that may be retries, so that retries cannot multiply an outage.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use agent_primitives::Monotonic;
use serde::{Deserialize, Serialize};

/// Settings of a [`RetryBudget`], as plain data.
///
/// ```
/// use agent_resilience::RetryBudgetConfig;
///
/// let config: RetryBudgetConfig = serde_json::from_str(r#"{"percent": 10}"#)?;
/// assert_eq!((config.percent, config.min_per_second), (10, 1));
/// assert_eq!(config.window.as_secs(), 10);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryBudgetConfig {
    /// Retries allowed for every hundred calls; 20 by default, as in Envoy and Finagle.
    pub percent: u32,
    /// Retries allowed a second where so few calls are made that their share would be less; 1 by
    /// default.
    pub min_per_second: u32,
    /// What was allowed and not used lapses after this time; 10 s by default.
    #[serde(with = "crate::duration")]
    pub window: Duration,
}

impl Default for RetryBudgetConfig {
    fn default() -> Self {
        Self {
            percent: 20,
            min_per_second: 1,
            window: Duration::from_secs(10),
        }
    }
}

/// Allows retries as a share of the calls that are made: with the default of 20 %, a provider that
/// fails every call is sent 1.2 times the demand, however many attempts each call may make. Clones
/// share the budget.
///
/// Every call [deposits](Self::deposit) its share once; every further attempt
/// [withdraws](Self::withdraw) one retry before its pause. What is left lapses: the budget never holds
/// more than the share of one window's calls, or the minimum for that window where this is more.
/// Calls between two withdrawals count as spread evenly over the time between them, so that a deposit
/// needs no clock.
///
/// No locks: a deposit adds to a counter that belongs to the thread, where there are no more than eight
/// of them, and a withdrawal is one atomic exchange. Where threads share a counter, deposits that are
/// made on it while another one is may be lost: a retry fewer, never one more.
///
/// ```
/// use agent_primitives::Monotonic;
/// use agent_resilience::{RetryBudget, RetryBudgetConfig};
///
/// let budget = RetryBudget::new(RetryBudgetConfig { min_per_second: 0, ..Default::default() });
/// let now = Monotonic::from_nanos(0);
/// assert!(budget.withdraw(now).is_none(), "nobody called yet");
/// for _ in 0..10 {
///     budget.deposit();
/// }
/// let first = budget.withdraw(now).ok_or("a fifth of ten calls is two")?;
/// let second = budget.withdraw(now).ok_or("a fifth of ten calls is two")?;
/// assert!(budget.withdraw(now).is_none());
/// assert_eq!(budget.refused(), 2);
///
/// first.spend();
/// drop(second); // the retry was not made: it comes back
/// assert!(budget.withdraw(now).is_some());
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone)]
pub struct RetryBudget(Arc<Account>);

struct Account {
    config: RetryBudgetConfig,
    /// Calls so far, each thread on a line of its own where there are no more threads than lines.
    calls: [Line; LINES],
    /// Thousandths of a retry that may be withdrawn.
    balance: AtomicU64,
    /// When the balance was brought up to date.
    settled: AtomicU64,
    /// Calls that the balance has been given its share of.
    counted: AtomicU64,
    /// Calls of the last window, about, in [`PARTS`] of a call.
    recent: AtomicU64,
    refused: AtomicU64,
}

/// Two cache lines, since processors fetch them in pairs.
#[repr(align(128))]
#[derive(Default)]
struct Line(AtomicU64);

const LINES: usize = 8;
const RETRY: u64 = 1_000;
/// What a call is counted in where it lapses little by little. Each time what lapsed is rounded, at most
/// a thousand times a second: whole calls would never add up where calls come slower than they round.
const PARTS: u64 = 1 << 20;
const NANOS_PER_MILLI: u64 = 1_000_000;
/// A balance this old, or one that does not suffice, is brought up to date first.
const SETTLE_AFTER: Duration = Duration::from_millis(100);

thread_local! {
    static LINE: Cell<usize> = {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        Cell::new(THREADS.fetch_add(1, Ordering::Relaxed) % LINES)
    };
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new(RetryBudgetConfig::default())
    }
}

impl fmt::Debug for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryBudget")
            .field("config", &self.0.config)
            .field("available", &self.available())
            .field("refused", &self.refused())
            .finish_non_exhaustive()
    }
}

impl RetryBudget {
    /// A budget with the minimum of one window in it.
    pub fn new(config: RetryBudgetConfig) -> Self {
        Self(Arc::new(Account {
            calls: Default::default(),
            balance: AtomicU64::new(least(&config, config.window)),
            settled: AtomicU64::new(0),
            counted: AtomicU64::new(0),
            recent: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            config,
        }))
    }

    /// Counts a call; once for each, however many attempts it makes.
    #[inline]
    pub fn deposit(&self) {
        // Without a thread's own value, which is being torn down, the first line does.
        let line = LINE.try_with(Cell::get).unwrap_or_default();
        if let Some(Line(calls)) = self.0.calls.get(line) {
            // Not one exchange: it would cost four times as much, and a lost count is harmless.
            let counted = calls.load(Ordering::Relaxed).wrapping_add(1);
            calls.store(counted, Ordering::Relaxed);
        }
    }

    /// Takes one retry out, or counts a refusal. What is returned gives the retry back when it is
    /// dropped unspent.
    pub fn withdraw(&self, now: Monotonic) -> Option<Withdrawal<'_>> {
        let account = &*self.0;
        let settled = Monotonic::from_nanos(account.settled.load(Ordering::Relaxed));
        if now.since(settled) >= SETTLE_AFTER {
            account.settle(now);
        }
        if account.take() || (account.settle(now) && account.take()) {
            return Some(Withdrawal {
                unspent: Some(account),
            });
        }
        account.refused.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// Retries that may be made at once, as of the last withdrawal.
    pub fn available(&self) -> u64 {
        self.0.balance.load(Ordering::Relaxed) / RETRY
    }

    /// Retries that were refused.
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }
}

impl Account {
    fn take(&self) -> bool {
        let less = |balance: u64| balance.checked_sub(RETRY);
        self.balance
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, less)
            .is_ok()
    }

    /// Gives the balance its share of the calls since the last time and cuts off what lapsed. Always
    /// true.
    ///
    /// Each call and each nanosecond is handed out by one exchange, so that it counts once whatever
    /// threads do here at the same time.
    #[cold]
    fn settle(&self, now: Monotonic) -> bool {
        // Whole milliseconds, the least that earns something: the rest is left for the next time, so
        // that a budget which is asked more often than that earns no less.
        let now = Monotonic::from_nanos(now.nanos() - now.nanos() % NANOS_PER_MILLI);
        let before = self.settled.fetch_max(now.nanos(), Ordering::AcqRel);
        let passed = now.since(Monotonic::from_nanos(before));
        let all: u64 = self
            .calls
            .iter()
            .map(|line| line.0.load(Ordering::Relaxed))
            .sum();
        let fresh = all.saturating_sub(self.counted.fetch_max(all, Ordering::AcqRel));

        // Beyond 584 years, which is as far as clocks reach, products would not fit.
        let longest = Duration::from_nanos(u64::MAX);
        let window = self.config.window.clamp(Duration::from_nanos(1), longest);
        let before = self.recent.load(Ordering::Relaxed);
        let recent = in_window(before, fresh.saturating_mul(PARTS), passed, window);
        self.recent.store(recent, Ordering::Relaxed);

        let by_calls = share(&self.config, recent.div_ceil(PARTS));
        let by_time = least(&self.config, window);
        let mut earned = share(&self.config, fresh);
        // For a window of few calls, and not for each moment of a busy one in which nobody called.
        if by_calls < by_time {
            earned = earned.max(least(&self.config, passed));
        }
        let most = by_calls.max(by_time);
        let more = |balance: u64| Some(balance.saturating_add(earned).min(most));
        let _ = self
            .balance
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, more);
        true
    }
}

/// Thousandths of a retry for `calls` calls.
fn share(config: &RetryBudgetConfig, calls: u64) -> u64 {
    calls
        .saturating_mul(u64::from(config.percent))
        .saturating_mul(RETRY / 100)
}

/// Thousandths of a retry for a time without calls.
fn least(config: &RetryBudgetConfig, time: Duration) -> u64 {
    let thousandths = time
        .as_millis()
        .saturating_mul(u128::from(config.min_per_second));
    u64::try_from(thousandths).unwrap_or(u64::MAX)
}

/// Calls in the window that ends now, of which `before` were in the one that ended when `passed` was
/// still to come, and `fresh` came since. Both count as evenly spread.
fn in_window(before: u64, fresh: u64, passed: Duration, window: Duration) -> u64 {
    let part = |calls: u64, of: Duration, whole: Duration| {
        let calls = u128::from(calls) * of.as_nanos() / whole.as_nanos().max(1);
        u64::try_from(calls).unwrap_or(u64::MAX)
    };
    if passed >= window {
        return part(fresh, window, passed);
    }
    part(before, window.saturating_sub(passed), window).saturating_add(fresh)
}

/// One retry out of a [`RetryBudget`]; comes back when it is dropped unspent, so that a call which
/// is cancelled during its pause costs nothing.
///
/// ```
/// use agent_primitives::Monotonic;
/// use agent_resilience::RetryBudget;
///
/// let budget = RetryBudget::default();
/// let now = Monotonic::from_nanos(0);
/// let before = budget.available();
/// drop(budget.withdraw(now));
/// assert_eq!(budget.available(), before);
/// budget.withdraw(now).ok_or("the minimum for ten seconds is ten")?.spend();
/// assert_eq!(budget.available(), before - 1);
/// # Ok::<(), &str>(())
/// ```
#[must_use = "dropped unspent, the retry goes back into the budget"]
pub struct Withdrawal<'a> {
    unspent: Option<&'a Account>,
}

impl Withdrawal<'_> {
    /// The retry is being made.
    pub fn spend(mut self) {
        self.unspent = None;
    }
}

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        if let Some(account) = self.unspent {
            // What exceeds the most that the budget may hold is cut off when it is next settled.
            let more = |balance: u64| Some(balance.saturating_add(RETRY));
            let _ = account
                .balance
                .fetch_update(Ordering::AcqRel, Ordering::Relaxed, more);
        }
    }
}

impl fmt::Debug for Withdrawal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Withdrawal")
    }
}
