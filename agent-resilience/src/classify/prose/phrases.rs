//! Many phrases, looked for in one pass over a sentence.

/// Phrases with what each means. They are compared without regard to ASCII case, at the beginning of
/// a word, and a `_` or `-` in the sentence counts as a blank: `insufficient quota` is also found in
/// `insufficient_quota`.
pub(in crate::classify) struct Phrases<T: 'static> {
    entries: &'static [(&'static str, T)],
    /// Where the entries of each group begin, and where the last one ends.
    starts: [u16; GROUPS + 1],
}

/// The 26 letters, everything else in ASCII, and the rest.
const GROUPS: usize = 28;

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

impl<T: Copy> Phrases<T> {
    /// Takes phrases in lower case, sorted by their first letter: what is not is an error of the
    /// build.
    #[expect(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        reason = "at compile time, where a slip is an error of the build"
    )]
    pub(in crate::classify) const fn new(entries: &'static [(&'static str, T)]) -> Self {
        let mut starts = [0; GROUPS + 1];
        let (mut at, mut next) = (0, 0);
        while at < entries.len() {
            let phrase = entries[at].0.as_bytes();
            let mut byte = 0;
            while byte < phrase.len() {
                assert!(phrase[byte] == FOLDED[phrase[byte] as usize], "lower case");
                byte += 1;
            }
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
        Self { entries, starts }
    }

    fn starting_with(&self, byte: u8) -> &'static [(&'static str, T)] {
        let group = group(byte);
        let start = self.starts.get(group).copied().unwrap_or(0);
        let end = self.starts.get(group + 1).copied().unwrap_or(0);
        let range = usize::from(start)..usize::from(end);
        self.entries.get(range).unwrap_or_default()
    }

    /// Every phrase in `text` with the position after it, in the order of the text.
    pub(in crate::classify) fn found_in(&self, text: &str) -> impl Iterator<Item = (T, usize)> {
        let bytes = text.as_bytes();
        words(bytes).flat_map(move |start| {
            let rest = bytes.get(start..).unwrap_or_default();
            let first = rest.first().copied().map_or(0, fold);
            self.starting_with(first)
                .iter()
                .filter(move |(phrase, _)| begins(rest, phrase.as_bytes()))
                .map(move |(phrase, meaning)| (*meaning, start + phrase.len()))
        })
    }
}

/// Whether `text` begins with `phrase`, which is folded already.
fn begins(text: &[u8], phrase: &[u8]) -> bool {
    text.len() >= phrase.len() && text.iter().zip(phrase).all(|(a, b)| fold(*a) == *b)
}

/// Where words begin. Chinese is written without blanks: there every character may begin one.
fn words(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let mut before = b' ';
    bytes.iter().enumerate().filter_map(move |(at, byte)| {
        let inside = before.is_ascii_alphanumeric();
        before = *byte;
        let begins = match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => !inside,
            // The first byte of a character beyond ASCII; the ones after it are below.
            0xC0.. => true,
            _ => false,
        };
        begins.then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    static PHRASES: Phrases<u8> = Phrases::new(&[
        ("rate limit", 1),
        ("rate", 2),
        ("too many", 3),
        ("429", 4),
        ("余额不足", 5),
    ]);

    fn found(text: &str) -> Vec<(u8, usize)> {
        PHRASES.found_in(text).collect()
    }

    #[test]
    fn phrases_are_found_at_the_beginning_of_words_whatever_the_case() {
        assert_eq!(found("Rate-Limit: TOO_MANY"), [(1, 10), (2, 4), (3, 20)]);
        assert_eq!(found("accurate limits, tootoo many"), []);
        assert_eq!(found("HTTP/429"), [(4, 8)]);
        assert_eq!(found("账户余额不足"), [(5, 18)]);
        assert_eq!(found("rat"), []);
        assert_eq!(found(""), []);
    }
}
