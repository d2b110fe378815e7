//! The numbers that an error's sentence gives: how much was sent, and how much fits.

use super::super::verdict::ContextNumbers;

/// What a number is, by the words right before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Tokens of the input.
    Used,
    /// Input and output together: the input, where nothing better is said.
    Total,
    /// Tokens that fit.
    Limit,
    /// Tokens that fit, in words that also tell of other things.
    Bound,
    /// The whole allowance of a period.
    Allowance,
    /// What one request takes of it.
    Requested,
}

/// The first that fits counts. A number is looked at after one `(` or `~`, which are left out here.
const LEADS: [(&str, Role); 27] = [
    // Anthropic: "prompt is too long: 215000 tokens > 200000 maximum" and "exceed context limit:
    // 188240 + 21333 > 200000". vLLM: "(30000 > 32768 - 5000)".
    ("too long: ", Role::Used),
    ("context limit: ", Role::Used),
    (" > ", Role::Limit),
    // OpenAI, vLLM, OpenRouter: "maximum context length is 8192 tokens. However, you requested about
    // 9000 tokens (5000 in the messages, 4000 in the completion)", "your messages resulted in 10244
    // tokens", "your request has 40000 input tokens". xAI: "maximum prompt length is 131072 but the
    // request contains 149617 tokens".
    ("maximum context length is ", Role::Limit),
    ("maximum prompt length is ", Role::Limit),
    ("resulted in ", Role::Used),
    ("request has ", Role::Used),
    ("request contains ", Role::Used),
    ("you requested about ", Role::Total),
    ("you requested ", Role::Total),
    ("tokens ", Role::Used),
    // Mistral: "Prompt contains 140000 tokens ..., too large for model with 131072 maximum context
    // length".
    ("prompt contains ", Role::Used),
    ("model with ", Role::Bound),
    // Gemini: "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576)".
    ("input token count ", Role::Used),
    ("number of tokens allowed ", Role::Limit),
    // Copilot: "prompt token count of 514673 exceeds the limit of 128000".
    ("token count of ", Role::Used),
    ("exceeds the limit of ", Role::Bound),
    // Cerebras: "Current length is 9000 while limit is 8192".
    ("current length is ", Role::Used),
    ("while limit is ", Role::Bound),
    // llama.cpp, Ollama: "request (17993 tokens) exceeds the available context size (16384 tokens)";
    // its Python server: "Requested tokens (2285) exceed context window of 2048".
    ("request ", Role::Used),
    ("context size ", Role::Limit),
    ("context window of ", Role::Limit),
    // Cohere: "total number of tokens in the prompt cannot exceed 4081 - received 4292".
    ("tokens in the prompt cannot exceed ", Role::Limit),
    (" received ", Role::Used),
    // OpenAI, Groq: "Limit 6000, Requested 9345" and "Limit 7000, Used 0, Requested ~12903".
    ("limit ", Role::Allowance),
    ("limit: ", Role::Allowance),
    ("requested ", Role::Requested),
];

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
