//! How long to pause between attempts.

mod delays;
#[cfg(feature = "backoff")]
mod plugged;

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use delays::{Delays, Schedule};
#[cfg(feature = "backoff")]
pub use plugged::BackoffSchedule;

/// A schedule of pauses that grow, with a random part so that callers who failed together do not
/// come back together.
///
/// The default is 500 ms doubling to 30 s with full jitter.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::{Backoff, Jitter};
///
/// let (first, longest) = (Duration::from_millis(100), Duration::from_secs(1));
/// let millis = |backoff: Backoff| -> Vec<u128> {
///     let plain = backoff.jitter(Jitter::None);
///     plain.delays(7).take(7).map(|delay| delay.as_millis()).collect()
/// };
/// assert_eq!(millis(Backoff::exponential(first, longest)), [100, 200, 400, 800, 1_000, 1_000, 1_000]);
/// assert_eq!(millis(Backoff::fibonacci(first, longest)), [100, 100, 200, 300, 500, 800, 1_000]);
/// assert_eq!(millis(Backoff::constant(first)), [100; 7]);
///
/// // The same seed gives the same pauses.
/// let backoff = Backoff::default();
/// assert!(backoff.delays(7).take(100).eq(backoff.delays(7).take(100)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backoff {
    growth: Growth,
    #[serde(with = "crate::duration")]
    first: Duration,
    #[serde(with = "crate::duration")]
    longest: Duration,
    factor: NonZeroU32,
    jitter: Jitter,
}

/// How a pause grows from one to the next, before its random part.
///
/// ```
/// use agent_resilience::{Backoff, Growth};
///
/// let slow: Backoff = serde_json::from_str(r#"{"growth": "fibonacci"}"#)?;
/// assert_ne!(slow, Backoff::default());
/// assert_eq!(Growth::default(), Growth::Exponential);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Growth {
    /// Times the factor.
    #[default]
    Exponential,
    /// The sum of the two before: 1, 1, 2, 3, 5, 8 times the first.
    Fibonacci,
    /// Not at all.
    Constant,
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
    /// Anything from the first pause to three times the pause before; it grows by itself, whatever
    /// the growth is.
    Decorrelated,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::exponential(Duration::from_millis(500), Duration::from_secs(30))
    }
}

impl Backoff {
    const fn new(growth: Growth, first: Duration, longest: Duration) -> Self {
        Self {
            growth,
            first,
            longest,
            factor: NonZeroU32::MIN.saturating_add(1),
            jitter: Jitter::Full,
        }
    }

    /// `first`, then twice as long each time, never longer than `longest`; full jitter.
    pub const fn exponential(first: Duration, longest: Duration) -> Self {
        Self::new(Growth::Exponential, first, longest)
    }

    /// `first` twice, then each the sum of the two before, never longer than `longest`; full jitter.
    pub const fn fibonacci(first: Duration, longest: Duration) -> Self {
        Self::new(Growth::Fibonacci, first, longest)
    }

    /// Always `pause`, no jitter.
    pub const fn constant(pause: Duration) -> Self {
        Self::new(Growth::Constant, pause, pause).jitter(Jitter::None)
    }

    /// How many times as long each pause of an exponential growth is as the one before; 2 unless set.
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

    /// The first pause, before its random part.
    pub const fn first(&self) -> Duration {
        self.first
    }

    /// The longest pause, before its random part.
    pub const fn longest(&self) -> Duration {
        self.longest
    }

    /// The pauses, without end; `seed` decides the random parts.
    pub fn delays(&self, seed: u64) -> Delays {
        Delays::new(*self, seed)
    }

    /// Pause number `step` (the first is 0) before its random part.
    fn computed(&self, step: u32) -> Duration {
        let times = match self.growth {
            Growth::Exponential => u128::from(self.factor.get()).saturating_pow(step),
            Growth::Fibonacci => fibonacci(step),
            Growth::Constant => 1,
        };
        let nanos = self.first.as_nanos().saturating_mul(times);
        if nanos >= self.longest.as_nanos() {
            return self.longest;
        }
        // Beyond 584 years a pause is as good as any other.
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// 1, 1, 2, 3, 5 and so on; saturates.
fn fibonacci(step: u32) -> u128 {
    // The 187th number is the first that does not fit.
    let steps = 0..step.min(187);
    let sums = steps.fold((1_u128, 1_u128), |(a, b), _| (b, a.saturating_add(b)));
    sums.0
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
        let endless = Duration::MAX;
        for backoff in [
            Backoff::exponential(endless, endless).factor(NonZeroU32::MAX),
            Backoff::fibonacci(endless, endless),
        ] {
            let plain = backoff.jitter(Jitter::None).delays(1);
            assert!(plain.take(100).all(|delay| delay == endless));
            let spread = backoff.jitter(Jitter::Decorrelated).delays(1);
            assert_eq!(spread.take(50).count(), 50);
        }
        let shrinking = Backoff::exponential(MS(100), MS(1)).jitter(Jitter::None);
        assert!(shrinking.delays(1).take(5).all(|delay| delay == MS(1)));
        let long =
            Backoff::exponential(Duration::from_nanos(1), MS(86_400_000)).jitter(Jitter::None);
        assert_eq!(long.delays(1).nth(40), Some(Duration::from_nanos(1 << 40)));
        assert_eq!(long.delays(1).nth(500), Some(MS(86_400_000)));
        assert_eq!(fibonacci(46), 2_971_215_073);
        assert_eq!(fibonacci(u32::MAX), u128::MAX);
    }

    #[test]
    fn seeds_differ() {
        let backoff = Backoff::default();
        assert!(!backoff.delays(1).take(5).eq(backoff.delays(2).take(5)));
    }

    #[test]
    fn config_round_trips_and_refuses_unknown_fields() {
        for backoff in [
            Backoff::constant(MS(5)).jitter(Jitter::Equal),
            Backoff::fibonacci(MS(5), MS(10)),
        ] {
            let json = serde_json::to_string(&backoff).unwrap();
            assert_eq!(serde_json::from_str::<Backoff>(&json).unwrap(), backoff);
        }
        assert!(serde_json::from_str::<Backoff>(r#"{"frist": "1s"}"#).is_err());
        assert!(serde_json::from_str::<Backoff>(r#"{"factor":0}"#).is_err());
        assert!(serde_json::from_str::<Backoff>(r#"{"growth":"linear"}"#).is_err());
    }
}
