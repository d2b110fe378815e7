//! The keys with which a session is opened.

use std::sync::Arc;

use super::{Key, KeyId, Ring};
use crate::Error;
use crate::format::keys::Keys;

/// The key in use, and older ones with which records may still be encrypted. A clone shares the keys.
///
/// ```
/// use agent_checkpoint::encrypt::{Key, Keyring};
///
/// let (new, old) = (Key::from_bytes([2; 32]), Key::from_bytes([1; 32]));
/// let ids = [new.id(), old.id()];
/// let keyring = Keyring::new(new).with_older(old);
/// assert!(keyring.ids().eq(ids));
/// ```
#[derive(Debug, Clone)]
pub struct Keyring {
    active: Arc<Key>,
    older: Vec<Arc<Key>>,
    accepts_plain: bool,
}

impl Keyring {
    /// A keyring with one key, for writing and for reading.
    pub fn new(active: Key) -> Self {
        Self {
            active: Arc::new(active),
            older: Vec::new(),
            accepts_plain: false,
        }
    }

    /// Adds a key for what it wrote. Nothing is written with it.
    #[must_use]
    pub fn with_older(mut self, key: Key) -> Self {
        self.older.push(Arc::new(key));
        self
    }

    /// Reads records that are not encrypted as well, wherever they stand; refused unless set.
    ///
    /// For a session from before it had keys: [`rekey`](crate::Checkpointer::rekey) encrypts what it holds. While
    /// this is set, whoever may write to the store may add to the session.
    #[must_use]
    pub fn accept_plain(mut self) -> Self {
        self.accepts_plain = true;
        self
    }

    /// Its keys: the one in use first, then the others in the order in which they were added.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        [&self.active]
            .into_iter()
            .chain(&self.older)
            .map(|key| key.id())
    }

    /// The keys at work.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(crate) fn into_keys(self) -> Result<Keys, Error> {
        let mut salt = [0; 32];
        getrandom::fill(&mut salt)
            .map_err(|e| Error::unavailable("drawing random bytes", e.to_string()))?;
        Ok(self.with_salt(salt))
    }

    /// The same keys at work, of which nonces follow from `salt`.
    pub(crate) fn with_salt(self, salt: [u8; 32]) -> Keys {
        Keys::of(Ring::new(self.active, self.older, self.accepts_plain, salt))
    }
}
