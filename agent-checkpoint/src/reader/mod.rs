//! Looks at a session without taking its lock: the newest messages first, and all of it where asked.

mod component;
pub(crate) mod directory;
mod frames;
mod listing;
mod part;
mod read;
pub(crate) mod tail;
#[cfg(test)]
mod tests;
mod verify;
pub(crate) mod walk;

pub use frames::Frame;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use agent_primitives::{CheckpointId, SessionId};

use crate::checkpointer::load::Reading;
#[cfg(feature = "encryption")]
use crate::encrypt::Keyring;
use crate::format::keys::Keys;
use crate::{Checkpoint, Error, Message, Report, Role, SessionState, Store};

/// A view of a session that takes no lock and changes nothing, while a writer may be at work.
///
/// Every call looks at the log as it is then and sees the newest whole checkpoint: what a writer has under way
/// is not there yet, and is no damage. What is asked for is sought from the log's end, so that the last
/// messages of a long session cost no more than those of a short one.
///
/// [`latest`](Self::latest), [`tail`](Self::tail), [`tail_turns`](Self::tail_turns) and
/// [`messages`](Self::messages) check the sums and the hashes of what they read, and take what lies
/// before it at its word. Where they meet damage, they read all of the log and give the newest checkpoint
/// that is whole in every part, as [`Checkpointer::open`](crate::Builder::open) does.
/// [`state`](Self::state), [`state_at`](Self::state_at) and [`verify`](Self::verify) read all of it.
/// [`list`](Self::list) does where segments are not sealed or not sound; of sealed ones it takes what their
/// indexes say, once a digest has shown that every byte is as it was when they were sealed.
///
/// A log that a later version wrote opens here as far as this version understands it; see
/// [`is_newer`](Self::is_newer).
///
/// ```
/// use agent_checkpoint::{Checkpointer, MemoryStore, Message, Reader};
/// use agent_primitives::{CheckpointKind, SessionId};
///
/// let store = MemoryStore::new();
/// let id = SessionId::new("s1")?;
/// let mut session = Checkpointer::builder(store.clone(), id.clone()).open()?;
/// for text in ["one", "two", "three"] {
///     session.push(Message::user(text))?;
///     session.save(CheckpointKind::Auto)?;
/// }
///
/// // The session is open for writing all the while.
/// let reader = Reader::open(store, id)?;
/// assert_eq!(reader.tail(2)?, [Message::user("two"), Message::user("three")]);
/// assert_eq!(reader.latest()?.unwrap().messages, 3);
/// assert!(reader.verify()?.is_clean());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Reader {
    store: Arc<dyn Store>,
    session: SessionId,
    limit: u64,
    keys: Keys,
    is_newer: bool,
}

impl Reader {
    /// Most memory that a log may take unless another limit is set, in bytes: 4 GiB.
    pub const LIMIT: u64 = 4 << 30;

    /// A view of `session`, which need not exist: it has no messages then.
    ///
    /// # Errors
    /// [`Error::is_foreign`] for a log that belongs elsewhere; [`Error::is_newer`] for one of a later major
    /// version; [`Error::is_unavailable`] when the store cannot be read.
    pub fn open(store: impl Store + 'static, session: SessionId) -> Result<Self, Error> {
        Self::open_within(store, session, Self::LIMIT)
    }

    /// As [`open`](Self::open), for a log that takes at most `limit` bytes of memory.
    ///
    /// Calls that read more of a larger one fail with [`Error::is_too_large`] before it is parsed.
    /// [`Builder::read_limit`](crate::Builder::read_limit) says what counts. Calls that only count messages let go of
    /// them on the way.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_within(
        store: impl Store + 'static,
        session: SessionId,
        limit: u64,
    ) -> Result<Self, Error> {
        Self::open_as(store, session, limit, Keys::default())
    }

    pub(crate) fn open_as(
        store: impl Store + 'static,
        session: SessionId,
        limit: u64,
        keys: Keys,
    ) -> Result<Self, Error> {
        let mut reader = Self {
            store: Arc::new(store),
            session,
            limit,
            keys,
            is_newer: false,
        };
        reader.is_newer = reader.meets_newer()?;
        Ok(reader)
    }

    /// As [`open_within`](Self::open_within), for a session that is encrypted with a key of `keyring`.
    ///
    /// ```
    /// use agent_checkpoint::encrypt::{Key, Keyring};
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message, Reader};
    /// use agent_primitives::{CheckpointKind, SessionId};
    ///
    /// let (store, id) = (MemoryStore::new(), SessionId::new("s1")?);
    /// let keyring = Keyring::new(Key::from_bytes([7; 32]));
    /// let mut session = Checkpointer::builder(store.clone(), id.clone())
    ///     .encryption(keyring.clone())
    ///     .open()?;
    /// session.push(Message::user("hello"))?;
    /// session.save(CheckpointKind::Auto)?;
    ///
    /// let reader = Reader::open_encrypted(store.clone(), id.clone(), Reader::LIMIT, keyring)?;
    /// assert_eq!(reader.tail(1)?, [Message::user("hello")]);
    /// assert!(Reader::open(store, id).unwrap_err().is_wrong_key());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`open`](Self::open); [`Error::is_wrong_key`] where the keyring lacks the key;
    /// [`Error::is_unencrypted`] for records that are plain, unless the keyring accepts them.
    #[cfg(feature = "encryption")]
    pub fn open_encrypted(
        store: impl Store + 'static,
        session: SessionId,
        limit: u64,
        keyring: Keyring,
    ) -> Result<Self, Error> {
        Self::open_as(store, session, limit, keyring.into_keys()?)
    }

    /// Which session this is.
    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// Whether a later version wrote something that this one passes over, as far as opening saw.
    /// [`Checkpointer::open`](crate::Builder::open) refuses such a session.
    pub fn is_newer(&self) -> bool {
        self.is_newer
    }

    /// The newest checkpoint; `None` for a session without one. Its labels and pin are told by
    /// [`list`](Self::list) alone.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn latest(&self) -> Result<Option<Checkpoint>, Error> {
        Ok(self.newest(0)?.head.as_ref().map(Checkpoint::of))
    }

    /// The last `count` messages of the newest checkpoint's history, or all where there are fewer.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn tail(&self, count: usize) -> Result<Vec<Message>, Error> {
        self.newest(count).map(read::Newest::into_messages)
    }

    /// The messages of the last `count` turns: each a message that is no result of a call, and the results
    /// behind it. A call is never without its results.
    ///
    /// ```
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message, Reader, ToolCall};
    /// use agent_primitives::{CheckpointKind, SessionId};
    ///
    /// let store = MemoryStore::new();
    /// let id = SessionId::new("s1")?;
    /// let mut session = Checkpointer::builder(store.clone(), id.clone()).open()?;
    /// session.push(Message::user("what is there?"))?;
    /// session.push(Message::assistant("").with_tool_call(ToolCall::new("c1", "ls", "{}")))?;
    /// session.push(Message::tool("c1", "src"))?;
    /// session.save(CheckpointKind::Auto)?;
    ///
    /// let turn = Reader::open(store, id)?.tail_turns(1)?;
    /// assert_eq!(turn.len(), 2);
    /// assert_eq!(turn[0].tool_calls[0].name, "ls");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn tail_turns(&self, count: usize) -> Result<Vec<Message>, Error> {
        // A call and its result; more is asked for where turns turn out longer.
        let mut wanted = count.saturating_mul(2);
        loop {
            let mut messages = self.tail(wanted)?;
            let starts = messages.iter().enumerate().rev();
            let mut starts = starts.filter(|(_, message)| message.role != Role::Tool);
            let start = match count.checked_sub(1) {
                Some(before) => starts.nth(before).map(|(at, _)| at),
                None => Some(messages.len()),
            };
            if messages.len() < wanted || start.is_some() {
                return Ok(messages.split_off(start.unwrap_or(0)));
            }
            wanted = wanted.saturating_mul(2);
        }
    }

    /// Messages of the newest checkpoint's history by position, the first being 0; fewer where it ends
    /// before.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn messages(&self, range: Range<usize>) -> Result<Vec<Message>, Error> {
        read::messages(self, range)
    }

    /// The checkpoints that no retention has dropped, newest first.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`Error::is_too_large`] for a log beyond the limit.
    pub fn list(&self) -> Result<Vec<Checkpoint>, Error> {
        read::list(self)
    }

    /// The newest checkpoint's state; the default for a session without one.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn state(&self) -> Result<SessionState, Error> {
        read::state(self, None)
    }

    /// A checkpoint's state. It need not be listed: what was dropped can be read as long as its bytes are
    /// there.
    ///
    /// # Errors
    /// As [`list`](Self::list); [`Error::is_not_found`] when the log has no such checkpoint;
    /// [`Error::is_damaged`] when it lacks bytes.
    pub fn state_at(&self, id: &CheckpointId) -> Result<SessionState, Error> {
        read::state(self, Some(id))
    }

    /// Reads every byte of the log and tells what is not as it was written. Messages are decoded and not
    /// kept, so that a log of any length needs little memory.
    ///
    /// Nothing is set aside: [`Report::unmended_bytes`] counts what is no frame. While a writer is at work,
    /// what it is just writing may be among them.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn verify(&self) -> Result<Report, Error> {
        verify::verify(self)
    }

    fn reading(&self) -> Reading<'_> {
        Reading {
            keys: &self.keys,
            limit: self.limit,
            keeps_messages: true,
            passes_newer: true,
            salvages: false,
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("store", &self.store)
            .field("session", &self.session)
            .field("is_newer", &self.is_newer)
            .finish_non_exhaustive()
    }
}
