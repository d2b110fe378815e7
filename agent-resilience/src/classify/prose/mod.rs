//! What can be told from an error's sentence: the last evidence, and the only one for providers
//! that send nothing else.

mod leads;
mod numbers;
mod phrases;
mod sentences;

use agent_primitives::FailureKind;

pub(super) use numbers::{context_numbers, oversized};
pub(super) use phrases::Phrases;

use sentences::{ORDER, SENTENCES};

/// Position of `needle` (lower case) in `text`, ASCII case ignored.
pub(super) fn find(text: &str, needle: &str) -> Option<usize> {
    let first = needle.bytes().next()?;
    let (text, needle) = (text.as_bytes(), needle.as_bytes());
    text.windows(needle.len()).position(|window| {
        window
            .first()
            .is_some_and(|byte| byte.to_ascii_lowercase() == first)
            && window.eq_ignore_ascii_case(needle)
    })
}

/// The kind that a sentence speaks of: of all that it names, the one least worth a retry.
pub(super) fn kind(text: &str) -> Option<FailureKind> {
    let rank = |kind| ORDER.iter().position(|other| *other == kind);
    SENTENCES
        .found_in(text)
        .map(|(kind, _)| kind)
        .min_by_key(|kind| rank(*kind).unwrap_or(ORDER.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_not_be_retried_wins_over_the_word_rate_limit() {
        for (text, expected) in [
            (
                "Rate limit: your credit balance is too low",
                FailureKind::QuotaExhausted,
            ),
            (
                "429 rate limit: prompt is too long",
                FailureKind::ContextTooLong,
            ),
            ("Too Many Requests", FailureKind::RateLimited),
            (
                "model 'x' not found, try pulling it first",
                FailureKind::NotFound,
            ),
            (
                "server busy, please try again.  maximum pending requests exceeded",
                FailureKind::Overloaded,
            ),
        ] {
            assert_eq!(kind(text), Some(expected), "{text}");
        }
        assert_eq!(kind("hello"), None);
        assert_eq!(kind(""), None);
    }

    #[test]
    fn the_same_words_mean_what_stands_beside_them() {
        use FailureKind::{ContextTooLong, PayloadTooLarge, QuotaExhausted, RateLimited};
        for (text, expected) in [
            (
                "Too many tokens, please wait before trying again.",
                Some(RateLimited),
            ),
            (
                "Too many tokens per day, please wait.",
                Some(QuotaExhausted),
            ),
            (
                "too many tokens: size limit exceeded by 11326 tokens",
                Some(ContextTooLong),
            ),
            (
                "a Trial key, which is limited to 40 API calls / minute",
                None,
            ),
            (
                "a Trial key, which is limited to 1000 API calls / month",
                Some(QuotaExhausted),
            ),
            (
                "Rate limit of 50 per 86400s exceeded for UserByModelByDay",
                Some(QuotaExhausted),
            ),
            (
                "Rate limit of 10 per 60s exceeded for UserByModelByMinute",
                Some(RateLimited),
            ),
            (
                "Rate limit exceeded: free-models-per-day.",
                Some(QuotaExhausted),
            ),
            (
                "Rate limit exceeded: free-models-per-min.",
                Some(RateLimited),
            ),
            (
                "Request too large for gpt-4o: Limit 1, Requested 2",
                Some(ContextTooLong),
            ),
            ("Request too large", Some(PayloadTooLarge)),
            (
                "Request body too large for gpt-4o model.",
                Some(ContextTooLong),
            ),
            ("request body too large", Some(PayloadTooLarge)),
            (
                "litellm.ContextWindowExceededError: AnthropicError",
                Some(ContextTooLong),
            ),
            ("Weekly/Monthly Limit Exhausted.", Some(QuotaExhausted)),
            ("429 余额不足或无可用资源包,请充值。", Some(QuotaExhausted)),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
    }
}
