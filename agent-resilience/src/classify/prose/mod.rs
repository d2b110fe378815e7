//! What can be told from an error's sentence: the last evidence, and the only one for providers
//! that send nothing else.

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
    use crate::classify::ContextNumbers;

    #[test]
    fn the_largest_output_that_fits_is_computed_from_the_sentence() {
        for (text, used, limit, fits) in [
            (
                "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease",
                188_240,
                200_000,
                Some(11_760),
            ),
            (
                "prompt is too long: 215000 tokens > 200000 maximum",
                215_000,
                200_000,
                None,
            ),
            (
                "This model's maximum context length is 8192 tokens. However, you requested 9000 \
                 tokens (5000 in the messages, 4000 in the completion).",
                5_000,
                8_192,
                Some(3_192),
            ),
            (
                "maximum context length is 8,192 tokens. However, your messages resulted in 10,244 tokens",
                10_244,
                8_192,
                None,
            ),
            (
                "on tokens per minute (TPM): Limit 6000, Requested 9345, please",
                9_345,
                6_000,
                None,
            ),
        ] {
            let expected = ContextNumbers {
                used: Some(used),
                limit: Some(limit),
                output_fits: fits,
            };
            assert_eq!(context_numbers(text), Some(expected), "{text}");
        }
        assert_eq!(context_numbers("too long: a > b"), None);
    }

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
    }
}
