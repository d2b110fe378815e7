//! A request has its budget.

use std::time::Duration;

use agent_primitives::{FailureKind, SessionId, TokenUsage, Usd};
use agent_resilience::classify::Verdict;
use agent_resilience::{
    CallOptions, ChainError, Metering, Needs, Percent, Profile, SessionBudget, SpendAction,
    SpendBudget, SpendBudgetConfig, SpendCap, SpendThreshold, TokenPrice,
};

use super::stage::{Call, Several, config, gated_with, overloaded, poll};

fn dollars(text: &str) -> Usd {
    text.parse().expect("an amount")
}

/// 1 000 tokens of either kind cost so many cents at 10 dollars a million.
fn priced(per_million: &str) -> Profile {
    let price = TokenPrice::per_million(dollars(per_million), dollars(per_million));
    Profile::default().price(price)
}

fn session(cap: &str) -> SessionBudget {
    let config = SpendBudgetConfig::default().session(SpendCap::usd(dollars(cap)));
    let budget = SpendBudget::new(&config).expect("valid");
    let id = SessionId::new("s").expect("valid");
    budget.session(&id).expect("room")
}

/// 100 000 tokens: a dollar at 10 dollars a million.
fn options(budget: &SessionBudget) -> CallOptions {
    CallOptions::new()
        .needs(Needs::default().input(90_000).output(10_000))
        .budget(budget.clone())
}

fn used(tokens: u64) -> Metering {
    Metering::default().usage(TokenUsage::new(tokens, 0))
}

#[tokio::test]
async fn what_a_call_cost_is_spent_and_the_rest_of_its_estimate_is_not() {
    let several = Several::of(&[("claude", priced("10"))]);
    let budget = session("5");
    several.providers[0].meters(&used(40_000));
    let reply = several.chain.call_with("a", &options(&budget)).await;
    let reply = reply.expect("an answer");
    assert_eq!(reply.cost, Some(dollars("0.40")));
    assert_eq!(reply.usage.map(|usage| usage.total()), Some(40_000));
    assert_eq!(budget.spent().usd, dollars("0.40"));
    several.providers[0].meters(&Metering::default().cost(dollars("0.25")));
    several.who_with(&options(&budget)).await;
    assert_eq!(budget.spent().usd, dollars("0.65"), "as the reply says");
    several.providers[0].meters(&Metering::default());
    several.who_with(&options(&budget)).await;
    assert_eq!(budget.spent().usd, dollars("1.65"), "the estimate stands");
}

#[tokio::test]
async fn who_costs_more_than_is_left_is_not_asked_and_a_cheaper_one_is() {
    let several = Several::of(&[("dear", priced("10")), ("cheap", priced("1"))]);
    let budget = session("0.50");
    several.providers[1].meters(&used(100_000));
    let reply = several.chain.call_with("a", &options(&budget)).await;
    let reply = reply.expect("an answer");
    assert_eq!((reply.value.as_str(), several.calls()[0]), ("cheap", 0));
    for _ in 0..4 {
        several.who_with(&options(&budget)).await;
    }
    let error = several.chain.call_with("a", &options(&budget)).await;
    let Err(ChainError::OverBudget(over)) = error else {
        unreachable!("nothing is left: {error:?}")
    };
    assert_eq!(over.attempts, 0);
    assert_eq!(over.refused.left().to_string(), "$0.00");
    assert_eq!(several.who().await, "dear", "without a budget");
}

#[tokio::test]
async fn the_budgets_advice_shifts_the_choice() {
    let several = Several::of(&[("dear", priced("10")), ("cheap", priced("1"))]);
    let half = SpendThreshold::new(Percent::new(50).expect("a share"), SpendAction::ForceCheap);
    let mut config = SpendBudgetConfig::default().session(SpendCap::usd(dollars("10")));
    config.thresholds = vec![half];
    let budget = SpendBudget::new(&config).expect("valid");
    let budget = budget
        .session(&SessionId::new("s").expect("valid"))
        .expect("room");
    for provider in &several.providers {
        provider.meters(&used(100_000));
    }
    let mut who = Vec::new();
    for _ in 0..7 {
        who.push(several.who_with(&options(&budget)).await);
    }
    assert_eq!(
        who,
        ["dear", "dear", "dear", "dear", "dear", "cheap", "cheap"]
    );
}

#[tokio::test]
async fn a_call_that_was_refused_costs_nothing_and_one_that_broke_off_its_estimate() {
    let several = Several::of(&[("first", priced("10")), ("second", priced("10"))]);
    let budget = session("100");
    several.providers[1].meters(&used(0));
    for (kind, cost) in [
        (FailureKind::QuotaExhausted, "0"),
        (FailureKind::RateLimited, "0"),
        (FailureKind::StreamCut, "3"),
        (FailureKind::Timeout, "4"),
    ] {
        several.providers[0].fails(3, &Verdict::new(kind));
        several.who_with(&options(&budget)).await;
        assert_eq!(budget.spent().usd, dollars(cost), "{kind}");
        several.providers[0].mend();
        several
            .chain
            .reset(&"first".parse().expect("valid"))
            .expect("known");
        several.clock.advance(Duration::from_secs(120));
    }
    several.providers[0].fails(2, &overloaded());
    several.providers[0].meters(&used(10_000));
    several.who_with(&options(&budget)).await;
    assert_eq!(budget.spent().usd, dollars("4.10"), "paid once");
}

#[test]
fn a_dropped_call_keeps_its_estimate_since_it_has_left() {
    let clock = agent_primitives::ManualClock::default();
    let (chain, [_claude]) = gated_with(["claude"], config(), &clock);
    let budget = session("100");
    let options = options(&budget);
    let call: Call<'_> = Box::pin(chain.call_with("a", &options));
    drop(call);
    assert_eq!(budget.spent().usd, Usd::ZERO, "it was never polled");
    let mut call: Call<'_> = Box::pin(chain.call_with("a", &options));
    assert!(poll(&mut call).is_none());
    assert_eq!(budget.spent().usd, Usd::ZERO, "reserved");
    drop(call);
    // 15 and 75 dollars a million are assumed where no price is known.
    assert_eq!(budget.spent().usd, dollars("2.10"));
}
