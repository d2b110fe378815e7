//! Text of the kinds that coding sessions hold, with places for names and numbers.

use fastrand::Rng;

const PROMPTS: &str = include_str!("corpus/prompts.txt");
const PROSE: &str = include_str!("corpus/prose.txt");
const PYTHON: &str = include_str!("corpus/python.txt");
const PYTHON_OUTPUT: &str = include_str!("corpus/pyout.txt");
const SHELL: &str = include_str!("corpus/shell.txt");
const RUST: &str = include_str!("corpus/rust.txt");
const WEB: &str = include_str!("corpus/web.txt");
const GO: &str = include_str!("corpus/golang.txt");
const CONFIG: &str = include_str!("corpus/config.txt");

/// Parts a file into texts that belong together.
const PARTING: &str = "----\n";
/// A name stands here.
const NAME: char = '§';
/// A number stands here.
const NUMBER: char = '№';

/// A kind of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Prompt,
    Prose,
    Code,
    Output,
}

/// Every line, by kind and block.
#[derive(Debug)]
pub(super) struct Corpus {
    prompts: Vec<Vec<&'static str>>,
    prose: Vec<Vec<&'static str>>,
    code: Vec<Vec<&'static str>>,
    output: Vec<Vec<&'static str>>,
    words: Vec<&'static str>,
}

impl Corpus {
    pub(super) fn new() -> Self {
        let lines = |file: &'static str| file.split(PARTING).map(|b| b.lines().collect::<Vec<_>>());
        let words = PROSE
            .split(|c: char| !c.is_ascii_lowercase())
            .filter(|word| word.len() > 3);
        Self {
            prompts: lines(PROMPTS).collect(),
            prose: lines(PROSE).collect(),
            // Half of what agents work on is Python.
            code: [PYTHON, PYTHON, PYTHON, RUST, WEB, GO, CONFIG]
                .into_iter()
                .flat_map(lines)
                .collect(),
            output: [SHELL, SHELL, PYTHON_OUTPUT, PYTHON_OUTPUT]
                .into_iter()
                .flat_map(lines)
                .collect(),
            words: words.collect(),
        }
    }

    /// A text that belongs together.
    pub(super) fn block(&self, random: &mut Rng, topic: Topic) -> &[&'static str] {
        let blocks = match topic {
            Topic::Prompt => &self.prompts,
            Topic::Prose => &self.prose,
            Topic::Code => &self.code,
            Topic::Output => &self.output,
        };
        random.choice(blocks).map_or(&[], Vec::as_slice)
    }

    /// `count` names as programmers make them.
    pub(super) fn names(&self, random: &mut Rng, count: usize) -> Vec<String> {
        (0..count).map(|_| self.name(random)).collect()
    }

    fn name(&self, random: &mut Rng) -> String {
        let word = |random: &mut Rng| random.choice(&self.words).copied().unwrap_or("it");
        let (one, two) = (word(random), word(random));
        match random.u8(..4) {
            0 => one.to_owned(),
            1 => format!("{}{}", capital(one), capital(two)),
            _ => format!("{one}_{two}"),
        }
    }
}

fn capital(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}

/// `line` with names, which recur, and numbers, which do not.
pub(super) fn filled(random: &mut Rng, line: &str, names: &[String]) -> String {
    let mut text = String::with_capacity(line.len() + 32);
    for piece in line.chars() {
        match piece {
            NAME => text.push_str(random.choice(names).map_or("it", String::as_str)),
            NUMBER => text.push_str(&random.u16(2..400).to_string()),
            other => text.push(other),
        }
    }
    text
}
