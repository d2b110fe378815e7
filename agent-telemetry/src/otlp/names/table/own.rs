//! What our own exporter says beyond the conventions.

use super::super::field::Field as F;
use super::super::field::{Key, key};
use super::super::read;
use super::{Group, Read, Row, Signal, row};

pub(super) const GROUP: Group = Group {
    title: "agent-telemetry",
    from: "the exporter of this crate, and pull request 98 of open-telemetry/semantic-conventions-genai",
    rows: ROWS,
    keys: KEYS,
};

const ROWS: &[Row] = &[row(
    Signal::Operation,
    "handoff",
    Read::With(read::handoff),
    "handoff",
)];

const KEYS: &[Key] = &[
    key("agent.cost.pico_usd", F::CostPicos),
    key("agent.attempts", F::Attempts),
    key("agent.service_tier", F::ServiceTier),
    key("agent.outcome", F::Outcome),
    key("agent.tool.outcome", F::ToolOutcome),
    key("gen_ai.agent.handoff.source.name", F::HandoffFrom),
    key("gen_ai.agent.handoff.target.name", F::HandoffTo),
    key("agent.handoff.source.kind", F::HandoffFromKind),
    key("agent.handoff.target.kind", F::HandoffToKind),
    key("agent.handoff.reason", F::HandoffReason),
    key("agent.handoff.initiator", F::HandoffInitiator),
];
