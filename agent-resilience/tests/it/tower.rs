//! A policy as a tower layer: what is called, when it is ready, what comes back, what is given back.

use std::collections::VecDeque;
use std::future::{Ready, ready};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use agent_primitives::{FailureKind, ManualClock, Monotonic, ProviderId, TokenUsage};
use agent_resilience::classify::{LimitSnapshot, LimitWindow, LimitedResource, Verdict, When};
use agent_resilience::{
    Backoff, BreakerConfig, CircuitBreaker, ConcurrencyLimit, Cost, FailedTry, GiveUp, Policy,
    PolicyError, PolicyLayer, PolicyService, RateLimit, RateLimitConfig, RateWindow, Refusal,
    Retry,
};
use tower::{Service, ServiceBuilder, ServiceExt};

const SECOND: Duration = Duration::from_secs(1);
const NOW: Monotonic = Monotonic::from_nanos(0);

/// An answer with a status, as of HTTP.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    body: &'static str,
}

type Came = Result<Answer, Verdict>;

/// Gives one answer after the other, and keeps to the letter of tower's contract: a service that was
/// not found ready must not be called, and a clone has to become ready by itself.
#[derive(Debug)]
struct Strict {
    answers: Arc<Mutex<VecDeque<Came>>>,
    seen: Arc<Mutex<Vec<String>>>,
    readied: Arc<Mutex<u32>>,
    is_ready: bool,
}

impl Strict {
    fn new(answers: impl IntoIterator<Item = Came>) -> Self {
        Self {
            answers: Arc::new(Mutex::new(answers.into_iter().collect())),
            seen: Arc::default(),
            readied: Arc::default(),
            is_ready: false,
        }
    }
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self {
            answers: Arc::clone(&self.answers),
            seen: Arc::clone(&self.seen),
            readied: Arc::clone(&self.readied),
            is_ready: false,
        }
    }
}

impl Service<String> for Strict {
    type Response = Answer;
    type Error = Verdict;
    type Future = Ready<Came>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Verdict>> {
        self.is_ready = true;
        *self.readied.lock().unwrap() += 1;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: String) -> Self::Future {
        assert!(self.is_ready, "called without having been ready");
        self.is_ready = false;
        self.seen.lock().unwrap().push(request);
        ready(self.answers.lock().unwrap().pop_front().unwrap())
    }
}

const GOOD: Came = Ok(Answer {
    status: 200,
    body: "good",
});
const LIMITED: Came = Ok(Answer {
    status: 429,
    body: "limited",
});

fn overloaded() -> Came {
    Err(Verdict::new(FailureKind::Overloaded))
}

fn policy() -> Policy {
    Policy::new(Retry::new(Backoff::constant(SECOND)).seed(7))
}

fn layer(policy: Policy) -> PolicyLayer<String, Answer, Verdict> {
    PolicyLayer::new(policy).answers(|answer: &Answer| {
        let kind = match answer.status {
            429 => FailureKind::RateLimited,
            401 => FailureKind::Auth,
            _ => return None,
        };
        Some(Verdict::new(kind))
    })
}

async fn ask<S>(service: &mut S, request: &str) -> Result<Answer, PolicyError<Verdict>>
where
    S: Service<String, Response = Answer, Error = PolicyError<Verdict>>,
{
    service.ready().await?.call(request.to_owned()).await
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_followed_by_the_same_request_on_a_service_that_became_ready() {
    let inner = Strict::new([overloaded(), LIMITED, GOOD]);
    let mut service = ServiceBuilder::new()
        .layer(layer(policy()))
        .service(inner.clone());
    let start = tokio::time::Instant::now();
    assert_eq!(ask(&mut service, "hello").await, Ok(GOOD.unwrap()));
    assert_eq!(*inner.seen.lock().unwrap(), ["hello", "hello", "hello"]);
    assert_eq!(*inner.readied.lock().unwrap(), 3, "once for each call");
    assert_eq!(start.elapsed(), 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_given_up_is_handed_on_as_it_came() {
    let inner = Strict::new([LIMITED, LIMITED, LIMITED]);
    let mut service = ServiceBuilder::new()
        .layer(layer(policy()))
        .service(inner.clone());
    assert_eq!(ask(&mut service, "hello").await, Ok(LIMITED.unwrap()));
    assert_eq!(
        inner.seen.lock().unwrap().len(),
        3,
        "as often as the policy says"
    );

    let unauthorized = || {
        Ok(Answer {
            status: 401,
            body: "no",
        })
    };
    let inner = Strict::new([unauthorized()]);
    let mut service = ServiceBuilder::new()
        .layer(layer(policy()))
        .service(inner.clone());
    assert_eq!(
        ask(&mut service, "hello").await,
        Ok(unauthorized().unwrap())
    );
    assert_eq!(inner.seen.lock().unwrap().len(), 1, "final");
}

#[tokio::test(start_paused = true)]
async fn an_answer_before_a_refusal_is_handed_on_and_an_error_is_named() {
    let breaker = || {
        let config = BreakerConfig {
            consecutive_failures: std::num::NonZeroU16::new(1),
            failure_rate: None,
            ..BreakerConfig::default()
        };
        CircuitBreaker::new(ProviderId::new("groq").unwrap(), config)
    };
    let open = breaker();
    let inner = Strict::new([LIMITED.map(|answer| Answer {
        status: 500,
        ..answer
    })]);
    let server =
        |answer: &Answer| (answer.status == 500).then(|| Verdict::new(FailureKind::Server));
    let layer = PolicyLayer::new(policy().breaker(open.clone())).answers(server);
    let mut service = ServiceBuilder::new().layer(layer).service(inner);
    let came = ask(&mut service, "hello").await.unwrap();
    assert_eq!(
        (came.status, came.body),
        (500, "limited"),
        "the breaker opened before the next"
    );
    let refused = ask(&mut service, "hello").await.unwrap_err();
    assert!(matches!(
        refused,
        PolicyError::Refused {
            by: Refusal::Breaker(_),
            attempts: 0,
            last: None
        }
    ));

    let inner = Strict::new([overloaded()]);
    let layer = PolicyLayer::new(policy().breaker(breaker()));
    let mut service = ServiceBuilder::new().layer(layer).service(inner);
    let refused = ask(&mut service, "hello").await.unwrap_err();
    let PolicyError::Refused {
        attempts: 1,
        last: Some(FailedTry::Error(verdict)),
        ..
    } = refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!(verdict.kind, FailureKind::Overloaded);
}

#[tokio::test(start_paused = true)]
async fn errors_keep_their_type_and_say_how_often_was_tried() {
    let inner = Strict::new([overloaded(), Err(Verdict::new(FailureKind::QuotaExhausted))]);
    let mut service = ServiceBuilder::new().layer(layer(policy())).service(inner);
    let PolicyError::Failed(error) = ask(&mut service, "hello").await.unwrap_err() else {
        panic!("no stage refuses");
    };
    assert_eq!((error.attempts, error.reason), (2, GiveUp::NotRetryable));
    assert_eq!(
        error.last,
        FailedTry::Error(Verdict::new(FailureKind::QuotaExhausted))
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_copied_is_sent_once_and_the_error_says_why() {
    let inner = Strict::new([overloaded(), GOOD]);
    let layer = PolicyLayer::with(policy(), |_: &String| None, Verdict::clone);
    let mut service = ServiceBuilder::new().layer(layer).service(inner.clone());
    let PolicyError::Failed(error) = ask(&mut service, "stream").await.unwrap_err() else {
        panic!("no stage refuses");
    };
    assert_eq!((error.attempts, error.reason), (1, GiveUp::NotReplayable));
    assert_eq!(*inner.seen.lock().unwrap(), ["stream"]);
    // A final failure is final for its own reason.
    let inner = Strict::new([Err(Verdict::new(FailureKind::Auth))]);
    let layer = PolicyLayer::with(policy(), |_: &String| None, Verdict::clone);
    let mut service = ServiceBuilder::new().layer(layer).service(inner);
    let PolicyError::Failed(error) = ask(&mut service, "stream").await.unwrap_err() else {
        panic!("no stage refuses");
    };
    assert_eq!(error.reason, GiveUp::NotRetryable);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_is_refused_later_ends_the_call_without_another_attempt() {
    let left = Mutex::new(1);
    let replay = move |request: &String| {
        let mut left = left.lock().unwrap();
        *left -= 1;
        (*left >= 0).then(|| request.clone())
    };
    let inner = Strict::new([overloaded(), GOOD]);
    let layer = PolicyLayer::with(policy(), replay, Verdict::clone);
    let mut service = ServiceBuilder::new().layer(layer).service(inner.clone());
    let error = ask(&mut service, "hello").await.unwrap_err();
    assert_eq!(
        error.verdict().map(|verdict| verdict.kind),
        Some(FailureKind::InvalidRequest)
    );
    assert_eq!(inner.seen.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn cost_usage_and_limits_reach_the_rate_limit() {
    let clock = ManualClock::default();
    let window = |resource, limit| RateWindow::per_minute(resource, limit);
    let config = RateLimitConfig::default()
        .window(window(LimitedResource::Requests, 50))
        .window(window(LimitedResource::Tokens, 1_000));
    let rate = RateLimit::with_clock(&config, clock.clone()).unwrap();
    let left = || {
        rate.status_at(NOW)
            .map(|window| window.remaining)
            .collect::<Vec<_>>()
    };
    let layer = layer(policy().clock(clock.clone()).rate_limit(rate.clone()))
        .cost(|request: &String| Cost::REQUEST.input(request.len() as u64).output(100));
    let mut service = PolicyService::around(Strict::new([GOOD]), layer.clone());
    assert_eq!(ask(&mut service, "12345").await, Ok(GOOD.unwrap()));
    assert_eq!(left(), [49, 895], "nobody says what it took");

    let layer = layer.usage(|answer: &Answer| Some(TokenUsage::new(answer.body.len() as u64, 6)));
    let mut service = ServiceBuilder::new()
        .layer(layer.clone())
        .service(Strict::new([GOOD]));
    assert_eq!(ask(&mut service, "12345").await, Ok(GOOD.unwrap()));
    assert_eq!(left(), [48, 885], "4 in and 6 out, instead of 105");

    let stated = |_: &Answer, _| {
        let mut stated = LimitWindow::new(LimitedResource::Requests);
        (stated.limit, stated.remaining) = (Some(50), Some(3));
        let mut snapshot = LimitSnapshot::NONE;
        snapshot.push(stated);
        snapshot
    };
    let mut service = ServiceBuilder::new()
        .layer(layer.limits(stated))
        .service(Strict::new([GOOD]));
    assert_eq!(ask(&mut service, "12345").await, Ok(GOOD.unwrap()));
    assert_eq!(left(), [3, 875], "the provider knows of other callers");
}

#[tokio::test(start_paused = true)]
async fn limits_that_a_failed_answer_states_reach_the_rate_limit() {
    let clock = ManualClock::default();
    let config =
        RateLimitConfig::default().window(RateWindow::per_minute(LimitedResource::Requests, 50));
    let rate = RateLimit::with_clock(&config, clock.clone()).unwrap();
    let layer = layer(policy().clock(clock.clone()).rate_limit(rate.clone())).limits(
        |answer: &Answer, _| {
            let mut stated = LimitWindow::new(LimitedResource::Requests);
            let left = if answer.status == 200 { 40 } else { 7 };
            (stated.limit, stated.remaining) = (Some(50), Some(left));
            let mut snapshot = LimitSnapshot::NONE;
            snapshot.push(stated);
            snapshot
        },
    );
    // The judge makes its verdict of the status alone.
    let mut service = PolicyService::around(Strict::new([LIMITED, GOOD]), layer);
    assert_eq!(ask(&mut service, "12345").await, Ok(GOOD.unwrap()));
    let left: Vec<_> = rate.status_at(NOW).map(|window| window.remaining).collect();
    assert_eq!(left, [6], "7 after the first, of which the second took one");
}

/// A call on a service that is found ready at once.
trait CallReady {
    fn call_ready(
        &mut self,
        request: &str,
    ) -> impl Future<Output = Result<Answer, PolicyError<Verdict>>>;
}

impl<S> CallReady for S
where
    S: Service<String, Response = Answer, Error = PolicyError<Verdict>>,
{
    fn call_ready(
        &mut self,
        request: &str,
    ) -> impl Future<Output = Result<Answer, PolicyError<Verdict>>> {
        let mut cx = Context::from_waker(Waker::noop());
        assert!(self.poll_ready(&mut cx).is_ready());
        self.call(request.to_owned())
    }
}

/// Ready while `free` is not zero, as a pool of connections is; a call takes one and keeps it.
#[derive(Clone)]
struct Pool(Arc<Mutex<i32>>);

impl Service<String> for Pool {
    type Response = Answer;
    type Error = Verdict;
    type Future = std::future::Pending<Came>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Verdict>> {
        match *self.0.lock().unwrap() {
            0 => Poll::Pending,
            free if free < 0 => Poll::Ready(Err(Verdict::new(FailureKind::Network))),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, _: String) -> Self::Future {
        *self.0.lock().unwrap() -= 1;
        std::future::pending()
    }
}

#[tokio::test(start_paused = true)]
async fn readiness_and_its_failure_are_those_of_the_service_inside() {
    let free = Arc::new(Mutex::new(0));
    let mut service = ServiceBuilder::new()
        .layer(layer(policy()))
        .service(Pool(Arc::clone(&free)));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_pending());
    *free.lock().unwrap() = 1;
    assert!(service.poll_ready(&mut cx).is_ready());
    *free.lock().unwrap() = -1;
    let Poll::Ready(Err(PolicyError::Failed(error))) = service.poll_ready(&mut cx) else {
        panic!("it failed");
    };
    assert_eq!(
        (error.attempts, error.last),
        (0, FailedTry::Error(Verdict::new(FailureKind::Network)))
    );
}

#[tokio::test(start_paused = true)]
async fn a_clone_that_does_not_become_ready_is_given_the_time_of_an_attempt() {
    let free = Arc::new(Mutex::new(1));
    let policy = policy().attempt_timeout(3 * SECOND);
    let mut service = PolicyService::around(Pool(Arc::clone(&free)), layer(policy));
    let start = tokio::time::Instant::now();
    let PolicyError::Failed(error) = ask(&mut service, "hello").await.unwrap_err() else {
        panic!("no stage refuses");
    };
    assert_eq!(
        (error.attempts, error.last),
        (3, FailedTry::TimedOut(3 * SECOND))
    );
    assert_eq!(
        start.elapsed(),
        11 * SECOND,
        "three times 3 s, and two pauses"
    );
    assert_eq!(*free.lock().unwrap(), 0, "called once");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_gives_everything_back() {
    let slots = ConcurrencyLimit::fixed(NonZeroU32::MIN);
    let window = RateWindow::per_minute(LimitedResource::Requests, 5);
    let clock = ManualClock::default();
    let config = RateLimitConfig::default().window(window);
    let rate = RateLimit::with_clock(&config, clock.clone()).unwrap();
    let free = Arc::new(Mutex::new(9));
    let layer = layer(
        policy()
            .clock(clock)
            .concurrency(slots.clone())
            .rate_limit(rate.clone()),
    );
    let mut service = PolicyService::around(Pool(free), layer);
    let mut cx = Context::from_waker(Waker::noop());
    let mut call = Box::pin(service.call_ready("hello"));
    assert!(call.as_mut().poll(&mut cx).is_pending());
    assert_eq!(slots.in_use(), 1);
    assert_eq!(rate.status_at(NOW).next().unwrap().remaining, 4);
    drop(call);
    assert_eq!(slots.in_use(), 0);
    assert_eq!(rate.status_at(NOW).next().unwrap().remaining, 5);
}

#[tokio::test(start_paused = true)]
async fn a_hint_is_waited_for_and_nothing_happens_before_the_first_poll() {
    let hint = Verdict::new(FailureKind::RateLimited).retry_after(When::In(4 * SECOND));
    let inner = Strict::new([Err(hint), GOOD]);
    let mut service = ServiceBuilder::new()
        .layer(layer(policy()))
        .service(inner.clone());
    let call = service.ready().await.unwrap().call("hello".to_owned());
    assert!(inner.seen.lock().unwrap().is_empty());
    let start = tokio::time::Instant::now();
    // A future of its own: it outlives the service and goes to another task.
    drop(service);
    assert_eq!(tokio::spawn(call).await.unwrap(), Ok(GOOD.unwrap()));
    assert!(start.elapsed() >= 4 * SECOND, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn it_stands_between_other_layers() {
    let inner = Strict::new([overloaded(), GOOD]);
    let mut service = ServiceBuilder::new()
        .map_err(tower::BoxError::from)
        .layer(layer(policy()))
        .map_request(|request: String| request + "!")
        .service(inner.clone());
    let answer = service
        .ready()
        .await
        .unwrap()
        .call("hello".to_owned())
        .await;
    assert_eq!(answer.unwrap(), GOOD.unwrap());
    assert_eq!(*inner.seen.lock().unwrap(), ["hello!", "hello!"]);
    let error = tower::BoxError::from(PolicyError::Failed(
        Retry::default()
            .run(|_| async { Err::<(), _>(Lost) })
            .await
            .unwrap_err(),
    ));
    assert_eq!(error.source().unwrap().to_string(), "lost");
}

#[derive(Debug)]
struct Lost;

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("lost")
    }
}

impl std::error::Error for Lost {}

impl agent_resilience::classify::Classify for Lost {
    fn verdict(&self) -> Verdict {
        Verdict::new(FailureKind::Auth)
    }
}
