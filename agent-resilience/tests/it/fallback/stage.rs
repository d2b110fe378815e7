//! Providers that do as the test says, on a clock that it moves: every wait is visible, none is real.

use std::collections::VecDeque;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agent_primitives::{Clock, Event, FailureKind, ManualClock, Observer, ProviderId, Stamp};
use agent_resilience::classify::{Verdict, When};
use agent_resilience::{
    Backoff, BreakerConfig, CallOptions, ChainError, Failure, FallbackChain, FallbackConfig,
    InvalidChain, Metering, Profile, Provider, Reply, Rest, RetryPolicy, Sleep,
};

/// Time passes at once, and the clock shows it.
pub(crate) struct Skip(pub(crate) ManualClock);

#[async_trait::async_trait]
impl Sleep for Skip {
    async fn sleep(&self, duration: Duration) {
        self.0.advance(duration);
    }
}

/// Over when the test has moved the clock far enough, and polls again.
pub(crate) struct Waits(pub(crate) ManualClock);

#[async_trait::async_trait]
impl Sleep for Waits {
    async fn sleep(&self, duration: Duration) {
        let due = self.0.monotonic() + duration;
        std::future::poll_fn(|_| {
            if self.0.monotonic() >= due {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
    }
}

/// Fails as told, then answers with its name.
#[derive(Clone)]
pub(crate) struct Scripted {
    pub(crate) id: ProviderId,
    pub(crate) failures: Arc<Mutex<VecDeque<Verdict>>>,
    pub(crate) probes: Arc<Mutex<VecDeque<Verdict>>>,
    pub(crate) calls: Arc<Mutex<u32>>,
    metering: Arc<Mutex<Metering>>,
}

impl Scripted {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            id: provider(name),
            failures: Arc::default(),
            probes: Arc::default(),
            calls: Arc::default(),
            metering: Arc::default(),
        }
    }

    pub(crate) fn fails(&self, times: usize, verdict: &Verdict) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.extend(std::iter::repeat_n(verdict.clone(), times));
    }

    /// Works from now on.
    pub(crate) fn mend(&self) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.clear();
    }

    /// What its replies say of themselves from now on.
    pub(crate) fn meters(&self, metering: &Metering) {
        *self.metering.lock().unwrap_or_else(PoisonError::into_inner) = *metering;
    }

    pub(crate) fn calls(&self) -> u32 {
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

    fn metering(&self, _: &String) -> Metering {
        *self.metering.lock().unwrap_or_else(PoisonError::into_inner)
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

pub(crate) fn provider(name: &str) -> ProviderId {
    ProviderId::new(name).expect("a valid name")
}

pub(crate) fn config() -> FallbackConfig {
    FallbackConfig {
        retry: RetryPolicy {
            max_attempts: NonZeroU32::new(3).expect("not zero"),
            backoff: Backoff::constant(Duration::from_secs(1)),
            longest_hint: Duration::from_secs(5),
            // Sleep is over at once here, and time limits wait like pauses.
            total: None,
            ..RetryPolicy::default()
        },
        breaker: BreakerConfig {
            consecutive_failures: NonZeroU16::new(5),
            open_for: Duration::from_secs(40),
            ..BreakerConfig::default()
        },
        attempt_timeout: None,
        rest: Rest::default(),
        probe_every: Duration::from_secs(60),
        ..FallbackConfig::default()
    }
}

pub(crate) struct Setup {
    pub(crate) chain: FallbackChain<str, String>,
    pub(crate) claude: Scripted,
    pub(crate) groq: Scripted,
    pub(crate) clock: ManualClock,
    pub(crate) events: Arc<Mutex<Vec<Event>>>,
}

pub(crate) fn setup_with(config: FallbackConfig) -> Setup {
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

pub(crate) fn setup() -> Setup {
    setup_with(config())
}

impl Setup {
    pub(crate) async fn who(&self) -> String {
        self.chain.call("hello").await.expect("an answer").value
    }

    pub(crate) fn handoffs(&self) -> Vec<String> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events
            .iter()
            .filter_map(|event| match event {
                Event::Handoff(handoff) => Some(handoff.to_string()),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn passed(&self) -> Duration {
        Duration::from_nanos(self.clock.monotonic().nanos())
    }
}

pub(crate) fn overloaded() -> Verdict {
    Verdict::new(FailureKind::Overloaded)
}

pub(crate) fn limited(seconds: u64) -> Verdict {
    Verdict::new(FailureKind::RateLimited).retry_after(When::In(Duration::from_secs(seconds)))
}
/// How the test ends a call.
pub(crate) type End = tokio::sync::oneshot::Sender<Result<(), Verdict>>;

/// Answers, or fails, when the test says so.
#[derive(Clone)]
pub(crate) struct Gated {
    pub(crate) id: ProviderId,
    pub(crate) waiting: Arc<Mutex<VecDeque<End>>>,
    begun: Arc<Mutex<u32>>,
}

impl Gated {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            id: provider(name),
            waiting: Arc::default(),
            begun: Arc::default(),
        }
    }

    /// Calls that were begun so far.
    pub(crate) fn begun(&self) -> u32 {
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls that somebody still waits for.
    pub(crate) fn under_way(&self) -> usize {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|end| !end.is_closed());
        waiting.len()
    }

    /// Ends the oldest call that is under way.
    pub(crate) fn end(&self, result: Result<(), Verdict>) {
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
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner) += 1;
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

pub(crate) fn gated() -> (FallbackChain<str, String>, [Gated; 3], ManualClock) {
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

pub(crate) type Call<'a> =
    std::pin::Pin<Box<dyn Future<Output = Result<Reply<String>, ChainError>> + 'a>>;

pub(crate) fn poll(call: &mut Call<'_>) -> Option<Result<Reply<String>, ChainError>> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match call.as_mut().poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

/// Any number of providers, each with its profile.
pub(crate) struct Several {
    pub(crate) chain: FallbackChain<str, String>,
    pub(crate) providers: Vec<Scripted>,
    pub(crate) clock: ManualClock,
}

impl Several {
    pub(crate) fn of(links: &[(&str, Profile)]) -> Self {
        Self::with(links, config())
    }

    pub(crate) fn with(links: &[(&str, Profile)], config: FallbackConfig) -> Self {
        Self::try_with(links, config).expect("a valid chain")
    }

    pub(crate) fn try_with(
        links: &[(&str, Profile)],
        config: FallbackConfig,
    ) -> Result<Self, InvalidChain> {
        let clock = ManualClock::default();
        let providers: Vec<_> = links.iter().map(|(name, _)| Scripted::new(name)).collect();
        let mut builder = FallbackChain::builder()
            .config(config)
            .seed(7)
            .clock(clock.clone())
            .sleep(Skip(clock.clone()));
        for (provider, (_, profile)) in providers.iter().zip(links) {
            builder = builder.provider_with(provider.clone(), profile.clone());
        }
        Ok(Self {
            chain: builder.build()?,
            providers,
            clock,
        })
    }

    pub(crate) async fn who(&self) -> String {
        self.who_with(&CallOptions::default()).await
    }

    pub(crate) async fn who_with(&self, options: &CallOptions) -> String {
        let reply = self.chain.call_with("hello", options).await;
        reply.expect("an answer").value
    }

    pub(crate) fn resting(&self) -> Vec<usize> {
        let status = self.chain.status();
        (0..status.len())
            .filter(|index| status[*index].rests_for.is_some())
            .collect()
    }

    pub(crate) fn calls(&self) -> Vec<u32> {
        self.providers.iter().map(Scripted::calls).collect()
    }
}

/// Providers that answer when the test says so, on a clock that the test moves.
pub(crate) fn gated_with<const N: usize>(
    names: [&str; N],
    config: FallbackConfig,
    clock: &ManualClock,
) -> (FallbackChain<str, String>, [Gated; N]) {
    let providers = names.map(Gated::new);
    let mut builder = FallbackChain::builder()
        .config(config)
        .seed(7)
        .clock(clock.clone())
        .sleep(Waits(clock.clone()));
    for provider in providers.clone() {
        builder = builder.provider(provider);
    }
    (builder.build().expect("a valid chain"), providers)
}
