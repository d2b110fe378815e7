//! The record of what a stream delivered: counts, and by option the text.

use std::fmt;

use agent_primitives::TokenUsage;
use serde::{Deserialize, Serialize};

use super::part::Part;
use crate::classify::Verdict;

/// What the consumer of a stream was given: counts alone, so that the record of an answer of any length
/// has one size.
///
/// ```
/// use agent_resilience::Delivered;
///
/// let mut delivered = Delivered::default();
/// assert!(delivered.is_nothing());
/// delivered.text_bytes = 12;
/// delivered.reasoning_bytes = 40;
/// assert_eq!(delivered.to_string(), "12 bytes of text, 40 bytes of reasoning");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Delivered {
    /// Items, those that carry nothing of the answer included.
    pub items: u64,
    /// Bytes of plain text.
    pub text_bytes: u64,
    /// Bytes of reasoning.
    pub reasoning_bytes: u64,
    /// Bytes of structured output.
    pub structured_bytes: u64,
    /// Tool calls that were begun.
    pub tool_calls: u32,
    /// Tool calls that were said to be whole. The others must not be made.
    pub tool_calls_whole: u32,
    /// Bytes of their arguments.
    pub argument_bytes: u64,
    /// A block of reasoning was begun, be it empty.
    pub reasoning: bool,
}

impl Delivered {
    /// Nothing of an answer.
    pub const fn is_nothing(&self) -> bool {
        self.text_bytes == 0
            && self.structured_bytes == 0
            && self.tool_calls == 0
            && self.argument_bytes == 0
            && !self.reasoned()
    }

    /// Plain text and nothing else.
    pub const fn is_plain_text(&self) -> bool {
        self.text_bytes > 0
            && self.structured_bytes == 0
            && self.tool_calls == 0
            && self.argument_bytes == 0
            && !self.reasoned()
    }

    const fn reasoned(&self) -> bool {
        self.reasoning || self.reasoning_bytes > 0
    }
}

impl fmt::Display for Delivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (bytes, of) in [
            (self.text_bytes, "text"),
            (self.reasoning_bytes, "reasoning"),
            (self.structured_bytes, "structured output"),
        ] {
            if bytes > 0 {
                let plural = if bytes == 1 { "" } else { "s" };
                write!(f, "{separator}{bytes} byte{plural} of {of}")?;
                separator = ", ";
            }
        }
        if self.tool_calls > 0 {
            let plural = if self.tool_calls == 1 { "" } else { "s" };
            let (calls, whole) = (self.tool_calls, self.tool_calls_whole);
            write!(f, "{separator}{calls} tool call{plural} ({whole} whole)")?;
            separator = ", ";
        }
        if separator.is_empty() {
            f.write_str(if self.is_nothing() {
                "nothing"
            } else {
                "the beginning of a block"
            })?;
        }
        Ok(())
    }
}

/// How far an answer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing of it is there.
    Waiting,
    /// A part of it is there.
    Flowing,
    /// No more of it comes: it is whole, or it was stopped.
    Ended,
}

/// What is remembered of a stream while it is read.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) delivered: Delivered,
    pub(super) phase: Phase,
    pub(super) usage: Option<TokenUsage>,
    /// The answer was said to end here with a failure.
    pub(super) stopped: Option<Box<Verdict>>,
    pub(super) text: Option<Kept>,
}

impl Record {
    pub(super) const NEW: Self = Self {
        delivered: Delivered {
            items: 0,
            text_bytes: 0,
            reasoning_bytes: 0,
            structured_bytes: 0,
            tool_calls: 0,
            tool_calls_whole: 0,
            argument_bytes: 0,
            reasoning: false,
        },
        phase: Phase::Waiting,
        usage: None,
        stopped: None,
        text: None,
    };

    /// Counts one part; says whether it shows that the model lives.
    #[inline]
    pub(super) fn note(&mut self, part: Part<'_>) -> bool {
        let delivered = &mut self.delivered;
        match part {
            Part::Text(text) => {
                if text.is_empty() {
                    return false;
                }
                count(&mut delivered.text_bytes, text);
                if let Some(kept) = &mut self.text {
                    kept.push(text);
                }
            }
            Part::Reasoning(text) => {
                count(&mut delivered.reasoning_bytes, text);
                delivered.reasoning = true;
            }
            Part::Structured(text) => {
                if text.is_empty() {
                    return false;
                }
                count(&mut delivered.structured_bytes, text);
            }
            Part::ToolCall => delivered.tool_calls = delivered.tool_calls.saturating_add(1),
            Part::Arguments(text) => {
                if text.is_empty() {
                    return false;
                }
                count(&mut delivered.argument_bytes, text);
            }
            Part::ToolCallEnd => {
                let whole = delivered.tool_calls_whole.saturating_add(1);
                delivered.tool_calls_whole = whole.min(delivered.tool_calls);
            }
            Part::Usage(usage) => {
                self.usage = Some(match self.usage {
                    Some(before) => together(before, usage),
                    None => usage,
                });
                return false;
            }
            Part::Meta => return false,
            Part::End => {
                self.phase = Phase::Ended;
                return true;
            }
            Part::Stopped(verdict) => {
                self.stopped = Some(Box::new(verdict.clone()));
                self.phase = Phase::Ended;
                return true;
            }
        }
        // What comes after an end shows that it was none.
        self.phase = Phase::Flowing;
        true
    }
}

#[inline]
fn count(bytes: &mut u64, text: &str) {
    *bytes = bytes.saturating_add(text.len() as u64);
}

/// What two reports of one answer say together. Each counts from the answer's start, and either may
/// leave out a side: one vendor tells the input at the head and the output at the end. The input goes
/// together with its cached part, which a first report may not know apart.
fn together(before: TokenUsage, now: TokenUsage) -> TokenUsage {
    let input = if now.input_total() < before.input_total() {
        before
    } else {
        now
    };
    let usage = TokenUsage::new(input.input(), before.output().max(now.output()))
        .with_cache_read(input.cache_read())
        .with_cache_write_5m(input.cache_write_5m())
        .with_cache_write_1h(input.cache_write_1h());
    // Never more than the output, of which it is a part.
    let reasoning = before.reasoning().max(now.reasoning());
    usage.with_reasoning(reasoning).unwrap_or(usage)
}

/// The text so far, whole or not at all.
#[derive(Debug)]
pub(super) struct Kept {
    text: String,
    max: usize,
}

impl Kept {
    pub(super) const fn up_to(max: usize) -> Self {
        Self {
            text: String::new(),
            max,
        }
    }

    fn push(&mut self, text: &str) {
        if text.len() > self.max.saturating_sub(self.text.len()) {
            // Half a text would be taken for the whole. Nothing more fits from now on.
            *self = Self::up_to(0);
        } else {
            self.text.push_str(text);
        }
    }

    /// Nothing when it was more than the bound.
    pub(super) fn into_text(self) -> Option<String> {
        (!self.text.is_empty()).then_some(self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_input_of_a_head_and_the_output_of_an_end_are_one_usage() {
        let head = TokenUsage::new(25, 1).with_cache_read(1_000);
        let end = TokenUsage::new(0, 40).with_reasoning(30).unwrap();
        let mut record = Record::NEW;
        assert!(!record.note(Part::Usage(head)));
        assert!(!record.note(Part::Usage(end)));
        let both = TokenUsage::new(25, 40).with_cache_read(1_000);
        let both = both.with_reasoning(30).unwrap();
        assert_eq!(record.usage, Some(both));
        assert_eq!(together(end, head), both, "in any order");
    }

    #[test]
    fn counts_that_grow_are_not_added_up_and_what_was_cached_is_not_counted_twice() {
        let first = TokenUsage::new(100, 1);
        let last = TokenUsage::new(40, 9).with_cache_read(60);
        assert_eq!(together(first, last), last);
        assert_eq!(together(last, last), last);
    }
}
