//! What a session's log in one store holds.

use std::collections::BTreeSet;
use std::sync::Arc;

use agent_primitives::SessionId;

use crate::format::SEGMENT_MAX;
use crate::format::segment::{Place, Start};
use crate::log::scan::scan;
use crate::{Error, Store};

/// One session in one of the stores.
#[derive(Debug, Clone, Copy)]
pub(super) struct Log<'a> {
    pub(super) store: &'a Arc<dyn Store>,
    pub(super) session: &'a SessionId,
}

/// What lies in a segment.
#[derive(Debug)]
pub(super) struct Content {
    /// Up to the end of the last frame.
    pub(super) bytes: Vec<u8>,
    /// Where frames begin.
    pub(super) start: usize,
    /// What an interrupted write left behind that.
    pub(super) torn: Vec<u8>,
    /// Something in it is neither header nor frame.
    pub(super) is_damaged: bool,
}

impl Log<'_> {
    pub(super) fn segments(&self) -> Result<BTreeSet<u32>, Error> {
        Ok(self.store.segments(self.session)?.into_iter().collect())
    }

    pub(super) fn content(&self, segment: u32) -> Result<Content, Error> {
        let mut bytes = self.store.read(self.session, segment, SEGMENT_MAX)?;
        let place = Place {
            store: self.store.id(),
            session: self.session,
            segment,
        };
        let (start, is_good) = match place.check(&bytes)? {
            Start::Good(_, start) => (start, true),
            Start::Damaged(start) => (start, false),
        };
        let found = scan(&bytes, start, place.seed());
        let is_damaged = !is_good || !found.holes.is_empty();
        let end = found.end.min(bytes.len());
        let mut torn = bytes.split_off(end);
        let written = torn.iter().rposition(|byte| *byte != 0);
        torn.truncate(written.map_or(0, |last| last + 1));
        Ok(Content {
            bytes,
            start,
            torn,
            is_damaged,
        })
    }
}
