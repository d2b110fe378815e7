//! The transitions of a breaker: atomics only, time passed in.

use std::num::NonZeroU64;
use std::time::Duration;

use agent_primitives::{BreakerState, Monotonic};

use super::atomics::{AtomicU64, Ordering, fence};
use super::config::{BreakerConfig, Percent};
use super::window::{Ended, Shards, Tally, Window};
use super::word::Word;

/// A change of state: from, to.
pub(super) type Change = (BreakerState, BreakerState);

/// The word is read by every call and written by changes only, failures included; what every call writes
/// lies in the shards. In this order, so that the word lies amid what is only read: nothing that others
/// write, a count of handles or a neighbour on the heap, can share its cache line.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Machine {
    config: BreakerConfig,
    word: AtomicU64,
    /// When the state was entered or its last probe let through, for even generations and for odd ones: one that is about to be entered
    /// does not disturb the present one. Raised before the word changes and never lowered, so that a
    /// thread that was stopped on its way to a change cannot make a later state look old.
    since: [AtomicU64; 2],
    /// In nanoseconds, for the way on which calls are turned away.
    open_for: u64,
    /// In nanoseconds; `None` where calls are not timed.
    slow_after: Option<NonZeroU64>,
    window: Window,
    shards: Shards,
}

/// A call that was let through: in which state and generation, and when where that matters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket {
    key: u64,
    start: Monotonic,
}

/// Why a call was not let through, and for how many nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) state: BreakerState,
    pub(super) left: Option<u64>,
}

/// What a machine shows of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Glance {
    pub(super) refusal: Refusal,
    pub(super) age: Duration,
    pub(super) row: u16,
    pub(super) tally: Tally,
    /// Handed out and succeeded, of so many.
    pub(super) probes: (u16, u16, u16),
    pub(super) rejected: u64,
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Machine {
    pub(super) fn new(config: BreakerConfig, now: Monotonic) -> Self {
        Self {
            word: AtomicU64::new(Word::CLOSED.pack()),
            since: [now.nanos(); 2].map(AtomicU64::new),
            open_for: nanos(config.open_for),
            // A call that takes no time at all is not slow.
            slow_after: config
                .slow_calls
                .and_then(|slow| NonZeroU64::new(nanos(slow.after).max(1))),
            window: Window::new(&config),
            shards: Shards::new(),
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
        self.since(new.generation.into())
            .fetch_max(now.nanos(), Ordering::AcqRel);
        self.swap(old, new)
    }

    #[inline]
    fn since(&self, generation: u64) -> &AtomicU64 {
        let [even, odd] = &self.since;
        if generation & 1 == 0 { even } else { odd }
    }

    /// How long the state of a generation has lasted.
    #[inline]
    fn age(&self, generation: u64, now: Monotonic) -> u64 {
        let since = self.since(generation).load(Ordering::Acquire);
        now.nanos().saturating_sub(since)
    }

    /// Whether a call has to say when it began.
    #[inline]
    fn times_calls(&self) -> bool {
        self.slow_after.is_some()
    }

    fn ticket(&self, bits: u64, now: impl FnOnce() -> Monotonic) -> Ticket {
        Ticket {
            key: Word::key(bits),
            start: if self.times_calls() {
                now()
            } else {
                Monotonic::default()
            },
        }
    }

    /// How a call at `now` would be met: the state, and what is left until one may be let through.
    pub(super) fn state(&self, now: Monotonic) -> Refusal {
        self.seen(self.load(), now)
    }

    fn seen(&self, word: Word, now: Monotonic) -> Refusal {
        let age = self.age(word.generation.into(), now);
        let left = |whole: u64| Some(whole.saturating_sub(age)).filter(|left| *left > 0);
        let (state, left) = match word.state {
            BreakerState::Open => match left(self.open_for) {
                None => (BreakerState::HalfOpen, None),
                left => (BreakerState::Open, left),
            },
            BreakerState::HalfOpen if word.first >= self.config.probes.get() => (
                BreakerState::HalfOpen,
                left(nanos(self.config.half_open_for)),
            ),
            state => (state, None),
        };
        Refusal { state, left }
    }

    /// Whether a call at `now` would be let through.
    pub(super) fn would_admit(&self, now: Monotonic) -> bool {
        let seen = self.state(now);
        seen.state != BreakerState::Isolated && seen.left.is_none()
    }

    /// The usual case, which needs no time but for slow calls.
    #[inline]
    pub(super) fn admit_closed(&self, now: impl FnOnce() -> Monotonic) -> Option<Ticket> {
        let bits = self.word.load(Ordering::Acquire);
        Word::is_closed(bits).then(|| self.ticket(bits, now))
    }

    #[inline]
    pub(super) fn admit(&self, now: Monotonic) -> Result<(Ticket, Option<Change>), Refusal> {
        let bits = self.word.load(Ordering::Acquire);
        if Word::is_closed(bits) {
            return Ok((self.ticket(bits, || now), None));
        }
        if Word::is_open(bits) {
            let age = self.age(Word::generation(bits), now);
            let left = self.open_for.saturating_sub(age);
            if left > 0 {
                self.shards.reject();
                return Err(Refusal {
                    state: BreakerState::Open,
                    left: Some(left),
                });
            }
        }
        self.admit_probe(now)
    }

    #[cold]
    fn admit_probe(&self, now: Monotonic) -> Result<(Ticket, Option<Change>), Refusal> {
        loop {
            let word = self.load();
            let next = match word.state {
                BreakerState::Closed => return Ok((self.ticket(word.pack(), || now), None)),
                BreakerState::HalfOpen if word.first < self.config.probes.get() => Word {
                    first: word.first + 1,
                    ..word
                },
                BreakerState::Isolated => {
                    return Err(self.refuse(Refusal {
                        state: word.state,
                        left: None,
                    }));
                }
                // Its time is over, or that of probes that nobody reported: a new generation.
                _ => {
                    let left = self.seen(word, now);
                    if left.left.is_some() {
                        return Err(self.refuse(left));
                    }
                    word.enter(BreakerState::HalfOpen, 1)
                }
            };
            // Also within a generation: the time for a report begins when the probe is let through, which
            // may be long after the state was entered.
            if self.change(word, next, now) {
                let changed = word.state != next.state;
                let ticket = self.ticket(next.pack(), || now);
                return Ok((ticket, changed.then_some((word.state, next.state))));
            }
        }
    }

    fn refuse(&self, refusal: Refusal) -> Refusal {
        self.shards.reject();
        refusal
    }

    /// Asks for the time only where it matters: a breaker without a window over time whose calls succeed
    /// never does.
    #[inline]
    pub(super) fn success(
        &self,
        ticket: Ticket,
        now: impl FnOnce() -> Monotonic,
    ) -> Option<Change> {
        const SUCCESS: Ended = Ended {
            failures: 0,
            slow: false,
        };
        // Closed, of this generation, no failures in a row: only read, so that threads share the line.
        let calm = Word::is_closed(ticket.key) && self.word.load(Ordering::Acquire) == ticket.key;
        if calm && !self.times_calls() {
            let generation = Word::generation(ticket.key);
            match &self.window {
                Window::None => return None,
                Window::Time(window) => {
                    window.record(&self.shards, generation, SUCCESS, now());
                    return None;
                }
                Window::Calls(_) => {}
            }
        }
        self.settle(ticket, 0, now())
    }

    /// A call that failed, and counts as `failures` of them.
    pub(super) fn failure(&self, ticket: Ticket, failures: u16, now: Monotonic) -> Option<Change> {
        self.settle(ticket, failures.max(1), now)
    }

    #[cold]
    fn settle(&self, ticket: Ticket, failures: u16, now: Monotonic) -> Option<Change> {
        let taken = now.since(ticket.start);
        let slow = self
            .slow_after
            .is_some_and(|after| nanos(taken) >= after.get());
        let mut counted = false;
        loop {
            let bits = self.word.load(Ordering::Acquire);
            if Word::key(bits) != ticket.key {
                return None;
            }
            let word = Word::unpack(bits);
            let next = match word.state {
                BreakerState::Closed => {
                    // Once, however often the word has to be tried.
                    if !std::mem::replace(&mut counted, true) {
                        let ended = Ended { failures, slow };
                        let generation = Word::generation(bits);
                        self.window.record(&self.shards, generation, ended, now);
                    }
                    let first = match failures {
                        0 => 0,
                        more => word.first.saturating_add(more),
                    };
                    let row = failures > 0
                        && self
                            .config
                            .consecutive_failures
                            .is_some_and(|row| first >= row.get());
                    if row || ((failures > 0 || slow) && self.rate_reached(bits, now)) {
                        word.enter(BreakerState::Open, 0)
                    } else {
                        Word { first, ..word }
                    }
                }
                BreakerState::HalfOpen if failures > 0 || slow => word.enter(BreakerState::Open, 0),
                BreakerState::HalfOpen => {
                    let second = word.second.saturating_add(1);
                    if second < self.config.probes.get() {
                        Word { second, ..word }
                    } else {
                        word.enter(BreakerState::Closed, 0)
                    }
                }
                _ => return None,
            };
            if next == word {
                return None;
            }
            if next.state == word.state {
                if self.swap(word, next) {
                    return None;
                }
            } else if self.change(word, next, now) {
                return Some((word.state, next.state));
            }
        }
    }

    /// A call that ended without a result: a probe is free again.
    pub(super) fn give_back(&self, ticket: Ticket) {
        if Word::is_closed(ticket.key) {
            return;
        }
        loop {
            let bits = self.word.load(Ordering::Acquire);
            if Word::key(bits) != ticket.key {
                return;
            }
            let word = Word::unpack(bits);
            let given_back = Word {
                first: word.first.saturating_sub(1),
                ..word
            };
            if self.swap(word, given_back) {
                return;
            }
        }
    }

    /// Sets the state by hand and forgets what was counted; `None` when the state was so already.
    pub(super) fn force(&self, state: BreakerState, now: Monotonic) -> Option<Change> {
        loop {
            let word = self.load();
            if self.change(word, word.enter(state, 0), now) {
                return (word.state != state).then_some((word.state, state));
            }
        }
    }

    /// Ends an open state early.
    pub(super) fn half_open(&self, now: Monotonic) -> Option<Change> {
        loop {
            let word = self.load();
            if word.state != BreakerState::Open {
                return None;
            }
            let next = word.enter(BreakerState::HalfOpen, 0);
            if self.change(word, next, now) {
                return Some((word.state, next.state));
            }
        }
    }

    fn rate_reached(&self, bits: u64, now: Monotonic) -> bool {
        if matches!(self.window, Window::None) {
            return false;
        }
        // Of two threads that count at the same time, at least one sees both.
        fence(Ordering::SeqCst);
        let generation = Word::generation(bits);
        let tally = self.window.tally(&self.shards, generation, now);
        let reached = |rate: Option<Percent>, part: u64| {
            rate.is_some_and(|rate| part > 0 && rate.is_reached_by(part, tally.calls))
        };
        let minimum = u64::from(self.config.minimum_calls.get());
        let minimum = match &self.window {
            Window::Calls(window) => minimum.min(window.length()),
            _ => minimum,
        };
        let slow_rate = self.config.slow_calls.map(|slow| slow.percent);
        tally.calls >= minimum
            && (reached(self.config.failure_rate, tally.failed) || reached(slow_rate, tally.slow))
    }

    pub(super) fn glance(&self, now: Monotonic) -> Glance {
        let word = self.load();
        let refusal = self.seen(word, now);
        let closed = word.state == BreakerState::Closed;
        let probes = match word.state {
            BreakerState::HalfOpen => (word.first, word.second, self.config.probes.get()),
            _ => (0, 0, self.config.probes.get()),
        };
        // An open breaker shows what opened it: the counts of the generation before.
        let counted = match word.state {
            BreakerState::Open => word.generation.wrapping_sub(1),
            _ => word.generation,
        };
        Glance {
            refusal,
            age: Duration::from_nanos(self.age(word.generation.into(), now)),
            row: if closed { word.first } else { 0 },
            tally: self.window.tally(&self.shards, counted.into(), now),
            probes,
            rejected: self.shards.rejected(),
        }
    }
}
