//! `OpenAI`'s codes, and those that services in its format added: Groq, vLLM, Cerebras, Together,
//! `DeepSeek`, xAI.
//!
//! Sources: `OpenAI`, "Error codes" and "Rate limits" pages; the Codex client; Groq, "Errors" and
//! "Rate limits" pages; vLLM's `entrypoints/openai`; Cerebras, "Error codes" page.

use agent_primitives::FailureKind as Kind;

use super::Meaning::{self, Broken, Invalid, Limit, Sure};

pub(super) fn meaning(word: &str) -> Option<Meaning> {
    Some(match word {
        "context_length_exceeded" => Sure(Kind::ContextTooLong),
        "string_above_max_length" => Sure(Kind::PayloadTooLarge),
        "content_policy_violation" | "content_filter" | "cyber_policy" | "safety_check_failed" => {
            Sure(Kind::ContentPolicy)
        }
        "invalid_api_key" | "wrong_api_key" | "ip_not_authorized" | "AuthenticationError" => {
            Sure(Kind::Auth)
        }
        "unsupported_country_region_territory" | "request_forbidden" | "PermissionDeniedError" => {
            Sure(Kind::Permission)
        }
        "model_not_found" | "NotFoundError" => Sure(Kind::NotFound),
        "slow_down"
        | "server_is_overloaded"
        | "capacity_exceeded"
        | "queue_exceeded"
        | "over_capacity"
        | "service_unavailable"
        | "ServiceUnavailable" => Sure(Kind::Overloaded),
        // Groq and OpenAI also name the limit in the type and leave the code out.
        "rate_limit_exceeded"
        | "rate_limit"
        | "rate_limited"
        | "too_many_requests"
        | "requests"
        | "tokens"
        | "request_quota_exceeded"
        | "token_quota_exceeded"
        | "RateLimitError"
        | "too_many_requests_error"
        | "too_many_tokens_error" => Limit,
        "server_error" | "internal_server_error" | "InternalServerError" => Broken,
        "stream_error" => Sure(Kind::StreamCut),
        "timeout" | "Timeout" => Sure(Kind::Timeout),
        "BadRequestError"
        | "invalid_value"
        | "invalid_request"
        | "unsupported_parameter"
        | "UnprocessableEntityError" => Invalid,
        "NotImplementedError" => Sure(Kind::InvalidRequest),
        _ => return None,
    })
}
