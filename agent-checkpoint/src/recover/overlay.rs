//! A store whose damaged bytes are those of another one.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use agent_primitives::SessionId;

use crate::log::numbering::narrow;
use crate::{Claim, Error, Report, Store, StoreId, Writer};

/// Zeros with which a frame may end: its length stands there, in four bytes.
const ZEROS: usize = 4;

/// Reads as the store does, but for what was damaged there. Whoever reads checks sums and hashes as always, so that
/// bytes that do not belong there are damage as well.
#[derive(Debug)]
pub(super) struct Overlay {
    store: Arc<dyn Store>,
    sibling: Arc<dyn Store>,
    /// By segment what to take from the sibling.
    ranges: BTreeMap<u32, Vec<Range<usize>>>,
}

impl Overlay {
    pub(super) fn of(store: Arc<dyn Store>, sibling: Arc<dyn Store>, report: &Report) -> Self {
        let mut ranges: BTreeMap<u32, Vec<Range<usize>>> = BTreeMap::new();
        for damage in &report.damaged {
            let start = narrow(damage.at.offset);
            let range = start..start.saturating_add(narrow(damage.len));
            ranges.entry(damage.at.segment).or_default().push(range);
        }
        Self {
            store,
            sibling,
            ranges,
        }
    }
}

impl Store for Overlay {
    fn id(&self) -> StoreId {
        self.store.id()
    }

    fn sessions(&self) -> Result<Vec<SessionId>, Error> {
        self.store.sessions()
    }

    /// Those of the store, and what the sibling has before the last of them.
    fn segments(&self, session: &SessionId) -> Result<Vec<u32>, Error> {
        let mut segments = self.store.segments(session)?;
        if let Some(last) = segments.last().copied() {
            let more = self.sibling.segments(session)?.into_iter();
            segments.extend(more.filter(|segment| *segment < last));
        }
        segments.sort_unstable();
        segments.dedup();
        Ok(segments)
    }

    fn read(&self, session: &SessionId, segment: u32, max: usize) -> Result<Vec<u8>, Error> {
        if !self.store.segments(session)?.contains(&segment) {
            return self.sibling.read(session, segment, max);
        }
        let mut bytes = self.store.read(session, segment, max)?;
        let Some(ranges) = self.ranges.get(&segment) else {
            return Ok(bytes);
        };
        let other = self.sibling.read(session, segment, max)?;
        for range in ranges {
            let end = range.end.min(other.len()).min(max);
            // A frame may end with zeros, which were not told from space that nobody wrote to.
            let least = end.saturating_add(ZEROS).min(max);
            if bytes.len() < least {
                bytes.resize(least, 0);
            }
            let (to, from) = (bytes.get_mut(range.start..end), other.get(range.start..end));
            if let (Some(to), Some(from)) = (to, from) {
                to.copy_from_slice(from);
            }
        }
        Ok(bytes)
    }

    fn claim(&self, session: &SessionId, _: &Claim) -> Result<Box<dyn Writer>, Error> {
        Err(Error::locked(session.clone()))
    }

    fn remove(&self, session: &SessionId) -> Result<(), Error> {
        Err(Error::locked(session.clone()))
    }
}
