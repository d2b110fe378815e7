//! The pure decision: kinds, hints, deadlines and what was learned.

use std::time::Duration;

use agent_primitives::{FailureKind, Timestamp};
use agent_resilience::classify::{Remedy, Verdict, When};
use agent_resilience::{
    Backoff, FailedAttempt, GiveUp, Growth, Jitter, KindPolicy, Learned, NextStep, RetryPolicy,
};
use proptest::prelude::*;

use super::stage::{SECOND, hinted, ms, overloaded, policy};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_000);

fn decide(policy: &RetryPolicy, failed: &FailedAttempt<'_>) -> NextStep {
    policy.decide(failed, &mut policy.backoff.delays(1))
}

fn learned(wait: Duration, may_undercut_hint: bool) -> Learned {
    let mut learned = Learned::new(wait);
    learned.may_undercut_hint = may_undercut_hint;
    learned
}

#[test]
fn a_kind_can_have_attempts_pauses_and_hints_of_its_own() {
    let mut policy = policy(3);
    let own = |max_attempts, pause, longest_hint: u64| KindPolicy {
        max_attempts,
        backoff: Some(Backoff::constant(pause)),
        longest_hint: Some(Duration::from_secs(longest_hint)),
    };
    let kinds = &mut policy.per_kind;
    kinds.insert(FailureKind::RateLimited, own(5.try_into().ok(), ms(7), 60));
    kinds.insert(FailureKind::Timeout, KindPolicy::never());
    kinds.insert(
        FailureKind::QuotaExhausted,
        own(9.try_into().ok(), ms(7), 60),
    );

    let step =
        |verdict: &Verdict, number| decide(&policy, &FailedAttempt::new(verdict, number, NOW));
    let limited = Verdict::new(FailureKind::RateLimited);
    assert_eq!(step(&limited, 4), NextStep::Again(ms(7)));
    assert_eq!(step(&limited, 5), NextStep::GiveUp(GiveUp::AttemptsUsedUp));
    assert_eq!(step(&overloaded(), 2), NextStep::Again(ms(100)));
    assert_eq!(
        step(&overloaded(), 3),
        NextStep::GiveUp(GiveUp::AttemptsUsedUp)
    );
    let timeout = Verdict::new(FailureKind::Timeout);
    assert_eq!(step(&timeout, 1), NextStep::GiveUp(GiveUp::AttemptsUsedUp));
    assert_eq!(step(&hinted(60), 1), NextStep::Again(ms(60_007)));
    assert_eq!(
        step(&hinted(61), 1),
        NextStep::GiveUp(GiveUp::HintTooLong(61 * SECOND))
    );
    // Nothing makes a failure retryable that is not.
    let broke = Verdict::new(FailureKind::QuotaExhausted);
    assert_eq!(step(&broke, 1), NextStep::GiveUp(GiveUp::NotRetryable));
}

#[test]
fn the_pauses_of_one_kind_go_on_where_those_of_another_stopped() {
    let mut policy = policy(9);
    policy.per_kind.insert(
        FailureKind::Server,
        KindPolicy {
            backoff: Some(Backoff::fibonacci(ms(10), SECOND).jitter(Jitter::None)),
            ..KindPolicy::default()
        },
    );
    let mut delays = policy.backoff.delays(1);
    let server = Verdict::new(FailureKind::Server);
    let kinds = [&server, &overloaded(), &server, &server, &overloaded()];
    let pauses = kinds.map(|verdict| policy.next_step(verdict, 1, NOW, &mut delays));
    assert_eq!(
        pauses,
        [10, 200, 20, 30, 1_600].map(|millis| NextStep::Again(ms(millis)))
    );
}

#[test]
fn each_end_has_its_reason_and_the_first_that_holds_is_given() {
    let policy = policy(3);
    let end = |verdict: &Verdict, number, left| match decide(
        &policy,
        &FailedAttempt::new(verdict, number, NOW).left(left),
    ) {
        NextStep::GiveUp(why) => why,
        step => panic!("{step:?}"),
    };
    let long = 60 * SECOND;
    assert_eq!(end(&hinted(6), 3, ms(1)), GiveUp::HintTooLong(6 * SECOND));
    assert_eq!(end(&hinted(4), 3, ms(1)), GiveUp::AttemptsUsedUp);
    assert_eq!(end(&hinted(4), 1, Duration::ZERO), GiveUp::DeadlinePassed);
    assert_eq!(
        end(&hinted(4), 1, 4 * SECOND),
        GiveUp::HintPastDeadline(4 * SECOND)
    );
    assert_eq!(
        end(&overloaded(), 1, ms(100)),
        GiveUp::PausePastDeadline(ms(100))
    );
    assert_eq!(
        end(&Verdict::new(FailureKind::Auth), 1, long),
        GiveUp::NotRetryable
    );
    for want_of_time in [end(&hinted(4), 1, SECOND), end(&overloaded(), 1, ms(9))] {
        assert!(want_of_time.is_for_want_of_time());
    }
    assert!(!GiveUp::AttemptsUsedUp.is_for_want_of_time());
}

#[test]
fn a_hint_that_fits_is_not_given_up_for_what_is_added_to_it() {
    let policy = policy(3);
    let left = 4 * SECOND + ms(60);
    let step = decide(&policy, &FailedAttempt::new(&hinted(4), 1, NOW).left(left));
    // 100 ms would be added; the call keeps half of the 60.
    assert_eq!(step, NextStep::Again(ms(4_030)));
}

#[test]
fn a_learned_time_makes_a_pause_longer_and_a_hint_shorter_only_when_asked() {
    let policy = policy(3);
    let step = |verdict: &Verdict, learned| {
        decide(
            &policy,
            &FailedAttempt::new(verdict, 1, NOW).learned(Some(learned)),
        )
    };
    assert_eq!(
        step(&overloaded(), learned(2 * SECOND, false)),
        NextStep::Again(ms(2_100))
    );
    assert_eq!(
        step(&overloaded(), learned(ms(1), false)),
        NextStep::Again(ms(100))
    );
    // Not beyond what a provider may ask for.
    assert_eq!(
        step(&overloaded(), learned(90 * SECOND, false)),
        NextStep::Again(ms(5_100))
    );
    // A hint of nothing from a provider that stays closed.
    assert_eq!(
        step(&hinted(0), learned(3 * SECOND, false)),
        NextStep::Again(ms(3_100))
    );
    // A hint of too much.
    assert_eq!(
        step(&hinted(4), learned(SECOND, false)),
        NextStep::Again(ms(4_100))
    );
    assert_eq!(
        step(&hinted(4), learned(SECOND, true)),
        NextStep::Again(ms(1_100))
    );
    assert_eq!(
        step(&hinted(60), learned(SECOND, true)),
        NextStep::Again(ms(1_100))
    );
    assert_eq!(
        step(&hinted(1), learned(4 * SECOND, true)),
        NextStep::Again(ms(4_100))
    );
    // An estimate that ends after the deadline ends the run as a pause does, not as a hint.
    let busy = overloaded();
    let late = FailedAttempt::new(&busy, 1, NOW)
        .left(SECOND)
        .learned(Some(learned(2 * SECOND, false)));
    let why = GiveUp::PausePastDeadline(2 * SECOND);
    assert_eq!(decide(&policy, &late), NextStep::GiveUp(why));
}

#[test]
fn every_reason_is_said_in_words_that_differ() {
    let pause = 9 * SECOND;
    let all = [
        GiveUp::AttemptsUsedUp,
        GiveUp::HintTooLong(pause),
        GiveUp::HintPastDeadline(pause),
        GiveUp::PausePastDeadline(pause),
        GiveUp::DeadlinePassed,
        GiveUp::BudgetSpent,
        GiveUp::ScheduleEnded,
        GiveUp::NotRetryable,
    ];
    let mut words: Vec<String> = all.iter().map(ToString::to_string).collect();
    words.sort();
    words.dedup();
    assert_eq!(words.len(), all.len());
    for why in all {
        let json = serde_json::to_string(&why).unwrap();
        assert_eq!(serde_json::from_str::<GiveUp>(&json).unwrap(), why);
    }
}

fn backoffs() -> impl Strategy<Value = Backoff> {
    let jitter = prop_oneof![
        Just(Jitter::None),
        Just(Jitter::Full),
        Just(Jitter::Equal),
        Just(Jitter::Decorrelated),
    ];
    let growth = prop_oneof![
        Just(Growth::Exponential),
        Just(Growth::Fibonacci),
        Just(Growth::Constant)
    ];
    (growth, jitter, 0_u64..60_000, 0_u64..600_000, 1_u32..10).prop_map(
        |(growth, jitter, first, longest, factor)| {
            let (first, longest) = (ms(first), ms(longest));
            match growth {
                Growth::Fibonacci => Backoff::fibonacci(first, longest),
                Growth::Constant => Backoff::constant(first),
                _ => Backoff::exponential(first, longest),
            }
            .factor(factor.try_into().expect("not zero"))
            .jitter(jitter)
        },
    )
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    let kind = prop::sample::select(FailureKind::ALL);
    let hint = prop_oneof![
        Just(None),
        (0_u64..200_000).prop_map(|millis| Some(When::In(ms(millis)))),
        (900_i64..1_200).prop_map(|second| Some(When::At(Timestamp::from_unix_seconds(second)))),
    ];
    (kind, hint).prop_map(|(kind, hint)| {
        let verdict = Verdict::new(kind);
        hint.map_or(verdict.clone(), |when| verdict.retry_after(when))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_attempt_comes_before_its_hint_or_after_its_deadline(
        verdict in verdicts(),
        backoff in backoffs(),
        number in 1_u32..6,
        left in prop_oneof![Just(Duration::MAX), (0_u64..200_000).prop_map(ms)],
        longest_hint in (0_u64..200_000).prop_map(ms),
        wait in prop::option::of((0_u64..200_000).prop_map(ms)),
        seed in any::<u64>(),
    ) {
        let mut policy = policy(4);
        policy.backoff = backoff;
        policy.longest_hint = longest_hint;
        let failed = FailedAttempt::new(&verdict, number, NOW)
            .left(left)
            .learned(wait.map(Learned::new));
        let step = policy.decide(&failed, &mut backoff.delays(seed));
        let again = policy.decide(&failed, &mut backoff.delays(seed));
        prop_assert_eq!(step, again, "one seed, one decision");
        let hint = match verdict.remedy() {
            Remedy::Wait(when) => Some(when.delay(NOW)),
            Remedy::BackOff => None,
            _ => {
                prop_assert!(!matches!(step, NextStep::Again(_)), "{:?}", verdict.kind);
                return Ok(());
            }
        };
        let own = backoff.delays(seed).next().expect("endless");
        match step {
            NextStep::Again(pause) => {
                let least = hint.unwrap_or_default();
                prop_assert!(pause >= least && pause >= own);
                prop_assert!(pause < left);
                prop_assert!(number < 4);
                prop_assert!(hint.is_none_or(|hint| hint <= longest_hint));
                let learned = wait.unwrap_or_default().min(longest_hint);
                prop_assert!(pause >= learned);
                let most = least.max(learned);
                prop_assert!(pause <= own.max(most + most / 4));
            }
            NextStep::GiveUp(GiveUp::HintTooLong(asked)) => prop_assert!(asked > longest_hint),
            NextStep::GiveUp(GiveUp::HintPastDeadline(asked)) => prop_assert!(asked >= left),
            NextStep::GiveUp(GiveUp::PausePastDeadline(due)) => prop_assert!(due >= left),
            NextStep::GiveUp(GiveUp::DeadlinePassed) => prop_assert!(left.is_zero()),
            NextStep::GiveUp(GiveUp::AttemptsUsedUp) => prop_assert!(number >= 4),
            step => prop_assert!(false, "{step:?}"),
        }
    }

    #[test]
    fn every_jitter_keeps_to_its_range(backoff in backoffs(), seed in any::<u64>()) {
        let config: serde_json::Value = serde_json::to_value(backoff).expect("plain data");
        let (first, longest) = (backoff.first(), backoff.longest());
        let plain = backoff.jitter(Jitter::None).delays(0);
        let mut before = first;
        for (delay, plain) in backoff.delays(seed).zip(plain).take(40) {
            prop_assert!(delay <= longest, "{delay:?}");
            match config["jitter"].as_str() {
                Some("none") => prop_assert_eq!(delay, plain),
                Some("full") => prop_assert!(delay <= plain),
                Some("equal") => prop_assert!(delay <= plain && delay >= plain / 2),
                _ => prop_assert!(
                    delay >= first.min(longest) && delay <= first.max(3 * before).min(longest)
                ),
            }
            before = delay;
        }
    }
}
