//! A request as all formats understand it, and the answer to be given.

use agent_primitives::Timestamp;

use crate::{Message, estimate_tokens};

/// What a client asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) model: String,
    pub(super) stream: bool,
    /// Whether the client wants usage figures in a stream; only OpenAI makes that a choice.
    pub(super) stream_usage: bool,
    pub(super) messages: Vec<Message>,
}

/// An answer apart from its format.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) message: &'a Message,
    pub(super) model: &'a str,
    pub(super) turn: usize,
    pub(super) now: Timestamp,
    pub(super) stream_usage: bool,
    pub(super) usage: Usage,
}

/// Estimated tokens of one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    /// Everything that was sent.
    pub(super) input: u64,
    /// The part of it that the request before has sent as well, and that a cache would hold.
    pub(super) repeated: u64,
    pub(super) output: u64,
}

// Neither Anthropic nor OpenAI caches a shorter prompt.
const CACHE_MIN: u64 = 1_024;

impl Usage {
    /// A function of the request and the answer alone, so that equal requests cost the same.
    pub(super) fn of(asked: &[Message], answer: &Message) -> Self {
        let before_last_answer = asked
            .iter()
            .rposition(|message| message.role == crate::Role::Assistant)
            .and_then(|last| asked.get(..last))
            .unwrap_or_default();
        let repeated = estimate_tokens(before_last_answer);
        Self {
            input: estimate_tokens(asked),
            repeated: if repeated < CACHE_MIN { 0 } else { repeated },
            output: estimate_tokens(std::slice::from_ref(answer)),
        }
    }
}

// Enough to show a stream at work, few enough to stay cheap on a long answer.
const PIECES_MAX: usize = 16;
const PIECE_BYTES_MIN: usize = 24;

/// `text` in at most 16 parts of whole characters; none when it is empty.
pub(super) fn pieces(text: &str) -> Vec<&str> {
    let size = text.len().div_ceil(PIECES_MAX).max(PIECE_BYTES_MIN);
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut at = size.min(rest.len());
        while !rest.is_char_boundary(at) {
            at += 1;
        }
        let (piece, after) = rest.split_at(at);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_join_to_the_text_and_are_few() {
        for text in ["", "a", &"é→x".repeat(7), &"日本".repeat(4_000)] {
            let pieces = pieces(text);
            assert_eq!(pieces.concat(), text);
            assert!(pieces.len() <= PIECES_MAX, "{}", pieces.len());
            assert!(pieces.iter().all(|piece| !piece.is_empty()));
        }
        assert_eq!(pieces(&"x".repeat(60)).len(), 3);
    }

    #[test]
    fn usage_repeats_what_the_request_before_has_sent() {
        let long = Message::user("x".repeat(4_096));
        let answer = Message::assistant("12345678");
        let asked = [long.clone(), answer.clone(), Message::user("1234")];
        assert_eq!(
            Usage::of(&asked, &answer),
            Usage {
                input: 1_027,
                repeated: 1_024,
                output: 2
            }
        );
        let short = [Message::user("x"), answer.clone(), Message::user("1234")];
        assert_eq!(Usage::of(&short, &answer).repeated, 0);
        assert_eq!(Usage::of(&[long], &answer).repeated, 0);
    }
}
