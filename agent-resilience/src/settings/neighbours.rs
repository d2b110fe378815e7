//! The settings of budgets, routes, streams and chains, which find their own faults, read with a path.

use std::time::Duration;

use super::error::{InvalidConfig, SettingFault, contradiction, not_zero};
use super::read::Settings;
use crate::budget::{InvalidSpend, SpendBudgetConfig};
use crate::fallback::{FallbackConfig, Rest};
use crate::route::{InvalidRoute, LearnedConfig, RouteConfig};
use crate::stream::{InvalidStreamLimits, StreamLimits};

/// The words of an error of the stage's own, which say both what is wrong and what to do.
fn said(
    fault: SettingFault,
    path: impl Into<String>,
    error: &impl std::error::Error,
) -> InvalidConfig {
    let words = error.to_string();
    let (what, cure) = words
        .split_once(": ")
        .unwrap_or((words.as_str(), "change it"));
    InvalidConfig::new(fault, path, what, cure)
}

impl Settings for StreamLimits {
    fn validate(&self) -> Result<(), InvalidConfig> {
        Self::validate(self).map_err(|error| match &error {
            InvalidStreamLimits::Zero(clock) => said(SettingFault::Zero, clock.as_str(), &error),
            InvalidStreamLimits::BeyondTotal { clock, .. } => {
                said(SettingFault::Contradiction, clock.as_str(), &error)
            }
        })
    }
}

impl Settings for RouteConfig {
    fn validate(&self) -> Result<(), InvalidConfig> {
        Settings::validate(&self.learned).map_err(|error| error.under("learned"))?;
        Self::validate(self).map_err(|error| match &error {
            InvalidRoute::NoWeight => said(SettingFault::Zero, "strategy.balanced", &error),
            _ => said(SettingFault::Zero, "assumed_latency", &error),
        })
    }
}

impl Settings for LearnedConfig {
    fn validate(&self) -> Result<(), InvalidConfig> {
        Self::validate(self).map_err(|error| match &error {
            InvalidRoute::NoRoom => said(SettingFault::Zero, "capacity", &error),
            _ => said(SettingFault::Zero, "half_life", &error),
        })
    }
}

impl Settings for SpendBudgetConfig {
    fn validate(&self) -> Result<(), InvalidConfig> {
        Self::validate(self).map_err(|error| {
            let (fault, path) = match &error {
                InvalidSpend::Nothing { scope, .. } => (SettingFault::Zero, scope.as_str()),
                InvalidSpend::Negative { scope, .. } => (SettingFault::Negative, scope.as_str()),
                InvalidSpend::TooMuch { scope, .. } => (SettingFault::OutOfRange, scope.as_str()),
                InvalidSpend::Contradiction { .. } => (SettingFault::Contradiction, "request"),
                InvalidSpend::NotRising { .. } | InvalidSpend::Weaker { .. } => {
                    (SettingFault::Contradiction, "thresholds")
                }
                InvalidSpend::TooManyThresholds(_) => (SettingFault::OutOfRange, "thresholds"),
                InvalidSpend::Sessions(_) => (SettingFault::OutOfRange, "sessions"),
                InvalidSpend::UnknownTimeZone { .. } | InvalidSpend::NoTimeZones { .. } => {
                    (SettingFault::OutOfRange, "time_zone")
                }
            };
            said(fault, path, &error)
        })
    }
}

impl Settings for Rest {
    fn validate(&self) -> Result<(), InvalidConfig> {
        let cure = "give the rest after a first failure, or a provider that fails is asked at once";
        not_zero("first", self.first, cure)?;
        let cure = "give how long to leave alone who needs somebody to mend something, or it is asked at \
                    once and for nothing";
        not_zero("until_mended", self.until_mended, cure)?;
        let cure =
            "give the longest rest that a provider may ask for, or what it asks for is ignored";
        not_zero("longest_hint", self.longest_hint, cure)?;
        if self.first > self.longest {
            return Err(contradiction(
                "longest",
                format!(
                    "is {:?}, less than the first rest of {:?}",
                    self.longest, self.first
                ),
                "make it at least as long as first",
            ));
        }
        Ok(())
    }
}

/// A stream that is given more time than by default has to have it from the rest of the chain, too. The
/// defaults give way in silence: who shortens an attempt need not shorten what is within it.
fn streams_end_first(config: &FallbackConfig) -> Result<(), InvalidConfig> {
    let plain = StreamLimits::default();
    let attempt = [config.attempt_timeout, config.retry.attempt_timeout];
    for (path, own, default, most, cure) in [
        (
            "stream.first_token",
            config.stream.first_token,
            plain.first_token,
            attempt.into_iter().flatten().min(),
            "shorten it, or lengthen attempt_timeout",
        ),
        (
            "stream.total",
            config.stream.total,
            plain.total,
            config.retry.total,
            "shorten it, or lengthen retry.total",
        ),
    ] {
        if let (Some(own), Some(most)) = (own, most)
            && own > most
            && Some(own) > default
        {
            let what = format!("is {own:?}, and the chain gives up after {most:?}");
            return Err(contradiction(path, what, cure));
        }
    }
    Ok(())
}

impl Settings for FallbackConfig {
    fn validate(&self) -> Result<(), InvalidConfig> {
        Settings::validate(&self.retry).map_err(|error| error.under("retry"))?;
        if let Some(timeout) = self.attempt_timeout {
            let cure = "give the longest that an attempt may take, or null for no limit";
            not_zero("attempt_timeout", timeout, cure)?;
        }
        Settings::validate(&self.breaker).map_err(|error| error.under("breaker"))?;
        Settings::validate(&self.rest).map_err(|error| error.under("rest"))?;
        Settings::validate(&self.route).map_err(|error| error.under("route"))?;
        Settings::validate(&self.stream).map_err(|error| error.under("stream"))?;
        streams_end_first(self)?;
        not_zero(
            "probe_every",
            self.probe_every,
            "give the time between two probes",
        )?;
        if !(1..=100).contains(&self.returning.first_percent) {
            return Err(InvalidConfig::new(
                SettingFault::OutOfRange,
                "returning.first_percent",
                format!("is {}", self.returning.first_percent),
                "give 1 to 100",
            ));
        }
        self.validate_times()?;
        if self.decisions > Self::DECISIONS_MAX {
            return Err(InvalidConfig::new(
                SettingFault::OutOfRange,
                "decisions",
                format!("is {}", self.decisions),
                format!("keep at most {}", Self::DECISIONS_MAX),
            ));
        }
        for (name, link) in &self.links {
            let under = |error: InvalidConfig| error.under(name.as_str()).under("links");
            if let Some(rate) = &link.rate_limit {
                let checked = Settings::validate(rate);
                checked.map_err(|error| under(error.under("rate_limit")))?;
            }
            if let Some(concurrency) = &link.concurrency {
                let checked = Settings::validate(concurrency);
                checked.map_err(|error| under(error.under("concurrency")))?;
            }
        }
        Ok(())
    }
}

impl FallbackConfig {
    /// That a request has the time that each of its parts may take.
    fn validate_times(&self) -> Result<(), InvalidConfig> {
        let total = self.retry.total;
        let attempt = [
            ("attempt_timeout", self.attempt_timeout),
            ("retry.attempt_timeout", self.retry.attempt_timeout),
        ];
        let attempt = attempt
            .into_iter()
            .filter_map(|(path, limit)| Some((path, limit?)))
            .min_by_key(|(_, limit)| *limit);
        if let (Some((path, limit)), Some(total)) = (attempt, total)
            && limit >= total
            // Who gives requests less time than the default of an attempt means just that: an attempt has half
            // of what is left while others are ready.
            && self.attempt_timeout != Self::default().attempt_timeout
        {
            return Err(contradiction(
                path,
                format!(
                    "is {limit:?}, and a request ends after {total:?} (retry.total), so that nobody \
                     else could be asked"
                ),
                "make it less than retry.total, or null for no limit",
            ));
        }
        if let Some(hedge) = self.hedge {
            let cure = "give the time after which a second provider is asked, or leave hedge out";
            not_zero("hedge.after", hedge.after, cure)?;
            let over = |end: &str, limit: Duration, cure: &str| {
                let what = format!("is {:?}, and {end} ends after {limit:?}", hedge.after);
                contradiction("hedge.after", what, cure)
            };
            if let Some((path, limit)) = attempt.filter(|(_, limit)| hedge.after >= *limit) {
                return Err(over(
                    "an attempt",
                    limit,
                    &format!("make it less than {path}"),
                ));
            }
            if let Some(total) = total.filter(|total| hedge.after >= *total) {
                return Err(over("a request", total, "make it less than retry.total"));
            }
        }
        if self.wait_for_first && total.is_none() {
            return Err(contradiction(
                "wait_for_first",
                "is set, and retry.total is null, so that nothing says how long to wait",
                "give retry.total, the longest that a request may take",
            ));
        }
        Ok(())
    }
}
