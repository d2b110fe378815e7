//! Lists checkpoints by what the indexes of sealed segments say of them, and reads only what is behind those.

use agent_primitives::SessionId;

use super::directory::Directory;
use super::tail::since;
use super::walk::{Odd, head};
use crate::checkpointer::indexed::from_index;
use crate::checkpointer::load::Reading;
use crate::checkpointer::points::Points;
use crate::format::SEGMENT_MAX;
use crate::format::index::Index;
use crate::format::payload::Tombstone;
use crate::format::point::Tag;
use crate::format::segment::Place;
use crate::format::tags::Kind;
use crate::log::drops::Drops;
use crate::log::seal::index_within;
use crate::{Checkpoint, Store};

/// The checkpoints that no retention has dropped, newest first. Every byte of the sealed segments is held
/// against the digest in their indexes: what was whole when they were sealed is whole still.
///
/// # Errors
/// [`Odd::Unsound`] where the log does not begin with a sealed segment, or is not sound.
pub(super) fn of(
    store: &dyn Store,
    session: &SessionId,
    reading: Reading<'_>,
) -> Result<Vec<Checkpoint>, Odd> {
    let segments = store.segments(session)?;
    let indexes = indexes(store, session, &segments, reading)?;
    if indexes.is_empty() {
        return Err(Odd::Unsound);
    }
    let open = Directory::new(store, session, reading)?.first(indexes.len())?;
    let replay = since(store, session, open, reading)?;

    let mut tombstones = Vec::new();
    let mut tags = Vec::new();
    let mut all = Vec::new();
    for index in indexes {
        for listed in &index.listed {
            all.push(from_index(listed).ok_or(Odd::Unsound)?);
        }
        for mark in index.marks {
            match mark.kind {
                Kind::TOMBSTONE => {
                    let decoded = Tombstone::decode(&mark.payload);
                    tombstones.extend(decoded.map(|it| it.before(mark.seq)));
                }
                Kind::LABEL => tags.extend(Tag::decode(&mark.payload)),
                _ => {}
            }
        }
    }
    let behind = replay.commits.iter().filter(|entry| entry.seq >= open);
    all.extend(behind.map(Checkpoint::of));
    // Some of these stand in an index as well: done once more in their order they come to the same.
    tombstones.extend(replay.tombstones);
    tags.extend(replay.tags);
    if !all.is_sorted_by(|a, b| a.seq < b.seq) {
        return Err(Odd::Unsound);
    }
    let drops = Drops::of(&tombstones);
    all.retain(|checkpoint| !drops.has(checkpoint.seq));
    let mut list = Points::new(all, &tags).into_list();
    list.reverse();
    Ok(list)
}

/// What the sealed segments say that the log begins with.
fn indexes(
    store: &dyn Store,
    session: &SessionId,
    segments: &[u32],
    reading: Reading<'_>,
) -> Result<Vec<Index>, Odd> {
    let mut indexes = Vec::new();
    let mut epoch = 0;
    let mut left = reading.limit;
    for (segment, expected) in segments.iter().zip(1..) {
        let (opening, ..) = head(store, session, *segment)?;
        if !opening.is_sealed {
            break;
        }
        if *segment != expected || opening.epoch < epoch {
            return Err(Odd::Unsound);
        }
        epoch = opening.epoch;
        let place = Place {
            store: store.id(),
            session,
            segment: *segment,
        };
        let bytes = store.read(session, *segment, SEGMENT_MAX)?;
        let index = index_within(&place, &bytes, reading.keys, left).ok_or(Odd::Unsound)?;
        left = left.saturating_sub(index.weight());
        indexes.push(index);
    }
    Ok(indexes)
}
