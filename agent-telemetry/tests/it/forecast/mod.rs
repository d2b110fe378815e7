//! Forecasts of money, contexts and times.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "figures that the tests themselves make up"
)]

mod budgets;
mod contexts;
mod coverage;
mod properties;
#[cfg(feature = "sqlite")]
mod stored;
mod timeouts;

use std::time::Duration;

use agent_primitives::{Timestamp, TokenUsage, Usd};
use agent_telemetry::{ModelCall, Record, SpendHistory};

use crate::story::{model, provider};

/// Noon of Friday, 20 November 2026.
const NOON: i64 = 1_795_176_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_seconds(second)
}

fn noon() -> Timestamp {
    at(NOON)
}

fn hours(number: u64) -> Duration {
    Duration::from_secs(3_600 * number)
}

fn usd(dollars: i64) -> Usd {
    Usd::from_micros(dollars * 1_000_000)
}

fn call(cost: Usd) -> ModelCall {
    ModelCall::new(provider("claude"), model("claude-haiku-4-5"))
        .cost(cost)
        .usage(TokenUsage::new(1_000, 100))
        .latency(Duration::from_secs(2))
}

/// A dollar in each of so many hours up to noon, half an hour after each began, where a filter has it.
fn a_dollar_an_hour(number: i64, is_at_work: impl Fn(i64) -> bool) -> Vec<Record> {
    let ago = (1..=number).rev();
    let second = ago.map(|ago| NOON - 3_600 * ago + 1_800);
    let at_work = second.filter(|second| is_at_work(*second));
    at_work
        .map(|it| Record::new(at(it), call(usd(1))))
        .collect()
}

/// Weekdays from eight to six.
fn in_office_hours(second: i64) -> bool {
    let (day, hour) = (second.div_euclid(86_400), second.rem_euclid(86_400) / 3_600);
    (day + 3) % 7 < 5 && (8..18).contains(&hour)
}

fn steady(days: i64) -> SpendHistory {
    SpendHistory::of(&a_dollar_an_hour(24 * days, |_| true))
}
