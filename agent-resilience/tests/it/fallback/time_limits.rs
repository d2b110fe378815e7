//! An attempt and a request have their time.

use std::time::Duration;

use agent_primitives::{Clock, Event, FailureKind, ManualClock, Stamp};
use agent_resilience::{
    CallOptions, ChainError, Deadline, FallbackChain, FallbackConfig, KindPolicy,
};

use super::stage::{Call, Gated, Waits, config, limited, overloaded, poll, provider};

const LIMIT: Duration = Duration::from_secs(10);

fn timed() -> FallbackConfig {
    let mut config = config();
    config.attempt_timeout = Some(LIMIT);
    config
}

fn chain(config: FallbackConfig) -> (FallbackChain<str, String>, [Gated; 2], ManualClock) {
    let providers = ["claude", "groq"].map(Gated::new);
    let clock = ManualClock::default();
    let chain = FallbackChain::builder()
        .provider(providers[0].clone())
        .provider(providers[1].clone())
        .config(config)
        .clock(clock.clone())
        .sleep(Waits(clock.clone()))
        .build()
        .expect("a valid chain");
    (chain, providers, clock)
}

#[test]
fn a_provider_that_hangs_takes_one_attempt_and_is_not_asked_again() {
    let (chain, [claude, groq], clock) = chain(timed());
    let mut call: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut call).is_none());
    clock.advance(LIMIT.saturating_sub(Duration::from_nanos(1)));
    assert!(poll(&mut call).is_none());
    assert_eq!(groq.under_way(), 0, "its time is not over");
    clock.advance(Duration::from_nanos(1));
    assert!(poll(&mut call).is_none());
    assert_eq!(groq.under_way(), 1);
    groq.end(Ok(()));
    let reply = poll(&mut call).expect("done").expect("an answer");
    assert_eq!((reply.attempts, reply.elapsed), (2, LIMIT));
    assert_eq!(
        reply.handoffs[0].to_string(),
        "claude -> groq (timeout, automatic)"
    );
    assert_eq!(claude.begun(), 1);
    let failure = chain.status()[0].failure;
    assert_eq!(failure, Some(FailureKind::Timeout));
}

#[test]
fn settings_that_name_timeouts_have_the_same_provider_asked_again() {
    let mut config = timed();
    let own = KindPolicy::default();
    config.retry.per_kind.insert(FailureKind::Timeout, own);
    let (chain, [claude, groq], clock) = chain(config);
    let mut call: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut call).is_none());
    clock.advance(LIMIT);
    assert!(poll(&mut call).is_none(), "it pauses");
    clock.advance(Duration::from_secs(1));
    assert!(poll(&mut call).is_none());
    assert_eq!((claude.begun(), groq.begun()), (2, 0));
}

#[test]
fn the_time_of_a_request_ends_it_wherever_it_is() {
    let (chain, [claude, groq], clock) = chain(timed());
    let deadline = Deadline::after(clock.monotonic(), Duration::from_secs(12));
    let options = CallOptions::new().deadline(deadline);
    let mut call: Call<'_> = Box::pin(chain.call_with("a", &options));
    assert!(poll(&mut call).is_none());
    clock.advance(LIMIT);
    assert!(poll(&mut call).is_none(), "at groq now");
    clock.advance(Duration::from_secs(2));
    let error = poll(&mut call).expect("done").expect_err("no time left");
    assert_eq!(
        error.to_string(),
        "no answer within 12s, 2 calls made: allow more time"
    );
    assert!(matches!(error, ChainError::OutOfTime(_)));
    assert_eq!((claude.begun(), groq.begun()), (1, 1));
    let status = chain.status();
    assert_eq!(status[1].failure, None, "groq had 2 s of its 10 s");
}

#[test]
fn without_a_limit_of_its_own_an_attempt_that_takes_the_whole_time_has_failed() {
    let mut config = config();
    config.attempt_timeout = None;
    config.retry.total = Some(Duration::from_secs(30));
    let (chain, _, clock) = chain(config);
    let mut call: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut call).is_none());
    clock.advance(Duration::from_secs(30));
    let error = poll(&mut call).expect("done").expect_err("no time left");
    assert!(matches!(error, ChainError::OutOfTime(_)), "{error}");
    assert_eq!(chain.status()[0].failure, Some(FailureKind::Timeout));
}

#[test]
fn nobody_waits_for_a_retry_that_would_come_too_late() {
    let (chain, [claude, groq], clock) = chain(timed());
    let options = CallOptions::new().deadline(Deadline::after(clock.monotonic(), LIMIT));
    let mut call: Call<'_> = Box::pin(chain.call_with("a", &options));
    assert!(poll(&mut call).is_none());
    clock.advance(Duration::from_secs(6));
    claude.end(Err(limited(4)));
    assert!(poll(&mut call).is_none());
    assert_eq!(groq.under_way(), 1, "at once");
}

#[test]
fn a_request_without_time_is_not_sent() {
    let (chain, [claude, _], clock) = chain(timed());
    let options = CallOptions::new().deadline(Deadline::at(clock.monotonic()));
    let mut call: Call<'_> = Box::pin(chain.call_with("a", &options));
    let error = poll(&mut call).expect("done").expect_err("no time");
    assert_eq!((error.attempts(), claude.begun()), (0, 0));
}

#[test]
fn no_timer_is_armed_for_a_call_that_is_ready() {
    struct Never;
    #[async_trait::async_trait]
    impl agent_resilience::Sleep for Never {
        async fn sleep(&self, _: Duration) {
            unreachable!("nobody has to wait");
        }
    }
    let chain = FallbackChain::builder()
        .provider(super::stage::Scripted::new("claude"))
        .config(timed())
        .clock(ManualClock::default())
        .sleep(Never)
        .build()
        .expect("a valid chain");
    let mut call: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut call).expect("at once").is_ok());
}

#[test]
fn a_request_may_ask_one_provider_alone_and_moves_nobody_else() {
    let (chain, [claude, groq], _) = chain(timed());
    let options = CallOptions::new().pin(provider("groq"));
    let mut call: Call<'_> = Box::pin(chain.call_with("a", &options));
    assert!(poll(&mut call).is_none());
    groq.end(Err(limited(60)));
    let error = poll(&mut call).expect("done").expect_err("nobody else");
    assert_eq!(
        error.to_string(),
        "no provider can answer: groq rate_limited, again in 60s (1970-01-01T00:01:00.000Z)"
    );
    let mut call: Call<'_> = Box::pin(chain.call("b"));
    assert!(poll(&mut call).is_none());
    claude.end(Err(overloaded()));
    drop(call);
    assert!(chain.status()[0].current, "the others go as before");

    let options = CallOptions::new().pin(provider("grok"));
    let mut call: Call<'_> = Box::pin(chain.call_with("a", &options));
    let error = poll(&mut call).expect("done").expect_err("unknown");
    assert_eq!(
        error.to_string(),
        "no provider named grok; the chain has claude, groq"
    );
}

#[test]
fn with_little_time_half_of_it_is_kept_for_somebody_else() {
    let (chain, [claude, groq], clock) = chain(timed());
    let deadline = Deadline::after(clock.monotonic(), Duration::from_secs(8));
    let options = CallOptions::new().deadline(deadline);
    let mut call: Call<'_> = Box::pin(chain.call_with("a", &options));
    assert!(poll(&mut call).is_none());
    clock.advance(Duration::from_secs(4));
    assert!(poll(&mut call).is_none());
    assert_eq!((claude.under_way(), groq.under_way()), (0, 1));
    clock.advance(Duration::from_millis(3_999));
    assert!(
        poll(&mut call).is_none(),
        "the last one has all that is left"
    );
    groq.end(Ok(()));
    let reply = poll(&mut call).expect("done").expect("an answer");
    assert_eq!(reply.value, "groq");
    let status = &chain.status()[0];
    assert_eq!(status.failure, Some(FailureKind::Timeout));
    assert!(
        status.rests_for.is_some(),
        "4 s of its 10 s are enough to tell"
    );
}

#[test]
fn a_caller_with_hardly_any_time_blames_nobody_and_is_told_of() {
    let (chain, [claude, groq], clock) = chain(timed());
    let failed = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink = std::sync::Arc::clone(&failed);
    let chain = chain.observed_by(move |_: Stamp<'_>, event: &Event| {
        if let Event::Attempt(attempt) = event {
            let mut failed = sink.lock().expect("no panic");
            failed.push((attempt.provider.to_string(), attempt.failure));
        }
    });
    let deadline = Deadline::after(clock.monotonic(), Duration::from_secs(4));
    let options = CallOptions::new().deadline(deadline);
    let mut call: Call<'_> = Box::pin(chain.call_with("a", &options));
    assert!(poll(&mut call).is_none());
    clock.advance(Duration::from_secs(2));
    assert!(poll(&mut call).is_none());
    assert_eq!((claude.under_way(), groq.under_way()), (0, 1));
    clock.advance(Duration::from_secs(2));
    let error = poll(&mut call).expect("done").expect_err("no time left");
    assert!(matches!(error, ChainError::OutOfTime(_)), "{error}");
    for status in &chain.status() {
        assert_eq!((status.rests_for, status.failure), (None, None));
        assert_eq!(status.in_flight, 0);
    }
    let timeout = Some(FailureKind::Timeout);
    assert_eq!(
        *failed.lock().expect("no panic"),
        [("claude".into(), timeout), ("groq".into(), timeout)]
    );
}

#[test]
fn the_last_one_that_is_silent_to_the_deadline_rests_where_it_had_time() {
    let (chain, [claude, _], clock) = chain(timed());
    let deadline = Deadline::after(clock.monotonic(), Duration::from_secs(5));
    let options = CallOptions::new()
        .deadline(deadline)
        .pin(provider("claude"));
    let mut call: Call<'_> = Box::pin(chain.call_with("a", &options));
    assert!(poll(&mut call).is_none());
    clock.advance(Duration::from_millis(4_999));
    assert!(poll(&mut call).is_none(), "nobody else would be asked");
    assert_eq!(claude.under_way(), 1);
    clock.advance(Duration::from_millis(1));
    let error = poll(&mut call).expect("done").expect_err("no time left");
    assert!(matches!(error, ChainError::OutOfTime(_)), "{error}");
    assert_eq!(chain.status()[0].failure, Some(FailureKind::Timeout));
}
