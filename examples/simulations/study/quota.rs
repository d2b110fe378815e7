//! The limits that a modelled provider keeps, with a count of its own.

use std::time::Duration;

use agent_primitives::Timestamp;

/// What a window counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    Requests,
    Tokens,
}

/// How a window gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Returns {
    /// A little all the time.
    Evenly,
    /// All at once when the period of the wall clock ends.
    AtItsEnd,
}

/// One limit: so much in a period.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    pub(crate) counted: Counted,
    pub(crate) limit: u64,
    pub(crate) period: Duration,
    pub(crate) returns: Returns,
}

/// How a window stands after a request was looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) allowance: Allowance,
    pub(crate) remaining: u64,
    /// Until all of it is back.
    pub(crate) reset: Duration,
    /// Until the request fits; zero when it did.
    pub(crate) wait: Duration,
}

/// One window as the provider counts it. `used` is in nanoseconds of the period, of which a unit takes
/// a fixed number, so that what comes back evenly is a subtraction.
#[derive(Debug, Clone)]
struct Window {
    allowance: Allowance,
    used: u128,
    as_of: i64,
}

/// All windows of a provider.
#[derive(Debug, Clone)]
pub(crate) struct Quota {
    windows: Vec<Window>,
}

impl Allowance {
    pub(crate) const fn new(
        counted: Counted,
        limit: u64,
        period: Duration,
        returns: Returns,
    ) -> Self {
        Self {
            counted,
            limit,
            period,
            returns,
        }
    }

    fn units(&self, tokens: u64) -> u64 {
        match self.counted {
            Counted::Requests => 1,
            Counted::Tokens => tokens,
        }
    }

    fn price(&self) -> u128 {
        self.period.as_nanos() / u128::from(self.limit.max(1))
    }

    /// The most that may pass in `time`, a full window at its beginning included.
    pub(crate) fn most_in(&self, time: Duration, begin: Timestamp) -> u64 {
        let period = self.period.as_nanos();
        let more = match self.returns {
            Returns::Evenly => time.as_nanos() * u128::from(self.limit) / period,
            Returns::AtItsEnd => {
                let index = |at: Timestamp| u128::try_from(at.unix_nanos()).unwrap_or(0) / period;
                (index(begin + time) - index(begin)) * u128::from(self.limit)
            }
        };
        self.limit
            .saturating_add(u64::try_from(more).unwrap_or(u64::MAX))
    }
}

impl Standing {
    /// Nothing is let through for so long.
    pub(crate) const fn closed(left: Duration) -> Self {
        let minute = Duration::from_secs(60);
        Self {
            allowance: Allowance::new(Counted::Requests, 50, minute, Returns::Evenly),
            remaining: 0,
            reset: left,
            wait: left,
        }
    }
}

impl Window {
    fn bring_up_to(&mut self, now: i64) {
        let passed = u128::try_from(now.saturating_sub(self.as_of)).unwrap_or(0);
        let period = i64::try_from(self.allowance.period.as_nanos()).unwrap_or(i64::MAX);
        match self.allowance.returns {
            Returns::Evenly => self.used = self.used.saturating_sub(passed),
            Returns::AtItsEnd if now.div_euclid(period) != self.as_of.div_euclid(period) => {
                self.used = 0;
            }
            Returns::AtItsEnd => {}
        }
        self.as_of = now;
    }

    fn cost(&self, tokens: u64) -> u128 {
        u128::from(self.allowance.units(tokens)) * self.allowance.price()
    }

    fn fits(&self, tokens: u64) -> bool {
        self.used + self.cost(tokens) <= self.allowance.period.as_nanos()
    }

    fn standing(&self, tokens: u64) -> Standing {
        let period = self.allowance.period.as_nanos();
        let left = period.saturating_sub(self.used) / self.allowance.price().max(1);
        let duration = |nanos: u128| Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let over = (self.used + self.cost(tokens)).saturating_sub(period);
        let end = period - u128::try_from(self.as_of).unwrap_or(0) % period;
        let (reset, wait) = match self.allowance.returns {
            Returns::Evenly => (self.used, over),
            Returns::AtItsEnd => (end, if over > 0 { end } else { 0 }),
        };
        Standing {
            allowance: self.allowance,
            remaining: u64::try_from(left)
                .unwrap_or(u64::MAX)
                .min(self.allowance.limit),
            reset: duration(reset),
            wait: duration(wait),
        }
    }
}

impl Quota {
    pub(crate) fn new(allowances: &[Allowance]) -> Self {
        let window = |allowance: &Allowance| Window {
            allowance: *allowance,
            used: 0,
            as_of: 0,
        };
        Self {
            windows: allowances.iter().map(window).collect(),
        }
    }

    /// Whether a request of so many tokens would be let through at `now`.
    pub(crate) fn has_room(&mut self, tokens: u64, now: Timestamp) -> bool {
        self.windows
            .iter_mut()
            .for_each(|window| window.bring_up_to(now.unix_nanos()));
        self.windows.iter().all(|window| window.fits(tokens))
    }

    /// Counts a request, or refuses it without counting it.
    pub(crate) fn arrive(&mut self, tokens: u64, now: Timestamp) -> (bool, Vec<Standing>) {
        let fits = self.has_room(tokens, now);
        let standings = self.windows.iter_mut().map(|window| {
            if !fits {
                return window.standing(tokens);
            }
            window.used += window.cost(tokens);
            window.standing(0)
        });
        (fits, standings.collect())
    }
}
