//! Sessions of a coding agent, generated from the corpus: what the dictionary is trained on.

use fastrand::Rng;
use serde_json::json;

use super::corpus::{Corpus, Topic, filled};
use crate::session::{Message, Role, ToolCall};

const SEED: u64 = 1;
const SESSIONS: usize = 150;
const TURNS: usize = 14;
/// Tools by the names that agents give them, each with its first argument.
const TOOLS: [(&str, &str); 6] = [
    ("read_file", "path"),
    ("bash", "command"),
    ("edit_file", "path"),
    ("search", "pattern"),
    ("list_files", "path"),
    ("str_replace", "file_path"),
];
const ROOTS: [&str; 5] = ["src", "/home/user/project", "tests", "/workspace", "lib"];
const ENDS: [&str; 7] = ["py", "py", "py", "rs", "ts", "go", "md"];

/// Payloads of Items frames, and of the kinds beside them that are mostly text.
///
/// # Errors
/// A message does not become JSON.
pub(super) fn samples() -> Result<Vec<Vec<u8>>, serde_json::Error> {
    let mut random = Rng::with_seed(SEED);
    let corpus = Corpus::new();
    let mut samples = Vec::new();
    for _ in 0..SESSIONS {
        let names = corpus.names(&mut random, 40);
        let mut session = Session {
            random: &mut random,
            corpus: &corpus,
            names,
        };
        let opening = [session.prompt(Role::System), session.prompt(Role::User)];
        for message in &opening {
            samples.push(item(session.random, message)?);
        }
        for _ in 0..TURNS {
            let (asks, answer) = session.turn();
            samples.push(item(session.random, &asks)?);
            samples.push(item(session.random, &answer)?);
        }
        samples.push(commit(&mut random));
    }
    Ok(samples)
}

fn item(random: &mut Rng, message: &Message) -> Result<Vec<u8>, serde_json::Error> {
    let age = random.u32(..200_000);
    Ok(format!("[{age},{}]", serde_json::to_string(message)?).into_bytes())
}

/// A Commit frame's payload: two hashes, and what the commit says.
fn commit(random: &mut Rng) -> Vec<u8> {
    let mut payload: Vec<u8> = (0..64).map(|_| random.u8(..)).collect();
    let (first, last) = (random.u32(..60), random.u32(100..9_000));
    let names = "agents artifacts decisions next_steps usage workflow";
    let components = names
        .split(' ')
        .map(|name| format!("\"work.{name}\":[{last},1]"))
        .collect::<Vec<_>>()
        .join(",");
    let at = 1_700_000_000_000_u64 + u64::from(random.u32(..)) * 40;
    let body = format!(
        "{{\"at\":{at},\"kind\":\"auto\",\"covers\":{last},\"history\":[[{first},{last},{last}]],\
         \"components\":{{{components}}}}}"
    );
    payload.extend(body.into_bytes());
    payload
}

struct Session<'a> {
    random: &'a mut Rng,
    corpus: &'a Corpus,
    names: Vec<String>,
}

impl Session<'_> {
    fn prompt(&mut self, role: Role) -> Message {
        let text = self.lines(Topic::Prompt, 60, "");
        Message::new(role, text)
    }

    /// What the model says and calls, and what the tool answers.
    fn turn(&mut self) -> (Message, Message) {
        let sentences = self.random.usize(1..4);
        let mut says = Message::new(Role::Assistant, self.lines(Topic::Prose, sentences, ""));
        let id = self.call_id();
        let path = self.path();
        let (name, argument) = self.random.choice(TOOLS).unwrap_or(("bash", "command"));
        let mut arguments = json!({ argument: path });
        if name == "edit_file" || name == "str_replace" {
            let (old, new) = (
                self.lines(Topic::Code, 3, ""),
                self.lines(Topic::Code, 5, ""),
            );
            arguments = json!({ argument: path, "old_str": old, "new_str": new });
        }
        says.tool_calls.push(ToolCall {
            id: id.clone(),
            name: name.to_owned(),
            arguments: arguments.to_string(),
        });
        let mut answer = Message::new(Role::Tool, self.result(&path));
        answer.tool_call_id = Some(id);
        // Where the model has no tools, the person's messages carry their results.
        if self.random.u8(..4) == 0 {
            says.tool_calls.clear();
            answer = Message::new(Role::User, answer.content);
        }
        (says, answer)
    }

    fn result(&mut self, path: &str) -> String {
        let count = 1 << self.random.u32(1..7);
        match self.random.u8(..8) {
            0..=2 => self.numbered(count),
            3 => self.lines(Topic::Code, count, ""),
            4 => self.lines(Topic::Code, count, &format!("{path}:")),
            5 => self.lines(Topic::Code, count, "+"),
            _ => self.lines(Topic::Output, count, ""),
        }
    }

    /// Lines of a file with their numbers, as the common tools show them.
    fn numbered(&mut self, count: usize) -> String {
        let start = self.random.usize(1..900);
        let style = self.random.u8(..3);
        let text = self.lines(Topic::Code, count, "");
        let mut shown = String::with_capacity(text.len() * 2);
        for (at, line) in text.lines().enumerate() {
            let number = start + at;
            let numbered = match style {
                0 => format!("{number:>6}\t{line}\n"),
                1 => format!("{number}:{line}\n"),
                _ => format!("{number:>4} | {line}\n"),
            };
            shown.push_str(&numbered);
        }
        shown
    }

    /// Up to `count` lines from anywhere in a block, each behind `front`.
    fn lines(&mut self, topic: Topic, count: usize, front: &str) -> String {
        let block = self.corpus.block(self.random, topic);
        let from = self.random.usize(..block.len().max(1));
        let from = if count < block.len() { from } else { 0 };
        let mut text = String::new();
        for line in block.iter().cycle().skip(from).take(count.min(block.len())) {
            let number = if front.ends_with(':') {
                format!("{}:", self.random.usize(1..900))
            } else {
                String::new()
            };
            let line = filled(self.random, line, &self.names);
            text.extend([front, &number, &line, "\n"]);
        }
        text
    }

    fn path(&mut self) -> String {
        let root = self.random.choice(ROOTS).unwrap_or("src");
        let end = self.random.choice(ENDS).unwrap_or("py");
        filled(self.random, &format!("{root}/§/§.{end}"), &self.names)
    }

    fn call_id(&mut self) -> String {
        let front = if self.random.bool() {
            "call_"
        } else {
            "toolu_01"
        };
        let id = (0..22).map(|_| self.random.alphanumeric());
        id.fold(front.to_owned(), |id, digit| id + &digit.to_string())
    }
}
