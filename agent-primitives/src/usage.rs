//! Tokens in buckets that do not overlap.

use serde::{Deserialize, Serialize};

/// Tokens of one or more model calls, in disjoint buckets: no token is counted in two of them.
///
/// "Input tokens" means two things in the field: Anthropic reports them without cached ones, OpenAI,
/// Gemini and the OpenTelemetry GenAI conventions with them. Convert at the edge:
/// [`TokenUsage::new`] with the `with_` setters takes the first meaning,
/// [`TokenUsage::from_inclusive`] the second. Addition saturates.
///
/// ```
/// use agent_primitives::TokenUsage;
///
/// let anthropic = TokenUsage::new(100, 50).with_cache_read(900);
/// let openai = TokenUsage::from_inclusive(1_000, 900, 0, 50)?;
/// assert_eq!(anthropic, openai);
/// assert_eq!(openai.input_total(), 1_000);
/// assert_eq!((anthropic + openai).total(), 2_100);
/// # Ok::<(), agent_primitives::InvalidUsage>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, try_from = "Wire")]
pub struct TokenUsage {
    input: u64,
    cache_read: u64,
    cache_write_5m: u64,
    cache_write_1h: u64,
    output: u64,
    reasoning: u64,
}

/// Figures that contradict each other.
///
/// ```
/// use agent_primitives::TokenUsage;
///
/// assert_eq!(
///     TokenUsage::from_inclusive(10, 20, 0, 5).unwrap_err().to_string(),
///     "20 cached of 10 input tokens: the input figure excludes the cache, use TokenUsage::new"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUsage {
    /// More tokens cached than came in.
    #[error(
        "{cached} cached of {input} input tokens: the input figure excludes the cache, use TokenUsage::new"
    )]
    CacheExceedsInput {
        /// Tokens read from and written to the cache.
        cached: u64,
        /// Input tokens reported as the total.
        input: u64,
    },
    /// More reasoning tokens than output tokens, of which they are a part.
    #[error(
        "{reasoning} reasoning of {output} output tokens: add reasoning to the output figure first"
    )]
    ReasoningExceedsOutput {
        /// Reasoning tokens reported.
        reasoning: u64,
        /// Output tokens reported.
        output: u64,
    },
}

/// What arrives before the invariant is checked.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Wire {
    input: u64,
    cache_read: u64,
    cache_write_5m: u64,
    cache_write_1h: u64,
    output: u64,
    reasoning: u64,
}

impl TryFrom<Wire> for TokenUsage {
    type Error = InvalidUsage;
    fn try_from(wire: Wire) -> Result<Self, InvalidUsage> {
        Self::new(wire.input, wire.output)
            .with_cache_read(wire.cache_read)
            .with_cache_write_5m(wire.cache_write_5m)
            .with_cache_write_1h(wire.cache_write_1h)
            .with_reasoning(wire.reasoning)
    }
}

impl TokenUsage {
    /// No tokens.
    pub const ZERO: Self = Self::new(0, 0);

    /// `input` tokens that came from no cache and went to none, and `output` tokens.
    pub const fn new(input: u64, output: u64) -> Self {
        Self {
            input,
            cache_read: 0,
            cache_write_5m: 0,
            cache_write_1h: 0,
            output,
            reasoning: 0,
        }
    }

    /// From figures where `input` includes what was read from and written to the cache.
    ///
    /// # Errors
    /// [`InvalidUsage::CacheExceedsInput`] when the parts are larger than the whole.
    pub fn from_inclusive(
        input: u64,
        cache_read: u64,
        cache_write: u64,
        output: u64,
    ) -> Result<Self, InvalidUsage> {
        let cached = cache_read.saturating_add(cache_write);
        match input.checked_sub(cached) {
            Some(uncached) => Ok(Self::new(uncached, output)
                .with_cache_read(cache_read)
                .with_cache_write_5m(cache_write)),
            None => Err(InvalidUsage::CacheExceedsInput { cached, input }),
        }
    }

    /// Sets the tokens read from a prompt cache.
    #[must_use]
    pub const fn with_cache_read(mut self, tokens: u64) -> Self {
        self.cache_read = tokens;
        self
    }

    /// Sets the tokens written to a cache that lives five minutes, the usual kind.
    #[must_use]
    pub const fn with_cache_write_5m(mut self, tokens: u64) -> Self {
        self.cache_write_5m = tokens;
        self
    }

    /// Sets the tokens written to a cache that lives an hour and costs more.
    #[must_use]
    pub const fn with_cache_write_1h(mut self, tokens: u64) -> Self {
        self.cache_write_1h = tokens;
        self
    }

    /// Sets how many of the output tokens were reasoning.
    ///
    /// # Errors
    /// [`InvalidUsage::ReasoningExceedsOutput`] when they are not a part of the output.
    pub const fn with_reasoning(mut self, tokens: u64) -> Result<Self, InvalidUsage> {
        if tokens > self.output {
            return Err(InvalidUsage::ReasoningExceedsOutput {
                reasoning: tokens,
                output: self.output,
            });
        }
        self.reasoning = tokens;
        Ok(self)
    }

    /// Input tokens outside any cache.
    pub const fn input(&self) -> u64 {
        self.input
    }

    /// Tokens read from a cache.
    pub const fn cache_read(&self) -> u64 {
        self.cache_read
    }

    /// Tokens written to a cache that lives five minutes.
    pub const fn cache_write_5m(&self) -> u64 {
        self.cache_write_5m
    }

    /// Tokens written to a cache that lives an hour.
    pub const fn cache_write_1h(&self) -> u64 {
        self.cache_write_1h
    }

    /// Tokens written to a cache, whatever its lifetime; saturates.
    ///
    /// ```
    /// use agent_primitives::TokenUsage;
    ///
    /// let usage = TokenUsage::new(1, 1).with_cache_write_5m(200).with_cache_write_1h(30);
    /// assert_eq!(usage.cache_write(), 230);
    /// ```
    pub const fn cache_write(&self) -> u64 {
        self.cache_write_5m.saturating_add(self.cache_write_1h)
    }

    /// Output tokens, reasoning included.
    pub const fn output(&self) -> u64 {
        self.output
    }

    /// The part of the output that was reasoning.
    pub const fn reasoning(&self) -> u64 {
        self.reasoning
    }

    /// All input, cached or not: what fills the context window, and what the OpenTelemetry GenAI
    /// conventions call `gen_ai.usage.input_tokens`.
    pub const fn input_total(&self) -> u64 {
        self.input
            .saturating_add(self.cache_read)
            .saturating_add(self.cache_write_5m)
            .saturating_add(self.cache_write_1h)
    }

    /// All input and output.
    pub const fn total(&self) -> u64 {
        self.input_total().saturating_add(self.output)
    }
}

impl std::ops::Add for TokenUsage {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            cache_read: self.cache_read.saturating_add(other.cache_read),
            cache_write_5m: self.cache_write_5m.saturating_add(other.cache_write_5m),
            cache_write_1h: self.cache_write_1h.saturating_add(other.cache_write_1h),
            output: self.output.saturating_add(other.output),
            reasoning: self.reasoning.saturating_add(other.reasoning),
        }
    }
}

impl std::ops::AddAssign for TokenUsage {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::iter::Sum for TokenUsage {
    fn sum<I: Iterator<Item = Self>>(usages: I) -> Self {
        usages.fold(Self::ZERO, std::ops::Add::add)
    }
}
