//! In which of several ways records are told.

use crate::GenAiNames;
use crate::words::words;

words! {
    /// How work that changes hands is told in traces: the conventions have not decided.
    ///
    /// ```
    /// use agent_telemetry::otlp::HandoffSpans;
    ///
    /// assert_eq!(HandoffSpans::from_word("own"), Some(HandoffSpans::Own));
    /// ```
    HandoffSpans {
        /// As a tool call `transfer_to_…` with `gen_ai.agent.handoff.source.name` and `gen_ai.agent.handoff.target.name`,
        /// after pull request 98 of `open-telemetry/semantic-conventions-genai`.
        ToolCall = "tool_call",
        /// As a span of its own, `handoff …`, with the same two names and no tool.
        Own = "own",
    }
}

words! {
    /// Whether metrics say what was added since the last time, or everything since the start.
    ///
    /// ```
    /// use agent_telemetry::otlp::OtlpTemporality;
    ///
    /// assert_eq!(OtlpTemporality::Delta.as_str(), "delta");
    /// ```
    OtlpTemporality {
        /// Everything since the sink was made: what is lost on the way comes with the next one, and what Prometheus
        /// and most back ends take.
        Cumulative = "cumulative",
        /// What was added since the last time: less memory here, and a request that is lost is lost.
        Delta = "delta",
    }
}

words! {
    /// One of the three kinds of data that the protocol knows.
    ///
    /// ```
    /// use agent_telemetry::otlp::OtlpSignal;
    ///
    /// assert_eq!(OtlpSignal::Traces.as_str(), "traces");
    /// ```
    OtlpSignal {
        /// Spans: what took time.
        Traces = "traces",
        /// Sums, gauges and histograms.
        Metrics = "metrics",
        /// Log records that are events: what happened at a moment.
        Logs = "logs",
    }
}

impl OtlpSignal {
    /// For arrays with one place for each.
    pub(super) const fn index(self) -> usize {
        match self {
            Self::Traces => 0,
            Self::Metrics => 1,
            Self::Logs => 2,
        }
    }

    /// Below the endpoint.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Metrics => "/v1/metrics",
            Self::Logs => "/v1/logs",
        }
    }
}

/// How records are told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) names: GenAiNames,
    pub(super) handoffs: HandoffSpans,
    pub(super) temporality: OtlpTemporality,
    /// Whether the texts go out that the host wrote: descriptions, messages, files, reasons.
    pub(super) texts: bool,
}
