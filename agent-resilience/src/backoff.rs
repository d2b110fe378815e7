//! How long to pause between attempts.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A schedule of pauses that grow, with a random part so that callers who failed together do not
/// come back together.
///
/// The default is 500 ms doubling to 30 s with full jitter.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::{Backoff, Jitter};
///
/// let backoff = Backoff::exponential(Duration::from_millis(100), Duration::from_secs(1))
///     .jitter(Jitter::None);
/// let delays: Vec<u128> = backoff.delays(7).take(5).map(|d| d.as_millis()).collect();
/// assert_eq!(delays, [100, 200, 400, 800, 1_000]);
///
/// // The same seed gives the same pauses.
/// let backoff = Backoff::default();
/// assert!(backoff.delays(7).take(100).eq(backoff.delays(7).take(100)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    factor: NonZeroU32,
    jitter: Jitter,
}

/// The random part of a pause.
///
/// Source of the names: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
///
/// ```
/// assert_eq!(agent_resilience::Jitter::default(), agent_resilience::Jitter::Full);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Jitter {
    /// The pause as computed.
    None,
    /// Anything from nothing to the computed pause.
    #[default]
    Full,
    /// Half the computed pause, and anything up to the other half.
    Equal,
    /// Anything from the first pause to three times the pause before.
    Decorrelated,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::exponential(Duration::from_millis(500), Duration::from_secs(30))
    }
}

impl Backoff {
    /// `first`, then twice as long each time, never longer than `longest`; full jitter.
    pub const fn exponential(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            factor: NonZeroU32::MIN.saturating_add(1),
            jitter: Jitter::Full,
        }
    }

    /// Always `pause`, no jitter.
    pub const fn constant(pause: Duration) -> Self {
        Self {
            first: pause,
            longest: pause,
            factor: NonZeroU32::MIN,
            jitter: Jitter::None,
        }
    }

    /// How many times as long each pause is as the one before; 2 unless set.
    #[must_use]
    pub const fn factor(mut self, factor: NonZeroU32) -> Self {
        self.factor = factor;
        self
    }

    /// The random part; full unless set.
    #[must_use]
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// The pauses, without end; `seed` decides the random parts.
    pub fn delays(&self, seed: u64) -> Delays {
        Delays {
            backoff: *self,
            next: self.first.min(self.longest),
            previous: self.first,
            random: fastrand::Rng::with_seed(seed),
        }
    }
}

/// The pauses of a [`Backoff`], one after the other; never ends.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::Backoff;
///
/// let longest = Duration::from_secs(1);
/// let mut delays = Backoff::exponential(Duration::from_millis(1), longest).delays(42);
/// assert!(delays.by_ref().take(1_000).all(|delay| delay <= longest));
/// ```
#[derive(Debug, Clone)]
pub struct Delays {
    backoff: Backoff,
    next: Duration,
    previous: Duration,
    random: fastrand::Rng,
}

impl Delays {
    fn between(&mut self, low: Duration, high: Duration) -> Duration {
        let nanos = |d: Duration| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
        let (low, high) = (nanos(low), nanos(high));
        Duration::from_nanos(self.random.u64(low..=high.max(low)))
    }
}

impl Iterator for Delays {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let Backoff {
            first,
            longest,
            factor,
            jitter,
        } = self.backoff;
        let computed = self.next;
        self.next = computed.saturating_mul(factor.get()).min(longest);
        let delay = match jitter {
            Jitter::None => computed,
            Jitter::Full => self.between(Duration::ZERO, computed),
            Jitter::Equal => self.between(computed / 2, computed),
            Jitter::Decorrelated => {
                let high = self.previous.saturating_mul(3);
                self.between(first, high).min(longest)
            }
        };
        self.previous = delay;
        Some(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn each_jitter_stays_in_its_range_and_uses_it() {
        let plain: Vec<_> = Backoff::exponential(MS(100), MS(10_000))
            .jitter(Jitter::None)
            .delays(0)
            .take(200)
            .collect();
        let with = |jitter| {
            Backoff::exponential(MS(100), MS(10_000))
                .jitter(jitter)
                .delays(3)
                .take(200)
                .collect::<Vec<_>>()
        };
        let (full, equal) = (with(Jitter::Full), with(Jitter::Equal));
        for ((full, equal), plain) in full.iter().zip(&equal).zip(&plain) {
            assert!(full <= plain);
            assert!(equal <= plain && *equal >= *plain / 2);
        }
        let late = |delays: &[Duration]| -> Duration { delays.iter().skip(100).sum() };
        assert!(late(&full) > MS(300_000) && late(&full) < MS(700_000));
        assert!(late(&equal) > MS(650_000) && late(&equal) < MS(850_000));

        let decorrelated = with(Jitter::Decorrelated);
        for pair in decorrelated.windows(2) {
            assert!(pair[1] >= MS(100) && pair[1] <= (pair[0] * 3).min(MS(10_000)));
        }
    }

    #[test]
    fn extreme_settings_saturate() {
        let backoff = Backoff::exponential(Duration::MAX, Duration::MAX)
            .factor(NonZeroU32::MAX)
            .jitter(Jitter::Decorrelated);
        assert_eq!(backoff.delays(1).take(50).count(), 50);
        let shrinking = Backoff::exponential(MS(100), MS(1)).jitter(Jitter::None);
        assert!(shrinking.delays(1).take(5).all(|delay| delay == MS(1)));
    }

    #[test]
    fn seeds_differ() {
        let backoff = Backoff::default();
        assert!(!backoff.delays(1).take(5).eq(backoff.delays(2).take(5)));
    }

    #[test]
    fn config_round_trips_and_refuses_unknown_fields() {
        let backoff = Backoff::constant(MS(5)).jitter(Jitter::Equal);
        let json = serde_json::to_string(&backoff).unwrap();
        assert_eq!(serde_json::from_str::<Backoff>(&json).unwrap(), backoff);
        assert!(serde_json::from_str::<Backoff>(r#"{"frist":{"secs":1,"nanos":0}}"#).is_err());
        assert!(serde_json::from_str::<Backoff>(r#"{"factor":0}"#).is_err());
    }
}
