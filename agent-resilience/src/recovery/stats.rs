//! How often each strategy helped.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use agent_primitives::{RecoveryOutcome, RecoveryStrategy};
use serde::{Deserialize, Serialize};

const STRATEGIES: usize = RecoveryStrategy::ALL.len();

/// Counters that grow from any number of threads.
#[derive(Debug, Default)]
pub(super) struct Counters([Counter; STRATEGIES]);

#[derive(Debug, Default)]
struct Counter {
    recovered: AtomicU64,
    failed: AtomicU64,
    skipped: AtomicU64,
}

impl Counters {
    pub(super) fn count(&self, strategy: RecoveryStrategy, outcome: RecoveryOutcome) {
        let Some(counter) = self.0.get(strategy as usize) else {
            return;
        };
        let word = match outcome {
            RecoveryOutcome::Recovered => &counter.recovered,
            RecoveryOutcome::Skipped => &counter.skipped,
            _ => &counter.failed,
        };
        word.fetch_add(1, Relaxed);
    }

    pub(super) fn snapshot(&self) -> RecoveryStats {
        let tally = |strategy: RecoveryStrategy| {
            let counter = self.0.get(strategy as usize)?;
            let tally = RecoveryTally {
                recovered: counter.recovered.load(Relaxed),
                failed: counter.failed.load(Relaxed),
                skipped: counter.skipped.load(Relaxed),
            };
            (tally != RecoveryTally::default()).then_some((strategy, tally))
        };
        let strategies = RecoveryStrategy::ALL.iter().copied();
        RecoveryStats {
            strategies: strategies.filter_map(tally).collect(),
        }
    }
}

/// How often each strategy of a [`Recovery`](crate::Recovery) helped; those that were never tried are left
/// out. `Stop` counts the runs that were given up.
///
/// ```
/// use agent_primitives::RecoveryStrategy;
/// use agent_resilience::{RecoveryStats, RecoveryTally};
///
/// let stats: RecoveryStats =
///     serde_json::from_str(r#"{"strategies": {"chunk": {"recovered": 3, "failed": 1, "skipped": 2}}}"#)?;
/// let chunk = stats.of(RecoveryStrategy::Chunk);
/// assert_eq!((chunk.tried(), chunk.success_permille()), (4, Some(750)));
/// assert_eq!(stats.to_string(), "chunk: 3 of 4 recovered, 2 skipped\n");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecoveryStats {
    /// By strategy.
    pub strategies: BTreeMap<RecoveryStrategy, RecoveryTally>,
}

/// How often one strategy helped.
///
/// ```
/// assert_eq!(agent_resilience::RecoveryTally::default().success_permille(), None);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecoveryTally {
    /// The changed request was answered.
    pub recovered: u64,
    /// The changed request failed as well.
    pub failed: u64,
    /// There was nothing to change in this way.
    pub skipped: u64,
}

impl RecoveryTally {
    /// Changed requests whose outcome is known.
    pub const fn tried(&self) -> u64 {
        self.recovered.saturating_add(self.failed)
    }

    /// Of a thousand tries, those that helped; `None` before the first.
    pub fn success_permille(&self) -> Option<u16> {
        let share = u128::from(self.recovered) * 1_000;
        let share = share.checked_div(u128::from(self.tried()))?;
        u16::try_from(share).ok()
    }
}

impl RecoveryStats {
    /// Of one strategy.
    pub fn of(&self, strategy: RecoveryStrategy) -> RecoveryTally {
        self.strategies.get(&strategy).copied().unwrap_or_default()
    }
}

impl fmt::Display for RecoveryStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (strategy, tally) in &self.strategies {
            let RecoveryTally {
                recovered, skipped, ..
            } = tally;
            let tried = tally.tried();
            writeln!(
                f,
                "{strategy}: {recovered} of {tried} recovered, {skipped} skipped"
            )?;
        }
        Ok(())
    }
}
