//! Cohere's sentences: its errors have no codes. Source: Cohere, "Errors" and "Rate limits" pages.

use agent_primitives::FailureKind as Kind;

use super::{Reading, begins};
use crate::classify::body::Facts;
use crate::classify::prose;
use crate::classify::verdict::Evidence;

pub(super) fn special(status: u16, facts: &Facts<'_>) -> Option<Reading> {
    let message = facts.message();
    let kind = if status == 429 && prose::find(message, "api calls / month").is_some() {
        Kind::QuotaExhausted
    } else if status == 400 && begins(message, "too many tokens: max tokens must be") {
        // It concerns the answer's length, which the request asked for.
        Kind::InvalidRequest
    } else if status == 400 && begins(message, "too many tokens") {
        Kind::ContextTooLong
    } else {
        return None;
    };
    Some(Reading::new(kind, Evidence::Prose))
}
