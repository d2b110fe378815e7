//! What cannot hold in the settings of each stage.

use std::time::Duration;

use agent_primitives::FailureKind;

use super::error::{InvalidConfig, SettingFault, contradiction, not_zero};
use super::read::Settings;
use crate::backoff::Backoff;
use crate::breaker::{BreakerConfig, BreakerWindow};
use crate::classify::{Remedy, Verdict};
use crate::limit::{ConcurrencyConfig, GateConfig, InvalidLimit, RateLimitConfig, WindowKind};
use crate::retry::{ClearTimesConfig, RetryBudgetConfig, RetryPolicy};

impl Settings for Backoff {
    fn validate(&self) -> Result<(), InvalidConfig> {
        not_zero(
            "first",
            self.first(),
            "give the first pause, or retries follow one another at once",
        )?;
        if self.first() > self.longest() {
            return Err(contradiction(
                "longest",
                format!(
                    "is {:?}, less than the first pause of {:?}",
                    self.longest(),
                    self.first()
                ),
                "make it at least as long as first",
            ));
        }
        Ok(())
    }
}

impl Settings for RetryPolicy {
    fn validate(&self) -> Result<(), InvalidConfig> {
        pauses(&self.backoff)?;
        if let Some(timeout) = self.attempt_timeout {
            let cure = "give the longest that an attempt may take, or null for no limit";
            not_zero("attempt_timeout", timeout, cure)?;
        }
        if let Some(total) = self.total {
            let cure = "give the longest that all attempts may take, or null for no limit";
            not_zero("total", total, cure)?;
        }
        if let (Some(timeout), Some(total)) = (self.attempt_timeout, self.total)
            && timeout >= total
        {
            return Err(contradiction(
                "attempt_timeout",
                format!(
                    "is {timeout:?}, not less than the {total:?} that all attempts have together"
                ),
                "make it less than total, or null for no limit",
            ));
        }
        for (kind, own) in &self.per_kind {
            let path = format!("per_kind.{kind}");
            if let Some(attempts) = own.max_attempts
                && attempts.get() > 1
                && !is_sent_again(*kind)
            {
                return Err(contradiction(
                    format!("{path}.max_attempts"),
                    format!(
                        "is {attempts}, but a failure of kind {kind} is never sent again to the same provider"
                    ),
                    "leave it out",
                ));
            }
            if let Some(backoff) = &own.backoff {
                pauses(backoff).map_err(|error| error.under(&path))?;
            }
        }
        Ok(())
    }
}

fn pauses(backoff: &Backoff) -> Result<(), InvalidConfig> {
    backoff.validate().map_err(|error| error.under("backoff"))
}

/// Whether a retry policy ever sends a request again that failed in this way.
fn is_sent_again(kind: FailureKind) -> bool {
    matches!(
        Verdict::new(kind).remedy(),
        Remedy::BackOff | Remedy::Wait(_)
    )
}

impl Settings for RetryBudgetConfig {
    fn validate(&self) -> Result<(), InvalidConfig> {
        if self.percent == 0 && self.min_per_second == 0 {
            return Err(InvalidConfig::new(
                SettingFault::Zero,
                "percent",
                "is 0, and so is min_per_second: no retry would ever be made",
                "give a share, or set max_attempts of the retries to 1",
            ));
        }
        not_zero(
            "window",
            self.window,
            "give the time after which unused retries lapse",
        )
    }
}

impl Settings for ClearTimesConfig {
    fn validate(&self) -> Result<(), InvalidConfig> {
        not_zero(
            "half_life",
            self.half_life,
            "give the time after which what was learned counts half",
        )
    }
}

impl Settings for BreakerConfig {
    fn validate(&self) -> Result<(), InvalidConfig> {
        if let BreakerWindow::Time(length) = self.window {
            not_zero(
                "window.time",
                length,
                "give the time that rates look back on",
            )?;
        }
        if let BreakerWindow::Calls(calls) = self.window
            && calls.get() > BreakerWindow::CALLS_MAX
        {
            return Err(InvalidConfig::new(
                SettingFault::OutOfRange,
                "window.calls",
                format!("is {calls}, more than a window holds"),
                format!("give at most {}", BreakerWindow::CALLS_MAX),
            ));
        }
        if let BreakerWindow::Calls(calls) = self.window
            && self.failure_rate.or(self.slow_calls.map(|it| it.percent)).is_some()
            && self.minimum_calls.get() > u32::from(calls.get())
            // The default is meant for windows of time, and counts as a full window here.
            && self.minimum_calls != Self::default().minimum_calls
        {
            return Err(contradiction(
                "minimum_calls",
                format!(
                    "is {}, more than the {calls} calls of the window",
                    self.minimum_calls
                ),
                "make it at most window.calls",
            ));
        }
        let cure = "give the time after which a call may be tried again";
        not_zero("open_for", self.open_for, cure)?;
        let cure = "give a time longer than a call may take";
        not_zero("half_open_for", self.half_open_for, cure)?;
        if let Some(slow) = self.slow_calls {
            let cure = "give the time from which a call is slow, or leave slow_calls out";
            not_zero("slow_calls.after", slow.after, cure)?;
        }
        let counts_failures = self.consecutive_failures.is_some() || self.failure_rate.is_some();
        if !counts_failures && self.slow_calls.is_none() {
            return Err(contradiction(
                "consecutive_failures",
                "is null, and so are failure_rate and slow_calls: nothing ever opens it",
                "set one of the three, or leave the breaker out",
            ));
        }
        if counts_failures
            && self.slow_calls.is_none()
            && FailureKind::ALL
                .iter()
                .all(|kind| self.weights.of(*kind) == 0)
        {
            return Err(contradiction(
                "weights",
                "are all 0: no failure ever opens it",
                "give at least one kind of failure a weight, or leave the breaker out",
            ));
        }
        Ok(())
    }
}

impl Settings for RateLimitConfig {
    fn validate(&self) -> Result<(), InvalidConfig> {
        if self.windows.len() > Self::WINDOWS_MAX {
            return Err(limit("windows", &InvalidLimit::TooMany(self.windows.len())));
        }
        for (place, window) in self.windows.iter().enumerate() {
            let path = format!("windows[{place}]");
            let alone = Self {
                windows: vec![*window],
                ..Self::default()
            };
            if let Err(error) = alone.check() {
                let field = match error {
                    InvalidLimit::Nothing { .. } if window.limit > 0 => ".burst",
                    InvalidLimit::Nothing { .. } | InvalidLimit::TooFine { .. } => ".limit",
                    InvalidLimit::Period { .. } => ".period",
                    InvalidLimit::Concurrency => ".resource",
                    _ => "",
                };
                return Err(limit(&format!("{path}{field}"), &error));
            }
            if let Some(burst) = window.burst {
                if burst > window.limit {
                    return Err(contradiction(
                        format!("{path}.burst"),
                        format!("is {burst}, more than the limit of {}", window.limit),
                        "make it at most limit, or leave it out",
                    ));
                }
                if window.kind == WindowKind::Fixed {
                    return Err(contradiction(
                        format!("{path}.burst"),
                        format!("is {burst}, but a fixed window may be used up at once"),
                        "leave it out, or let the window refill",
                    ));
                }
            }
            let same = |other: &&crate::limit::RateWindow| {
                other.resource == window.resource && other.period == window.period
            };
            if let Some(first) = self
                .windows
                .iter()
                .take(place)
                .position(|other| same(&other))
            {
                return Err(contradiction(
                    path,
                    format!("limits the same in the same time as windows[{first}]"),
                    "keep the smaller of the two",
                ));
            }
        }
        Ok(())
    }
}

/// The words of a limit's own error, which say both what and what to do.
pub(super) fn limit(path: &str, error: &InvalidLimit) -> InvalidConfig {
    let fault = match error {
        InvalidLimit::Nothing { .. } => SettingFault::Zero,
        InvalidLimit::Period { period, .. } if *period == Duration::ZERO => SettingFault::Zero,
        InvalidLimit::Concurrency => SettingFault::Contradiction,
        _ => SettingFault::OutOfRange,
    };
    let words = error.to_string();
    let (what, cure) = words.split_once(": ").unwrap_or((words.as_str(), ""));
    let cure = if cure.is_empty() { "use less" } else { cure };
    InvalidConfig::new(fault, path, what, cure)
}

impl Settings for ConcurrencyConfig {
    fn validate(&self) -> Result<(), InvalidConfig> {
        match self.check() {
            Ok(()) => Ok(()),
            Err(InvalidLimit::Adaptive {
                what: "limit",
                cure,
            }) => Err(contradiction(
                "limit",
                format!(
                    "is {}, outside of adaptive.min and adaptive.max",
                    self.limit
                ),
                cure,
            )),
            Err(InvalidLimit::Adaptive { what, cure }) => Err(InvalidConfig::new(
                SettingFault::OutOfRange,
                format!("adaptive.{what}"),
                "is out of range",
                cure,
            )),
            Err(error) => Err(limit("", &error)),
        }
    }
}

impl Settings for GateConfig {
    fn validate(&self) -> Result<(), InvalidConfig> {
        not_zero(
            "ramp_max",
            self.ramp_max,
            "give the longest time over which tasks come back, or they come back together",
        )?;
        if self.ramp_min > self.ramp_max {
            return Err(contradiction(
                "ramp_min",
                format!(
                    "is {:?}, more than ramp_max of {:?}",
                    self.ramp_min, self.ramp_max
                ),
                "make it at most ramp_max",
            ));
        }
        Ok(())
    }
}
