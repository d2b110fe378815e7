//! The numbers that an error's sentence gives: how much was sent, and how much fits.

use super::super::verdict::ContextNumbers;
use super::leads::{LEADS, Role};

#[derive(Default)]
struct Found {
    used: Option<u64>,
    total: Option<u64>,
    limit: Option<u64>,
    bound: Option<u64>,
    allowance: Option<u64>,
    requested: Option<u64>,
}

impl Found {
    fn in_text(text: &str) -> Self {
        let mut found = Self::default();
        for Number {
            value,
            before,
            after,
        } in numbers(text)
        {
            let bracketed = before.ends_with('(');
            let before = before.strip_suffix(['(', '~']).unwrap_or(before);
            if !before.ends_with(' ') {
                continue;
            }
            let Some((lead, role)) = LEADS.iter().find(|(lead, _)| ends_with(before, lead)) else {
                // GitHub Models: "Request body too large for gpt-4o model. Max size: 8000 tokens."
                if ends_with(before, "max size: ") && after.starts_with(" tokens") {
                    found.limit.get_or_insert(value);
                }
                continue;
            };
            // These words mean something only before a number in brackets.
            if matches!(*lead, "tokens " | "request " | "context size ") && !bracketed {
                continue;
            }
            let place = match role {
                Role::Used => &mut found.used,
                Role::Total => &mut found.total,
                Role::Limit => &mut found.limit,
                Role::Bound => &mut found.bound,
                Role::Allowance => &mut found.allowance,
                Role::Requested => &mut found.requested,
            };
            place.get_or_insert(value);
        }
        found
    }

    fn context(&self) -> Option<ContextNumbers> {
        let used = self.used.or(self.total);
        if let Some(limit) = self.limit {
            return Some(numbers_of(used, limit));
        }
        let (used, limit) = (used?, self.bound?);
        (used > limit).then(|| numbers_of(Some(used), limit))
    }

    fn oversized(&self) -> Option<ContextNumbers> {
        let (limit, requested) = (self.allowance?, self.requested?);
        (requested > limit).then_some(ContextNumbers {
            used: Some(requested),
            limit: Some(limit),
            output_fits: None,
        })
    }
}

/// Whether a 429 says that this single request is larger than the whole allowance, so that waiting
/// never helps: "Limit 6000, Requested 9345" (OpenAI, Groq).
pub(in crate::classify) fn oversized(text: &str) -> Option<ContextNumbers> {
    Found::in_text(text).oversized()
}

/// The numbers in a sentence about a context that is too long.
pub(in crate::classify) fn context_numbers(text: &str) -> Option<ContextNumbers> {
    let found = Found::in_text(text);
    found.context().or_else(|| found.oversized())
}

fn numbers_of(used: Option<u64>, limit: u64) -> ContextNumbers {
    let room = used.and_then(|used| limit.checked_sub(used));
    ContextNumbers {
        used,
        limit: Some(limit),
        output_fits: room.filter(|room| *room > 0),
    }
}

struct Number<'a> {
    value: u64,
    before: &'a str,
    after: &'a str,
}

/// The whole numbers of a sentence, thousands separators allowed. What follows a letter, a point or
/// a minus is part of a name, a fraction or a date and is left out.
fn numbers(text: &str) -> impl Iterator<Item = Number<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(at..)?;
            let start = at + rest.bytes().position(|byte| byte.is_ascii_digit())?;
            let digits = text.get(start..)?;
            let len = digits
                .bytes()
                .position(|byte| !(byte.is_ascii_digit() || byte == b','))
                .unwrap_or(digits.len());
            at = start + len;
            let (before, after) = (text.get(..start)?, text.get(at..)?);
            let inside = before
                .ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '/'));
            if let (false, Some(value)) = (inside, value(digits.get(..len)?)) {
                return Some(Number {
                    value,
                    before,
                    after,
                });
            }
        }
    })
}

fn value(digits: &str) -> Option<u64> {
    digits
        .bytes()
        .filter(|byte| *byte != b',')
        .try_fold(0_u64, |sum, digit| {
            sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        })
}

fn ends_with(text: &str, lead: &str) -> bool {
    let (text, lead) = (text.as_bytes(), lead.as_bytes());
    text.len()
        .checked_sub(lead.len())
        .and_then(|start| text.get(start..))
        .is_some_and(|end| end.eq_ignore_ascii_case(lead))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(used: u64, limit: u64, output_fits: Option<u64>) -> ContextNumbers {
        ContextNumbers {
            used: (used > 0).then_some(used),
            limit: Some(limit),
            output_fits,
        }
    }

    fn gives(cases: &[(&str, u64, u64, Option<u64>)]) {
        for (text, used, limit, fits) in cases {
            let expected = Some(numbers(*used, *limit, *fits));
            assert_eq!(context_numbers(text), expected, "{text}");
        }
    }

    #[test]
    fn the_largest_output_that_fits_is_computed_from_the_sentence() {
        gives(&[
            // Anthropic, also through Bedrock.
            (
                "prompt is too long: 215000 tokens > 200000 maximum",
                215_000,
                200_000,
                None,
            ),
            (
                "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease",
                188_240,
                200_000,
                Some(11_760),
            ),
            // OpenAI, Azure, vLLM, OpenRouter, xAI.
            (
                "This model's maximum context length is 8192 tokens. However, you requested 9000 \
                 tokens (5000 in the messages, 4000 in the completion).",
                5_000,
                8_192,
                Some(3_192),
            ),
            (
                "This model's maximum context length is 4097 tokens, however you requested 4569 \
                 tokens (3545 in your prompt; 1024 for the completion).",
                3_545,
                4_097,
                Some(552),
            ),
            (
                "maximum context length is 8,192 tokens. However, your messages resulted in 10,244 tokens",
                10_244,
                8_192,
                None,
            ),
            (
                "maximum context length is 32768 tokens. However, your request has 40000 input tokens.",
                40_000,
                32_768,
                None,
            ),
            (
                "'max_tokens' or 'max_completion_tokens' is too large: 30000. This model's maximum \
                 context length is 32768 tokens and your request has 5000 input tokens (30000 > 32768 - 5000).",
                5_000,
                32_768,
                Some(27_768),
            ),
            (
                "This endpoint's maximum context length is 131072 tokens. However, you requested \
                 about 140000 tokens (136000 of text input, 4000 in the output).",
                136_000,
                131_072,
                None,
            ),
            (
                "maximum context length is 4096 tokens, you requested 5000",
                5_000,
                4_096,
                None,
            ),
            ("maximum context length is 131072 tokens", 0, 131_072, None),
            (
                "This model's maximum prompt length is 131072 but the request contains 149617 tokens.",
                149_617,
                131_072,
                None,
            ),
        ]);
    }

    #[test]
    fn every_vendors_sentence_gives_its_numbers() {
        gives(&[
            // Mistral, Gemini, Copilot, Cerebras, Cohere, llama.cpp and its Python server.
            (
                "Prompt contains 140000 tokens and 0 draft tokens, too large for model with 131072 \
                 maximum context length",
                140_000,
                131_072,
                None,
            ),
            (
                "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).",
                1_200_293,
                1_048_576,
                None,
            ),
            (
                "The input token count exceeds the maximum number of tokens allowed (1048576).",
                0,
                1_048_576,
                None,
            ),
            (
                "prompt token count of 514673 exceeds the limit of 128000",
                514_673,
                128_000,
                None,
            ),
            (
                "Current length is 9000 while limit is 8192",
                9_000,
                8_192,
                None,
            ),
            (
                "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292.",
                4_292,
                4_081,
                None,
            ),
            (
                "request (17993 tokens) exceeds the available context size (16384 tokens)",
                17_993,
                16_384,
                None,
            ),
            (
                "Requested tokens (2285) exceed context window of 2048",
                2_285,
                2_048,
                None,
            ),
            // GitHub Models.
            (
                "Request body too large for gpt-4o model. Max size: 8000 tokens.",
                0,
                8_000,
                None,
            ),
            // OpenAI and Groq: one request is larger than the allowance of a minute.
            (
                "tokens per min (TPM): Limit 6000, Requested 9345, please",
                9_345,
                6_000,
                None,
            ),
            (
                "(TPM): Limit 7000, Used 0, Requested ~12903. Please",
                12_903,
                7_000,
                None,
            ),
        ]);
    }

    #[test]
    fn other_numbers_are_no_context() {
        for text in [
            "too long: a > b",
            "max tokens must be less than or equal to 4096, the maximum output - received 8192.",
            "expected maxLength: 2048, actual: 2100",
            "string too long. Expected a string with maximum length 1048576, but got 1540000",
            "Rate limit: Limit 30000, Used 29937, Requested 385. Please try again in 644ms.",
            "Max size: 32 MB",
            "value exceeds the limit of 5",
            "Current length is 9 while limit is 10",
            "the limit of tokens for gpt-4 is 5",
            "maximum context length is 99999999999999999999999",
            "2026-12-01 at 00:00",
            "",
        ] {
            assert_eq!(context_numbers(text), None, "{text}");
        }
    }

    #[test]
    fn only_a_request_larger_than_the_allowance_is_oversized() {
        assert_eq!(oversized("Limit 100, Used 90, Requested 20"), None);
        assert_eq!(
            oversized("Limit 100, Used 0, Requested 101"),
            Some(numbers(101, 100, None))
        );
        assert_eq!(oversized("Limit 100"), None);
    }
}
