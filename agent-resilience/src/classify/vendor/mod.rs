//! The vendors' own words for their failures.

use agent_primitives::{FailureKind, Scope};

mod name;

pub use name::{UnknownVendor, Vendor};

use super::body::Facts;
use super::prose;
use super::verdict::{ContextNumbers, Evidence};

/// The format that a vendor's errors and headers are written in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Anthropic,
    OpenAi,
    Ollama,
}

impl Vendor {
    pub(super) const fn dialect(self) -> Dialect {
        match self {
            Self::Anthropic => Dialect::Anthropic,
            Self::Ollama => Dialect::Ollama,
            _ => Dialect::OpenAi,
        }
    }
}

/// What a body means, and by which signal.
pub(super) struct Reading {
    pub(super) kind: FailureKind,
    pub(super) scope: Option<Scope>,
    pub(super) context: Option<ContextNumbers>,
    pub(super) evidence: Evidence,
}

impl Reading {
    fn new(kind: FailureKind, evidence: Evidence) -> Self {
        Self {
            kind,
            scope: None,
            context: None,
            evidence,
        }
    }

    fn code(kind: FailureKind) -> Self {
        Self::new(kind, Evidence::Code)
    }

    fn scoped(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    fn with_numbers(mut self, numbers: Option<ContextNumbers>) -> Self {
        self.context = numbers;
        self
    }
}

/// Reads the structured part of a body, or `None` where it says nothing certain.
pub(super) fn by_code(vendor: Vendor, status: u16, facts: &Facts<'_>) -> Option<Reading> {
    let mut reading = match vendor.dialect() {
        Dialect::Anthropic => anthropic(facts),
        Dialect::OpenAi => openai(status, facts),
        Dialect::Ollama => None,
    }
    .or_else(|| llama_cpp(facts))?;
    if reading.kind == FailureKind::ContextTooLong && reading.context.is_none() {
        reading.context = prose::context_numbers(facts.message());
    }
    Some(reading)
}

/// Source: Anthropic, "Errors" and "Rate limits" pages.
fn anthropic(facts: &Facts<'_>) -> Option<Reading> {
    if facts.detail.as_deref() == Some("enforced_spend_limit_reached") {
        return Some(Reading::new(FailureKind::QuotaExhausted, Evidence::Details));
    }
    Some(match facts.kind.as_deref()? {
        // One type for several failures: only the sentence tells them apart. It is taken by its
        // beginning, since such messages also quote the request.
        "invalid_request_error" => {
            const BEGINNINGS: [(&str, FailureKind); 6] = [
                ("prompt is too long", FailureKind::ContextTooLong),
                (
                    "input length and `max_tokens` exceed",
                    FailureKind::ContextTooLong,
                ),
                (
                    "your credit balance is too low",
                    FailureKind::QuotaExhausted,
                ),
                (
                    "you have reached your specified",
                    FailureKind::QuotaExhausted,
                ),
                (
                    "this organization has been disabled",
                    FailureKind::Permission,
                ),
                (
                    "output blocked by content filter",
                    FailureKind::ContentPolicy,
                ),
            ];
            match BEGINNINGS
                .iter()
                .find(|(words, _)| prose::find(facts.message(), words) == Some(0))
            {
                Some((_, kind)) => Reading::new(*kind, Evidence::Prose),
                None => Reading::code(FailureKind::InvalidRequest),
            }
        }
        "authentication_error" => Reading::code(FailureKind::Auth),
        "permission_error" => Reading::code(FailureKind::Permission),
        "not_found_error" => Reading::code(FailureKind::NotFound),
        "billing_error" => Reading::code(FailureKind::QuotaExhausted),
        "request_too_large" => Reading::code(FailureKind::PayloadTooLarge),
        "rate_limit_error" if prose::find(facts.message(), "extra usage is required").is_some() => {
            // A plan that does not include long contexts: waiting never helps.
            Reading::new(FailureKind::Permission, Evidence::Prose).scoped(Scope::Request)
        }
        "rate_limit_error" => Reading::code(FailureKind::RateLimited),
        "overloaded_error" => Reading::code(FailureKind::Overloaded),
        "timeout_error" => Reading::code(FailureKind::Timeout),
        "api_error" | "conflict_error" => Reading::code(FailureKind::Server),
        _ => return None,
    })
}

/// Sources: `OpenAI`, "Error codes" and "Rate limits" pages; Groq, "Errors" and "Rate limits" pages;
/// vLLM's `entrypoints/openai`.
fn openai(status: u16, facts: &Facts<'_>) -> Option<Reading> {
    const QUOTA: [&str; 10] = [
        "usage_limit_reached",
        "usage_not_included",
        "quota_exceeded",
        "exceeded_current_quota_error",
        "insufficient_quota",
        "credit_balance_exhausted",
        "billing_hard_limit_reached",
        "organization_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
        "billing_not_active",
    ];
    let says = |word| facts.says(word);
    if QUOTA.into_iter().any(says) {
        return Some(Reading::code(FailureKind::QuotaExhausted));
    }
    if says("project_spend_limit_exceeded") {
        return Some(Reading::code(FailureKind::QuotaExhausted).scoped(Scope::Key));
    }
    if says("context_length_exceeded") {
        return Some(Reading::code(FailureKind::ContextTooLong));
    }
    if says("string_above_max_length") {
        return Some(Reading::code(FailureKind::PayloadTooLarge));
    }
    if says("content_policy_violation") || says("content_filter") || says("cyber_policy") {
        return Some(Reading::code(FailureKind::ContentPolicy));
    }
    if says("invalid_api_key") {
        return Some(Reading::code(FailureKind::Auth));
    }
    if says("model_not_found") || says("NotFoundError") {
        return Some(Reading::code(FailureKind::NotFound));
    }
    if says("slow_down") || says("server_is_overloaded") || says("capacity_exceeded") {
        return Some(Reading::code(FailureKind::Overloaded));
    }
    if says("rate_limit_exceeded") || says("rate_limit_error") {
        let numbers = prose::oversized(facts.message());
        // Groq, and gateways before it, answer 413 with this code when one request is larger than the
        // minute's allowance.
        if numbers.is_some() || status == 413 {
            return Some(
                Reading::new(FailureKind::ContextTooLong, Evidence::Details).with_numbers(numbers),
            );
        }
        return Some(Reading::code(FailureKind::RateLimited));
    }
    // Groq and OpenAI name the limit in the type and leave the code out.
    if status == 429 && (says("requests") || says("tokens")) {
        return Some(match prose::oversized(facts.message()) {
            Some(numbers) => Reading::new(FailureKind::ContextTooLong, Evidence::Details)
                .with_numbers(Some(numbers)),
            None => Reading::code(FailureKind::RateLimited),
        });
    }
    if says("server_error") || says("internal_server_error") || says("InternalServerError") {
        // Groq answers 503 with this type, and only the sentence says "over capacity".
        let full = status == 503 || prose::kind(facts.message()) == Some(FailureKind::Overloaded);
        return Some(if full {
            Reading::new(FailureKind::Overloaded, Evidence::Status)
        } else {
            Reading::code(FailureKind::Server)
        });
    }
    if says("authentication_error") {
        return Some(Reading::code(FailureKind::Auth));
    }
    if says("invalid_request_error") || says("BadRequestError") {
        // Only numbers prove a context error here: such messages also quote the request.
        return match prose::context_numbers(facts.message()) {
            Some(numbers) => Some(
                Reading::new(FailureKind::ContextTooLong, Evidence::Prose)
                    .with_numbers(Some(numbers)),
            ),
            // The type is also sent with 401, 403 and 404, where the status says more.
            _ if matches!(status, 200 | 400 | 422) => {
                Some(Reading::code(FailureKind::InvalidRequest))
            }
            _ => None,
        };
    }
    None
}

/// Source: llama.cpp's `tools/server`.
fn llama_cpp(facts: &Facts<'_>) -> Option<Reading> {
    if facts.says("exceed_context_size_error") {
        let numbers = ContextNumbers {
            used: facts.n_prompt_tokens,
            limit: facts.n_ctx,
            output_fits: None,
        };
        return Some(Reading::code(FailureKind::ContextTooLong).with_numbers(Some(numbers)));
    }
    if facts.says("unavailable_error") {
        return Some(Reading::code(FailureKind::Overloaded));
    }
    None
}

/// What a status means where the body says nothing; `None` for a status that is no failure.
pub(super) fn by_status(vendor: Vendor, status: u16) -> Option<FailureKind> {
    Some(match status {
        401 => FailureKind::Auth,
        402 => FailureKind::QuotaExhausted,
        403 => FailureKind::Permission,
        404 => FailureKind::NotFound,
        408 | 504 | 524 => FailureKind::Timeout,
        413 if vendor == Vendor::Groq => FailureKind::ContextTooLong,
        413 => FailureKind::PayloadTooLarge,
        429 => FailureKind::RateLimited,
        498 if vendor == Vendor::Groq => FailureKind::Overloaded,
        499 => FailureKind::Cancelled,
        503 | 529 => FailureKind::Overloaded,
        409 | 424 | 500..=599 if status != 501 => FailureKind::Server,
        400..=499 | 501 => FailureKind::InvalidRequest,
        _ => return None,
    })
}
