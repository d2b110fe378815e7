//! Where logs lie: segments of bytes that only grow, one writer to a session.

mod claim;
mod claimant;
#[cfg(feature = "fs")]
mod file;
mod memory;
mod mirror;

pub use claim::{Claim, Owner, TakeOver, Tenure};
#[cfg(feature = "fs")]
pub use file::{FileStore, location};
pub use memory::MemoryStore;
pub use mirror::Mirrored;

use std::fmt;
use std::sync::Arc;

use agent_primitives::{Clock, SessionId, SystemClock, Timestamp};

use crate::Error;
use crate::format::SEGMENT_MAX;

/// Which store: 16 bytes, drawn once when the store is made, that tie its bytes to it.
///
/// ```
/// let id = agent_checkpoint::StoreId::from_bytes([0xab; 16]);
/// assert_eq!(id.to_string(), "abababababababababababababababab");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreId([u8; 16]);

impl StoreId {
    /// The id that these bytes are.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The id's bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// An id that no other store has.
    pub(crate) fn fresh() -> Self {
        use std::hash::{BuildHasher, RandomState};
        // Each state is keyed by the system's randomness, which std offers in no other way.
        let half = || {
            RandomState::new()
                .hash_one(std::process::id())
                .to_le_bytes()
        };
        let (a, b) = (u64::from_le_bytes(half()), u64::from_le_bytes(half()));
        Self(((u128::from(a) << 64) | u128::from(b)).to_le_bytes())
    }

    /// The id that `text` prints as.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        // `from_str_radix` takes a sign, which would make 31 digits pass.
        let plain = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let number = u128::from_str_radix(text, 16).ok().filter(|_| plain)?;
        Some(Self(number.to_be_bytes()))
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreId({self})")
    }
}

/// What an acknowledged save survives.
///
/// ```
/// assert_eq!(agent_checkpoint::Durability::default(), agent_checkpoint::Durability::Synced);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// The end of the process in whatever way, but not that of the system: the bytes are with the
    /// operating system.
    Buffered,
    /// A power cut as well: the bytes are on the device.
    #[default]
    Synced,
    /// The loss of the device as well: the bytes are on the device, and on that of a
    /// [`Mirrored`](crate::Mirrored) store's mirror.
    Replicated,
}

impl Durability {
    /// Whether the bytes are on a device.
    pub const fn is_synced(self) -> bool {
        matches!(self, Self::Synced | Self::Replicated)
    }
}

/// A place in a session's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Number of the segment; the first is 1.
    pub segment: u32,
    /// Bytes from the start of the segment.
    pub offset: u64,
}

/// How much room a session takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// Bytes of the log.
    pub used: u64,
    /// Bytes taken for it, preallocated space included.
    pub allocated: u64,
}

/// A segment that one session takes over from another.
///
/// ```
/// assert_eq!(agent_checkpoint::Shared::whole(3).len, None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shared {
    /// Its number, in both sessions.
    pub segment: u32,
    /// How many of its bytes are taken over. All where absent: nobody writes to it any more, so that both
    /// sessions may have the same bytes.
    pub len: Option<u64>,
}

impl Shared {
    /// All of a segment.
    pub const fn whole(segment: u32) -> Self {
        Self { segment, len: None }
    }
}

/// Keeps the logs of any number of sessions.
///
/// A store knows bytes and no meaning: what the segments hold is this crate's affair, the same in every
/// store. Calls may block for the time of one write.
pub trait Store: fmt::Debug + Send + Sync {
    /// This store's id; never changes.
    fn id(&self) -> StoreId;

    /// Every session that has a log, in order of their ids.
    fn sessions(&self) -> Result<Vec<SessionId>, Error>;

    /// Numbers of a session's segments, ascending; none for a session that is not there.
    fn segments(&self, session: &SessionId) -> Result<Vec<u32>, Error>;

    /// The bytes of one segment. Zeros at the end are space that no one wrote to.
    ///
    /// # Errors
    /// [`Error::is_too_large`] when it has more than `max` bytes, before they are loaded.
    fn read(&self, session: &SessionId, segment: u32, max: usize) -> Result<Vec<u8>, Error>;

    /// Length of one segment in bytes, space that no one wrote to included.
    ///
    /// Reads the segment unless the store knows better.
    fn segment_len(&self, session: &SessionId, segment: u32) -> Result<u64, Error> {
        let bytes = self.read(session, segment, SEGMENT_MAX)?;
        Ok(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
    }

    /// `len` bytes of one segment from `offset` on; fewer where it ends, none behind its end.
    ///
    /// Reads the whole segment unless the store knows better. A store that does makes looking at the end
    /// of a long session cheap.
    fn read_range(
        &self,
        session: &SessionId,
        segment: u32,
        offset: u64,
        len: usize,
    ) -> Result<Vec<u8>, Error> {
        let bytes = self.read(session, segment, SEGMENT_MAX)?;
        Ok(part(&bytes, offset, len).to_vec())
    }

    /// Takes the session's one writer; dropping it gives it back.
    ///
    /// A claim that takes over ends the tenure of the writer before: from then on that one's every call that
    /// would change the log fails with [`Error::is_fenced`], and what it had under way is not acknowledged.
    ///
    /// # Errors
    /// [`Error::is_locked`] while another writer lives, in this process or another, and the claim may not
    /// take over from it; or while somebody else claims the session.
    fn claim(&self, session: &SessionId, claim: &Claim) -> Result<Box<dyn Writer>, Error>;

    /// As [`claim`](Self::claim), at the system's time, and taking over from nobody.
    ///
    /// # Errors
    /// As [`claim`](Self::claim).
    fn writer(&self, session: &SessionId) -> Result<Box<dyn Writer>, Error> {
        self.claim(session, &Claim::at(SystemClock.timestamp()))
    }

    /// Whether there is a mirror that [`Durability::Replicated`] can be asked of; `false` unless a store
    /// says otherwise.
    fn is_mirrored(&self) -> bool {
        false
    }

    /// Makes the session `to`, which must have no log: of segments of `from`, and behind them one of its own
    /// with this number and these bytes. Durable when it returns. Segments that are shared whole stay when
    /// `from` is removed.
    ///
    /// A store does it all or not at all where it can. This one copies, and an interruption leaves a session
    /// that refuses to open; it may be removed.
    ///
    /// # Errors
    /// [`Error::is_taken`] when `to` has a log; [`Error::is_locked`] while it has a writer.
    fn share(
        &self,
        from: &SessionId,
        to: &SessionId,
        shared: &[Shared],
        own: (u32, &[u8]),
    ) -> Result<(), Error> {
        let mut writer = self.writer(to)?;
        if !self.segments(to)?.is_empty() {
            return Err(Error::taken(format!("session {to}"), "its own log"));
        }
        for Shared { segment, len } in shared {
            let mut bytes = self.read(from, *segment, crate::format::SEGMENT_MAX)?;
            if let Some(len) = len {
                bytes.truncate(usize::try_from(*len).unwrap_or(usize::MAX));
            }
            writer.start(*segment, &bytes)?;
        }
        let (segment, bytes) = own;
        writer.start(segment, bytes)
    }

    /// Removes a session and all that it holds.
    ///
    /// # Errors
    /// [`Error::is_locked`] while a writer lives.
    fn remove(&self, session: &SessionId) -> Result<(), Error>;
}

/// The one writer of a session.
///
/// Each call that changes the log fails with [`Error::is_fenced`] once another writer took the session over.
pub trait Writer: fmt::Debug + Send + Sync {
    /// This writer's standing.
    fn tenure(&self) -> Tenure;

    /// Raises this writer's epoch above `epoch`, which the log knows of: the record of the last one is lost.
    fn outrank(&mut self, epoch: u64) -> Result<(), Error>;

    /// Extends the lease from `now` on.
    fn renew(&mut self, now: Timestamp) -> Result<(), Error>;

    /// Begins a segment that holds `header`, and makes its name and header durable, and before that all
    /// that was appended so far. After a failure the same segment may be begun again.
    ///
    /// A poisoned writer is of use again: it leaves the segment before as it is, without a sync, since the
    /// new header tells which part of it counts. The header may then have frames behind it. They must be
    /// with the operating system before the first eight bytes of the header are, so that the end of the process
    /// in between leaves what was there before.
    ///
    /// # Errors
    /// [`Error::is_poisoned`] when what was appended so far could not be synced; [`Error::is_conflict`]
    /// when there is such a segment.
    fn start(&mut self, segment: u32, header: &[u8]) -> Result<(), Error>;

    /// Appends go on at `at`, in a segment that exists; what lies behind is zeros.
    fn resume(&mut self, at: Position) -> Result<(), Error>;

    /// Makes unwritten space of all that lies behind `at` in its segment, durably; appends go on there.
    fn cut(&mut self, at: Position) -> Result<(), Error>;

    /// Writes `bytes` at `at`, which must be the end of the log, and returns when they are as durable as
    /// asked. After a failure the log ends at `at` as before, or the writer is poisoned. No bytes at all
    /// make what was appended before as durable as asked.
    ///
    /// # Errors
    /// [`Error::is_conflict`] when `at` is not the end; [`Error::is_disk_full`]; [`Error::is_poisoned`]
    /// from the first failed sync up to the next [`start`](Self::start), since the system may have dropped
    /// what it could not write; [`Error::is_not_replicated`] when all is done but for the mirror;
    /// [`Error::is_fenced`] when the session was taken over, be it while this was written.
    fn append(&mut self, at: Position, bytes: &[u8], durability: Durability) -> Result<(), Error>;

    /// Keeps a durable copy of damaged bytes that lay at `at`, and names it. The same bytes again are
    /// the same copy.
    fn set_aside(&mut self, at: Position, bytes: &[u8]) -> Result<String, Error>;

    /// Whether what synced appends brought is on the device in its segment. Where it is not, it is on the
    /// device all the same, elsewhere; then the caller keeps it, to write it once more when a later sync of
    /// the segment fails. `true` unless a store knows such a place.
    fn is_settled(&self) -> bool {
        true
    }

    /// Room that the session takes now, copies set aside not counted.
    fn size(&self) -> Result<Size, Error>;

    /// What replaces segments that nobody appends to any more, for as long as this writer has the session.
    /// `None` where the store keeps segments as they are, which is the default.
    fn replacer(&self) -> Option<Arc<dyn Replacer>> {
        None
    }

    /// Bytes that were appended and that the mirror lacks; 0 where there is none.
    fn lag(&self) -> u64 {
        0
    }
}

/// Puts smaller bytes in the place of segments, from any thread; given out by a session's writer, and of no
/// use without it.
pub trait Replacer: fmt::Debug + Send + Sync {
    /// Puts `bytes` in the place of a segment that another one follows: whole and durable, or not at all.
    /// Readers see the old bytes or the new ones.
    ///
    /// # Errors
    /// [`Error::is_fenced`] once its writer is gone or another one took the session over, asked when nothing
    /// is left to do but to put the new bytes into place; [`Error::is_conflict`] for the last segment, and for
    /// one that is not there. The old bytes stay.
    fn replace(&self, segment: u32, bytes: &[u8]) -> Result<(), Error>;
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn id(&self) -> StoreId {
        (**self).id()
    }
    fn sessions(&self) -> Result<Vec<SessionId>, Error> {
        (**self).sessions()
    }
    fn segments(&self, session: &SessionId) -> Result<Vec<u32>, Error> {
        (**self).segments(session)
    }
    fn read(&self, session: &SessionId, segment: u32, max: usize) -> Result<Vec<u8>, Error> {
        (**self).read(session, segment, max)
    }
    fn segment_len(&self, session: &SessionId, segment: u32) -> Result<u64, Error> {
        (**self).segment_len(session, segment)
    }
    fn read_range(
        &self,
        session: &SessionId,
        segment: u32,
        offset: u64,
        len: usize,
    ) -> Result<Vec<u8>, Error> {
        (**self).read_range(session, segment, offset, len)
    }
    fn claim(&self, session: &SessionId, claim: &Claim) -> Result<Box<dyn Writer>, Error> {
        (**self).claim(session, claim)
    }
    fn is_mirrored(&self) -> bool {
        (**self).is_mirrored()
    }
    fn share(
        &self,
        from: &SessionId,
        to: &SessionId,
        shared: &[Shared],
        own: (u32, &[u8]),
    ) -> Result<(), Error> {
        (**self).share(from, to, shared, own)
    }
    fn remove(&self, session: &SessionId) -> Result<(), Error> {
        (**self).remove(session)
    }
}

/// What of `bytes` lies at `offset`, at most `len` of them.
fn part(bytes: &[u8], offset: u64, len: usize) -> &[u8] {
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    let end = start.saturating_add(len).min(bytes.len());
    bytes.get(start..end).unwrap_or_default()
}

/// What a copy of damaged bytes is called: by place and content, so that recovering twice makes one.
fn name_aside(at: Position, bytes: &[u8]) -> String {
    let hash = blake3::hash(bytes).to_hex();
    let short = hash.as_str().get(..16).unwrap_or_default();
    format!("seg-{:06}-{:010}-{short}.bad", at.segment, at.offset)
}
