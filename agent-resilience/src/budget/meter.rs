//! One counter against one cap, in atomic words.
//!
//! `committed` and `spent` count up from the start and never go back at the end of a period; `base` is
//! where `spent` stood when the period began. So the end of a period is one store, and calls under way
//! then simply count for the next: at every moment
//!
//! ```text
//! base ≤ spent ≤ committed ≤ base + cap        (all of them modulo 2⁶⁴)
//!   spent in the period = spent − base
//!   reserved            = committed − spent
//!   left                = cap − (committed − base)
//! ```
//!
//! save that calls which cost more than they reserved may lift `spent` and `committed` above the cap. To
//! keep the order at every moment, what is overrun enters `committed` before `spent`.

use std::sync::Arc;

use super::atomics::{AtomicU64, Ordering};
use super::config::{SpendAction, SpendThreshold};

/// As much as a period counts, far above every cap and far below the half of 2⁶⁴, so that differences
/// keep their sign.
const FULL: u64 = 1 << 62;

/// A cap and its thresholds, shared by all meters of the kind.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) cap: u64,
    /// From here on calls are refused; the cap, unless a threshold says less.
    pub(super) refuse_at: u64,
    /// The amounts at which thresholds lie, with their percent and what to do.
    steps: Box<[Step]>,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    at: u64,
    percent: u8,
    action: SpendAction,
}

impl Plan {
    pub(super) fn new(cap: u64, thresholds: &[SpendThreshold]) -> Arc<Self> {
        let steps: Box<[Step]> = thresholds
            .iter()
            .map(|it| Step {
                at: share(cap, it.percent.as_u8()),
                percent: it.percent.as_u8(),
                action: it.action,
            })
            .collect();
        let refuse_at = steps
            .iter()
            .find(|step| step.action == SpendAction::Refuse)
            .map_or(cap, |step| step.at);
        Arc::new(Self {
            cap,
            refuse_at,
            steps,
        })
    }

    /// What the highest threshold at or below `used` asks for.
    fn action(&self, used: u64) -> Option<SpendAction> {
        let reached = self.steps.iter().rev().find(|step| step.at <= used);
        reached.map(|step| step.action)
    }
}

/// `percent` of `cap`, rounded up, so that it is not reached too early.
fn share(cap: u64, percent: u8) -> u64 {
    let share = (u128::from(cap) * u128::from(percent)).div_ceil(100);
    u64::try_from(share).unwrap_or(cap)
}

/// What a meter shows. Read word by word: while calls settle, `reserved` may be off by theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) spent: u64,
    pub(super) reserved: u64,
    pub(super) left: u64,
}

#[derive(Debug)]
pub(super) struct Meter {
    plan: Arc<Plan>,
    /// All that was ever spent or is reserved.
    committed: AtomicU64,
    /// All that was ever spent.
    spent: AtomicU64,
    /// `spent` at the beginning of the period. Written under the period's lock.
    base: AtomicU64,
    /// Where `spent` reaches the next threshold. Written under the period's lock.
    next: AtomicU64,
}

impl Meter {
    pub(super) fn new(plan: Arc<Plan>) -> Self {
        Self {
            committed: AtomicU64::new(0),
            spent: AtomicU64::new(0),
            base: AtomicU64::new(0),
            next: AtomicU64::new(plan.steps.first().map_or(FULL + 1, |step| step.at)),
            plan,
        }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Spent and reserved in the period.
    #[inline]
    fn used(&self) -> u64 {
        let base = self.base.load(Ordering::Acquire);
        self.committed.load(Ordering::Acquire).wrapping_sub(base)
    }

    /// What a call may reserve.
    #[inline]
    fn room(&self, used: u64) -> u64 {
        if used >= self.plan.refuse_at {
            0
        } else {
            self.plan.cap.saturating_sub(used)
        }
    }

    /// Whether `ask` fits at this moment; what is free is always right.
    #[inline]
    pub(super) fn fits(&self, ask: u64) -> bool {
        ask == 0 || ask <= self.room(self.used())
    }

    /// Reserves `ask`.
    #[inline]
    pub(super) fn take(&self, ask: u64) -> bool {
        if ask == 0 {
            return true;
        }
        // Before `committed`: a base that is newer than it could be the larger of the two.
        let base = self.base.load(Ordering::Acquire);
        let mut committed = self.committed.load(Ordering::Acquire);
        while ask <= self.room(committed.wrapping_sub(base)) {
            match self.committed.compare_exchange_weak(
                committed,
                committed.wrapping_add(ask),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return true,
                Err(seen) => committed = seen,
            }
        }
        false
    }

    /// Gives back what was reserved and not spent.
    #[inline]
    pub(super) fn give_back(&self, held: u64) {
        if held > 0 {
            self.committed.fetch_sub(held, Ordering::AcqRel);
        }
    }

    /// Spends `actual` of what `held` was reserved. Whether a threshold may have been reached.
    #[inline]
    pub(super) fn settle(&self, held: u64, actual: u64) -> bool {
        if actual > held {
            return self.spend(held.saturating_add(self.exceed(actual - held)));
        }
        let due = actual > 0 && self.spend(actual);
        self.give_back(held - actual);
        due
    }

    #[inline]
    fn spend(&self, amount: u64) -> bool {
        let spent = self.spent.fetch_add(amount, Ordering::SeqCst);
        let spent = spent.wrapping_add(amount);
        // `spent` and `next` are written and read in one total order: who writes one and then reads the
        // other either sees what was written there meanwhile, or is seen by whoever wrote it.
        is_at_or_past(spent, self.next.load(Ordering::SeqCst))
    }

    /// Takes `over` beyond what was reserved, and beyond the cap. As much of it as is counted.
    #[cold]
    fn exceed(&self, over: u64) -> u64 {
        let base = self.base.load(Ordering::Acquire);
        let mut committed = self.committed.load(Ordering::Acquire);
        loop {
            let used = committed.wrapping_sub(base);
            let counted = over.min(FULL.saturating_sub(used));
            match self.committed.compare_exchange_weak(
                committed,
                committed.wrapping_add(counted),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return counted,
                Err(seen) => committed = seen,
            }
        }
    }

    /// What the thresholds ask for, by what is spent and reserved at this moment.
    #[inline]
    pub(super) fn action(&self) -> Option<SpendAction> {
        self.plan.action(self.used())
    }

    pub(super) fn reading(&self) -> Reading {
        let base = self.base.load(Ordering::Acquire);
        let spent = self.spent.load(Ordering::Acquire);
        let committed = self.committed.load(Ordering::Acquire);
        let used = committed.wrapping_sub(base);
        let spent = spent.wrapping_sub(base);
        Reading {
            spent,
            reserved: used.saturating_sub(spent),
            left: self.plan.cap.saturating_sub(used),
        }
    }

    /// Tells `reached` the percent and the sum of each threshold above `level` that was reached. Under
    /// the period's lock, of which `level` is a part.
    pub(super) fn look(&self, level: &mut usize, reached: &mut dyn FnMut(u8, u64)) {
        let base = self.base.load(Ordering::Relaxed);
        let mut spent = self.spent.load(Ordering::SeqCst);
        loop {
            self.climb(base, spent, level, reached);
            // Whoever spent meanwhile has seen the new `next`, or is seen here.
            let seen = self.spent.load(Ordering::SeqCst);
            if seen == spent {
                return;
            }
            spent = seen;
        }
    }

    fn climb(&self, base: u64, spent: u64, level: &mut usize, reached: &mut dyn FnMut(u8, u64)) {
        let used = spent.wrapping_sub(base);
        let above = self.plan.steps.iter().skip(*level);
        for step in above.take_while(|step| step.at <= used) {
            *level += 1;
            reached(step.percent, used);
        }
        let next = self.plan.steps.get(*level).map_or(FULL + 1, |step| step.at);
        self.next.store(base.wrapping_add(next), Ordering::SeqCst);
    }

    /// Ends the period and begins the next. What the old one reached is told first.
    pub(super) fn turn(
        &self,
        level: &mut usize,
        old: &mut dyn FnMut(u8, u64),
        new: &mut dyn FnMut(u8, u64),
    ) {
        let base = self.base.load(Ordering::Relaxed);
        let spent = self.spent.load(Ordering::SeqCst);
        self.climb(base, spent, level, old);
        self.base.store(spent, Ordering::Release);
        *level = 0;
        self.look(level, new);
    }

    /// Counts `spent` as spent before the start, and its thresholds as told.
    pub(super) fn seed(&self, level: &mut usize, spent: u64) {
        let counted = self.exceed(spent);
        self.spent.fetch_add(counted, Ordering::SeqCst);
        self.look(level, &mut |_, _| {});
    }
}

/// Whether `position` is not before `mark`; they are less than 2⁶³ apart.
#[inline]
const fn is_at_or_past(position: u64, mark: u64) -> bool {
    position.wrapping_sub(mark) < 1 << 63
}
