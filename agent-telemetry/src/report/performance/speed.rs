//! How fast answers came.

use super::OutputSpeed;
use crate::{ExponentialHistogram, ModelCall};

/// Tokens for each second.
#[derive(Debug, Default)]
pub(super) struct Speeds(ExponentialHistogram);

impl Speeds {
    pub(super) fn add(&mut self, call: &ModelCall) {
        let tokens = call.usage.output();
        let Some(first) = call.first_token.filter(|_| tokens > 0) else {
            return;
        };
        let rest = call.latency.saturating_sub(first).as_secs_f64();
        if rest > 0.0 {
            #[expect(clippy::cast_precision_loss, reason = "a rate needs no 53 bits")]
            self.0.record(tokens as f64 / rest);
        }
    }

    pub(super) fn finish(&self) -> Option<OutputSpeed> {
        Some(OutputSpeed {
            calls: self.0.count(),
            p50: self.0.quantile(0.5)?,
            p05: self.0.quantile(0.05)?,
        })
    }
}
