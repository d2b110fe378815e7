//! Words that say too little alone: a limit, a broken service, an invalid request. Status, numbers and
//! sentence tell the rest.

use agent_primitives::{FailureKind, Scope};

use super::{Reading, Vendor, anthropic, begins, github};
use crate::classify::body::Facts;
use crate::classify::prose;
use crate::classify::verdict::Evidence;

pub(super) fn limit(vendor: Vendor, status: u16, facts: &Facts<'_>, evidence: Evidence) -> Reading {
    let message = facts.message();
    // Google names an empty prepaid balance by the same word as a limit.
    if status == 402 {
        return Reading::new(FailureKind::QuotaExhausted, Evidence::Status);
    }
    let numbers = prose::oversized(message);
    // Groq, and gateways before it, answer 413 when one request is larger than the minute's allowance.
    if numbers.is_some() || status == 413 {
        let reading = Reading::new(FailureKind::ContextTooLong, Evidence::Details);
        return reading.with_numbers(numbers);
    }
    // OpenAI's and Groq's own sentence, which goes on about money: how to buy a higher limit.
    let is_plain = begins(message, "rate limit reached");
    let sentence = (!is_plain).then(|| prose::kind(message)).flatten();
    match sentence {
        Some(FailureKind::Permission) => {
            let reading = Reading::new(FailureKind::Permission, Evidence::Prose);
            return if anthropic::needs_a_plan(message) {
                reading.scoped(Scope::Request)
            } else {
                reading
            };
        }
        Some(
            kind @ (FailureKind::QuotaExhausted
            | FailureKind::ContextTooLong
            | FailureKind::Overloaded),
        ) => return Reading::new(kind, Evidence::Prose),
        _ => {}
    }
    let reading = Reading::new(FailureKind::RateLimited, evidence);
    let name = facts.limit_name.as_deref();
    let scope = name.and_then(|name| match vendor {
        Vendor::Anthropic => anthropic::claim(name),
        Vendor::GithubCopilot => github::exceeded(name),
        _ => None,
    });
    match scope {
        Some(scope) => reading.scoped(scope),
        None => reading,
    }
}

/// Believed under the status of an error of the service; gateways say it of every failure.
pub(super) fn broken(status: u16, facts: &Facts<'_>, evidence: Evidence) -> Option<Reading> {
    if !(matches!(status, 200 | 408 | 409 | 424) || status >= 500) {
        return None;
    }
    match prose::kind(facts.message()) {
        Some(FailureKind::Overloaded) => {
            Some(Reading::new(FailureKind::Overloaded, Evidence::Prose))
        }
        // llama.cpp's Python server and some gateways answer 500 to a prompt that is too long.
        Some(FailureKind::ContextTooLong) => {
            Some(Reading::new(FailureKind::ContextTooLong, Evidence::Prose))
        }
        // Groq answers 503 with this type, and only the status says "over capacity".
        _ if status == 503 => Some(Reading::new(FailureKind::Overloaded, Evidence::Status)),
        _ => Some(Reading::new(FailureKind::Server, evidence)),
    }
}

pub(super) fn invalid(
    vendor: Vendor,
    status: u16,
    facts: &Facts<'_>,
    evidence: Evidence,
) -> Option<Reading> {
    let message = facts.message();
    if let Some(kind) = anthropic::beginning(message) {
        return Some(Reading::new(kind, Evidence::Prose));
    }
    // Only numbers prove a context error here: such messages also quote the request.
    if vendor != Vendor::Anthropic
        && let Some(numbers) = prose::context_numbers(message)
    {
        let reading = Reading::new(FailureKind::ContextTooLong, Evidence::Prose);
        return Some(reading.with_numbers(Some(numbers)));
    }
    // The type is also sent with 401, 403, 404 and 429, where the status says more.
    matches!(status, 200 | 400 | 422).then(|| Reading::new(FailureKind::InvalidRequest, evidence))
}
