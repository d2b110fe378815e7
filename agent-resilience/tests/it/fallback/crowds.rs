//! Many requests at once: what one of them hears holds for all, and they do not come back together.

use std::collections::BTreeSet;
use std::time::Duration;

use agent_primitives::{Clock, ManualClock};
use agent_resilience::{FallbackConfig, Reply};

use super::stage::{Call, Gated, config, gated_with, limited, poll};

const SECOND: Duration = Duration::from_secs(1);

fn calls(chain: &agent_resilience::FallbackChain<str, String>, many: usize) -> Vec<Call<'_>> {
    (0..many).map(|_| Box::pin(chain.call("a")) as _).collect()
}

/// Lets `time` pass in small steps; the moments in milliseconds at which calls began.
fn passes(
    clock: &ManualClock,
    time: Duration,
    calls: &mut [Call<'_>],
    provider: &Gated,
) -> Vec<u128> {
    let mut begun = Vec::new();
    let mut known = provider.begun();
    for _ in 0..time.as_millis() / 10 {
        clock.advance(Duration::from_millis(10));
        for call in &mut *calls {
            assert!(poll(call).is_none(), "it waits");
        }
        let now = u128::from(clock.monotonic().nanos()) / 1_000_000;
        begun.extend((known..provider.begun()).map(|_| now));
        known = provider.begun();
    }
    begun
}

#[test]
fn a_short_pause_that_one_is_asked_for_holds_for_all() {
    let clock = ManualClock::default();
    let (chain, [claude, groq]) = gated_with(["claude", "groq"], config(), &clock);
    let mut first: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut first).is_none());
    claude.end(Err(limited(4)));
    assert!(poll(&mut first).is_none(), "it waits for claude");
    assert_eq!((claude.begun(), groq.begun()), (1, 0));

    let mut others = calls(&chain, 3);
    for call in &mut others {
        assert!(poll(call).is_none());
        groq.end(Ok(()));
        let reply: Reply<String> = poll(call).expect("done").expect("an answer");
        assert_eq!(
            reply.handoffs[0].to_string(),
            "claude -> groq (predicted, automatic)"
        );
    }
    assert_eq!(claude.begun(), 1, "nobody came too early");
    assert!(chain.status()[0].current, "it is no switch");

    clock.advance(4 * SECOND);
    assert!(poll(&mut first).is_none());
    assert_eq!(claude.begun(), 1, "the pause is a little longer");
    clock.advance(SECOND);
    assert!(poll(&mut first).is_none());
    assert_eq!((claude.begun(), groq.begun()), (2, 3), "it waited it out");
    claude.end(Ok(()));
    assert!(poll(&mut first).expect("done").is_ok());
}

#[test]
fn with_nobody_else_the_others_wait_as_the_one_that_was_asked_to() {
    let clock = ManualClock::default();
    let (chain, [claude]) = gated_with(["claude"], config(), &clock);
    let mut first = calls(&chain, 1);
    assert!(poll(&mut first[0]).is_none());
    claude.end(Err(limited(4)));
    assert!(poll(&mut first[0]).is_none());
    let mut others = calls(&chain, 8);
    for call in &mut others {
        assert!(poll(call).is_none());
    }
    assert!(passes(&clock, Duration::from_millis(3_990), &mut others, &claude).is_empty());
    let begun = passes(&clock, 3 * SECOND, &mut others, &claude);
    assert_eq!(begun.len(), 8);
    let moments: BTreeSet<_> = begun.iter().collect();
    assert!(moments.len() >= 6, "{moments:?}");
}

#[test]
fn those_who_wait_for_the_first_do_not_come_back_together() {
    let clock = ManualClock::default();
    let config = FallbackConfig {
        wait_for_first: true,
        ..config()
    };
    let mut config = config;
    config.retry.total = Some(600 * SECOND);
    let (chain, [claude]) = gated_with(["claude"], config, &clock);
    let mut calls = calls(&chain, 64);
    for call in &mut calls {
        assert!(poll(call).is_none());
    }
    assert_eq!(claude.begun(), 64);
    for _ in 0..64 {
        claude.end(Err(limited(60)));
    }
    for call in &mut calls {
        assert!(poll(call).is_none());
    }
    let early = passes(&clock, 59 * SECOND, &mut calls, &claude);
    assert!(early.is_empty(), "{early:?}");
    let begun = passes(&clock, 4 * SECOND, &mut calls, &claude);
    assert_eq!(begun.len(), 64);
    let most = (0..4_000_u128 / 100)
        .map(|tenth| {
            let from = 59_000 + tenth * 100;
            begun
                .iter()
                .filter(|at| (from..from + 100).contains(*at))
                .count()
        })
        .max();
    assert!(
        most <= Some(10),
        "{most:?} in a tenth of a second: {begun:?}"
    );
}
