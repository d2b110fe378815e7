//! What the targets need: a cursor over the fuzzer's bytes, logs with right sums, what must hold of a session, and of what a
//! processor counts.
#![forbid(unsafe_code)]

pub mod forge;
pub mod intake;
pub mod probe;

/// Bytes of the fuzzer, taken from the front. Every sequence of bytes is an input: what is missing
/// reads as zero or empty.
///
/// Choices and numbers are letters and digits, so that a stored input can be read and written by
/// hand.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// All of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// One entry of `table`: the first for `a`, the second for `b`, and around again.
    ///
    /// # Panics
    ///
    /// When `table` is empty.
    pub fn pick<T: Copy>(&mut self, table: &[T]) -> T {
        let (byte, rest) = self.0.split_first().unwrap_or((&b'a', &[]));
        self.0 = rest;
        table[usize::from(byte.wrapping_sub(b'a')) % table.len()]
    }

    /// The next line, without its end.
    pub fn line(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| *byte == b'\n');
        let line = &self.0[..end.unwrap_or(self.0.len())];
        self.0 = end.map_or(&[], |end| &self.0[end + 1..]);
        line
    }

    /// The next line as a decimal number, modulo 2^64; bytes that are no digits count too.
    pub fn number(&mut self) -> u64 {
        self.line().iter().fold(0_u64, |sum, byte| {
            sum.wrapping_mul(10)
                .wrapping_add(u64::from(byte.wrapping_sub(b'0')))
        })
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All that is left.
    #[must_use]
    pub fn rest(self) -> &'a [u8] {
        self.0
    }
}
