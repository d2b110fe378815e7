//! Encryption of everything that a session writes: keys, their rotation, and which of them a session needs.
//!
//! [`Builder::encryption`](crate::Builder::encryption) takes a [`Keyring`]: one key in use, and older ones for what
//! they wrote. Each record is encrypted by itself with XChaCha20-Poly1305, and tied to its store, session,
//! segment and number: one that was altered, or moved from elsewhere, counts as damage and is reported. What was
//! encrypted with a key that the keyring lacks is refused as [`Error::is_wrong_key`](crate::Error::is_wrong_key):
//! it is never an empty session, and nothing of it is set aside or mended.
//!
//! Whoever reads the files still sees the session's id, how many records there are, of what kind and length,
//! and when they were written. Whoever may write to them can take records off the end, or put an
//! older copy of the whole session there.
//!
//! # Keys
//! A key is 32 random bytes, such as `head -c 32 /dev/urandom` gives, kept where the files are not. A passphrase is no
//! key: derive one from it with Argon2id, and keep the salt beside the files.
//!
//! # Rotation
//! Put the new key in front and the old one behind it, open the session, and call
//! [`Checkpointer::rekey`](crate::Checkpointer::rekey). [`KeyUse::of`] tells which keys a session still needs.
//!
//! ```
//! use agent_checkpoint::encrypt::{Key, KeyUse, Keyring};
//! use agent_checkpoint::{Checkpointer, MemoryStore, Message};
//! use agent_primitives::{CheckpointKind, SessionId};
//!
//! let (store, id) = (MemoryStore::new(), SessionId::new("s1")?);
//! let open = |keyring| Checkpointer::builder(store.clone(), id.clone()).encryption(keyring).open();
//! let mut session = open(Keyring::new(Key::from_bytes([1; 32])))?;
//! session.push(Message::user("a secret"))?;
//! session.save(CheckpointKind::Auto)?;
//! drop(session);
//!
//! let new = Key::from_bytes([2; 32]);
//! let wanted = [new.id()];
//! let mut session = open(Keyring::new(new).with_older(Key::from_bytes([1; 32])))?;
//! session.rekey()?;
//! drop(session);
//! assert!(KeyUse::of(&store, &id)?.keys().eq(wanted));
//! let session = open(Keyring::new(Key::from_bytes([2; 32])))?;
//! assert_eq!(session.history(), [Message::user("a secret")]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Sessions that were plain
//! A keyring refuses what is not encrypted, since anybody may have written it. To take over a session from before
//! it had keys, open it once with [`Keyring::accept_plain`] and call `rekey`.

mod key;
mod key_use;
mod keyring;
mod ring;
#[cfg(test)]
mod tests;

pub use key::{Key, KeyId};
pub use key_use::KeyUse;
pub use keyring::Keyring;
pub(crate) use ring::Ring;
