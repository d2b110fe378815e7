//! The names of providers: one for each, whichever sender and generation tells it, and known to the price table.

use std::borrow::Cow;

use agent_primitives::{ModelId, ProviderId};

use super::field::{Facts, Field};
use super::id;
use super::item::Notes;
use super::source::Sender;

/// Of a model or a provider that nobody names.
const UNKNOWN: &str = "unknown";

/// Names from `gen_ai.provider.name` and `gen_ai.system` of all generations, `llm.provider` and `llm.system` of
/// `OpenInference`, and the Vercel AI SDK, in small letters.
const NAMES: &[(&str, &str)] = &[
    ("aws", "bedrock"),
    ("aws.bedrock", "bedrock"),
    ("aws_bedrock", "bedrock"),
    ("amazon-bedrock", "bedrock"),
    ("azure.ai.inference", "azure_ai"),
    ("az.ai.inference", "azure_ai"),
    ("azure.ai.openai", "azure"),
    ("az.ai.openai", "azure"),
    ("azure_openai", "azure"),
    ("azure-openai", "azure"),
    ("claude", "anthropic"),
    ("gcp.gemini", "gemini"),
    ("gcp.gen_ai", "gemini"),
    ("gcp.vertex_ai", "vertex_ai"),
    ("google", "gemini"),
    ("google_genai", "gemini"),
    ("google-gla", "gemini"),
    ("google-vertex", "vertex_ai"),
    ("google.generative-ai", "gemini"),
    ("google.vertex", "vertex_ai"),
    ("vertexai", "vertex_ai"),
    ("vertex", "vertex_ai"),
    ("ibm.watsonx.ai", "watsonx"),
    ("mistral_ai", "mistral"),
    ("mistralai", "mistral"),
    ("moonshot_ai", "moonshot"),
    ("moonshotai", "moonshot"),
    ("x_ai", "xai"),
    ("x-ai", "xai"),
    ("grok", "xai"),
];

/// How the names of a maker's models begin, for calls of which no provider is told.
const MODELS: &[(&str, &str)] = &[
    ("claude", "anthropic"),
    ("gpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("codex", "openai"),
    ("gemini", "gemini"),
    ("grok", "xai"),
    ("mistral", "mistral"),
    ("deepseek", "deepseek"),
    ("command", "cohere"),
];

/// Who answered, and with which model.
pub(super) fn of(
    facts: &Facts<'_>,
    sender: Sender,
    notes: &mut Notes,
) -> Option<(ProviderId, ModelId)> {
    let told = facts.text(Field::ResponseModel);
    let told = told.or_else(|| facts.text(Field::RequestModel));
    let model = told.and_then(|it| id::model(it, notes));
    let known = model.as_ref().map_or("", ModelId::as_str);
    let provider = match (facts.text(Field::Provider), sender) {
        (Some(name), _) => named(name),
        (None, Sender::ClaudeCode) => Some(Cow::Borrowed("anthropic")),
        (None, Sender::Codex) => Some(Cow::Borrowed("openai")),
        (None, Sender::GeminiCli) => Some(Cow::Borrowed("gemini")),
        (None, Sender::Other) => maker(known).map(Cow::Borrowed),
    };
    let provider = provider.and_then(|it| ProviderId::new(it).ok());
    let model = match model {
        Some(model) => model,
        None => ModelId::new(UNKNOWN).ok()?,
    };
    let provider = match provider {
        Some(provider) => provider,
        None => ProviderId::new(UNKNOWN).ok()?,
    };
    Some((provider, model))
}

/// The provider of a foreign name. The Vercel AI SDK appends the interface: `openai.chat`.
fn named(name: &str) -> Option<Cow<'static, str>> {
    if name.len() > 128 {
        return None;
    }
    let small = name.trim().to_ascii_lowercase();
    let known = |name: &str| NAMES.iter().find(|(it, _)| *it == name).map(|(_, to)| *to);
    if let Some(name) = known(&small) {
        return Some(Cow::Borrowed(name));
    }
    let (head, interface) = small.rsplit_once('.').unwrap_or((&small, ""));
    let head = match interface {
        "chat" | "responses" | "messages" | "completion" | "embedding" => head,
        _ => &small,
    };
    let plain = known(head).unwrap_or(head);
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '@');
    let mend = |c: char| if fits(c) { c } else { '_' };
    Some(Cow::Owned(plain.chars().map(mend).collect()))
}

fn maker(model: &str) -> Option<&'static str> {
    let name = model.rsplit('/').next().unwrap_or(model);
    let found = MODELS.iter().find(|(prefix, _)| name.starts_with(prefix));
    found.map(|(_, provider)| *provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provider_has_one_name_whoever_tells_it() {
        for (told, expected) in [
            ("anthropic", "anthropic"),
            ("Anthropic", "anthropic"),
            ("openai", "openai"),
            ("OpenAI", "openai"),
            ("openai.chat", "openai"),
            ("anthropic.messages", "anthropic"),
            ("aws.bedrock", "bedrock"),
            ("AWS", "bedrock"),
            ("azure.ai.openai", "azure"),
            ("azure.ai.inference", "azure_ai"),
            ("az.ai.inference", "azure_ai"),
            ("gcp.gemini", "gemini"),
            ("gcp.gen_ai", "gemini"),
            ("gcp.vertex_ai", "vertex_ai"),
            ("cohere", "cohere"),
            ("deepseek", "deepseek"),
            ("groq", "groq"),
            ("ibm.watsonx.ai", "watsonx"),
            ("mistral_ai", "mistral"),
            ("moonshot_ai", "moonshot"),
            ("perplexity", "perplexity"),
            ("x_ai", "xai"),
            ("my gateway", "my_gateway"),
        ] {
            assert_eq!(named(told).as_deref(), Some(expected), "{told}");
        }
        assert_eq!(named(&"x".repeat(129)), None);
    }

    #[test]
    fn maker_is_told_by_the_model_where_nobody_else_does() {
        assert_eq!(maker("claude-opus-4-8"), Some("anthropic"));
        assert_eq!(maker("openrouter/gpt-5"), Some("openai"));
        assert_eq!(maker("llama-4"), None);
    }
}
