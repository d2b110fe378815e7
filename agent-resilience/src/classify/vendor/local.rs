//! Servers that one runs oneself: llama.cpp's. Ollama sends sentences only; vLLM's types stand with
//! `OpenAI`'s. Source: llama.cpp's `tools/server`.

use agent_primitives::FailureKind as Kind;

use super::Meaning::{self, Sure};

use crate::classify::body::Facts;
use crate::classify::verdict::ContextNumbers;

pub(super) fn meaning(word: &str) -> Option<Meaning> {
    Some(match word {
        "exceed_context_size_error" => Sure(Kind::ContextTooLong),
        "unavailable_error" => Sure(Kind::Overloaded),
        "not_supported_error" => Sure(Kind::InvalidRequest),
        _ => return None,
    })
}

/// The numbers that stand beside the code.
pub(super) fn numbers(facts: &Facts<'_>) -> Option<ContextNumbers> {
    (facts.n_prompt_tokens.is_some() || facts.n_ctx.is_some()).then_some(ContextNumbers {
        used: facts.n_prompt_tokens,
        limit: facts.n_ctx,
        output_fits: None,
    })
}
