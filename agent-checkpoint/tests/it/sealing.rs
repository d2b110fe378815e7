//! Sealed segments: they give back what was saved, and nothing that goes wrong with them costs more.

#[cfg(feature = "fs")]
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[cfg(feature = "fs")]
use agent_checkpoint::FileStore;
use agent_checkpoint::{
    Checkpoint, Checkpointer, Error, MemoryStore, Message, Replacer, Retention, Sealing,
    SessionState, Snapshot, Store, Writer,
};
use agent_primitives::{CheckpointId, CheckpointKind, SessionId};
use serde::{Deserialize, Serialize};

use crate::on_the_way::{OnTheWay, Through};

fn id() -> SessionId {
    SessionId::new("s").unwrap()
}

/// Text that packs to three quarters, from a generator with this seed. Of signs that do not make what
/// looks like a token of three parts.
fn noise(seed: u64, len: usize) -> String {
    const SIGNS: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ,";
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut text = String::with_capacity(len + 8);
    while text.len() < len {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        for byte in (state ^ (state >> 29)).to_le_bytes() {
            text.push(char::from(SIGNS[usize::from(byte & 63)]));
        }
    }
    text.truncate(len);
    text
}

/// Text of which half stands in each that this makes, so that they pack well together.
fn alike(seed: u64) -> String {
    noise(1 << 40, 12_000) + &noise(seed, 12_000)
}

fn retaining_all(store: impl Store + 'static) -> Checkpointer {
    let builder = Checkpointer::builder(store, id()).retention(Retention::all());
    builder.open().unwrap()
}

fn save(session: &mut Checkpointer, text: impl Into<String>) -> CheckpointId {
    session.push(Message::user(text)).unwrap();
    session.save(CheckpointKind::Auto).unwrap()
}

/// Saves until so many segments are there.
fn fill(session: &mut Checkpointer, store: &dyn Store, segments: usize) {
    let mut seed = 0;
    while store.segments(&id()).unwrap().len() < segments {
        save(session, alike(seed));
        seed += 1;
    }
    // What there is of the last one packs better together.
    save(session, alike(seed));
}

fn states(session: &mut Checkpointer) -> Vec<(CheckpointId, SessionState)> {
    let mut states = Vec::new();
    for checkpoint in session.list() {
        session.restore(&checkpoint.id).unwrap();
        states.push((checkpoint.id, session.state().clone()));
    }
    states
}

#[test]
fn a_full_segment_is_sealed_behind_the_sessions_back_but_for_the_newest() {
    let store = MemoryStore::new();
    let mut session = retaining_all(store.clone());
    fill(&mut session, &store, 2);
    let unsealed = store.read(&id(), 1, usize::MAX).unwrap();
    fill(&mut session, &store, 4);
    let history = session.history().to_vec();
    // Sealing by hand waits for what is at work.
    let sealed = session.seal().unwrap();
    let figures = session.figures().unwrap();
    assert_eq!((figures.sealed_segments, figures.sealing_failures), (4, 0));
    assert!(sealed.segments <= 3, "the first was sealed by then");
    assert!(store.read(&id(), 1, usize::MAX).unwrap().len() < unsealed.len());
    drop(session);
    let session = retaining_all(store.clone());
    assert!(session.report().is_clean(), "{}", session.report());
    assert_eq!(session.history(), history);
    assert_eq!(session.figures().unwrap().sealed_segments, 4);
    assert_eq!(store.segments(&id()).unwrap(), [1, 2, 3, 4, 5]);
}

#[test]
fn who_wants_none_gets_none() {
    let store = MemoryStore::new();
    let builder = Checkpointer::builder(store.clone(), id()).sealing(Sealing::Never);
    let mut session = builder.open().unwrap();
    fill(&mut session, &store, 4);
    assert_eq!(session.figures().unwrap().sealed_segments, 0);
}

#[test]
fn every_checkpoint_of_a_sealed_log_restores_and_saving_goes_on() {
    let store = MemoryStore::new();
    let mut session = retaining_all(store.clone());
    let mut ids = Vec::new();
    for n in 0..150 {
        if n % 20 == 0 {
            session.update(|work| work.next_steps.push(format!("step {n}").into()));
        }
        ids.push(save(
            &mut session,
            format!("message {n} says what is to be done next"),
        ));
    }
    let before = session.figures().unwrap().stored_bytes;
    session.seal().unwrap();
    let after = session.figures().unwrap().stored_bytes;
    assert!(after * 4 < before, "{before} bytes, {after} sealed");
    ids.push(save(&mut session, "after"));
    drop(session);
    let mut session = retaining_all(store);
    assert!(session.report().is_clean(), "{}", session.report());
    let listed: Vec<CheckpointId> = session.list().into_iter().rev().map(|c| c.id).collect();
    assert_eq!(listed, ids);
    for (n, id) in ids.iter().enumerate().step_by(7) {
        session.restore(id).unwrap();
        assert_eq!(session.history().len(), n + 1);
        assert_eq!(session.state().work.next_steps.len(), n.min(149) / 20 + 1);
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Plan(String);

impl Snapshot for Plan {
    const KIND: &'static str = "plan";
    const VERSION: u16 = 1;
}

#[test]
fn compacting_gives_room_back_and_the_ids_that_stay_restore_to_the_same_state() {
    let store = MemoryStore::new();
    let few = Retention::last(5.try_into().unwrap());
    let builder = Checkpointer::builder(store.clone(), id()).retention(few);
    let mut session = builder.open().unwrap();
    save(&mut session, "the task");
    let plan = |n: u64| Plan(noise(5, 9_000) + &noise(n, 200) + &noise(6, 9_000));
    let mut plans = Vec::new();
    for n in 0..120 {
        session.put(&plan(n)).unwrap();
        let id = save(&mut session, noise(n, 500));
        plans.push((id, plan(n)));
    }
    let early = session.list().last().unwrap().id.clone();
    session.restore(&early).unwrap();
    let backup = session.list()[1].id.clone();
    for n in 0..40 {
        save(&mut session, noise(9_000 + n, 500));
    }
    let figures = session.figures().unwrap();
    let listed = session.list();
    assert_eq!(
        listed.len(),
        6,
        "five, and what the restore replaced: {backup}"
    );
    session.compact().unwrap();
    assert_eq!(session.list(), listed);
    let less = session.figures().unwrap();
    assert!(
        less.stored_bytes * 2 < figures.stored_bytes,
        "{} of {} bytes",
        less.stored_bytes,
        figures.stored_bytes
    );
    drop(session);

    let whole = Checkpointer::builder(store.clone(), id()).retention(Retention::all());
    let mut session = whole.open().unwrap();
    assert!(session.report().is_clean(), "{}", session.report());
    let ids = |list: &[Checkpoint]| list.iter().map(|c| c.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&session.list()), ids(&listed));
    let states = states(&mut session);
    for (checkpoint, (_, state)) in listed.iter().zip(&states) {
        assert_eq!(state.conversation.len(), checkpoint.messages);
    }
    let early = plans.iter().find(|(id, _)| *id == early).unwrap();
    session.restore(&backup).unwrap();
    assert_eq!(session.component::<Plan>().unwrap(), Some(plan(119)));
    session.restore(&listed[0].id).unwrap();
    assert_eq!(
        session.component::<Plan>().unwrap().as_ref(),
        Some(&early.1)
    );
    save(&mut session, "goes on");
    drop(session);
    let session = Checkpointer::builder(store, id()).open().unwrap();
    assert!(session.report().is_clean(), "{}", session.report());
    assert_eq!(session.history().last(), Some(&Message::user("goes on")));
}

#[test]
fn damage_in_a_pack_costs_that_pack_and_is_told_exactly() {
    let store = MemoryStore::new();
    let mut session = retaining_all(store.clone());
    let count = 70;
    for n in 0..count {
        // It packs well by itself, so that a segment makes more than one pack.
        let text = noise(1 << 40, 6_000) + &noise(n, 6_000);
        save(&mut session, text.repeat(2));
    }
    session.seal().unwrap();
    drop(session);
    let bytes = store.read(&id(), 1, usize::MAX).unwrap();
    let mut bent = bytes.clone();
    // In the second pack.
    bent[bytes.len() * 3 / 4] ^= 1;
    let writer = store.writer(&id()).unwrap();
    writer.replacer().unwrap().replace(1, &bent).unwrap();
    drop(writer);
    let session = retaining_all(store);
    let report = session.report();
    assert_eq!(report.quarantined.len(), 1, "{report}");
    assert!(report.lost_bytes < u64::try_from(bytes.len()).unwrap() * 2 / 3);
    let [lost] = &report.missing[..] else {
        panic!("{report}")
    };
    // One number more than there are messages: the first checkpoint has a frame of its own.
    let before = usize::try_from(lost.start - 1).unwrap();
    let behind = usize::try_from(count + 1 - lost.end).unwrap();
    assert_eq!(session.history().len(), before);
    assert!(before > 20 && behind > 10, "{lost:?}");
    assert_eq!(report.items, before + behind);
    assert_eq!(report.uncommitted, behind);
    assert!(report.degraded.len() >= behind, "{report}");
}

/// A store whose segments cannot be replaced while it is told so.
#[derive(Debug, Clone)]
struct Refusal {
    store: MemoryStore,
    refuses: Arc<AtomicBool>,
    tried: Arc<AtomicUsize>,
    is_open: Arc<AtomicBool>,
}

type Stubborn = Through<Refusal>;

impl Stubborn {
    fn new() -> Self {
        Self(Refusal {
            store: MemoryStore::new(),
            refuses: Arc::new(AtomicBool::new(true)),
            tried: Arc::default(),
            is_open: Arc::new(AtomicBool::new(true)),
        })
    }
}

impl OnTheWay for Refusal {
    fn behind(&self) -> Result<impl Store, Error> {
        Ok(self.store.clone())
    }

    fn replacer(&self, writer: &dyn Writer) -> Option<Arc<dyn Replacer>> {
        let inner = writer.replacer()?;
        let store = self.clone();
        Some(Arc::new(StubbornReplacer { store, inner }))
    }
}

#[derive(Debug)]
struct StubbornReplacer {
    store: Refusal,
    inner: Arc<dyn Replacer>,
}

impl Replacer for StubbornReplacer {
    fn replace(&self, segment: u32, bytes: &[u8]) -> Result<(), Error> {
        assert!(
            self.store.is_open.load(Ordering::SeqCst),
            "sealed behind a closed session"
        );
        self.store.tried.fetch_add(1, Ordering::SeqCst);
        if self.store.refuses.load(Ordering::SeqCst) {
            return Err(Error::disk_full("sealing", "no room"));
        }
        self.inner.replace(segment, bytes)
    }
}

#[test]
fn what_cannot_be_sealed_fails_no_save_and_is_tried_again() {
    let store = Stubborn::new();
    let mut session = retaining_all(store.clone());
    fill(&mut session, &store, 4);
    assert!(session.seal().unwrap_err().is_disk_full());
    let figures = session.figures().unwrap();
    assert_eq!(figures.sealed_segments, 0);
    assert!(figures.sealing_failures >= 4, "each one is counted");
    let history = session.history().to_vec();
    store.refuses.store(false, Ordering::SeqCst);
    assert_eq!(session.seal().unwrap().segments, 4);
    drop(session);
    assert_eq!(retaining_all(store).history(), history);
}

#[test]
fn the_first_save_after_opening_has_sealed_what_an_earlier_process_left() {
    let store = MemoryStore::new();
    let builder = Checkpointer::builder(store.clone(), id()).sealing(Sealing::Never);
    let mut session = builder.open().unwrap();
    fill(&mut session, &store, 4);
    drop(session);

    // Who only looks changes nothing: all four are left to do.
    let mut session = retaining_all(store.clone());
    let history = session.history().to_vec();
    assert_eq!(session.figures().unwrap().sealed_segments, 0);
    drop(session);
    session = retaining_all(store.clone());
    assert_eq!(session.figures().unwrap().sealed_segments, 0);

    save(&mut session, "and on");
    // Waits for what is at work, and finds the newest of the full ones and the one that is written to.
    assert_eq!(session.seal().unwrap().segments, 2);
    assert_eq!(session.figures().unwrap().sealed_segments, 4);
    drop(session);
    let session = retaining_all(store);
    assert!(session.report().is_clean(), "{}", session.report());
    assert_eq!(session.history()[..history.len()], history);
}

#[test]
fn nobody_seals_once_the_session_is_closed() {
    for segments in 3..5 {
        let store = Stubborn::new();
        store.refuses.store(false, Ordering::SeqCst);
        let mut session = retaining_all(store.clone());
        fill(&mut session, &store, segments);
        let history = session.history().to_vec();
        drop(session);
        // A job that went on would stop the process: `replace` asserts.
        store.is_open.store(false, Ordering::SeqCst);
        let tried = store.tried.load(Ordering::SeqCst);
        let session = retaining_all(store.clone());
        assert_eq!(session.history(), history);
        assert_eq!(store.tried.load(Ordering::SeqCst), tried);
    }
}

#[cfg(feature = "fs")]
fn files(folder: &Path) -> Vec<PathBuf> {
    let session = folder.join("sessions/s");
    let entries = std::fs::read_dir(session).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some());
    files.sort();
    files
}

#[cfg(feature = "fs")]
#[test]
fn an_interrupted_sealing_is_finished_or_forgotten_by_the_next_writer() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    let mut session = retaining_all(store.clone());
    for n in 0..60 {
        save(&mut session, format!("message {n}"));
    }
    let history = session.history().to_vec();
    let plain = folder.path().join("sessions/s/seg-000001.ckl");
    let sealed = plain.with_extension("ckz");
    let before = std::fs::read(&plain).unwrap();
    session.seal().unwrap();
    assert!(!plain.exists());
    drop(session);
    let after = std::fs::read(&sealed).unwrap();
    for (case, bytes, left) in [
        ("whole", &after[..], &sealed),
        ("half of it", &after[..after.len() / 2], &plain),
        (
            "a bit bent",
            &[&after[..200], &[after[200] ^ 1], &after[201..]].concat()[..],
            &plain,
        ),
    ] {
        std::fs::write(&plain, &before).unwrap();
        std::fs::write(&sealed, bytes).unwrap();
        let begun = folder.path().join("sessions/s/seg-000001.ckz.77-0.tmp");
        std::fs::write(&begun, &after[..99]).unwrap();
        let session = retaining_all(store.clone());
        assert!(session.report().is_clean(), "{case}: {}", session.report());
        assert_eq!(session.history(), history, "{case}");
        drop(session);
        let files = files(folder.path());
        assert_eq!(files.len(), 2, "{case}: {files:?}");
        assert_eq!(&files[0], left, "{case}");
    }
}

#[cfg(feature = "fs")]
#[test]
fn a_store_of_sealed_segments_tells_its_id_and_sizes() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    let mut session = retaining_all(store.clone());
    fill(&mut session, &store, 3);
    session.seal().unwrap();
    let on_disk: u64 = files(folder.path())
        .iter()
        .map(|path| path.metadata().unwrap().len())
        .sum();
    assert_eq!(session.figures().unwrap().allocated_bytes, on_disk);
    let history = session.history().to_vec();
    drop(session);
    std::fs::remove_file(folder.path().join("FORMAT")).unwrap();
    let again = FileStore::open(folder.path()).unwrap();
    assert_eq!(again.id(), store.id());
    assert_eq!(retaining_all(again).history(), history);
}
