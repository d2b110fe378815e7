//! The payload of a Patch frame: a component's value as pieces of the one before it, and new bytes.

use super::delta::{OPS_MAX, Op};
use super::header::Fault;
use super::{PAYLOAD_MAX, bytes_at};
use crate::log::numbering::narrow;

/// Most patches between a value and the whole one that it goes back to.
pub(crate) const PATCHES_MAX: u32 = 1_024;
/// Most pieces in all these patches together.
pub(crate) const CHAIN_OPS_MAX: u32 = 16_384;

/// Begins the BLAKE3 digest of a frame's payload: a patch names its base by number and by this.
pub(crate) type Mark = [u8; 8];

/// What a patch says before its pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PatchHead {
    /// Number of the frame that holds the value before.
    pub(crate) base: u64,
    pub(crate) mark: Mark,
    /// Bytes of the value.
    pub(crate) len: usize,
    pub(crate) ops: u32,
}

/// Where a piece of a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source<'a> {
    /// The value before, from this byte on.
    Base(usize),
    New(&'a [u8]),
}

/// The payload. `None` where `ops` do not fit `value`, which is a mistake of the caller.
pub(crate) fn encode(base: u64, mark: &Mark, ops: &[Op], value: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    out.extend(base.to_le_bytes());
    out.extend(mark);
    number(value.len(), &mut out);
    let mut at = 0;
    for op in ops {
        number(op.skip, &mut out);
        number(op.copy, &mut out);
        number(op.insert, &mut out);
        at += op.copy;
        out.extend_from_slice(value.get(at..at + op.insert)?);
        at += op.insert;
    }
    (at == value.len()).then_some(out)
}

/// The head of a payload whose pieces are sound.
pub(crate) fn head(raw: &[u8]) -> Result<PatchHead, Fault> {
    pieces(raw, |_, _, _| Ok(()))
}

/// Goes through the pieces in order: where each begins in the value, its length, and its source. Pieces of
/// the base ascend and do not overlap, so that no byte of it is used twice.
pub(crate) fn pieces<'a>(
    raw: &'a [u8],
    mut each: impl FnMut(usize, usize, Source<'a>) -> Result<(), Fault>,
) -> Result<PatchHead, Fault> {
    let mut head = PatchHead {
        base: u64::from_le_bytes(bytes_at(raw, 0).ok_or(Fault::Content)?),
        mark: bytes_at(raw, 8).ok_or(Fault::Content)?,
        len: 0,
        ops: 0,
    };
    let mut rest = raw.get(16..).ok_or(Fault::Content)?;
    head.len = take(&mut rest)?;
    let (mut at, mut base) = (0_usize, 0_usize);
    while !rest.is_empty() {
        head.ops += 1;
        let (skip, copy, insert) = (take(&mut rest)?, take(&mut rest)?, take(&mut rest)?);
        let (new, behind) = rest.split_at_checked(insert).ok_or(Fault::Content)?;
        rest = behind;
        base += skip;
        if copy > 0 {
            each(at, copy, Source::Base(base))?;
        }
        base += copy;
        at += copy;
        if insert > 0 {
            each(at, insert, Source::New(new))?;
        }
        at += insert;
        if base > PAYLOAD_MAX || at > head.len || narrow(u64::from(head.ops)) > OPS_MAX {
            return Err(Fault::Content);
        }
    }
    if at == head.len {
        Ok(head)
    } else {
        Err(Fault::Content)
    }
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn number(mut n: usize, out: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(n & 0x7f).unwrap_or(0x7f);
        n >>= 7;
        if n == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// At most [`PAYLOAD_MAX`].
fn take(bytes: &mut &[u8]) -> Result<usize, Fault> {
    let mut n = 0;
    // Five bytes hold 35 bits.
    for shift in [0, 7, 14, 21, 28] {
        let (first, rest) = bytes.split_first().ok_or(Fault::Content)?;
        *bytes = rest;
        n |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            let n = narrow(n);
            return if n <= PAYLOAD_MAX {
                Ok(n)
            } else {
                Err(Fault::Content)
            };
        }
    }
    Err(Fault::Content)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark = *b"markmark";

    #[test]
    fn numbers_of_all_lengths_read_back() {
        for n in [0, 1, 127, 128, 16_383, 16_384, PAYLOAD_MAX] {
            let mut bytes = Vec::new();
            number(n, &mut bytes);
            let mut rest = bytes.as_slice();
            assert_eq!((take(&mut rest), rest.len()), (Ok(n), 0));
        }
        assert_eq!(take(&mut [0xff; 9].as_slice()), Err(Fault::Content));
        assert_eq!(take(&mut [0x80].as_slice()), Err(Fault::Content));
    }

    #[test]
    fn what_does_not_add_up_is_refused() {
        let op = Op {
            skip: 1,
            copy: 2,
            insert: 3,
        };
        let raw = encode(7, &MARK, &[op], b"..new").unwrap();
        let read = head(&raw).unwrap();
        assert_eq!((read.base, read.mark, read.len, read.ops), (7, MARK, 5, 1));
        assert_eq!(encode(7, &MARK, &[op], b"..newer"), None);
        for len in 0..raw.len() {
            assert!(head(&raw[..len]).is_err(), "{len} bytes");
        }
        let mut longer = raw;
        longer[16] += 1;
        assert!(head(&longer).is_err());
        let many = vec![Op { skip: 1, ..op }; OPS_MAX + 1];
        let raw = encode(7, &MARK, &many, &vec![b'x'; 5 * many.len()]).unwrap();
        assert!(head(&raw).is_err());
    }
}
