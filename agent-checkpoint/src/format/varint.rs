//! Numbers of few bytes: seven bits each, the lowest first, and the highest bit of a byte says that more
//! follow.

use super::header::Fault;

const MORE: u8 = 0x80;
/// Ten times seven bits hold any `u64`.
const LEN_MAX: u32 = 10;

/// Appends a number.
pub(crate) fn write(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            out.push(low & !MORE);
            return;
        }
        out.push(low | MORE);
    }
}

/// Appends a length and then the bytes.
pub(crate) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write(out, u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    out.extend_from_slice(bytes);
}

/// Appends a signed number, the small ones short whatever their sign.
pub(crate) fn write_signed(out: &mut Vec<u8>, number: i64) {
    write(out, (number << 1 ^ number >> 63).cast_unsigned());
}

/// Takes values off the front of bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next `len` bytes.
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Fault::Content)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        self.take(N)?.try_into().map_err(|_| Fault::Content)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Fault> {
        self.array().map(|[byte]| byte)
    }

    /// A number of up to ten bytes, in the shortest spelling or not.
    pub(crate) fn number(&mut self) -> Result<u64, Fault> {
        let mut number = 0_u64;
        for at in 0..LEN_MAX {
            let byte = self.byte()?;
            let part = u64::from(byte & !MORE);
            let shifted = part.checked_shl(7 * at).ok_or(Fault::Content)?;
            if shifted >> (7 * at) != part {
                return Err(Fault::Content);
            }
            number |= shifted;
            if byte & MORE == 0 {
                return Ok(number);
            }
        }
        Err(Fault::Content)
    }

    pub(crate) fn signed(&mut self) -> Result<i64, Fault> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    /// A number that counts things or bytes in memory.
    pub(crate) fn count(&mut self) -> Result<usize, Fault> {
        usize::try_from(self.number()?).map_err(|_| Fault::Limit)
    }

    /// Bytes with their length in front.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let len = self.count()?;
        self.take(len)
    }

    /// Text with its length in bytes in front.
    pub(crate) fn text(&mut self) -> Result<&'a str, Fault> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Fault::Content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_numbers_take_one_byte_and_too_many_bytes_are_refused() {
        let mut out = Vec::new();
        for number in [0, 127, 128, u64::MAX] {
            write(&mut out, number);
        }
        assert_eq!(out[..4], [0, 127, 0x80, 1]);
        assert_eq!(out.len(), 14);
        let mut cursor = Cursor(&out);
        for number in [0, 127, 128, u64::MAX] {
            assert_eq!(cursor.number(), Ok(number));
        }
        assert!(cursor.is_empty());
        for wrong in [
            &[0xff; 11][..],
            &[0x80],
            &[],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
        ] {
            assert_eq!(Cursor(wrong).number(), Err(Fault::Content), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn every_number_comes_back(number: u64, signed: i64, bytes: Vec<u8>) {
            let mut out = Vec::new();
            write(&mut out, number);
            write_signed(&mut out, signed);
            write_bytes(&mut out, &bytes);
            let mut cursor = Cursor(&out);
            prop_assert_eq!(cursor.number(), Ok(number));
            prop_assert_eq!(cursor.signed(), Ok(signed));
            prop_assert_eq!(cursor.bytes(), Ok(&bytes[..]));
            prop_assert!(cursor.is_empty());
        }
    }
}
