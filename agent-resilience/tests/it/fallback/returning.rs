//! The way back: hysteresis against flapping, a ramp against a rush.

use std::num::NonZeroU32;
use std::time::Duration;

use agent_primitives::FailureKind;
use agent_resilience::classify::Verdict;
use agent_resilience::{FallbackConfig, Return};

use super::stage::{Setup, config, overloaded, setup_with};

fn ramped() -> FallbackConfig {
    let mut config = config();
    config.returning.ramp = Duration::from_secs(20);
    config
}

async fn answered_by_claude(setup: &Setup, requests: usize) -> usize {
    let mut count = 0;
    for _ in 0..requests {
        count += usize::from(setup.who().await == "claude");
    }
    count
}

#[tokio::test]
async fn after_a_trial_more_and_more_requests_return_by_their_number() {
    let setup = setup_with(ramped());
    setup.claude.fails(3, &overloaded());
    assert_eq!(setup.who().await, "groq");
    setup.clock.advance(Duration::from_secs(30));
    assert_eq!(setup.who().await, "claude", "the trial");
    assert_eq!(setup.chain.status()[0].share, 10);
    assert_eq!(answered_by_claude(&setup, 20).await, 2);
    setup.clock.advance(Duration::from_secs(10));
    assert_eq!(setup.chain.status()[0].share, 55);
    assert_eq!(answered_by_claude(&setup, 20).await, 10);
    assert!(setup.chain.status()[1].current, "still the usual way");
    setup.clock.advance(Duration::from_secs(10));
    assert_eq!(answered_by_claude(&setup, 20).await, 20);
    assert_eq!(
        setup.handoffs(),
        [
            "claude -> groq (overloaded, automatic)",
            "groq -> claude (recovered, automatic)"
        ]
    );
}

#[tokio::test]
async fn a_failure_on_the_way_back_costs_one_request_a_second_call_and_no_switch() {
    let setup = setup_with(ramped());
    setup.claude.fails(1, &Verdict::new(FailureKind::Unknown));
    assert_eq!(setup.who().await, "groq");
    setup.clock.advance(Duration::from_secs(30));
    setup.claude.fails(1, &Verdict::new(FailureKind::Unknown));
    let reply = setup.chain.call("hello").await.expect("an answer");
    assert_eq!((reply.value.as_str(), reply.attempts), ("groq", 2));
    assert!(setup.chain.status()[1].current);
    let rest = setup.chain.status()[0].rests_for;
    assert_eq!(rest, Some(Duration::from_secs(60)), "twice as long");
}

#[tokio::test]
async fn whoever_comes_back_has_all_requests_where_nobody_else_is_left() {
    let setup = setup_with(ramped());
    setup.claude.fails(3, &overloaded());
    assert_eq!(setup.who().await, "groq");
    setup.clock.advance(Duration::from_secs(30));
    assert_eq!(setup.who().await, "claude");
    setup
        .groq
        .fails(1, &Verdict::new(FailureKind::QuotaExhausted));
    assert_eq!(answered_by_claude(&setup, 5).await, 5);
}

#[tokio::test]
async fn a_probe_that_passes_does_not_undercut_the_hysteresis() {
    let mut config = config();
    config.probe_every = Duration::from_secs(10);
    config.rest.first = Duration::from_secs(600);
    config.returning.hysteresis = Duration::from_secs(25);
    let setup = setup_with(config);
    setup.claude.fails(3, &overloaded());
    assert_eq!(setup.who().await, "groq");
    let left = setup.clock.clone();
    left.advance(Duration::from_secs(10));
    assert!(setup.chain.probe_due().await[0].1.is_ok());
    assert_eq!(setup.who().await, "groq");
    assert_eq!(
        setup.chain.status()[0].rests_for,
        Some(Duration::from_secs(15)),
        "of 25 s"
    );
}

fn current(setup: &Setup) -> Option<usize> {
    let status = setup.chain.status();
    status.iter().position(|status| status.current)
}

/// Asks a provider that works for 4 s and fails for 4 s, every `step`, for `seconds`. Returns when the
/// work went elsewhere.
async fn flap(config: FallbackConfig, step: Duration, seconds: u64) -> Vec<Duration> {
    let setup = setup_with(config);
    let mut switches = Vec::new();
    while setup.passed() < Duration::from_secs(seconds) {
        setup.claude.mend();
        if setup.passed().as_secs() % 8 >= 4 {
            setup.claude.fails(1, &Verdict::new(FailureKind::Unknown));
        }
        let before = current(&setup);
        setup.who().await;
        if before.is_some() && current(&setup) != before {
            switches.push(setup.passed());
        }
        setup.clock.advance(step);
    }
    switches
}

#[tokio::test]
async fn a_flapping_provider_is_left_once_in_a_period_of_hysteresis() {
    for millis in [250, 700, 1_000, 3_000] {
        let step = Duration::from_millis(millis);
        let mut config = config();
        config.retry.max_attempts = NonZeroU32::MIN;
        let period = config.returning.hysteresis;
        let switches = flap(config, step, 600).await;
        // Away and back are two.
        for pair in switches.windows(3) {
            let apart = pair[2].saturating_sub(pair[0]);
            assert!(apart >= period, "{switches:?} with a step of {step:?}");
        }
    }
}

#[tokio::test]
async fn with_a_ramp_longer_than_its_good_moments_a_flapping_provider_is_left_once() {
    let mut config = ramped();
    config.returning = Return {
        ramp: Duration::from_secs(10),
        ..config.returning
    };
    config.breaker.consecutive_failures = None;
    let switches = flap(config, Duration::from_millis(500), 600).await;
    assert_eq!(switches.len(), 1, "{switches:?}");
}
