//! A recovery around a chain: what no provider takes is changed, what passes is the chain's.

use std::time::Duration;

use agent_primitives::{FailureKind, ManualClock, ProviderId};
use agent_resilience::classify::{Verdict, When};
use agent_resilience::{Failure, FallbackChain, Provider, Recovery};
use async_trait::async_trait;

use crate::support::{Answer, Compact, Request, said, too_long};

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
