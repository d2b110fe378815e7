//! SipHash-2-4 with 128 bits of output: a keyed function whose values say nothing about the input to
//! whoever does not know the key (Aumasson and Bernstein, "`SipHash`: a fast short-input PRF", 2012).

/// The value of `input` under `key`.
pub(crate) fn siphash_2_4_128(key: [u8; 16], input: &[u8]) -> u128 {
    let key = u128::from_le_bytes(key);
    let mut state = State::new(low(key), low(key >> 64));
    let (words, rest) = input.as_chunks::<8>();
    for word in words {
        state.absorb(u64::from_le_bytes(*word));
    }
    // The last word holds what is left, and the length in its highest byte.
    let last = rest
        .iter()
        .rev()
        .fold(0, |word, byte| word << 8 | u64::from(*byte));
    state.absorb(last | (input.len() as u64) << 56);
    state.finish()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the lower half is asked for"
)]
const fn low(wide: u128) -> u64 {
    wide as u64
}

struct State(u64, u64, u64, u64);

impl State {
    const fn new(k0: u64, k1: u64) -> Self {
        Self(
            k0 ^ 0x736f_6d65_7073_6575,
            // 0xee marks the variant of 128 bits.
            k1 ^ 0x646f_7261_6e64_6f6d ^ 0xee,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        )
    }

    const fn absorb(&mut self, word: u64) {
        self.3 ^= word;
        self.round();
        self.round();
        self.0 ^= word;
    }

    fn finish(mut self) -> u128 {
        self.2 ^= 0xee;
        let first = self.half();
        self.1 ^= 0xdd;
        u128::from(first) | u128::from(self.half()) << 64
    }

    const fn half(&mut self) -> u64 {
        self.round();
        self.round();
        self.round();
        self.round();
        self.0 ^ self.1 ^ self.2 ^ self.3
    }

    const fn round(&mut self) {
        self.0 = self.0.wrapping_add(self.1);
        self.1 = self.1.rotate_left(13) ^ self.0;
        self.0 = self.0.rotate_left(32);
        self.2 = self.2.wrapping_add(self.3);
        self.3 = self.3.rotate_left(16) ^ self.2;
        self.0 = self.0.wrapping_add(self.3);
        self.3 = self.3.rotate_left(21) ^ self.0;
        self.2 = self.2.wrapping_add(self.1);
        self.1 = self.1.rotate_left(17) ^ self.2;
        self.2 = self.2.rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the reference implementation's `vectors_sip128`: key 00 01 … 0f, input 00 01 … of each
    /// length.
    #[test]
    fn agrees_with_the_reference_vectors() {
        let key: [u8; 16] = std::array::from_fn(|at| u8::try_from(at).unwrap());
        let input: Vec<u8> = (0..=62).collect();
        for (length, expected) in [
            (0, "a3817f04ba25a8e66df67214c7550293"),
            (1, "da87c1d86b99af44347659119b22fc45"),
            (2, "8177228da4a45dc7fca38bdef60affe4"),
            (3, "9c70b60c5267a94e5f33b6b02985ed51"),
        ] {
            let value = siphash_2_4_128(key, &input[..length]);
            assert_eq!(
                value.swap_bytes(),
                u128::from_str_radix(expected, 16).unwrap(),
                "length {length}"
            );
        }
    }
}
