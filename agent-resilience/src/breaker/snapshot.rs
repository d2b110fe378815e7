//! What a breaker shows to people and dashboards.

use std::fmt;
use std::time::Duration;

use agent_primitives::{BreakerState, ProviderId, Timestamp};
use serde::{Deserialize, Serialize};

use super::machine::Glance;

/// A breaker at a moment. Its counts are taken one after the other: under load they may differ by the
/// calls between them.
///
/// ```
/// use agent_primitives::{FailureKind, ManualClock, ProviderId};
/// use agent_resilience::{BreakerConfig, CircuitBreaker};
///
/// let breaker = CircuitBreaker::new(ProviderId::new("groq")?, BreakerConfig::default())
///     .clock(ManualClock::default());
/// breaker.admit().unwrap().success();
/// breaker.admit().unwrap().failure(FailureKind::Server);
/// let shown = breaker.snapshot();
/// assert_eq!((shown.calls, shown.failed, shown.failure_rate), (2, 1, Some(0.5)));
/// assert_eq!(shown.to_string(), "groq: closed for 0ns, 1 of 2 calls failed (50.0 %), 1 in a row");
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BreakerSnapshot {
    /// Whose breaker.
    pub name: ProviderId,
    /// What a call would meet.
    pub state: BreakerState,
    /// When it was taken, by the wall clock.
    pub at: Timestamp,
    /// When the state was entered: the breaker's beginning, or the last change. An open state whose time
    /// is over counts as half open from when it was opened until a call comes, and a half-open one from
    /// when its last probe was let through.
    pub since: Timestamp,
    /// Time until a call may be let through; `None` when one would be now, or when only a person can tell.
    pub retry_in: Option<Duration>,
    /// Failures in a row, by weight; 0 unless closed.
    pub in_a_row: u16,
    /// Calls in the window since it closed. An open breaker shows what opened it, as far as that is still
    /// in the window.
    pub calls: u64,
    /// Those of them that failed, by weight.
    pub failed: u64,
    /// Those of them that were slow; 0 where that is not asked for.
    pub slow: u64,
    /// `failed` by `calls`; `None` without calls.
    pub failure_rate: Option<f64>,
    /// `slow` by `calls`; `None` without calls.
    pub slow_rate: Option<f64>,
    /// Probes let through and not given back; 0 unless half open.
    pub probes_admitted: u16,
    /// Probes that succeeded; 0 unless half open.
    pub probes_succeeded: u16,
    /// Probes that have to succeed.
    pub probes: u16,
    /// Calls turned away since the breaker was made.
    pub rejected: u64,
}

impl BreakerSnapshot {
    pub(super) fn new(name: ProviderId, at: Timestamp, glance: Glance) -> Self {
        let Glance {
            refusal,
            age,
            row,
            tally,
            probes: (probes_admitted, probes_succeeded, probes),
            rejected,
        } = glance;
        Self {
            name,
            state: refusal.state,
            at,
            since: at - age,
            retry_in: refusal.left.map(Duration::from_nanos),
            in_a_row: row,
            calls: tally.calls,
            failed: tally.failed,
            slow: tally.slow,
            failure_rate: share(tally.failed, tally.calls),
            slow_rate: share(tally.slow, tally.calls),
            probes_admitted,
            probes_succeeded,
            probes,
            rejected,
        }
    }

    /// Time since the state was entered.
    fn age(&self) -> Duration {
        self.at.since(self.since)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a window are far below 2^53"
)]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl fmt::Display for BreakerSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} for {:?}", self.name, self.state, self.age())?;
        if let Some(rate) = self.failure_rate {
            let Self { calls, failed, .. } = self;
            write!(
                f,
                ", {failed} of {calls} calls failed ({:.1} %)",
                rate * 100.0
            )?;
        }
        if self.in_a_row > 0 {
            write!(f, ", {} in a row", self.in_a_row)?;
        }
        if let Some(rate) = self.slow_rate.filter(|rate| *rate > 0.0) {
            write!(f, ", {} slow ({:.1} %)", self.slow, rate * 100.0)?;
        }
        if self.state == BreakerState::HalfOpen {
            let Self {
                probes_succeeded,
                probes,
                ..
            } = self;
            write!(f, ", {probes_succeeded} of {probes} probes succeeded")?;
        }
        if self.rejected > 0 {
            write!(f, ", {} rejected", self.rejected)?;
        }
        match self.retry_in {
            Some(left) => write!(f, ", may be tried in {left:?}"),
            None => Ok(()),
        }
    }
}
