//! The money of a policy's attempts: held before, spent or given back after.

use std::cell::Cell;
use std::future::pending;
use std::time::Duration;

use agent_primitives::{FailureKind, SessionId, TokenUsage, Usd};
use agent_resilience::classify::{LimitedResource, Verdict};
use agent_resilience::{
    Cost, Policy, PolicyError, RateLimit, RateLimitConfig, RateWindow, Refusal, SessionBudget,
    SpendBudget, SpendBudgetConfig, SpendCap, TokenPrice,
};

/// 1 000 micro-dollars by its estimate.
const COST: Cost = Cost::REQUEST.input(1_000);

fn price() -> TokenPrice {
    TokenPrice::per_million(Usd::from_micros(1_000_000), Usd::from_micros(1_000_000))
}

fn session(cap_micros: i64) -> SessionBudget {
    let config = SpendBudgetConfig {
        session: SpendCap {
            usd: Some(Usd::from_micros(cap_micros)),
            ..SpendCap::default()
        },
        ..SpendBudgetConfig::default()
    };
    let budget = SpendBudget::new(&config).unwrap();
    budget.session(&SessionId::new("s").unwrap()).unwrap()
}

fn spent(session: &SessionBudget) -> Usd {
    session.spent().usd
}

/// Nothing is held any more: the rest of the cap can be taken.
fn is_free(session: &SessionBudget, cap_micros: i64) -> bool {
    let rest = Usd::from_micros(cap_micros) - spent(session);
    let micros = rest.picos() / 1_000_000;
    let tokens = u64::try_from(micros).unwrap();
    session.reserve(price().spend_estimate(tokens, 0)).is_ok()
}

#[tokio::test(start_paused = true)]
async fn a_call_beyond_the_cap_is_not_made() {
    let session = session(1_500);
    let policy = Policy::default().spend_budget(session.clone(), price());
    let calls = Cell::new(0);
    let call = || async {
        calls.set(calls.get() + 1);
        Ok::<_, Verdict>(())
    };
    policy.run(COST, |_| call()).await.unwrap();
    assert_eq!(spent(&session), Usd::from_micros(1_000), "as held");
    let error = policy.run(COST, |_| call()).await.unwrap_err();
    assert!(matches!(
        error,
        PolicyError::Refused {
            by: Refusal::Budget(_),
            attempts: 0,
            ..
        }
    ));
    assert_eq!(calls.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_used_is_spent_and_the_rest_given_back() {
    let session = session(1_500);
    let policy = Policy::default().spend_budget(session.clone(), price());
    let call = policy.run(COST, |_| async { Ok::<_, Verdict>(()) });
    call.settle(|()| Some(TokenUsage::new(200, 50)))
        .await
        .unwrap();
    assert_eq!(spent(&session), Usd::from_micros(250));
    assert!(is_free(&session, 1_500));
}

#[tokio::test(start_paused = true)]
async fn attempts_that_were_turned_away_cost_nothing_and_those_that_hung_cost_what_was_held() {
    for (kind, micros) in [
        (FailureKind::RateLimited, 1_000),
        (FailureKind::Overloaded, 1_000),
        (FailureKind::Timeout, 2_000),
        (FailureKind::StreamCut, 2_000),
    ] {
        let session = session(10_000);
        let policy = Policy::default().spend_budget(session.clone(), price());
        let call = policy.run(COST, |attempt| async move {
            if attempt.number == 1 {
                Err(Verdict::new(kind))
            } else {
                Ok(())
            }
        });
        call.await.unwrap();
        assert_eq!(spent(&session), Usd::from_micros(micros), "{kind}");
        assert!(is_free(&session, 10_000));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_under_way_is_paid_and_one_dropped_in_a_queue_is_not() {
    let session = session(10_000);
    let minute = RateWindow::per_minute(LimitedResource::Requests, 1);
    let limit = RateLimit::new(&RateLimitConfig::default().window(minute)).unwrap();
    let policy = Policy::default()
        .spend_budget(session.clone(), price())
        .rate_limit(limit);
    let call = policy.run(COST, |_| pending::<Result<(), Verdict>>());
    assert!(
        tokio::time::timeout(Duration::from_millis(1), call)
            .await
            .is_err()
    );
    assert_eq!(spent(&session), Usd::from_micros(1_000));

    let call = policy.run(COST, |_| async { Ok::<_, Verdict>(()) });
    call.await.unwrap();
    let queued = policy.run(COST, |_| async { Ok::<_, Verdict>(()) });
    assert!(
        tokio::time::timeout(Duration::from_millis(1), queued)
            .await
            .is_err()
    );
    assert_eq!(spent(&session), Usd::from_micros(2_000));
    assert!(is_free(&session, 10_000));
}
