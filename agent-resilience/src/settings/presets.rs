//! What is known of each vendor, with its source; what a plan decides is left to the host.

use std::time::Duration;

use super::policy::PolicyConfig;
use crate::breaker::BreakerConfig;
use crate::classify::{LimitedResource, Vendor};
use crate::limit::{RateWindow, WindowKind};
use crate::retry::{ClearTimesConfig, HintRule, RetryBudgetConfig};

impl PolicyConfig {
    /// What is known of `vendor`; the page [`presets`](crate::presets) has the source of each number.
    ///
    /// Each has a retry budget and a breaker with their defaults. None has a rate limit or a bound on
    /// calls under way: those are the plan's, and the host sets them; [`RateWindow::as_counted_by`] says
    /// how the vendor counts.
    ///
    /// ```
    /// use std::time::Duration;
    /// use agent_resilience::classify::{LimitedResource::Requests, Vendor};
    /// use agent_resilience::{HintRule, PolicyConfig, RateLimitConfig, RateWindow, Settings, WindowKind};
    ///
    /// let mut mistral = PolicyConfig::for_vendor(Vendor::Mistral);
    /// assert_eq!(mistral.rate_limit, None, "the plan's");
    /// let minute = RateWindow::per_minute(Requests, 30).as_counted_by(Vendor::Mistral);
    /// assert_eq!(minute.kind, WindowKind::Fixed);
    /// mistral.rate_limit = Some(RateLimitConfig::default().window(minute));
    /// assert_eq!(mistral.validate(), Ok(()));
    ///
    /// let openai = PolicyConfig::for_vendor(Vendor::OpenAi);
    /// assert_eq!(openai.retry.attempt_timeout, Some(Duration::from_secs(600)));
    /// assert_eq!(openai.retry.total, Some(Duration::from_secs(1_200)), "a second try has its time");
    /// let cerebras = PolicyConfig::for_vendor(Vendor::Cerebras);
    /// assert_eq!(cerebras.clear_times.map(|times| times.hints), Some(HintRule::MayUndercut));
    /// ```
    pub fn for_vendor(vendor: Vendor) -> Self {
        let mut config = Self {
            vendor: Some(vendor),
            retry_budget: Some(RetryBudgetConfig::default()),
            breaker: Some(BreakerConfig::default()),
            ..Self::default()
        };
        config.retry.attempt_timeout = client_timeout(vendor);
        if let (Some(timeout), Some(total)) = (config.retry.attempt_timeout, config.retry.total)
            && timeout >= total
        {
            // An attempt that hangs has to end by itself, at the second try, too: what ends with the
            // whole run counts against nobody.
            config.retry.total = Some(timeout.saturating_mul(2));
        }
        config.clear_times = hints(vendor).map(|hints| ClearTimesConfig {
            hints,
            ..ClearTimesConfig::default()
        });
        config
    }
}

/// How long the vendor's own client waits for one request; `None` where it has no limit of its own, or
/// where the vendor advises against it.
const fn client_timeout(vendor: Vendor) -> Option<Duration> {
    match vendor {
        Vendor::Anthropic | Vendor::OpenAi | Vendor::AzureOpenAi => Some(Duration::from_secs(600)),
        Vendor::Groq => Some(Duration::from_secs(60)),
        _ => None,
    }
}

/// Whether experience is better than the vendor's hints, or than none.
const fn hints(vendor: Vendor) -> Option<HintRule> {
    match vendor {
        // It asks for about a minute and answers again after 11 to 32 s.
        Vendor::Cerebras => Some(HintRule::MayUndercut),
        // These give no hint, or one of zero.
        Vendor::Mistral | Vendor::GithubModels => Some(HintRule::Keep),
        _ => None,
    }
}

impl RateWindow {
    /// The same limit, counted as `vendor` counts it, where that is known: how it comes back, and how much
    /// of it may be taken at once. The page [`presets`](crate::presets) has the sources.
    ///
    /// ```
    /// use agent_resilience::classify::{LimitedResource::{Requests, Tokens}, Vendor};
    /// use agent_resilience::{RateWindow, WindowKind};
    ///
    /// let azure = RateWindow::per_minute(Requests, 600).as_counted_by(Vendor::AzureOpenAi);
    /// assert_eq!((azure.kind, azure.burst), (WindowKind::Refill, Some(10)), "looked at each second");
    /// let day = RateWindow::per_day(Requests, 250).as_counted_by(Vendor::Gemini);
    /// assert_eq!(day.kind, WindowKind::Fixed);
    /// let unknown = RateWindow::per_minute(Tokens, 9_000);
    /// assert_eq!(unknown.as_counted_by(Vendor::Vllm), unknown);
    /// ```
    #[must_use]
    pub fn as_counted_by(mut self, vendor: Vendor) -> Self {
        const MINUTE: Duration = Duration::from_secs(60);
        const DAY: Duration = Duration::from_secs(86_400);
        let is_of_requests = self.resource == LimitedResource::Requests;
        match (vendor, self.period) {
            (Vendor::Anthropic | Vendor::OpenAi | Vendor::Groq, _) => {
                self.kind = WindowKind::Refill;
            }
            (Vendor::AzureOpenAi, MINUTE) if is_of_requests => {
                self.kind = WindowKind::Refill;
                self.burst = Some((self.limit / 60).max(1));
            }
            (Vendor::Mistral, MINUTE) | (Vendor::Gemini, DAY) => {
                self.kind = WindowKind::Fixed;
                self.burst = None;
            }
            _ => {}
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn each_preset_holds_round_trips_and_leaves_the_plan_to_the_host() {
        for vendor in Vendor::ALL {
            let config = PolicyConfig::for_vendor(vendor);
            assert_eq!(config.validate(), Ok(()), "{vendor}");
            assert_eq!(
                (config.vendor, &config.rate_limit, &config.concurrency),
                (Some(vendor), &None, &None)
            );
            let json = serde_json::to_string(&config).unwrap();
            assert_eq!(PolicyConfig::from_json(&json), Ok(config.clone()));
            let (timeout, total) = (config.retry.attempt_timeout, config.retry.total);
            assert!(timeout.is_none_or(|it| Some(it) < total), "{vendor}");
        }
    }

    #[test]
    fn window_as_counted_by_a_vendor_can_be_counted() {
        for vendor in Vendor::ALL {
            for limit in [1, 59, 60, 1_000_000] {
                for window in [
                    RateWindow::per_minute(LimitedResource::Requests, limit),
                    RateWindow::per_minute(LimitedResource::Tokens, limit),
                    RateWindow::per_day(LimitedResource::Requests, limit),
                ] {
                    let window = window.as_counted_by(vendor);
                    let config = crate::limit::RateLimitConfig::default().window(window);
                    assert_eq!(config.validate(), Ok(()), "{vendor} {limit}");
                    assert_eq!(window.limit, limit);
                }
            }
        }
    }
}
