//! Reasons for which an answer ended, where they mean that it failed.
//!
//! Sources: `OpenAI`, Chat Completions and Responses references; Anthropic, "Handling stop reasons"
//! page; Gemini API, `FinishReason` and `BlockReason`; Bedrock, `Converse`; Cohere, v2 chat; Mistral
//! and Ollama, chat references; Z.ai and `DeepSeek`, chat references; `OpenRouter`, "Errors" page.

use agent_primitives::FailureKind as Kind;

/// The failure that a reason stands for; `None` for an answer that ended well.
pub(in crate::classify) fn meaning(reason: &str) -> Option<Kind> {
    Some(match reason {
        "length" | "max_tokens" | "MAX_TOKENS" | "max_output_tokens" => Kind::OutputLimit,
        // The answer filled the window.
        "model_context_window_exceeded" | "model_length" | "ERROR_LIMIT" => Kind::ContextTooLong,
        "content_filter"
        | "refusal"
        | "guardrail_intervened"
        | "content_filtered"
        | "sensitive"
        | "ERROR_TOXIC"
        | "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "MODEL_ARMOR"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => Kind::ContentPolicy,
        "insufficient_system_resource" => Kind::Overloaded,
        "TIMEOUT" => Kind::Timeout,
        "network_error" => Kind::StreamCut,
        // The service, or a model that wrote no valid call: the same request may go well.
        "error"
        | "ERROR"
        | "OTHER"
        | "LANGUAGE"
        | "malformed_tool_use"
        | "malformed_model_output"
        | "MALFORMED_FUNCTION_CALL"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MALFORMED_RESPONSE" => Kind::Server,
        _ => return None,
    })
}
