//! The transitions of a breaker: atomics only, time passed in.

mod view;

use std::num::NonZeroU64;
use std::time::Duration;

use agent_primitives::{BreakerState, Monotonic};

use super::atomics::{AtomicU64, Ordering, fence};
use super::config::{BreakerConfig, Percent};
use super::window::{Ended, Shards, Window};
use super::word::Word;

pub(super) use view::{Glance, Refusal};

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

impl Ticket {
    /// As if the call had begun `took` before `now`.
    pub(super) fn taking(self, took: Duration, now: Monotonic) -> Self {
        let start = Monotonic::from_nanos(now.nanos().saturating_sub(nanos(took)));
        Self { start, ..self }
    }
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
                Window::Calls(window) => {
                    window.record(generation, SUCCESS);
                    return None;
                }
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
}
