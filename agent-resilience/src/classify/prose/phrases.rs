//! Many phrases, looked for in one pass over a sentence.

use std::ops::Range;

/// Phrases with what each means. They are compared without regard to ASCII case, at the beginning of
/// a word, and a `_` or `-` in the sentence counts as a blank: `insufficient quota` is also found in
/// `insufficient_quota`.
pub(in crate::classify) struct Phrases<T: 'static, const N: usize> {
    entries: &'static [(&'static str, T); N],
    /// The beginning of each entry, which is compared first.
    heads: [[u8; HEAD]; N],
    /// Where the entries of each group begin, and where the last one ends.
    starts: [u16; GROUPS + 1],
}

/// The 26 letters, everything else in ASCII, and the rest.
const GROUPS: usize = 28;

/// Bytes that every phrase has at least.
const HEAD: usize = 4;

/// A byte as it is compared.
const FOLDED: [u8; 256] = folded();

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "at compile time, where a slip is an error of the build"
)]
const fn folded() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'_' | b'-' => b' ',
            byte => byte.to_ascii_lowercase(),
        };
        byte += 1;
    }
    table
}

const fn group(byte: u8) -> usize {
    match byte {
        b'a'..=b'z' => (byte - b'a') as usize,
        0..=127 => GROUPS - 2,
        _ => GROUPS - 1,
    }
}

fn fold(byte: u8) -> u8 {
    FOLDED.get(usize::from(byte)).copied().unwrap_or(byte)
}

impl<T: Copy, const N: usize> Phrases<T, N> {
    /// Takes phrases in lower case, sorted by their first letter: what is not is an error of the
    /// build.
    #[expect(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        reason = "at compile time, where a slip is an error of the build"
    )]
    pub(in crate::classify) const fn new(entries: &'static [(&'static str, T); N]) -> Self {
        let mut starts = [0; GROUPS + 1];
        let mut heads = [[0; HEAD]; N];
        let (mut at, mut next) = (0, 0);
        while at < N {
            let phrase = entries[at].0.as_bytes();
            let mut byte = 0;
            while byte < phrase.len() {
                assert!(phrase[byte] == FOLDED[phrase[byte] as usize], "lower case");
                if byte < HEAD {
                    heads[at][byte] = phrase[byte];
                }
                byte += 1;
            }
            assert!(phrase.len() >= HEAD, "too short");
            let group = group(phrase[0]);
            assert!(next <= group + 1, "sorted by the first letter");
            while next <= group {
                starts[next] = at as u16;
                next += 1;
            }
            at += 1;
        }
        while next <= GROUPS {
            starts[next] = at as u16;
            next += 1;
        }
        Self {
            entries,
            heads,
            starts,
        }
    }

    /// The entries that may begin with `first`.
    fn starting_with(&self, first: u8) -> Range<usize> {
        let group = group(first);
        let start = self.starts.get(group).copied().unwrap_or(0);
        let end = self.starts.get(group + 1).copied().unwrap_or(0);
        usize::from(start)..usize::from(end)
    }

    /// Every phrase in `text` with the position after it, in the order of the text.
    pub(in crate::classify) fn found_in<'a>(&'a self, text: &'a str) -> Found<'a, T, N> {
        Found {
            phrases: self,
            bytes: text.as_bytes(),
            start: 0,
            next: 0,
            inside: false,
            head: [0; HEAD],
            candidates: 0..0,
        }
    }
}

/// The phrases in a text, one word after the other.
pub(in crate::classify) struct Found<'a, T: 'static, const N: usize> {
    phrases: &'a Phrases<T, N>,
    bytes: &'a [u8],
    /// Where the word begins that is looked at, and where the search for the next one goes on.
    start: usize,
    next: usize,
    /// Whether the byte before `next` is part of a word.
    inside: bool,
    /// How that word begins, and the entries that are left to compare.
    head: [u8; HEAD],
    candidates: Range<usize>,
}

impl<T: Copy, const N: usize> Found<'_, T, N> {
    /// Goes to the beginning of the next word. Chinese is written without blanks: there every
    /// character may begin one.
    fn next_word(&mut self) -> Option<()> {
        let mut inside = self.inside;
        let rest = self.bytes.get(self.next..)?;
        let at = rest.iter().position(|byte| {
            let before = inside;
            inside = byte.is_ascii_alphanumeric();
            // The first byte of a character beyond ASCII is at least 0xC0, the others are below.
            (inside && !before) || *byte >= 0xC0
        })?;
        self.inside = inside;
        self.start = self.next + at;
        self.next = self.start + 1;
        let head = rest.get(at..at + HEAD)?.first_chunk()?;
        self.head = head.map(fold);
        self.candidates = self.phrases.starting_with(self.head[0]);
        Some(())
    }
}

impl<T: Copy, const N: usize> Iterator for Found<'_, T, N> {
    type Item = (T, usize);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let heads = self.phrases.heads.get(self.candidates.clone())?;
            let Some(at) = heads.iter().position(|head| *head == self.head) else {
                self.next_word()?;
                continue;
            };
            let at = self.candidates.start + at;
            self.candidates.start = at + 1;
            let (phrase, meaning) = self.phrases.entries.get(at)?;
            if begins(self.bytes.get(self.start..)?, phrase.as_bytes()) {
                return Some((*meaning, self.start + phrase.len()));
            }
        }
    }
}

/// Whether `text` begins with `phrase`, which is folded already.
fn begins(text: &[u8], phrase: &[u8]) -> bool {
    text.len() >= phrase.len() && text.iter().zip(phrase).all(|(a, b)| fold(*a) == *b)
}

#[cfg(test)]
mod tests {
    use super::*;

    static PHRASES: Phrases<u8, 5> = Phrases::new(&[
        ("rate limit", 1),
        ("rate", 2),
        ("too many", 3),
        ("4290", 4),
        ("余额不足", 5),
    ]);

    fn found(text: &str) -> Vec<(u8, usize)> {
        PHRASES.found_in(text).collect()
    }

    #[test]
    fn phrases_are_found_at_the_beginning_of_words_whatever_the_case() {
        assert_eq!(found("Rate-Limit: TOO_MANY"), [(1, 10), (2, 4), (3, 20)]);
        assert_eq!(found("accurate limits, tootoo many"), []);
        assert_eq!(found("HTTP/4290"), [(4, 9)]);
        assert_eq!(found("账户余额不足"), [(5, 18)]);
        assert_eq!(found("rat"), []);
        assert_eq!(found(""), []);
    }
}
