//! How likely a request takes longer than a limit.

mod calls;

use std::time::Duration;

use agent_primitives::{ModelId, ProviderId};
use serde::{Deserialize, Serialize};

use super::Missing;

pub use calls::CallTimes;

/// What a request is like, as far as it is known before it is sent.
///
/// ```
/// use std::time::Duration;
/// use agent_telemetry::RequestSize;
///
/// let request = RequestSize::new(80_000, Duration::from_secs(60)).max_output(4_096);
/// assert_eq!(request.input, 80_000);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RequestSize {
    /// Tokens that the model reads, cached ones included.
    pub input: u64,
    /// Most tokens that it may write; no limit unless set.
    pub max_output: Option<u64>,
    /// After which time the request is given up.
    pub limit: Duration,
}

impl RequestSize {
    /// Of so many tokens, given up after a time.
    pub const fn new(input: u64, limit: Duration) -> Self {
        Self {
            input,
            max_output: None,
            limit,
        }
    }

    /// Sets the most tokens that the model may write.
    #[must_use]
    pub const fn max_output(mut self, tokens: u64) -> Self {
        self.max_output = Some(tokens);
        self
    }
}

/// How likely a request takes longer than its limit.
///
/// Told from recorded calls of the model: how long they took for what they read and wrote, how far each was from
/// that, and how much calls of about this size wrote. A call that failed for its time counts as one that took
/// longer.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{ModelId, ProviderId, TokenUsage};
/// use agent_telemetry::{CallTimes, ModelCall, RequestSize};
///
/// let (provider, model) = (ProviderId::new("claude")?, ModelId::new("claude-haiku-4-5")?);
/// let mut times = CallTimes::new();
/// // A second for each thousand tokens, half a second more or less.
/// for number in 1..=60_u64 {
///     let call = ModelCall::new(provider.clone(), model.clone())
///         .usage(TokenUsage::new(1_000 * number, 100))
///         .latency(Duration::from_millis(1_000 * number + 500 * (number % 3)));
///     times.add(&call);
/// }
/// let risk = |input, seconds| {
///     times.risk(&provider, &model, &RequestSize::new(input, Duration::from_secs(seconds)))
/// };
/// assert!(risk(20_000, 60).probability.expect("sixty are enough") < 0.1);
/// assert!(risk(55_000, 20).probability.expect("sixty are enough") > 0.9);
/// assert!(risk(900_000, 60).missing.is_some(), "none was nearly as large");
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TimeoutRisk {
    /// Who would answer.
    pub provider: ProviderId,
    /// With which model.
    pub model: ModelId,
    /// What is asked about.
    pub request: RequestSize,
    /// Calls of the model that are remembered, at most 512.
    pub calls: u64,
    /// As how many calls of this very size those count.
    pub weight: Option<f64>,
    /// In which share of cases it takes longer, from 0 to 1; `None` where there is too little to tell it from.
    pub probability: Option<f64>,
    /// Between which shares the true one lies in 80 of 100 cases, the lower first.
    pub interval: Option<(f64, f64)>,
    /// The time that half of such requests take.
    pub middle: Option<Duration>,
    /// The time that 95 of 100 such requests take.
    pub p95: Option<Duration>,
    /// What there is too little of, where there is.
    pub missing: Option<Missing>,
}
