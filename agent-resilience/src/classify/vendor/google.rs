//! Google's status names and allowances, of the Gemini API and of Vertex AI.
//!
//! Sources: google.rpc's `code.proto` and `error_details.proto`; Gemini API, "Troubleshooting" and
//! "Rate limits" pages; Vertex AI, "Error code 429" page.

use agent_primitives::{FailureKind as Kind, Scope};

use super::Meaning::{self, Broken, Invalid, Limit, Scoped, Sure};
use super::Reading;
use crate::classify::body::{Facts, Span};
use crate::classify::prose;
use crate::classify::verdict::Evidence;

pub(super) fn meaning(word: &str) -> Option<Meaning> {
    Some(match word {
        "API_KEY_INVALID" | "ACCESS_TOKEN_EXPIRED" | "UNAUTHENTICATED" => Sure(Kind::Auth),
        "PERMISSION_DENIED" | "FAILED_PRECONDITION" => Sure(Kind::Permission),
        "BILLING_DISABLED" => Scoped(Kind::Permission, Scope::Account),
        "NOT_FOUND" => Sure(Kind::NotFound),
        "RESOURCE_EXHAUSTED" | "RATE_LIMIT_EXCEEDED" => Limit,
        "UNAVAILABLE" => Sure(Kind::Overloaded),
        "DEADLINE_EXCEEDED" => Sure(Kind::Timeout),
        "CANCELLED" => Sure(Kind::Cancelled),
        "INTERNAL" | "UNKNOWN" => Broken,
        "INVALID_ARGUMENT" | "OUT_OF_RANGE" => Invalid,
        _ => return None,
    })
}

/// The allowance that is used up, where the details name it. The sentence is the same for a minute
/// and for a day, and a delay comes with both.
pub(super) fn allowance(facts: &Facts<'_>) -> Option<Reading> {
    let scope = if facts.per_model {
        Scope::Model
    } else {
        Scope::Account
    };
    // A model that the plan does not include has an allowance of nothing.
    let is_none = || prose::find(facts.message(), "limit: 0,").is_some();
    let kind = match facts.span? {
        Span::Day => Kind::QuotaExhausted,
        Span::Minute if is_none() => Kind::QuotaExhausted,
        Span::Minute => Kind::RateLimited,
    };
    Some(Reading::new(kind, Evidence::Details).scoped(scope))
}
