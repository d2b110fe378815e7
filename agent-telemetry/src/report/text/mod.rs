//! The reports as texts that a person reads in a terminal.

mod agents;
mod compare;
mod cost;
mod errors;
mod handoffs;
mod models;
mod performance;
mod quality;
mod remedies;
mod sequences;
mod suggestions;
mod tools;

use agent_primitives::Usd;

use super::Percentiles;
use crate::stats::layout::{Decimals, count, dash, known, offer, plural, time};

/// The percentiles, dashes where there are none.
fn percentiles(times: Option<Percentiles>) -> [String; 3] {
    match times {
        Some(it) => [it.p50, it.p95, it.p99].map(time),
        None => [dash(), dash(), dash()],
    }
}

/// What is reckoned from the priced calls alone is the least that it can be.
fn at_least(cost: Usd, unpriced_calls: u64, decimals: Decimals) -> String {
    let shown = known(cost, unpriced_calls, decimals);
    if cost > Usd::ZERO && unpriced_calls > 0 {
        format!("≥ {shown}")
    } else {
        shown
    }
}

/// `plural` of the first word of a phrase.
fn plural_first(number: u64, phrase: &str) -> String {
    match phrase.split_once(' ') {
        Some((noun, rest)) if number != 1 => {
            let rest = rest.replace("that has", "that have");
            format!("{} {rest}", plural(number, noun))
        }
        _ => format!("{} {phrase}", count(number)),
    }
}
