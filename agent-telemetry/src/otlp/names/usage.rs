//! What senders mean by input and output, brought into buckets that do not overlap.
//!
//! Claude Code counts input without the cache. OpenTelemetry, `OpenAI`, Codex, Gemini, `OpenInference` and
//! `OpenLLMetry` count it with the cache, and reasoning within the output; Gemini counts thoughts, and the results of
//! tools, beside them. Some senders break their convention (langfuse#10592, #12306, #12635, #13724, #16884). The
//! total tells who does, where it is told; else parts that are larger than their whole do.

use agent_primitives::TokenUsage;

use super::field::{Facts, Field};
use super::item::Notes;

/// What input and output hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Convention {
    /// Input without the cache.
    Exclusive,
    /// Input with the cache, output with reasoning.
    Inclusive,
    /// Input with the cache, output without thoughts; results of tools apart.
    Gemini,
}

/// The tokens of a call, or `None` where it tells of none.
pub(super) fn of(
    facts: &Facts<'_>,
    convention: Convention,
    notes: &mut Notes,
) -> Option<TokenUsage> {
    let input = match convention {
        Convention::Exclusive => facts.count(Field::InputUncached),
        Convention::Inclusive | Convention::Gemini => facts.count(Field::Input),
    };
    let output = facts.count(Field::Output);
    let read = facts.count(Field::CacheRead);
    let write = facts.count(Field::CacheWrite);
    input.or(output).or(read).or(write)?;
    let told = Told {
        input: input.unwrap_or(0),
        cached: read.unwrap_or(0).saturating_add(write.unwrap_or(0)),
        output: output.unwrap_or(0),
        reasoning: facts.count(Field::Reasoning).unwrap_or(0),
        total: facts.count(Field::Total),
    };
    let (input, output, reasoning) = match convention {
        Convention::Exclusive => (told.input, told.output, told.reasoning),
        Convention::Inclusive => told.inclusive(notes),
        Convention::Gemini => {
            let thoughts = facts.count(Field::Thoughts).unwrap_or(told.reasoning);
            let results = facts.count(Field::ToolTokens).unwrap_or(0);
            let beside = Told {
                reasoning: 0,
                // It counts thoughts and results of tools, so that nothing follows from it.
                total: None,
                ..told
            };
            let (input, output, _) = beside.inclusive(notes);
            let output = output.saturating_add(thoughts);
            (input.saturating_add(results), output, thoughts)
        }
    };
    let usage = TokenUsage::new(input, output.max(reasoning))
        .with_cache_read(read.unwrap_or(0))
        .with_cache_write_5m(write.unwrap_or(0));
    Some(usage.with_reasoning(reasoning).unwrap_or(usage))
}

/// The figures as they were told.
#[derive(Debug, Clone, Copy)]
struct Told {
    input: u64,
    cached: u64,
    output: u64,
    reasoning: u64,
    total: Option<u64>,
}

impl Told {
    /// Uncached input, output with reasoning, and reasoning.
    fn inclusive(self, notes: &mut Notes) -> (u64, u64, u64) {
        let (cache_beside, reasoning_beside) = self.beside();
        let input = if cache_beside {
            notes.exclusive_input = true;
            self.input
        } else {
            self.input.saturating_sub(self.cached)
        };
        let output = if reasoning_beside {
            notes.exclusive_output = true;
            self.output.saturating_add(self.reasoning)
        } else {
            self.output
        };
        (input, output, self.reasoning)
    }

    /// Whether cached tokens are beside the input, and reasoning beside the output.
    fn beside(self) -> (bool, bool) {
        let cache_must = self.cached > self.input;
        let reasoning_must = self.reasoning > self.output;
        let whole = self.input.checked_add(self.output);
        let Some(excess) = self.total.zip(whole).and_then(|(t, it)| t.checked_sub(it)) else {
            return (cache_must, reasoning_must);
        };
        for (cache, reasoning) in [(false, false), (true, false), (false, true), (true, true)] {
            let cached = if cache { self.cached } else { 0 };
            let reasoned = if reasoning { self.reasoning } else { 0 };
            let fits = cached.checked_add(reasoned) == Some(excess);
            if fits && cache >= cache_must && reasoning >= reasoning_must {
                return (cache && self.cached > 0, reasoning && self.reasoning > 0);
            }
        }
        (cache_must, reasoning_must)
    }
}
