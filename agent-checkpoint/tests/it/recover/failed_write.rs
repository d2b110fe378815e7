//! A store that does not take what is to be written.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use agent_checkpoint::recover::{Failure, Hooks, Outcome, Recovery, Strategy};
use agent_checkpoint::{
    Checkpointer, Durability, Error, FileStore, Message, Position, Resume, Store, Writer,
};
use agent_primitives::CheckpointKind;

use super::{Site, said, talk};

use crate::on_the_way::{OnTheWay, Step, Through};

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
fn messages_that_were_only_in_a_log_that_is_gone_are_told_and_marked() {
    let site = Site::new();
    let mut session = site.open();
    talk(&mut session, 28);
    session.cut(4, &|_: &Message| 1).unwrap();
    session.push(said(28)).unwrap();
    session.push(said(29)).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    drop(session);
    let builder = site.builder().resume(Resume::Last(2));
    let mut session = builder.open().unwrap();
    assert_eq!(session.skipped(), 28);
    fs::remove_file(site.segment()).unwrap();
    session.push(said(30)).unwrap();
    let error = session.save(CheckpointKind::Auto).unwrap_err();
    assert!(error.is_removed(), "{error}");

    let report = session.recover_from(&error, &Recovery::default());
    let finding = &report.findings[0];
    assert_eq!(
        (finding.strategy, finding.outcome),
        (Strategy::Reopen, Outcome::NeedsHost),
        "{report}"
    );
    // The first message, its commit, and those that follow up to the two in memory.
    assert_eq!(finding.lost, std::slice::from_ref(&(0..29)));
    assert!(finding.detail.contains("28 messages"), "{finding}");
    assert_eq!(report.checkpoint, None, "the host decides");
    let mark = "[lost: messages of the records 0 to 28 were damaged and are not in this history]";
    let kept = [Message::user(mark), said(28), said(29), said(30)];
    assert_eq!(session.history(), kept);
    let context: Vec<Message> = session.context().into_iter().cloned().collect();
    assert_eq!(context[..4], [said(0), said(25), said(26), said(27)]);
    assert_eq!(context[4..], kept);
    session.save(CheckpointKind::Auto).unwrap();
    site.holds(session);
}

#[test]
fn a_middle_that_is_gone_from_the_log_is_marked_between_its_ends() {
    let site = Site::new();
    let mut session = site.open();
    let long = |n: usize| {
        let word =
            |at: usize| ((n * 7_919 + at).wrapping_mul(2_654_435_761) % 1_000_003).to_string();
        Message::user((0..4_000).map(word).collect::<String>())
    };
    for n in 0..80 {
        session.push(long(n)).unwrap();
        session.save(CheckpointKind::Auto).unwrap();
    }
    drop(session);
    let second = site.segment().with_file_name("seg-000002.ckl");
    assert!(second.exists());
    let mut session = site.builder().resume(Resume::Last(2)).open().unwrap();
    fs::remove_file(second).unwrap();
    session.push(said(0)).unwrap();
    let error = session.save(CheckpointKind::Auto).unwrap_err();
    let report = session.recover_from(&error, &Recovery::default());
    assert!(!report.may_go_on(), "{report}");
    let texts: Vec<&str> = session
        .history()
        .iter()
        .map(|m| m.content.as_str())
        .collect();
    assert!(
        texts[0].starts_with("[lost: messages of the records "),
        "{report}"
    );
    assert_eq!(texts.len(), 4);
    session.save(CheckpointKind::Auto).unwrap();
    drop(session);
    let session = site.open();
    let first = &report.findings[0].lost[0];
    assert!(first.start > 0 && first.end > first.start);
    assert_eq!(session.history()[0], long(0));
    let marks = session
        .history()
        .iter()
        .filter(|m| m.content.starts_with("[lost: "));
    assert_eq!(marks.count(), 1);
    assert_eq!(session.history().last(), Some(&said(0)));
}

#[test]
fn damage_that_is_found_when_a_log_is_opened_anew_is_told() {
    let site = Site::new();
    let disk = Disk::new(site.store());
    let mut session = Checkpointer::builder(disk.clone(), Site::id())
        .open()
        .unwrap();
    let ends = talk(&mut session, 4);
    site.flip(ends[1] + 36);
    disk.poison();
    session.push(said(4)).unwrap();
    let error = session.save(CheckpointKind::Auto).unwrap_err();
    disk.mend();
    let report = session.recover_from(&error, &Recovery::default());
    let found: Vec<_> = report
        .findings
        .iter()
        .map(|f| (f.failure, f.strategy))
        .collect();
    assert_eq!(
        found,
        [
            (Failure::FailedWrite, Strategy::Reopen),
            (Failure::DamagedFrame, Strategy::SetAside)
        ],
        "{report}"
    );
    assert_eq!(report.findings[1].lost, std::slice::from_ref(&(3..4)));
    assert!(report.may_go_on(), "{report}");
    let all: Vec<_> = (0..5).map(said).collect();
    assert_eq!(session.history(), all);
    drop(disk);
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
fn a_sibling_gives_back_what_could_not_be_set_aside_for_want_of_room() {
    let site = Site::new();
    let ends = talk(&mut site.open_mirrored(), 8);
    site.flip(ends[1] + 36);
    let disk = Disk::new(site.store());
    disk.fill();
    let hooks = Hooks::new().sibling(site.mirror());
    let builder = Checkpointer::builder(disk.clone(), Site::id());
    let recovered = builder.recover_with(&Recovery::default(), &hooks).unwrap();
    let all: Vec<_> = (0..8).map(said).collect();
    assert_eq!(recovered.session.history(), all, "{}", recovered.report);
    assert!(!recovered.report.may_go_on());
    let found = recovered.report.of(Failure::DamagedFrame).next().unwrap();
    assert_eq!(found.strategy, Strategy::Sibling);
    let mut session = recovered.session;
    disk.mend();
    session.save(CheckpointKind::Auto).unwrap();
    drop(disk);
    site.holds(session);
}

#[test]
fn a_tail_that_could_not_be_set_aside_is_not_said_to_be_in_quarantine() {
    let site = Site::new();
    let ends = talk(&mut site.open(), 4);
    site.cut(ends[3] - 5);
    let disk = Disk::new(site.store());
    disk.fill();
    let builder = Checkpointer::builder(disk, Site::id());
    let recovered = builder.recover(&Recovery::default()).unwrap();
    let finding = recovered.report.of(Failure::TornTail).next().unwrap();
    let torn = ends[3] - 5 - ends[2];
    let told = format!("{torn} bytes behind the last whole record are to be set aside");
    assert!(finding.detail.starts_with(&told), "{finding}");
}

#[test]
fn what_is_masked_on_the_disk_reads_back_as_what_it_is() {
    let site = Site::new();
    let mut session = site.open();
    talk(&mut session, 2);
    let secret = format!("ghp_{}", "0123456789abcdefABCDEF0123456789abcd");
    session.push(Message::user(&secret)).unwrap();
    session.update(|work| work.next_steps.push(secret.as_str().into()));
    let error = Error::unavailable("reaching the store", "the network was away");
    let report = session.recover_from(&error, &Recovery::default());
    assert!(report.may_go_on(), "{report}");
    assert!(report.checkpoint.is_some());
    assert_eq!(session.history()[2].content, secret, "memory is untouched");
    assert_ne!(site.open_reader_tail(), secret);
}

#[test]
fn a_session_that_cannot_be_opened_again_is_not_told_mended() {
    let site = Site::new();
    let mut session = site.open();
    talk(&mut session, 2);
    let folder = site.segment().parent().unwrap().to_path_buf();
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, "something else").unwrap();
    session.push(said(2)).unwrap();
    let report = session.recover_from(&Error::poisoned(), &Recovery::default());
    let [finding] = &report.findings[..] else {
        panic!("{report}");
    };
    assert_eq!(
        (finding.strategy, finding.outcome),
        (Strategy::AskHost, Outcome::NeedsHost)
    );
    assert_eq!(session.history().len(), 3, "all is in memory");
}

#[test]
fn a_save_that_does_not_read_back_is_not_told_done() {
    let site = Site::new();
    let disk = Disk::new(site.store());
    let builder = Checkpointer::builder(disk.clone(), Site::id());
    let mut session = builder.open().unwrap();
    talk(&mut session, 2);
    session.push(said(2)).unwrap();
    disk.spoil();
    let error = Error::unavailable("reaching the store", "the network was away");
    let report = session.recover_from(&error, &Recovery::default());
    assert!(!report.may_go_on(), "{report}");
    assert_eq!(report.checkpoint, None, "{report}");
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
struct Faults {
    inner: Arc<FileStore>,
    is_full: Arc<AtomicBool>,
    is_poisoned: Arc<AtomicBool>,
    is_spoiling: Arc<AtomicBool>,
}

type Disk = Through<Faults>;

impl Disk {
    fn new(store: FileStore) -> Self {
        Self(Faults {
            inner: Arc::new(store),
            is_full: Arc::default(),
            is_poisoned: Arc::default(),
            is_spoiling: Arc::default(),
        })
    }
}

impl Faults {
    fn fill(&self) {
        self.is_full.store(true, Ordering::Relaxed);
    }

    fn poison(&self) {
        self.is_poisoned.store(true, Ordering::Relaxed);
    }

    /// It says that it took what it is given, and holds something else.
    fn spoil(&self) {
        self.is_spoiling.store(true, Ordering::Relaxed);
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

impl OnTheWay for Faults {
    fn behind(&self) -> Result<impl Store, Error> {
        Ok(self.inner.clone())
    }

    fn before(&self, step: Step) -> Result<(), Error> {
        match step {
            Step::Start | Step::Append | Step::SetAside => self.check(),
            _ => Ok(()),
        }
    }

    fn append(
        &self,
        writer: &mut dyn Writer,
        at: Position,
        bytes: &[u8],
        durability: Durability,
    ) -> Result<(), Error> {
        let mut bytes = bytes.to_vec();
        if self.is_spoiling.load(Ordering::Relaxed) {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        writer.append(at, &bytes, durability)
    }
}
