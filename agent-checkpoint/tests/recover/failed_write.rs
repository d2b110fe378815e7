//! A store that does not take what is to be written.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use agent_checkpoint::recover::{Failure, Outcome, Recovery, Strategy};
use agent_checkpoint::{
    Checkpointer, Claim, Durability, Error, FileStore, Position, Size, Store, StoreId, Tenure,
    Writer,
};
use agent_primitives::{CheckpointKind, SessionId, Timestamp};

use super::{Site, said, talk};

#[test]
fn a_log_that_was_removed_under_its_writer_is_written_anew_from_memory() {
    let site = Site::new();
    let mut session = site.open();
    talk(&mut session, 3);
    fs::remove_file(site.segment()).unwrap();
    session.push(said(3)).unwrap();
    let error = session.save(CheckpointKind::Auto).unwrap_err();
    assert!(error.is_removed(), "{error}");

    let report = session.recover_from(&error, &Recovery::default());
    let finding = &report.findings[0];
    assert_eq!(
        (finding.failure, finding.strategy, finding.outcome),
        (Failure::FailedWrite, Strategy::Reopen, Outcome::Recovered)
    );
    assert_eq!(report.findings.len(), 1, "{report}");
    // What was acknowledged is reopened and read again.
    assert_eq!(report.checkpoint, session.latest().map(|latest| latest.id));
    assert_eq!(session.history().len(), 4);
    site.holds(session);
}

#[test]
fn a_failed_sync_is_answered_by_another_segment_and_what_was_acknowledged_reads_back() {
    let site = Site::new();
    let disk = Disk::new(site.store());
    let mut session = Checkpointer::builder(disk.clone(), Site::id())
        .open()
        .unwrap();
    talk(&mut session, 2);
    disk.poison();
    session.push(said(2)).unwrap();
    let error = session.save(CheckpointKind::Auto).unwrap_err();
    assert!(error.is_poisoned(), "{error}");
    disk.mend();
    let report = session.recover_from(&error, &Recovery::default());
    assert_eq!(report.findings[0].strategy, Strategy::Reopen, "{report}");
    assert!(report.may_go_on());
    drop(disk);
    site.holds(session);
}

#[test]
fn a_full_disk_asks_for_room_and_memory_keeps_everything() {
    let site = Site::new();
    let disk = Disk::new(site.store());
    let mut session = Checkpointer::builder(disk.clone(), Site::id())
        .open()
        .unwrap();
    talk(&mut session, 2);
    disk.fill();
    session.push(said(2)).unwrap();
    let error = session.save(CheckpointKind::Auto).unwrap_err();
    let report = session.recover_from(&error, &Recovery::default());
    let finding = &report.findings[0];
    assert_eq!(
        (finding.failure, finding.strategy, finding.outcome),
        (
            Failure::FailedWrite,
            Strategy::FreeSpace,
            Outcome::NeedsHost
        )
    );
    assert!(finding.detail.contains("free some"), "{finding}");
    assert_eq!(session.unsaved(), [said(2)]);
    disk.mend();
    session.save(CheckpointKind::Auto).unwrap();
    site.holds(session);
}

#[test]
fn what_is_masked_on_the_disk_reads_back_as_what_it_is() {
    let site = Site::new();
    let mut session = site.open();
    talk(&mut session, 2);
    let secret = format!("ghp_{}", "0123456789abcdefABCDEF0123456789abcd");
    session
        .push(agent_checkpoint::Message::user(&secret))
        .unwrap();
    session.update(|work| work.next_steps.push(secret.as_str().into()));
    let error = Error::unavailable("reaching the store", "the network was away");
    let report = session.recover_from(&error, &Recovery::default());
    assert!(report.may_go_on(), "{report}");
    assert!(report.checkpoint.is_some());
    assert_eq!(session.history()[2].content, secret, "memory is untouched");
    assert_ne!(site.open_reader_tail(), secret);
}

impl Site {
    fn open_reader_tail(&self) -> String {
        let reader = agent_checkpoint::Reader::open(self.store(), Self::id()).unwrap();
        reader.tail(1).unwrap()[0].content.clone()
    }
}

#[test]
fn what_passes_by_itself_is_tried_once_more() {
    let site = Site::new();
    let mut session = site.open();
    talk(&mut session, 2);
    session.push(said(2)).unwrap();
    let error = Error::unavailable("reaching the store", "the network was away");
    let report = session.recover_from(&error, &Recovery::default());
    assert!(report.may_go_on(), "{report}");
    assert!(session.unsaved().is_empty());
}

/// A file store on a disk that may be full, or lose what it syncs.
#[derive(Debug, Clone)]
struct Disk {
    inner: Arc<FileStore>,
    is_full: Arc<AtomicBool>,
    is_poisoned: Arc<AtomicBool>,
}

impl Disk {
    fn new(store: FileStore) -> Self {
        Self {
            inner: Arc::new(store),
            is_full: Arc::default(),
            is_poisoned: Arc::default(),
        }
    }

    fn fill(&self) {
        self.is_full.store(true, Ordering::Relaxed);
    }

    fn poison(&self) {
        self.is_poisoned.store(true, Ordering::Relaxed);
    }

    fn mend(&self) {
        self.is_full.store(false, Ordering::Relaxed);
        self.is_poisoned.store(false, Ordering::Relaxed);
    }

    fn check(&self) -> Result<(), Error> {
        if self.is_poisoned.load(Ordering::Relaxed) {
            return Err(Error::poisoned());
        }
        if self.is_full.load(Ordering::Relaxed) {
            return Err(Error::disk_full("writing", "no space left on device"));
        }
        Ok(())
    }
}

impl Store for Disk {
    fn id(&self) -> StoreId {
        self.inner.id()
    }
    fn sessions(&self) -> Result<Vec<SessionId>, Error> {
        self.inner.sessions()
    }
    fn segments(&self, session: &SessionId) -> Result<Vec<u32>, Error> {
        self.inner.segments(session)
    }
    fn read(&self, session: &SessionId, segment: u32, max: usize) -> Result<Vec<u8>, Error> {
        self.inner.read(session, segment, max)
    }
    fn claim(&self, session: &SessionId, claim: &Claim) -> Result<Box<dyn Writer>, Error> {
        Ok(Box::new(DiskWriter {
            inner: self.inner.claim(session, claim)?,
            disk: self.clone(),
        }))
    }
    fn remove(&self, session: &SessionId) -> Result<(), Error> {
        self.inner.remove(session)
    }
}

#[derive(Debug)]
struct DiskWriter {
    inner: Box<dyn Writer>,
    disk: Disk,
}

impl Writer for DiskWriter {
    fn tenure(&self) -> Tenure {
        self.inner.tenure()
    }
    fn outrank(&mut self, epoch: u64) -> Result<(), Error> {
        self.inner.outrank(epoch)
    }
    fn renew(&mut self, now: Timestamp) -> Result<(), Error> {
        self.inner.renew(now)
    }
    fn start(&mut self, segment: u32, header: &[u8]) -> Result<(), Error> {
        self.disk.check()?;
        self.inner.start(segment, header)
    }
    fn resume(&mut self, at: Position) -> Result<(), Error> {
        self.inner.resume(at)
    }
    fn cut(&mut self, at: Position) -> Result<(), Error> {
        self.inner.cut(at)
    }
    fn append(&mut self, at: Position, bytes: &[u8], durability: Durability) -> Result<(), Error> {
        self.disk.check()?;
        self.inner.append(at, bytes, durability)
    }
    fn set_aside(&mut self, at: Position, bytes: &[u8]) -> Result<String, Error> {
        self.disk.check()?;
        self.inner.set_aside(at, bytes)
    }
    fn size(&self) -> Result<Size, Error> {
        self.inner.size()
    }
}
