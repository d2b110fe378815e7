//! `OpenRouter`'s details. Its code is an HTTP status; what is behind it stands in `metadata`.
//!
//! Source: `OpenRouter`, "Errors" and "Limits" pages.

use agent_primitives::{FailureKind as Kind, Scope};

use super::Meaning::{self, Scoped, Sure};
use super::Reading;
use crate::classify::body::Facts;
use crate::classify::prose;
use crate::classify::verdict::Evidence;

pub(super) fn meaning(word: &str) -> Option<Meaning> {
    Some(match word {
        // Passes when the requests under way are paid for.
        "in_flight_budget_exhausted" => Scoped(Kind::RateLimited, Scope::Account),
        "upstream_provider_shared_pool" => Scoped(Kind::RateLimited, Scope::Model),
        "max_tokens_exceeded" => Sure(Kind::ContextTooLong),
        _ => return None,
    })
}

pub(super) fn special(status: u16, facts: &Facts<'_>) -> Option<Reading> {
    // The list of what a moderation found.
    if status == 403 && facts.says("reasons") {
        return Some(Reading::new(Kind::ContentPolicy, Evidence::Details));
    }
    let per_day = || prose::find(facts.message(), "free-models-per-day").is_some();
    if status == 429 && per_day() {
        return Some(Reading::new(Kind::QuotaExhausted, Evidence::Prose));
    }
    None
}
