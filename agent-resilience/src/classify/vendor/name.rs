//! The vendors by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Whose errors are read. The name of a vendor is one of [`Vendor::as_str`]; the spellings of the
/// OpenTelemetry attribute `gen_ai.provider.name` are understood too.
///
/// ```
/// use agent_resilience::classify::Vendor;
///
/// assert_eq!("groq".parse(), Ok(Vendor::Groq));
/// assert_eq!("aws.bedrock".parse(), Ok(Vendor::Bedrock));
/// assert_eq!(Vendor::OpenRouter.to_string(), "openrouter");
/// assert!("grok".parse::<Vendor>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Vendor {
    /// Anthropic's Messages API, with keys and with subscriptions.
    Anthropic,
    /// `OpenAI`'s own API: Chat Completions and Responses.
    #[serde(rename = "openai", alias = "open_ai")]
    OpenAi,
    /// `OpenAI`'s models as deployments on Azure.
    #[serde(rename = "azure_openai")]
    AzureOpenAi,
    /// Groq's API, which is compatible with `OpenAI`'s but limits in its own way.
    Groq,
    /// Google's Gemini API.
    Gemini,
    /// Gemini on Google Cloud's Vertex AI.
    Vertex,
    /// Mistral's API.
    Mistral,
    /// Amazon Bedrock, whatever the model.
    Bedrock,
    /// `OpenRouter`, which passes on the errors of others.
    #[serde(rename = "openrouter")]
    OpenRouter,
    /// A local or remote Ollama server.
    Ollama,
    /// A vLLM server.
    Vllm,
    /// llama.cpp's server.
    LlamaCpp,
    /// GitHub Copilot's chat back end.
    GithubCopilot,
    /// GitHub Models.
    GithubModels,
    /// Cerebras' API.
    Cerebras,
    /// Z.ai's (Zhipu's) API.
    Zai,
    /// Cohere's API.
    Cohere,
    /// Any other service that speaks `OpenAI`'s format; its errors are read by the words of all
    /// vendors.
    #[serde(rename = "openai_compatible", alias = "open_ai_compatible")]
    OpenAiCompatible,
}

impl Vendor {
    /// Every vendor.
    pub const ALL: [Self; 18] = [
        Self::Anthropic,
        Self::OpenAi,
        Self::AzureOpenAi,
        Self::Groq,
        Self::Gemini,
        Self::Vertex,
        Self::Mistral,
        Self::Bedrock,
        Self::OpenRouter,
        Self::Ollama,
        Self::Vllm,
        Self::LlamaCpp,
        Self::GithubCopilot,
        Self::GithubModels,
        Self::Cerebras,
        Self::Zai,
        Self::Cohere,
        Self::OpenAiCompatible,
    ];

    /// The name in configuration, in logs and in serialised form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::AzureOpenAi => "azure_openai",
            Self::Groq => "groq",
            Self::Gemini => "gemini",
            Self::Vertex => "vertex",
            Self::Mistral => "mistral",
            Self::Bedrock => "bedrock",
            Self::OpenRouter => "openrouter",
            Self::Ollama => "ollama",
            Self::Vllm => "vllm",
            Self::LlamaCpp => "llama_cpp",
            Self::GithubCopilot => "github_copilot",
            Self::GithubModels => "github_models",
            Self::Cerebras => "cerebras",
            Self::Zai => "zai",
            Self::Cohere => "cohere",
            Self::OpenAiCompatible => "openai_compatible",
        }
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Other spellings. Those with a point, and `mistral_ai`, `x_ai`, `deepseek` and `perplexity`, are
/// the values that the OpenTelemetry GenAI conventions list for `gen_ai.provider.name`.
const ALIASES: [(&str, Vendor); 20] = [
    ("open_ai", Vendor::OpenAi),
    ("open_ai_compatible", Vendor::OpenAiCompatible),
    ("azure.ai.openai", Vendor::AzureOpenAi),
    ("az.ai.openai", Vendor::AzureOpenAi),
    ("azure.ai.inference", Vendor::AzureOpenAi),
    ("azure", Vendor::AzureOpenAi),
    ("aws.bedrock", Vendor::Bedrock),
    ("gcp.gemini", Vendor::Gemini),
    ("gcp.gen_ai", Vendor::Gemini),
    ("gcp.vertex_ai", Vendor::Vertex),
    ("vertex_ai", Vendor::Vertex),
    ("mistral_ai", Vendor::Mistral),
    ("open_router", Vendor::OpenRouter),
    ("llama.cpp", Vendor::LlamaCpp),
    ("z.ai", Vendor::Zai),
    ("z_ai", Vendor::Zai),
    ("zhipu", Vendor::Zai),
    ("deepseek", Vendor::OpenAiCompatible),
    ("perplexity", Vendor::OpenAiCompatible),
    ("x_ai", Vendor::OpenAiCompatible),
];

impl FromStr for Vendor {
    type Err = UnknownVendor;

    fn from_str(text: &str) -> Result<Self, UnknownVendor> {
        let named = Self::ALL.into_iter().find(|v| v.as_str() == text);
        let alias = || ALIASES.iter().find(|(name, _)| *name == text);
        named
            .or_else(|| alias().map(|(_, vendor)| *vendor))
            .ok_or_else(|| UnknownVendor(text.chars().take(64).collect()))
    }
}

/// A name that is no vendor's.
///
/// ```
/// use agent_resilience::classify::Vendor;
///
/// let error = "grok".parse::<Vendor>().unwrap_err().to_string();
/// assert!(error.starts_with("unknown vendor \"grok\"; use one of anthropic, openai, "));
/// assert!(error.ends_with(" or openai_compatible"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownVendor(String);

impl fmt::Display for UnknownVendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown vendor {:?}; use one of ", self.0)?;
        for (place, vendor) in Vendor::ALL.iter().enumerate() {
            f.write_str(match place {
                0 => "",
                _ if place + 1 == Vendor::ALL.len() => " or ",
                _ => ", ",
            })?;
            f.write_str(vendor.as_str())?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownVendor {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendor_is_read_back_from_its_name_and_from_its_serialised_form() {
        for vendor in Vendor::ALL {
            assert_eq!(vendor.as_str().parse(), Ok(vendor));
            let json = serde_json::to_string(&vendor).unwrap();
            assert_eq!(json, format!("\"{vendor}\""));
            assert_eq!(serde_json::from_str::<Vendor>(&json).unwrap(), vendor);
        }
        for (alias, vendor) in ALIASES {
            assert_eq!(alias.parse(), Ok(vendor));
        }
        let older: Vendor = serde_json::from_str("\"open_ai_compatible\"").unwrap();
        assert_eq!(older, Vendor::OpenAiCompatible);
    }
}
