//! A session of any length from recorded ones: they are told again and again, each time with other words.
//!
//! Told twice as they are, their second half would cost next to nothing wherever something is compressed. Which words
//! stand for which is the same within one session of a telling, so that what a real session repeats is repeated here.

use std::collections::HashMap;

use fastrand::Rng;

use crate::session::{Message, Role, Source};

const SEED: u64 = 7;
/// Shorter words are left as they are: they are most of a language's grammar.
const SHORTEST: usize = 4;
/// So many words of a hundred are replaced.
const REPLACED: u32 = 80;

/// An endless session.
#[derive(Debug)]
pub(super) enum Teller {
    Recorded(Recorded),
    Generated(Box<Source>),
}

impl Teller {
    /// Tells what was recorded, or a generated session where nothing was.
    pub(super) fn new(recorded: Option<Vec<Message>>) -> Self {
        match recorded {
            Some(messages) => Self::Recorded(Recorded::new(messages)),
            None => Self::Generated(Box::new(Source::new(SEED))),
        }
    }

    /// What the model says and calls, and what comes of it.
    pub(super) fn turn(&mut self) -> Vec<Message> {
        match self {
            Self::Recorded(recorded) => recorded.turn(),
            Self::Generated(source) => source.turn(),
        }
    }
}

#[derive(Debug)]
pub(super) struct Recorded {
    messages: Vec<Message>,
    /// Every word of it, by its length.
    words: HashMap<usize, Vec<String>>,
    /// What stands for a word in this session of this telling.
    said: HashMap<String, String>,
    random: Rng,
    at: usize,
}

impl Recorded {
    fn new(messages: Vec<Message>) -> Self {
        let mut words: HashMap<usize, Vec<String>> = HashMap::new();
        let mut seen = std::collections::HashSet::new();
        for message in &messages {
            for word in pieces(&message.content) {
                if is_word(word) && seen.insert(word) {
                    words.entry(word.len()).or_default().push(word.to_owned());
                }
            }
        }
        Self {
            messages,
            words,
            said: HashMap::new(),
            random: Rng::with_seed(SEED),
            at: 0,
        }
    }

    fn turn(&mut self) -> Vec<Message> {
        let mut turn = Vec::new();
        loop {
            let Some(message) = self.messages.get(self.at).cloned() else {
                self.at = 0;
                self.said.clear();
                if turn.is_empty() && !self.messages.is_empty() {
                    continue;
                }
                return turn;
            };
            // A turn begins when the model speaks.
            if message.role == Role::Assistant && !turn.is_empty() {
                return turn;
            }
            if message.role == Role::System {
                // Another session, which may have been about the same as the one before.
                self.said.clear();
            }
            self.at += 1;
            turn.push(self.told(message));
        }
    }

    fn told(&mut self, message: Message) -> Message {
        let mut told = Message::new(message.role, self.text(&message.content));
        told.tool_call_id = message.tool_call_id.map(|id| self.text(&id));
        told.tool_calls = message.tool_calls;
        for call in &mut told.tool_calls {
            call.id = self.text(&call.id);
            call.arguments = self.text(&call.arguments);
        }
        told
    }

    fn text(&mut self, text: &str) -> String {
        let mut told = String::with_capacity(text.len());
        for piece in pieces(text) {
            if is_word(piece) {
                told.push_str(self.word(piece));
            } else {
                told.push_str(piece);
            }
        }
        told
    }

    fn word(&mut self, word: &str) -> &str {
        if !self.said.contains_key(word) {
            let others = self.words.get(&word.len()).map_or(&[][..], Vec::as_slice);
            let other = if self.random.u32(..100) < REPLACED && !others.is_empty() {
                others.get(self.random.usize(..others.len()))
            } else {
                None
            };
            let other = other.map_or(word, String::as_str).to_owned();
            self.said.insert(word.to_owned(), other);
        }
        self.said.get(word).map_or("", String::as_str)
    }
}

fn is_word(piece: &str) -> bool {
    piece.len() >= SHORTEST && piece.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Words and what is between them, all of it in order.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?.is_ascii_alphanumeric();
        let end = rest
            .find(|c: char| c.is_ascii_alphanumeric() != first)
            .unwrap_or(rest.len());
        let (piece, behind) = rest.split_at(end);
        rest = behind;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::ToolCall;

    fn recorded() -> Vec<Message> {
        let mut calls = Message::new(Role::Assistant, "look into tests and tests".to_owned());
        calls.tool_calls.push(ToolCall {
            id: "call7abcdef".to_owned(),
            name: "find".to_owned(),
            arguments: r#"{"name":"tests"}"#.to_owned(),
        });
        let mut answers = Message::new(Role::Tool, "nothing found here, ever".to_owned());
        answers.tool_call_id = Some("call7abcdef".to_owned());
        let prompt = Message::new(Role::System, "repair whatever breaks".to_owned());
        vec![prompt, calls.clone(), answers.clone(), calls, answers]
    }

    #[test]
    fn turns_begin_with_the_model_and_tellings_differ_in_words_of_one_length() {
        let mut teller = Teller::new(Some(recorded()));
        let lens: Vec<usize> = (0..6).map(|_| teller.turn().len()).collect();
        assert_eq!(lens, [1, 2, 2, 1, 2, 2]);
        let mut teller = Teller::new(Some(recorded()));
        let tellings: Vec<Vec<Message>> = (0..8)
            .map(|_| (0..3).flat_map(|_| teller.turn()).collect())
            .collect();
        let len = crate::session::json_len(&recorded()).unwrap();
        for telling in &tellings {
            assert_eq!(crate::session::json_len(telling).unwrap(), len);
            let answered = telling[2].tool_call_id.as_deref();
            assert_eq!(answered, Some(telling[1].tool_calls[0].id.as_str()));
            assert_eq!(telling[1], telling[3], "a word is told the same way twice");
        }
        assert!(tellings.windows(2).any(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn pieces_are_the_whole_text() {
        for text in ["", "a", " a b", "\u{e9}t\u{e9} 12,ab", "x\u{1f980}y"] {
            assert_eq!(pieces(text).collect::<String>(), text);
        }
    }

    #[test]
    fn without_recordings_a_generated_session_is_told() {
        let turn = Teller::new(None).turn();
        assert_eq!(turn, Source::new(SEED).turn());
    }
}
