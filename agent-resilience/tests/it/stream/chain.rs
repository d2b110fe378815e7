//! Streams from a chain: who is asked when, what the consumer sees, and what counts for whom.

use std::collections::VecDeque;
use std::num::{NonZeroU16, NonZeroU32};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use agent_primitives::{BreakerState, Clock, Event, FailureKind, ProviderId, Stamp, TokenUsage};
use agent_resilience::{
    Backoff, BreakerConfig, CallOptions, ChainError, ChainStream, Deadline, Decision, Failure,
    FallbackChain, FallbackConfig, Metering, Profile, Provider, RetryPolicy, StreamError,
    StreamOptions, TokenPrice,
};
use futures_util::{Stream, StreamExt};

use super::scripted::{Item, PausedClock, Scripted, Step, limits, stream};

/// Answers each call with the next script; one that is exhausted answers in full.
#[derive(Clone)]
pub(crate) struct Streams {
    id: ProviderId,
    scripts: Arc<Mutex<VecDeque<Vec<Step>>>>,
    calls: Arc<Mutex<u32>>,
}

impl Streams {
    pub(crate) fn new(name: &str, scripts: impl IntoIterator<Item = Vec<Step>>) -> Self {
        Self {
            id: name.parse().unwrap(),
            scripts: Arc::new(Mutex::new(scripts.into_iter().collect())),
            calls: Arc::default(),
        }
    }

    fn calls(&self) -> u32 {
        *self.calls.lock().unwrap()
    }
}

#[async_trait::async_trait]
impl Provider<str> for Streams {
    type Reply = Scripted;

    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn call(&self, _: &str) -> Result<Scripted, Failure> {
        *self.calls.lock().unwrap() += 1;
        let script = self.scripts.lock().unwrap().pop_front();
        Ok(stream(script.unwrap_or_else(whole)))
    }

    fn metering(&self, _: &Scripted) -> Metering {
        Metering::default().usage(TokenUsage::new(1, 1))
    }
}

pub(crate) fn give(item: Item) -> Step {
    Step::Give(item)
}

fn whole() -> Vec<Step> {
    vec![
        give(Item::Ping),
        give(Item::Text("fine")),
        give(Item::End),
        give(Item::Usage(5)),
    ]
}

type Told = (String, Option<FailureKind>);

struct Setup {
    chain: FallbackChain<str, Scripted>,
    claude: Streams,
    groq: Streams,
    clock: PausedClock,
    /// Attempts: who, and how it failed.
    attempts: Arc<Mutex<Vec<Told>>>,
}

/// Claude plays the scripts; groq answers in full. One attempt each.
fn setup(scripts: impl IntoIterator<Item = Vec<Step>>) -> Setup {
    setup_with(scripts, 1, BreakerConfig::default())
}

fn setup_with(
    scripts: impl IntoIterator<Item = Vec<Step>>,
    attempts: u32,
    breaker: BreakerConfig,
) -> Setup {
    let clock = PausedClock::new();
    let (claude, groq) = (Streams::new("claude", scripts), Streams::new("groq", []));
    let told: Arc<Mutex<Vec<_>>> = Arc::default();
    let sink = Arc::clone(&told);
    let chain = FallbackChain::builder()
        .provider(claude.clone())
        .provider(groq.clone())
        .config(FallbackConfig {
            retry: RetryPolicy {
                max_attempts: NonZeroU32::new(attempts).unwrap(),
                backoff: Backoff::constant(Duration::from_secs(1)),
                ..RetryPolicy::default()
            },
            breaker,
            stream: limits(),
            ..FallbackConfig::default()
        })
        .clock(clock)
        .observer(move |_: Stamp<'_>, event: &Event| {
            if let Event::Attempt(attempt) = event {
                let who = attempt.provider.to_string();
                sink.lock().unwrap().push((who, attempt.failure));
            }
        })
        .build()
        .unwrap();
    Setup {
        chain,
        claude,
        groq,
        clock,
        attempts: told,
    }
}

type Words = ChainStream<str, Scripted, Item>;

impl Setup {
    async fn open(&self) -> Result<Words, ChainError> {
        self.chain.stream("hello").await
    }

    fn told(&self) -> Vec<Told> {
        self.attempts.lock().unwrap().clone()
    }

    fn rests(&self) -> bool {
        self.chain.status()[0].rests_for.is_some()
    }
}

async fn drain(words: &mut Words) -> (Vec<Item>, Option<StreamError>) {
    let (mut items, mut error) = (Vec::new(), None);
    while let Some(item) = words.next().await {
        assert!(error.is_none(), "an error is the last item");
        match item {
            Ok(item) => items.push(item),
            Err(failed) => error = Some(failed),
        }
    }
    (items, error)
}

fn told(who: &str, failure: Option<FailureKind>) -> Told {
    (who.to_owned(), failure)
}

#[tokio::test(start_paused = true)]
async fn whoever_begins_to_answer_is_read_to_the_end() {
    let setup = setup([whole()]);
    let mut words = setup.open().await.unwrap();
    assert_eq!((words.provider().as_str(), words.attempts()), ("claude", 1));
    assert_eq!(words.usage(), Some(TokenUsage::new(1, 1)), "of its head");
    assert!(setup.told().is_empty(), "it is not over");
    let (items, error) = drain(&mut words).await;
    assert_eq!(
        items,
        [Item::Ping, Item::Text("fine"), Item::End, Item::Usage(5)]
    );
    assert!(error.is_none() && words.is_complete());
    assert_eq!(words.usage(), Some(TokenUsage::new(0, 5)));
    assert_eq!(setup.told(), [told("claude", None)]);
    drop(words);
    assert_eq!(setup.told().len(), 1, "settled once");
}

#[tokio::test(start_paused = true)]
async fn before_the_first_token_another_is_asked_and_nothing_of_the_failed_attempt_is_seen() {
    let head = [give(Item::Ping), give(Item::Usage(0)), give(Item::Text(""))];
    for (fault, kind) in [
        (
            Some(Step::Fail(FailureKind::Overloaded)),
            FailureKind::Overloaded,
        ),
        (Some(Step::Stall), FailureKind::Timeout),
        (Some(Step::Wait(30)), FailureKind::Timeout),
        (None, FailureKind::StreamCut),
        (
            Some(give(Item::Stopped(FailureKind::Overloaded))),
            FailureKind::Overloaded,
        ),
    ] {
        let mut script = head.to_vec();
        script.extend(fault);
        let setup = setup([script]);
        let mut words = setup.open().await.unwrap();
        assert_eq!(words.provider().as_str(), "groq");
        assert_eq!(words.handoffs().len(), 1);
        assert!(setup.clock.seconds() <= 20, "the first token is waited for");
        let (items, error) = drain(&mut words).await;
        assert_eq!(items.len(), 4, "groq's alone");
        assert!(error.is_none());
        assert_eq!(
            setup.told(),
            [told("claude", Some(kind)), told("groq", None)]
        );
        assert!(setup.rests());
    }
}

#[tokio::test(start_paused = true)]
async fn before_the_first_token_the_same_provider_may_be_asked_again() {
    let fails = vec![give(Item::Ping), Step::Fail(FailureKind::Overloaded)];
    let setup = setup_with([fails, whole()], 3, BreakerConfig::default());
    let mut words = setup.open().await.unwrap();
    assert_eq!((words.provider().as_str(), words.attempts()), ("claude", 2));
    assert_eq!(drain(&mut words).await.0.len(), 4);
    assert_eq!((setup.claude.calls(), setup.groq.calls()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn after_the_first_token_nobody_else_is_asked_whatever_was_shown() {
    for shown in [
        Item::Text("a"),
        Item::Reasoning(""),
        Item::Json("{"),
        Item::Call,
        Item::Arguments("{"),
    ] {
        for fault in [
            Some(Step::Fail(FailureKind::Server)),
            Some(Step::Stall),
            None,
        ] {
            let mut script = vec![give(Item::Ping), give(shown.clone())];
            script.extend(fault);
            let setup = setup_with([script], 3, BreakerConfig::default());
            let mut words = setup.open().await.unwrap();
            let (items, error) = drain(&mut words).await;
            assert_eq!(items, [Item::Ping, shown.clone()]);
            let Some(StreamError::Partial(partial)) = error else {
                panic!("a declared partial")
            };
            assert_eq!(partial.may_continue(), shown == Item::Text("a"));
            drop(words);
            assert_eq!((setup.claude.calls(), setup.groq.calls()), (1, 0));
            let kind = Some(partial.verdict().kind);
            assert_eq!(setup.told(), [told("claude", kind)], "it counts, once");
            assert!(setup.rests());
            assert_eq!(setup.open().await.unwrap().provider().as_str(), "groq");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_offered_to_others_and_an_end_without_words_is_an_answer() {
    let setup_refused = setup([vec![give(Item::Stopped(FailureKind::ContentPolicy))]]);
    let error = setup_refused.open().await.unwrap_err();
    assert_eq!(error.failure().unwrap().kind(), FailureKind::ContentPolicy);
    assert_eq!(setup_refused.groq.calls(), 0);

    let setup = setup([vec![give(Item::Ping), give(Item::End)]]);
    let mut words = setup.open().await.unwrap();
    let (items, error) = drain(&mut words).await;
    assert_eq!(items, [Item::Ping, Item::End]);
    assert!(error.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_goes_away_blames_nobody_and_one_that_has_the_end_may() {
    let endless = vec![give(Item::Text("a")), Step::Stall];
    let one = BreakerConfig {
        consecutive_failures: NonZeroU16::new(1),
        ..BreakerConfig::default()
    };
    let setup = setup_with([endless.clone(), whole(), endless], 1, one);
    let mut words = setup.open().await.unwrap();
    assert!(words.next().await.unwrap().is_ok());
    drop(words);
    assert!(setup.told().is_empty());
    assert!(!setup.rests());

    let mut words = setup.open().await.unwrap();
    for _ in 0..3 {
        assert!(words.next().await.unwrap().is_ok());
    }
    assert!(words.is_complete());
    drop(words);
    assert_eq!(setup.told(), [told("claude", None)]);

    // A stream that is never polled gives its permit back, too.
    drop(setup.open().await.unwrap());
    assert_eq!(setup.chain.status()[0].breaker, BreakerState::Closed);
    assert_eq!(setup.told().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_permit_is_held_to_the_end_of_the_stream() {
    let one = BreakerConfig {
        consecutive_failures: NonZeroU16::new(1),
        open_for: Duration::from_secs(30),
        ..BreakerConfig::default()
    };
    let cut = vec![give(Item::Text("a"))];
    let slow = vec![give(Item::Text("a")), Step::Wait(5), give(Item::End)];
    let setup = setup_with([cut, slow], 1, one);
    assert!(drain(&mut setup.open().await.unwrap()).await.1.is_some());
    assert_eq!(setup.chain.status()[0].breaker, BreakerState::Open);
    tokio::time::advance(Duration::from_secs(31)).await;
    // The one probe is under way for as long as its stream is.
    let mut probe = setup.open().await.unwrap();
    assert_eq!(probe.provider().as_str(), "claude");
    assert_eq!(setup.open().await.unwrap().provider().as_str(), "groq");
    assert_eq!(setup.chain.status()[0].breaker, BreakerState::HalfOpen);
    assert!(drain(&mut probe).await.1.is_none());
    assert_eq!(setup.chain.status()[0].breaker, BreakerState::Closed);
    assert_eq!(setup.open().await.unwrap().provider().as_str(), "claude");
}

#[tokio::test(start_paused = true)]
async fn the_callers_deadline_ends_a_stream_and_blames_nobody() {
    let lively = (0..9).flat_map(|_| [give(Item::Text("a")), Step::Wait(4)]);
    let setup = setup([lively.collect()]);
    let deadline = Deadline::after(setup.clock.monotonic(), Duration::from_secs(10));
    let options = StreamOptions::from(CallOptions::new().deadline(deadline)).keep_text(100);
    let mut words = setup.chain.stream_with("hello", &options).await.unwrap();
    let (items, error) = drain(&mut words).await;
    assert_eq!((items.len(), setup.clock.seconds()), (3, 10));
    let Some(StreamError::Partial(partial)) = error else {
        panic!("a declared partial")
    };
    assert_eq!(partial.verdict().kind, FailureKind::Timeout);
    assert_eq!(partial.text.as_deref(), Some("aaa"));
    assert!(!setup.rests());
    assert_eq!(setup.open().await.unwrap().provider().as_str(), "claude");
}

#[tokio::test(start_paused = true)]
async fn a_request_may_bring_limits_of_its_own() {
    let setup = setup([vec![Step::Wait(30), give(Item::Text("a")), give(Item::End)]]);
    let patient = limits().first_token(Duration::from_secs(40));
    let options = StreamOptions::default().limits(patient).unwrap();
    let words = setup.chain.stream_with("hello", &options).await.unwrap();
    assert_eq!(words.provider().as_str(), "claude");
    assert_eq!(words.first_token(), Some(Duration::from_secs(30)));
}

#[tokio::test(start_paused = true)]
async fn limits_that_cannot_hold_are_refused_before_anybody_is_asked() {
    for limits in [
        limits().idle(Duration::ZERO),
        limits().total(Duration::ZERO),
    ] {
        assert!(StreamOptions::default().limits(limits).is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn pings_without_end_are_a_failed_attempt_of_bounded_size() {
    let mut few = vec![give(Item::Ping); 127];
    few.push(give(Item::Text("a")));
    let words = setup([few]).open().await.unwrap();
    assert_eq!(words.provider().as_str(), "claude");

    let mut many = vec![give(Item::Ping); 128];
    many.extend(whole());
    let setup = setup([many]);
    let words = setup.open().await.unwrap();
    assert_eq!(words.provider().as_str(), "groq");
    assert_eq!(setup.told(), [told("claude", Some(FailureKind::StreamCut))]);
}

/// Says when it is dropped.
struct Watched(Scripted, Arc<Mutex<Vec<&'static str>>>);

impl Drop for Watched {
    fn drop(&mut self) {
        self.1.lock().unwrap().push("closed");
    }
}

impl Stream for Watched {
    type Item = Result<Item, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.0).poll_next(cx)
    }
}

struct Tells(ProviderId, Arc<Mutex<Vec<&'static str>>>);

#[async_trait::async_trait]
impl Provider<str> for Tells {
    type Reply = Watched;

    fn id(&self) -> &ProviderId {
        &self.0
    }

    async fn call(&self, _: &str) -> Result<Watched, Failure> {
        Ok(Watched(stream(whole()), Arc::clone(&self.1)))
    }
}

#[tokio::test(start_paused = true)]
async fn the_connection_is_closed_before_its_permit_is_free() {
    for read in [3, 5] {
        let log: Arc<Mutex<Vec<_>>> = Arc::default();
        let sink = Arc::clone(&log);
        let chain = FallbackChain::builder()
            .provider(Tells("claude".parse().unwrap(), Arc::clone(&log)))
            .observer(move |_: Stamp<'_>, event: &Event| {
                if matches!(event, Event::Attempt(_)) {
                    sink.lock().unwrap().push("settled");
                }
            })
            .build()
            .unwrap();
        let mut words = chain.stream("hello").await.unwrap();
        for _ in 0..read {
            drop(words.next().await);
        }
        drop(words);
        assert_eq!(*log.lock().unwrap(), ["closed", "settled"], "{read} read");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_tells_what_it_cost_and_why_it_is_this_one() {
    let price = TokenPrice::per_million("1".parse().unwrap(), "1000000".parse().unwrap());
    let scripts = [vec![Step::Fail(FailureKind::Overloaded)]];
    let chain = FallbackChain::builder()
        .provider(Streams::new("claude", scripts))
        .provider_with(Streams::new("groq", []), Profile::default().price(price))
        .config(FallbackConfig {
            retry: RetryPolicy {
                max_attempts: NonZeroU32::MIN,
                ..RetryPolicy::default()
            },
            ..FallbackConfig::default()
        })
        .build()
        .unwrap();
    let mut words = chain.stream("hello").await.unwrap();
    let chosen: Vec<_> = words.decisions().iter().map(Decision::chosen).collect();
    assert_eq!(chosen, [Some(0), Some(1)]);
    while words.next().await.is_some() {}
    assert_eq!(words.cost(), Some("5".parse().unwrap()));
}
