//! What one session or one day spends: money and tokens, and the period they are counted in.

use std::sync::{Arc, PoisonError};

use agent_primitives::{SpendCrossing, SpendScope, Timestamp};

use super::amount::{Unit, Units};
use super::atomics::{AtomicI64, Mutex, MutexGuard, Ordering};
use super::calendar::Day;
use super::config::{SpendAction, SpendCap, SpendThreshold};
use super::meter::{Meter, Plan};
use super::refusal::SpendRefused;

/// A clock that stands further back than this was set back; no day is so long.
const FAR_BACK: u64 = 3 * 86_400_000_000_000;

/// The meters that a kind of account has.
#[derive(Debug, Clone)]
pub(super) struct Plans {
    scope: SpendScope,
    picos: Option<Arc<Plan>>,
    tokens: Option<Arc<Plan>>,
}

impl Plans {
    pub(super) fn new(scope: SpendScope, cap: SpendCap, thresholds: &[SpendThreshold]) -> Self {
        let plan = |cap| Plan::new(cap, thresholds);
        Self {
            scope,
            picos: cap
                .usd
                .map(|usd| plan(u64::try_from(usd.picos()).unwrap_or(u64::MAX))),
            tokens: cap.tokens.map(plan),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.picos.is_none() && self.tokens.is_none()
    }
}

#[derive(Debug)]
pub(super) struct Account {
    scope: SpendScope,
    picos: Option<Meter>,
    tokens: Option<Meter>,
    /// In nanoseconds since 1970; the end of all time where there are no periods.
    ends: AtomicI64,
    /// Locked to tell thresholds and to begin a period, never while observers are told.
    period: Mutex<Period>,
}

#[derive(Debug)]
struct Period {
    /// `None` before the first call, and where there are no periods.
    day: Option<Day>,
    /// Thresholds told, of each meter.
    levels: [usize; 2],
}

impl Account {
    /// One that goes on for ever.
    pub(super) fn endless(plans: &Plans) -> Self {
        Self::until(plans, i64::MAX)
    }

    /// One that begins a period with the first call.
    pub(super) fn daily(plans: &Plans) -> Self {
        Self::until(plans, i64::MIN)
    }

    fn until(plans: &Plans, ends: i64) -> Self {
        let meter = |plan: &Option<Arc<Plan>>| plan.clone().map(Meter::new);
        Self {
            scope: plans.scope,
            picos: meter(&plans.picos),
            tokens: meter(&plans.tokens),
            ends: AtomicI64::new(ends),
            period: Mutex::new(Period {
                day: None,
                levels: [0; 2],
            }),
        }
    }

    pub(super) fn scope(&self) -> SpendScope {
        self.scope
    }

    pub(super) fn meters(&self) -> impl Iterator<Item = (Unit, &Meter)> {
        let picos = self.picos.iter().map(|meter| (Unit::Picos, meter));
        let tokens = self.tokens.iter().map(|meter| (Unit::Tokens, meter));
        picos.chain(tokens)
    }

    /// Whether the period is over at `now`, or the clock was set back by days.
    #[inline]
    pub(super) fn is_stale(&self, now: Timestamp) -> bool {
        let ends = self.ends.load(Ordering::Acquire);
        let ahead = ends.saturating_sub(now.unix_nanos());
        // One comparison for both: a moment at or behind the end wraps to the largest numbers.
        ahead.cast_unsigned().wrapping_sub(1) >= FAR_BACK && !self.is_endless()
    }

    #[inline]
    fn is_endless(&self) -> bool {
        self.scope != SpendScope::Day
    }

    /// Begins the period of `day` if it is later than the present one. Crossings that nobody told yet,
    /// of the old period and of the new.
    #[cold]
    pub(super) fn turn(&self, day: Day) -> Vec<SpendCrossing> {
        let mut told = Vec::new();
        let mut period = self.period();
        match period.day {
            Some(present) if day.start == present.start => {}
            // Set back. What was spent stays spent: only time gives it back.
            Some(present) if day.start < present.start => period.day = Some(day),
            _ => {
                period.day = Some(day);
                let Period { levels, .. } = &mut *period;
                for ((unit, meter), level) in self.with_levels(levels) {
                    let mut late = Vec::new();
                    meter.turn(
                        level,
                        &mut |percent, spent| {
                            told.push(self.crossing(unit, meter, percent, spent));
                        },
                        &mut |percent, spent| {
                            late.push(self.crossing(unit, meter, percent, spent));
                        },
                    );
                    told.append(&mut late);
                }
            }
        }
        if let Some(day) = period.day {
            self.ends.store(day.end.unix_nanos(), Ordering::Release);
        }
        told
    }

    /// The crossings that nobody told yet.
    #[cold]
    pub(super) fn crossings(&self) -> Vec<SpendCrossing> {
        let mut told = Vec::new();
        let mut period = self.period();
        let Period { levels, .. } = &mut *period;
        for ((unit, meter), level) in self.with_levels(levels) {
            meter.look(level, &mut |percent, spent| {
                told.push(self.crossing(unit, meter, percent, spent));
            });
        }
        told
    }

    /// Counts `spent` as spent before the start.
    pub(super) fn seed(&self, spent: Units) {
        let mut period = self.period();
        let Period { levels, .. } = &mut *period;
        for ((unit, meter), level) in self.with_levels(levels) {
            meter.seed(level, spent.of(unit));
        }
    }

    /// Whether all of `ask` fits at this moment.
    #[inline]
    pub(super) fn fits(&self, ask: Units) -> bool {
        self.picos
            .as_ref()
            .is_none_or(|meter| meter.fits(ask.picos))
            && self
                .tokens
                .as_ref()
                .is_none_or(|meter| meter.fits(ask.tokens))
    }

    /// Reserves all of `ask` or nothing.
    #[inline]
    pub(super) fn take(&self, ask: Units) -> bool {
        if let Some(meter) = &self.picos
            && !meter.take(ask.picos)
        {
            return false;
        }
        if let Some(meter) = &self.tokens
            && !meter.take(ask.tokens)
        {
            if let Some(meter) = &self.picos {
                meter.give_back(ask.picos);
            }
            return false;
        }
        true
    }

    #[inline]
    pub(super) fn give_back(&self, held: Units) {
        if let Some(meter) = &self.picos {
            meter.give_back(held.picos);
        }
        if let Some(meter) = &self.tokens {
            meter.give_back(held.tokens);
        }
    }

    /// Spends `actual` where `held` was reserved. Whether a threshold may have been reached.
    #[inline]
    pub(super) fn settle(&self, held: Units, actual: Units) -> bool {
        let mut due = false;
        if let Some(meter) = &self.picos {
            due |= meter.settle(held.picos, actual.picos);
        }
        if let Some(meter) = &self.tokens {
            due |= meter.settle(held.tokens, actual.tokens);
        }
        due
    }

    /// What the thresholds ask for at this moment.
    #[inline]
    pub(super) fn action(&self) -> Option<SpendAction> {
        let picos = self.picos.as_ref().and_then(Meter::action);
        picos.max(self.tokens.as_ref().and_then(Meter::action))
    }

    /// Why `ask` does not fit; `None` if it does by now.
    pub(super) fn refusal(&self, ask: Units) -> Option<SpendRefused> {
        let (unit, meter) = self
            .meters()
            .find(|(unit, meter)| !meter.fits(ask.of(*unit)))?;
        let plan = meter.plan();
        let refused = SpendRefused::new(
            self.scope,
            unit,
            ask.of(unit),
            plan.cap,
            meter.reading(),
            self.ends(),
        );
        Some(refused.refusing_at(plan.refuse_at))
    }

    /// When everything comes back.
    pub(super) fn ends(&self) -> Option<Timestamp> {
        let ends = self.ends.load(Ordering::Acquire);
        (!self.is_endless() && ends != i64::MIN).then_some(Timestamp::from_unix_nanos(ends))
    }

    /// Spent in the period, and reserved.
    pub(super) fn used(&self) -> [Units; 2] {
        let mut used = [Units::ZERO; 2];
        let [spent, reserved] = &mut used;
        for (unit, meter) in self.meters() {
            let reading = meter.reading();
            *spent.of_mut(unit) = reading.spent;
            *reserved.of_mut(unit) = reading.reserved;
        }
        used
    }

    fn with_levels<'a>(
        &'a self,
        levels: &'a mut [usize; 2],
    ) -> impl Iterator<Item = ((Unit, &'a Meter), &'a mut usize)> {
        self.meters().zip(levels)
    }

    fn crossing(&self, unit: Unit, meter: &Meter, percent: u8, spent: u64) -> SpendCrossing {
        let cap = unit.amount(meter.plan().cap);
        SpendCrossing::new(self.scope, percent, unit.amount(spent), cap)
    }

    fn period(&self) -> MutexGuard<'_, Period> {
        self.period.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
