//! Which windows a rate limit holds, as plain data.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::noun;
use crate::classify::{LimitSnapshot, LimitedResource};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// Longest period that is accepted: a year of 366 days. It keeps all arithmetic far from its bounds.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// How a window gives its allowance back.
///
/// ```
/// use agent_resilience::WindowKind;
///
/// assert_eq!(serde_json::to_string(&WindowKind::Fixed)?, "\"fixed\"");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WindowKind {
    /// Evenly: after a tenth of the period a tenth of the limit is back (a token bucket). OpenAI and
    /// Anthropic count so.
    #[default]
    Refill,
    /// All at once, at whole multiples of the period since 1970 UTC: a minute ends with the minute, a
    /// day at midnight. Mistral's minutes and daily quotas are counted so. Where a reply names another
    /// moment, that is taken.
    Fixed,
}

/// One limit: so much of a resource in a period.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::classify::LimitedResource;
/// use agent_resilience::{RateWindow, WindowKind};
///
/// let window = RateWindow::per_day(LimitedResource::Requests, 14_400).kind(WindowKind::Fixed);
/// assert_eq!(window.period, Duration::from_secs(86_400));
/// let read: RateWindow = serde_json::from_str(
///     r#"{"resource": "requests", "limit": 14400, "period": "24h", "kind": "fixed"}"#,
/// )?;
/// assert_eq!(read, window);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateWindow {
    /// What is counted. [`Plan`](LimitedResource::Plan) counts tokens of either kind: set `limit` to
    /// what the plan is believed to be worth, and the provider's replies correct the rest.
    pub resource: LimitedResource,
    /// How much is allowed in the period.
    pub limit: u64,
    /// The time over which it is counted; at most 366 days.
    #[serde(with = "crate::duration")]
    pub period: Duration,
    /// The most that may be taken at once from a refilling window; the whole limit unless set. Less
    /// suits vendors that enforce a minute in slices of seconds.
    #[serde(default)]
    pub burst: Option<u64>,
    /// How it comes back; evenly unless set.
    #[serde(default)]
    pub kind: WindowKind,
}

impl RateWindow {
    /// `limit` of `resource` in `period`, coming back evenly.
    pub const fn new(resource: LimitedResource, limit: u64, period: Duration) -> Self {
        Self {
            resource,
            limit,
            period,
            burst: None,
            kind: WindowKind::Refill,
        }
    }

    /// `limit` of `resource` a minute, coming back evenly.
    pub const fn per_minute(resource: LimitedResource, limit: u64) -> Self {
        Self::new(resource, limit, MINUTE)
    }

    /// `limit` of `resource` a day, coming back evenly.
    pub const fn per_day(resource: LimitedResource, limit: u64) -> Self {
        Self::new(resource, limit, DAY)
    }

    /// Sets how it comes back.
    #[must_use]
    pub const fn kind(mut self, kind: WindowKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets the most that may be taken at once.
    #[must_use]
    pub const fn burst(mut self, burst: u64) -> Self {
        self.burst = Some(burst);
        self
    }

    /// The nanoseconds of the period.
    pub(super) fn period_nanos(&self) -> u64 {
        u64::try_from(self.period.as_nanos()).unwrap_or(u64::MAX)
    }

    fn check(&self) -> Result<(), InvalidLimit> {
        let Self {
            resource, period, ..
        } = *self;
        if resource == LimitedResource::Concurrency {
            return Err(InvalidLimit::Concurrency);
        }
        if self.limit == 0 || self.burst == Some(0) {
            return Err(InvalidLimit::Nothing { resource, period });
        }
        if period.is_zero() || period > LONGEST {
            return Err(InvalidLimit::Period { resource, period });
        }
        // Below one nanosecond a unit, time can no longer count it.
        if self.limit > self.period_nanos() {
            return Err(InvalidLimit::TooFine { resource, period });
        }
        Ok(())
    }
}

/// Settings of a [`RateLimit`](crate::RateLimit), as plain data.
///
/// The default has no window, which limits nothing, lets 1024 callers wait, and spreads those who
/// waited through a block over 10 s.
///
/// ```
/// use agent_resilience::classify::LimitedResource::{InputTokens, Requests};
/// use agent_resilience::{RateLimitConfig, RateWindow};
///
/// let config = RateLimitConfig::default()
///     .window(RateWindow::per_minute(Requests, 50))
///     .window(RateWindow::per_minute(InputTokens, 30_000));
/// assert_eq!((config.windows.len(), config.queue), (2, 1_024));
/// let json = serde_json::to_string(&config)?;
/// assert_eq!(serde_json::from_str::<RateLimitConfig>(&json)?, config);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimitConfig {
    /// The limits, all of which hold at once; at most [`RateLimitConfig::WINDOWS_MAX`].
    pub windows: Vec<RateWindow>,
    /// How many callers may wait at the same time; the next is refused.
    pub queue: usize,
    /// After a block, those who waited through it are let go spread over this time, not together.
    #[serde(with = "crate::duration")]
    pub ramp: Duration,
}

impl RateLimitConfig {
    /// Windows that one limit holds at the most: as many as a provider's reply states.
    pub const WINDOWS_MAX: usize = LimitSnapshot::CAPACITY;

    /// Adds a window.
    #[must_use]
    pub fn window(mut self, window: RateWindow) -> Self {
        self.windows.push(window);
        self
    }

    /// Looks for what cannot hold.
    ///
    /// # Errors
    /// [`InvalidLimit`] names the first window that cannot be counted.
    pub fn check(&self) -> Result<(), InvalidLimit> {
        if self.windows.len() > Self::WINDOWS_MAX {
            return Err(InvalidLimit::TooMany(self.windows.len()));
        }
        self.windows.iter().try_for_each(RateWindow::check)
    }
}

impl Default for RateLimitConfig {
    fn default() -> Self {
        Self {
            windows: Vec::new(),
            queue: 1_024,
            ramp: Duration::from_secs(10),
        }
    }
}

/// Settings that cannot hold.
///
/// ```
/// use agent_resilience::classify::LimitedResource::Requests;
/// use agent_resilience::{RateLimitConfig, RateWindow};
///
/// let config = RateLimitConfig::default().window(RateWindow::per_minute(Requests, 0));
/// assert_eq!(
///     config.check().unwrap_err().to_string(),
///     "a limit of 0 requests in 60s lets nothing through: leave the window out or allow at least 1"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLimit {
    /// More windows than one limit holds.
    #[error("{0} windows: use at most {max}, or two limits", max = RateLimitConfig::WINDOWS_MAX)]
    TooMany(usize),
    /// A limit or a burst of zero.
    #[error(
        "a limit of 0 {} in {period:?} lets nothing through: leave the window out or allow at least 1",
        noun(*resource)
    )]
    Nothing {
        /// What the window counts.
        resource: LimitedResource,
        /// Its period.
        period: Duration,
    },
    /// A period of zero or of more than 366 days.
    #[error(
        "a period of {period:?} for {} cannot be counted: use more than 0 and at most 366 days",
        noun(*resource)
    )]
    Period {
        /// What the window counts.
        resource: LimitedResource,
        /// The period.
        period: Duration,
    },
    /// More than one unit a nanosecond.
    #[error(
        "the limit of {} in {period:?} is more than one a nanosecond: leave the window out",
        noun(*resource)
    )]
    TooFine {
        /// What the window counts.
        resource: LimitedResource,
        /// Its period.
        period: Duration,
    },
    /// A window that counts calls under way.
    #[error("calls under way have no period: use a concurrency limit")]
    Concurrency,
    /// Bounds of a concurrency limit that contradict each other, or a share outside its range.
    #[error("{what} is out of range: {cure}")]
    Adaptive {
        /// The setting.
        what: &'static str,
        /// What it may be.
        cure: &'static str,
    },
}
