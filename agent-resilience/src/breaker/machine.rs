//! The transitions of a breaker: atomics only, time passed in.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use agent_primitives::{BreakerState, Monotonic};

use super::config::BreakerConfig;
use super::window::Window;
use super::word::Word;

/// A change of state: from, to.
pub(super) type Change = (BreakerState, BreakerState);

#[derive(Debug)]
pub(super) struct Machine {
    config: BreakerConfig,
    word: AtomicU64,
    /// When the present state was entered. Written before the word changes: two threads that race for
    /// a change write nearly the same time, and a state may last that much longer or shorter.
    since: AtomicU64,
    window: Option<Window>,
}

/// A call that was let through, and under which generation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket {
    generation: u32,
}

/// Why a call was not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) state: BreakerState,
    pub(super) retry_in: Option<Duration>,
}

impl Machine {
    pub(super) fn new(config: BreakerConfig) -> Self {
        Self {
            word: AtomicU64::new(Word::CLOSED.pack()),
            since: AtomicU64::new(0),
            window: config.failure_rate.map(|rate| Window::new(rate.window)),
            config,
        }
    }

    pub(super) fn config(&self) -> &BreakerConfig {
        &self.config
    }

    fn load(&self) -> Word {
        Word::unpack(self.word.load(Ordering::Acquire))
    }

    fn swap(&self, old: Word, new: Word) -> bool {
        self.word
            .compare_exchange(old.pack(), new.pack(), Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    fn change(&self, old: Word, new: Word, now: Monotonic) -> bool {
        self.since.store(now.nanos(), Ordering::Release);
        self.swap(old, new)
    }

    fn age(&self, now: Monotonic) -> Duration {
        now.since(Monotonic::from_nanos(self.since.load(Ordering::Acquire)))
    }

    /// The state that a call at `now` would meet.
    pub(super) fn state(&self, now: Monotonic) -> (BreakerState, Option<Duration>) {
        let word = self.load();
        match word.state {
            BreakerState::Open => {
                let left = self.config.open_for.saturating_sub(self.age(now));
                if left.is_zero() {
                    (BreakerState::HalfOpen, None)
                } else {
                    (BreakerState::Open, Some(left))
                }
            }
            BreakerState::HalfOpen if word.first >= self.config.probes.get() => {
                let left = self.config.half_open_for.saturating_sub(self.age(now));
                (
                    BreakerState::HalfOpen,
                    Some(left).filter(|left| !left.is_zero()),
                )
            }
            state => (state, None),
        }
    }

    /// Whether a call at `now` would be let through.
    pub(super) fn would_admit(&self, now: Monotonic) -> bool {
        let word = self.load();
        match word.state {
            BreakerState::Closed => true,
            BreakerState::Open => self.age(now) >= self.config.open_for,
            BreakerState::HalfOpen => {
                word.first < self.config.probes.get() || self.age(now) >= self.config.half_open_for
            }
            _ => false,
        }
    }

    /// The usual case, which needs no time.
    pub(super) fn admit_closed(&self) -> Option<Ticket> {
        let word = self.load();
        (word.state == BreakerState::Closed).then_some(Ticket {
            generation: word.generation,
        })
    }

    pub(super) fn admit(&self, now: Monotonic) -> Result<(Ticket, Option<Change>), Refusal> {
        loop {
            let word = self.load();
            let (next, waits_for) = match word.state {
                BreakerState::Closed => {
                    let ticket = Ticket {
                        generation: word.generation,
                    };
                    return Ok((ticket, None));
                }
                BreakerState::HalfOpen if word.first < self.config.probes.get() => {
                    let first = word.first + 1;
                    let next = Word { first, ..word };
                    if self.swap(word, next) {
                        let ticket = Ticket {
                            generation: word.generation,
                        };
                        return Ok((ticket, None));
                    }
                    continue;
                }
                BreakerState::Open => (word.enter(BreakerState::HalfOpen, 1), self.config.open_for),
                // Probes that nobody reported: a new generation gets new ones.
                BreakerState::HalfOpen => (
                    word.enter(BreakerState::HalfOpen, 1),
                    self.config.half_open_for,
                ),
                state => {
                    return Err(Refusal {
                        state,
                        retry_in: None,
                    });
                }
            };
            let left = waits_for.saturating_sub(self.age(now));
            if !left.is_zero() {
                return Err(Refusal {
                    state: word.state,
                    retry_in: Some(left),
                });
            }
            if self.change(word, next, now) {
                let ticket = Ticket {
                    generation: next.generation,
                };
                let changed = word.state != next.state;
                return Ok((ticket, changed.then_some((word.state, next.state))));
            }
        }
    }

    /// Asks for the time only where it matters: a breaker without a window whose calls succeed never
    /// does.
    pub(super) fn success(&self, ticket: Ticket, now: impl Fn() -> Monotonic) -> Option<Change> {
        let mut counted = false;
        loop {
            let word = self.load();
            if word.generation != ticket.generation {
                return None;
            }
            match word.state {
                BreakerState::Closed => {
                    self.count(false, &mut counted, &now);
                    // The usual case only reads, so that threads share the line.
                    if word.first == 0 || self.swap(word, Word { first: 0, ..word }) {
                        return None;
                    }
                }
                BreakerState::HalfOpen => {
                    let second = word.second.saturating_add(1);
                    if second < self.config.probes.get() {
                        if self.swap(word, Word { second, ..word }) {
                            return None;
                        }
                    } else if self.change(word, word.enter(BreakerState::Closed, 0), now()) {
                        if let Some(window) = &self.window {
                            window.clear();
                        }
                        return Some((BreakerState::HalfOpen, BreakerState::Closed));
                    }
                }
                _ => return None,
            }
        }
    }

    pub(super) fn failure(&self, ticket: Ticket, now: Monotonic) -> Option<Change> {
        let mut counted = false;
        loop {
            let word = self.load();
            if word.generation != ticket.generation {
                return None;
            }
            match word.state {
                BreakerState::Closed => {
                    self.count(true, &mut counted, || now);
                    let first = word.first.saturating_add(1);
                    let row = self.config.consecutive_failures;
                    if row.is_some_and(|row| first >= row.get()) || self.rate_reached(now) {
                        if self.change(word, word.enter(BreakerState::Open, 0), now) {
                            return Some((BreakerState::Closed, BreakerState::Open));
                        }
                    } else if self.swap(word, Word { first, ..word }) {
                        return None;
                    }
                }
                BreakerState::HalfOpen => {
                    if self.change(word, word.enter(BreakerState::Open, 0), now) {
                        return Some((BreakerState::HalfOpen, BreakerState::Open));
                    }
                }
                _ => return None,
            }
        }
    }

    /// A call that ended without a result: a probe is free again.
    pub(super) fn give_back(&self, ticket: Ticket) {
        loop {
            let word = self.load();
            let given_back = Word {
                first: word.first.saturating_sub(1),
                ..word
            };
            if word.generation != ticket.generation
                || word.state != BreakerState::HalfOpen
                || self.swap(word, given_back)
            {
                return;
            }
        }
    }

    /// Sets the state by hand and forgets what was counted; `None` when the state was so already.
    pub(super) fn force(&self, state: BreakerState, now: Monotonic) -> Option<Change> {
        loop {
            let word = self.load();
            if self.change(word, word.enter(state, 0), now) {
                if let Some(window) = &self.window {
                    window.clear();
                }
                return (word.state != state).then_some((word.state, state));
            }
        }
    }

    /// Ends an open state early.
    pub(super) fn half_open(&self, now: Monotonic) -> Option<Change> {
        let word = self.load();
        let next = word.enter(BreakerState::HalfOpen, 0);
        (word.state == BreakerState::Open && self.change(word, next, now))
            .then_some((word.state, next.state))
    }

    /// Puts a call into the window, once however often the word had to be tried.
    fn count(&self, failed: bool, counted: &mut bool, now: impl FnOnce() -> Monotonic) {
        if let Some(window) = &self.window
            && !std::mem::replace(counted, true)
        {
            window.record(failed, now());
        }
    }

    fn rate_reached(&self, now: Monotonic) -> bool {
        let (Some(rate), Some(window)) = (&self.config.failure_rate, &self.window) else {
            return false;
        };
        let tally = window.tally(now);
        tally.calls >= u64::from(rate.minimum_calls.get())
            && tally.failed * 100 >= tally.calls * u64::from(rate.percent)
    }
}
