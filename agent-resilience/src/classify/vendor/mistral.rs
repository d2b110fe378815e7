//! Mistral's codes. Sources: mistralai/client-python, and the replies that its users recorded.

use agent_primitives::FailureKind as Kind;

use super::Meaning::{self, Broken, Invalid, Limit, Sure};
use super::{Reading, begins};
use crate::classify::body::Facts;
use crate::classify::verdict::Evidence;

pub(super) fn meaning(word: &str) -> Option<Meaning> {
    Some(match word {
        "1300" => Limit,
        "3505" | "service_tier_capacity_exceeded" => Sure(Kind::Overloaded),
        "3051" => Sure(Kind::ContextTooLong),
        "1500" | "invalid_model" => Sure(Kind::NotFound),
        "1000" => Broken,
        "invalid_request_invalid_args" => Invalid,
        _ => return None,
    })
}

/// A full tier also comes under the type of an invalid request, without a code.
pub(super) fn full_tier(facts: &Facts<'_>) -> Option<Reading> {
    begins(facts.message(), "service tier capacity exceeded")
        .then(|| Reading::new(Kind::Overloaded, Evidence::Prose))
}
