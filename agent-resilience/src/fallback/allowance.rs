//! What a model's limits still hold for one payer: as configured, or as its replies say.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use agent_primitives::{Clock, Monotonic, Timestamp};

use crate::classify::{LimitSnapshot, LimitWindow, LimitedResource, When};
use crate::limit::{
    Cost, LimitedBy, OwnedReservation, RateLimit, RateLimitConfig, RateWindow, Refused, WindowKind,
};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// The windows that all links of one model and one payer count against.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    /// Empty until a limit is known.
    limit: OnceLock<RateLimit>,
    /// Its minutes come back evenly.
    refills: bool,
}

/// A request that the limits do not hold now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Short {
    /// When they would; `None` where they never do.
    pub(super) retry_in: Option<Duration>,
    /// A window is nearly used up, or blocked: this is not about the size of one request.
    pub(super) nearly_empty: bool,
}

impl Allowance {
    /// Nothing is known yet. OpenAI, Azure and Anthropic document that their minutes come back evenly;
    /// whoever else states a limit is taken to count whole minutes, which is never too early.
    pub(super) fn unknown(vendor: Option<&str>) -> Self {
        Self {
            limit: OnceLock::new(),
            refills: vendor.is_some_and(|vendor| {
                ["openai", "azure", "anthropic"]
                    .iter()
                    .any(|known| vendor.starts_with(known))
            }),
        }
    }

    /// Whether it was not set before.
    pub(super) fn set(&self, limit: RateLimit) -> bool {
        self.limit.set(limit).is_ok()
    }

    pub(super) fn known(&self) -> Option<&RateLimit> {
        self.limit.get()
    }

    /// Takes what a call may need.
    pub(super) fn take(
        &self,
        cost: Cost,
        now: Monotonic,
    ) -> Result<Option<OwnedReservation>, Short> {
        let Some(limit) = self.limit.get() else {
            return Ok(None);
        };
        match limit.try_acquire_owned_at(cost, now) {
            Ok(reservation) => Ok(Some(reservation)),
            Err(refused) => Err(Short::of(limit, &refused, now)),
        }
    }

    /// Takes over what a reply says. The first one that names limits makes them known.
    pub(super) fn observe(&self, stated: &LimitSnapshot, now: Monotonic, clock: &Arc<dyn Clock>) {
        if stated.is_unknown() {
            return;
        }
        if self.limit.get().is_none() {
            let config = self.learned(stated, clock.timestamp());
            if let Ok(limit) = RateLimit::with_clock(&config, Arc::clone(clock)) {
                self.set(limit);
            }
        }
        if let Some(limit) = self.limit.get() {
            limit.observe(stated, now);
        }
    }

    /// The windows that a reply names. One that cannot be counted is left out.
    fn learned(&self, stated: &LimitSnapshot, at: Timestamp) -> RateLimitConfig {
        let mut config = RateLimitConfig::default();
        for window in stated.windows() {
            let countable = !matches!(
                window.resource,
                LimitedResource::Concurrency | LimitedResource::Plan
            );
            if let Some(limit) = window.limit.filter(|limit| *limit > 0 && countable) {
                let period = window.period.unwrap_or_else(|| guessed_period(window, at));
                let kind = if self.refills && period < DAY {
                    WindowKind::Refill
                } else {
                    WindowKind::Fixed
                };
                let added = RateWindow::new(window.resource, limit, period).kind(kind);
                let one = RateLimitConfig::default().window(added);
                if one.check().is_ok() {
                    config.windows.push(added);
                }
            }
        }
        config
    }
}

/// Where a reply says only when the window ends: a minute, unless it takes longer than that.
fn guessed_period(window: &LimitWindow, at: Timestamp) -> Duration {
    let left = window
        .reset
        .map_or(Duration::ZERO, |reset: When| reset.delay(at));
    if left <= MINUTE { MINUTE } else { DAY }
}

impl Short {
    fn of(limit: &RateLimit, refused: &Refused, now: Monotonic) -> Self {
        match refused {
            Refused::Limited(limited) => Self {
                retry_in: Some(limited.retry_in()),
                nearly_empty: matches!(limited.by(), LimitedBy::Block)
                    || limit
                        .status_at(now)
                        .any(|window| window.remaining < window.limit.div_ceil(10)),
            },
            _ => Self {
                retry_in: None,
                nearly_empty: false,
            },
        }
    }
}
