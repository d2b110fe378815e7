//! The circuit breaker does what a simple description of it does, for any story of calls.

use std::collections::VecDeque;
use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use agent_primitives::{BreakerState, FailureKind, ManualClock, ProviderId};
use agent_resilience::{
    BreakerConfig, BreakerWindow, CircuitBreaker, FailureWeights, OwnedPermit, Percent, SlowCalls,
};
use proptest::prelude::*;

const OPEN_FOR: u64 = 10_000;
const HALF_OPEN_FOR: u64 = 60_000;
const SLOW_AFTER: u64 = 3_000;
const SLICE: u64 = 1_000;
const SLICES: u64 = 15;

/// What the breaker is supposed to be, written down without atomics. Times in milliseconds.
#[derive(Debug)]
struct Model {
    config: BreakerConfig,
    state: BreakerState,
    generation: u32,
    since: u64,
    row: u16,
    handed_out: u16,
    succeeded: u16,
    /// Slice, failed, slow: one entry a call that counts.
    calls: VecDeque<(u64, bool, bool)>,
    rejected: u64,
    now: u64,
}

impl Model {
    fn new(config: BreakerConfig) -> Self {
        Self {
            config,
            state: BreakerState::Closed,
            generation: 0,
            since: 0,
            row: 0,
            handed_out: 0,
            succeeded: 0,
            calls: VecDeque::new(),
            rejected: 0,
            now: 0,
        }
    }

    fn enter(&mut self, state: BreakerState) {
        self.state = state;
        self.generation += 1;
        self.since = self.now;
        (self.row, self.handed_out, self.succeeded) = (0, 0, 0);
        if state == BreakerState::Closed {
            self.calls.clear();
        }
    }

    /// Milliseconds until a call is let through; `None` when one is.
    fn left(&self) -> Option<u64> {
        let whole = match self.state {
            BreakerState::Open => OPEN_FOR,
            BreakerState::HalfOpen if self.handed_out >= self.config.probes.get() => HALF_OPEN_FOR,
            BreakerState::Isolated => return Some(u64::MAX),
            _ => return None,
        };
        Some((self.since + whole).saturating_sub(self.now)).filter(|left| *left > 0)
    }

    /// The generation of a call that is let through.
    fn admit(&mut self) -> Option<u32> {
        if self.left().is_some() {
            self.rejected += 1;
            return None;
        }
        let full = self.handed_out >= self.config.probes.get();
        match self.state {
            BreakerState::Open => self.enter(BreakerState::HalfOpen),
            BreakerState::HalfOpen if full => self.enter(BreakerState::HalfOpen),
            _ => {}
        }
        if self.state == BreakerState::HalfOpen {
            self.handed_out += 1;
            self.since = self.now;
        }
        Some(self.generation)
    }

    fn end(&mut self, generation: u32, start: u64, failures: u16) {
        if generation != self.generation {
            return;
        }
        let slow = self.config.slow_calls.is_some() && self.now - start >= SLOW_AFTER;
        if self.state == BreakerState::HalfOpen {
            self.succeeded += 1;
            if failures > 0 || slow {
                self.enter(BreakerState::Open);
            } else if self.succeeded == self.config.probes.get() {
                self.enter(BreakerState::Closed);
            }
            return;
        }
        for _ in 0..failures.max(1) {
            self.calls.push_back((self.now / SLICE, failures > 0, slow));
        }
        self.forget();
        self.row = if failures == 0 {
            0
        } else {
            self.row + failures
        };
        let in_a_row = self.config.consecutive_failures;
        let row = failures > 0 && in_a_row.is_some_and(|limit| self.row >= limit.get());
        if row || ((failures > 0 || slow) && self.rate_reached()) {
            self.enter(BreakerState::Open);
        }
    }

    fn forget(&mut self) {
        if let BreakerWindow::Calls(length) = self.config.window {
            while self.calls.len() > length.get().into() {
                self.calls.pop_front();
            }
        } else {
            let oldest = (self.now / SLICE + 1).saturating_sub(SLICES);
            self.calls.retain(|(slice, ..)| *slice >= oldest);
        }
    }

    /// Calls, failed ones, slow ones.
    fn counts(&mut self) -> (u64, u64, u64) {
        if self.config.failure_rate.is_none() && self.config.slow_calls.is_none() {
            return (0, 0, 0);
        }
        self.forget();
        let count = |wanted: fn(&(u64, bool, bool)) -> bool| {
            self.calls.iter().filter(|call| wanted(call)).count() as u64
        };
        (count(|_| true), count(|call| call.1), count(|call| call.2))
    }

    fn rate_reached(&mut self) -> bool {
        let (calls, failed, slow) = self.counts();
        let minimum = u64::from(self.config.minimum_calls.get());
        let minimum = match self.config.window {
            BreakerWindow::Calls(length) => minimum.min(length.get().into()),
            _ => minimum,
        };
        let reached = |percent: Option<Percent>, part: u64| {
            percent.is_some_and(|p| part > 0 && part * 100 >= calls * u64::from(p.as_u8()))
        };
        calls >= minimum
            && (reached(self.config.failure_rate, failed)
                || reached(self.config.slow_calls.map(|slow| slow.percent), slow))
    }

    fn cancel(&mut self, generation: u32) {
        if generation == self.generation && self.state == BreakerState::HalfOpen {
            self.handed_out -= 1;
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Admit,
    Succeed(usize),
    Fail(usize),
    FailTwice(usize),
    Cancel(usize),
    Wait(u64),
    Force(BreakerState),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let which = 0_usize..8;
    let step = prop_oneof![
        12 => Just(Step::Admit),
        5 => which.clone().prop_map(Step::Succeed),
        5 => which.clone().prop_map(Step::Fail),
        1 => which.clone().prop_map(Step::FailTwice),
        2 => which.prop_map(Step::Cancel),
        3 => (0_u64..4_000).prop_map(Step::Wait),
        1 => (0_u64..70_000).prop_map(Step::Wait),
        1 => proptest::sample::select(BreakerState::ALL).prop_map(Step::Force),
    ];
    proptest::collection::vec(step, 0..250)
}

fn configs() -> impl Strategy<Value = BreakerConfig> {
    let window = prop_oneof![
        (1_u16..80)
            .prop_map(|calls| BreakerWindow::Calls(NonZeroU16::new(calls).expect("not zero"))),
        Just(BreakerWindow::Time(Duration::from_millis(SLICE * SLICES))),
    ];
    let slow = proptest::option::of(1_u8..=100);
    let rate = proptest::option::of(1_u8..=100);
    let row = 0_u16..6;
    (row, 1_u16..4, rate, slow, window, 1_u32..12).prop_map(
        |(row, probes, rate, slow, window, minimum_calls)| BreakerConfig {
            consecutive_failures: NonZeroU16::new(row),
            failure_rate: rate.and_then(Percent::new),
            slow_calls: slow.and_then(Percent::new).map(|percent| SlowCalls {
                after: Duration::from_millis(SLOW_AFTER),
                percent,
            }),
            window,
            minimum_calls: NonZeroU32::new(minimum_calls).expect("not zero"),
            open_for: Duration::from_millis(OPEN_FOR),
            probes: NonZeroU16::new(probes).expect("not zero"),
            half_open_for: Duration::from_millis(HALF_OPEN_FOR),
            weights: FailureWeights::default().with(FailureKind::Timeout, 2),
            ..BreakerConfig::default()
        },
    )
}

struct Call {
    permit: OwnedPermit,
    generation: u32,
    start: u64,
}

struct Story {
    breaker: CircuitBreaker,
    clock: ManualClock,
    model: Model,
    calls: Vec<Call>,
}

impl Story {
    fn tell(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Admit => self.admit()?,
            Step::Succeed(which) => self.end(which, 0, OwnedPermit::success),
            Step::Fail(which) => self.end(which, 1, |permit| permit.failure(FailureKind::Server)),
            Step::FailTwice(which) => {
                self.end(which, 2, |permit| permit.failure(FailureKind::Timeout));
            }
            Step::Cancel(which) => {
                if which < self.calls.len() {
                    let call = self.calls.swap_remove(which);
                    drop(call.permit);
                    self.model.cancel(call.generation);
                }
            }
            Step::Wait(millis) => {
                self.clock.advance(Duration::from_millis(millis));
                self.model.now += millis;
            }
            Step::Force(state) => self.force(state),
        }
        Ok(())
    }

    fn admit(&mut self) -> Result<(), TestCaseError> {
        let left = self.model.left();
        let admitted = self.breaker.admit_owned();
        let refused = admitted.as_ref().err().map(|refused| refused.retry_in);
        let expected = left.map(|left| (left < u64::MAX).then(|| Duration::from_millis(left)));
        prop_assert_eq!(refused, expected);
        let start = self.model.now;
        if let (Some(generation), Ok(permit)) = (self.model.admit(), admitted) {
            self.calls.push(Call {
                permit,
                generation,
                start,
            });
        }
        Ok(())
    }

    fn end(&mut self, which: usize, failures: u16, report: impl FnOnce(OwnedPermit)) {
        if which < self.calls.len() {
            let call = self.calls.swap_remove(which);
            report(call.permit);
            self.model.end(call.generation, call.start, failures);
        }
    }

    fn force(&mut self, state: BreakerState) {
        match state {
            BreakerState::Closed => self.breaker.close(),
            BreakerState::Open => self.breaker.open(),
            BreakerState::HalfOpen => {
                self.breaker.half_open();
                if self.model.state != BreakerState::Open {
                    return;
                }
            }
            _ => self.breaker.isolate(),
        }
        self.model.enter(state);
    }

    fn compare(&mut self) -> Result<(), TestCaseError> {
        let shown = self.breaker.snapshot();
        let expected = match self.model.state {
            BreakerState::Open if self.model.left().is_none() => BreakerState::HalfOpen,
            state => state,
        };
        prop_assert_eq!(shown.state, expected);
        prop_assert_eq!(self.breaker.would_admit(), self.model.left().is_none());
        prop_assert_eq!(shown.rejected, self.model.rejected);
        if expected == BreakerState::Closed {
            let counts = (shown.calls, shown.failed, shown.slow);
            prop_assert_eq!(counts, self.model.counts());
            prop_assert_eq!(shown.in_a_row, self.model.row);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn it_does_what_the_model_does(config in configs(), steps in steps()) {
        let clock = ManualClock::default();
        let name = ProviderId::new("claude").expect("a valid name");
        let mut story = Story {
            breaker: CircuitBreaker::new(name, config).clock(clock.clone()),
            clock,
            model: Model::new(config),
            calls: Vec::new(),
        };
        for step in steps {
            story.tell(&step)?;
            story.compare()?;
        }
    }
}
