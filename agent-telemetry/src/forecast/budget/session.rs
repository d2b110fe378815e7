//! When a session has spent its budget: its calls go on as its last ones did.

use std::collections::VecDeque;
use std::time::Duration;

use agent_primitives::{SessionId, Timestamp, Usd};

use super::{Budget, BudgetForecast, BudgetVerdict};
use crate::Period;
use crate::forecast::Missing;
use crate::forecast::course::Draw;
use crate::report::sheet::dollars;

/// Calls that are remembered.
const CALLS: usize = 64;
/// Calls that are needed.
const NEEDED: usize = 4;
/// How far the forecast looks.
const AHEAD: Duration = Duration::from_secs(24 * 3_600);
/// Calls that are drawn for a case; from there on it goes at the pace of these.
const DRAWN: usize = 400;
const CASES: u64 = 400;
/// Calls in a row that are drawn at a time.
const BLOCK: usize = 3;

/// What the calls of a session cost, and when they were.
#[derive(Debug, Clone, Default)]
pub(in crate::forecast) struct SessionCalls {
    began: Option<Timestamp>,
    last: Option<Timestamp>,
    spent: Usd,
    /// How long after the one before it, and its cost in dollars.
    calls: VecDeque<(Duration, f64)>,
}

impl SessionCalls {
    pub(in crate::forecast) fn add(&mut self, at: Timestamp, cost: Usd) {
        self.began.get_or_insert(at);
        self.spent += cost;
        if let Some(last) = self.last {
            if self.calls.len() >= CALLS {
                self.calls.pop_front();
            }
            self.calls
                .push_back((at.since(last), dollars(cost).clamp(0.0, 1e18)));
        }
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
    }

    /// What was spent without a call.
    pub(in crate::forecast) fn spend(&mut self, at: Timestamp, cost: Usd) {
        self.began.get_or_insert(at);
        self.spent += cost;
    }

    /// What was spent since a time, before the calls that were added.
    #[cfg(feature = "sqlite")]
    pub(in crate::forecast) fn add_before(&mut self, began: Timestamp, cost: Usd) {
        self.began = Some(self.began.map_or(began, |it| it.min(began)));
        self.spent += cost;
    }

    pub(in crate::forecast) const fn spent(&self) -> Usd {
        self.spent
    }

    pub(in crate::forecast) fn forecast(
        &self,
        session: &SessionId,
        budget: &Budget,
        now: Timestamp,
        seed: u64,
    ) -> BudgetForecast {
        let around = Period::new(self.began.unwrap_or(now).min(now), now + AHEAD);
        let mut forecast = BudgetForecast::fresh(budget, around);
        forecast.session = Some(session.clone());
        forecast.spend(self.spent);
        if forecast.verdict == BudgetVerdict::Exhausted {
            return forecast;
        }
        if self.calls.len() < NEEDED {
            forecast.missing = Some(Missing::Calls {
                have: self.calls.len() as u64,
                needed: NEEDED as u64,
            });
            return forecast;
        }
        let left = dollars(forecast.left);
        let cases = (0..CASES).map(|case| {
            let seed = seed ^ case.wrapping_mul(0xd134_2543_de82_ef95);
            self.case(left, now, around.to(), &mut Draw::new(seed))
        });
        forecast.tell(cases.collect());
        forecast
    }

    fn case(
        &self,
        left: f64,
        now: Timestamp,
        until: Timestamp,
        draw: &mut Draw,
    ) -> Option<Timestamp> {
        let (mut at, mut spent) = (now, 0.0);
        for _ in 0..DRAWN.div_ceil(BLOCK) {
            let from = draw.below(self.calls.len());
            for (gap, cost) in self.calls.iter().cycle().skip(from).take(BLOCK) {
                at = at + *gap;
                spent += cost;
                if at > until {
                    return None;
                }
                if spent >= left {
                    return Some(at);
                }
            }
        }
        // Calls that cost nothing go on for ever.
        let more = at.since(now).as_secs_f64() * (left - spent) / spent;
        let more = Duration::try_from_secs_f64(more).ok()?;
        Some(at + more).filter(|at| *at <= until)
    }
}
