//! What one frame says, told from its bytes alone. Pure, so that frames can be decoded side by side and
//! folded in their order afterwards.

use super::chain::payload_digest;
use super::entry::Spent;
use super::numbering::{last_number, wide};
use super::weight::{self, beyond};
use crate::format::RECORD_SCHEMA;
use crate::format::component;
use crate::format::compress::{Packer, Unpacker};
use crate::format::dictionary::Level;
use crate::format::frame::Found;
use crate::format::header::{Fault, Header};
use crate::format::index::Index;
use crate::format::items::Items;
use crate::format::keys::Keys;
use crate::format::pack;
use crate::format::patch::{self, PatchHead};
use crate::format::payload::{Commit, ComponentNames, Digest, Tombstone, name_mark};
use crate::format::point::{Fork, Tag};
use crate::format::skip::Skip;
use crate::format::tags::{Codec, Compression, Flags, Kind};
use crate::{Error, Message};

/// A frame that cannot be used.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The frame is damaged or stale; the rest of the log stands.
    Fault(Fault),
    /// The log is beyond this build.
    Beyond(Error),
    /// It takes another key, or none was asked for: nothing may be concluded from what is not read.
    Locked(Error),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        match fault {
            // The frame is whole: a build that has the dictionary reads it.
            Fault::Dictionary(id) => Self::Beyond(Error::newer(format!(
                "a record packed with dictionary {id}"
            ))),
            Fault::Locked(id) => Self::Locked(Error::wrong_key(id)),
            Fault::Unencrypted => Self::Locked(Error::unencrypted()),
            fault => Self::Fault(fault),
        }
    }
}

/// A frame, understood.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) content: Content,
    /// Digest of the payload, inflated; of kinds that a commit's hash covers.
    pub(crate) digest: Option<Digest>,
    /// Bytes of state that it holds, before compression.
    pub(crate) logical: u64,
}

/// What a frame holds.
#[derive(Debug)]
pub(crate) enum Content {
    Items {
        age_ms: i64,
        messages: Vec<Message>,
    },
    Snapshot(Packed),
    /// The commit, and its body's bytes for hashing.
    Commit(Box<Commit>, Vec<u8>),
    Label(Tag),
    Tombstone(Tombstone),
    /// Whose the segments before are; read before them.
    Fork(Fork),
    Blob(String),
    /// A component by itself, or a patch of one.
    Part(Box<PackedPart>),
    /// Frames, each with what it says.
    Pack(Vec<Packaged>),
    /// Records that were left out on purpose.
    Skip(Skip),
    /// Has no number of its own, and tells nothing that other frames do not but what checkpoints took: the number
    /// of each, and what it is.
    Index(Vec<(u64, Spent)>),
    /// Of a later version, and may be passed over.
    Unknown,
}

/// A frame of a pack, and what it says.
pub(crate) type Packaged = (Header, Result<Decoded, Refusal>);

/// A Snapshot frame as it lies in the log. Old values are never asked for, and inflated they would
/// take a multiple of the log's size, so a frame stays packed until a commit is loaded that names it.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) header: Header,
    pub(crate) stored: Vec<u8>,
    /// Marks of the components' names, ascending.
    pub(crate) names: Vec<u64>,
}

/// A Component or Patch frame as it lies in the log; see [`Packed`].
#[derive(Debug)]
pub(crate) struct PackedPart {
    pub(crate) header: Header,
    pub(crate) stored: Vec<u8>,
    /// Mark of the component's name; of a patch, its base tells.
    pub(crate) name: u64,
    pub(crate) patch: Option<PatchHead>,
}

/// Whether this build may read the frame. `None` when it is to be passed over.
pub(crate) fn admit(header: &Header) -> Result<Option<()>, Error> {
    let beyond = |what: &str| Error::newer(format!("record {}, {what},", header.seq));
    if header.flags.has_unknown_critical() {
        return Err(beyond("with properties that may not be ignored"));
    }
    // The codec of a component matters only to the host that asks for it.
    let is_part = [Kind::COMPONENT, Kind::PATCH].contains(&header.kind);
    let is_known = is_part
        || [
            Kind::ITEMS,
            Kind::SNAPSHOT,
            Kind::COMMIT,
            Kind::LABEL,
            Kind::TOMBSTONE,
            Kind::BLOB,
            Kind::PACK,
            Kind::SKIP,
            Kind::FORK,
        ]
        .contains(&header.kind);
    if !is_known {
        return if header.flags.has(Flags::MUST_UNDERSTAND) {
            Err(beyond("of a kind that may not be ignored"))
        } else {
            Ok(None)
        };
    }
    if header.schema > RECORD_SCHEMA {
        return Err(beyond("in a later layout"));
    }
    if header.flags.has(Flags::BLOB_REF) && header.kind != Kind::ITEMS
        || (header.codec != Codec::JSON && !is_part)
        || !Compression::READ.contains(&header.compression)
    {
        let what = format!("record {} (codec or compression)", header.seq);
        return Err(Error::unsupported(what));
    }
    Ok(Some(()))
}

const UNKNOWN: Decoded = Decoded {
    content: Content::Unknown,
    digest: None,
    logical: 0,
};

/// The frame's content. Depends on nothing but the frame: the state in `unpacker` is working memory.
pub(crate) fn decode(found: &Found<'_>, unpacker: &mut Unpacker) -> Result<Decoded, Refusal> {
    let header = &found.header;
    if header.kind == Kind::INDEX {
        return Ok(Decoded {
            content: Content::Index(spent(found, unpacker)?),
            digest: None,
            logical: 0,
        });
    }
    match admit(header) {
        Ok(Some(())) => {}
        // Whoever has no key must not make a record into one that is passed over.
        passed_over => {
            unpacker.prove(found)?;
            return passed_over.map(|_| UNKNOWN).map_err(Refusal::Beyond);
        }
    }
    let room = unpacker.room();
    if u64::from(header.raw_len) > room {
        return Err(too_large(header, header.raw_len.into(), room));
    }
    let (opened, raw) = unpacker.read(found)?;
    understood(&opened, raw, room)
}

fn too_large(header: &Header, len: u64, room: u64) -> Refusal {
    let what = format!("what record {} says, in memory,", header.seq);
    Refusal::Beyond(Error::beyond_limit(what, len, room))
}

/// What a frame of a kind that is read says, whose payload inflates to `raw`.
fn understood(found: &Found<'_>, raw: &[u8], room: u64) -> Result<Decoded, Refusal> {
    let Found { header, stored, .. } = found;
    if let Some(len) = beyond(header, raw, room) {
        return Err(too_large(header, len, room));
    }
    let covered = |content| Decoded {
        content,
        digest: Some(payload_digest(raw)),
        logical: wide(raw.len()),
    };
    let uncovered = |content| Decoded {
        content,
        digest: None,
        logical: 0,
    };
    Ok(match header.kind {
        Kind::ITEMS => {
            let Items { age_ms, messages } = Items::decode(raw).map_err(|_| Fault::Content)?;
            last_number(header.seq, messages.len()).ok_or(Fault::Limit)?;
            covered(Content::Items { age_ms, messages })
        }
        Kind::SNAPSHOT => {
            let ComponentNames(names) = serde_json::from_slice(raw).map_err(|_| Fault::Content)?;
            covered(Content::Snapshot(Packed {
                header: *header,
                stored: stored.to_vec(),
                names,
            }))
        }
        Kind::BLOB => {
            let text = std::str::from_utf8(raw).map_err(|_| Fault::Content)?;
            covered(Content::Blob(text.to_owned()))
        }
        Kind::COMMIT => {
            let (commit, body) = Commit::decode(raw).ok_or(Fault::Content)?;
            uncovered(Content::Commit(Box::new(commit), body.to_vec()))
        }
        Kind::LABEL => uncovered(Content::Label(Tag::decode(raw).ok_or(Fault::Content)?)),
        Kind::FORK => uncovered(Content::Fork(Fork::decode(raw).ok_or(Fault::Content)?)),
        Kind::COMPONENT | Kind::PATCH => {
            let (name, patch) = if header.kind == Kind::PATCH {
                (0, Some(patch::head(raw)?))
            } else {
                let (name, _) = component::decode(raw).ok_or(Fault::Content)?;
                (name_mark(name), None)
            };
            covered(Content::Part(Box::new(PackedPart {
                header: *header,
                stored: stored.to_vec(),
                name,
                patch,
            })))
        }
        Kind::PACK => uncovered(unpacked(header, raw, room)?),
        Kind::SKIP => uncovered(Content::Skip(Skip::decode(raw, header.seq)?)),
        _ => {
            let stone = Tombstone::decode(raw).ok_or(Fault::Content)?;
            uncovered(Content::Tombstone(stone.before(header.seq)))
        }
    })
}

/// What an index says that checkpoints took; nothing where it cannot be read, which does no harm. One that is not
/// the writer's is damage: it may have been another record.
fn spent(found: &Found<'_>, unpacker: &mut Unpacker) -> Result<Vec<(u64, Spent)>, Fault> {
    let room = unpacker.room();
    let read = unpacker.read(found);
    if let Err(fault @ (Fault::Forged | Fault::Unencrypted | Fault::Locked(_))) = read {
        return Err(fault);
    }
    let read = read.ok();
    let read = read.filter(|(opened, raw)| beyond(&opened.header, raw, room).is_none());
    let listed = read
        .and_then(|(_, raw)| Index::decode(raw).ok())
        .unwrap_or_default()
        .listed;
    let spent = listed.iter().map(|listed| {
        let spent = Spent {
            logical: listed.logical,
            stored: listed.stored,
        };
        (listed.seq, spent)
    });
    Ok(spent.collect())
}

/// What the frames in a pack say.
fn unpacked(header: &Header, raw: &[u8], mut room: u64) -> Result<Content, Refusal> {
    let mut shrinking = None;
    let found = pack::frames(raw, header.seq)?;
    let mut frames = Vec::with_capacity(found.len());
    for found in found {
        let mut decoded = in_pack(&found, room);
        let inflated = match decoded.as_mut().map(|decoded| &mut decoded.content) {
            Ok(Content::Snapshot(values)) => Some((&mut values.header, &mut values.stored)),
            Ok(Content::Part(value)) => Some((&mut value.header, &mut value.stored)),
            _ => None,
        };
        if let Some((header, stored)) = inflated {
            shrink(header, stored, &mut shrinking).map_err(Refusal::Beyond)?;
        }
        room = weight::less(room, &decoded);
        frames.push((found.header, decoded));
    }
    Ok(Content::Pack(frames))
}

/// What a frame of a pack says, whose payload lies there inflated.
fn in_pack(found: &Found<'_>, room: u64) -> Result<Decoded, Refusal> {
    match admit(&found.header).map_err(Refusal::Beyond)? {
        // A frame that a writer cannot inflate is never in a pack.
        Some(()) if found.header.flags.has(Flags::ENCRYPTED) => Err(Fault::Content.into()),
        Some(()) => understood(found, found.stored, room),
        None => Ok(UNKNOWN),
    }
}

/// Packs what came out of a pack inflated: it may never be asked for.
fn shrink(
    header: &mut Header,
    stored: &mut Vec<u8>,
    shrinking: &mut Option<Packer>,
) -> Result<(), Error> {
    let packer = match shrinking {
        Some(packer) => packer,
        none => none.insert(Packer::new(&Keys::default())?),
    };
    (header.compression, *stored) = packer.pack(std::mem::take(stored), Level::Message)?;
    header.stored_len = u32::try_from(stored.len()).unwrap_or(u32::MAX);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header {
        kind: Kind::ITEMS,
        codec: Codec::JSON,
        compression: Compression::RAW,
        flags: Flags::NONE,
        schema: 1,
        seq: 0,
        stored_len: 3,
        raw_len: 3,
    };

    fn read(header: Header) -> Result<Decoded, Refusal> {
        let stored = b"[0]".as_slice();
        let found = Found {
            header,
            stored,
            seat: Some([0; 16]),
        };
        decode(&found, &mut Unpacker::new().unwrap())
    }

    #[test]
    fn what_a_later_version_adds_is_passed_over_unless_it_must_be_understood() {
        let later = Header {
            kind: Kind(99),
            codec: Codec(7),
            compression: Compression(8),
            ..HEADER
        };
        let decoded = read(Header {
            flags: Flags(1 << 5),
            ..later
        });
        assert!(
            matches!(decoded.unwrap().content, Content::Unknown),
            "a flag that may be ignored"
        );
        let must = Flags::MUST_UNDERSTAND;
        let cases = [
            (
                "kind",
                Header {
                    flags: must,
                    ..later
                },
            ),
            (
                "flag",
                Header {
                    flags: Flags(1 << 12),
                    ..HEADER
                },
            ),
            (
                "schema",
                Header {
                    schema: 2,
                    ..HEADER
                },
            ),
            (
                "codec",
                Header {
                    codec: Codec(99),
                    ..HEADER
                },
            ),
            (
                "compression",
                Header {
                    compression: Compression(99),
                    ..HEADER
                },
            ),
            (
                "blob",
                Header {
                    kind: Kind::SNAPSHOT,
                    flags: Flags::BLOB_REF,
                    ..HEADER
                },
            ),
        ];
        for (case, header) in cases {
            let refusal = read(header);
            let Err(Refusal::Beyond(error)) = refusal else {
                panic!("{case}: {refusal:?}")
            };
            assert!(error.is_newer(), "{case}: {error}");
        }
    }
    #[test]
    fn what_is_encrypted_is_never_taken_for_a_later_version_or_for_damage() {
        let stored = [7; 60];
        let header = Header {
            flags: Flags::ENCRYPTED,
            stored_len: 60,
            ..HEADER
        };
        for kind in [Kind::ITEMS, Kind::COMMIT, Kind::FORK, Kind::PACK] {
            let found = Found {
                header: Header { kind, ..header },
                stored: &stored,
                seat: Some([0; 16]),
            };
            let refusal = decode(&found, &mut Unpacker::new().unwrap());
            let Err(Refusal::Locked(error)) = refusal else {
                panic!("{kind:?}: {refusal:?}")
            };
            assert!(error.is_wrong_key() && !error.is_newer(), "{error}");
            assert_eq!(error.wanted_key(), Some("0707070707070707"));
        }
    }
}
