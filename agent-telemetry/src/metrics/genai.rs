//! Instruments for what records say, with the names of the OpenTelemetry GenAI conventions.

use agent_primitives::{FailureKind, HandoffReason, Initiator, ModelId, ProviderId, ToolName};

use super::instrument::Instrument;
use super::labels::closed;
use super::{LabelValue, Metrics};
use crate::ToolOutcome;
use crate::words::words;

words! {
    /// What is done: `gen_ai.operation.name`.
    ///
    /// ```
    /// assert_eq!(agent_telemetry::Operation::Chat.as_str(), "chat");
    /// ```
    Operation {
        /// A conversation with a model.
        Chat = "chat",
        /// Content of several kinds from a model.
        GenerateContent = "generate_content",
        /// A text that a model goes on with.
        TextCompletion = "text_completion",
        /// Texts as vectors.
        Embeddings = "embeddings",
        /// The work of an agent.
        InvokeAgent = "invoke_agent",
        /// A tool's work.
        ExecuteTool = "execute_tool",
    }
}

words! {
    /// Which tokens are counted: `gen_ai.token.type`.
    ///
    /// ```
    /// assert_eq!(agent_telemetry::TokenType::Input.as_str(), "input");
    /// ```
    TokenType {
        /// What the model reads. The conventions count cached tokens among them.
        Input = "input",
        /// What the model writes, its reasoning included.
        Output = "output",
    }
}

closed!(Operation, TokenType);

pub(super) const OPERATION: &str = "gen_ai.operation.name";
const PROVIDER: &str = "gen_ai.provider.name";
pub(super) const MODEL: &str = "gen_ai.request.model";
pub(super) const ERROR: &str = "error.type";

/// Instruments to begin with; [`Metrics::model_calls`] has those of each generation of the conventions.
/// The names and units of the first three are from the OpenTelemetry GenAI
/// semantic conventions 1.41, where they are called experimental; those of the others are this crate's.
///
/// ```
/// use agent_primitives::{ModelId, ProviderId};
/// use agent_telemetry::{Metrics, Operation, TokenType};
///
/// let metrics = Metrics::new();
/// let tokens = metrics.histogram(Metrics::TOKEN_USAGE)?;
/// let (provider, model) = (ProviderId::new("anthropic")?, ModelId::new("claude-sonnet-4-5")?);
/// tokens.record((Operation::Chat, &provider, &model, TokenType::Input), 12_000.0);
/// assert_eq!(metrics.snapshot().families[0].name, "gen_ai.client.token.usage");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Metrics {
    /// Tokens of a model call, a histogram.
    pub const TOKEN_USAGE: Instrument<(Operation, ProviderId, ModelId, TokenType)> =
        Instrument::new(
            "gen_ai.client.token.usage",
            "{token}",
            [OPERATION, PROVIDER, MODEL, "gen_ai.token.type"],
        )
        .description("Tokens that model calls used.");

    /// How long a model call took, in seconds, a histogram; with the kind of its failure, if it failed.
    pub const OPERATION_DURATION: Instrument<(
        Operation,
        ProviderId,
        ModelId,
        Option<FailureKind>,
    )> = Instrument::new(
        "gen_ai.client.operation.duration",
        "s",
        [OPERATION, PROVIDER, MODEL, ERROR],
    )
    .description("How long model calls took.");

    /// How long a tool call took, in seconds, a histogram.
    pub const TOOL_DURATION: Instrument<(ToolName, ToolOutcome)> = Instrument::new(
        "gen_ai.execute_tool.duration",
        "s",
        ["gen_ai.tool.name", "outcome"],
    )
    .description("How long tool calls took.");

    /// Changes of hands from one agent or provider, named first, to another, a counter.
    pub const HANDOFFS: Instrument<(String, String, HandoffReason, Initiator)> = Instrument::new(
        "agent.handoffs",
        "{handoff}",
        ["source", "target", "reason", "initiator"],
    )
    .description("Work that changed hands.");

    /// Records that were not stored, by cause, a counter.
    pub const DROPPED: Instrument<(String,)> =
        Instrument::new("agent.telemetry.dropped", "{record}", ["cause"])
            .description("Records that were not stored.");
}

#[cfg(all(test, not(agent_model)))]
mod tests {
    use super::*;

    #[test]
    fn every_instrument_is_accepted() {
        let metrics = Metrics::new();
        metrics.histogram(Metrics::TOKEN_USAGE).unwrap();
        metrics.histogram(Metrics::OPERATION_DURATION).unwrap();
        metrics.histogram(Metrics::TOOL_DURATION).unwrap();
        metrics.counter(Metrics::HANDOFFS).unwrap();
        metrics.counter(Metrics::DROPPED).unwrap();
        assert_eq!(metrics.snapshot().families.len(), 5);
    }
}
