//! The windows of one limit: all give or none.

use super::config::RateWindow;
use super::cost::Cost;
use super::error::{Limited, Refused, TooLarge};
use super::reservation::Held;
use super::window::{Short, Window};

/// At most as many as a reservation has marks for. The first stands apart, in the same allocation as
/// the limit: with one window, the usual case, there is nothing to follow and nothing to loop over.
#[derive(Debug)]
pub(super) struct Windows {
    first: Option<Window>,
    rest: Box<[Window]>,
}

impl Windows {
    pub(super) fn new(windows: &[RateWindow], wall_ahead: i128) -> Self {
        let mut windows = windows.iter().map(|window| Window::new(window, wall_ahead));
        Self {
            first: windows.next(),
            rest: windows.collect(),
        }
    }

    /// The window, if there is but one.
    #[inline]
    pub(super) fn only(&self) -> Option<&Window> {
        self.first.as_ref().filter(|_| self.rest.is_empty())
    }

    /// All of them, in the configured order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Window> {
        self.first.iter().chain(&self.rest)
    }

    /// Takes the cost of `held` from all windows, or from none.
    pub(super) fn take(&self, held: &mut Held) -> Result<(), Refused> {
        let (cost, now) = (held.cost(), held.taken());
        // Look first: windows that cannot give leave the others untouched, and the longest wait is
        // known. Only a race is left to be rolled back.
        let mut longest: Option<Refused> = None;
        for window in self.iter() {
            let units = window.units(cost);
            let Err(short) = window.outlook(0, units, now) else {
                continue;
            };
            let refused = window.refusal(units, short);
            if short == Short::Never {
                return Err(refused);
            }
            if longest.is_none_or(|known| known.retry_in() < refused.retry_in()) {
                longest = Some(refused);
            }
        }
        if let Some(longest) = longest {
            return Err(longest);
        }
        let mut lost = None;
        for (at, (window, mark)) in self.iter().zip(held.marks_mut()).enumerate() {
            let units = window.units(cost);
            match window.take(units, now) {
                Ok(taken) => *mark = taken,
                Err(short) => {
                    lost = Some((at, window.refusal(units, short)));
                    break;
                }
            }
        }
        lost.map_or(Ok(()), |(at, refused)| {
            self.roll_back(held, at);
            Err(refused)
        })
    }

    /// Gives back what was taken from the first `count` windows, as if it had never been taken.
    pub(super) fn roll_back(&self, held: &Held, count: usize) {
        let (cost, now) = (held.cost(), held.taken());
        for (window, mark) in self.iter().zip(held.marks()).take(count) {
            window.give_back(window.units(cost), *mark, now, now);
        }
    }

    /// Nanoseconds until `cost` could be let through after `ahead`.
    pub(super) fn outlook(&self, ahead: Cost, cost: Cost, now: u64) -> Result<u64, TooLarge> {
        let mut wait = 0;
        for window in self.iter() {
            let units = window.units(cost);
            match window.outlook(window.units(ahead), units, now) {
                Ok(()) => {}
                Err(Short::For(nanos)) => wait = wait.max(nanos),
                Err(Short::Never) => return Err(window.too_large(units)),
            }
        }
        Ok(wait)
    }
}

impl Window {
    #[inline]
    pub(super) fn refusal(&self, units: u64, short: Short) -> Refused {
        match short {
            Short::For(wait) => Refused::Limited(Limited::window(
                self.resource(),
                self.period_nanos(),
                wait.max(1),
            )),
            Short::Never => Refused::TooLarge(self.too_large(units)),
        }
    }

    #[cold]
    fn too_large(&self, units: u64) -> TooLarge {
        TooLarge {
            resource: self.resource(),
            asked: units,
            allowance: self.whole(),
            period_nanos: self.period_nanos(),
        }
    }
}
