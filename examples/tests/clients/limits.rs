//! What replies say of limits reaches the policy's rate limit.

use agent_primitives::Clock;
use agent_resilience::classify::LimitedResource;
use support::{Fault, Rule};

use crate::stand::{ANSWER, LIBRARIES, SECOND, Stand};

#[tokio::test]
async fn the_headers_of_a_success_replace_the_limit_that_was_configured() {
    for library in LIBRARIES {
        let stand = Stand::new([]).await;
        assert_eq!(stand.ask(library).await.unwrap(), ANSWER);
        let window = stand
            .rate
            .status_at(stand.clock.monotonic())
            .next()
            .unwrap();
        assert_eq!(window.resource, LimitedResource::Requests);
        // What the scripted provider states of an account of its own.
        assert_eq!(
            (window.limit, window.remaining),
            (5_000, 4_999),
            "{library:?}"
        );
    }
}

#[tokio::test]
async fn a_hint_holds_for_every_other_call() {
    for library in LIBRARIES {
        let hint = Some(20 * SECOND);
        let stand = Stand::new([Rule::new(Fault::RateLimited { retry_after: hint })]).await;
        // Longer than is waited for: given up, and the limit is shut.
        stand.ask(library).await.unwrap_err();
        let refused = stand
            .rate
            .try_acquire(agent_resilience::Cost::REQUEST)
            .unwrap_err();
        let wait = refused.retry_in().unwrap();
        assert!(
            wait > 18 * SECOND && wait <= 20 * SECOND,
            "{library:?}: {wait:?}"
        );
    }
}
