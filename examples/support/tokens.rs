//! A size estimate in tokens that needs no tokenizer.

use crate::Message;

// English text and code run at about four bytes a token with current tokenizers.
const BYTES_PER_TOKEN: u64 = 4;

/// Tokens of `text`: a quarter of its bytes, rounded up.
///
/// ```
/// assert_eq!(support::estimate_text_tokens("12345"), 2);
/// ```
pub fn estimate_text_tokens(text: &str) -> u64 {
    tokens(text.len())
}

/// Tokens of `messages`: a quarter of the bytes of their texts, tool names and arguments, rounded
/// up once at the end. The scripted provider counts the same way, so a host that fits its history
/// with this figure knows what the provider will say.
///
/// ```
/// use support::{Message, estimate_tokens};
///
/// assert_eq!(estimate_tokens(&[Message::user("12345"), Message::assistant("123")]), 2);
/// ```
pub fn estimate_tokens(messages: &[Message]) -> u64 {
    tokens(messages.iter().map(bytes).sum())
}

fn bytes(message: &Message) -> usize {
    let calls = message
        .tool_calls
        .iter()
        .map(|call| call.name.len() + call.arguments.len());
    message.content.len() + calls.sum::<usize>()
}

fn tokens(bytes: usize) -> u64 {
    u64::try_from(bytes)
        .unwrap_or(u64::MAX)
        .div_ceil(BYTES_PER_TOKEN)
}
