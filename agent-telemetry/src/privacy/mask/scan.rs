//! Looks through a text for what may be something, fast where it is nothing.

/// What a byte may be a part of.
#[derive(Clone, Copy)]
pub(super) struct Class(u8);

impl Class {
    const TOKEN: u8 = 1;
    const ALPHANUMERIC: u8 = 2;

    const fn new(byte: u8) -> Self {
        let alphanumeric = byte.is_ascii_alphanumeric();
        let token = alphanumeric || matches!(byte, b'_' | b'-' | b'.' | b'+' | b'~');
        Self(
            if alphanumeric { Self::ALPHANUMERIC } else { 0 } | if token { Self::TOKEN } else { 0 },
        )
    }

    #[inline]
    pub(super) fn of(byte: u8) -> Self {
        *CLASSES.get(usize::from(byte)).unwrap_or(&Self(0))
    }

    /// Part of a key or token.
    #[inline]
    pub(super) const fn is_token(self) -> bool {
        self.0 & Self::TOKEN != 0
    }

    #[inline]
    pub(super) const fn is_alphanumeric(self) -> bool {
        self.0 & Self::ALPHANUMERIC != 0
    }
}

static CLASSES: [Class; 256] = {
    let mut table = [Class(0); 256];
    let mut byte = 0_u8;
    loop {
        #[expect(
            clippy::indexing_slicing,
            reason = "a table of all bytes has each of them"
        )]
        {
            table[byte as usize] = Class::new(byte);
        }
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    table
};

fn is_token_at(bytes: &[u8], at: usize) -> bool {
    bytes
        .get(at)
        .is_some_and(|byte| Class::of(*byte).is_token())
}

/// The words of a text that have so many bytes of a token or more, from beginning to end.
///
/// Every such word covers a multiple of that length, so only these are looked at.
pub(super) struct Words<'a> {
    bytes: &'a [u8],
    least: usize,
    /// Where no word has been looked for yet.
    from: usize,
    /// A position that the next word covers if it begins behind `from`.
    probe: usize,
}

impl<'a> Words<'a> {
    /// `least` is 1 at least.
    pub(super) const fn new(bytes: &'a [u8], least: usize) -> Self {
        Self {
            bytes,
            least,
            from: 0,
            probe: least - 1,
        }
    }
}

impl Iterator for Words<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        while self.probe < self.bytes.len() {
            if !is_token_at(self.bytes, self.probe) {
                self.from = self.probe + 1;
                self.probe += self.least;
                continue;
            }
            let is_token = |byte: &&u8| Class::of(**byte).is_token();
            let (before, behind) = self.bytes.split_at_checked(self.probe)?;
            let before = before.get(self.from..).unwrap_or_default();
            let start = self.probe - before.iter().rev().take_while(is_token).count();
            let end = self.probe + behind.iter().take_while(is_token).count();
            self.from = end;
            self.probe = end + self.least;
            if end - start >= self.least {
                return Some((start, end));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_wherever_they_begin() {
        for before in 0..25 {
            for length in 0..25 {
                for gap in 1..12 {
                    let text = [
                        ".!".repeat(before / 2),
                        "!".repeat(before % 2),
                        "a".repeat(length),
                        "é".repeat(gap / 6),
                        "!".repeat(gap),
                        "b".repeat(10),
                    ]
                    .concat();
                    let begin = before / 2 * 2 + before % 2;
                    let last = text.len() - 10;
                    let mut expected = Vec::new();
                    if length >= 10 {
                        expected.push((begin, begin + length));
                    }
                    expected.push((last, text.len()));
                    let words: Vec<_> = Words::new(text.as_bytes(), 10).collect();
                    assert_eq!(words, expected, "{text}");
                }
            }
        }
    }
}
