//! The reports as texts that a person reads in a terminal.

mod agents;
mod compare;
mod cost;
mod errors;
mod handoffs;
mod models;
mod performance;
mod remedies;
mod tools;

use super::Percentiles;
use crate::stats::layout::{dash, known, offer, time};

/// The percentiles, dashes where there are none.
fn percentiles(times: Option<Percentiles>) -> [String; 3] {
    match times {
        Some(it) => [it.p50, it.p95, it.p99].map(time),
        None => [dash(), dash(), dash()],
    }
}
