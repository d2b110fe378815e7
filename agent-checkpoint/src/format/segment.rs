//! The start of a segment: whose it is, and the seed that ties every frame in it to its place.

use agent_primitives::SessionId;

use super::keys::{Seat, Seed};
use super::{MAJOR, MINOR, bytes_at};
use crate::{Error, StoreId};

/// After PNG: a byte outside ASCII, both kinds of line end and an end-of-file mark, so that a
/// transfer in text mode shows at once.
const MAGIC: [u8; 8] = [0x89, b'C', b'K', b'L', b'\r', b'\n', 0x1a, b'\n'];

const AT_MAJOR: usize = MAGIC.len();
const AT_HEADER_LEN: usize = AT_MAJOR + 4;
const AT_STORE: usize = AT_HEADER_LEN + 4;
const AT_SEGMENT: usize = AT_STORE + 16;
const AT_SESSION_LEN: usize = AT_SEGMENT + 4;
const AT_EPOCH: usize = AT_SESSION_LEN + 4;
const AT_VOID_FROM: usize = AT_EPOCH + 8;
const AT_FORM: usize = AT_VOID_FROM + 8;
const AT_SUM: usize = AT_FORM + 4;
const AT_SESSION: usize = AT_SUM + 4;
const ALIGN: usize = 8;
const SEALED: u32 = 1;

/// Where a segment belongs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) store: StoreId,
    pub(crate) session: &'a SessionId,
    pub(crate) segment: u32,
}

/// What the start of a segment turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// The header, and where frames begin.
    Good(Opening, usize),
    /// The header cannot be read; frames of this version begin at this offset.
    Damaged(usize),
}

/// Under which ownership a segment was begun, and what it takes back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Opening {
    /// Epoch of the writer that began it; 0 for one that had none.
    pub(crate) epoch: u64,
    /// From this offset on the segment before is void: written by an earlier owner after it lost the
    /// session, or not known to be on the device after a failed sync. 0 where nothing is.
    pub(crate) void_from: u64,
    /// What stands in it never changes again, and is packed.
    pub(crate) is_sealed: bool,
}

/// As [`Opening::void_from`]: none of the segment before counts, be it damage or frames.
pub(crate) const VOID_WHOLE: u64 = 1;

impl Place<'_> {
    /// Seeds the sum of every frame header in the segment, so that bytes of another store, session
    /// or segment never pass.
    pub(crate) fn seed(&self) -> Seed {
        Seed {
            sum: self.sum(),
            seat: self.seat(),
        }
    }

    /// Like the sum it depends on nothing that a damaged header could hide. A build that does not encrypt has
    /// nothing to prove with it, but tells a frame of a segment, which may want a key, from one of a pack.
    fn seat(&self) -> Option<Seat> {
        if !cfg!(feature = "encryption") {
            return Some(Seat::default());
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.store.as_bytes());
        hasher.update(&self.segment.to_le_bytes());
        hasher.update(self.session.as_str().as_bytes());
        bytes_at(hasher.finalize().as_bytes(), 0)
    }

    fn sum(&self) -> u32 {
        let mut sum = crc32c::crc32c(self.store.as_bytes());
        sum = crc32c::crc32c_append(sum, &self.segment.to_le_bytes());
        crc32c::crc32c_append(sum, self.session.as_str().as_bytes())
    }

    /// The bytes that a segment begins with.
    pub(crate) fn header(&self, opening: Opening) -> Vec<u8> {
        let session = self.session.as_str().as_bytes();
        let len = (AT_SESSION + session.len()).next_multiple_of(ALIGN);
        let narrow = |n: usize| u32::try_from(n).unwrap_or(0).to_le_bytes();
        let mut bytes = Vec::with_capacity(len);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend(MAJOR.to_le_bytes());
        bytes.extend(MINOR.to_le_bytes());
        bytes.extend(narrow(len));
        bytes.extend_from_slice(self.store.as_bytes());
        bytes.extend(self.segment.to_le_bytes());
        bytes.extend(narrow(session.len()));
        bytes.extend(opening.epoch.to_le_bytes());
        bytes.extend(opening.void_from.to_le_bytes());
        bytes.extend(if opening.is_sealed { SEALED } else { 0 }.to_le_bytes());
        let mut tail = session.to_vec();
        tail.resize(len - AT_SESSION, 0);
        let sum = crc32c::crc32c_append(crc32c::crc32c(&bytes), &tail);
        bytes.extend(sum.to_le_bytes());
        bytes.append(&mut tail);
        bytes
    }

    /// Where frames begin in a segment that should belong here, whatever its header says.
    pub(crate) fn start(&self, bytes: &[u8]) -> usize {
        match self.check(bytes) {
            Ok(Start::Good(_, start) | Start::Damaged(start)) => start,
            Err(_) => self.header(Opening::default()).len(),
        }
    }

    /// Reads the start of a segment that should belong here.
    ///
    /// # Errors
    /// The segment is intact but belongs elsewhere, or has a newer major version.
    pub(crate) fn check(&self, bytes: &[u8]) -> Result<Start, Error> {
        let Some(found) = Found::read(bytes) else {
            return Ok(Start::Damaged(self.header(Opening::default()).len()));
        };
        let what = || format!("segment {} of session {}", self.segment, self.session);
        if found.major > MAJOR {
            return Err(Error::newer(what()));
        }
        if found.store != *self.store.as_bytes()
            || found.session != self.session.as_str().as_bytes()
            || found.segment != self.segment
        {
            let session = String::from_utf8_lossy(found.session);
            let store = StoreId::from_bytes(found.store);
            let owner = format!(
                "segment {} of session {session} of store {store}",
                found.segment
            );
            return Err(Error::foreign(what(), owner));
        }
        Ok(Start::Good(found.opening, found.len))
    }
}

/// The session that wrote a segment, where its header is intact.
pub(crate) fn session_of(bytes: &[u8]) -> Option<String> {
    let session = Found::read(bytes)?.session;
    std::str::from_utf8(session).ok().map(str::to_owned)
}

/// The store that wrote a segment, where its header is intact.
pub(crate) fn store_of(bytes: &[u8]) -> Option<StoreId> {
    Found::read(bytes).map(|found| StoreId::from_bytes(found.store))
}

struct Found<'a> {
    major: u16,
    len: usize,
    store: [u8; 16],
    segment: u32,
    opening: Opening,
    session: &'a [u8],
}

impl<'a> Found<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        if !bytes.starts_with(&MAGIC) {
            return None;
        }
        let number = |at| Some(u32::from_le_bytes(bytes_at(bytes, at)?));
        let size = |at| usize::try_from(number(at)?).ok();
        let len = size(AT_HEADER_LEN)?;
        let sum = crc32c::crc32c(bytes.get(..AT_SUM)?);
        // `get` refuses a length that lies before the session or behind the end.
        if crc32c::crc32c_append(sum, bytes.get(AT_SESSION..len)?) != number(AT_SUM)? {
            return None;
        }
        let session_end = AT_SESSION.checked_add(size(AT_SESSION_LEN)?)?;
        Some(Self {
            major: u16::from_le_bytes(bytes_at(bytes, AT_MAJOR)?),
            len,
            store: bytes_at(bytes, AT_STORE)?,
            segment: number(AT_SEGMENT)?,
            opening: Opening {
                epoch: u64::from_le_bytes(bytes_at(bytes, AT_EPOCH)?),
                void_from: u64::from_le_bytes(bytes_at(bytes, AT_VOID_FROM)?),
                is_sealed: number(AT_FORM)? == SEALED,
            },
            session: bytes.get(AT_SESSION..session_end.min(len))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_knows_its_place() {
        let store = StoreId::from_bytes([7; 16]);
        let (mine, other) = (
            SessionId::new("mine").unwrap(),
            SessionId::new("other").unwrap(),
        );
        let place = Place {
            store,
            session: &mine,
            segment: 1,
        };
        let opening = Opening {
            epoch: 3,
            void_from: 4_096,
            is_sealed: true,
        };
        let header = place.header(opening);
        assert_eq!(header.len(), 72);
        assert_eq!(place.check(&header).unwrap(), Start::Good(opening, 72));
        assert_eq!(store_of(&header), Some(store));

        for elsewhere in [
            Place {
                store: StoreId::from_bytes([8; 16]),
                ..place
            },
            Place {
                session: &other,
                ..place
            },
            Place {
                segment: 2,
                ..place
            },
        ] {
            assert_ne!(elsewhere.seed().sum, place.seed().sum);
            #[cfg(feature = "encryption")]
            assert_ne!(elsewhere.seed().seat, place.seed().seat);
            assert!(elsewhere.check(&header).unwrap_err().is_foreign());
        }
    }

    #[test]
    fn a_damaged_header_is_noticed_and_a_newer_major_refused() {
        let session = SessionId::new("mine").unwrap();
        let place = Place {
            store: StoreId::from_bytes([7; 16]),
            session: &session,
            segment: 1,
        };
        let header = place.header(Opening::default());
        for bit in 0..header.len() * 8 {
            let mut bent = header.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(place.check(&bent).unwrap(), Start::Damaged(72), "bit {bit}");
        }
        for len in 0..header.len() {
            assert_eq!(
                place.check(&header[..len]).unwrap(),
                Start::Damaged(72),
                "{len} bytes"
            );
        }
        let mut newer = header.clone();
        newer[AT_MAJOR] = 2;
        let sum = crc32c::crc32c_append(crc32c::crc32c(&newer[..AT_SUM]), &newer[AT_SESSION..]);
        newer[AT_SUM..AT_SESSION].copy_from_slice(&sum.to_le_bytes());
        assert!(place.check(&newer).unwrap_err().is_newer());
    }
}
