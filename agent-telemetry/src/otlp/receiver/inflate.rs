//! Gzip, as far as a limit.

use std::io::{ErrorKind, Read as _};

use flate2::bufread::GzDecoder;

use super::budget::Hold;

/// Looked for at once.
const STEP: usize = 32 * 1024;
/// Setting up for one takes some microseconds, and a byte stream of 64 MiB has room for millions of empty ones.
const MEMBERS: usize = 1_024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deflated {
    /// More comes out than the limit.
    TooLarge,
    /// It ends before its end.
    Truncated,
    /// It is no gzip, or what follows it is none.
    Broken,
    TooManyMembers,
    /// The hold does not suffice.
    NoRoom,
}

/// What is in `packed`, one gzip member after the other, up to `limit` bytes. Memory is taken as bytes come out, so a
/// bomb costs no more than the limit.
pub(super) fn inflate(
    mut packed: &[u8],
    limit: usize,
    hold: &mut Hold,
) -> Result<Vec<u8>, Deflated> {
    let mut out = Vec::new();
    for _ in 0..MEMBERS {
        let mut member = GzDecoder::new(packed);
        loop {
            let len = out.len();
            let step = STEP.min(limit - len);
            if step == 0 {
                // Whether the member, too, ends here.
                match member.read(&mut [0]).map_err(|error| cause(&error))? {
                    0 => break,
                    _ => return Err(Deflated::TooLarge),
                }
            }
            if !hold.make_room(&mut out, step, limit) {
                return Err(Deflated::NoRoom);
            }
            out.resize(len + step, 0);
            let read = member.read(out.get_mut(len..).unwrap_or_default());
            let read = read.map_err(|error| cause(&error))?;
            out.truncate(len + read);
            if read == 0 {
                break;
            }
        }
        packed = member.into_inner();
        if packed.is_empty() {
            return Ok(out);
        }
    }
    Err(Deflated::TooManyMembers)
}

fn cause(error: &std::io::Error) -> Deflated {
    match error.kind() {
        ErrorKind::UnexpectedEof => Deflated::Truncated,
        _ => Deflated::Broken,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::super::budget::Budget;
    use super::*;

    fn pack(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn inflated(packed: &[u8], limit: usize) -> Result<Vec<u8>, Deflated> {
        inflate(packed, limit, &mut Budget::new(1 << 30).hold(0).unwrap())
    }

    #[test]
    fn everything_comes_out_up_to_the_limit_and_not_a_byte_more() {
        for len in [0, 1, 1_000, STEP - 1, STEP, STEP + 1, 1_000_000] {
            let bytes: Vec<u8> = (0..len)
                .map(|it| u8::try_from(it * 7 % 251).unwrap())
                .collect();
            let packed = pack(&bytes);
            assert_eq!(inflated(&packed, len), Ok(bytes.clone()), "{len}");
            assert_eq!(inflated(&packed, len + 1), Ok(bytes), "{len}");
            if len > 0 {
                assert_eq!(inflated(&packed, len - 1), Err(Deflated::TooLarge), "{len}");
            }
        }
    }

    #[test]
    fn members_are_joined_and_bounded() {
        let mut packed = pack(b"one ");
        packed.extend(pack(b""));
        packed.extend(pack(b"two"));
        assert_eq!(inflated(&packed, 100), Ok(b"one two".to_vec()));
        let (most, more) = (pack(b"").repeat(MEMBERS), pack(b"").repeat(MEMBERS + 1));
        assert_eq!(inflated(&most, 100), Ok(Vec::new()));
        assert_eq!(inflated(&more, 100), Err(Deflated::TooManyMembers));
    }

    #[test]
    fn each_cut_is_truncated_and_what_follows_is_broken() {
        let packed = pack(b"what is said, what is said");
        for cut in 0..packed.len() {
            assert_eq!(
                inflated(&packed[..cut], 100),
                Err(Deflated::Truncated),
                "{cut}"
            );
        }
        let trailing = [packed.as_slice(), b"and a long trailing word"].concat();
        assert_eq!(inflated(&trailing, 100), Err(Deflated::Broken));
        let mut flipped = packed;
        let at = flipped.len() - 6;
        flipped[at] ^= 1;
        assert_eq!(inflated(&flipped, 100), Err(Deflated::Broken));
    }

    #[test]
    fn a_bomb_takes_no_more_than_its_limit() {
        let packed = pack(&vec![0; 1 << 20]).repeat(100);
        assert!(packed.len() < 200_000);
        let budget = Budget::new(1 << 30);
        let mut hold = budget.hold(0).unwrap();
        let end = inflate(&packed, 1 << 20, &mut hold);
        assert_eq!(end, Err(Deflated::TooLarge));
        assert!(budget.held() <= 1 << 20, "{}", budget.held());
    }

    #[test]
    fn what_the_hold_does_not_give_is_not_taken() {
        let packed = pack(&vec![0; 100_000]);
        let budget = Budget::new(80_000);
        let end = inflate(&packed, 1 << 20, &mut budget.hold(0).unwrap());
        assert_eq!(end, Err(Deflated::NoRoom));
        assert_eq!(budget.held(), 0);
    }
}
