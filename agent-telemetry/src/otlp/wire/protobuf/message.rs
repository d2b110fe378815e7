//! The fields of a protobuf message, one after another.

use super::super::malformed::{Fault, Flaw};

/// Wire types.
const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const BYTES: u32 = 2;
const GROUP: u32 = 3;
const GROUP_END: u32 = 4;
const FIXED32: u32 = 5;

/// Tags: a field's number and wire type, as they stand before it. A known field of another wire type is an unknown one.
pub(super) const fn varint(number: u32) -> u32 {
    number << 3 | VARINT
}
pub(super) const fn fixed64(number: u32) -> u32 {
    number << 3 | FIXED64
}
pub(super) const fn bytes(number: u32) -> u32 {
    number << 3 | BYTES
}

/// What is left of a message.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    rest: &'a [u8],
}

impl<'a> Message<'a> {
    pub(super) const fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    /// Bytes that are left.
    pub(super) const fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next field's tag; `None` at the end.
    #[inline]
    pub(super) fn tag(&mut self) -> Result<Option<u32>, Fault> {
        // All fields up to 15 have a tag of one byte.
        match self.rest.split_first() {
            None => Ok(None),
            Some((&tag @ 8..0x80, rest)) => {
                self.rest = rest;
                Ok(Some(u32::from(tag)))
            }
            Some(_) => {
                let (tag, rest) = long_tag(self.rest)?;
                self.rest = rest;
                Ok(Some(tag))
            }
        }
    }

    /// Passes over fields of this tag, up to 15, that come next and are shorter than 128 bytes.
    #[inline]
    pub(super) fn pass(&mut self, tag: u32) {
        let mut rest = self.rest;
        while let [next, length @ 0..0x80, after @ ..] = rest
            && u32::from(*next) == tag
            && let Some(after) = after.get(usize::from(*length)..)
        {
            rest = after;
        }
        self.rest = rest;
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, Fault> {
        let (value, rest) = match self.rest {
            [byte @ 0..0x80, rest @ ..] => (u64::from(*byte), rest),
            // Lengths of points and records.
            [low, high @ 0..0x80, rest @ ..] => {
                (u64::from(low & 0x7f) | u64::from(*high) << 7, rest)
            }
            other => long_varint(other)?,
        };
        self.rest = rest;
        Ok(value)
    }

    #[inline]
    pub(super) fn fixed64(&mut self) -> Result<u64, Fault> {
        self.array().map(u64::from_le_bytes)
    }

    #[inline]
    pub(super) fn double(&mut self) -> Result<f64, Fault> {
        self.array().map(f64::from_le_bytes)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let Some((array, rest)) = self.rest.split_first_chunk() else {
            return Err(Fault::new(Flaw::Truncated, self.rest));
        };
        self.rest = rest;
        Ok(*array)
    }

    /// A text, bytes, message or packed numbers.
    #[inline]
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let start = self.rest;
        let length = self.varint()?;
        let split = usize::try_from(length)
            .ok()
            .and_then(|length| self.rest.split_at_checked(length));
        let Some((bytes, rest)) = split else {
            return Err(Fault::new(Flaw::Truncated, start));
        };
        self.rest = rest;
        Ok(bytes)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Fault> {
        text(self.bytes()?)
    }

    /// Passes over a field that nobody asked for.
    #[inline]
    pub(super) fn skip(&mut self, tag: u32) -> Result<(), Fault> {
        *self = self.without(tag)?;
        Ok(())
    }

    fn without(mut self, tag: u32) -> Result<Self, Fault> {
        match tag & 7 {
            VARINT => drop(self.varint()?),
            FIXED64 => drop(self.fixed64()?),
            BYTES => drop(self.bytes()?),
            FIXED32 => drop(self.array::<4>()?),
            GROUP | GROUP_END => return Err(Fault::new(Flaw::Group, self.rest)),
            _ => return Err(Fault::new(Flaw::Tag, self.rest)),
        }
        Ok(self)
    }
}

// What is long is seldom, and gets the rest and gives it back: where its address is given away, a message is kept in
// memory instead of registers.

/// What was read, and what comes after it.
type Read<'a, T> = Result<(T, &'a [u8]), Fault>;

#[inline(never)]
fn long_tag(rest: &[u8]) -> Read<'_, u32> {
    let (tag, after) = long_varint(rest)?;
    match u32::try_from(tag) {
        Ok(tag @ 8..) => Ok((tag, after)),
        _ => Err(Fault::new(Flaw::Tag, rest)),
    }
}

#[inline(never)]
fn long_varint(start: &[u8]) -> Read<'_, u64> {
    let (mut value, mut rest) = (0, start);
    for shift in (0..64).step_by(7) {
        let Some((&byte, after)) = rest.split_first() else {
            return Err(Fault::new(Flaw::Truncated, start));
        };
        rest = after;
        // The tenth byte has room for one bit.
        if shift == 63 && byte > 1 {
            return Err(Fault::new(Flaw::Varint, start));
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok((value, rest));
        }
    }
    Err(Fault::new(Flaw::Varint, start))
}

pub(super) fn text(bytes: &[u8]) -> Result<&str, Fault> {
    str::from_utf8(bytes).map_err(|error| {
        let rest = bytes.get(error.valid_up_to()..);
        Fault::new(Flaw::Utf8, rest.unwrap_or(bytes))
    })
}
