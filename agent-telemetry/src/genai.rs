//! Which generation of the OpenTelemetry GenAI names goes out.

use agent_primitives::{ProviderId, TokenUsage};

/// The OpenTelemetry semantic conventions for generative AI, by generation. None of them is stable, and
/// back ends differ in which they read.
///
/// | | up to 1.36 | 1.37 to 1.41 | since, in the repository of their own |
/// |---|---|---|---|
/// | provider | `gen_ai.system` | `gen_ai.provider.name` | `gen_ai.provider.name` |
/// | tokens read from a cache | - | `gen_ai.usage.cache_read.input_tokens` | the same |
/// | tokens written to a cache | - | `gen_ai.usage.cache_creation.input_tokens` | `gen_ai.usage.cache_write.input_tokens` |
/// | tokens of reasoning | - | `gen_ai.usage.reasoning.output_tokens` | the same |
/// | time to the first piece | - | `gen_ai.response.time_to_first_chunk` | the same |
/// | tokens, as metrics | `gen_ai.client.token.usage` | `gen_ai.client.token.usage` | `gen_ai.client.inference.usage.*` |
/// | duration, as a metric | `gen_ai.client.operation.duration` | the same | `gen_ai.client.inference.duration` |
///
/// Names of which a generation has none are not sent under it. All other names, those of agents,
/// conversations, tools, models and of the tokens in and out, are the same in all three.
///
/// From the repositories `open-telemetry/semantic-conventions` (pull requests 1200, 2046 and 3163) and
/// `open-telemetry/semantic-conventions-genai` (374, 440 and 521).
///
/// ```
/// use agent_telemetry::{GenAiNames, MemorySink, Telemetry};
///
/// let telemetry = Telemetry::builder(MemorySink::new()).genai_names(GenAiNames::V1_36).start()?;
/// # Ok::<(), agent_telemetry::StartError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GenAiNames {
    /// Up to 1.36. `gen_ai.usage.input_tokens` is what 1.27 has called `gen_ai.usage.prompt_tokens`
    /// before.
    V1_36,
    /// 1.37 to 1.41.
    V1_41,
    /// Of the repository that they moved to with 1.42, as of September 2026.
    #[default]
    Latest,
}

impl GenAiNames {
    /// What the environment variable `OTEL_SEMCONV_STABILITY_OPT_IN` asks for, a list with commas:
    /// [`Latest`](Self::Latest) where it names `gen_ai_latest_experimental`, else
    /// [`V1_36`](Self::V1_36), which the conventions ask those to keep who do not opt in.
    ///
    /// The variable is the host's to read. Without it this crate sends the latest names.
    ///
    /// ```
    /// use agent_telemetry::GenAiNames;
    ///
    /// let names = GenAiNames::from_stability_opt_in("http, gen_ai_latest_experimental");
    /// assert_eq!(names, GenAiNames::Latest);
    /// assert_eq!(GenAiNames::from_stability_opt_in("http/dup"), GenAiNames::V1_36);
    /// ```
    pub fn from_stability_opt_in(list: &str) -> Self {
        let mut categories = list.split(',').map(str::trim);
        if categories.any(|it| it == "gen_ai_latest_experimental") {
            Self::Latest
        } else {
            Self::V1_36
        }
    }

    /// The attribute that names the provider.
    ///
    /// ```
    /// assert_eq!(agent_telemetry::GenAiNames::V1_36.provider_key(), "gen_ai.system");
    /// ```
    pub const fn provider_key(self) -> &'static str {
        match self {
            Self::V1_36 => "gen_ai.system",
            Self::V1_41 | Self::Latest => "gen_ai.provider.name",
        }
    }

    /// For `gen_ai.system`.
    pub(crate) fn system(self, provider: &ProviderId) -> Option<&str> {
        matches!(self, Self::V1_36).then(|| provider.as_str())
    }

    /// For `gen_ai.provider.name`.
    pub(crate) fn provider(self, provider: &ProviderId) -> Option<&str> {
        (!matches!(self, Self::V1_36)).then(|| provider.as_str())
    }

    /// For `gen_ai.usage.cache_read.input_tokens`.
    pub(crate) fn cache_read(self, usage: &TokenUsage) -> Option<u64> {
        (!matches!(self, Self::V1_36)).then(|| usage.cache_read())
    }

    // The conventions have one bucket for all lifetimes of a cache.

    /// For `gen_ai.usage.cache_creation.input_tokens`.
    pub(crate) fn cache_creation(self, usage: &TokenUsage) -> Option<u64> {
        matches!(self, Self::V1_41).then(|| usage.cache_write())
    }

    /// For `gen_ai.usage.cache_write.input_tokens`.
    pub(crate) fn cache_write(self, usage: &TokenUsage) -> Option<u64> {
        matches!(self, Self::Latest).then(|| usage.cache_write())
    }

    /// For `gen_ai.usage.reasoning.output_tokens`.
    pub(crate) fn reasoning(self, usage: &TokenUsage) -> Option<u64> {
        (!matches!(self, Self::V1_36)).then(|| usage.reasoning())
    }

    /// The parts of the tokens that have names of their own, as far as this generation has them.
    pub(crate) fn parts(self, usage: &TokenUsage) -> impl Iterator<Item = (&'static str, u64)> {
        let parts = [
            (
                "gen_ai.usage.cache_read.input_tokens",
                self.cache_read(usage),
            ),
            (
                "gen_ai.usage.cache_creation.input_tokens",
                self.cache_creation(usage),
            ),
            (
                "gen_ai.usage.cache_write.input_tokens",
                self.cache_write(usage),
            ),
            (
                "gen_ai.usage.reasoning.output_tokens",
                self.reasoning(usage),
            ),
        ];
        let told = parts.into_iter();
        told.filter_map(|(name, tokens)| Some((name, tokens?)))
    }

    /// Whether there is `gen_ai.response.time_to_first_chunk`.
    pub(crate) const fn has_first_chunk(self) -> bool {
        !matches!(self, Self::V1_36)
    }
}
