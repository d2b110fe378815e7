//! What a byte may be a part of, and looking at a text byte by byte.

/// A set of bytes, as one bit of the table below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Set(u16);

impl Set {
    /// Hexadecimal digits.
    pub(super) const HEX: Self = Self(1);
    /// Capital letters and digits.
    pub(super) const UPPER: Self = Self(2);
    /// ASCII letters and digits.
    pub(super) const ALNUM: Self = Self(4);
    /// Letters, digits, `_` and `-`: what a run is made of.
    pub(super) const WORD: Self = Self(8);
    /// As `WORD`, and `.`, `=`, `~`.
    pub(super) const DOTTED: Self = Self(16);
    /// Letters, digits, `+`, `/`, `=`.
    pub(super) const BASE64: Self = Self(32);
    /// What stands in a bearer token or in a part of a URL: as `DOTTED`, and `+`, `/`, `%`, `$`.
    pub(super) const OPAQUE: Self = Self(64);
    pub(super) const DIGIT: Self = Self(128);
    /// The last letters of names that say something of a value, and what stands between a name and its sign.
    pub(super) const NAME_END: Self = Self(256);

    #[inline]
    pub(super) fn has(self, byte: u8) -> bool {
        TABLE
            .get(usize::from(byte))
            .is_some_and(|of| of & self.0 != 0)
    }

    /// How many bytes from `from` on are of the set, as far as `most`.
    pub(super) fn count(self, bytes: &[u8], from: usize, most: usize) -> usize {
        let rest = bytes.get(from..).unwrap_or_default();
        let all = rest.iter().take(most);
        let count = all.take_while(|byte| self.has(**byte)).count();
        #[cfg(test)]
        STEPS.with(|steps| steps.set(steps.get() + count as u64 + 1));
        count
    }
}

#[cfg(test)]
thread_local! {
    /// Bytes that were counted on this thread, and looks that counted none.
    pub(super) static STEPS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

static TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    loop {
        let alnum = byte.is_ascii_alphanumeric();
        let word = alnum || matches!(byte, b'_' | b'-');
        let dotted = word || matches!(byte, b'.' | b'=' | b'~');
        let mut of = 0;
        if byte.is_ascii_hexdigit() {
            of |= Set::HEX.0;
        }
        if byte.is_ascii_uppercase() || byte.is_ascii_digit() {
            of |= Set::UPPER.0;
        }
        if alnum {
            of |= Set::ALNUM.0;
        }
        if word {
            of |= Set::WORD.0;
        }
        if dotted {
            of |= Set::DOTTED.0;
        }
        if alnum || matches!(byte, b'+' | b'/' | b'=') {
            of |= Set::BASE64.0;
        }
        if dotted || matches!(byte, b'+' | b'/' | b'%' | b'$') {
            of |= Set::OPAQUE.0;
        }
        if byte.is_ascii_digit() {
            of |= Set::DIGIT.0;
        }
        if matches!(
            byte | 0x20,
            b'd' | b'e' | b's' | b't' | b'y' | b'n' | b'g' | b'h'
        ) && alnum
            || matches!(byte, b' ' | b'"' | b'\'' | b'`' | b'\\' | b':' | b'?')
        {
            of |= Set::NAME_END.0;
        }
        #[expect(
            clippy::indexing_slicing,
            reason = "a table of all bytes has each of them"
        )]
        {
            table[byte as usize] = of;
        }
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    table
};

/// The byte at `at`; zero behind the end.
#[inline]
pub(super) fn at(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

/// The byte before `at`; zero at the beginning.
#[inline]
pub(super) fn before(bytes: &[u8], at: usize) -> u8 {
    at.checked_sub(1)
        .and_then(|at| bytes.get(at))
        .copied()
        .unwrap_or(0)
}

/// What stands from `from` on, as far as `most` bytes.
pub(super) fn window(bytes: &[u8], from: usize, most: usize) -> &[u8] {
    let end = from.saturating_add(most).min(bytes.len());
    bytes.get(from..end).unwrap_or_default()
}

/// What stands before `to`, as far as `most` bytes back.
pub(super) fn window_before(bytes: &[u8], to: usize, most: usize) -> &[u8] {
    bytes.get(to.saturating_sub(most)..to).unwrap_or_default()
}

/// Whether the text looks drawn at random rather than written: both letters and digits, and many
/// different ones. Looks at no more than the first 128 bytes.
pub(super) fn is_random(bytes: &[u8], bits: f32) -> bool {
    let bytes = window(bytes, 0, 128);
    let letter = bytes.iter().any(u8::is_ascii_alphabetic);
    let digit = bytes.iter().any(u8::is_ascii_digit);
    letter && digit && entropy(bytes) >= bits
}

/// Bits of information a byte, from how often each occurs (Shannon 1948).
pub(super) fn entropy(bytes: &[u8]) -> f32 {
    let mut counts = [0_u16; 256];
    let mut all = 0_u16;
    for byte in bytes.iter().take(1_024) {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
        all += 1;
    }
    let all = f32::from(all.max(1));
    let counts = counts.iter().filter(|count| **count > 0);
    counts
        .map(|count| f32::from(*count) / all)
        .map(|share| -share * share.log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_told_from_what_is_drawn() {
        assert!(entropy(b"aaaaaaaaaaaaaaaa") < 0.01);
        assert!((entropy(b"0123456789abcdef") - 4.0).abs() < 0.01);
        assert!(is_random(b"d41d8cd98f00b204e9800998ecf8427e", 3.0));
        for written in ["checkpoint_identifier", "aaaaaaaaaaaaaaaa1", "20260101"] {
            assert!(!is_random(written.as_bytes(), 3.0), "{written}");
        }
    }

    #[test]
    fn windows_end_where_the_text_does() {
        assert_eq!(window(b"abc", 1, 9), b"bc");
        assert_eq!(window(b"abc", 7, 9), b"");
        assert_eq!(window_before(b"abc", 2, 9), b"ab");
        assert_eq!((at(b"a", 1), before(b"a", 0)), (0, 0));
    }
}
