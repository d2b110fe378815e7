//! Sessions to save and restore: generated from a seed, the same on every machine.

mod project;
mod recorded;
mod text;

use agent_checkpoint as ours;
use fastrand::Rng;
use serde::{Deserialize, Serialize};

use project::Project;
pub(crate) use recorded::{FOLDER, recorded};
use text::Text;

/// Smallest and largest tool result. Lengths between them are uniform in their logarithm, which is
/// how recorded coding sessions look.
const RESULT: (f64, f64) = (200.0, 20_000.0);
const HEX: &[u8; 16] = b"0123456789abcdef";

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    System,
    User,
    Assistant,
    Tool,
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ToolCall {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: String,
}

/// A message as a host would declare it, so that JSON peers get types that decode fast. Its JSON is
/// the same to the byte as that of `agent_checkpoint::Message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) role: Role,
    pub(crate) content: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tool_calls: Vec<ToolCall>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tool_call_id: Option<String>,
}

impl Message {
    pub(crate) fn new(role: Role, content: String) -> Self {
        Self {
            role,
            content,
            tool_calls: Vec::new(),
            tool_call_id: None,
        }
    }

    /// The same message as agent-checkpoint's type.
    pub(crate) fn into_ours(self) -> ours::Message {
        let role = match self.role {
            Role::System => ours::Role::System,
            Role::User => ours::Role::User,
            Role::Assistant => ours::Role::Assistant,
            Role::Tool => ours::Role::Tool,
        };
        let mut message = ours::Message::new(role, self.content);
        for call in self.tool_calls {
            message =
                message.with_tool_call(ours::ToolCall::new(call.id, call.name, call.arguments));
        }
        message.tool_call_id = self.tool_call_id;
        message
    }
}

/// An endless session, turn by turn. The same seed gives the same turns.
#[derive(Debug)]
pub(crate) struct Source {
    random: Rng,
    text: Text,
    project: Project,
    turns: usize,
}

impl Source {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let text = Text::new();
        let project = Project::new(&text, &mut random);
        Self {
            random,
            text,
            project,
            turns: 0,
        }
    }

    /// What the model says and calls, what the tool answers, and now and then a word of the person.
    pub(crate) fn turn(&mut self) -> Vec<Message> {
        let mut turn = Vec::with_capacity(3);
        if self.turns.is_multiple_of(12) {
            turn.push(self.says(Role::User, 100..600));
        }
        self.turns += 1;
        let (shortest, longest) = RESULT;
        let len = shortest * (longest / shortest).powf(self.random.f64());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between the two lengths above"
        )]
        let len = len as usize;
        let (name, (arguments, result)) = match self.random.u8(..4) {
            0 => ("read_file", self.project.read(&mut self.random, len)),
            1 => ("search", self.project.search(&mut self.random, len)),
            2 => (
                "edit_file",
                self.project.edit(&self.text, &mut self.random, len),
            ),
            _ => (
                "run",
                (
                    r#"{"command":"cargo test"}"#.to_owned(),
                    self.text.prose(&mut self.random, len),
                ),
            ),
        };
        let id = self.call_id();
        let mut says = self.says(Role::Assistant, 100..900);
        says.tool_calls.push(ToolCall {
            id: id.clone(),
            name: name.to_owned(),
            arguments,
        });
        turn.push(says);
        let mut answers = Message::new(Role::Tool, result);
        answers.tool_call_id = Some(id);
        turn.push(answers);
        turn
    }

    /// Turns of `bytes` of JSON in all, or one turn more.
    pub(crate) fn turns(&mut self, bytes: u64) -> Result<Vec<Vec<Message>>, serde_json::Error> {
        let mut turns = Vec::new();
        let mut held = 0;
        while held < bytes {
            let turn = self.turn();
            held += json_len(&turn)?;
            turns.push(turn);
        }
        Ok(turns)
    }

    /// So many bytes that somebody says, or some more.
    pub(crate) fn prose(&mut self, len: usize) -> String {
        self.text.prose(&mut self.random, len)
    }

    fn says(&mut self, role: Role, len: std::ops::Range<usize>) -> Message {
        let len = self.random.usize(len);
        Message::new(role, self.text.prose(&mut self.random, len))
    }

    fn call_id(&mut self) -> String {
        let mut id = "call_".to_owned();
        for _ in 0..24 {
            let digit = text::pick(&mut self.random, HEX).copied().unwrap_or(b'0');
            id.push(char::from(digit));
        }
        id
    }
}

/// Bytes of `messages` as JSON, one by one: the logical bytes of every ratio.
pub(crate) fn json_len(messages: &[Message]) -> Result<u64, serde_json::Error> {
    let mut len = 0;
    for message in messages {
        let json = serde_json::to_vec(message)?;
        len += u64::try_from(json.len()).unwrap_or(u64::MAX);
    }
    Ok(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_gives_the_same_session_and_another_seed_another() {
        let session = |seed| Source::new(seed).turns(50_000).unwrap();
        assert_eq!(session(7), session(7));
        assert_ne!(session(7), session(8));
    }

    #[test]
    fn both_message_types_have_the_same_json() {
        for message in Source::new(7).turns(50_000).unwrap().concat() {
            let plain = serde_json::to_string(&message).unwrap();
            assert_eq!(plain, serde_json::to_string(&message.into_ours()).unwrap());
        }
    }

    #[test]
    fn each_call_is_answered_by_the_message_behind_it() {
        let messages = Source::new(7).turns(50_000).unwrap().concat();
        let calls = messages
            .windows(2)
            .filter(|pair| !pair[0].tool_calls.is_empty());
        let mut answered = 0;
        for pair in calls {
            let id = Some(pair[0].tool_calls[0].id.as_str());
            assert_eq!(
                (pair[1].role, pair[1].tool_call_id.as_deref()),
                (Role::Tool, id)
            );
            answered += 1;
        }
        assert!(answered > 5, "{answered}");
    }

    #[test]
    fn turns_are_as_long_and_compress_as_well_as_recorded_ones() {
        let turns = Source::new(7).turns(1_000_000).unwrap();
        let len = 1_000_000 / turns.len();
        assert!((4_000..7_500).contains(&len), "{len} bytes a turn");
        let json = serde_json::to_vec(&turns).unwrap();
        let whole = json.len() * 100 / zstd::encode_all(&*json, 3).unwrap().len();
        let alone: usize = turns
            .iter()
            .map(|turn| serde_json::to_vec(turn).unwrap())
            .map(|json| zstd::encode_all(&*json, 3).unwrap().len())
            .sum();
        let alone = json.len() * 100 / alone;
        // Recorded coding sessions: 3.2 to 5.7 whole, 2.2 to 2.9 turn by turn.
        assert!(
            (350..450).contains(&whole),
            "whole: {whole} %, by turn: {alone} %"
        );
        assert!(
            (220..290).contains(&alone),
            "whole: {whole} %, by turn: {alone} %"
        );
    }
}
