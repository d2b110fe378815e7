//! What another request sees or does between two steps of one, shown by a clock that tells when it is
//! read.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use agent_primitives::{Clock, ManualClock, Monotonic, SessionId, Timestamp, Usd};

use agent_resilience::classify::{LimitedResource::Requests, Verdict};
use agent_resilience::{
    CallOptions, ChainError, ConcurrencyConfig, FallbackChain, FallbackConfig, LinkConfig, Needs,
    RateLimitConfig, RateWindow, Reply, SpendBudget, SpendBudgetConfig, SpendCap,
};

use super::stage::{Call, Gated, Skip, config, poll, provider};

type Hook = Box<dyn FnMut() + Send>;

/// Runs the hook whenever it is read, but not while that runs.
#[derive(Clone, Default)]
struct Hooked {
    clock: ManualClock,
    hook: Arc<Mutex<Option<Hook>>>,
}

impl Hooked {
    fn run(&self) {
        let hook = self.hook.lock().expect("no panic").take();
        if let Some(mut hook) = hook {
            hook();
            *self.hook.lock().expect("no panic") = Some(hook);
        }
    }

    fn set(&self, hook: impl FnMut() + Send + 'static) {
        *self.hook.lock().expect("no panic") = Some(Box::new(hook));
    }
}

impl Clock for Hooked {
    fn monotonic(&self) -> Monotonic {
        self.run();
        self.clock.monotonic()
    }

    fn timestamp(&self) -> Timestamp {
        self.run();
        self.clock.timestamp()
    }
}

fn chain(config: FallbackConfig) -> (FallbackChain<str, String>, [Gated; 2], Hooked) {
    let clock = Hooked::default();
    let providers = ["claude", "groq"].map(Gated::new);
    let chain = FallbackChain::builder()
        .provider(providers[0].clone())
        .provider(providers[1].clone())
        .config(config)
        .clock(clock.clone())
        .sleep(Skip(clock.clock.clone()))
        .build()
        .expect("a valid chain");
    (chain, providers, clock)
}

#[test]
fn an_explanation_takes_nothing_not_even_for_a_moment() {
    let mut config = config();
    let own = LinkConfig {
        rate_limit: Some(RateLimitConfig::default().window(RateWindow::per_minute(Requests, 9))),
        concurrency: Some(ConcurrencyConfig {
            limit: NonZeroU32::MIN,
            ..ConcurrencyConfig::default()
        }),
    };
    config.links.insert(provider("claude"), own);
    let (chain, _, clock) = chain(config);
    let seen: Arc<Mutex<Vec<(u32, u64)>>> = Arc::default();
    let (watched, sink) = (chain.clone(), Arc::clone(&seen));
    clock.set(move || {
        let status = &watched.status()[0];
        let now = (status.in_flight, status.limits[0].remaining);
        sink.lock().expect("no panic").push(now);
    });
    assert_eq!(chain.explain(&Needs::default()).chosen(), Some(0));
    let seen = seen.lock().expect("no panic");
    assert!(
        !seen.is_empty() && seen.iter().all(|seen| *seen == (0, 9)),
        "{seen:?}"
    );
}

type Beside = std::pin::Pin<Box<dyn Future<Output = Result<Reply<String>, ChainError>> + Send>>;

#[test]
fn two_requests_that_choose_at_once_make_one_trial() {
    let mut config = config();
    config.returning.ramp = Duration::from_secs(20);
    let (chain, [claude, groq], clock) = chain(config);
    let mut call: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut call).is_none());
    claude.end(Err(Verdict::new(agent_primitives::FailureKind::Unknown)));
    assert!(poll(&mut call).is_none());
    groq.end(Ok(()));
    assert!(poll(&mut call).is_some());
    clock.clock.advance(Duration::from_secs(30));

    // The budget reads the clock after the choice, before the request goes to the chosen one.
    let cap = SpendBudgetConfig::default().session(SpendCap::usd(Usd::from_picos(i128::MAX >> 70)));
    let budget = SpendBudget::new(&cap).expect("valid");
    let session = budget.session(&SessionId::new("s").expect("valid"));
    let options = CallOptions::new().budget(session.expect("room"));
    let beside: Arc<OnceLock<Mutex<Beside>>> = Arc::default();
    let (other, kept) = (chain.clone(), Arc::clone(&beside));
    let mut reads = 0;
    clock.set(move || {
        reads += 1;
        if reads == 3 {
            let other = other.clone();
            let mut call: Beside = Box::pin(async move { other.call("b").await });
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(call.as_mut().poll(&mut context).is_pending());
            assert!(kept.set(Mutex::new(call)).is_ok());
        }
    });
    let mut call: Call<'_> = Box::pin(chain.call_with("a", &options));
    assert!(poll(&mut call).is_none());
    assert!(beside.get().is_some(), "it came between");
    assert_eq!((claude.under_way(), groq.under_way()), (1, 1));
}
