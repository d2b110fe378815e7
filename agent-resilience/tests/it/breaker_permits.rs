//! Permits come back: dropped, cancelled, panicked, moved into tasks. And what a breaker shows.

use std::future::Future;
use std::num::NonZeroU16;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use agent_primitives::{
    BreakerState, Clock, Event, FailureKind, ManualClock, Monotonic, ProviderId, Stamp, Timestamp,
};
use agent_resilience::classify::Verdict;
use agent_resilience::{BreakerConfig, BreakerOpen, BreakerSnapshot, CallError, CircuitBreaker};

fn config(probes: u16) -> BreakerConfig {
    BreakerConfig {
        consecutive_failures: Some(NonZeroU16::MIN),
        probes: NonZeroU16::new(probes).expect("not zero"),
        ..BreakerConfig::default()
    }
}

fn name() -> ProviderId {
    ProviderId::new("claude").expect("a valid name")
}

/// A breaker whose next call is a probe.
fn half_open(probes: u16) -> (CircuitBreaker, ManualClock) {
    let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_000));
    let breaker = CircuitBreaker::new(name(), config(probes)).clock(clock.clone());
    breaker.open();
    clock.advance(Duration::from_secs(30));
    (breaker, clock)
}

fn panics_in(call: &mut (impl Future + Unpin)) {
    let poll = || {
        pin!(call)
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    };
    assert!(catch_unwind(AssertUnwindSafe(poll)).is_err());
}

#[test]
fn a_call_that_panics_gives_its_probe_back() {
    let (breaker, _) = half_open(1);
    let panics = || -> std::future::Ready<Result<(), Verdict>> {
        std::panic::resume_unwind(Box::new("before the future"))
    };
    let later = || async {
        std::panic::resume_unwind(Box::new("inside the future"));
        #[expect(unreachable_code, reason = "names the type")]
        Ok::<(), Verdict>(())
    };
    panics_in(&mut pin!(breaker.call(panics)));
    assert_eq!(breaker.snapshot().probes_admitted, 0);
    panics_in(&mut pin!(breaker.call(later)));
    assert_eq!(breaker.snapshot().probes_admitted, 0);
    breaker.admit().expect("the probe is free").success();
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn a_cancelled_call_gives_its_probe_back_and_counts_neither_way() {
    let (breaker, _) = half_open(1);
    {
        let mut call = pin!(breaker.call(std::future::pending::<Result<(), Verdict>>));
        let mut context = Context::from_waker(Waker::noop());
        assert!(call.as_mut().poll(&mut context).is_pending());
        assert!(breaker.admit().is_err(), "the probe is under way");
    }
    assert!(breaker.admit().is_ok());
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
}

#[test]
fn an_observer_that_panics_takes_no_permit_with_it() {
    let (breaker, clock) = half_open(1);
    let deaf = breaker.clone();
    let breaker = breaker.observer(|_: Stamp<'_>, _: &Event| {
        std::panic::resume_unwind(Box::new("the observer panics"));
    });
    let panics = |act: &dyn Fn()| assert!(catch_unwind(AssertUnwindSafe(act)).is_err());
    panics(&|| drop(breaker.admit()));
    assert_eq!(deaf.snapshot().probes_admitted, 0, "given back");
    let probe = deaf.admit_owned().expect("the probe is free");
    drop(probe);
    panics(&|| {
        // The change is made before it is told.
        let probe = breaker.admit().expect("a probe: nothing changes");
        probe.success();
    });
    assert_eq!(deaf.state(), BreakerState::Closed);
    panics(&|| {
        let permit = breaker.admit().expect("closed");
        permit.failure(FailureKind::Server);
    });
    assert_eq!(deaf.state(), BreakerState::Open);
    clock.advance(Duration::from_secs(30));
    deaf.admit().expect("not stuck").success();
    assert_eq!(deaf.state(), BreakerState::Closed);
}

#[tokio::test]
async fn an_owned_permit_goes_along_into_a_task_and_comes_back_when_that_is_aborted() {
    let (breaker, _) = half_open(1);
    let permit = breaker.admit_owned().expect("a probe");
    let task = tokio::spawn(async move {
        let _permit = permit;
        std::future::pending::<()>().await;
    });
    assert!(breaker.admit().is_err());
    task.abort();
    assert!(task.await.is_err_and(|error| error.is_cancelled()));
    let permit = breaker.admit_owned().expect("given back");
    tokio::spawn(async move { permit.success() })
        .await
        .expect("reported");
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test]
async fn a_call_learns_from_its_result() {
    let clock = ManualClock::default();
    let breaker = CircuitBreaker::new(name(), config(1)).clock(clock.clone());
    let answer: Result<u8, CallError<Verdict>> = breaker.call(|| async { Ok(7) }).await;
    assert_eq!(answer.expect("answered"), 7);
    let failed = breaker
        .call(|| async { Err::<u8, _>(Verdict::new(FailureKind::Server)) })
        .await;
    assert!(
        matches!(failed, Err(CallError::Inner(verdict)) if verdict.kind == FailureKind::Server)
    );
    let refused = breaker.call(|| async { Ok::<_, Verdict>(7) }).await;
    let Err(CallError::Open(BreakerOpen {
        state, retry_in, ..
    })) = refused
    else {
        panic!("let through");
    };
    assert_eq!(
        (state, retry_in),
        (BreakerState::Open, Some(Duration::from_secs(30)))
    );
}

/// A clock that must not be asked.
struct NoClock;

impl Clock for NoClock {
    fn monotonic(&self) -> Monotonic {
        static ASKED: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let asked = ASKED.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(asked, 0, "only the beginning of the breaker is timed");
        Monotonic::default()
    }
    fn timestamp(&self) -> Timestamp {
        unreachable!("nobody listens")
    }
}

#[test]
fn with_the_time_given_the_clock_is_never_read() {
    let breaker = CircuitBreaker::new(name(), config(1)).clock(NoClock);
    let at = |seconds| Monotonic::default() + Duration::from_secs(seconds);
    breaker.admit_at(at(1)).expect("closed").success_at(at(2));
    let failed = Err::<(), _>(Verdict::new(FailureKind::Server));
    let permit = breaker.admit_owned_at(at(3)).expect("closed");
    permit.record_at(&failed, at(4));
    let refused = breaker.admit_at(at(5)).expect_err("open since 4");
    assert_eq!(refused.retry_in, Some(Duration::from_secs(29)));
    assert!(!breaker.would_admit_at(at(33)));
    assert!(breaker.would_admit_at(at(34)));
    let probe = breaker.admit_at(at(34)).expect("a probe");
    probe.failure_at(FailureKind::Server, at(35));
    assert!(breaker.admit_at(at(64)).is_err());
    breaker
        .admit_at(at(65))
        .expect("a probe")
        .success_at(at(66));
    assert!(breaker.admit_at(at(66)).is_ok());
}

#[test]
fn a_snapshot_shows_each_state_in_words_and_survives_json() {
    let (breaker, clock) = half_open(2);
    let show = || {
        let shown = breaker.snapshot();
        let text = serde_json::to_string(&shown).expect("written");
        let read: BreakerSnapshot = serde_json::from_str(&text).expect("read");
        assert_eq!(read, shown);
        shown
    };
    breaker.admit().expect("a probe").success();
    let _probe = breaker.admit().expect("a probe");
    assert!(breaker.admit().is_err());
    clock.advance(Duration::from_secs(1));
    let shown = show();
    assert_eq!(
        shown.to_string(),
        "claude: half_open for 1s, 1 of 2 probes succeeded, 1 rejected, may be tried in 599s"
    );
    assert_eq!(shown.since, Timestamp::from_unix_seconds(1_030));
    breaker.close();
    breaker.admit().expect("closed").success();
    breaker
        .admit()
        .expect("closed")
        .failure(FailureKind::Server);
    clock.advance(Duration::from_secs(2));
    assert!(breaker.admit().is_err());
    assert_eq!(
        show().to_string(),
        "claude: open for 2s, 1 of 2 calls failed (50.0 %), 2 rejected, may be tried in 28s"
    );
    breaker.isolate();
    assert_eq!(show().to_string(), "claude: isolated for 0ns, 2 rejected");
}
