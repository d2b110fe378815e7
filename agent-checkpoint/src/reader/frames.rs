//! The frames of a session's log as they lie there, for people who look into it.

use std::fmt;

use agent_primitives::SessionId;

use super::Reader;
use crate::Error;
use crate::format::SEGMENT_MAX;
use crate::format::segment::{Place, session_of, store_of};
use crate::format::tags::{Codec, Compression, Flags, Kind};
use crate::log::numbering::wide;
use crate::log::scan::scan;

/// A frame as it lies in a segment, or bytes that are none. FORMAT.md says what the words mean.
///
/// See [`Reader::frames`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame {
    /// Number of its segment; the first is 1.
    pub segment: u32,
    /// Bytes from the start of the segment.
    pub offset: u64,
    /// What it holds: `items`, `commit`, `snapshot` and so on; `kind-N` for one that this version does not know,
    /// and `damage` for bytes that are no frame.
    pub kind: String,
    /// Number of its first record; `None` for damage.
    pub number: Option<u64>,
    /// Bytes that it takes, its header and trailer included.
    pub stored: u64,
    /// Bytes of its payload once inflated.
    pub len: u64,
    /// How its payload is written and packed, its flags, or what is wrong with it.
    pub notes: Vec<String>,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            segment,
            offset,
            kind,
            stored,
            len,
            ..
        } = self;
        let number = self
            .number
            .map_or_else(|| "-".to_owned(), |n| n.to_string());
        write!(
            f,
            "{segment:>3} {offset:>9}  {number:>8}  {kind:<9} {stored:>8} {len:>9}  "
        )?;
        f.write_str(&self.notes.join(" "))
    }
}

impl Reader {
    /// Hands each frame of the log to `see`, segment by segment; stops where it says `false`.
    ///
    /// Only headers and sums are looked at, so that damage is shown where it lies. Of frames in a sealed segment
    /// the packs are seen that hold them.
    ///
    /// ```
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message, Reader};
    /// use agent_primitives::{CheckpointKind, SessionId};
    ///
    /// let store = MemoryStore::new();
    /// let id = SessionId::new("s1")?;
    /// let mut session = Checkpointer::builder(store.clone(), id.clone()).open()?;
    /// session.push(Message::user("hello"))?;
    /// session.save(CheckpointKind::Manual)?;
    ///
    /// let mut kinds = Vec::new();
    /// Reader::open(store, id)?.frames(|frame| {
    ///     kinds.push(frame.kind.clone());
    ///     true
    /// })?;
    /// assert_eq!(kinds, ["items", "commit"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn frames(&self, mut see: impl FnMut(&Frame) -> bool) -> Result<(), Error> {
        for segment in self.store.segments(&self.session)? {
            let bytes = self.store.read(&self.session, segment, SEGMENT_MAX)?;
            if !frames_of(self.place(segment, &bytes), &bytes, &mut see) {
                break;
            }
        }
        Ok(())
    }

    /// Bytes that the session's segments take in the store, preallocated space included. What a fork shares with the
    /// session that it came from counts for both.
    ///
    /// ```
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message, Reader};
    /// use agent_primitives::{CheckpointKind, SessionId};
    ///
    /// let store = MemoryStore::new();
    /// let id = SessionId::new("s1")?;
    /// let reader = Reader::open(store.clone(), id.clone())?;
    /// assert_eq!(reader.size()?, 0);
    /// let mut session = Checkpointer::builder(store, id).open()?;
    /// session.push(Message::user("hello"))?;
    /// session.save(CheckpointKind::Manual)?;
    /// assert!(reader.size()? > 100);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn size(&self) -> Result<u64, Error> {
        let segments = self.store.segments(&self.session)?;
        let lengths = segments
            .iter()
            .map(|segment| self.store.segment_len(&self.session, *segment));
        lengths.sum()
    }

    /// Where a segment belongs by its own word: those that a fork shares are another session's.
    fn place(&self, segment: u32, bytes: &[u8]) -> (crate::StoreId, SessionId, u32) {
        let session = session_of(bytes).and_then(|name| SessionId::new(name).ok());
        (
            store_of(bytes).unwrap_or_else(|| self.store.id()),
            session.unwrap_or_else(|| self.session.clone()),
            segment,
        )
    }
}

fn frames_of(
    (store, session, segment): (crate::StoreId, SessionId, u32),
    bytes: &[u8],
    see: &mut dyn FnMut(&Frame) -> bool,
) -> bool {
    let place = Place {
        store,
        session: &session,
        segment,
    };
    let scan = scan(bytes, place.start(bytes), place.seed());
    let damage = scan.holes.iter().chain(&scan.tail).map(|damage| Frame {
        segment,
        offset: wide(damage.range.start),
        kind: "damage".to_owned(),
        number: None,
        stored: wide(damage.range.len()),
        len: 0,
        notes: vec![damage.fault.to_string()],
    });
    let frames = scan.frames.iter().map(|(at, found)| {
        let header = &found.header;
        let mut notes = Vec::new();
        let is_plain = header.codec == Codec::JSON;
        notes.extend((!is_plain).then(|| format!("codec-{}", header.codec.0)));
        notes.extend(match header.compression {
            Compression::RAW => None,
            Compression::ZSTD => Some("zstd".to_owned()),
            Compression::DICTIONARY => Some("zstd+dictionary".to_owned()),
            other => Some(format!("packing-{}", other.0)),
        });
        notes.extend(
            FLAGS
                .iter()
                .filter(|(flag, _)| header.flags.has(*flag))
                .map(|(_, name)| (*name).to_owned()),
        );
        Frame {
            segment,
            offset: wide(*at),
            kind: kind(header.kind),
            number: Some(header.seq),
            stored: wide(found.len()),
            len: u64::from(header.raw_len),
            notes,
        }
    });
    let mut all: Vec<Frame> = frames.chain(damage).collect();
    all.sort_by_key(|frame| frame.offset);
    all.iter().all(see)
}

const FLAGS: &[(Flags, &str)] = &[
    (Flags::ENCRYPTED, "encrypted"),
    (Flags(1 << 1), "redacted"),
    (Flags::BLOB_REF, "blob-ref"),
    (Flags::MUST_UNDERSTAND, "must-understand"),
    (Flags::COMMIT, "commit"),
];

fn kind(kind: Kind) -> String {
    let name = match kind {
        Kind::ITEMS => "items",
        Kind::SNAPSHOT => "snapshot",
        Kind::PATCH => "patch",
        Kind::COMMIT => "commit",
        Kind::LABEL => "label",
        Kind::TOMBSTONE => "tombstone",
        Kind::PACK => "pack",
        Kind::SKIP => "skip",
        Kind::FORK => "fork",
        Kind::INDEX => "index",
        Kind::BLOB => "blob",
        Kind::COMPONENT => "component",
        Kind(other) => return format!("kind-{other}"),
    };
    name.to_owned()
}
