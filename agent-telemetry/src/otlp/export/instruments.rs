//! The metrics that go out: their names, units and buckets.

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// Adds up.
    Sum,
    /// Adds up money.
    Money,
    /// The latest value counts.
    Gauge,
    /// How often values were how large; bounds of the buckets, ascending.
    Histogram(&'static [f64]),
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Instrument {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) kind: Kind,
}

const fn of(name: &'static str, unit: &'static str, kind: Kind) -> Instrument {
    Instrument { name, unit, kind }
}

/// Doubling from 10 ms, as the conventions have it for calls of models and tools.
const SECONDS: Kind = Kind::Histogram(&[
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
]);
/// Doubling from 100 ms, as the conventions have it for the work of agents.
const LONG: Kind = Kind::Histogram(&[
    0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6,
]);
const TOKENS: Kind = Kind::Histogram(&[
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
]);

// Of the conventions up to 1.41.
pub(super) const TOKEN_USAGE: Instrument = of("gen_ai.client.token.usage", "{token}", TOKENS);
pub(super) const OPERATION_DURATION: Instrument =
    of("gen_ai.client.operation.duration", "s", SECONDS);
/// Since 1.41.
pub(super) const OPERATION_FIRST_CHUNK: Instrument =
    of("gen_ai.client.operation.time_to_first_chunk", "s", SECONDS);

// Of the latest ones.
pub(super) const INFERENCE_DURATION: Instrument =
    of("gen_ai.client.inference.duration", "s", SECONDS);
pub(super) const INFERENCE_FIRST_CHUNK: Instrument =
    of("gen_ai.client.inference.time_to_first_chunk", "s", SECONDS);
pub(super) const INPUT_TOKENS: Instrument = of(
    "gen_ai.client.inference.usage.input_tokens",
    "{token}",
    Kind::Sum,
);
pub(super) const CACHE_READ_TOKENS: Instrument = of(
    "gen_ai.client.inference.usage.cache_read.input_tokens",
    "{token}",
    Kind::Sum,
);
pub(super) const CACHE_WRITE_TOKENS: Instrument = of(
    "gen_ai.client.inference.usage.cache_write.input_tokens",
    "{token}",
    Kind::Sum,
);
pub(super) const OUTPUT_TOKENS: Instrument = of(
    "gen_ai.client.inference.usage.output_tokens",
    "{token}",
    Kind::Sum,
);
pub(super) const REASONING_TOKENS: Instrument = of(
    "gen_ai.client.inference.usage.reasoning.output_tokens",
    "{token}",
    Kind::Sum,
);
pub(super) const OF_INPUT: Instrument = of(
    "gen_ai.client.inference.operation.input_tokens",
    "{token}",
    TOKENS,
);
pub(super) const OF_OUTPUT: Instrument = of(
    "gen_ai.client.inference.operation.output_tokens",
    "{token}",
    TOKENS,
);
pub(super) const INVOKE_AGENT_DURATION: Instrument = of("gen_ai.invoke_agent.duration", "s", LONG);
pub(super) const EXECUTE_TOOL_DURATION: Instrument =
    of("gen_ai.execute_tool.duration", "s", SECONDS);

// Our own.
pub(super) const COST: Instrument = of("agent.cost", "USD", Kind::Money);
pub(super) const TOOL_CALLS: Instrument = of("agent.tool.calls", "{call}", Kind::Sum);
pub(super) const SESSIONS: Instrument = of("agent.sessions", "{session}", Kind::Sum);
pub(super) const HANDOFFS: Instrument = of("agent.handoffs", "{handoff}", Kind::Sum);
pub(super) const RETRIES: Instrument = of("agent.retries", "{retry}", Kind::Sum);
pub(super) const VIOLATIONS: Instrument = of("agent.violations", "{violation}", Kind::Sum);
pub(super) const CHECKPOINTS: Instrument = of("agent.checkpoints", "{checkpoint}", Kind::Sum);
pub(super) const FILES: Instrument = of("agent.files", "{file}", Kind::Sum);
pub(super) const LINES: Instrument = of("agent.lines", "{line}", Kind::Sum);
pub(super) const CONTEXT: Instrument = of("agent.context.utilization", "1", Kind::Gauge);
pub(super) const QUEUED: Instrument = of("agent.task.queued", "s", LONG);
pub(super) const RAN: Instrument = of("agent.task.ran", "s", LONG);

/// A measured value, by its unit.
pub(super) const fn measured(unit: crate::Unit) -> Instrument {
    use crate::Unit;
    match unit {
        Unit::Ratio => of("agent.metric.ratio", "1", Kind::Gauge),
        Unit::Count => of("agent.metric.count", "{count}", Kind::Gauge),
        Unit::Seconds => of("agent.metric.seconds", "s", Kind::Gauge),
        Unit::Bytes => of("agent.metric.bytes", "By", Kind::Gauge),
        Unit::Tokens => of("agent.metric.tokens", "{token}", Kind::Gauge),
        Unit::Score => of("agent.metric.score", "{score}", Kind::Gauge),
    }
}
