//! Prose and code that compress about as well as the real thing, made from a small seed text.

use fastrand::Rng;

const SEED: &str = include_str!("seed.txt");

/// Words and line patterns of the seed text.
#[derive(Debug)]
pub(super) struct Text {
    words: Vec<&'static str>,
    names: Vec<&'static str>,
    patterns: Vec<&'static str>,
}

impl Text {
    pub(super) fn new() -> Self {
        let (prose, code) = SEED.split_once("----\n").unwrap_or((SEED, ""));
        let words: Vec<_> = prose.split_whitespace().collect();
        let mut names: Vec<_> = words
            .iter()
            .copied()
            .filter(|word| word.len() > 3 && word.chars().all(|c| c.is_ascii_lowercase()))
            .collect();
        names.sort_unstable();
        names.dedup();
        let patterns = code.lines().collect();
        Self {
            words,
            names,
            patterns,
        }
    }

    /// Phrases of the seed in a new order, single words between them, to about `len` bytes.
    pub(super) fn prose(&self, random: &mut Rng, len: usize) -> String {
        let mut text = String::with_capacity(len + 80);
        while text.len() < len {
            let phrase = if random.u8(..) < 80 {
                random.usize(2..6)
            } else {
                1
            };
            if phrase == 1 && random.u8(..) < 160 {
                text.push_str(&self.crossed(random));
                text.push(' ');
                continue;
            }
            let from = random.usize(..self.words.len());
            for word in self.words.iter().skip(from).take(phrase) {
                text.push_str(word);
                text.push(if word.ends_with('.') && random.bool() {
                    '\n'
                } else {
                    ' '
                });
            }
        }
        text
    }

    /// A name as a programmer makes them, of two words of the seed.
    pub(super) fn name(&self, random: &mut Rng) -> String {
        format!("{}_{}", self.word(random), self.crossed(random))
    }

    /// A line of code: a pattern of the seed with names (from `names`, so that they recur) and
    /// numbers filled in.
    pub(super) fn code(&self, random: &mut Rng, names: &[String]) -> String {
        let pattern = pick(random, &self.patterns).copied().unwrap_or_default();
        let mut line = String::with_capacity(80);
        for piece in pattern.chars() {
            match piece {
                '$' => line.push_str(pick(random, names).map_or("it", String::as_str)),
                '#' => line.push_str(&random.u16(1..512).to_string()),
                other => line.push(other),
            }
        }
        line
    }

    /// A word that the seed does not have, from the halves of two that it has: a session has a far
    /// larger vocabulary than twenty sentences.
    fn crossed(&self, random: &mut Rng) -> String {
        let (front, back) = (self.word(random), self.word(random));
        let (front, _) = front.split_at(front.len() / 2 + 1);
        let (_, back) = back.split_at(back.len() / 2);
        format!("{front}{back}")
    }

    fn word(&self, random: &mut Rng) -> &'static str {
        pick(random, &self.names).copied().unwrap_or("it")
    }
}

pub(super) fn pick<'a, T>(random: &mut Rng, from: &'a [T]) -> Option<&'a T> {
    from.get(random.usize(..from.len().max(1)))
}
