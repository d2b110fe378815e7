//! The fallback chain on a clock that the test moves: every wait is visible, none is real.

use std::collections::VecDeque;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agent_primitives::{
    BreakerState, Clock, Event, FailureKind, HandoffReason, ManualClock, Observer, ProviderId,
    Scope, Stamp,
};
use agent_resilience::classify::{ContextNumbers, Verdict, When};
use agent_resilience::{
    Backoff, BreakerConfig, ChainError, Failure, FallbackChain, FallbackConfig, InvalidChain,
    Provider, Reply, Rest, RetryPolicy, Sleep,
};

/// Time passes at once, and the clock shows it.
struct Skip(ManualClock);

#[async_trait::async_trait]
impl Sleep for Skip {
    async fn sleep(&self, duration: Duration) {
        self.0.advance(duration);
    }
}

/// Fails as told, then answers with its name.
#[derive(Clone)]
struct Scripted {
    id: ProviderId,
    failures: Arc<Mutex<VecDeque<Verdict>>>,
    probes: Arc<Mutex<VecDeque<Verdict>>>,
    calls: Arc<Mutex<u32>>,
}

impl Scripted {
    fn new(name: &str) -> Self {
        Self {
            id: provider(name),
            failures: Arc::default(),
            probes: Arc::default(),
            calls: Arc::default(),
        }
    }

    fn fails(&self, times: usize, verdict: &Verdict) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.extend(std::iter::repeat_n(verdict.clone(), times));
    }

    fn calls(&self) -> u32 {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl Provider<str> for Scripted {
    type Reply = String;

    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn call(&self, _: &str) -> Result<String, Failure> {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        let next = self
            .failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        match next {
            Some(verdict) => Err(verdict.into()),
            None => Ok(self.id.to_string()),
        }
    }

    async fn probe(&self) -> Option<Result<(), Failure>> {
        let next = self
            .probes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        Some(next.map_or(Ok(()), |verdict| Err(verdict.into())))
    }
}

fn provider(name: &str) -> ProviderId {
    ProviderId::new(name).expect("a valid name")
}

fn config() -> FallbackConfig {
    FallbackConfig {
        retry: RetryPolicy {
            max_attempts: NonZeroU32::new(3).expect("not zero"),
            backoff: Backoff::constant(Duration::from_secs(1)),
            longest_hint: Duration::from_secs(5),
            ..RetryPolicy::default()
        },
        breaker: BreakerConfig {
            consecutive_failures: NonZeroU16::new(5),
            open_for: Duration::from_secs(40),
            ..BreakerConfig::default()
        },
        rest: Rest::default(),
        probe_every: Duration::from_secs(60),
    }
}

struct Setup {
    chain: FallbackChain<str, String>,
    claude: Scripted,
    groq: Scripted,
    clock: ManualClock,
    events: Arc<Mutex<Vec<Event>>>,
}

fn setup_with(config: FallbackConfig) -> Setup {
    let (claude, groq) = (Scripted::new("claude"), Scripted::new("groq"));
    let clock = ManualClock::default();
    let events = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&events);
    let observer: Arc<dyn Observer> = Arc::new(move |_: Stamp<'_>, event: &Event| {
        sink.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(event.clone());
    });
    let chain = FallbackChain::builder()
        .provider(claude.clone())
        .provider(groq.clone())
        .config(config)
        .clock(clock.clone())
        .sleep(Skip(clock.clone()))
        .observer(observer)
        .build()
        .expect("a valid chain");
    Setup {
        chain,
        claude,
        groq,
        clock,
        events,
    }
}

fn setup() -> Setup {
    setup_with(config())
}

impl Setup {
    async fn who(&self) -> String {
        self.chain.call("hello").await.expect("an answer").value
    }

    fn handoffs(&self) -> Vec<String> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events
            .iter()
            .filter_map(|event| match event {
                Event::Handoff(handoff) => Some(handoff.to_string()),
                _ => None,
            })
            .collect()
    }

    fn passed(&self) -> Duration {
        Duration::from_nanos(self.clock.monotonic().nanos())
    }
}

fn overloaded() -> Verdict {
    Verdict::new(FailureKind::Overloaded)
}

fn limited(seconds: u64) -> Verdict {
    Verdict::new(FailureKind::RateLimited).retry_after(When::In(Duration::from_secs(seconds)))
}

#[tokio::test]
async fn a_short_hint_is_waited_for() {
    let setup = setup();
    setup.claude.fails(1, &limited(4));
    assert_eq!(setup.who().await, "claude");
    assert_eq!(setup.passed(), Duration::from_secs(5), "and a little more");
    assert!(setup.handoffs().is_empty());
}

#[tokio::test]
async fn a_long_hint_means_switch_and_is_kept_to() {
    let setup = setup();
    setup.claude.fails(1, &limited(120));
    assert_eq!(setup.who().await, "groq");
    assert_eq!(setup.passed(), Duration::ZERO, "nobody waits");
    setup.clock.advance(Duration::from_secs(119));
    assert_eq!(setup.who().await, "groq");
    setup.clock.advance(Duration::from_secs(1));
    assert_eq!(setup.who().await, "claude");
    assert_eq!(
        setup.handoffs(),
        [
            "claude -> groq (rate_limited, automatic)",
            "groq -> claude (recovered, automatic)"
        ]
    );
    assert_eq!(setup.claude.calls(), 2);
}

#[tokio::test]
async fn a_passing_failure_is_retried_then_left() {
    let setup = setup();
    setup.claude.fails(3, &overloaded());
    let reply = setup.chain.call("hello").await.expect("an answer");
    assert_eq!((reply.value.as_str(), reply.attempts), ("groq", 4));
    assert_eq!(reply.elapsed, Duration::from_secs(2), "the pauses");
    assert_eq!(reply.latency, Duration::ZERO, "the call that was answered");
    assert_eq!(reply.handoffs.len(), 1);
    assert_eq!(reply.handoffs[0].reason, HandoffReason::Overloaded);
    assert_eq!(
        setup.passed(),
        Duration::from_secs(2),
        "two pauses between three attempts"
    );
}

#[tokio::test]
async fn an_open_breaker_is_not_called_and_names_itself_as_the_reason() {
    let mut config = config();
    config.breaker.consecutive_failures = NonZeroU16::new(2);
    let setup = setup_with(config);
    setup.claude.fails(2, &Verdict::new(FailureKind::Server));
    assert_eq!(setup.who().await, "groq");
    assert_eq!(setup.claude.calls(), 2, "the third attempt was not made");
    assert_eq!(
        setup.handoffs(),
        ["claude -> groq (breaker_open, automatic)"]
    );
    assert_eq!(setup.chain.status()[0].breaker, BreakerState::Open);
    setup.clock.advance(Duration::from_secs(39));
    assert_eq!(setup.who().await, "groq");
    setup.clock.advance(Duration::from_secs(1));
    assert_eq!(setup.who().await, "claude");
    assert_eq!(setup.chain.status()[0].breaker, BreakerState::Closed);
}

#[tokio::test]
async fn a_rest_doubles_while_failures_follow_each_other() {
    let setup = setup();
    for rest in [30, 60, 120] {
        setup.claude.fails(1, &Verdict::new(FailureKind::Unknown));
        assert_eq!(setup.who().await, "groq");
        setup.clock.advance(Duration::from_secs(rest - 1));
        assert_eq!(setup.who().await, "groq");
        setup.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(setup.who().await, "claude");
    setup.claude.fails(1, &Verdict::new(FailureKind::Unknown));
    assert_eq!(setup.who().await, "groq");
    setup.clock.advance(Duration::from_secs(30));
    assert_eq!(
        setup.who().await,
        "claude",
        "success starts the count again"
    );
}

#[tokio::test]
async fn a_flapping_provider_causes_one_switch_a_rest() {
    let setup = setup();
    // Fails for 4 s, works for 4 s: asked every second for two minutes.
    for second in 0..120_u64 {
        if second % 8 < 4 {
            setup.claude.fails(1, &Verdict::new(FailureKind::Unknown));
        } else {
            setup
                .claude
                .failures
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clear();
        }
        setup.who().await;
        setup.clock.advance(Duration::from_secs(1));
    }
    let away = setup
        .handoffs()
        .iter()
        .filter(|h| h.starts_with("claude"))
        .count();
    assert!(away <= 4, "{:?}", setup.handoffs());
}

#[tokio::test]
async fn a_probe_that_passes_ends_the_rest_of_a_passing_failure() {
    let mut config = config();
    config.rest.first = Duration::from_secs(600);
    let setup = setup_with(config);
    setup.claude.fails(3, &overloaded());
    assert_eq!(setup.who().await, "groq");
    assert!(setup.chain.probe_due().await.is_empty(), "not due yet");
    setup.clock.advance(Duration::from_secs(60));
    let outcomes = setup.chain.probe_due().await;
    assert_eq!(outcomes.len(), 1);
    assert!(outcomes[0].1.is_ok());
    assert_eq!(setup.who().await, "claude");
    assert!(setup.chain.probe_due().await.is_empty(), "nobody rests");
}

#[tokio::test]
async fn a_probe_that_fails_keeps_it_resting() {
    let setup = setup();
    setup.claude.fails(3, &overloaded());
    assert_eq!(setup.who().await, "groq");
    setup
        .claude
        .probes
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push_back(overloaded());
    setup.clock.advance(Duration::from_secs(60));
    assert!(setup.chain.probe_due().await[0].1.is_err());
    setup.clock.advance(Duration::from_secs(59));
    assert_eq!(setup.who().await, "groq");
}

#[tokio::test]
async fn a_probe_that_passes_does_not_shorten_a_limit() {
    let setup = setup();
    setup.claude.fails(1, &limited(600));
    assert_eq!(setup.who().await, "groq");
    setup.clock.advance(Duration::from_secs(60));
    assert!(setup.chain.probe_due().await[0].1.is_ok());
    assert_eq!(setup.who().await, "groq");
}

#[cfg(feature = "tokio")]
#[tokio::test(start_paused = true)]
async fn background_probes_bring_the_primary_back_and_end_with_their_task() {
    let claude = Scripted::new("claude");
    let mut config = config();
    config.rest.first = Duration::from_secs(600);
    let clock = ManualClock::default();
    let chain = FallbackChain::builder()
        .provider(claude.clone())
        .provider(Scripted::new("groq"))
        .config(config)
        .clock(clock.clone())
        .build()
        .expect("a valid chain");
    claude.fails(3, &overloaded());
    assert_eq!(chain.call("hello").await.expect("an answer").value, "groq");
    let probes = chain.spawn_probes();
    clock.advance(Duration::from_secs(61));
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(
        chain.call("hello").await.expect("an answer").value,
        "claude"
    );
    assert!(!probes.is_finished());
}

#[tokio::test]
async fn a_pinned_provider_gets_everything_and_nobody_else_is_asked() {
    let setup = setup();
    setup.who().await;
    setup.chain.pin(&provider("groq")).expect("known");
    assert_eq!(setup.who().await, "groq");
    setup.groq.fails(3, &overloaded());
    let error = setup.chain.call("hello").await.expect_err("nobody else");
    assert!(matches!(error, ChainError::Exhausted(_)), "{error}");
    assert_eq!(setup.who().await, "groq", "a pin holds through a rest");
    setup.chain.unpin();
    assert_eq!(setup.who().await, "claude");
    assert_eq!(
        setup.handoffs(),
        [
            "claude -> groq (manual, manual)",
            "groq -> claude (manual, manual)"
        ]
    );
    assert_eq!(setup.claude.calls(), 2);
}

#[tokio::test]
async fn a_reset_brings_a_mended_provider_back_at_once() {
    let setup = setup();
    setup.claude.fails(1, &Verdict::new(FailureKind::Auth));
    assert_eq!(setup.who().await, "groq");
    assert_eq!(
        setup.chain.status()[0].rests_for,
        Some(Duration::from_secs(3_600))
    );
    setup.chain.reset(&provider("claude")).expect("known");
    assert_eq!(setup.who().await, "claude");
}

#[tokio::test]
async fn a_failure_of_the_request_ends_the_call_and_blames_nobody() {
    for kind in [FailureKind::ContentPolicy, FailureKind::InvalidRequest] {
        let setup = setup();
        setup.claude.fails(1, &Verdict::new(kind));
        let error = setup
            .chain
            .call("hello")
            .await
            .expect_err("the request is at fault");
        assert_eq!(error.failure().map(Failure::kind), Some(kind));
        assert_eq!(setup.groq.calls(), 0);
        assert_eq!(setup.who().await, "claude");
    }
}

#[tokio::test]
async fn exhaustion_names_each_provider_and_when_to_try_again() {
    let setup = setup();
    setup.claude.fails(1, &limited(120));
    setup
        .groq
        .fails(1, &Verdict::new(FailureKind::QuotaExhausted));
    let error = setup.chain.call("hello").await.expect_err("nobody left");
    assert_eq!(
        error.to_string(),
        "no provider can answer: \
         claude rate_limited, again in 120s (1970-01-01T00:02:00.000Z); \
         groq quota_exhausted, again in 3600s (1970-01-01T01:00:00.000Z)"
    );
    let ChainError::Exhausted(exhausted) = error else {
        unreachable!("shown above")
    };
    assert_eq!(exhausted.retry_in(), Some(Duration::from_secs(120)));
    assert_eq!(
        exhausted.last.map(|f| f.kind()),
        Some(FailureKind::QuotaExhausted)
    );

    let error = setup.chain.call("hello").await.expect_err("both rest");
    assert!(error.to_string().contains("again in 120s"), "{error}");
    assert_eq!(
        (setup.claude.calls(), setup.groq.calls()),
        (1, 1),
        "nobody was asked"
    );
}

#[tokio::test]
async fn events_tell_the_story_in_order() {
    let setup = setup();
    setup.claude.fails(1, &overloaded());
    setup.claude.fails(1, &limited(90));
    setup.who().await;
    let events = setup.events.lock().unwrap_or_else(PoisonError::into_inner);
    let story: Vec<String> = events
        .iter()
        .map(|event| match event {
            Event::Attempt(a) => format!("{} {:?}", a.provider, a.failure.map(FailureKind::as_str)),
            Event::Retry(r) => format!("{} again, {} in {:?}", r.provider, r.attempt, r.delay),
            Event::Cooldown(c) => format!("{} rests {:?}", c.provider, c.duration),
            Event::Handoff(h) => h.to_string(),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(
        story,
        [
            "claude Some(\"overloaded\")",
            "claude again, 2 in 1s",
            "claude Some(\"rate_limited\")",
            "claude rests 90s",
            "claude -> groq (rate_limited, automatic)",
            "groq None",
        ]
    );
}

#[tokio::test]
async fn a_request_that_is_too_long_is_offered_to_larger_windows_and_nobody_rests() {
    let too_long = |limit| {
        Verdict::new(FailureKind::ContextTooLong).context(ContextNumbers {
            limit: Some(limit),
            ..ContextNumbers::default()
        })
    };
    let setup = setup();
    setup.claude.fails(1, &too_long(8_000));
    let reply = setup.chain.call("hello").await.expect("an answer");
    assert_eq!(
        (reply.value.as_str(), reply.handoffs[0].reason),
        ("groq", HandoffReason::ContextTooLong)
    );
    assert_eq!(setup.chain.status()[0].rests_for, None);

    setup.claude.fails(1, &too_long(8_000));
    setup.groq.fails(1, &too_long(6_000));
    let error = setup
        .chain
        .call("hello")
        .await
        .expect_err("too long for both");
    let ChainError::Failed {
        provider,
        failure,
        attempts,
    } = error
    else {
        unreachable!("the request is at fault")
    };
    assert_eq!(attempts, 2);
    assert_eq!(provider.as_str(), "claude", "the largest window is named");
    assert_eq!(failure.verdict().context.and_then(|c| c.limit), Some(8_000));
}

#[tokio::test]
async fn what_only_this_request_may_not_do_sends_nobody_to_rest() {
    let setup = setup();
    let plan = Verdict::new(FailureKind::Permission).scope(Scope::Request);
    setup.claude.fails(1, &plan);
    assert_eq!(setup.who().await, "groq");
    assert_eq!(setup.who().await, "claude");
}

/// How the test ends a call.
type End = tokio::sync::oneshot::Sender<Result<(), Verdict>>;

/// Answers, or fails, when the test says so.
#[derive(Clone)]
struct Gated {
    id: ProviderId,
    waiting: Arc<Mutex<VecDeque<End>>>,
}

impl Gated {
    fn new(name: &str) -> Self {
        Self {
            id: provider(name),
            waiting: Arc::default(),
        }
    }

    /// Ends the oldest call that is under way.
    fn end(&self, result: Result<(), Verdict>) {
        let next = self
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        next.expect("a call is under way")
            .send(result)
            .expect("it listens");
    }
}

#[async_trait::async_trait]
impl Provider<str> for Gated {
    type Reply = String;
    fn id(&self) -> &ProviderId {
        &self.id
    }
    async fn call(&self, _: &str) -> Result<String, Failure> {
        let (end, ended) = tokio::sync::oneshot::channel();
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(end);
        match ended.await.expect("the test ends every call") {
            Ok(()) => Ok(self.id.to_string()),
            Err(verdict) => Err(verdict.into()),
        }
    }
}

fn gated() -> (FallbackChain<str, String>, [Gated; 3], ManualClock) {
    let providers = ["claude", "groq", "ollama"].map(Gated::new);
    let clock = ManualClock::default();
    let mut builder = FallbackChain::builder()
        .config(config())
        .clock(clock.clone())
        .sleep(Skip(clock.clone()));
    for provider in providers.clone() {
        builder = builder.provider(provider);
    }
    (builder.build().expect("a valid chain"), providers, clock)
}

type Call<'a> = std::pin::Pin<Box<dyn Future<Output = Result<Reply<String>, ChainError>> + 'a>>;

fn poll(call: &mut Call<'_>) -> Option<Result<Reply<String>, ChainError>> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match call.as_mut().poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

#[test]
fn a_success_that_began_before_a_limit_does_not_end_it() {
    let (chain, [claude, groq, _], clock) = gated();
    let (mut first, mut second): (Call<'_>, Call<'_>) =
        (Box::pin(chain.call("a")), Box::pin(chain.call("b")));
    assert!(poll(&mut first).is_none() && poll(&mut second).is_none());
    let slow = claude
        .waiting
        .lock()
        .expect("no panic")
        .pop_front()
        .expect("the first call");
    claude.end(Err(limited(600)));
    assert!(poll(&mut second).is_none());
    groq.end(Ok(()));
    assert!(poll(&mut second).is_some());

    slow.send(Ok(())).expect("it listens");
    let reply = poll(&mut first).expect("done").expect("an answer");
    assert_eq!(reply.provider.as_str(), "claude");
    clock.advance(Duration::from_secs(599));
    let rest = chain.status()[0].rests_for;
    assert_eq!(
        rest,
        Some(Duration::from_secs(1)),
        "the hint of 600 s holds"
    );
}

#[test]
fn a_pause_ends_without_a_call_when_the_provider_was_sent_to_rest_meanwhile() {
    // The sleep of the first call lets the second one meet its limit.
    struct Meanwhile(tokio::sync::Notify);
    #[async_trait::async_trait]
    impl Sleep for Meanwhile {
        async fn sleep(&self, _: Duration) {
            self.0.notified().await;
        }
    }
    let providers = ["claude", "groq"].map(Gated::new);
    let sleep = Arc::new(Meanwhile(tokio::sync::Notify::new()));
    let chain = FallbackChain::builder()
        .provider(providers[0].clone())
        .provider(providers[1].clone())
        .config(config())
        .clock(ManualClock::default())
        .sleep(Arc::clone(&sleep))
        .build()
        .expect("a valid chain");
    let (mut first, mut second): (Call<'_>, Call<'_>) =
        (Box::pin(chain.call("a")), Box::pin(chain.call("b")));
    assert!(poll(&mut first).is_none() && poll(&mut second).is_none());
    providers[0].end(Err(overloaded()));
    assert!(poll(&mut first).is_none(), "it pauses");
    providers[0].end(Err(limited(600)));
    assert!(poll(&mut second).is_none());

    sleep.0.notify_waiters();
    assert!(poll(&mut first).is_none());
    assert!(
        providers[0].waiting.lock().expect("no panic").is_empty(),
        "claude is left alone"
    );
    assert_eq!(providers[1].waiting.lock().expect("no panic").len(), 2);
}

#[test]
fn each_request_tells_its_own_way() {
    let (chain, [claude, groq, ollama], clock) = gated();
    let mut first: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut first).is_none());
    claude.end(Err(Verdict::new(FailureKind::Unknown)));
    assert!(poll(&mut first).is_none(), "at groq now");

    clock.advance(Duration::from_secs(30));
    let mut second: Call<'_> = Box::pin(chain.call("b"));
    assert!(poll(&mut second).is_none());
    claude.end(Ok(()));
    let reply = poll(&mut second).expect("done").expect("an answer");
    assert_eq!(
        reply.handoffs[0].to_string(),
        "groq -> claude (recovered, automatic)"
    );

    // Claude works again, but was tried for this request.
    groq.end(Err(Verdict::new(FailureKind::Unknown)));
    assert!(poll(&mut first).is_none());
    ollama.end(Ok(()));
    let reply = poll(&mut first).expect("done").expect("an answer");
    let way: Vec<String> = reply.handoffs.iter().map(ToString::to_string).collect();
    assert_eq!(
        way,
        [
            "claude -> groq (failed, automatic)",
            "groq -> ollama (failed, automatic)"
        ]
    );
}

#[test]
fn a_request_under_way_does_not_take_the_reason_of_an_unpin() {
    let (chain, [claude, groq, ollama], _) = gated();
    let too_long = || Verdict::new(FailureKind::ContextTooLong);
    let mut first: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut first).is_none());
    claude.end(Err(too_long()));
    assert!(poll(&mut first).is_none(), "at groq now");

    chain.pin(&provider("groq")).expect("known");
    chain.unpin();
    groq.end(Err(too_long()));
    assert!(poll(&mut first).is_none(), "at ollama now");
    ollama.end(Ok(()));
    assert!(poll(&mut first).is_some());

    let mut next: Call<'_> = Box::pin(chain.call("b"));
    assert!(poll(&mut next).is_none());
    claude.end(Ok(()));
    let reply = poll(&mut next).expect("done").expect("an answer");
    assert_eq!(
        reply.handoffs[0].to_string(),
        "ollama -> claude (manual, manual)"
    );
}

#[test]
fn requests_that_fail_together_are_one_failure_and_each_tells_its_handoff() {
    let (chain, [claude, groq, _], _) = gated();
    let mut calls: Vec<Call<'_>> = (0..10)
        .map(|_| Box::pin(chain.call("a")) as Call<'_>)
        .collect();
    for call in &mut calls {
        assert!(poll(call).is_none());
    }
    for call in &mut calls {
        claude.end(Err(Verdict::new(FailureKind::Unknown)));
        assert!(poll(call).is_none());
    }
    assert_eq!(
        chain.status()[0].rests_for,
        Some(Duration::from_secs(40)),
        "breaker and all"
    );
    for call in &mut calls {
        groq.end(Ok(()));
        let reply = poll(call).expect("done").expect("an answer");
        assert_eq!(reply.handoffs.len(), 1);
    }
}

#[test]
fn a_dropped_call_blames_nobody_and_gives_its_probe_back() {
    let (chain, [claude, groq, _], clock) = gated();
    // Five failures in a row open the breaker; its rest is over after 40 s.
    for _ in 0..2 {
        let mut call: Call<'_> = Box::pin(chain.call("a"));
        while groq.waiting.lock().expect("no panic").is_empty() {
            assert!(poll(&mut call).is_none());
            if !claude.waiting.lock().expect("no panic").is_empty() {
                claude.end(Err(overloaded()));
            }
        }
        groq.end(Ok(()));
        poll(&mut call).expect("done").expect("an answer");
        clock.advance(Duration::from_secs(60));
    }
    clock.advance(Duration::from_secs(600));
    for _ in 0..5 {
        let mut dropped: Call<'_> = Box::pin(chain.call("a"));
        assert!(poll(&mut dropped).is_none());
        assert_eq!(
            claude.waiting.lock().expect("no panic").len(),
            1,
            "the probe"
        );
        drop(dropped);
        claude.waiting.lock().expect("no panic").clear();
    }
    let mut call: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut call).is_none());
    claude.end(Ok(()));
    assert_eq!(
        poll(&mut call)
            .expect("done")
            .expect("an answer")
            .provider
            .as_str(),
        "claude"
    );
    assert_eq!(chain.status()[0].breaker, BreakerState::Closed);
}

#[tokio::test]
async fn without_a_probe_a_rest_lasts_its_time() {
    let (chain, [claude, groq, _], clock) = gated();
    let mut call: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut call).is_none());
    claude.end(Err(Verdict::new(FailureKind::Unknown)));
    assert!(poll(&mut call).is_none());
    groq.end(Ok(()));
    assert!(poll(&mut call).is_some());
    clock.advance(Duration::from_secs(29));
    assert!(chain.probe_due().await.is_empty());
    assert_eq!(chain.status()[0].rests_for, Some(Duration::from_secs(1)));
}

#[tokio::test]
async fn with_a_pin_the_error_speaks_of_the_pinned_provider_alone() {
    let setup = setup();
    setup.chain.pin(&provider("groq")).expect("known");
    setup.groq.fails(1, &limited(600));
    let error = setup.chain.call("hello").await.expect_err("nobody else");
    let ChainError::Exhausted(exhausted) = error else {
        unreachable!("groq was asked")
    };
    assert_eq!(exhausted.providers.len(), 1);
    assert_eq!(exhausted.retry_in(), Some(Duration::from_secs(600)));
}

#[tokio::test]
async fn a_session_hears_of_its_own_calls_through_its_own_handle() {
    let setup = setup();
    let heard = Arc::new(Mutex::new(0));
    let sink = Arc::clone(&heard);
    let scoped = setup.chain.observed_by(move |_: Stamp<'_>, _: &Event| {
        *sink.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    });
    scoped.call("hello").await.expect("an answer");
    assert_eq!(*heard.lock().unwrap_or_else(PoisonError::into_inner), 1);
    assert!(
        setup
            .events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    );
}

#[tokio::test]
async fn one_seed_gives_one_story() {
    let story = async |seed| {
        let clock = ManualClock::default();
        let claude = Scripted::new("claude");
        claude.fails(2, &overloaded());
        let mut config = config();
        config.retry.backoff = Backoff::default();
        let chain = FallbackChain::builder()
            .provider(claude)
            .config(config)
            .seed(seed)
            .clock(clock.clone())
            .sleep(Skip(clock.clone()))
            .build()
            .expect("a valid chain");
        chain.call("hello").await.expect("an answer");
        clock.monotonic()
    };
    assert_eq!(story(7).await, story(7).await);
    assert_ne!(story(7).await, story(8).await);
}

#[test]
fn a_chain_that_cannot_work_is_not_built() {
    #[cfg(not(feature = "tokio"))]
    assert_eq!(
        FallbackChain::builder()
            .provider(Scripted::new("claude"))
            .build()
            .expect_err("nothing to wait with"),
        InvalidChain::NoSleep
    );
    let twice = FallbackChain::builder()
        .provider(Scripted::new("claude"))
        .provider(Scripted::new("claude"))
        .sleep(Skip(ManualClock::default()))
        .build()
        .expect_err("two of one name");
    assert_eq!(twice, InvalidChain::Duplicate(provider("claude")));
}
