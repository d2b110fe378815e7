//! Appends that are synced together, and what becomes of them when calls fail.

use super::*;

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
