//! A key, and the id by which records name it.

use std::fmt;

use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use zeroize::Zeroizing;

use crate::format::bytes_at;
use crate::format::envelope::KEY_ID_LEN;

/// What the three values are derived with that stand for a key; see FORMAT.md.
const PAYLOAD_KEY: &str = "agent-checkpoint 1 payload key";
const NONCE_KEY: &str = "agent-checkpoint 1 nonce key";
const KEY_ID: &str = "agent-checkpoint 1 key id";

/// A key of 32 bytes. Its memory is overwritten when it is dropped, and it is never shown.
///
/// ```
/// use agent_checkpoint::encrypt::Key;
///
/// let key = Key::from_bytes([7; 32]);
/// assert_eq!(format!("{key:?}"), format!("Key({})", key.id()));
/// assert_ne!(key.id(), Key::from_bytes([8; 32]).id());
/// ```
pub struct Key {
    id: KeyId,
    pub(super) cipher: XChaCha20Poly1305,
    pub(super) nonces: Zeroizing<[u8; 32]>,
}

impl Key {
    /// The key that these bytes are. They should be random; overwrite the caller's copy.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let bytes = Zeroizing::new(bytes);
        let payloads = Zeroizing::new(blake3::derive_key(PAYLOAD_KEY, &*bytes));
        let id = blake3::derive_key(KEY_ID, &*bytes);
        Self {
            id: KeyId(bytes_at(&id, 0).unwrap_or_default()),
            cipher: XChaCha20Poly1305::new((&*payloads).into()),
            nonces: Zeroizing::new(blake3::derive_key(NONCE_KEY, &*bytes)),
        }
    }

    /// By which records name it. It follows from the key, so that another key is never taken for this one.
    pub const fn id(&self) -> KeyId {
        self.id
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

/// Names a key and tells nothing of it: 8 bytes, printed as 16 hex digits. It stands in the files.
///
/// ```
/// use agent_checkpoint::encrypt::KeyId;
///
/// let id = KeyId::from_bytes([0, 1, 2, 3, 4, 5, 6, 255]);
/// assert_eq!(id.to_string(), "00010203040506ff");
/// assert_eq!(KeyId::from_bytes(id.to_bytes()), id);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub(super) [u8; KEY_ID_LEN]);

impl KeyId {
    /// The id that these bytes are.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The id's bytes.
    pub const fn to_bytes(self) -> [u8; 8] {
        self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}
