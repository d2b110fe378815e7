//! Where a log goes on after a takeover: in a segment of its own, behind which nothing of the earlier owner counts.

use std::sync::Arc;

use agent_primitives::SessionId;

use super::appender::segment_after;
use super::load::Loaded;
use crate::format::segment::{Opening, Place};
use crate::log::numbering::wide;
use crate::{Error, Position, Store, Tenure};

/// The segment that a log goes on in after a takeover.
#[derive(Debug)]
pub(super) struct Anew {
    pub(super) segment: u32,
    pub(super) header: Vec<u8>,
}

impl Anew {
    pub(super) fn behind(
        loaded: &Loaded,
        store: &Arc<dyn Store>,
        session: &SessionId,
        tenure: Tenure,
    ) -> Result<Self, Error> {
        let segment = segment_after(loaded.last_segment, &loaded.ignored)?;
        let is_adjacent = loaded.last_segment.checked_add(1) == Some(segment);
        let place = Place {
            store: store.id(),
            session,
            segment,
        };
        // Whatever the earlier owner has under way lands behind this, and does not count.
        let void_from = if is_adjacent { loaded.void_from } else { 0 };
        let header = place.header(Opening {
            epoch: tenure.epoch,
            void_from,
            ..Opening::default()
        });
        Ok(Self { segment, header })
    }

    pub(super) fn position(&self) -> Position {
        Position {
            segment: self.segment,
            offset: wide(self.header.len()),
        }
    }
}
