//! Looks for bytes in a text, eight at a time.

/// Which of `wanted` are there.
pub(crate) fn contains<const N: usize>(bytes: &[u8], wanted: [u8; N]) -> [bool; N] {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut found = [0; N];
    let mut look = |word: u64| {
        for (found, byte) in found.iter_mut().zip(wanted) {
            *found |= zeros(word ^ repeated(byte));
        }
    };
    for word in words {
        look(u64::from_le_bytes(*word));
    }
    match (rest, bytes.last_chunk()) {
        ([], _) => {}
        (_, Some(last)) => look(u64::from_le_bytes(*last)),
        ([first, ..], None) => {
            // Filled up with a byte that is there.
            let fold = |word, byte: &u8| word << 8 | u64::from(*byte);
            look(rest.iter().fold(repeated(*first), fold));
        }
    }
    found.map(|found| found != 0)
}

const fn repeated(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Not zero if and only if one of the bytes is: after Sean Anderson's "Bit Twiddling Hacks".
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(repeated(0x01)) & !word & repeated(0x80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_seen_at_every_position_and_nowhere_else() {
        let wanted = [0, b'@', 0x7f, 0xff];
        for filling in [1, b'A', b'?', 0x80, 0xfe] {
            for length in 0..40 {
                let mut text = vec![filling; length];
                assert_eq!(contains(&text, wanted), [false; 4]);
                for at in 0..length {
                    for byte in wanted {
                        text[at] = byte;
                        let expected = wanted.map(|it| it == byte);
                        assert_eq!(contains(&text, wanted), expected, "{length} {at} {byte}");
                    }
                    text[at] = filling;
                }
            }
        }
    }
}
