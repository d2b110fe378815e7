//! The wire formats that providers speak.

use serde::{Deserialize, Serialize};

/// Whose HTTP interface is spoken: paths, bodies, headers and errors.
///
/// ```
/// use support::Dialect;
///
/// assert_eq!(Dialect::Groq.chat_path(), "/openai/v1/chat/completions");
/// assert_eq!(Dialect::from_word("openai"), Some(Dialect::OpenAi));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Anthropic Messages.
    Anthropic,
    /// OpenAI chat completions, and every server that copies them.
    OpenAi,
    /// OpenAI chat completions as Groq serves them: other path, limits and errors.
    Groq,
    /// Ollama chat, newline-delimited JSON.
    Ollama,
}

impl Dialect {
    /// Every value.
    pub const ALL: [Self; 4] = [Self::Anthropic, Self::OpenAi, Self::Groq, Self::Ollama];

    /// The word used in JSON and on command lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::Groq => "groq",
            Self::Ollama => "ollama",
        }
    }

    /// The value of a word that [`as_str`](Self::as_str) gives; `None` for any other.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.as_str() == word)
    }

    /// Where a conversation is sent with `POST`.
    pub const fn chat_path(self) -> &'static str {
        match self {
            Self::Anthropic => "/v1/messages",
            Self::OpenAi => "/v1/chat/completions",
            Self::Groq => "/openai/v1/chat/completions",
            Self::Ollama => "/api/chat",
        }
    }

    /// Where a cheap `GET` lists the models: a probe that costs no tokens.
    pub const fn models_path(self) -> &'static str {
        match self {
            Self::Anthropic | Self::OpenAi => "/v1/models",
            Self::Groq => "/openai/v1/models",
            Self::Ollama => "/api/tags",
        }
    }
}

impl std::fmt::Display for Dialect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
