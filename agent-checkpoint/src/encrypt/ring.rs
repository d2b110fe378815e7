//! Keys at work: encrypts stored payloads and opens them again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{Tag, XNonce};

use super::{Key, KeyId};
use crate::Error;
use crate::format::envelope::{HEAD_LEN, KEY_ID_LEN, NONCE_LEN, TAG_LEN, clear_len, key_id};
use crate::format::frame::Found;
use crate::format::header::{Fault, Header};
use crate::format::keys::Seat;
use crate::format::tags::Flags;
use crate::format::{PAYLOAD_MAX, bytes_at};

/// The fields of a header that encryption proves: all but magic and sum.
const PROVEN: std::ops::Range<usize> = 4..28;

/// The keys of an open session.
#[derive(Debug)]
pub(crate) struct Ring {
    active: Arc<Key>,
    older: Vec<Arc<Key>>,
    accepts_plain: bool,
    /// Drawn when the session was opened, and with `count` never used for another frame.
    salt: [u8; 32],
    count: AtomicU64,
}

impl Ring {
    pub(super) fn new(
        active: Arc<Key>,
        older: Vec<Arc<Key>>,
        accepts_plain: bool,
        salt: [u8; 32],
    ) -> Self {
        Self {
            active,
            older,
            accepts_plain,
            salt,
            count: AtomicU64::new(0),
        }
    }

    fn key(&self, id: KeyId) -> Option<&Key> {
        let mut keys = [&self.active].into_iter().chain(&self.older);
        keys.find(|key| key.id() == id).map(Arc::as_ref)
    }

    /// Whether the frame is encrypted with the key in use.
    pub(crate) fn is_current(&self, found: &Found<'_>) -> bool {
        found.header.flags.has(Flags::ENCRYPTED) && key_id(found) == Some(self.active.id().0)
    }

    /// The frame as it would stand without encryption, its payload in `room`.
    pub(crate) fn open<'a>(
        &self,
        found: &Found<'a>,
        seat: Seat,
        room: &'a mut Vec<u8>,
    ) -> Result<Found<'a>, Fault> {
        let mut header = found.header;
        if !header.flags.has(Flags::ENCRYPTED) {
            return if self.accepts_plain {
                Ok(Found {
                    seat: None,
                    ..*found
                })
            } else {
                Err(Fault::Unencrypted)
            };
        }
        let id = KeyId(key_id(found).ok_or(Fault::Content)?);
        let key = self.key(id).ok_or(Fault::Locked(id.0))?;
        let at = clear_len(header.kind);
        let clear = found.stored.get(..at).ok_or(Fault::Content)?;
        let nonce: [u8; NONCE_LEN] =
            bytes_at(found.stored, at + KEY_ID_LEN).ok_or(Fault::Content)?;
        let locked = found.stored.get(at + HEAD_LEN..).ok_or(Fault::Content)?;
        let (locked, tag) = locked.split_last_chunk::<TAG_LEN>().ok_or(Fault::Content)?;
        room.extend_from_slice(locked);
        key.cipher
            .decrypt_inout_detached(
                &XNonce::from(nonce),
                &associated(&header, seat, id, clear),
                room.as_mut_slice().into(),
                &Tag::from(*tag),
            )
            .map_err(|_| Fault::Forged)?;
        header.flags.0 &= !Flags::ENCRYPTED.0;
        header.stored_len = u32::try_from(room.len()).map_err(|_| Fault::Limit)?;
        Ok(Found {
            header,
            stored: room,
            seat: None,
        })
    }

    /// The header and the payload as they are to be stored.
    pub(crate) fn seal(
        &self,
        mut header: Header,
        stored: &[u8],
        seat: Seat,
        clear: &[u8],
    ) -> Result<(Header, Vec<u8>), Error> {
        header.flags = header.flags.and(Flags::ENCRYPTED);
        let len = stored.len().saturating_add(header.envelope());
        let too_large = || Error::too_large("an encrypted frame", len, PAYLOAD_MAX);
        if len > PAYLOAD_MAX {
            return Err(too_large());
        }
        header.stored_len = u32::try_from(len).map_err(|_| too_large())?;
        let id = self.active.id();
        let nonce = self.nonce(&header, stored, seat);
        let mut out = Vec::with_capacity(len);
        out.extend_from_slice(clear);
        out.extend_from_slice(&id.0);
        out.extend_from_slice(&nonce);
        let start = out.len();
        out.extend_from_slice(stored);
        let payload = out.get_mut(start..).unwrap_or_default();
        let tag = self
            .active
            .cipher
            .encrypt_inout_detached(
                &XNonce::from(nonce),
                &associated(&header, seat, id, clear),
                payload.into(),
            )
            .map_err(|_| too_large())?;
        out.extend_from_slice(&tag);
        Ok((header, out))
    }

    /// No two frames have the same one unless they are the same in every byte and place: not after a process was
    /// copied while it ran, nor where the system's random bytes repeat.
    fn nonce(&self, header: &Header, stored: &[u8], seat: Seat) -> [u8; NONCE_LEN] {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let (bytes, _) = header.encode(0);
        let mut hasher = blake3::Hasher::new_keyed(&self.active.nonces);
        hasher.update(&self.salt).update(&count.to_le_bytes());
        hasher.update(&seat).update(&bytes).update(stored);
        bytes_at(hasher.finalize().as_bytes(), 0).unwrap_or([0; NONCE_LEN])
    }
}

/// What a frame is proven to be beside its payload.
fn associated(header: &Header, seat: Seat, id: KeyId, clear: &[u8]) -> Vec<u8> {
    let (bytes, _) = header.encode(0);
    let fields = bytes.get(PROVEN).unwrap_or_default();
    [&seat, fields, &id.0, clear].concat()
}
