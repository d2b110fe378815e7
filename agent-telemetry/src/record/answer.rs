//! What a call of a model came to, for handles that know the model.

use std::time::Duration;

use agent_primitives::{FailureKind, ModelId, ProviderId, TokenUsage, Usd};

use super::call::{ModelCall, ServiceTier, StopReason, call_setters};

/// The figures of one call of a model, successful unless it says otherwise: a
/// [`ModelCall`] without the names, which the [`ModelHandle`](crate::ModelHandle) knows. Copied, so
/// that recording it allocates nothing.
///
/// Durations beyond 584 years are cut to that.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{FailureKind, TokenUsage};
/// use agent_telemetry::Answer;
///
/// let answer = Answer::new(TokenUsage::new(1_200, 80), Duration::from_millis(640))
///     .first_token(Duration::from_millis(120))
///     .failed(FailureKind::OutputLimit);
/// assert_ne!(answer, Answer::new(TokenUsage::ZERO, Duration::ZERO));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    usage: TokenUsage,
    cost: Option<Usd>,
    latency: u64,
    first_token: Option<u64>,
    attempts: u32,
    failure: Option<FailureKind>,
    service_tier: Option<ServiceTier>,
    stop_reason: Option<StopReason>,
    streamed: bool,
}

impl Answer {
    /// A successful call: its tokens, and the time from the request to the end of the answer.
    pub const fn new(usage: TokenUsage, latency: Duration) -> Self {
        Self {
            usage,
            cost: None,
            latency: nanos(latency),
            first_token: None,
            attempts: 1,
            failure: None,
            service_tier: None,
            stop_reason: None,
            streamed: false,
        }
    }

    /// Sets the time from the request to the end of the answer.
    #[must_use]
    pub const fn latency(mut self, latency: Duration) -> Self {
        self.latency = nanos(latency);
        self
    }

    /// Sets the time from the request to the first piece of the answer.
    #[must_use]
    pub const fn first_token(mut self, after: Duration) -> Self {
        self.first_token = Some(nanos(after));
        self
    }

    call_setters!();

    /// The call of this model that it was.
    pub fn of(self, provider: ProviderId, model: ModelId) -> ModelCall {
        let mut call = ModelCall::new(provider, model)
            .usage(self.usage)
            .latency(Duration::from_nanos(self.latency))
            .attempts(self.attempts);
        call.cost = self.cost;
        call.first_token = self.first_token.map(Duration::from_nanos);
        call.failure = self.failure;
        call.service_tier = self.service_tier;
        call.stop_reason = self.stop_reason;
        call.streamed = self.streamed;
        call
    }
}

/// 584 years at most.
pub(crate) const fn nanos(time: Duration) -> u64 {
    time.as_secs()
        .saturating_mul(1_000_000_000)
        .saturating_add(time.subsec_nanos() as u64)
}
