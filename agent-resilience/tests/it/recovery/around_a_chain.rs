//! A recovery around a chain: what no provider takes is changed, what passes is the chain's.

use std::time::Duration;

use agent_primitives::{
    FailureKind, ManualClock, Monotonic, ProviderId, Scope, SessionId, Timestamp,
};
use agent_resilience::classify::{Verdict, When};
use agent_resilience::{
    CallOptions, Deadline, Failure, FallbackChain, Needs, Profile, Provider, Recovery, SpendBudget,
    SpendBudgetConfig, SpendCap, TokenPrice,
};
use async_trait::async_trait;

use super::support::{Answer, Compact, Request, model, said, too_long};

struct Window(ProviderId, u64);

#[async_trait]
impl Provider<Request> for Window {
    type Reply = Answer;

    fn id(&self) -> &ProviderId {
        &self.0
    }

    async fn call(&self, request: &Request) -> Result<Answer, Failure> {
        match self.1 {
            0 => Err(Verdict::new(FailureKind::QuotaExhausted).into()),
            window if request.input > window => Ok(too_long(request.input, window)?),
            _ => Ok(Answer::whole(self.0.as_str())),
        }
    }
}

fn chain(windows: [u64; 2]) -> FallbackChain<Request, Answer> {
    let [first, second] = windows;
    let provider = |name: &str, window| Window(ProviderId::new(name).unwrap(), window);
    FallbackChain::builder()
        .provider(provider("small", first))
        .provider(provider("big", second))
        .clock(ManualClock::default())
        .build()
        .unwrap()
}

#[tokio::test]
async fn request_that_no_provider_takes_is_shortened_for_one_of_them() {
    let chain = chain([8_000, 30_000]);
    let request = Request {
        compact: Compact::Exact,
        ..Request::new(50_000, 0)
    };
    let recovered = Recovery::default()
        .run(&request, async |request, _| {
            chain.call(request).await.map(|reply| reply.value)
        })
        .await
        .unwrap();
    assert_eq!(said(&recovered.steps), ["compact_history recovered"]);
    assert!(recovered.request.unwrap().input < 30_000);
    assert_eq!(recovered.calls, 2);
}

#[tokio::test]
async fn limit_of_one_of_a_chain_does_not_shorten_what_the_next_time_another_takes() {
    let request = Request {
        compact: Compact::Exact,
        model: Some(model("any")),
        ..Request::new(50_000, 0)
    };
    let recovery = Recovery::default();
    let mut calls = Vec::new();
    // The one with the wide window is not there at first.
    for windows in [[8_000, 8_000], [8_000, 100_000]] {
        let chain = chain(windows);
        let recovered = recovery
            .run(&request, async |request, _| {
                chain.call(request).await.map(|reply| reply.value)
            })
            .await
            .unwrap();
        calls.push((recovered.calls, recovered.request.is_some()));
    }
    assert_eq!(calls, [(2, true), (1, false)]);
    assert_eq!(recovery.learned_limit(&model("any")), None);
}

#[tokio::test]
async fn exhausted_chain_says_what_and_until_when() {
    let chain = chain([0, 0]);
    let error = Recovery::default()
        .run(&Request::new(50, 0), async |request, _| {
            chain.call(request).await.map(|reply| reply.value)
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), FailureKind::QuotaExhausted);
    let hour = When::In(Duration::from_secs(3_600));
    assert_eq!(error.verdict().retry_after, Some(hour));
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        why.starts_with("no provider can answer: small quota_exhausted"),
        "{why}"
    );
}

/// A budget of one dollar a day, and a chain whose tokens cost a dollar for a million.
fn poor() -> (SpendBudget, FallbackChain<Request, Answer>) {
    let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(86_000));
    let config = SpendBudgetConfig::default().day(SpendCap::usd("1".parse().unwrap()));
    let budget = SpendBudget::with_clock(&config, clock.clone()).unwrap();
    let price = TokenPrice::per_million("1".parse().unwrap(), "1".parse().unwrap());
    let provider = Window(ProviderId::new("only").unwrap(), u64::MAX);
    let chain = FallbackChain::builder()
        .provider_with(provider, Profile::default().price(price))
        .clock(clock)
        .build()
        .unwrap();
    (budget, chain)
}

#[tokio::test]
async fn what_the_budget_holds_back_is_asked_of_a_cheaper_model() {
    let (budget, chain) = poor();
    let session = budget.session(&SessionId::new("s").unwrap()).unwrap();
    let request = Request {
        cheaper: Some(model("cheap")),
        ..Request::new(2_000_000, 0)
    };
    let recovered = Recovery::default()
        .run(&request, async |request, _| {
            let input = match request.model {
                Some(_) => 1_000,
                None => request.input,
            };
            let options = CallOptions::new()
                .needs(Needs::default().input(input))
                .budget(session.clone());
            let reply = chain.call_with(request, &options).await;
            reply.map(|reply| reply.value)
        })
        .await
        .unwrap();
    assert_eq!(said(&recovered.steps), ["cheaper_model recovered"]);
}

#[tokio::test]
async fn neither_budget_nor_time_is_a_providers_fault() {
    let (budget, chain) = poor();
    let session = budget.session(&SessionId::new("s").unwrap()).unwrap();
    let options = CallOptions::new()
        .needs(Needs::default().input(2_000_000))
        .budget(session);
    let request = Request::new(50, 0);
    let over = chain.call_with(&request, &options).await.unwrap_err();
    let failure = Failure::from(over);
    let midnight = When::At(Timestamp::from_unix_seconds(86_400));
    let verdict = failure.verdict();
    assert_eq!(
        (verdict.kind, verdict.scope, verdict.retry_after),
        (FailureKind::QuotaExhausted, Scope::Request, Some(midnight))
    );
    let why = std::error::Error::source(&failure).unwrap().to_string();
    assert!(why.contains("the day's cap"), "{why}");

    let options = CallOptions::new().deadline(Deadline::at(Monotonic::from_nanos(0)));
    let late = chain.call_with(&request, &options).await.unwrap_err();
    let late = Failure::from(late);
    assert_eq!(
        (late.kind(), late.verdict().scope),
        (FailureKind::Timeout, Scope::Request)
    );
}

/// A chain as one provider of another chain.
struct Inner(ProviderId, FallbackChain<Request, Answer>, SpendBudget);

#[async_trait]
impl Provider<Request> for Inner {
    type Reply = Answer;

    fn id(&self) -> &ProviderId {
        &self.0
    }

    async fn call(&self, request: &Request) -> Result<Answer, Failure> {
        let session = self.2.session(&SessionId::new("s").unwrap()).unwrap();
        let options = CallOptions::new()
            .needs(Needs::default().input(request.input))
            .budget(session);
        Ok(self.1.call_with(request, &options).await?.value)
    }
}

#[tokio::test]
async fn chain_in_a_chain_answers_the_next_request_when_one_cost_too_much() {
    let (budget, inner) = poor();
    let chain = FallbackChain::builder()
        .provider(Inner(ProviderId::new("inner").unwrap(), inner, budget))
        .clock(ManualClock::default())
        .build()
        .unwrap();
    let dear = chain.call(&Request::new(2_000_000, 0)).await.unwrap_err();
    assert_eq!(Failure::from(dear).kind(), FailureKind::QuotaExhausted);
    let cheap = chain.call(&Request::new(1_000, 0)).await.unwrap();
    assert_eq!(cheap.value.text, "only");
}
