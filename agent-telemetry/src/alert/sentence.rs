//! What was measured, in words.

use std::time::Duration;

use agent_primitives::Usd;

use super::limit::Reading;
use super::{BudgetPeriod, Calls, Condition, Queue, span};

/// The value and its limit.
pub(super) fn about(when: &Condition, reading: Reading) -> String {
    let Some(value) = reading.value else {
        return "no data any more".to_owned();
    };
    let limit = reading.limit;
    match when {
        Condition::ErrorRate { of, window, .. } => format!(
            "{} of {} failed within {} (limit {})",
            percent(value),
            calls(*of),
            span::text(*window),
            percent(limit)
        ),
        Condition::Latency {
            of,
            above,
            window,
            quantile,
            ..
        } => format!(
            "{} of {} took longer than {} within {} (p{} allows {})",
            percent(value),
            calls(*of),
            span::text(*above),
            span::text(*window),
            figure(quantile * 100.0),
            percent(limit)
        ),
        Condition::TokensPerMinute { window, .. } => format!(
            "{value:.0} tokens a minute within {} (limit {limit:.0})",
            span::text(*window)
        ),
        Condition::CostPerHour { window, .. } => format!(
            "{} an hour within {} (limit {})",
            dollars(value),
            span::text(*window),
            dollars(limit)
        ),
        Condition::QueueDepth { of, .. } => {
            let what = match of {
                Queue::Tasks => "tasks",
                Queue::Recorder => "records",
            };
            format!("{} {what} wait (limit {})", figure(value), figure(limit))
        }
        Condition::Budget { period, .. } => {
            let of = match period {
                BudgetPeriod::Session => "session",
                BudgetPeriod::Day => "day",
                BudgetPeriod::Month => "month",
            };
            format!(
                "{} of the {of}'s budget are spent (limit {})",
                percent(value),
                percent(limit)
            )
        }
        Condition::ContextShare { .. } => format!(
            "{} of the context window are used (limit {})",
            percent(value),
            percent(limit)
        ),
        Condition::ProviderDown { .. } if value < 1.0 => "circuit breaker".to_owned(),
        Condition::ProviderDown { .. } => format!("{value:.0} failures since the last answer"),
        Condition::BurnRate { objective, .. } => format!(
            "errors {} times as fast as an objective of {} allows (limit {})",
            figure(value),
            percent(*objective),
            figure(limit)
        ),
        Condition::Silence { .. } => format!(
            "nothing was recorded for {} (limit {})",
            span(Duration::try_from_secs_f64(value).unwrap_or(Duration::MAX)),
            span(Duration::try_from_secs_f64(limit).unwrap_or(Duration::MAX))
        ),
        Condition::Metric { name, .. } => {
            format!("{name} is {} (limit {})", figure(value), figure(limit))
        }
    }
}

const fn calls(of: Calls) -> &'static str {
    match of {
        Calls::ModelCalls => "model calls",
        Calls::ToolCalls => "tool calls",
        Calls::Attempts => "attempts",
        Calls::Sessions => "sessions",
    }
}

/// To the second, where it has any.
pub(super) fn span(time: Duration) -> String {
    let whole = Duration::from_secs(time.as_secs());
    span::text(if whole.is_zero() { time } else { whole })
}

fn percent(share: f64) -> String {
    format!("{} %", figure(share * 100.0))
}

/// With at most two decimals.
fn figure(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn dollars(value: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "casts of floats saturate")]
    let micros = (value * 1e6).round() as i64;
    Usd::from_micros(micros).to_string()
}
