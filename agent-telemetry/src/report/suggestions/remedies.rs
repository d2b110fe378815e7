//! What answers a failure that recurs.

use agent_primitives::FailureKind;

/// What answers a failure, and the page that says how, in the crate `resilience` of this family. `None` for
/// failures that nothing is known about, and for those that the host wants.
pub(super) const fn remedy(kind: FailureKind) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        FailureKind::RateLimited => (
            "keep below the limits of the plan before the provider refuses, with `RateLimit` and the windows of `PolicyConfig::for_vendor`",
            "docs/presets.md",
        ),
        FailureKind::QuotaExhausted => (
            "cap what is spent with `SpendBudget`, and let `Recovery` turn to a cheaper model before it is gone",
            "docs/recovering.md",
        ),
        FailureKind::Overloaded => (
            "let a `FallbackChain` ask another provider while this one has no room",
            "README.md",
        ),
        FailureKind::ContextTooLong => (
            "let `Recovery` compact the history, or go to a wider window, before the request is sent",
            "docs/recovering.md",
        ),
        FailureKind::PayloadTooLarge => (
            "let `Recovery` compact the history or send it in parts",
            "docs/recovering.md",
        ),
        FailureKind::OutputLimit => (
            "let `Recovery` allow a longer answer, or ask for its rest",
            "docs/recovering.md",
        ),
        FailureKind::Auth => (
            "renew the key: no retry and no other model helps, and each one costs time",
            "README.md",
        ),
        FailureKind::Permission => (
            "give the key the right to this model, or leave the model out of the chain",
            "README.md",
        ),
        FailureKind::NotFound => (
            "mend the name of the model, or leave it out of the chain",
            "README.md",
        ),
        FailureKind::InvalidRequest => (
            "mend the request: sending it again changes nothing",
            "README.md",
        ),
        FailureKind::ContentPolicy => (
            "let another model of a `FallbackChain` answer, or tell the user; retries do not help",
            "README.md",
        ),
        FailureKind::Timeout => (
            "set `attempt_timeout` as the vendor's own client has it, and let a `FallbackChain` hedge what is late",
            "docs/presets.md",
        ),
        FailureKind::Network | FailureKind::Server => (
            "try again after a pause with `RetryPolicy`, and let a `CircuitBreaker` leave the provider alone while it lasts",
            "README.md",
        ),
        FailureKind::StreamCut => (
            "guard streams with `StreamLimits`, and let `Recovery` ask for the rest of an answer",
            "docs/recovering.md",
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_failures_but_two_have_an_answer() {
        let without: Vec<FailureKind> = FailureKind::ALL
            .iter()
            .copied()
            .filter(|it| remedy(*it).is_none())
            .collect();
        assert_eq!(without, [FailureKind::Cancelled, FailureKind::Unknown]);
    }
}
