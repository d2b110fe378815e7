//! Writes anew whatever is not encrypted with the key in use.

use std::collections::BTreeSet;

use super::job::{Sealed, live_bytes, owner_of, place};
use crate::Error;
use crate::checkpointer::Checkpointer;
use crate::log::numbering::wide;
use crate::log::scan::scan;
use crate::log::seal::{Outcome, seal};

impl Checkpointer {
    /// Encrypts with the keyring's first key what is not: records of older keys, and plain ones where the keyring
    /// accepts them. Segments that the session shares since it was forked are written anew for this session; the
    /// other one keeps its own. Afterwards only the first key is needed, unless [`Sealed::left`] tells of
    /// segments with damage in them, which stay as they are.
    ///
    /// The segments are sealed by it, as [`seal`](Self::seal) does it; every checkpoint stays restorable. Without
    /// a keyring there is nothing to do. [`encrypt`](crate::encrypt) shows it in use.
    ///
    /// # Errors
    /// As [`seal`](Self::seal). Segments that were not replaced yet stay, and it may be called again.
    pub fn rekey(&mut self) -> Result<Sealed, Error> {
        self.survey()?;
        self.close_segment()?;
        let mut done = Sealed::default();
        let task = self.task(Vec::new(), 0)?;
        let Some(replacer) = &task.replacer else {
            return Ok(done);
        };
        let last = self.desk.appender()?.end.last_segment;
        let ignored: BTreeSet<u32> = self.report.ignored.iter().copied().collect();
        for segment in self.store.segments(&self.session)? {
            if segment >= last || ignored.contains(&segment) {
                continue;
            }
            let before = live_bytes(&*self.store, &self.session, segment)?;
            let owner = owner_of(&before, &self.session);
            let place = place(&*self.store, &owner, segment);
            let found = scan(&before, place.start(&before), place.seed());
            let is_current = |found| self.keys.is_current(found);
            if found.frames.iter().all(|(_, found)| is_current(found)) {
                continue;
            }
            match seal(&place, &before, &task.listed, None, &self.keys, &|| false)? {
                Outcome::Sealed(after) => {
                    replacer.replace(segment, &after)?;
                    self.sealer.replaced(segment);
                    done.segments += 1;
                    done.before += wide(before.len());
                    done.after += wide(after.len());
                }
                Outcome::Damaged | Outcome::NoGain | Outcome::Stopped => done.left += 1,
            }
        }
        Ok(done)
    }
}
