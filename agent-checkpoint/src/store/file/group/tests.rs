//! Tests: appends that are synced together, and what is left of them when things fail.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use agent_primitives::{CheckpointKind, ManualClock, SessionId, Timestamp};

use proptest::collection::vec;
use proptest::prelude::*;

use super::journal::{JOURNAL_MAX, journals, records};
use super::record::{Record, seed};
use super::{Group, Limits, Member};
use crate::fs::sim::{Fault, SimFiles};
use crate::fs::{Access, EntryKind, Facts, FileHandle, FileSystem, read_bounded, write_all};
use crate::store::file::names::segment_name;
use crate::{Checkpointer, Durability, FileStore, Message, Reader, Store, StoreId, TakeOver};

const ROOT: &str = "/store";

/// A file system that counts syncs, lets them wait, and makes them fail.
#[derive(Debug, Clone)]
struct Watched {
    inner: SimFiles,
    plan: Arc<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    journal_syncs: AtomicUsize,
    segment_syncs: AtomicUsize,
    is_journal_broken: AtomicBool,
    is_segment_broken: AtomicBool,
    /// Whether syncs of a journal wait.
    is_shut: Mutex<bool>,
    opened: Condvar,
}

impl Watched {
    fn new() -> Self {
        Self {
            inner: SimFiles::new(512),
            plan: Arc::default(),
        }
    }

    fn shut(&self, is_shut: bool) {
        *self.plan.is_shut.lock().unwrap() = is_shut;
        self.plan.opened.notify_all();
    }

    fn syncs(&self) -> (usize, usize) {
        let take = |count: &AtomicUsize| count.swap(0, Ordering::SeqCst);
        (
            take(&self.plan.journal_syncs),
            take(&self.plan.segment_syncs),
        )
    }
}

#[derive(Debug)]
struct WatchedFile {
    inner: Box<dyn FileHandle>,
    plan: Arc<Plan>,
    path: PathBuf,
}

impl WatchedFile {
    fn note(&self) -> io::Result<()> {
        let extension = self.path.extension().and_then(|e| e.to_str());
        let broken = match extension {
            Some("ckj") => {
                self.plan.journal_syncs.fetch_add(1, Ordering::SeqCst);
                let mut is_shut = self.plan.is_shut.lock().unwrap();
                while *is_shut {
                    is_shut = self.plan.opened.wait(is_shut).unwrap();
                }
                &self.plan.is_journal_broken
            }
            Some("ckl") => {
                self.plan.segment_syncs.fetch_add(1, Ordering::SeqCst);
                &self.plan.is_segment_broken
            }
            _ => return Ok(()),
        };
        if broken.load(Ordering::SeqCst) {
            return Err(io::Error::other("planned"));
        }
        Ok(())
    }
}

impl FileSystem for Watched {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn FileHandle>> {
        Ok(Box::new(WatchedFile {
            inner: self.inner.open(path, access)?,
            plan: Arc::clone(&self.plan),
            path: path.to_owned(),
        }))
    }
    fn make_folders(&self, folder: &Path) -> io::Result<()> {
        self.inner.make_folders(folder)
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<(String, EntryKind)>> {
        self.inner.list(folder)
    }
    fn look(&self, path: &Path) -> io::Result<Facts> {
        self.inner.look(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner.rename(from, to)
    }
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner.hard_link(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.inner.remove_file(path)
    }
    fn remove_folders(&self, folder: &Path) -> io::Result<()> {
        self.inner.remove_folders(folder)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.inner.sync_folder(folder)
    }
}

impl FileHandle for WatchedFile {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.inner.read_at(offset, bytes)
    }
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write_at(offset, bytes)
    }
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.note()?;
        self.inner.sync_data()
    }
    fn sync_all(&self) -> io::Result<()> {
        self.note()?;
        self.inner.sync_all()
    }
    fn lock(&self) -> io::Result<()> {
        self.inner.lock()
    }
    fn try_lock(&self) -> io::Result<bool> {
        self.inner.try_lock()
    }
    fn is_at(&self, path: &Path) -> io::Result<bool> {
        self.inner.is_at(path)
    }
}

fn id(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

fn store(files: &Watched, room: u64) -> FileStore {
    FileStore::open_grouped(Arc::new(files.clone()), ROOT, (1, room)).unwrap()
}

fn open_at(store: &FileStore, name: &str, seconds: i64) -> Checkpointer {
    let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(seconds));
    Checkpointer::builder(store.clone(), id(name))
        .clock(Arc::new(clock))
        .open()
        .unwrap()
}

fn open(store: &FileStore, name: &str) -> Checkpointer {
    open_at(store, name, 1_000)
}

fn say(session: &mut Checkpointer, text: &str) {
    session.push(Message::user(text)).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
}

fn texts(session: &Checkpointer) -> Vec<String> {
    let history = session.history().iter();
    history.map(|message| message.content.clone()).collect()
}

/// What is left when the power goes and the device kept nothing that was not synced.
fn after_power_cut(files: &SimFiles) -> FileStore {
    let disk = files.disk();
    let oldest: Vec<_> = disk.choices().iter().map(|ways| ways.min(&2) - 1).collect();
    let left = SimFiles::from_disk(disk.after_power_cut(&oldest));
    FileStore::open_on(Arc::new(left), ROOT).unwrap()
}

#[test]
fn appends_that_wait_together_are_synced_once() {
    let files = Watched::new();
    files.make_folders(Path::new(ROOT)).unwrap();
    let all: Arc<dyn FileSystem> = Arc::new(files.clone());
    let limits = Limits {
        together: 1,
        room: 64 << 10,
    };
    let store = StoreId::from_bytes([7; 16]);
    let group = Arc::new(Group::new(
        Arc::clone(&all),
        Path::new(ROOT).into(),
        store,
        limits,
    ));
    let member = |n: usize| {
        let path = PathBuf::from(format!("{ROOT}/{n}"));
        let file = files.open(&path, Access::Create).unwrap();
        Member::new(&group, file.into(), (&id(&format!("s{n}")), 1, 9)).unwrap()
    };
    assert!(member(0).arrive().commit(72, b"first"));
    assert_eq!(files.syncs().0, 2, "made, and written to");
    files.shut(true);
    let acknowledged = AtomicUsize::new(0);
    thread::scope(|scope| {
        for n in 0..8 {
            let (member, acknowledged) = (member(n), &acknowledged);
            scope.spawn(move || {
                assert!(member.arrive().commit(80, format!("of {n}").as_bytes()));
                acknowledged.fetch_add(1, Ordering::SeqCst);
            });
        }
        // One leads; the others wait for it.
        let written = || {
            let path = journals(&*all, Path::new(ROOT)).unwrap().remove(0);
            let mut found = 0;
            records(&*all, &path, seed(store), |_| found += 1).unwrap();
            found - 1
        };
        while written() + group.state().queue.len() < 8 {
            thread::yield_now();
        }
        assert_eq!(acknowledged.load(Ordering::SeqCst), 0);
        files.shut(false);
    });
    assert_eq!(acknowledged.load(Ordering::SeqCst), 8);
    let (syncs, _) = files.syncs();
    assert!(syncs <= 2, "the leader's, and one for all others: {syncs}");
    assert_eq!(group.arrived.load(Ordering::SeqCst), 0);
    let path = journals(&*all, Path::new(ROOT)).unwrap().remove(0);
    let mut found = Vec::new();
    records(&*all, &path, seed(store), |record| found.push(record)).unwrap();
    assert_eq!(found.len(), 9);
    drop(group);
    assert!(journals(&*all, Path::new(ROOT)).unwrap().is_empty());
}

#[test]
fn a_save_in_the_journal_alone_survives_a_power_cut() {
    let files = Watched::new();
    let store = store(&files, 64 << 10);
    let mut session = open(&store, "a");
    say(&mut session, "one");
    files.syncs();
    for text in ["two", "three"] {
        say(&mut session, text);
    }
    assert_eq!(files.syncs(), (2, 0), "the segment is not synced");
    assert_eq!(session.health().unsynced_bytes, 0);
    let after = after_power_cut(&files.inner);
    assert_eq!(texts(&open(&after, "a")), ["one", "two", "three"]);
    session
        .save_with(CheckpointKind::Manual, Durability::Replicated)
        .unwrap_err();
    drop(session);
    assert_eq!(files.syncs(), (0, 1), "closing syncs it");
}

#[test]
fn a_save_behind_a_buffered_one_is_synced_with_it() {
    let files = Watched::new();
    let store = store(&files, 64 << 10);
    let mut session = open(&store, "a");
    say(&mut session, "one");
    say(&mut session, "two");
    session.push(Message::user("buffered")).unwrap();
    session
        .save_with(CheckpointKind::Auto, Durability::Buffered)
        .unwrap();
    files.syncs();
    say(&mut session, "three");
    assert_eq!(files.syncs(), (0, 1));
    let after = after_power_cut(&files.inner);
    assert_eq!(
        texts(&open(&after, "a")),
        ["one", "two", "buffered", "three"]
    );
    say(&mut session, "four");
    assert_eq!(files.syncs(), (1, 0), "in the journal again");
}

#[test]
fn few_at_once_sync_their_own_segments() {
    let files = Watched::new();
    let store = FileStore::open_on(Arc::new(files.clone()), ROOT).unwrap();
    let mut session = open(&store, "a");
    say(&mut session, "one");
    files.syncs();
    say(&mut session, "two");
    assert_eq!(files.syncs(), (0, 1));
}

#[test]
fn a_journal_that_cannot_be_synced_is_left_alone() {
    let files = Watched::new();
    let store = store(&files, 64 << 10);
    let mut session = open(&store, "a");
    say(&mut session, "one");
    files.plan.is_journal_broken.store(true, Ordering::SeqCst);
    say(&mut session, "two");
    files.plan.is_journal_broken.store(false, Ordering::SeqCst);
    files.syncs();
    say(&mut session, "three");
    assert_eq!(files.syncs(), (0, 1), "not used again");
    let after = after_power_cut(&files.inner);
    assert_eq!(texts(&open(&after, "a")), ["one", "two", "three"]);
    assert_eq!(session.health().failed_syncs, 0);
}

#[test]
fn a_segment_that_cannot_be_synced_keeps_the_journal_until_it_is_written_elsewhere() {
    let files = Watched::new();
    let store = store(&files, 4 << 10);
    let (mut a, mut b) = (open(&store, "a"), open(&store, "b"));
    say(&mut a, "start");
    say(&mut b, "start");
    say(&mut a, "in the journal");
    // Fills the journal, so that it is to be emptied.
    let long = |n: u8| {
        let mut dice = u64::from(n);
        let letters = (0..2_000).map(|_| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'a' + u8::try_from((dice >> 40) % 26).unwrap())
        });
        letters.collect::<String>()
    };
    say(&mut b, &long(1));
    say(&mut b, &long(10));
    files.plan.is_segment_broken.store(true, Ordering::SeqCst);
    // Its own segment fails as well, and so does a new one; nothing is acknowledged.
    b.push(Message::user(long(2))).unwrap();
    b.save(CheckpointKind::Auto).unwrap_err();
    files.plan.is_segment_broken.store(false, Ordering::SeqCst);
    let cut = |files: &Watched| texts(&open(&after_power_cut(&files.inner), "a"));
    assert_eq!(cut(&files), ["start", "in the journal"]);
    b.save(CheckpointKind::Auto).unwrap();
    assert_eq!(cut(&files), ["start", "in the journal"]);
    say(&mut a, "behind");
    assert_eq!(a.health().failed_syncs, 1, "somebody else's sync failed");
    assert_eq!(cut(&files), ["start", "in the journal", "behind"]);
    for n in 3..9 {
        say(&mut a, &long(n));
        say(&mut b, &long(n));
    }
    let after = after_power_cut(&files.inner);
    assert_eq!(texts(&open(&after, "a")), texts(&a));
    assert_eq!(texts(&open(&after, "b")), texts(&b));
}

#[test]
fn what_a_journal_holds_of_a_removed_session_is_not_of_the_next_one() {
    let files = Watched::new();
    let first = store(&files, 64 << 10);
    let mut session = open_at(&first, "a", 1_000);
    say(&mut session, "one");
    say(&mut session, "two");
    drop(session);
    // Another process; the journal of the first is alive.
    let second = FileStore::open_on(Arc::new(files.clone()), ROOT).unwrap();
    second.remove(&id("a")).unwrap();
    let mut session = open_at(&second, "a", 1_001);
    session.push(Message::user("new")).unwrap();
    session
        .save_with(CheckpointKind::Auto, Durability::Buffered)
        .unwrap();
    assert_eq!(texts(&open(&after_power_cut(&files.inner), "a")), [""; 0]);
    drop(session);
    assert_eq!(texts(&open(&second, "a")), ["new"]);
    // In one process the journal forgets it, whatever the clock says.
    let mut session = open(&first, "b");
    say(&mut session, "one");
    say(&mut session, "two");
    drop(session);
    first.remove(&id("b")).unwrap();
    let mut session = open(&first, "b");
    session.push(Message::user("new")).unwrap();
    session
        .save_with(CheckpointKind::Auto, Durability::Buffered)
        .unwrap();
    assert_eq!(texts(&open(&after_power_cut(&files.inner), "b")), [""; 0]);
}

#[test]
fn who_takes_over_has_what_the_journal_has() {
    let files = Watched::new();
    let first = store(&files, 64 << 10);
    let mut stale = open(&first, "a");
    say(&mut stale, "one");
    say(&mut stale, "two");
    let second = store(&files, 64 << 10);
    let taken = Checkpointer::builder(second.clone(), id("a")).take_over(TakeOver::Force);
    let mut owner = taken.open().unwrap();
    assert_eq!(texts(&owner), ["one", "two"]);
    stale.push(Message::user("late")).unwrap();
    assert!(stale.save(CheckpointKind::Auto).unwrap_err().is_fenced());
    say(&mut owner, "three");
    say(&mut owner, "four");
    let expected = ["one", "two", "three", "four"];
    assert_eq!(texts(&open(&after_power_cut(&files.inner), "a")), expected);
    drop((owner, stale));
    assert_eq!(texts(&open(&second, "a")), expected);
}

#[test]
fn the_journal_of_a_dead_process_is_emptied_and_goes() {
    let files = Watched::new();
    let first = store(&files, 64 << 10);
    let mut session = open(&first, "a");
    say(&mut session, "one");
    say(&mut session, "two");
    let disk = files.inner.disk();
    let killed = SimFiles::from_disk(disk.after_kill());
    let of = |files: &SimFiles| journals(files, Path::new(ROOT)).unwrap().len();
    assert_eq!(of(&killed), 1);
    let second = FileStore::open_on(Arc::new(killed.clone()), ROOT).unwrap();
    assert_eq!(of(&killed), 0);
    assert_eq!(texts(&open(&second, "a")), ["one", "two"]);
    // One that is alive stays.
    FileStore::open_on(Arc::new(files.inner.clone()), ROOT).unwrap();
    assert_eq!(of(&files.inner), 1);
}

/// A journal with these bytes, as if a process had died with it.
fn plant(files: &Watched, bytes: &[u8]) {
    let path = Path::new(ROOT).join(format!("journal-{}.ckj", StoreId::from_bytes([3; 16])));
    let file = files.inner.open(&path, Access::Replace).unwrap();
    write_all(&*file, 0, bytes).unwrap();
    file.sync_all().unwrap();
    files.inner.sync_folder(Path::new(ROOT)).unwrap();
}

fn segments(files: &Watched, store: &FileStore, name: &str) -> Vec<Vec<u8>> {
    let numbers = store.segments(&id(name)).unwrap();
    let read = |n| {
        read_bounded(
            &files.inner,
            &store
                .session_folder(&id(name))
                .unwrap()
                .join(segment_name(n)),
            usize::MAX,
        )
    };
    numbers.into_iter().map(|n| read(n).unwrap()).collect()
}

/// A store with two sessions of a few saves each, all of it on the device; and the epochs of their segments.
fn planted() -> (Watched, FileStore, [u64; 2]) {
    let files = Watched::new();
    let store = FileStore::open_on(Arc::new(files.clone()), ROOT).unwrap();
    let epochs = ["a", "b"].map(|name| {
        let mut session = open(&store, name);
        for n in 0..4 {
            say(&mut session, &format!("{name} says {n}"));
        }
        session.epoch()
    });
    (files, store, epochs)
}

fn record(name: &str, segment: u32, epoch: u64, offset: u64, bytes: &[u8]) -> Record {
    Record {
        session: id(name),
        segment,
        epoch,
        offset,
        bytes: bytes.to_vec(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_in_a_journal_change_what_sessions_say(
        noise in vec(any::<u8>(), 0..3_000),
        // Right sums all the same: which session, segment, epoch (or another), offset, length of the noise.
        forged in vec((any::<bool>(), 0..3_u32, 0..3_u64, prop_oneof![0..700_u64, any::<u64>()], 1..400_usize), 0..12),
        generations in any::<bool>(),
    ) {
        let (files, store, epochs) = planted();
        let before = ["a", "b"].map(|name| segments(&files, &store, name));
        let mut bytes = Vec::new();
        for (at, (who, segment, epoch, offset, len)) in forged.iter().enumerate() {
            let (name, own) = if *who { ("a", epochs[0]) } else { ("b", epochs[1]) };
            let epoch = if *epoch == 0 { own + 1 } else { own };
            let garbage = &noise[..(*len).min(noise.len())];
            let generation = if generations { 1 + at as u64 / 4 } else { 1 };
            record(name, *segment, epoch, *offset, garbage).write(generation, seed(store.id()), &mut bytes);
        }
        bytes.extend(&noise);
        plant(&files, &bytes);
        let store = FileStore::open_on(Arc::new(files.clone()), ROOT).unwrap();
        for (name, before) in ["a", "b"].iter().zip(&before) {
            let after = segments(&files, &store, name);
            prop_assert_eq!(after.len(), before.len());
            for (after, before) in after.iter().zip(before) {
                // Something may lie behind the end now; what was said has not changed.
                prop_assert_eq!(&after[..before.len()], &before[..]);
                prop_assert!(after.len() < before.len() + 400 * 12 + 1);
            }
            let expected: Vec<_> = (0..4).map(|n| format!("{name} says {n}")).collect();
            prop_assert_eq!(texts(&open(&store, name)), expected);
        }
        prop_assert_eq!(journals(&files.inner, Path::new(ROOT)).unwrap().len(), 0);
    }
}

#[test]
fn a_record_is_for_its_session_segment_and_epoch_alone() {
    let (files, store, [a, b]) = planted();
    // Closing gives space back that nobody wrote to.
    let end = |name: &str| segments(&files, &store, name).remove(0).len() as u64;
    let (at_a, at_b) = (end("a"), end("b"));
    let mut bytes = Vec::new();
    for wrong in [
        record("a", 1, a + 1, at_a, b"another epoch"),
        record("a", 2, a, at_a, b"another segment"),
        record("c", 1, a, at_a, b"another session"),
        record("b", 1, b, 0, b"over the header"),
        record("b", 1, b, 100, b"over a frame"),
        record("b", 1, b, at_b - 1, b"over a frame's last byte"),
        record("b", 1, b, 1 << 40, b"far away"),
        record("b", 1, b, u64::MAX, b"further"),
    ] {
        wrong.write(1, seed(store.id()), &mut bytes);
    }
    let before = ["a", "b"].map(|name| segments(&files, &store, name));
    plant(&files, &bytes);
    let again = FileStore::open_on(Arc::new(files.clone()), ROOT).unwrap();
    assert_eq!(
        ["a", "b"].map(|name| segments(&files, &again, name)),
        before
    );
    assert_eq!(again.sessions().unwrap(), [id("a"), id("b")]);
    // One that fits is written, once and for all.
    let mut bytes = Vec::new();
    record("b", 1, b, at_b, b"fits").write(1, seed(store.id()), &mut bytes);
    for _ in 0..2 {
        plant(&files, &bytes);
        let again = FileStore::open_on(Arc::new(files.clone()), ROOT).unwrap();
        let found = segments(&files, &again, "b").remove(0);
        let at = usize::try_from(at_b).unwrap();
        assert_eq!(&found[at..at + 4], b"fits");
        assert_eq!(&found[..at], &before[1][0][..at]);
    }
}

#[test]
fn a_journal_is_read_no_further_than_one_is_long() {
    let (files, store, [a, _]) = planted();
    let mut bytes = Vec::new();
    let one = record("a", 9, a, 0, &vec![7; 60_000]);
    while bytes.len() < 20 << 20 {
        one.write(1, seed(store.id()), &mut bytes);
    }
    plant(&files, &bytes);
    let path = journals(&files.inner, Path::new(ROOT)).unwrap().remove(0);
    let mut read = 0;
    records(&files.inner, &path, seed(store.id()), |record| {
        read += record.len() as u64;
    })
    .unwrap();
    assert!(read <= JOURNAL_MAX + (256 << 10), "{read}");
}

#[test]
fn whoever_opens_the_store_after_a_power_cut_sees_what_was_saved_without_writing() {
    let files = Watched::new();
    let store = store(&files, 64 << 10);
    let mut session = open(&store, "a");
    for text in ["one", "two", "three"] {
        say(&mut session, text);
    }
    let after = after_power_cut(&files.inner);
    let reader = Reader::open(after, id("a")).unwrap();
    let seen: Vec<_> = reader
        .state()
        .unwrap()
        .conversation
        .into_iter()
        .map(|m| m.content)
        .collect();
    assert_eq!(seen, ["one", "two", "three"]);
}

#[test]
fn an_append_after_one_that_was_taken_back_goes_to_its_segment_first() {
    let files = Watched::new();
    let store = store(&files, 64 << 10);
    let mut session = open(&store, "a");
    say(&mut session, "one");
    say(&mut session, "two");
    // Full when the segment is written to: part of it may be on the device for ever after.
    let call = files.inner.calls();
    session.push(Message::user("three")).unwrap();
    files.inner.fail(call..call + 3, Fault::Full);
    let failed = session.save(CheckpointKind::Auto);
    files.inner.heal();
    assert!(failed.unwrap_err().is_disk_full());
    files.syncs();
    session.save(CheckpointKind::Auto).unwrap();
    assert_eq!(files.syncs(), (0, 1));
    say(&mut session, "four");
    assert_eq!(files.syncs(), (1, 0));
    let after = after_power_cut(&files.inner);
    assert_eq!(texts(&open(&after, "a")), ["one", "two", "three", "four"]);
}
