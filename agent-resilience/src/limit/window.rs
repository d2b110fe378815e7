//! One window: a time up to which its allowance is spent, in one atomic word, and what was given back
//! in another.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use std::time::Duration;

use super::config::{RateWindow, WindowKind};
use super::cost::{Cost, Counted};
use crate::classify::LimitedResource;

/// Added to every reading, so that the start of the first fixed window lies after zero.
const BIAS: u64 = 1 << 62;

/// A debt beyond the whole burst is kept up to so many periods: a wrong figure blocks no longer.
const DEBT_PERIODS: u64 = 10;

/// A reading of the clock, on the windows' own axis.
#[inline]
pub(super) const fn axis(nanos: u64) -> u64 {
    if nanos > BIAS {
        BIAS + BIAS
    } else {
        nanos + BIAS
    }
}

/// The generic cell rate algorithm, extended by giving back.
///
/// Spending is time: a unit costs `unit` nanoseconds, and the allowance is spent up to the moment
/// `spent - given_back`. What lies before the *base* (now, or the start of a fixed window) is free
/// again; no more than `burst` nanoseconds beyond the base may be spent.
///
/// Two words, because time takes spending back as well, and nothing may come back twice. What comes
/// back of a call's cost `c`, `e` after it was taken, is the larger of two lower bounds of what the
/// window would hold more now, had the call never been made:
///
/// - `c - e`: right after the call at least its own cost lay ahead, and time took no more than `e`;
/// - `remembered - given_back - base`, at most `c`: a reservation remembers `spent` as it left it. The
///   span of its cost ends there, and moves toward the present by all that came back since. What of it
///   lies in the future was never free to anybody.
///
/// So nothing is lost while no time passes, and whatever the order and the time, the window never lets
/// more through than if the calls that were given back had never been made: at every moment since then
/// at least that much lay ahead, so without the call the window would not have stood idle either.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Window {
    spent: AtomicU64,
    given_back: AtomicU64,
    /// Nanoseconds that one unit costs.
    unit: AtomicU64,
    /// Nanoseconds that may be spent beyond the base.
    burst: AtomicU64,
    /// Fixed windows: what to add to the axis so that windows start at multiples of the period.
    /// Others: the burst that was asked for in units, or `u64::MAX`.
    shape: AtomicU64,
    period: u64,
    limit: AtomicU64,
    resource: LimitedResource,
    counted: Counted,
    kind: WindowKind,
}

/// Why a window did not give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Short {
    /// It will, after so many nanoseconds.
    For(u64),
    /// It never will: this much is more than it ever holds.
    Never,
}

impl Window {
    /// A window with its whole allowance. `wall_ahead` is the wall clock less the axis at some moment,
    /// modulo whatever.
    pub(super) fn new(window: &RateWindow, wall_ahead: i128) -> Self {
        let period = window.period_nanos();
        let phase = wall_ahead.rem_euclid(i128::from(period.max(1)));
        let new = Self {
            spent: AtomicU64::new(0),
            given_back: AtomicU64::new(0),
            unit: AtomicU64::new(1),
            burst: AtomicU64::new(1),
            shape: AtomicU64::new(match window.kind {
                WindowKind::Refill => window.burst.unwrap_or(u64::MAX),
                WindowKind::Fixed => u64::try_from(phase).unwrap_or(0),
            }),
            period,
            limit: AtomicU64::new(window.limit),
            resource: window.resource,
            counted: Counted::by(window.resource),
            kind: window.kind,
        };
        new.store_limit(window.limit);
        new
    }

    /// What `cost` takes of this.
    #[inline]
    pub(super) const fn units(&self, cost: Cost) -> u64 {
        cost.of(self.counted)
    }

    #[inline]
    pub(super) const fn resource(&self) -> LimitedResource {
        self.resource
    }

    pub(super) const fn kind(&self) -> WindowKind {
        self.kind
    }

    pub(super) const fn period(&self) -> Duration {
        Duration::from_nanos(self.period)
    }

    #[inline]
    pub(super) const fn period_nanos(&self) -> u64 {
        self.period
    }

    pub(super) fn limit(&self) -> u64 {
        self.limit.load(Relaxed)
    }

    /// The most that can be taken at once.
    pub(super) fn whole(&self) -> u64 {
        self.burst.load(Relaxed) / self.unit.load(Relaxed).max(1)
    }

    fn store_limit(&self, limit: u64) {
        let limit = limit.clamp(1, self.period);
        let (unit, whole) = match self.kind {
            // Rounded up: never faster than allowed. A whole burst has to fit, so it is counted in
            // units and not in time.
            WindowKind::Refill => (
                self.period.div_ceil(limit),
                self.shape.load(Relaxed).min(limit),
            ),
            // Rounded down: a whole limit has to end before the next window starts.
            WindowKind::Fixed => (self.period / limit, limit),
        };
        self.unit.store(unit, Relaxed);
        self.burst.store(unit.saturating_mul(whole), Relaxed);
        self.limit.store(limit, Relaxed);
    }

    /// Where free allowance begins: now, or the start of the fixed window that `now` is in.
    #[inline]
    fn base(&self, now: u64) -> u64 {
        match self.kind {
            WindowKind::Refill => now,
            WindowKind::Fixed => {
                let into = (now + self.shape.load(Relaxed)) % self.period.max(1);
                now - into
            }
        }
    }

    #[inline]
    fn cost(&self, units: u64) -> u64 {
        units.saturating_mul(self.unit.load(Relaxed))
    }

    /// The moment up to which the allowance is spent, never before the base.
    #[inline]
    fn spent_until(&self, base: u64) -> u64 {
        // In this order: a giving back in between makes the answer later, never earlier.
        let given_back = self.given_back.load(Acquire);
        let spent = self.spent.load(Relaxed);
        spent.wrapping_sub(given_back).max(base)
    }

    /// Takes `units` if they are there. What comes back is to be remembered for `give_back`.
    #[inline]
    pub(super) fn take(&self, units: u64, now: u64) -> Result<u64, Short> {
        // A call that takes nothing of this is not held back by a debt.
        if units == 0 {
            return Ok(0);
        }
        let cost = self.cost(units);
        let burst = self.burst.load(Relaxed);
        let base = self.base(now);
        let end = base + burst;
        loop {
            let given_back = self.given_back.load(Acquire);
            let spent = self.spent.load(Relaxed);
            let next = spent
                .wrapping_sub(given_back)
                .max(base)
                .saturating_add(cost);
            if next > end {
                return Err(self.short(cost, burst, next - end, base, now));
            }
            let spent_next = next.wrapping_add(given_back);
            if self
                .spent
                .compare_exchange_weak(spent, spent_next, SeqCst, Relaxed)
                .is_ok()
            {
                return Ok(match self.kind {
                    WindowKind::Refill => spent_next,
                    WindowKind::Fixed => base,
                });
            }
        }
    }

    #[inline]
    fn short(&self, cost: u64, burst: u64, over: u64, base: u64, now: u64) -> Short {
        if cost > burst {
            return Short::Never;
        }
        Short::For(match self.kind {
            WindowKind::Refill => over,
            WindowKind::Fixed => {
                // So many windows later the rest fits, each taking up a whole burst.
                let later = over.div_ceil(burst.max(1));
                (base.saturating_add(later.saturating_mul(self.period))).saturating_sub(now)
            }
        })
    }

    /// What `take` would say if `ahead` units were taken first.
    #[inline]
    pub(super) fn outlook(&self, ahead: u64, units: u64, now: u64) -> Result<(), Short> {
        if units == 0 {
            return Ok(());
        }
        let (cost, burst) = (self.cost(units), self.burst.load(Relaxed));
        let base = self.base(now);
        let next = self
            .spent_until(base)
            .saturating_add(self.cost(ahead))
            .saturating_add(cost);
        let end = base + burst;
        if next <= end {
            return Ok(());
        }
        Err(self.short(cost, burst, next - end, base, now))
    }

    /// Gives back up to `units` of what was taken at `taken` when `take` returned `remembered`. True
    /// when something became free.
    #[inline]
    pub(super) fn give_back(&self, units: u64, remembered: u64, taken: u64, now: u64) -> bool {
        let cost = self.cost(units);
        let base = self.base(now);
        loop {
            let given_back = self.given_back.load(Acquire);
            let ahead = match self.kind {
                WindowKind::Refill => {
                    let ahead = remembered.wrapping_sub(given_back).wrapping_sub(base);
                    let ahead = u64::try_from(ahead.cast_signed()).unwrap_or(0);
                    ahead.max(cost.saturating_sub(now.saturating_sub(taken)))
                }
                WindowKind::Fixed if remembered == base => cost,
                WindowKind::Fixed => 0,
            };
            let back = cost.min(ahead);
            if back == 0 {
                return false;
            }
            // Nobody took since: as if it had not been taken. It moves nobody's span.
            if self.kind == WindowKind::Refill
                && self.spent.load(Relaxed) == remembered
                && self
                    .spent
                    .compare_exchange(remembered, remembered.wrapping_sub(back), SeqCst, Relaxed)
                    .is_ok()
            {
                return true;
            }
            let next = given_back.wrapping_add(back);
            if self
                .given_back
                .compare_exchange_weak(given_back, next, SeqCst, Relaxed)
                .is_ok()
            {
                return true;
            }
        }
    }

    /// Takes `units` whether they are there or not.
    pub(super) fn charge(&self, units: u64, now: u64) {
        let cost = self.cost(units);
        self.raise(now, |spent_until| spent_until.saturating_add(cost));
    }

    /// Makes at least `units` of the limit count as used. Where less than the limit passes at once, the
    /// rest of it is not ours to miss.
    pub(super) fn use_at_least(&self, units: u64, now: u64) {
        let limit = self.limit();
        let spare = limit.saturating_sub(self.whole());
        let cost = self.cost(units.min(limit).saturating_sub(spare));
        let base = self.base(now);
        self.raise(now, |spent_until| {
            spent_until.max(base.saturating_add(cost))
        });
    }

    /// Moves the end of what is spent to what `later` makes of it, within bounds.
    fn raise(&self, now: u64, later: impl Fn(u64) -> u64) {
        let base = self.base(now);
        // The next fixed window starts with all its allowance, whatever this one used.
        let last = base.saturating_add(match self.kind {
            WindowKind::Refill => self
                .burst
                .load(Relaxed)
                .saturating_add(self.period.saturating_mul(DEBT_PERIODS)),
            WindowKind::Fixed => self.burst.load(Relaxed),
        });
        loop {
            let given_back = self.given_back.load(Acquire);
            let spent = self.spent.load(Relaxed);
            let until = spent.wrapping_sub(given_back).max(base);
            let next = later(until).min(last).max(until);
            if self
                .spent
                .compare_exchange_weak(spent, next.wrapping_add(given_back), SeqCst, Relaxed)
                .is_ok()
            {
                return;
            }
        }
    }

    /// Units that could be taken at `now`.
    pub(super) fn remaining(&self, now: u64) -> u64 {
        let base = self.base(now);
        let end = base + self.burst.load(Relaxed);
        end.saturating_sub(self.spent_until(base)) / self.unit.load(Relaxed).max(1)
    }

    /// Nothing is used. A limit that was corrected is corrected again by the next reply.
    pub(super) fn is_like_new(&self, now: u64) -> bool {
        let base = self.base(now);
        self.spent_until(base) == base
    }

    /// Corrects the limit; what is used stays used, unit for unit. A call that takes at the same moment
    /// may be counted by the old limit.
    pub(super) fn set_limit(&self, limit: u64, now: u64) {
        let old_unit = self.unit.load(Relaxed);
        let base = self.base(now);
        let used = self.spent_until(base) - base;
        self.store_limit(limit);
        let unit = self.unit.load(Relaxed);
        let scaled = u128::from(used) * u128::from(unit) / u128::from(old_unit.max(1));
        let scaled = u64::try_from(scaled).unwrap_or(u64::MAX);
        if scaled < used {
            self.given_back.fetch_add(used - scaled, SeqCst);
        } else {
            self.raise(now, |until| until.saturating_add(scaled - used));
        }
    }

    /// Fixed windows: lets the current one end at `end`, with what was used in it. Ends that differ by
    /// less than `slack` from the known one are taken as the same, since replies round them.
    pub(super) fn align(&self, end: u64, slack: u64, now: u64) {
        let base = self.base(now);
        let known = base + self.period;
        if end <= now || end > now.saturating_add(self.period) || end.abs_diff(known) <= slack {
            return;
        }
        let used = self.spent_until(base) - base;
        let phase = (self.period - end % self.period) % self.period;
        self.shape.store(phase, Relaxed);
        let moved = self.base(now);
        if moved < base && used > 0 {
            // No reservation of the old window gives anything back any more: its base is gone.
            self.given_back.fetch_add(base - moved, SeqCst);
        } else {
            self.raise(now, |until| until.max(moved.saturating_add(used)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_window_is_one_cache_line() {
        assert_eq!(size_of::<Window>(), 64);
        assert_eq!(size_of::<Option<Window>>(), 64);
    }

    /// 60 units a minute: one unit is one second.
    fn minute(kind: WindowKind) -> Window {
        let window = RateWindow::per_minute(LimitedResource::Tokens, 60).kind(kind);
        Window::new(&window, -i128::from(BIAS))
    }

    fn at(second: u64) -> u64 {
        axis(second * SECOND)
    }

    #[test]
    fn a_whole_limit_fits_at_once_whatever_it_is_divided_by() {
        for limit in [1, 7, 59, 60, 61, 450, 14_400, 9_999_991, 2_000_000_000] {
            for kind in [WindowKind::Refill, WindowKind::Fixed] {
                let config = RateWindow::per_minute(LimitedResource::Tokens, limit).kind(kind);
                let window = Window::new(&config, 0);
                assert_eq!(window.remaining(at(1)), limit, "{kind:?}");
                window.take(limit - limit / 2, at(1)).unwrap();
                window.take(limit / 2, at(1)).unwrap();
                assert!(window.take(1, at(1)).is_err(), "{limit} {kind:?}");
                // A second more than the period: a unit is a whole number of nanoseconds.
                assert_eq!(window.remaining(at(62)), limit, "{kind:?}");
            }
        }
    }

    #[test]
    fn the_wait_is_exact_to_the_nanosecond() {
        for kind in [WindowKind::Refill, WindowKind::Fixed] {
            let window = minute(kind);
            window.take(55, at(7)).unwrap();
            let Err(Short::For(wait)) = window.take(10, at(7)) else {
                panic!("{kind:?}")
            };
            let expected = match kind {
                WindowKind::Refill => 5,
                WindowKind::Fixed => 53,
            };
            assert_eq!(wait, expected * SECOND, "{kind:?}");
            assert!(window.take(10, at(7) + wait - 1).is_err(), "{kind:?}");
            assert!(window.take(10, at(7) + wait).is_ok(), "{kind:?}");
        }
    }

    #[test]
    fn those_ahead_are_counted_into_the_outlook() {
        let refill = minute(WindowKind::Refill);
        refill.take(60, at(0)).unwrap();
        assert_eq!(refill.outlook(30, 5, at(0)), Err(Short::For(35 * SECOND)));
        let fixed = minute(WindowKind::Fixed);
        fixed.take(60, at(10)).unwrap();
        assert_eq!(fixed.outlook(0, 5, at(10)), Err(Short::For(50 * SECOND)));
        assert_eq!(fixed.outlook(60, 5, at(10)), Err(Short::For(110 * SECOND)));
    }

    #[test]
    fn more_than_the_window_ever_holds_is_never_let_through() {
        let window = minute(WindowKind::Refill);
        assert_eq!(window.take(61, at(0)), Err(Short::Never));
        assert_eq!(window.take(u64::MAX, at(0)), Err(Short::Never));
        assert_eq!(window.remaining(at(0)), 60);
    }

    #[test]
    fn a_fixed_window_forgets_at_its_end_what_was_charged_beyond_it() {
        let window = minute(WindowKind::Fixed);
        window.charge(500, at(30));
        assert_eq!(window.remaining(at(59)), 0);
        assert_eq!(window.remaining(at(60)), 60);
    }

    #[test]
    fn a_debt_is_bounded() {
        let window = minute(WindowKind::Refill);
        window.charge(u64::MAX, at(0));
        let Err(Short::For(wait)) = window.take(1, at(0)) else {
            panic!()
        };
        assert_eq!(wait, (60 * DEBT_PERIODS + 1) * SECOND);
    }

    #[test]
    fn a_late_return_gives_back_only_what_time_has_not() {
        let window = minute(WindowKind::Refill);
        let mark = window.take(30, at(0)).unwrap();
        assert!(window.give_back(30, mark, at(0), at(20)));
        assert_eq!(window.remaining(at(20)), 60);
        // Somebody took after the first would have been free again in any case.
        let first = window.take(30, at(100)).unwrap();
        window.take(10, at(140)).unwrap();
        assert!(!window.give_back(30, first, at(100), at(140)));
        assert_eq!(window.remaining(at(140)), 50);
    }

    #[test]
    fn a_corrected_limit_keeps_what_is_used() {
        let window = minute(WindowKind::Refill);
        window.take(20, at(0)).unwrap();
        window.set_limit(120, at(0));
        assert_eq!(window.remaining(at(0)), 100);
        window.set_limit(30, at(0));
        assert_eq!(window.remaining(at(0)), 10);
    }

    #[test]
    fn an_observed_end_moves_a_fixed_window_with_what_was_used() {
        for end in [50, 70] {
            let window = minute(WindowKind::Fixed);
            window.take(25, at(20)).unwrap();
            window.align(at(end), 2 * SECOND, at(20));
            assert_eq!(window.remaining(at(20)), 35);
            assert_eq!(window.remaining(at(end) - 1), 35);
            assert_eq!(window.remaining(at(end)), 60);
        }
        let window = minute(WindowKind::Fixed);
        window.align(at(61), 2 * SECOND, at(20));
        window.take(60, at(20)).unwrap();
        assert_eq!(window.remaining(at(60)), 60, "a second is rounding");
    }

    #[derive(Debug, Clone)]
    enum Step {
        Take(u64),
        GiveBack { which: usize, units: u64 },
        Pass(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (1_u64..=40).prop_map(Step::Take),
            4 => (any::<usize>(), 1_u64..=40)
                .prop_map(|(which, units)| Step::GiveBack { which, units }),
            1 => (0_u64..=25).prop_map(Step::Pass),
        ];
        prop::collection::vec(step, 1..60)
    }

    struct Call {
        at: u64,
        mark: u64,
        held: u64,
        used: u64,
        open: bool,
    }

    /// Runs the steps; what was used in the end, with its time in seconds.
    fn run(window: &Window, steps: &[Step]) -> Vec<Call> {
        let mut now = 0;
        let mut calls: Vec<Call> = Vec::new();
        for step in steps {
            match *step {
                Step::Take(units) => {
                    if let Ok(mark) = window.take(units, at(now)) {
                        calls.push(Call {
                            at: now,
                            mark,
                            held: units,
                            used: units,
                            open: true,
                        });
                    }
                }
                Step::GiveBack { which, units } => {
                    let open: Vec<&mut Call> = calls.iter_mut().filter(|call| call.open).collect();
                    let count = open.len().max(1);
                    if let Some(call) = open.into_iter().nth(which % count) {
                        call.open = false;
                        call.used = call.held.saturating_sub(units);
                        let back = call.held - call.used;
                        window.give_back(back, call.mark, at(call.at), at(now));
                    }
                }
                Step::Pass(seconds) => now += seconds,
            }
        }
        calls
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

        /// The definition of a token bucket: in no span of time more than the burst and what the span
        /// gives back, of what was used in truth.
        #[test]
        fn what_is_used_never_exceeds_the_window(steps in steps()) {
            let calls = run(&minute(WindowKind::Refill), &steps);
            for (first, from) in calls.iter().enumerate() {
                let mut used = 0;
                for to in calls.iter().skip(first) {
                    used += to.used;
                    prop_assert!(used <= 60 + (to.at - from.at), "{used} from {} to {}", from.at, to.at);
                }
            }
        }

        #[test]
        fn what_is_used_never_exceeds_the_fixed_window(steps in steps()) {
            let calls = run(&minute(WindowKind::Fixed), &steps);
            for window in 0..=calls.iter().map(|call| call.at / 60).max().unwrap_or(0) {
                let within = calls.iter().filter(|call| call.at / 60 == window);
                prop_assert!(within.map(|call| call.used).sum::<u64>() <= 60);
            }
        }

        /// Whatever the order of giving back.
        #[test]
        fn nothing_is_lost_while_time_stands(steps in steps()) {
            let stand: Vec<Step> = steps.into_iter().filter(|step| !matches!(step, Step::Pass(_))).collect();
            for kind in [WindowKind::Refill, WindowKind::Fixed] {
                let window = minute(kind);
                let calls = run(&window, &stand);
                let used: u64 = calls.iter().map(|call| call.used).sum();
                prop_assert_eq!(window.remaining(at(0)), 60 - used);
            }
        }
    }
}
