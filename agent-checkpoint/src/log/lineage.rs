//! Whose segments a session's log is made of: its own, and before them those that it shares since it was
//! forked.

use agent_primitives::SessionId;

use crate::format::SEGMENT_MAX;
use crate::format::compress::Unpacker;
use crate::format::keys::Keys;
use crate::format::point::{Fork, Share};
use crate::format::segment::{Place, session_of};
use crate::format::tags::Kind;
use crate::log::decode::{Content, Refusal, decode};
use crate::log::scan::scan;
use crate::{Error, Store};

/// Sessions that a session descends from, the oldest first; none for one that was not forked.
#[derive(Debug, Default)]
pub(crate) struct Lineage(Vec<Share>);

impl Lineage {
    /// Reads it from the session's first own segment among `segments`. Where no segment tells, there is
    /// none, and shared segments are refused as foreign.
    pub(crate) fn find(
        store: &dyn Store,
        session: &SessionId,
        segments: &[u32],
        keys: &Keys,
    ) -> Result<Self, Error> {
        let own = |segment: u32| {
            let bytes = store.read(session, segment, SEGMENT_MAX);
            bytes.is_ok_and(|bytes| session_of(&bytes).as_deref() == Some(session.as_str()))
        };
        // Shared ones come first, so few looks are enough; a damaged header may lead them astray.
        let first = segments.partition_point(|segment| !own(*segment));
        let nearest = first.saturating_sub(1)..segments.len().min(first + 1);
        let near = segments.get(nearest.clone()).unwrap_or_default().iter();
        let others = segments.iter().enumerate();
        let others = others
            .filter(|(at, _)| !nearest.contains(at))
            .map(|(_, segment)| segment);
        for segment in near.rev().chain(others) {
            let place = Place {
                store: store.id(),
                session,
                segment: *segment,
            };
            let bytes = store.read(session, *segment, SEGMENT_MAX)?;
            if let Some(fork) = fork_in(&bytes, place, keys)? {
                return Ok(Self(fork.lineage));
            }
        }
        Ok(Self::default())
    }

    fn share(&self, segment: u32) -> Option<&Share> {
        let at = self.0.partition_point(|share| share.through < segment);
        self.0.get(at)
    }

    /// Whose segment it is, where it is not the session's own.
    pub(crate) fn owner(&self, segment: u32) -> Option<&SessionId> {
        self.share(segment).map(|share| &share.session)
    }

    /// The number of the last record in the segment that is the session's as well; all are in its own.
    pub(crate) fn last(&self, segment: u32) -> Option<u64> {
        self.share(segment).map(|share| share.last)
    }

    /// The lineage of what is forked off `session` with the record `last`, in its segment `through`.
    pub(crate) fn forked(&self, session: &SessionId, through: u32, last: u64) -> Vec<Share> {
        let older = self.0.iter().filter(|share| share.through < through);
        let owner = self.owner(through).unwrap_or(session);
        let newest = Share {
            session: owner.clone(),
            through,
            last: self.last(through).map_or(last, |theirs| theirs.min(last)),
        };
        older.cloned().chain([newest]).collect()
    }
}

/// What the segment's Fork frame says, if it has one. There are two of them, and one is enough.
fn fork_in(bytes: &[u8], place: Place<'_>, keys: &Keys) -> Result<Option<Fork>, Error> {
    let start = place.start(bytes);
    let found = scan(bytes, start, place.seed());
    let mut unpacker = Unpacker::with(keys)?;
    for (_, frame) in found.frames {
        // A sealed segment has it in a pack.
        if ![Kind::FORK, Kind::PACK].contains(&frame.header.kind) {
            continue;
        }
        match decode(&frame, &mut unpacker) {
            Ok(decoded) => {
                if let Some(fork) = told(decoded.content) {
                    return Ok(Some(fork));
                }
            }
            Err(Refusal::Locked(error)) => return Err(error),
            Err(_) => {}
        }
    }
    Ok(None)
}

fn told(content: Content) -> Option<Fork> {
    match content {
        Content::Fork(fork) => Some(fork),
        Content::Pack(frames) => frames
            .into_iter()
            .find_map(|(_, decoded)| told(decoded.ok()?.content)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(session: &str, through: u32, last: u64) -> Share {
        Share {
            session: SessionId::new(session).unwrap(),
            through,
            last,
        }
    }

    #[test]
    fn a_segment_is_that_of_the_session_which_wrote_it() {
        let lineage = Lineage(vec![share("a", 2, 10), share("b", 5, 40)]);
        let owner = |segment| lineage.owner(segment).map(SessionId::as_str);
        assert_eq!(
            [1, 2, 3, 5, 6].map(owner),
            [Some("a"), Some("a"), Some("b"), Some("b"), None]
        );
        assert_eq!(
            [2, 3, 6].map(|s| lineage.last(s)),
            [Some(10), Some(40), None]
        );
    }

    #[test]
    fn a_fork_of_a_fork_has_both_before_it_as_far_as_it_goes_back() {
        let lineage = Lineage(vec![share("a", 2, 10), share("b", 5, 40)]);
        let me = SessionId::new("c").unwrap();
        let forked = |through, last| lineage.forked(&me, through, last);
        assert_eq!(forked(1, 7), [share("a", 1, 7)]);
        assert_eq!(forked(2, 10), [share("a", 2, 10)]);
        assert_eq!(forked(4, 30), [share("a", 2, 10), share("b", 4, 30)]);
        assert_eq!(
            forked(7, 60),
            [share("a", 2, 10), share("b", 5, 40), share("c", 7, 60)]
        );
    }
}
