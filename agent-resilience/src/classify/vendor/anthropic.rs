//! Anthropic's types. Source: "Errors" and "Rate limits" pages of its platform documentation.

use agent_primitives::{FailureKind as Kind, Scope};

use super::Meaning::{self, Broken, Invalid, Limit, Sure};
use super::begins;
use crate::classify::prose;

pub(super) fn meaning(word: &str) -> Option<Meaning> {
    Some(match word {
        // One type for several failures: only the sentence tells them apart.
        "invalid_request_error" => Invalid,
        "authentication_error" => Sure(Kind::Auth),
        "permission_error" => Sure(Kind::Permission),
        "not_found_error" => Sure(Kind::NotFound),
        "request_too_large" => Sure(Kind::PayloadTooLarge),
        "rate_limit_error" => Limit,
        "overloaded_error" => Sure(Kind::Overloaded),
        "timeout_error" => Sure(Kind::Timeout),
        "api_error" | "conflict_error" => Broken,
        _ => return None,
    })
}

/// What the sentence of an invalid request proves. It is taken by its beginning, since such messages
/// also quote the request.
pub(super) fn beginning(message: &str) -> Option<Kind> {
    const BEGINNINGS: [(&str, Kind); 8] = [
        ("prompt is too long", Kind::ContextTooLong),
        ("input length and `max_tokens` exceed", Kind::ContextTooLong),
        // Bedrock, for models of several vendors.
        ("input is too long", Kind::ContextTooLong),
        ("your credit balance is too low", Kind::QuotaExhausted),
        ("you have reached your specified", Kind::QuotaExhausted),
        ("billing hard limit has been reached", Kind::QuotaExhausted),
        ("this organization has been disabled", Kind::Permission),
        ("output blocked by content filter", Kind::ContentPolicy),
    ];
    // Bedrock passes the words of the model's own service on behind its own.
    let own = "The model returned the following errors: ";
    let message = message.strip_prefix(own).unwrap_or(message);
    BEGINNINGS
        .iter()
        .find(|(words, _)| begins(message, words))
        .map(|(_, kind)| *kind)
}

/// The scope that the claim of a subscription's limit names.
pub(super) fn claim(name: &str) -> Option<Scope> {
    Some(match name {
        "five_hour" | "seven_day" => Scope::Account,
        // Such as `seven_day_opus`: other models still answer.
        _ if name.starts_with("seven_day_") => Scope::Model,
        _ => return None,
    })
}

/// A plan that does not include long contexts says so under the name of a rate limit: waiting never
/// helps.
pub(super) fn needs_a_plan(message: &str) -> bool {
    prose::find(message, "extra usage is required").is_some()
}
