//! What can be told from an error's sentence: the last evidence, and the only one for providers
//! that send nothing else.

use agent_primitives::FailureKind;

use super::verdict::ContextNumbers;

/// Position of `needle` (lower case) in `text`, ASCII case ignored.
pub(super) fn find(text: &str, needle: &str) -> Option<usize> {
    text.as_bytes()
        .windows(needle.len())
        .position(|window| window.eq_ignore_ascii_case(needle.as_bytes()))
}

fn has(text: &str, needle: &str) -> bool {
    find(text, needle).is_some()
}

/// The order matters: what must never be retried is looked for before what may be.
const SENTENCES: [(FailureKind, &[&str]); 9] = [
    (
        FailureKind::ContextTooLong,
        &[
            "prompt is too long",
            "prompt too long",
            "exceed context limit",
            "maximum context length",
            "context_length_exceeded",
            "exceeds the context",
            "exceeds context",
            "exceed_context_size",
            "exceeds the available context size",
            "exceeds the maximum number of tokens",
            "input is too long",
        ],
    ),
    (
        FailureKind::QuotaExhausted,
        &[
            "credit balance is too low",
            "insufficient_quota",
            "insufficient quota",
            "insufficient credits",
            "insufficient balance",
            "requires more credits",
            "available credits",
            "exceeded your current quota",
            "check your plan and billing",
            "reached your specified",
            "spend limit",
            "spending limit",
            "weekly usage limit",
            "daily usage limit",
            "monthly usage limit",
        ],
    ),
    (
        FailureKind::ContentPolicy,
        &[
            "content policy",
            "content management policy",
            "content_filter",
            "safety system",
        ],
    ),
    (
        FailureKind::Auth,
        &[
            "invalid api key",
            "incorrect api key",
            "invalid x-api-key",
            "api key not valid",
            "unauthorized",
        ],
    ),
    (
        FailureKind::NotFound,
        &["not found, try pulling", "model not found"],
    ),
    (
        FailureKind::PayloadTooLarge,
        &["request too large", "body too large", "payload too large"],
    ),
    (
        FailureKind::RateLimited,
        &["rate limit", "too many requests"],
    ),
    (
        FailureKind::Overloaded,
        &[
            "overloaded",
            "server busy",
            "maximum pending requests",
            "over capacity",
            "high demand",
            "loading model",
        ],
    ),
    (FailureKind::Timeout, &["timed out", "timeout"]),
];

/// The kind that a sentence speaks of.
pub(super) fn kind(text: &str) -> Option<FailureKind> {
    SENTENCES
        .iter()
        .find(|(_, needles)| needles.iter().any(|needle| has(text, needle)))
        .map(|(kind, _)| *kind)
}

/// Whether a 429 says that this single request is larger than the whole allowance, so that waiting
/// never helps: "Limit 6000, Requested 9345" (OpenAI, Groq).
pub(super) fn oversized(text: &str) -> Option<ContextNumbers> {
    let limit = number_after(text, "limit ")?;
    let requested = number_after(text, "requested ")?;
    (requested > limit).then_some(ContextNumbers {
        used: Some(requested),
        limit: Some(limit),
        output_fits: None,
    })
}

/// The numbers in a sentence about a context that is too long.
pub(super) fn context_numbers(text: &str) -> Option<ContextNumbers> {
    // Anthropic: "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000".
    if let Some(used) = number_after(text, "context limit: ") {
        let limit = number_after(text, " > ")?;
        return Some(numbers(used, limit));
    }
    // Anthropic: "prompt is too long: 215000 tokens > 200000 maximum".
    if let Some(used) = number_after(text, "too long: ") {
        let limit = number_after(text, " > ")?;
        return Some(numbers(used, limit));
    }
    // OpenAI and vLLM: "maximum context length is 8192 tokens. However, you requested 9000 tokens
    // (5000 in the messages, 4000 in the completion)" or "your messages resulted in 10244 tokens".
    if let Some(limit) = number_after(text, "maximum context length is ") {
        let used = number_after(text, "tokens (")
            .or_else(|| number_after(text, "resulted in "))
            .or_else(|| number_after(text, "requested "));
        return Some(match used {
            Some(used) => numbers(used, limit),
            None => ContextNumbers {
                used: None,
                limit: Some(limit),
                output_fits: None,
            },
        });
    }
    oversized(text)
}

fn numbers(used: u64, limit: u64) -> ContextNumbers {
    ContextNumbers {
        used: Some(used),
        limit: Some(limit),
        output_fits: limit.checked_sub(used).filter(|room| *room > 0),
    }
}

/// The first whole number that stands right after a `lead`, thousands separators allowed.
fn number_after(text: &str, lead: &str) -> Option<u64> {
    let mut rest = text;
    loop {
        rest = rest.get(find(rest, lead)? + lead.len()..)?;
        let end = rest
            .find(|c: char| !(c.is_ascii_digit() || c == ','))
            .unwrap_or(rest.len());
        let digits: String = rest.get(..end)?.chars().filter(|c| *c != ',').collect();
        if let Ok(number) = digits.parse() {
            return Some(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
