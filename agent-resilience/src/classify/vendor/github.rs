//! GitHub Copilot's and GitHub Models' codes and names of limits.
//!
//! Sources: microsoft/vscode-copilot-chat, `src/platform/openai/node/fetch.ts`; GitHub Models, "Rate
//! limits" page.

use agent_primitives::{FailureKind as Kind, Scope};

use super::Meaning::{self, Invalid, Limit, Sure};
use super::Reading;
use crate::classify::body::Facts;
use crate::classify::prose;
use crate::classify::verdict::Evidence;

pub(super) fn meaning(word: &str) -> Option<Meaning> {
    Some(match word {
        "model_max_prompt_tokens_exceeded" | "tokens_limit_reached" => Sure(Kind::ContextTooLong),
        "RateLimitReached" => Limit,
        "unknown_model" | "model_not_supported" => Sure(Kind::NotFound),
        "no_access" => Sure(Kind::Permission),
        "unauthorized" => Sure(Kind::Auth),
        "invalid_request_body" => Invalid,
        _ => return None,
    })
}

/// The limit by its name, in the header `x-ratelimit-type` or in the sentence: `UserByMinute`,
/// `UserByModelByDay`, `UserConcurrentRequests`.
pub(super) fn limit(facts: &Facts<'_>) -> Option<Reading> {
    let header = facts
        .limit_name
        .as_deref()
        .filter(|name| name.starts_with("User"));
    if header.is_none() && !facts.says("RateLimitReached") {
        return None;
    }
    let names = |word: &str| match header {
        Some(name) => name.contains(word),
        None => prose::find(facts.message(), word).is_some(),
    };
    let kind = if names("byday") || names("ByDay") {
        Kind::QuotaExhausted
    } else {
        Kind::RateLimited
    };
    let scope = if names("bymodel") || names("ByModel") {
        Scope::Model
    } else {
        Scope::Account
    };
    let evidence = match (header, kind) {
        (Some(_), _) => Evidence::Header,
        (None, Kind::QuotaExhausted) => Evidence::Prose,
        (None, _) => Evidence::Code,
    };
    Some(Reading::new(kind, evidence).scoped(scope))
}

/// The scope that `x-ratelimit-exceeded` names, such as `global-user-tps`.
pub(super) fn exceeded(name: &str) -> Option<Scope> {
    if name.contains("model") {
        Some(Scope::Model)
    } else if name.contains("user") || name.contains("global") {
        Some(Scope::Account)
    } else {
        None
    }
}
