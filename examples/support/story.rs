//! Events as lines for people.

use std::time::Duration;

use agent_primitives::{BreakerState, Event};

/// Who an event is about and what happened, in a few words; `None` for what is told elsewhere, such as a
/// call that was answered.
///
/// ```
/// use agent_primitives::{Handoff, HandoffReason, ProviderId};
///
/// let (claude, groq) = (ProviderId::new("claude")?, ProviderId::new("groq")?);
/// let handoff = Handoff::automatic(claude, groq, HandoffReason::Overloaded);
/// let told = support::in_words(&handoff.into());
/// assert_eq!(told, Some(("claude".to_owned(), "hands over to groq (overloaded)".to_owned())));
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
pub fn in_words(event: &Event) -> Option<(String, String)> {
    let (who, text) = match event {
        Event::Attempt(attempt) => {
            let failure = attempt.failure?;
            (attempt.provider.to_string(), format!("failed: {failure}"))
        }
        Event::Retry(retry) => (
            retry.provider.to_string(),
            format!("asked again in {:?}", to_the_millisecond(retry.delay)),
        ),
        Event::Breaker(change) => {
            let text = match change.to {
                BreakerState::Open => "circuit breaker opens",
                BreakerState::HalfOpen => "circuit breaker lets a probe through",
                BreakerState::Closed => "circuit breaker closes",
                _ => "circuit breaker isolated",
            };
            (change.provider.to_string(), text.to_owned())
        }
        Event::Cooldown(cooldown) => (
            cooldown.provider.to_string(),
            format!("left alone for {}s", cooldown.duration.as_secs()),
        ),
        Event::Handoff(handoff) => (
            handoff.from.to_string(),
            format!("hands over to {} ({})", handoff.to, handoff.reason),
        ),
        Event::Spend(crossing) => ("budget".to_owned(), crossing.to_string()),
        _ => return None,
    };
    Some((who, text))
}

fn to_the_millisecond(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
