//! The codes of all vendors that mean that money or a long allowance is used up. They count wherever
//! in a body they stand, so they are kept apart from the other words.
//!
//! Sources: `OpenAI`, "Error codes" page; the Codex client; Anthropic, "Errors" page; `OpenRouter`,
//! "Errors" page; Bedrock Runtime API reference; Cerebras, Together and GitHub Copilot.

use agent_primitives::Scope;

use super::bedrock;

/// How far a used-up allowance reaches; `None` for a word that means something else.
pub(super) fn scope(word: &str) -> Option<Scope> {
    Some(match word {
        "insufficient_quota"
        | "credit_balance_exhausted"
        | "billing_hard_limit_reached"
        | "billing_not_active"
        | "organization_spend_limit_exceeded"
        | "organization_usage_limit_exceeded"
        | "usage_limit_reached"
        | "usage_not_included"
        | "quota_exceeded"
        | "exceeded_current_quota_error"
        | "payment_required"
        | "payment_required_error"
        | "credit_limit"
        | "billing_error"
        | "enforced_spend_limit_reached"
        | "openrouter_free_tier_daily" => Scope::Account,
        "project_spend_limit_exceeded" | "openrouter_guardrail_budget" | "openrouter_key_limit" => {
            Scope::Key
        }
        // One request that costs more than the whole budget.
        "weight_exceeds_budget" => Scope::Request,
        _ if bedrock::plain(word) == Some("ServiceQuotaExceeded") => Scope::Account,
        _ => return None,
    })
}
