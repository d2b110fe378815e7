//! Everything about one provider in one place, as plain data.

use std::sync::Arc;

#[cfg(feature = "tokio")]
use agent_primitives::SystemClock;
use agent_primitives::{Clock, ProviderId};
use serde::{Deserialize, Serialize};

use super::check::limit;
use super::error::InvalidConfig;
use super::read::Settings;
use crate::breaker::{BreakerConfig, CircuitBreaker};
use crate::classify::Vendor;
#[cfg(feature = "tokio")]
use crate::clock::CoarseClock;
use crate::limit::{ConcurrencyConfig, ConcurrencyLimit, RateLimit, RateLimitConfig};
use crate::policy::Policy;
use crate::retry::{
    ClearTimes, ClearTimesConfig, Retry, RetryBudget, RetryBudgetConfig, RetryPolicy,
};
use crate::sleep::Sleep;
#[cfg(feature = "tokio")]
use crate::sleep::TokioSleep;

/// Every stage of a [`Policy`] for one provider, as plain data: what a host keeps in one file.
///
/// What is left out is left out of the policy; `retry` is always there. The default is
/// [`RetryPolicy::default`] and nothing else; [`for_vendor`](Self::for_vendor) begins with what is known
/// of a vendor.
///
/// ```
/// use agent_primitives::ProviderId;
/// use agent_resilience::classify::{Vendor, Verdict};
/// use agent_resilience::{Cost, PolicyConfig, Settings};
///
/// let config = PolicyConfig::from_json(r#"{
///     "vendor": "anthropic",
///     "retry": {"max_attempts": 4, "total": "120s"},
///     "retry_budget": {"percent": 10},
///     "rate_limit": {"windows": [
///         {"resource": "requests", "limit": 50, "period": "60s"}
///     ]},
///     "concurrency": {"limit": 8},
///     "breaker": {"open_for": "20s"}
/// }"#)?;
/// assert_eq!(config.vendor, Some(Vendor::Anthropic));
/// # #[cfg(feature = "tokio")] {
/// let policy = config.policy(&ProviderId::new("claude").unwrap())?;
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
/// # runtime.block_on(async {
/// let answer = policy.run(Cost::REQUEST, |_| async { Ok::<_, Verdict>("done") }).await.unwrap();
/// assert_eq!(answer, "done");
/// # });
/// # }
/// let error = PolicyConfig::from_json(r#"{"breaker": {"probes": 0}}"#).unwrap_err();
/// assert_eq!(error.to_string(), "breaker.probes: is 0; give at least 1 or leave it out");
/// # Ok::<(), agent_resilience::InvalidConfig>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyConfig {
    /// Whose errors are read. The policy itself does not look at it; hosts hand it to
    /// [`classify`](crate::classify).
    pub vendor: Option<Vendor>,
    /// When to call again.
    pub retry: RetryPolicy,
    /// Which share of the traffic may be retries.
    pub retry_budget: Option<RetryBudgetConfig>,
    /// Learns how long failures take to clear.
    pub clear_times: Option<ClearTimesConfig>,
    /// How much may be asked for in which time.
    pub rate_limit: Option<RateLimitConfig>,
    /// How many calls may be under way.
    pub concurrency: Option<ConcurrencyConfig>,
    /// When a provider that keeps failing is not called at all.
    pub breaker: Option<BreakerConfig>,
}

impl Settings for PolicyConfig {
    fn validate(&self) -> Result<(), InvalidConfig> {
        fn part<T: Settings>(part: Option<&T>, name: &str) -> Result<(), InvalidConfig> {
            part.map_or(Ok(()), T::validate)
                .map_err(|error| error.under(name))
        }
        part(Some(&self.retry), "retry")?;
        part(self.retry_budget.as_ref(), "retry_budget")?;
        part(self.clear_times.as_ref(), "clear_times")?;
        part(self.rate_limit.as_ref(), "rate_limit")?;
        part(self.concurrency.as_ref(), "concurrency")?;
        part(self.breaker.as_ref(), "breaker")
    }
}

impl PolicyConfig {
    /// The policy, on tokio's timer and the system's time. Each call makes breakers, limits and budgets of
    /// its own: make one policy for each provider and clone it.
    ///
    /// # Errors
    /// [`InvalidConfig`] names the setting that cannot hold.
    #[cfg(feature = "tokio")]
    pub fn policy(&self, provider: &ProviderId) -> Result<Policy, InvalidConfig> {
        if self.breaker.is_none_or(|it| it.suits_coarse_clock()) {
            self.policy_on(provider, CoarseClock, TokioSleep)
        } else {
            self.policy_on(provider, SystemClock, TokioSleep)
        }
    }

    /// The policy, with one clock and one way of waiting for all of its stages.
    ///
    /// ```
    /// use std::time::Duration;
    /// use agent_primitives::{Clock, FailureKind, ManualClock, ProviderId};
    /// use agent_resilience::classify::Verdict;
    /// use agent_resilience::{Cost, PolicyConfig, Sleep};
    ///
    /// struct Skip(ManualClock);
    /// #[async_trait::async_trait]
    /// impl Sleep for Skip {
    ///     async fn sleep(&self, time: Duration) { self.0.advance(time); }
    /// }
    ///
    /// let (clock, config) = (ManualClock::default(), PolicyConfig::default());
    /// let groq = ProviderId::new("groq").unwrap();
    /// let policy = config.policy_on(&groq, clock.clone(), Skip(clock.clone()))?;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// let error = policy
    ///     .run(Cost::REQUEST, |_| async { Err::<(), _>(Verdict::new(FailureKind::Server)) })
    ///     .await
    ///     .unwrap_err();
    /// assert_eq!(error.attempts(), 3);
    /// # });
    /// # Ok::<(), agent_resilience::InvalidConfig>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidConfig`] names the setting that cannot hold.
    pub fn policy_on(
        &self,
        provider: &ProviderId,
        clock: impl Clock + 'static,
        sleep: impl Sleep + 'static,
    ) -> Result<Policy, InvalidConfig> {
        self.validate()?;
        let clock: Arc<dyn Clock> = Arc::new(clock);
        let mut retry = Retry::with_sleep(self.retry.clone(), sleep);
        if let Some(config) = self.retry_budget {
            retry = retry.budget(RetryBudget::new(config));
        }
        if let Some(config) = self.clear_times {
            retry = retry.learning(ClearTimes::new(config), provider.clone());
        }
        let mut policy = Policy::new(retry).clock(Arc::clone(&clock));
        if let Some(config) = &self.rate_limit {
            let made = RateLimit::with_clock(config, Arc::clone(&clock));
            policy = policy.rate_limit(made.map_err(|error| limit("rate_limit", &error))?);
        }
        if let Some(config) = &self.concurrency {
            let made = ConcurrencyLimit::with_clock(config, Arc::clone(&clock));
            policy = policy.concurrency(made.map_err(|error| limit("concurrency", &error))?);
        }
        if let Some(config) = self.breaker {
            policy = policy.breaker(CircuitBreaker::new(provider.clone(), config).clock(clock));
        }
        Ok(policy)
    }
}
