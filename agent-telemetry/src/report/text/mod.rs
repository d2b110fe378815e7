//! The reports as texts that a person reads in a terminal.

mod agents;
mod models;
mod tools;

use std::fmt;

use agent_primitives::{ModelId, ProviderId, Usd};

use super::Percentiles;
use crate::Period;
use crate::stats::layout::{Decimals, time};
use crate::stats::width::{cut, printable};

/// Which report, and of which time.
fn title(f: &mut fmt::Formatter<'_>, what: &str, period: &Period) -> fmt::Result {
    writeln!(f, "{what}, {period}")
}

/// Nothing but unpriced calls is not a cost of nothing.
fn known(cost: Usd, unpriced_calls: u64, decimals: Decimals) -> String {
    if cost.is_zero() && unpriced_calls > 0 {
        dash()
    } else {
        decimals.show(cost)
    }
}

fn offer(provider: &ProviderId, model: &ModelId) -> String {
    let model = printable(model.as_str());
    format!("{} · {model}", cut(provider.as_str(), 20))
}

/// The percentiles, dashes where there are none.
fn percentiles(times: Option<Percentiles>) -> [String; 3] {
    match times {
        Some(it) => [it.p50, it.p95, it.p99].map(time),
        None => [dash(), dash(), dash()],
    }
}

fn dash() -> String {
    "-".to_owned()
}
