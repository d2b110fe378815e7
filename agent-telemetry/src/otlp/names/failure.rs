//! What went wrong, and why a model stopped, from the words and numbers of many programs.

use agent_primitives::FailureKind;

use super::field::{Facts, Field};
use crate::{ServiceTier, StopReason};

/// How much of a message is looked at.
const LOOKED_AT: usize = 512;

/// What sentences of errors have in them. The text itself is not kept.
const WORDS: &[(&str, FailureKind)] = &[
    ("rate_limit", FailureKind::RateLimited),
    ("rate limit", FailureKind::RateLimited),
    ("ratelimit", FailureKind::RateLimited),
    ("too many requests", FailureKind::RateLimited),
    ("insufficient_quota", FailureKind::QuotaExhausted),
    ("credit balance", FailureKind::QuotaExhausted),
    ("quota", FailureKind::QuotaExhausted),
    ("overloaded", FailureKind::Overloaded),
    ("unavailable", FailureKind::Overloaded),
    ("prompt is too long", FailureKind::ContextTooLong),
    ("context_length", FailureKind::ContextTooLong),
    ("context length", FailureKind::ContextTooLong),
    ("context window", FailureKind::ContextTooLong),
    ("too large", FailureKind::PayloadTooLarge),
    ("content_filter", FailureKind::ContentPolicy),
    ("content policy", FailureKind::ContentPolicy),
    ("safety", FailureKind::ContentPolicy),
    ("authentication", FailureKind::Auth),
    ("unauthorized", FailureKind::Auth),
    ("api key", FailureKind::Auth),
    ("permission", FailureKind::Permission),
    ("forbidden", FailureKind::Permission),
    ("not_found", FailureKind::NotFound),
    ("not found", FailureKind::NotFound),
    ("timeout", FailureKind::Timeout),
    ("timed out", FailureKind::Timeout),
    ("deadline", FailureKind::Timeout),
    ("cancel", FailureKind::Cancelled),
    ("abort", FailureKind::Cancelled),
    ("connect", FailureKind::Network),
    ("network", FailureKind::Network),
    ("econn", FailureKind::Network),
    ("socket", FailureKind::Network),
    ("stream", FailureKind::StreamCut),
    ("invalid", FailureKind::InvalidRequest),
    ("badrequest", FailureKind::InvalidRequest),
    ("server", FailureKind::Server),
    ("internal", FailureKind::Server),
];

/// The kind of a failure: by its status, else by its type, else by its words.
pub(super) fn kind(facts: &Facts<'_>) -> FailureKind {
    // Our own words, as our exporter has them, are not to be looked into.
    let of_type = |told| FailureKind::from_word(told).or_else(|| of_words(told));
    let by_type = || facts.text(Field::ErrorType).and_then(of_type);
    let by_text = || facts.text(Field::ErrorText).and_then(of_words);
    let kind = by_status(facts).or_else(by_type).or_else(by_text);
    kind.unwrap_or(FailureKind::Unknown)
}

/// By the status of the answer, which some senders put in the place of a type.
fn by_status(facts: &Facts<'_>) -> Option<FailureKind> {
    let mut fields = [Field::StatusCode, Field::ErrorType].into_iter();
    fields.find_map(|field| facts.count(field).and_then(of_status))
}

/// Whether anything says that it failed.
pub(super) fn is_told(facts: &Facts<'_>) -> bool {
    facts.text(Field::ErrorType).is_some()
        || facts.text(Field::ErrorText).is_some()
        || facts.bool(Field::Success) == Some(false)
        || by_status(facts).is_some()
}

fn of_status(status: u64) -> Option<FailureKind> {
    Some(match status {
        401 => FailureKind::Auth,
        402 => FailureKind::QuotaExhausted,
        403 => FailureKind::Permission,
        404 => FailureKind::NotFound,
        408 | 504 => FailureKind::Timeout,
        413 => FailureKind::PayloadTooLarge,
        429 => FailureKind::RateLimited,
        499 => FailureKind::Cancelled,
        503 | 529 => FailureKind::Overloaded,
        400..500 => FailureKind::InvalidRequest,
        500..600 => FailureKind::Server,
        _ => return None,
    })
}

fn of_words(text: &str) -> Option<FailureKind> {
    let mut ends = (0..=LOOKED_AT.min(text.len())).rev();
    let start = ends.find_map(|end| text.get(..end))?;
    let small = start.to_ascii_lowercase();
    let found = WORDS.iter().find(|(words, _)| small.contains(words));
    found.map(|(_, kind)| *kind)
}

/// Why a model stopped: the first of its reasons.
pub(super) fn stop_reason(facts: &Facts<'_>) -> Option<StopReason> {
    let told = facts.first_text(Field::StopReason)?;
    if told.len() > 64 {
        return Some(StopReason::Other);
    }
    // Some senders write the list as JSON: `["stop"]`.
    let word = told.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let word = word.split(['"', ',']).next().unwrap_or(word);
    Some(match word.to_ascii_lowercase().as_str() {
        "stop" | "end_turn" | "stop_sequence" | "completed" | "complete" => StopReason::Stop,
        "length" | "max_tokens" | "max_output_tokens" | "model_length" => StopReason::Length,
        "tool_calls" | "tool_call" | "tool_use" | "tool-calls" | "function_call" => {
            StopReason::ToolCalls
        }
        "content_filter"
        | "content-filter"
        | "refusal"
        | "safety"
        | "blocklist"
        | "prohibited_content"
        | "spii"
        | "recitation"
        | "guardrail_intervened" => StopReason::ContentFilter,
        _ => StopReason::Other,
    })
}

pub(super) fn service_tier(facts: &Facts<'_>) -> Option<ServiceTier> {
    let told = facts.text(Field::ServiceTier)?;
    Some(match told {
        "standard" | "default" | "normal" | "on_demand" => ServiceTier::Standard,
        "auto" => return None,
        _ => ServiceTier::from_word(told).unwrap_or(ServiceTier::Other),
    })
}
