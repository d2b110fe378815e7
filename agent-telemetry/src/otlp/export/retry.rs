//! When a request is sent again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How patient the sink is with a server that is away or busy. What a server asks for with `Retry-After` comes first.
/// Attempts and time are not bounded for requests that wait on disk.
///
/// ```
/// use agent_telemetry::otlp::OtlpRetry;
///
/// let retry = OtlpRetry::default();
/// assert_eq!((retry.attempts, retry.total.as_secs()), (5, 60));
/// assert_eq!((retry.first_delay.as_secs(), retry.longest_delay.as_secs()), (1, 30));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OtlpRetry {
    /// How often a request is sent before its batch is refused; 5 unless set, and once at the least.
    pub attempts: u32,
    /// How long a batch may wait altogether; 60 s unless set.
    pub total: Duration,
    /// The wait before the second attempt, doubled for each further one; 1 s unless set. Of each wait up to a half is left
    /// out at random, so that many senders do not come at once.
    pub first_delay: Duration,
    /// The longest wait; 30 s unless set.
    pub longest_delay: Duration,
}

impl Default for OtlpRetry {
    fn default() -> Self {
        Self {
            attempts: 5,
            total: Duration::from_secs(60),
            first_delay: Duration::from_secs(1),
            longest_delay: Duration::from_secs(30),
        }
    }
}

impl OtlpRetry {
    /// The wait after so many failures, at least `after`; `random` decides how much of it is left out.
    pub(super) fn delay(&self, failures: u32, after: Duration, random: u64) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        let delay = self.first_delay.saturating_mul(2_u32.pow(doublings));
        let half = delay.min(self.longest_delay) / 2;
        let share = u32::try_from(random >> 32).unwrap_or(0);
        let kept = half.as_nanos().saturating_mul(u128::from(share)) >> 32;
        let kept = Duration::from_nanos(u64::try_from(kept).unwrap_or(u64::MAX));
        half.saturating_add(kept).max(after)
    }

    /// Whether to go on after so many failures, with this wait, `elapsed` after the batch came.
    pub(super) fn goes_on(&self, failures: u32, elapsed: Duration, delay: Duration) -> bool {
        failures < self.attempts && elapsed.saturating_add(delay) <= self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delay_doubles_up_to_its_bound_and_lies_between_a_half_and_all_of_it() {
        let retry = OtlpRetry::default();
        let least = |failures| retry.delay(failures, Duration::ZERO, 0).as_millis();
        let most = |failures| retry.delay(failures, Duration::ZERO, u64::MAX).as_millis();
        let failures = [1, 2, 3, 4, 5, 6, 7, u32::MAX];
        let expected = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000];
        assert_eq!(failures.map(least), expected);
        let expected = [999, 1_999, 3_999, 7_999, 15_999, 29_999, 29_999, 29_999];
        assert_eq!(failures.map(most), expected);
    }

    #[test]
    fn server_is_not_asked_before_it_wants_to_be() {
        let retry = OtlpRetry::default();
        let after = Duration::from_secs(45);
        assert_eq!(retry.delay(1, after, u64::MAX), after);
        assert_eq!(retry.delay(9, Duration::from_secs(2), 0).as_secs(), 15);
    }

    #[test]
    fn attempts_and_time_are_bounded() {
        let retry = OtlpRetry::default();
        let goes_on = |failures, elapsed, delay| {
            let (elapsed, delay) = (Duration::from_secs(elapsed), Duration::from_secs(delay));
            retry.goes_on(failures, elapsed, delay)
        };
        assert!(goes_on(4, 0, 30));
        assert!(!goes_on(5, 0, 30), "the fifth attempt is the last");
        assert!(goes_on(1, 30, 30));
        assert!(!goes_on(1, 31, 30), "it would be longer than a minute");
        assert!(!retry.goes_on(1, Duration::MAX, Duration::MAX));
    }
}
