//! Providers that were left alone for a while.

use std::collections::HashMap;

use agent_primitives::{BreakerState, ProviderId};

use crate::Body;

/// Providers that are followed, so that memory is bounded.
const PROVIDERS: usize = 1_024;

/// When each provider was last left alone. A provider rests for all sessions, and breakers often name none.
#[derive(Debug, Default)]
pub(super) struct Rests {
    /// Counts the records that say so.
    turn: u64,
    known: HashMap<ProviderId, Rest>,
}

#[derive(Debug, Default)]
struct Rest {
    last: u64,
    /// Whether no call has succeeded since.
    lasts: bool,
}

impl Rests {
    pub(super) fn see(&mut self, body: &Body) {
        match body {
            Body::Cooldown(it) => self.rest(&it.provider),
            Body::Breaker(it) => match it.to {
                BreakerState::Open | BreakerState::Isolated => self.rest(&it.provider),
                BreakerState::Closed => self.works(&it.provider),
                _ => {}
            },
            _ => {}
        }
    }

    fn rest(&mut self, provider: &ProviderId) {
        if self.known.len() >= PROVIDERS && !self.known.contains_key(provider) {
            return;
        }
        self.turn += 1;
        let rest = self.known.entry(provider.clone()).or_default();
        rest.last = self.turn;
        rest.lasts = true;
    }

    /// A call of the provider succeeded.
    pub(super) fn works(&mut self, provider: &ProviderId) {
        if let Some(rest) = self.known.get_mut(provider) {
            rest.lasts = false;
        }
    }

    /// The moment of a failure. A breaker may open just before the failure that opens it is told.
    pub(super) fn moment(&self, provider: &ProviderId) -> u64 {
        match self.known.get(provider) {
            Some(rest) if rest.lasts => rest.last - 1,
            _ => self.turn,
        }
    }

    /// Whether the provider was left alone since that moment.
    pub(super) fn rested_since(&self, provider: &ProviderId, moment: u64) -> bool {
        self.known
            .get(provider)
            .is_some_and(|rest| rest.last > moment)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use agent_primitives::{BreakerChange, Cooldown, FailureKind, Scope};

    use super::*;

    fn provider(name: &str) -> ProviderId {
        ProviderId::new(name).unwrap()
    }

    fn cooldown(name: &str) -> Body {
        let minute = Duration::from_secs(60);
        Cooldown::new(
            provider(name),
            Scope::Provider,
            FailureKind::Overloaded,
            minute,
        )
        .into()
    }

    fn breaker(name: &str, to: BreakerState) -> Body {
        BreakerChange::new(provider(name), BreakerState::HalfOpen, to).into()
    }

    #[test]
    fn rest_counts_from_the_failure_on() {
        let mut rests = Rests::default();
        rests.see(&cooldown("y"));
        let moment = rests.moment(&provider("x"));
        assert!(!rests.rested_since(&provider("x"), moment));
        rests.see(&cooldown("x"));
        assert!(rests.rested_since(&provider("x"), moment));
        assert!(!rests.rested_since(&provider("y"), moment));
    }

    #[test]
    fn breaker_that_opened_just_before_the_failure_was_told_counts_until_a_call_succeeds() {
        let mut rests = Rests::default();
        rests.see(&breaker("x", BreakerState::Open));
        rests.see(&breaker("x", BreakerState::HalfOpen));
        let moment = rests.moment(&provider("x"));
        assert!(rests.rested_since(&provider("x"), moment));
        rests.works(&provider("x"));
        let moment = rests.moment(&provider("x"));
        assert!(!rests.rested_since(&provider("x"), moment));
        rests.see(&breaker("x", BreakerState::Isolated));
        rests.see(&breaker("x", BreakerState::Closed));
        let moment = rests.moment(&provider("x"));
        assert!(!rests.rested_since(&provider("x"), moment));
    }
}
