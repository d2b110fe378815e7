//! Counts with a vendor's own vocabulary.

use std::fmt;

use crate::{CountTokens, Message};

/// Counts with a vocabulary of `OpenAI`'s, which is part of the program: nothing is fetched. Needs the
/// feature `bpe-openai`.
///
/// Counts the text of a message, tool names, arguments and JSON parts as the vendor's tokenizer does, and four tokens
/// a message for what is put around it. What a vendor makes of images, and of tools and their schemas, it does not
/// know. Other vendors' models count otherwise, though nearer to this than to an estimate by bytes.
///
/// The vocabulary of [`o200k`](Self::o200k) makes a program 32 MB larger, that of [`cl100k`](Self::cl100k) 15 MB,
/// for each that the program uses; the first use takes 0.1 s and 70 MB. Counting takes time in
/// proportion to the text, whatever the text is.
///
/// ```
/// use agent_checkpoint::truncate::Tokenizer;
/// use agent_checkpoint::{CountTokens, Message};
///
/// let counter = Tokenizer::o200k();
/// assert_eq!(counter.count(&Message::user("to be or not to be")), 6 + 4);
/// assert_eq!(counter.count_text("tokenizer"), 2);
/// ```
#[derive(Clone, Copy)]
pub struct Tokenizer {
    name: &'static str,
    encoding: &'static bpe_openai::Tokenizer,
}

const PER_MESSAGE: u64 = 4;

impl Tokenizer {
    /// Of GPT-4o and what came after it.
    pub fn o200k() -> Self {
        Self {
            name: "o200k_base",
            encoding: bpe_openai::o200k_base(),
        }
    }

    /// Of GPT-4 and GPT-3.5.
    pub fn cl100k() -> Self {
        Self {
            name: "cl100k_base",
            encoding: bpe_openai::cl100k_base(),
        }
    }

    /// Tokens of a text alone.
    pub fn count_text(&self, text: &str) -> u64 {
        u64::try_from(self.encoding.count(text)).unwrap_or(u64::MAX)
    }
}

impl CountTokens for Tokenizer {
    fn count(&self, message: &Message) -> u64 {
        let calls = message.tool_calls.iter();
        let calls =
            calls.map(|call| self.count_text(&call.name) + self.count_text(&call.arguments));
        let parts = message.parts.iter();
        let parts = parts.map(|part| self.count_text(&part.to_string()));
        let text = self.count_text(&message.content);
        calls
            .chain(parts)
            .fold(text, u64::saturating_add)
            .saturating_add(PER_MESSAGE)
    }
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tokenizer").field(&self.name).finish()
    }
}
