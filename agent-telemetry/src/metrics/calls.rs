//! Model calls as metrics, under the names of the generation that a host sends.

use agent_primitives::{FailureKind, ModelId, ProviderId};

use super::Metrics;
use super::counter::Counter;
use super::family::Family;
use super::genai::{ERROR, MODEL, OPERATION, Operation, TokenType};
use super::histogram::Histogram;
use super::instrument::{Instrument, MetricsError};
use crate::{GenAiNames, ModelCall};

/// Model calls as the metrics that the OpenTelemetry conventions of one generation have for them.
///
/// Cached tokens count as input, and reasoning as output, as the conventions have it.
///
/// ```
/// use agent_primitives::{ModelId, ProviderId, TokenUsage};
/// use agent_telemetry::{GenAiNames, Metrics, ModelCall, Operation};
///
/// let metrics = Metrics::new();
/// let calls = metrics.model_calls(GenAiNames::Latest)?;
/// let call = ModelCall::new(ProviderId::new("anthropic")?, ModelId::new("claude-sonnet-4-5")?)
///     .usage(TokenUsage::new(2_000, 300).with_cache_read(10_000));
/// calls.record(Operation::Chat, &call);
///
/// let snapshot = metrics.snapshot();
/// let names: Vec<&str> = snapshot.families.iter().map(|it| &*it.name).collect();
/// assert!(names.contains(&"gen_ai.client.inference.usage.input_tokens"), "{names:?}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ModelCallMetrics {
    tokens: Tokens,
    duration: Family<Failing, Histogram>,
    first_chunk: Option<Family<Called, Histogram>>,
}

type Called = (Operation, ProviderId, ModelId);
type Failing = (Operation, ProviderId, ModelId, Option<FailureKind>);
type Typed = (Operation, ProviderId, ModelId, TokenType);
type Modal = (Operation, ProviderId, ModelId, String);

#[derive(Debug, Clone)]
enum Tokens {
    /// One histogram, up to 1.41.
    Usage(Family<Typed, Histogram>),
    /// Counters, and distributions beside them.
    Counted(Box<Counted>),
}

#[derive(Debug, Clone)]
struct Counted {
    input: Family<Modal, Counter>,
    cache_read: Family<Modal, Counter>,
    cache_write: Family<Modal, Counter>,
    output: Family<Modal, Counter>,
    reasoning: Family<Modal, Counter>,
    of_input: Family<Called, Histogram>,
    of_output: Family<Called, Histogram>,
}

/// Providers that say how many tokens were text are not told from those that do not.
const MODALITY: &str = "unknown";

impl Metrics {
    /// The metrics of model calls under the names of `names`.
    ///
    /// # Errors
    /// [`MetricsError`] when one of the names belongs to something else, as where two generations are
    /// sent from one registry and call a label differently, or when there are too many families.
    pub fn model_calls(&self, names: GenAiNames) -> Result<ModelCallMetrics, MetricsError> {
        let provider = names.provider_key();
        let duration = |name| {
            Instrument::new(name, "s", [OPERATION, provider, MODEL, ERROR])
                .description("How long model calls took.")
        };
        let first_chunk = |name| {
            Instrument::new(name, "s", [OPERATION, provider, MODEL])
                .description("How long the first piece of an answer took.")
        };
        let (of_duration, of_first_chunk) = match names {
            GenAiNames::V1_36 => ("gen_ai.client.operation.duration", None),
            GenAiNames::V1_41 => (
                "gen_ai.client.operation.duration",
                Some("gen_ai.client.operation.time_to_first_chunk"),
            ),
            GenAiNames::Latest => (
                "gen_ai.client.inference.duration",
                Some("gen_ai.client.inference.time_to_first_chunk"),
            ),
        };
        Ok(ModelCallMetrics {
            tokens: match names {
                GenAiNames::V1_36 | GenAiNames::V1_41 => Tokens::Usage(
                    self.histogram(
                        Instrument::new(
                            "gen_ai.client.token.usage",
                            "{token}",
                            [OPERATION, provider, MODEL, "gen_ai.token.type"],
                        )
                        .description("Tokens that model calls used."),
                    )?,
                ),
                GenAiNames::Latest => Tokens::Counted(Box::new(Counted::of(self, provider)?)),
            },
            duration: self.histogram(duration(of_duration))?,
            first_chunk: of_first_chunk
                .map(|name| self.histogram(first_chunk(name)))
                .transpose()?,
        })
    }
}

impl Counted {
    fn of(metrics: &Metrics, provider: &'static str) -> Result<Self, MetricsError> {
        let counter = |name| {
            let labels = [OPERATION, provider, MODEL, "gen_ai.token.modality"];
            metrics.counter(Instrument::new(name, "{token}", labels))
        };
        let histogram = |name| {
            let labels = [OPERATION, provider, MODEL];
            metrics.histogram(Instrument::new(name, "{token}", labels))
        };
        Ok(Self {
            input: counter("gen_ai.client.inference.usage.input_tokens")?,
            cache_read: counter("gen_ai.client.inference.usage.cache_read.input_tokens")?,
            cache_write: counter("gen_ai.client.inference.usage.cache_write.input_tokens")?,
            output: counter("gen_ai.client.inference.usage.output_tokens")?,
            reasoning: counter("gen_ai.client.inference.usage.reasoning.output_tokens")?,
            of_input: histogram("gen_ai.client.inference.operation.input_tokens")?,
            of_output: histogram("gen_ai.client.inference.operation.output_tokens")?,
        })
    }
}

impl ModelCallMetrics {
    /// Records a call. One that failed counts with the tokens that it used, which may be none. Of usage that no
    /// call explains ([`ModelCall::is_unexplained`]) the tokens count alone; where the names have but a histogram
    /// for them, it counts as one more value there.
    pub fn record(&self, operation: Operation, call: &ModelCall) {
        let (provider, model, usage) = (&call.provider, &call.model, &call.usage);
        let called = (operation, provider, model);
        match &self.tokens {
            Tokens::Usage(family) => {
                for (which, used) in [
                    (TokenType::Input, usage.input_total()),
                    (TokenType::Output, usage.output()),
                ] {
                    if used > 0 || !call.is_unexplained() {
                        family.record((operation, provider, model, which), tokens(used));
                    }
                }
            }
            Tokens::Counted(it) => {
                for (family, tokens) in [
                    (&it.input, usage.input_total()),
                    (&it.cache_read, usage.cache_read()),
                    (&it.cache_write, usage.cache_write()),
                    (&it.output, usage.output()),
                    (&it.reasoning, usage.reasoning()),
                ] {
                    family.add((operation, provider, model, MODALITY), tokens);
                }
                if !call.is_unexplained() {
                    it.of_input.record(called, tokens(usage.input_total()));
                    it.of_output.record(called, tokens(usage.output()));
                }
            }
        }
        if call.is_unexplained() {
            return;
        }
        let failing = (operation, provider, model, call.failure);
        self.duration.record_duration(failing, call.latency);
        if let (Some(family), Some(after)) = (&self.first_chunk, call.first_token) {
            family.record_duration(called, after);
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a histogram is coarser than the last of 53 bits"
)]
const fn tokens(count: u64) -> f64 {
    count as f64
}
