//! What encrypts stored payloads and opens them again: nothing, where a session has no keys.

use std::sync::Arc;

use super::envelope;
use super::frame::Found;
use super::header::{Fault, Header};
use super::tags::Flags;
use crate::Error;
#[cfg(feature = "encryption")]
use crate::encrypt::Ring;

/// Nobody has any in a build that does not encrypt.
#[cfg(not(feature = "encryption"))]
#[derive(Debug)]
enum Ring {}

#[cfg(not(feature = "encryption"))]
impl Ring {
    fn open<'a>(&self, _: &Found<'a>, _: Seat, _: &'a mut Vec<u8>) -> Result<Found<'a>, Fault> {
        match *self {}
    }

    fn is_current(&self, _: &Found<'_>) -> bool {
        match *self {}
    }

    fn seal(&self, _: Header, _: &[u8], _: Seat, _: &[u8]) -> Result<(Header, Vec<u8>), Error> {
        match *self {}
    }
}

/// The keys with which a session is written and read, if it has any. A clone shares them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    ring: Option<Arc<Ring>>,
}

impl Keys {
    #[cfg(feature = "encryption")]
    pub(crate) fn of(ring: Ring) -> Self {
        Self {
            ring: Some(Arc::new(ring)),
        }
    }

    /// The flag of frames that are to be written.
    pub(crate) fn flag(&self) -> Flags {
        match self.ring {
            Some(_) => Flags::ENCRYPTED,
            None => Flags::NONE,
        }
    }

    /// The frame as it would stand without encryption. What lies in a pack is part of what was opened with it.
    pub(crate) fn open<'a>(
        &self,
        found: &Found<'a>,
        room: &'a mut Vec<u8>,
    ) -> Result<Found<'a>, Fault> {
        let is_encrypted = found.header.flags.has(Flags::ENCRYPTED);
        let Some(seat) = found.seat else {
            return if is_encrypted {
                Err(Fault::Content)
            } else {
                Ok(*found)
            };
        };
        if let Some(ring) = &self.ring {
            return ring.open(found, seat, room);
        }
        if is_encrypted {
            let id = envelope::key_id(found).ok_or(Fault::Content)?;
            return Err(Fault::Locked(id));
        }
        Ok(Found {
            seat: None,
            ..*found
        })
    }

    /// Whether the frame is as it would be written now: under the key that is in use, or plain where there is
    /// none.
    pub(crate) fn is_current(&self, found: &Found<'_>) -> bool {
        if let Some(ring) = &self.ring {
            return ring.is_current(found);
        }
        !found.header.flags.has(Flags::ENCRYPTED)
    }

    /// The frame as it is to be stored: encrypted, where there are keys. `clear` is what stands in front of
    /// an encrypted payload for everybody.
    pub(crate) fn seal(
        &self,
        header: Header,
        stored: &[u8],
        seat: Option<Seat>,
        clear: &[u8],
    ) -> Result<(Header, Vec<u8>), Error> {
        if let (Some(ring), Some(seat)) = (&self.ring, seat) {
            return ring.seal(header, stored, seat, clear);
        }
        Ok((header, stored.to_vec()))
    }
}

/// Stands for a segment: which one of which session in which store.
pub(crate) type Seat = [u8; 16];

/// What ties frames to the segment in which they stand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seed {
    /// Begins the sum of every frame's header.
    pub(crate) sum: u32,
    /// Goes into what encryption proves of every frame; `None` for what lies in a pack.
    pub(crate) seat: Option<Seat>,
}

#[cfg(test)]
impl From<u32> for Seed {
    fn from(sum: u32) -> Self {
        Self { sum, seat: None }
    }
}
