//! Cohere's sentences: its errors have no codes. Source: Cohere, "Errors" and "Rate limits" pages.

use agent_primitives::FailureKind as Kind;

use super::Reading;
use crate::classify::body::Facts;
use crate::classify::prose;
use crate::classify::verdict::Evidence;

pub(super) fn special(status: u16, facts: &Facts<'_>) -> Option<Reading> {
    let message = facts.message();
    let says = |words| prose::find(message, words);
    let kind = if status == 429 && says("api calls / month").is_some() {
        Kind::QuotaExhausted
    } else if status == 400 && says("too many tokens: max tokens must be") == Some(0) {
        // It concerns the answer's length, which the request asked for.
        Kind::InvalidRequest
    } else if status == 400 && says("too many tokens") == Some(0) {
        Kind::ContextTooLong
    } else {
        return None;
    };
    Some(Reading::new(kind, Evidence::Prose))
}
