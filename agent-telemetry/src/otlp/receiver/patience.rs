//! How long a connection is waited for, by what it is at.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::limits::Limits;

/// How long a refused sender may go on sending before the connection ends under it.
const LINGER: Duration = Duration::from_secs(2);

/// What a connection is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Between requests.
    Idle,
    /// A request has begun to arrive; or the first one is waited for.
    Head,
    /// A request is worked on, which has a patience of its own for the body.
    Request,
    /// The answer is on its way.
    Answer,
    /// All is said, and what the sender still sends is thrown away.
    Linger,
}

impl Phase {
    /// The longest that it may take; `None` where others watch over it.
    fn limit(self, limits: &Limits) -> Option<Duration> {
        match self {
            Self::Idle => Some(limits.idle_timeout),
            Self::Head => Some(limits.header_timeout),
            Self::Request => None,
            Self::Answer => Some(limits.body_timeout),
            Self::Linger => Some(limits.header_timeout.min(LINGER)),
        }
    }
}

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    /// Requests under way; more than one over HTTP/2 alone.
    requests: usize,
    /// A request was answered whose body was not read.
    unread: bool,
}

/// What one connection is at, and since when: told by its parts, asked by whoever drives it.
#[derive(Debug)]
pub(super) struct Patience {
    state: Mutex<State>,
    /// Over HTTP/2 answers are written while others are waited for.
    after_answers: Phase,
}

impl Patience {
    pub(super) fn http1(now: Instant) -> Self {
        Self::new(now, Phase::Head, Phase::Answer)
    }

    #[cfg(feature = "otlp-grpc")]
    pub(super) fn http2(now: Instant) -> Self {
        Self::new(now, Phase::Idle, Phase::Idle)
    }

    fn new(since: Instant, phase: Phase, after_answers: Phase) -> Self {
        Self {
            state: Mutex::new(State {
                phase,
                since,
                requests: 0,
                unread: false,
            }),
            after_answers,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn phase(&self) -> Phase {
        self.state().phase
    }

    /// Until when it is waited for; `None` while a request is worked on.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<Instant> {
        let state = self.state();
        state.since.checked_add(state.phase.limit(limits)?)
    }

    /// Bytes came in. A head is waited for from its first byte on, so single bytes gain nothing.
    pub(super) fn received(&self, now: Instant) {
        self.turn(Phase::Idle, Phase::Head, now);
    }

    pub(super) fn began(&self, now: Instant) {
        let mut state = self.state();
        state.requests += 1;
        (state.phase, state.since, state.unread) = (Phase::Request, now, false);
    }

    pub(super) fn answered(&self, now: Instant) {
        let mut state = self.state();
        state.requests = state.requests.saturating_sub(1);
        if state.requests == 0 {
            (state.phase, state.since) = (self.after_answers, now);
        }
    }

    /// The body of the request under way will not be read to its end.
    pub(super) fn leave_unread(&self) {
        self.state().unread = true;
    }

    /// All that was to be written is written.
    pub(super) fn written(&self, now: Instant) {
        self.turn(Phase::Answer, Phase::Idle, now);
    }

    /// The connection is to end; whether the sender may still be sending, who would lose the answer if it ended at once.
    pub(super) fn lingers(&self, now: Instant) -> bool {
        let mut state = self.state();
        if state.phase == Phase::Linger {
            return true;
        }
        let lingers = state.unread || state.phase == Phase::Head;
        if lingers {
            (state.phase, state.since) = (Phase::Linger, now);
        }
        lingers
    }

    fn turn(&self, from: Phase, to: Phase, now: Instant) {
        let mut state = self.state();
        if state.phase == from {
            (state.phase, state.since) = (to, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, second: u64) -> Instant {
        start + Duration::from_secs(second)
    }

    #[test]
    fn each_part_of_a_request_has_its_time() {
        let (limits, start) = (Limits::default(), Instant::now());
        let patience = Patience::http1(start);
        let left = |from: u64| {
            let deadline = patience.deadline(&limits)?;
            Some((deadline - at(start, from)).as_secs())
        };
        assert_eq!(left(0), Some(10));
        patience.received(at(start, 3));
        assert_eq!(left(0), Some(10));
        patience.began(at(start, 4));
        assert_eq!(left(4), None);
        patience.answered(at(start, 5));
        assert_eq!(left(5), Some(30));
        patience.written(at(start, 6));
        assert_eq!(left(6), Some(120));
        patience.received(at(start, 50));
        assert_eq!(left(50), Some(10));
        patience.received(at(start, 59));
        assert_eq!(left(50), Some(10));
        patience.written(at(start, 59));
        assert_eq!(left(50), Some(10));
    }

    #[test]
    fn only_those_who_may_still_send_are_waited_for_at_the_end() {
        let start = Instant::now();
        let patience = Patience::http1(start);
        patience.began(start);
        patience.answered(start);
        patience.written(start);
        assert!(!patience.lingers(start));
        patience.received(start);
        assert!(patience.lingers(start));

        let refused = Patience::http1(start);
        refused.began(start);
        refused.leave_unread();
        refused.answered(start);
        refused.written(start);
        assert!(refused.lingers(at(start, 1)));
        assert!(refused.lingers(at(start, 2)));
        let deadline = refused.deadline(&Limits::default()).unwrap();
        assert_eq!(deadline, at(start, 3));
    }

    #[cfg(feature = "otlp-grpc")]
    #[test]
    fn streams_are_waited_for_one_and_all() {
        let (limits, start) = (Limits::default(), Instant::now());
        let patience = Patience::http2(start);
        patience.began(start);
        patience.began(start);
        patience.answered(at(start, 1));
        assert_eq!(patience.deadline(&limits), None);
        patience.answered(at(start, 2));
        assert_eq!(patience.deadline(&limits), Some(at(start, 122)));
    }
}
