//! What a session's log in one store holds.

use std::collections::BTreeSet;
use std::sync::Arc;

use agent_primitives::SessionId;

use crate::format::SEGMENT_MAX;
use crate::format::segment::{Start, session_of};
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

impl Content {
    const fn whole(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            start: 0,
            torn: Vec::new(),
            is_damaged: false,
        }
    }
}

impl Log<'_> {
    pub(super) fn segments(&self) -> Result<BTreeSet<u32>, Error> {
        Ok(self.store.segments(self.session)?.into_iter().collect())
    }

    pub(super) fn content(&self, segment: u32) -> Result<Content, Error> {
        let mut bytes = self.store.read(self.session, segment, SEGMENT_MAX)?;
        let place = self.place(segment);
        let (start, is_good) = match place.check(&bytes) {
            Ok(Start::Good(_, start)) => (start, true),
            Ok(Start::Damaged(start)) => (start, false),
            // Of the session that this one was forked from: nobody appends to it.
            Err(error) if error.is_foreign() && session_of(&bytes).is_some() => {
                return Ok(Content::whole(bytes));
            }
            Err(error) => return Err(error),
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
