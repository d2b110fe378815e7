//! A person decides where the requests go.

use std::time::Duration;

use agent_resilience::ChainError;

use super::stage::{limited, overloaded, provider, setup};

#[tokio::test]
async fn a_pinned_provider_gets_everything_and_nobody_else_is_asked() {
    let setup = setup();
    setup.who().await;
    setup.chain.pin(&provider("groq")).expect("known");
    assert_eq!(setup.who().await, "groq");
    setup.groq.fails(3, &overloaded());
    let error = setup.chain.call("hello").await.expect_err("nobody else");
    assert!(matches!(error, ChainError::Exhausted(_)), "{error}");
    assert_eq!(setup.who().await, "groq", "a pin holds through a rest");
    setup.chain.unpin();
    assert_eq!(setup.who().await, "claude");
    assert_eq!(
        setup.handoffs(),
        [
            "claude -> groq (manual, manual)",
            "groq -> claude (manual, manual)"
        ]
    );
    assert_eq!(setup.claude.calls(), 2);
}

#[tokio::test]
async fn with_a_pin_the_error_speaks_of_the_pinned_provider_alone() {
    let setup = setup();
    setup.chain.pin(&provider("groq")).expect("known");
    setup.groq.fails(1, &limited(600));
    let error = setup.chain.call("hello").await.expect_err("nobody else");
    let ChainError::Exhausted(exhausted) = error else {
        unreachable!("groq was asked")
    };
    assert_eq!(exhausted.providers.len(), 1);
    assert_eq!(exhausted.retry_in(), Some(Duration::from_secs(600)));
}
