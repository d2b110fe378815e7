//! Sends requests, and waits between attempts.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{Clock, Monotonic};

use super::answer::{Verdict, verdict};
use super::http::Post;
use super::request::Request;
use super::retry::OtlpRetry;
use super::stats::OtlpStats;

/// How a wait is done: a sleep, or a test's clock that is put forward.
pub(super) type Sleep = Arc<dyn Fn(Duration) + Send + Sync>;

/// A batch that the server is not there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the OTLP server is away or busy; what it has not taken is sent when the batch is offered again"
)]
pub(super) struct NotSent;

pub(super) struct Delivery {
    post: Box<dyn Post>,
    retry: OtlpRetry,
    clock: Arc<dyn Clock>,
    sleep: Sleep,
    random: RandomState,
    /// How many attempts there were, to have another random number for each.
    turn: u64,
    stats: OtlpStats,
    /// Failures since the last answer that settled something.
    failures: u32,
    /// Not before this is anything sent.
    not_before: Option<Monotonic>,
}

impl Delivery {
    pub(super) fn new(
        post: Box<dyn Post>,
        retry: OtlpRetry,
        clock: Arc<dyn Clock>,
        sleep: Sleep,
        stats: OtlpStats,
    ) -> Self {
        Self {
            post,
            retry,
            clock,
            sleep,
            random: RandomState::new(),
            turn: 0,
            stats,
            failures: 0,
            not_before: None,
        }
    }

    /// Sends once. How long to wait before the next attempt, where there is to be one.
    pub(super) fn attempt(&mut self, request: &Request) -> Option<Duration> {
        self.stats.requested();
        let reply = self.post.post(request);
        match verdict(&reply, request.items, self.clock.timestamp()) {
            Verdict::Taken { rejected } => {
                if rejected > 0 {
                    tracing::warn!(
                        target: "agent_telemetry",
                        signal = request.signal.as_str(),
                        rejected,
                        "the OTLP server rejected items"
                    );
                }
                self.stats.taken(request, rejected);
            }
            Verdict::Refused(why) => {
                tracing::warn!(
                    target: "agent_telemetry",
                    signal = request.signal.as_str(),
                    items = request.items,
                    ?why,
                    "the OTLP server refused a request for good"
                );
                self.stats.refused(request, why);
            }
            Verdict::Later { after } => {
                self.stats.to_retry();
                self.failures = self.failures.saturating_add(1);
                self.turn = self.turn.wrapping_add(1);
                let random = self.random.hash_one(self.turn);
                return Some(self.retry.delay(self.failures, after, random));
            }
        }
        self.failures = 0;
        None
    }

    /// Sends all, in order, and takes out what is settled. After a batch that was given up there is one attempt, and no
    /// wait, for each call until the server answers again: the batch is offered again, and others wait behind it.
    pub(super) fn send(&mut self, requests: &mut VecDeque<Request>) -> Result<(), NotSent> {
        let start = self.clock.monotonic();
        if self.not_before.is_some_and(|it| start < it) {
            return Err(NotSent);
        }
        let mut is_patient = self.not_before.take().is_none();
        while let Some(request) = requests.front() {
            let Some(delay) = self.attempt(request) else {
                requests.pop_front();
                is_patient = true;
                continue;
            };
            let now = self.clock.monotonic();
            if !is_patient || !self.retry.goes_on(self.failures, now.since(start), delay) {
                self.not_before = Some(now + delay);
                return Err(NotSent);
            }
            (self.sleep)(delay);
        }
        Ok(())
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("retry", &self.retry)
            .field("failures", &self.failures)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use agent_primitives::ManualClock;

    use super::super::answer::Reply;
    use super::super::style::OtlpSignal;
    use super::*;

    /// Answers in turn, then 200; and notes when it was asked for what.
    #[derive(Clone, Default)]
    struct Script {
        replies: Arc<Mutex<VecDeque<Reply>>>,
        asked: Arc<Mutex<Vec<(u64, OtlpSignal)>>>,
        clock: ManualClock,
    }

    impl Post for Script {
        fn post(&mut self, request: &Request) -> Reply {
            let at = self.clock.monotonic().nanos() / 1_000_000;
            self.asked.lock().unwrap().push((at, request.signal));
            self.replies
                .lock()
                .unwrap()
                .pop_front()
                .unwrap_or_else(|| answer(200, None))
        }
    }

    impl Script {
        fn of(replies: impl IntoIterator<Item = Reply>) -> Self {
            Self {
                replies: Arc::new(Mutex::new(replies.into_iter().collect())),
                ..Self::default()
            }
        }

        fn delivery(&self, retry: OtlpRetry) -> (Delivery, OtlpStats) {
            let (stats, clock) = (OtlpStats::default(), self.clock.clone());
            let sleep = move |time| clock.advance(time);
            let post = Box::new(self.clone());
            let clock = Arc::new(self.clock.clone());
            let delivery = Delivery::new(post, retry, clock, Arc::new(sleep), stats.clone());
            (delivery, stats)
        }

        fn asked(&self) -> Vec<(u64, OtlpSignal)> {
            std::mem::take(&mut self.asked.lock().unwrap())
        }
    }

    fn answer(status: u16, retry_after: Option<&str>) -> Reply {
        Reply::Answer {
            status,
            retry_after: retry_after.map(str::to_owned),
            body: Vec::new(),
        }
    }

    fn requests() -> VecDeque<Request> {
        let signals = OtlpSignal::ALL.iter();
        signals
            .map(|signal| Request {
                signal: *signal,
                items: 7,
                is_gzip: false,
                body: Vec::new(),
            })
            .collect()
    }

    #[test]
    fn waits_double_and_the_server_is_asked_five_times() {
        let script = Script::of(vec![Reply::Nothing("no connection"); 5]);
        let (mut delivery, stats) = script.delivery(OtlpRetry::default());
        let mut left = requests();
        assert_eq!(delivery.send(&mut left), Err(NotSent));
        assert_eq!(left.len(), 3, "nothing is settled");
        let times: Vec<u64> = script.asked().iter().map(|(at, _)| *at).collect();
        let waits: Vec<u64> = times.windows(2).map(|it| it[1] - it[0]).collect();
        assert_eq!(waits.len(), 4);
        for (wait, most) in waits.iter().zip([1_000, 2_000, 4_000, 8_000]) {
            assert!((most / 2 - 1..=most).contains(wait), "{waits:?}");
        }
        assert_eq!((stats.counts().requests, stats.counts().retries), (5, 5));
    }

    #[test]
    fn what_was_taken_is_not_sent_again() {
        let busy = vec![answer(200, None), answer(503, None), answer(503, None)];
        let script = Script::of(busy);
        let retry = OtlpRetry {
            attempts: 2,
            ..OtlpRetry::default()
        };
        let (mut delivery, stats) = script.delivery(retry);
        let mut left = requests();
        assert_eq!(delivery.send(&mut left), Err(NotSent));
        script.clock.advance(Duration::from_secs(60));
        assert_eq!(delivery.send(&mut left), Ok(()));
        let signals: Vec<_> = script.asked().iter().map(|(_, signal)| *signal).collect();
        let [traces, metrics, logs] = [OtlpSignal::Traces, OtlpSignal::Metrics, OtlpSignal::Logs];
        assert_eq!(signals, [traces, metrics, metrics, metrics, logs]);
        let counts = stats.counts();
        assert_eq!(
            [counts.traces.sent, counts.metrics.sent, counts.logs.sent],
            [7, 7, 7]
        );
    }

    #[test]
    fn server_that_is_away_is_asked_once_for_each_offer_and_not_too_early() {
        let script = Script::of(vec![Reply::Nothing("no connection"); 9]);
        let (mut delivery, _) = script.delivery(OtlpRetry::default());
        let mut left = requests();
        assert!(delivery.send(&mut left).is_err());
        assert_eq!(script.asked().len(), 5);
        for _ in 0..100 {
            assert!(delivery.send(&mut left).is_err());
        }
        assert_eq!(script.asked().len(), 0, "time has not passed");
        for _ in 0..3 {
            script.clock.advance(Duration::from_secs(30));
            assert!(delivery.send(&mut left).is_err());
        }
        assert_eq!(script.asked().len(), 3);
        script.clock.advance(Duration::from_secs(30));
        assert!(delivery.send(&mut left).is_err());
        // It is back, and patience with it.
        script.clock.advance(Duration::from_secs(30));
        script.asked();
        script.replies.lock().unwrap().extend([
            answer(200, None),
            answer(503, None),
            answer(200, None),
            answer(200, None),
        ]);
        assert_eq!(delivery.send(&mut left), Ok(()));
        assert_eq!(script.asked().len(), 4);
    }

    #[test]
    fn server_is_given_the_time_that_it_asks_for() {
        let script = Script::of([answer(429, Some("20")), answer(503, Some("90"))]);
        let (mut delivery, _) = script.delivery(OtlpRetry::default());
        let mut left = requests();
        // The second wait is longer than a batch may wait.
        assert!(delivery.send(&mut left).is_err());
        let times: Vec<u64> = script.asked().iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [0, 20_000]);
        script.clock.advance(Duration::from_secs(89));
        assert!(delivery.send(&mut left).is_err());
        assert!(script.asked().is_empty());
        script.clock.advance(Duration::from_secs(1));
        assert_eq!(delivery.send(&mut left), Ok(()));
    }

    #[test]
    fn request_that_is_refused_for_good_is_dropped_and_the_others_go_on() {
        let script = Script::of([answer(400, None), answer(401, None), answer(413, None)]);
        let (mut delivery, stats) = script.delivery(OtlpRetry::default());
        assert_eq!(delivery.send(&mut requests()), Ok(()));
        assert_eq!(script.asked().len(), 3);
        let counts = stats.counts();
        assert_eq!(counts.traces.refused, 7);
        assert_eq!(counts.metrics.unauthorized, 7);
        assert_eq!(counts.logs.too_large, 7);
        assert_eq!(counts.retries, 0);
    }
}
