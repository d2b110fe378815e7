//! goose: counters alone. They name no session, and its calls of models are told by no other name of its own.

use super::super::unit::MILLISECONDS;
use super::{Group, Read, Row, metric, plain};

pub(super) const GROUP: Group = Group {
    title: "goose",
    from: "block/goose, `monotonic_counter.goose.*` of its events",
    rows: ROWS,
    keys: &[],
};

const ROWS: &[Row] = &[
    plain("goose.session_starts"),
    plain("goose.session_completions"),
    metric(
        "goose.session_duration_ms",
        Read::Plain(&[], Some(MILLISECONDS)),
        "metric: time",
    ),
    metric(
        "goose.session_tokens",
        Read::Plain(&[], Some(super::super::unit::one(crate::Unit::Tokens))),
        "metric: it does not tell input from output",
    ),
    plain("goose.tool_calls"),
    plain("goose.tool_completions"),
    plain("goose.recipe_runs"),
    plain("goose.cli_commands"),
];
