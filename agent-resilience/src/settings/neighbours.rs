//! The settings of budgets, routes, streams and chains, which find their own faults, read with a path.

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
        if let Some(hedge) = self.hedge {
            let cure = "give the time after which a second provider is asked, or leave hedge out";
            not_zero("hedge.after", hedge.after, cure)?;
            if let Some(timeout) = self.attempt_timeout
                && hedge.after >= timeout
            {
                return Err(contradiction(
                    "hedge.after",
                    format!(
                        "is {:?}, and an attempt ends after {timeout:?}",
                        hedge.after
                    ),
                    "make it less than attempt_timeout",
                ));
            }
        }
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
