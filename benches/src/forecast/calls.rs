//! How likely requests take too long, beside how often they do.

use std::time::Duration;

use agent_primitives::{InvalidId, ModelId, ProviderId, TokenUsage};
use agent_telemetry::{CallTimes, ModelCall, RequestSize};
use fastrand::Rng;

use super::{Score, lognormal};

/// Calls from which the truth is counted.
const TRUTH: u32 = 4_000;

/// How often the interval held the true share, over so many models with 60 to 500 calls each. The share is of
/// requests that take too long in 2 to 98 of 100 cases.
///
/// # Errors
/// None but from names that are none.
pub fn calls(rng: &mut Rng, models: u32) -> Result<Score, InvalidId> {
    let (provider, model) = (
        ProviderId::new("claude")?,
        ModelId::new("claude-haiku-4-5")?,
    );
    let mut score = Score::default();
    for _ in 0..models {
        let speed = 0.5 + rng.f64();
        let mut times = CallTimes::new();
        for _ in 0..rng.u32(60..500) {
            let (input, output) = sizes(rng);
            let latency = Duration::from_secs_f64(seconds(rng, speed, input, output));
            let call = ModelCall::new(provider.clone(), model.clone())
                .usage(TokenUsage::new(tokens(input), tokens(output)))
                .latency(latency);
            times.add(&call);
        }
        let input = sizes(rng).0;
        let limit = 2.0 + 20.0 * rng.f64();
        let over = (0..TRUTH).filter(|_| {
            let output = sizes(rng).1;
            seconds(rng, speed, input, output) > limit
        });
        #[expect(clippy::cast_precision_loss, reason = "some calls")]
        let came = over.count() as f64 / f64::from(TRUTH);
        let request = RequestSize::new(tokens(input), Duration::from_secs_f64(limit));
        if let Some((low, high)) = times.risk(&provider, &model, &request).interval
            && (0.02..0.98).contains(&came)
        {
            score.interval(low, came, high);
        }
    }
    Ok(score)
}

fn sizes(rng: &mut Rng) -> (f64, f64) {
    (12_000.0 * lognormal(rng, 0.9), 400.0 * lognormal(rng, 0.9))
}

fn seconds(rng: &mut Rng, speed: f64, input: f64, output: f64) -> f64 {
    let told = 0.6 + 2e-5 * input + 0.014 * output;
    told * lognormal(rng, 0.35) / speed
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "some tokens"
)]
const fn tokens(number: f64) -> u64 {
    number as u64
}
