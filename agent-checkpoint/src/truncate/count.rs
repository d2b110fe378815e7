//! How many tokens a message takes.

use crate::Message;

/// Counts the tokens of a message. The same message must always give the same count.
///
/// ```
/// use agent_checkpoint::{CountTokens, Message};
///
/// let words = |message: &Message| message.content.split_whitespace().count() as u64;
/// assert_eq!(words.count(&Message::user("one two three")), 3);
/// ```
pub trait CountTokens {
    /// Tokens that `message` takes in a request.
    fn count(&self, message: &Message) -> u64;
}

impl<F: Fn(&Message) -> u64> CountTokens for F {
    fn count(&self, message: &Message) -> u64 {
        self(message)
    }
}

/// A rough count without a tokenizer: a token for every four bytes begun, of text, tool names,
/// arguments and JSON parts, and four tokens a message for what the vendor puts around it.
///
/// Of whole sessions of a coding agent it made between 0.86 and 1.05 times what the tokenizer of GPT-4o counts
/// (ten sessions; nine of them 0.94 or more), of nine messages in ten between 0.8 and 1.2 times that. Scripts with
/// three bytes a character come out up to a third low. So leave a seventh of the window free, or plug in a real
/// tokenizer: feature `bpe-openai` has one, `truncate::Tokenizer`.
///
/// ```
/// use agent_checkpoint::{CountTokens, EstimateTokens, Message};
///
/// assert_eq!(EstimateTokens.count(&Message::user("12345")), 2 + 4);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EstimateTokens;

const BYTES_PER_TOKEN: u64 = 4;
const PER_MESSAGE: u64 = 4;

impl CountTokens for EstimateTokens {
    fn count(&self, message: &Message) -> u64 {
        let calls = message
            .tool_calls
            .iter()
            .map(|call| call.name.len() + call.arguments.len());
        let parts = message.parts.iter().map(|part| part.to_string().len());
        let bytes = calls
            .chain(parts)
            .fold(message.content.len(), usize::saturating_add);
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        bytes.div_ceil(BYTES_PER_TOKEN).saturating_add(PER_MESSAGE)
    }
}
