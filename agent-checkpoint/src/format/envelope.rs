//! What encryption puts around a payload, so that what needs no key finds its way.

use super::bytes_at;
use super::frame::Found;
use super::payload::Digest;
use super::tags::{Flags, Kind};

/// Bytes of a key's id.
pub(crate) const KEY_ID_LEN: usize = 8;
/// Bytes of a nonce of XChaCha20-Poly1305, and of its tag.
#[cfg(feature = "encryption")]
pub(crate) const NONCE_LEN: usize = 24;
pub(crate) const TAG_LEN: usize = 16;
/// Bytes before the ciphertext, but for what stands in clear.
pub(crate) const HEAD_LEN: usize = KEY_ID_LEN + 24;
/// An Index frame begins with the digest of its segment in clear: a store that has no key must know whether
/// a sealed file is whole.
const DIGEST_LEN: usize = 32;

/// Bytes in front of the key's id.
pub(crate) const fn clear_len(kind: Kind) -> usize {
    if kind.0 == Kind::INDEX.0 {
        DIGEST_LEN
    } else {
        0
    }
}

/// Bytes that encryption adds to a stored payload.
pub(crate) const fn added(kind: Kind, flags: Flags) -> usize {
    if flags.has(Flags::ENCRYPTED) {
        clear_len(kind) + HEAD_LEN + TAG_LEN
    } else {
        0
    }
}

/// Which key an encrypted frame asks for; `None` for one that is cut short.
pub(crate) fn key_id(found: &Found<'_>) -> Option<[u8; KEY_ID_LEN]> {
    bytes_at(found.stored, clear_len(found.header.kind))
}

/// The digest that an encrypted Index frame has in clear.
pub(crate) fn clear_digest(found: &Found<'_>) -> Option<Digest> {
    let is_index = found.header.kind == Kind::INDEX && found.header.flags.has(Flags::ENCRYPTED);
    bytes_at(found.stored, 0).filter(|_| is_index)
}
