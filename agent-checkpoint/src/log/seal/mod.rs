//! A closed segment written anew: its frames packed together, an index behind them, and both read back.

mod proof;
mod sink;
mod writing;

use super::reach::Needed;
use super::scan::scan;
use super::weight::beyond;
use crate::Error;
use crate::format::compress::Unpacker;
use crate::format::envelope;
use crate::format::index::{self, Index, Listed};
use crate::format::keys::Keys;
use crate::format::segment::{Place, Start};
use crate::format::tags::Kind;
use writing::{Refused, Writing};

/// What came of it.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The bytes of the sealed segment, which give back every frame that was not left out.
    Sealed(Vec<u8>),
    /// It would not be smaller, and holds nothing that is to be left out.
    NoGain,
    /// There is damage in it, which is left as it is.
    Damaged,
    /// Somebody said to stop.
    Stopped,
}

/// Whether a segment is sealed. One with a damaged header is when it holds what only a sealed one holds.
///
/// # Errors
/// As [`Place::check`].
pub(crate) fn is_sealed(place: &Place<'_>, bytes: &[u8]) -> Result<bool, Error> {
    Ok(match place.check(bytes)? {
        Start::Good(opening, _) => opening.is_sealed,
        Start::Damaged(start) => scan(bytes, start, place.seed())
            .frames
            .iter()
            .any(|(_, found)| [Kind::PACK, Kind::INDEX].contains(&found.header.kind)),
    })
}

/// The index that a segment ends with, where it is of these very bytes.
pub(crate) fn index_of(place: &Place<'_>, bytes: &[u8], keys: &Keys) -> Option<Index> {
    index_within(place, bytes, keys, u64::MAX)
}

/// The same, where it takes no more than `room` bytes of memory.
pub(crate) fn index_within(
    place: &Place<'_>,
    bytes: &[u8],
    keys: &Keys,
    room: u64,
) -> Option<Index> {
    let (at, found) = index::last_frame(bytes, place.seed())?;
    let before = bytes.get(..at)?;
    let mut unpacker = Unpacker::with(keys).ok()?.within(room);
    let (opened, raw) = unpacker.read(&found).ok()?;
    if beyond(&opened.header, raw, room).is_some() {
        return None;
    }
    let index = Index::decode(raw).ok()?;
    (index.digest == *blake3::hash(before).as_bytes()).then_some(index)
}

/// Whether a sealed segment ends with the index of these very bytes, as far as that shows without a key.
pub(crate) fn is_whole(place: &Place<'_>, bytes: &[u8]) -> bool {
    let Some((at, found)) = index::last_frame(bytes, place.seed()) else {
        return false;
    };
    match envelope::clear_digest(&found) {
        Some(digest) => bytes
            .get(..at)
            .is_some_and(|before| *blake3::hash(before).as_bytes() == digest),
        None => index_of(place, bytes, &Keys::default()).is_some(),
    }
}

/// What `bytes` is to be replaced by. `bytes` is a whole segment, sealed or not, without what the next one
/// says to be void; `listed` are the checkpoints with numbers in it, and perhaps others; `stop` is asked
/// between frames.
///
/// Takes memory for the new segment, for the longest pack twice, and what zstd takes at this level.
///
/// # Errors
/// The segment belongs elsewhere or was written by a newer major version; zstd cannot be set up; what was
/// written does not give back what it should.
pub(crate) fn seal(
    place: &Place<'_>,
    bytes: &[u8],
    listed: &[Listed],
    needed: Option<&Needed>,
    keys: &Keys,
    stop: &dyn Fn() -> bool,
) -> Result<Outcome, Error> {
    let Start::Good(opening, start) = place.check(bytes)? else {
        return Ok(Outcome::Damaged);
    };
    let found = scan(bytes, start, place.seed());
    if !found.holes.is_empty() || found.tail.is_some() {
        return Ok(Outcome::Damaged);
    }
    let mut writing = Writing::new(place, opening, needed, keys)?;
    let mut packs = Unpacker::with(keys)?;
    for (_, frame) in &found.frames {
        if stop() {
            return Ok(Outcome::Stopped);
        }
        match writing.piece(frame, &mut packs) {
            Ok(()) => {}
            Err(Refused::Damaged) => return Ok(Outcome::Damaged),
            Err(Refused::Failed(error)) => return Err(error),
        }
    }
    let has_changed = writing.has_changed();
    let sealed = match writing.finish(listed) {
        Ok(sealed) => sealed,
        Err(Refused::Damaged) => return Ok(Outcome::Damaged),
        Err(Refused::Failed(error)) => return Err(error),
    };
    if sealed.bytes.len() >= found.end && !has_changed {
        return Ok(Outcome::NoGain);
    }
    let is_proven = proof::given_back(place, &sealed.bytes, keys) == Some(sealed.expected);
    if !is_proven {
        return Err(Error::invalid(
            format!("segment {} packed anew", place.segment),
            "it does not give back what was packed; the segment stays as it is",
        ));
    }
    Ok(Outcome::Sealed(sealed.bytes))
}

#[cfg(test)]
mod tests;
