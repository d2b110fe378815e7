//! The segment that is written to: preallocated, written in place, synced, poisoned by a failed sync.

use std::io;

use std::sync::Arc;

use super::group::Member;
use crate::Durability;
use crate::format::SEGMENT_TARGET;
use crate::fs::{FileHandle, write_all};

/// Preallocated at once: a quarter of what there is, between these, in bytes. Zeros that nothing takes
/// the place of are bytes written for nothing: an eighth of a long session on average, few of a short one.
const GROWTH_MIN: u64 = 16 << 10;
const GROWTH_MAX: u64 = 256 << 10;
/// Zeros end at a multiple of this, in bytes: the file system writes no less.
const PAGE: u64 = 4 << 10;
const ZEROS: [u8; 4 << 10] = [0; 4 << 10];

/// Why an append did not happen.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing changed; it may be tried again.
    Refused(io::Error),
    /// The file was removed: what is written to it goes when it is closed.
    Removed,
    /// Somebody else cut the file: a hole would stand before what is written at the end.
    Cut,
    /// What lies on the device is unknown, now and until the file is read again.
    Poisoned,
}

/// A segment and its end.
#[derive(Debug)]
pub(super) struct Active {
    disk: Arc<dyn FileHandle>,
    /// Its place among those that sync together.
    member: Option<Member>,
    end: u64,
    /// Length of the file. From `end` on it holds zeros.
    allocated: u64,
    is_synced: bool,
    /// What is not synced is in a journal, and that is.
    is_covered: bool,
    is_poisoned: bool,
}

impl Active {
    /// A segment on the device, whose `end` is followed by zeros up to `allocated`.
    pub(super) fn new(disk: Box<dyn FileHandle>, end: u64, allocated: u64) -> Self {
        Self {
            disk: disk.into(),
            member: None,
            end,
            allocated,
            is_synced: true,
            is_covered: true,
            is_poisoned: false,
        }
    }

    /// Syncs together with others.
    pub(super) fn joining(
        mut self,
        member: impl FnOnce(Arc<dyn FileHandle>) -> Option<Member>,
    ) -> Self {
        self.member = member(Arc::clone(&self.disk));
        self
    }

    /// Whether everything is on the device, and where it belongs.
    pub(super) const fn is_synced(&self) -> bool {
        self.is_synced
    }

    /// Whether a journal has what the device may not have here.
    pub(super) const fn is_lent(&self) -> bool {
        self.is_covered && !self.is_synced
    }

    /// All of it that counts is elsewhere now.
    pub(super) fn leave(&self) {
        if let Some(member) = &self.member {
            member.leave();
        }
    }

    /// Whether a sync failed.
    pub(super) const fn is_poisoned(&self) -> bool {
        self.is_poisoned
    }

    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    /// As [`new`](Self::new), for a segment of which an earlier writer may have left bytes that are not
    /// on the device.
    pub(super) fn resumed(disk: Box<dyn FileHandle>, end: u64, allocated: u64) -> Self {
        let mut active = Self::new(disk, end, allocated);
        active.is_synced = false;
        active.is_covered = false;
        active
    }

    /// Writes at the end.
    pub(super) fn append(&mut self, bytes: &[u8], durability: Durability) -> Result<(), Failure> {
        self.is_poisoned |= self.member.as_ref().is_some_and(Member::is_lost);
        if self.is_poisoned {
            return Err(Failure::Poisoned);
        }
        self.check()?;
        let before = self.end;
        if let Err(error) = write_all(&*self.disk, before, bytes) {
            // Part of the bytes may lie there. A shorter batch in their place would leave a rest behind
            // it that reads as frames.
            self.take_back(before);
            return Err(if self.is_poisoned {
                Failure::Poisoned
            } else {
                Failure::Refused(error)
            });
        }
        self.end = before.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.is_synced = false;
        let was_covered = std::mem::replace(&mut self.is_covered, false);
        if self.end > self.allocated {
            if durability == Durability::Synced {
                self.preallocate();
            } else {
                // Nobody waits for the file to grow.
                self.allocated = self.end;
            }
        }
        let member = self.member.take();
        let arrival = member
            .as_ref()
            .filter(|_| durability.is_synced())
            .map(Member::arrive);
        self.is_covered = durability == Durability::Synced
            && was_covered
            && arrival
                .as_ref()
                .is_some_and(|arrival| arrival.commit(before, bytes));
        let synced = if durability.is_synced() && !self.is_covered {
            self.sync_by(member.as_ref())
        } else {
            Ok(())
        };
        drop(arrival);
        self.member = member;
        if let Err(error) = synced {
            tracing::error!(%error, "sync failed");
            // Whoever reads next must not take for saved what was never acknowledged.
            self.take_back(before);
            return Err(Failure::Poisoned);
        }
        Ok(())
    }

    /// Whether the file is as this writer left it, as far as one look at it tells.
    pub(super) fn check(&self) -> Result<(), Failure> {
        match self.disk.standing().map_err(Failure::Refused)? {
            Some(found) if !found.has_name => Err(Failure::Removed),
            Some(found) if found.len < self.allocated => Err(Failure::Cut),
            _ => Ok(()),
        }
    }

    /// Zeros behind the end, so that later appends need not change the file's length and layout, which
    /// costs a synced append about as much again. Best effort: without them an append grows the file.
    fn preallocate(&mut self) {
        let step = (self.allocated / 4).clamp(GROWTH_MIN, GROWTH_MAX);
        let to = self.end.saturating_add(step).next_multiple_of(PAGE);
        // Behind the target there will be another segment.
        let to = to.min(u64::try_from(SEGMENT_TARGET).unwrap_or(u64::MAX));
        self.allocated = match self.write_zeros(to) {
            Ok(()) => to.max(self.end),
            Err(_) => self.end,
        };
    }

    /// Page by page: what is written at once lies in one large page of the system's cache, all of which
    /// goes to the device again for each small append into it (measured on ext4: 5 KB an append against 22
    /// with 64 KiB at once, and 85 with 256 KiB).
    fn write_zeros(&self, to: u64) -> io::Result<()> {
        let mut at = self.end;
        while at < to {
            let stop = at.saturating_add(1).next_multiple_of(PAGE).min(to);
            let len = usize::try_from(stop.saturating_sub(at)).unwrap_or_default();
            write_all(&*self.disk, at, ZEROS.get(..len).unwrap_or_default())?;
            at = stop;
        }
        Ok(())
    }

    fn take_back(&mut self, end: u64) {
        // The device may have it all the same, until the segment is synced: in a journal alone, what takes
        // its place could not be told from what it takes the place of.
        self.is_covered = false;
        self.is_synced = false;
        self.end = end;
        self.allocated = end;
        self.is_poisoned |= self.disk.set_len(end).is_err();
    }

    /// Makes everything written durable.
    pub(super) fn sync(&mut self) -> Result<(), io::Error> {
        let member = self.member.take();
        let synced = self.sync_by(member.as_ref());
        self.member = member;
        synced
    }

    fn sync_by(&mut self, member: Option<&Member>) -> Result<(), io::Error> {
        if self.is_poisoned {
            return Err(io::Error::other("an earlier sync failed"));
        }
        if !self.is_synced {
            // The system forgets what it could not write, so that a second sync would lie.
            member
                .map_or_else(|| self.disk.sync_data(), Member::sync)
                .inspect_err(|_| self.is_poisoned = true)?;
            self.is_synced = true;
            self.is_covered = true;
        }
        Ok(())
    }

    /// Gives the preallocated space back.
    pub(super) fn trim(&mut self) -> io::Result<()> {
        if !self.is_poisoned && self.allocated > self.end {
            self.disk.set_len(self.end)?;
            self.allocated = self.end;
            // The length is nothing that a journal covers, nor that anybody counts on.
            self.is_synced = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::sync::{Arc, Mutex, MutexGuard};

    /// A disk that takes few bytes at a time, and fails when told to. Clones are the same disk.
    #[derive(Debug, Clone, Default)]
    struct Feeble(Arc<Mutex<Inside>>);

    #[derive(Debug, Default)]
    struct Inside {
        bytes: Vec<u8>,
        room: Option<usize>,
        syncs: usize,
        is_sync_broken: bool,
        is_length_stuck: bool,
        /// Most bytes that one write brought.
        longest: usize,
    }

    impl Feeble {
        fn inside(&self) -> MutexGuard<'_, Inside> {
            self.0.lock().unwrap()
        }
    }

    impl FileHandle for Feeble {
        fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
            let mut inside = self.inside();
            let offset = usize::try_from(offset).unwrap();
            inside.longest = inside.longest.max(bytes.len());
            let few = bytes.len().min(1_000);
            if inside.room.is_some_and(|room| offset + few > room) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            if inside.bytes.len() < offset + few {
                inside.bytes.resize(offset + few, 0);
            }
            inside.bytes[offset..offset + few].copy_from_slice(&bytes[..few]);
            Ok(few)
        }

        fn set_len(&self, len: u64) -> io::Result<()> {
            let mut inside = self.inside();
            if inside.is_length_stuck {
                return Err(io::ErrorKind::Other.into());
            }
            inside.bytes.resize(usize::try_from(len).unwrap(), 0);
            Ok(())
        }

        fn sync_data(&self) -> io::Result<()> {
            let mut inside = self.inside();
            inside.syncs += 1;
            if inside.is_sync_broken {
                Err(io::ErrorKind::Other.into())
            } else {
                Ok(())
            }
        }

        fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<usize> {
            unreachable!("appends do not read")
        }
        fn len(&self) -> io::Result<u64> {
            unreachable!("a segment knows its length")
        }
        fn sync_all(&self) -> io::Result<()> {
            unreachable!("appends sync data alone")
        }
        fn lock(&self) -> io::Result<()> {
            unreachable!("the session is locked, not the segment")
        }
        fn try_lock(&self) -> io::Result<bool> {
            unreachable!("the session is locked, not the segment")
        }
        fn unlock(&self) -> io::Result<()> {
            unreachable!("the session is locked, not the segment")
        }
        fn is_at(&self, _: &Path) -> io::Result<bool> {
            unreachable!("appends look for no path")
        }
    }

    fn active() -> (Feeble, Active) {
        let disk = Feeble::default();
        (disk.clone(), Active::new(Box::new(disk), 0, 0))
    }

    #[test]
    fn short_writes_are_carried_on() {
        let (disk, mut active) = active();
        let bytes = vec![7; 2_500];
        active.append(&bytes, Durability::Buffered).unwrap();
        assert_eq!(disk.inside().bytes[..2_500], bytes);
        assert_eq!((active.end(), disk.inside().syncs), (2_500, 0));
    }

    #[test]
    fn synced_appends_find_zeros_ahead_that_grow_with_the_segment() {
        let (disk, mut active) = active();
        active.append(&[1; 100], Durability::Synced).unwrap();
        assert_eq!(active.allocated, 20 << 10, "a step, up to a page's end");
        assert_eq!(disk.inside().longest, 4 << 10, "page by page");
        assert!(disk.inside().bytes[100..].iter().all(|byte| *byte == 0));
        active.append(&[2; 100], Durability::Synced).unwrap();
        assert_eq!(active.allocated, 20 << 10, "within the space there is");
        assert_eq!(disk.inside().syncs, 2);
        active
            .append(&vec![3; 200_000], Durability::Synced)
            .unwrap();
        active
            .append(&vec![3; 100_000], Durability::Synced)
            .unwrap();
        assert_eq!(active.allocated, 87 * PAGE, "a quarter more");
        active
            .append(&vec![4; 200_000], Durability::Synced)
            .unwrap();
        assert_eq!(
            active.allocated,
            512 << 10,
            "no further than a segment goes"
        );
        active.trim().unwrap();
        assert_eq!(disk.inside().bytes.len(), 500_200);
    }

    #[test]
    fn buffered_appends_write_no_zeros() {
        let (disk, mut active) = active();
        active.append(&[1; 100], Durability::Buffered).unwrap();
        assert_eq!((active.allocated, disk.inside().bytes.len()), (100, 100));
    }

    #[test]
    fn a_full_disk_takes_nothing_and_the_same_append_goes_through_later() {
        let (disk, mut active) = active();
        active.append(&[1; 10], Durability::Synced).unwrap();
        active.trim().unwrap();
        disk.inside().room = Some(1_500);
        let refused = active.append(&[2; 2_000], Durability::Synced);
        assert!(matches!(refused, Err(Failure::Refused(_))), "{refused:?}");
        assert_eq!(disk.inside().bytes, [1; 10], "the part that fitted is gone");
        disk.inside().room = None;
        active.append(&[2; 2_000], Durability::Synced).unwrap();
        assert_eq!(active.end(), 2_010);
    }

    #[test]
    fn what_an_earlier_writer_left_is_synced_once() {
        let disk = Feeble::default();
        let mut active = Active::resumed(Box::new(disk.clone()), 0, 0);
        active.append(&[], Durability::Buffered).unwrap();
        assert_eq!(disk.inside().syncs, 0);
        active.sync().unwrap();
        active.sync().unwrap();
        assert_eq!(disk.inside().syncs, 1);
    }

    #[test]
    fn no_room_for_zeros_is_no_failure() {
        let (disk, mut active) = active();
        disk.inside().room = Some(500);
        active.append(&[1; 400], Durability::Synced).unwrap();
        assert_eq!((active.end(), active.allocated), (400, 400));
    }

    #[test]
    fn a_failed_sync_poisons_for_good() {
        let (disk, mut active) = active();
        active.append(&[1; 10], Durability::Synced).unwrap();
        disk.inside().is_sync_broken = true;
        assert!(matches!(
            active.append(&[2; 10], Durability::Synced),
            Err(Failure::Poisoned)
        ));
        assert_eq!(
            disk.inside().bytes,
            [1; 10],
            "what was not acknowledged is taken back"
        );
        disk.inside().is_sync_broken = false;
        assert!(matches!(
            active.append(&[2; 10], Durability::Synced),
            Err(Failure::Poisoned)
        ));
        assert_eq!(disk.inside().syncs, 2);
    }

    #[test]
    fn what_can_neither_be_written_nor_taken_back_poisons() {
        let (disk, mut active) = active();
        disk.inside().room = Some(1_500);
        disk.inside().is_length_stuck = true;
        assert!(matches!(
            active.append(&[2; 2_000], Durability::Buffered),
            Err(Failure::Poisoned)
        ));
    }
}
