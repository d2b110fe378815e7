//! Taking the provider's word about its limits.

use std::time::Duration;

use agent_primitives::{Monotonic, Timestamp};

use super::config::WindowKind;
use super::cost::Cost;
use super::rate::{Inner, RateLimit};
use super::window::{Window, axis};
use crate::classify::{LimitSnapshot, LimitWindow, LimitedResource, When};

/// Ends of a fixed window that differ by less are the same: replies name whole seconds.
const SLACK: Duration = Duration::from_secs(2);

/// The two clocks at one moment: the provider names dates, the windows count from the other.
#[derive(Clone, Copy)]
struct Moment {
    axis: u64,
    wall: Timestamp,
}

impl Moment {
    fn until(self, when: When) -> u64 {
        let delay = u64::try_from(when.delay(self.wall).as_nanos()).unwrap_or(u64::MAX);
        self.axis.saturating_add(delay)
    }
}

impl RateLimit {
    /// Takes over what a reply's headers say, which arrived at `now`. The wall clock is read only for
    /// resets that are dates.
    ///
    /// Each stated window goes to the configured window of the same resource and period (where the
    /// reply names no period: to the one with the same limit, or the only one of that resource):
    ///
    /// - its **limit** replaces ours, up or down; what is used stays used;
    /// - its **remaining** makes ours stricter, never looser. A call in flight is in our count since it
    ///   was let through, and in the provider's since it arrived there; of the two counts the larger
    ///   stands. So calls in flight are never counted twice, what they hold is never lost, and
    ///   what others used with the same key counts as far as it exceeds what we hold;
    /// - its **reset** tells where a fixed window ends. A window that refills goes by what remains:
    ///   its reset is when all of it is back, while the next call fits sooner.
    ///
    /// A stated window that none of ours matches blocks everything until its reset when it is used
    /// up, as the 5 h and 7 d shares of a plan are.
    ///
    /// ```
    /// use agent_primitives::Monotonic;
    /// use agent_resilience::classify::{LimitSnapshot, LimitWindow, LimitedResource::Requests};
    /// use agent_resilience::{RateLimit, RateLimitConfig, RateWindow};
    ///
    /// let config = RateLimitConfig::default().window(RateWindow::per_minute(Requests, 50));
    /// let limit = RateLimit::new(&config)?;
    /// let mut stated = LimitWindow::new(Requests);
    /// (stated.limit, stated.remaining) = (Some(100), Some(20));
    /// let mut snapshot = LimitSnapshot::NONE;
    /// snapshot.push(stated);
    ///
    /// let now = Monotonic::from_nanos(0);
    /// limit.observe(&snapshot, now);
    /// let window = limit.status_at(now).next().unwrap();
    /// assert_eq!((window.limit, window.remaining), (100, 20));
    /// # Ok::<(), agent_resilience::InvalidLimit>(())
    /// ```
    pub fn observe(&self, snapshot: &LimitSnapshot, now: Monotonic) {
        let dates = snapshot
            .windows()
            .any(|window| matches!(window.reset, Some(When::At(_))));
        let moment = Moment {
            axis: axis(now.nanos()),
            wall: if dates {
                self.inner.clock.timestamp()
            } else {
                Timestamp::UNIX_EPOCH
            },
        };
        for stated in snapshot.windows() {
            match self.inner.matching(stated) {
                Some(window) => take_over(window, stated, moment),
                None => self.inner.block_when_empty(stated, moment),
            }
        }
        // The limit may have grown.
        self.inner.queue.call_first();
    }

    /// Whether `cost` would be let through at `now`. Nothing is taken.
    pub(crate) fn holds(&self, cost: Cost, now: Monotonic) -> bool {
        let wait = self
            .inner
            .windows
            .outlook(Cost::ZERO, cost, axis(now.nanos()));
        self.blocked_for(now).is_zero() && wait.is_ok_and(|wait| wait == 0)
    }

    /// Whether a stated window is one of ours.
    pub(crate) fn counts(&self, stated: &LimitWindow) -> bool {
        self.inner.matching(stated).is_some()
    }

    /// Whether one of our windows counts `resource`.
    pub(crate) fn has(&self, resource: LimitedResource) -> bool {
        let mut windows = self.inner.windows.iter();
        windows.any(|window| window.resource() == resource)
    }
}

impl Inner {
    fn matching(&self, stated: &LimitWindow) -> Option<&Window> {
        let same = || {
            self.windows
                .iter()
                .filter(|window| window.resource() == stated.resource)
        };
        match stated.period {
            Some(period) => same().find(|window| window.period() == period),
            None => same()
                .find(|window| Some(window.limit()) == stated.limit)
                .or_else(|| same().next().filter(|_| same().count() == 1)),
        }
    }

    fn block_when_empty(&self, stated: &LimitWindow, moment: Moment) {
        // Calls under way end by themselves; no date says when.
        if stated.is_empty()
            && stated.resource != LimitedResource::Concurrency
            && let Some(reset) = stated.reset
        {
            self.block_until(moment.until(reset));
        }
    }
}

fn take_over(window: &Window, stated: &LimitWindow, moment: Moment) {
    // A plan's share is stated in thousandths, of which we know the worth only as it was configured.
    if stated.resource != LimitedResource::Plan
        && let Some(limit) = stated.limit.filter(|limit| *limit > 0)
        && limit != window.limit()
    {
        window.set_limit(limit, moment.axis);
    }
    if window.kind() == WindowKind::Fixed
        && let Some(reset) = stated.reset
    {
        let slack = u64::try_from(SLACK.as_nanos()).unwrap_or(0);
        window.align(moment.until(reset), slack, moment.axis);
    }
    if let Some(used) = used(window.limit(), stated) {
        window.use_at_least(used, moment.axis);
    }
}

/// Units of `limit` that the provider counts as used.
fn used(limit: u64, stated: &LimitWindow) -> Option<u64> {
    if stated.resource != LimitedResource::Plan
        && let Some(remaining) = stated.remaining
    {
        return Some(stated.limit.unwrap_or(limit).saturating_sub(remaining));
    }
    let permille = u128::from(stated.used()?.min(1_000));
    u64::try_from((u128::from(limit) * permille).div_ceil(1_000)).ok()
}
