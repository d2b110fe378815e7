//! The reports as texts that a person reads in a terminal.

mod agents;
mod models;
mod tools;

use std::fmt;

use super::Percentiles;
use crate::Period;
use crate::stats::layout::{dash, known, offer, time};

/// Which report, and of which time.
fn title(f: &mut fmt::Formatter<'_>, what: &str, period: &Period) -> fmt::Result {
    writeln!(f, "{what}, {period}")
}

/// The percentiles, dashes where there are none.
fn percentiles(times: Option<Percentiles>) -> [String; 3] {
    match times {
        Some(it) => [it.p50, it.p95, it.p99].map(time),
        None => [dash(), dash(), dash()],
    }
}
