//! How good a candidate looks, in thousandths of a point.

use std::time::Duration;

use agent_primitives::{TokenUsage, Usd};

use super::binary::log2_milli;
use super::candidate::Candidate;
use super::config::{RouteConfig, RouteWeights};
use super::decision::Score;
use super::learned::{Belief, LearnedConfig};
use super::needs::Needs;
use crate::budget::TokenPrice;

/// Scores no points: an answer for a dollar. `log2_milli` of its pico-dollars.
const A_DOLLAR: i64 = 39_863;
/// Prices below a millionth of a dollar are not told apart, so that what is free can be compared.
const CHEAPEST: u64 = 1_000_000;
/// Scores no points: a minute. `log2_milli` of its nanoseconds.
const A_MINUTE: i64 = 35_804;
/// Times below a millisecond are not told apart.
const SHORTEST: u64 = 1_000_000;
/// Scores no points: every call succeeds. `log2_milli` of a thousand thousandths.
const ALWAYS: i64 = 9_965;
/// Tokens of input and of output of a request that names neither: prices are then compared as price
/// lists are, three parts to one.
const USUAL: Needs = Needs {
    input_tokens: 3_000,
    output_tokens: 1_000,
    ..Needs::NOTHING
};

/// What all candidates of one decision are measured with.
#[derive(Debug)]
pub(super) struct Scale {
    weights: RouteWeights,
    input: u64,
    output: u64,
    assumed_price: TokenPrice,
    assumed_latency: Duration,
    learned: LearnedConfig,
    draw: u64,
}

impl Scale {
    pub(super) const fn new(
        weights: RouteWeights,
        needs: &Needs,
        config: &RouteConfig,
        draw: u64,
    ) -> Self {
        let named = needs.input_tokens > 0 || needs.output_tokens > 0;
        let sizes = if named { needs } else { &USUAL };
        Self {
            weights,
            input: sizes.input_tokens,
            output: sizes.output_tokens,
            assumed_price: config.assumed_price,
            assumed_latency: config.assumed_latency,
            learned: config.learned,
            draw,
        }
    }

    #[inline]
    pub(super) fn score(&self, candidate: &Candidate<'_>, place: u32) -> Score {
        let weights = &self.weights;
        // Each term has at most 7 digits and a weight of 3, or 10 digits and one of 3 for the place.
        let mut sum = 0_i64;
        if weights.price > 0 {
            sum += i64::from(weights.price) * self.price(candidate);
        }
        if weights.latency > 0 {
            sum += i64::from(weights.latency) * self.latency(candidate);
        }
        if weights.success > 0
            && let Some(success) = candidate.success
        {
            let share = u64::from(success.as_u16());
            sum += i64::from(weights.success) * (i64::from(log2_milli(share)) - ALWAYS);
        }
        if weights.load > 0 {
            let calls = u64::from(candidate.in_flight) + 1;
            sum -= i64::from(weights.load) * i64::from(log2_milli(calls));
        }
        sum += i64::from(weights.strength) * i64::from(candidate.profile.strength) * 1_000;
        sum -= i64::from(weights.order) * i64::from(place) * 1_000;
        if weights.learned > 0 {
            let belief = candidate.belief.unwrap_or(Belief::UNTRIED);
            let reward = belief.sample(self.learned.explore, self.draw_for(place));
            sum += i64::from(weights.learned) * i64::from(reward) * 10;
        }
        let low = if sum < 0 { i32::MIN } else { i32::MAX };
        Score::from_milli(i32::try_from(sum).unwrap_or(low))
    }

    fn price(&self, candidate: &Candidate<'_>) -> i64 {
        let price = candidate.profile.price.as_ref();
        let price = price.unwrap_or(&self.assumed_price);
        let cached = candidate.cached_tokens.min(self.input);
        let cost = if cached == 0 {
            price.estimate(self.input, self.output)
        } else {
            let usage = TokenUsage::new(self.input - cached, self.output);
            price.cost(&usage.with_cache_read(cached))
        };
        A_DOLLAR - i64::from(log2_milli(picos(cost).max(CHEAPEST)))
    }

    fn latency(&self, candidate: &Candidate<'_>) -> i64 {
        let latency = candidate.latency.unwrap_or(self.assumed_latency);
        let nanos = latency
            .as_secs()
            .saturating_mul(1_000_000_000)
            .saturating_add(u64::from(latency.subsec_nanos()));
        A_MINUTE - i64::from(log2_milli(nanos.max(SHORTEST)))
    }

    /// A draw of its own for each place.
    #[inline]
    pub(super) const fn draw_for(&self, place: u32) -> u64 {
        mixed(self.draw ^ (place as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

fn picos(cost: Usd) -> u64 {
    u64::try_from(cost.picos()).unwrap_or(u64::MAX)
}

/// Bits that depend on all bits of `draw`: the last step of `SplitMix64`.
const fn mixed(draw: u64) -> u64 {
    let draw = (draw ^ (draw >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let draw = (draw ^ (draw >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    draw ^ (draw >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dollar_a_minute_and_no_failure_score_nothing() {
        assert_eq!(i64::from(log2_milli(1_000_000_000_000)), A_DOLLAR);
        assert_eq!(i64::from(log2_milli(60_000_000_000)), A_MINUTE);
        assert_eq!(i64::from(log2_milli(1_000)), ALWAYS);
    }
}
