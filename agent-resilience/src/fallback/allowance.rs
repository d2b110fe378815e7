//! What a model's limits still hold for one payer: as configured, or as its replies say.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use agent_primitives::{Clock, Monotonic, Timestamp, TokenUsage};

use crate::classify::{LimitSnapshot, LimitWindow, LimitedResource, When};
use crate::limit::{
    Cost, LimitedBy, OwnedReservation, RateLimit, RateLimitConfig, RateWindow, Refused, WindowKind,
    WindowStatus,
};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// Times that replies may name windows which none before them named.
const LIMITS_MAX: usize = 4;

/// The windows that all links of one model and one payer count against.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    /// The windows that were set, or that the first reply named, and those that later ones added. In
    /// order: whatever follows an empty one is empty.
    limits: [OnceLock<RateLimit>; LIMITS_MAX],
    /// They were set: nothing is added to them.
    is_set: bool,
    /// One reply at a time adds windows.
    learning: Mutex<()>,
    /// Its minutes come back evenly.
    refills: bool,
}

/// What a call takes of all windows. Dropped, it gives that back, unless the call was made.
#[derive(Debug)]
pub(super) struct Reserved {
    first: OwnedReservation,
    more: Vec<OwnedReservation>,
}

impl Reserved {
    /// The call is made.
    pub(super) fn mark_sent(&mut self) {
        self.first.mark_sent();
        for reservation in &mut self.more {
            reservation.mark_sent();
        }
    }

    /// Counts what the call used; where that is not known, its estimate.
    pub(super) fn reconcile(mut self, usage: Option<TokenUsage>, ended: Monotonic) {
        let Some(usage) = usage else {
            self.mark_sent();
            return;
        };
        // A usage tells of tokens; how many requests there were is known.
        let requests = self.first.cost().requests;
        let actual = Cost::from(usage);
        let actual = Cost { requests, ..actual };
        self.first.reconcile_at(actual, ended);
        for reservation in self.more {
            reservation.reconcile_at(actual, ended);
        }
    }
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
            refills: vendor.is_some_and(|vendor| {
                ["openai", "azure", "anthropic"]
                    .iter()
                    .any(|known| vendor.starts_with(known))
            }),
            ..Self::default()
        }
    }

    /// Whether it was not set before.
    pub(super) fn set(&mut self, limit: RateLimit) -> bool {
        self.is_set = true;
        self.limits
            .first()
            .is_some_and(|first| first.set(limit).is_ok())
    }

    pub(super) fn is_known(&self) -> bool {
        self.limits().next().is_some()
    }

    /// The windows as they are now.
    pub(super) fn status(&self, now: Monotonic) -> impl Iterator<Item = WindowStatus> {
        self.limits().flat_map(move |limit| limit.status_at(now))
    }

    fn limits(&self) -> impl Iterator<Item = &RateLimit> {
        self.limits.iter().map_while(OnceLock::get)
    }

    /// Takes what a call may need, of all windows or of none.
    pub(super) fn take(&self, cost: Cost, now: Monotonic) -> Result<Option<Reserved>, Short> {
        let mut reserved: Option<Reserved> = None;
        for limit in self.limits() {
            let taken = limit.try_acquire_owned_at(cost, now);
            let taken = taken.map_err(|refused| Short::of(limit, &refused, now))?;
            if let Some(reserved) = &mut reserved {
                reserved.more.push(taken);
            } else {
                let (first, more) = (taken, Vec::new());
                reserved = Some(Reserved { first, more });
            }
        }
        Ok(reserved)
    }

    /// Whether [`take`](Self::take) would give what a call may need. Nothing is taken.
    pub(super) fn holds(&self, cost: Cost, now: Monotonic) -> bool {
        self.limits().all(|limit| limit.holds(cost, now))
    }

    /// Takes over what a reply says. Windows that none before it named are counted from now on.
    pub(super) fn observe(&self, stated: &LimitSnapshot, now: Monotonic, clock: &Arc<dyn Clock>) {
        if stated.is_unknown() {
            return;
        }
        self.learn(stated, clock);
        let mut told = [LimitSnapshot::NONE; LIMITS_MAX];
        for window in stated.windows() {
            // One that nobody counts holds everything up once it is used up: the first sees to that.
            let of = self.limits().position(|limit| limit.counts(window));
            if let Some(told) = told.get_mut(of.unwrap_or(0)) {
                told.push(*window);
            }
        }
        for (limit, told) in self.limits().zip(&told) {
            if !told.is_unknown() {
                limit.observe(told, now);
            }
        }
    }

    /// Counts windows that no reply named before, while there is room.
    fn learn(&self, stated: &LimitSnapshot, clock: &Arc<dyn Clock>) {
        let Some(last) = self.limits.last() else {
            return;
        };
        let has_new = || stated.windows().any(|window| self.is_new(window));
        if self.is_set || last.get().is_some() || !has_new() {
            return;
        }
        let _one = self.learning.lock().unwrap_or_else(PoisonError::into_inner);
        // Another reply may have named them meanwhile.
        let config = self.learned(stated, clock.timestamp());
        let place = self.limits.iter().find(|place| place.get().is_none());
        if let Some(place) = place.filter(|_| !config.windows.is_empty())
            && let Ok(limit) = RateLimit::with_clock(&config, Arc::clone(clock))
        {
            // Nobody else fills a place meanwhile.
            let _ = place.set(limit);
        }
    }

    /// Whether it can be counted and is not. One without a period is taken for the one that is known of
    /// its resource.
    fn is_new(&self, window: &LimitWindow) -> bool {
        let countable = !matches!(
            window.resource,
            LimitedResource::Concurrency | LimitedResource::Plan
        );
        countable
            && window.limit.is_some_and(|limit| limit > 0)
            && !self.limits().any(|limit| {
                limit.counts(window) || window.period.is_none() && limit.has(window.resource)
            })
    }

    /// The windows that a reply names and none did before. One that cannot be counted is left out.
    fn learned(&self, stated: &LimitSnapshot, at: Timestamp) -> RateLimitConfig {
        let mut config = RateLimitConfig::default();
        for window in stated.windows() {
            if let Some(limit) = window.limit.filter(|_| self.is_new(window)) {
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
