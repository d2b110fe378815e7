//! Finding the number of calls that a provider bears from how long they take. Pure.

use super::config::AdaptiveConfig;

/// Rounds that the long average takes at full weight before it becomes exponential.
const WARM_UP: u32 = 10;

/// Below this factor the limit does not fall in one step, however long a call took.
const GRADIENT_MIN: f64 = 0.5;

/// A long average so far above the present is out of date, and forgets faster.
const OUT_OF_DATE: f64 = 2.0;
const FORGET: f64 = 0.95;

/// After Gradient2 of Netflix's concurrency-limits. With `long / now` the ratio of the long-term to
/// the present latency:
///
/// ```text
/// gradient = clamp(tolerance * long / now, 0.5, 1)
/// limit'   = limit * (1 - smoothing) + (limit * gradient + headroom) * smoothing
/// ```
///
/// One step is taken a round: as many calls as the limit allows at once. Stepping at each call would
/// let many calls of one moment count as many moments, and the long average would run after the line
/// that it is to show.
#[derive(Debug)]
pub(super) struct Gradient {
    config: AdaptiveConfig,
    limit: f64,
    long: Average,
    round: Round,
    /// Calls that began before say nothing new about an overload.
    lowered_at: Option<u64>,
}

/// The calls since the last step.
#[derive(Debug, Default)]
struct Round {
    calls: u32,
    nanos: f64,
    most_in_flight: u32,
}

#[derive(Debug, Default)]
struct Average {
    value: f64,
    samples: u32,
}

impl Average {
    fn add(&mut self, sample: f64, window: u32) -> f64 {
        if self.samples < WARM_UP {
            self.samples += 1;
            self.value += (sample - self.value) / f64::from(self.samples);
        } else {
            self.value += (sample - self.value) * 2.0 / (f64::from(window) + 1.0);
        }
        self.value
    }
}

impl Gradient {
    pub(super) fn new(config: AdaptiveConfig, limit: u32) -> Self {
        Self {
            config,
            limit: f64::from(limit),
            long: Average::default(),
            round: Round::default(),
            lowered_at: None,
        }
    }

    /// A call took `nanos`, with `in_flight` calls under way as it ended, itself included.
    pub(super) fn took(&mut self, nanos: f64, in_flight: u32) -> u32 {
        let round = &mut self.round;
        round.calls = round.calls.saturating_add(1);
        round.nanos += nanos;
        round.most_in_flight = round.most_in_flight.max(in_flight);
        if f64::from(round.calls) >= self.limit.floor() {
            let round = std::mem::take(round);
            self.step(round.nanos / f64::from(round.calls), round.most_in_flight);
        }
        self.limit()
    }

    fn step(&mut self, nanos: f64, in_flight: u32) {
        let now = nanos.max(1.0);
        let long = self.long.add(now, self.config.long_window);
        if long / now > OUT_OF_DATE {
            self.long.value *= FORGET;
        }
        // Too few calls to say whether the limit is right.
        if f64::from(in_flight) >= self.limit / 2.0 {
            let gradient = (self.config.tolerance * long / now).clamp(GRADIENT_MIN, 1.0);
            let next = self.limit * gradient + f64::from(self.config.headroom);
            self.set(self.limit + (next - self.limit) * self.config.smoothing);
        }
    }

    /// The provider was overloaded by a call that began at `started`.
    pub(super) fn overloaded(&mut self, started: u64, now: u64) -> u32 {
        if self.lowered_at.is_none_or(|lowered| started >= lowered) {
            self.lowered_at = Some(now);
            self.set(self.limit * self.config.backoff);
        }
        self.limit()
    }

    fn set(&mut self, limit: f64) {
        self.limit = limit.clamp(f64::from(self.config.min), f64::from(self.config.max));
    }

    /// Whole calls.
    pub(super) fn limit(&self) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between min and max, which are u32"
        )]
        let whole = self.limit as u32;
        whole.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: f64 = 1e6;

    fn round(gradient: &mut Gradient, millis: f64, in_flight: u32) {
        for _ in 0..gradient.limit() {
            gradient.took(millis * MS, in_flight);
        }
    }

    #[test]
    fn steady_latency_lets_the_limit_grow_by_the_headroom_share_a_round() {
        let mut gradient = Gradient::new(AdaptiveConfig::default(), 10);
        round(&mut gradient, 100.0, 10);
        assert!((gradient.limit - 10.8).abs() < 1e-9);
        round(&mut gradient, 100.0, 10);
        assert!((gradient.limit - 11.6).abs() < 1e-9);
        assert_eq!(
            gradient.took(100.0 * MS, 11),
            11,
            "whole calls, and once a round"
        );
    }

    #[test]
    fn few_calls_under_way_say_nothing() {
        let mut gradient = Gradient::new(AdaptiveConfig::default(), 10);
        round(&mut gradient, 100.0, 4);
        assert!((gradient.limit - 10.0).abs() < f64::EPSILON);
    }

    #[test]
    fn latency_beyond_the_tolerance_lowers_it_by_the_gradient() {
        let mut gradient = Gradient::new(AdaptiveConfig::default(), 100);
        for _ in 0..10 {
            round(&mut gradient, 100.0, 0);
        }
        round(&mut gradient, 1_000.0, 100);
        // The gradient is held at one half: 100 * 0.8 + (100 * 0.5 + 4) * 0.2.
        assert!((gradient.limit - 90.8).abs() < 1e-6, "{}", gradient.limit);
    }

    #[test]
    fn one_overload_lowers_it_once_however_many_calls_it_hits() {
        let mut gradient = Gradient::new(AdaptiveConfig::default(), 100);
        for _ in 0..64 {
            gradient.overloaded(5, 1_000);
        }
        assert_eq!(gradient.limit(), 90);
        assert_eq!(gradient.overloaded(1_000, 2_000), 81, "a call begun since");
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

        #[test]
        fn it_stays_within_its_bounds_whatever_happens(
            events in proptest::collection::vec((0.0_f64..1e18, 0_u32..500, 0_u64..100), 0..300),
        ) {
            let config = AdaptiveConfig { min: 3, max: 50, ..AdaptiveConfig::default() };
            let mut gradient = Gradient::new(config, 10);
            for (now, (nanos, in_flight, started)) in (0_u64..).zip(events) {
                let limit = if started == 0 {
                    gradient.overloaded(now, now)
                } else {
                    gradient.took(nanos, in_flight)
                };
                proptest::prop_assert!((3..=50).contains(&limit), "{limit}");
            }
        }
    }
}
