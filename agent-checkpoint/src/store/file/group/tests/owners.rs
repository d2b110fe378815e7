//! What a journal holds when a session, a process or the power is gone.

use super::*;

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
    // In the same millisecond, for the clock.
    let mut session = open_at(&second, "a", 1_000);
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
fn a_save_that_came_too_late_never_comes_back() {
    let files = Watched::new();
    let first = store(&files, 64 << 10);
    let mut stale = open(&first, "a");
    say(&mut stale, "one");
    files.hold_writers();
    let late = thread::spawn(move || {
        stale.push(Message::user("too late")).unwrap();
        (stale.save(CheckpointKind::Auto), stale)
    });
    // It still had the session when it looked.
    files.await_writer();
    let second = FileStore::open_on(Arc::new(files.clone()), ROOT).unwrap();
    let taken = Checkpointer::builder(second.clone(), id("a")).take_over(TakeOver::Force);
    let owner = taken.open().unwrap();
    assert_eq!(texts(&owner), ["one"]);
    files.let_go();
    let (saved, stale) = late.join().unwrap();
    assert!(saved.unwrap_err().is_fenced());
    let path = journals(&files.inner, Path::new(ROOT)).unwrap().remove(0);
    let mut found = Vec::new();
    records(&files.inner, &path, seed(first.id()), |record| {
        found.extend((record.session == id("a")).then_some(record.offset));
    })
    .unwrap();
    assert_eq!(found.len(), 2, "the journal has it");
    let cut = after_power_cut(&files.inner);
    assert_eq!(texts(&open(&cut, "a")), ["one"]);
    drop((owner, stale));
    assert_eq!(texts(&open(&second, "a")), ["one"]);
}

#[test]
fn a_session_that_begins_again_has_an_epoch_that_no_journal_knows() {
    let files = Watched::new();
    let store = FileStore::open_on(Arc::new(files.clone()), ROOT).unwrap();
    let first = open_at(&store, "a", 1_000).epoch();
    assert_eq!(first, 1_000_000);
    store.remove(&id("a")).unwrap();
    let known = Record {
        session: id("a"),
        segment: 1,
        epoch: first + 7,
        offset: 100,
        bytes: b"old".to_vec(),
    };
    let mut bytes = Vec::new();
    known.write(1, seed(store.id()), &mut bytes);
    plant(&files, &bytes);
    assert_eq!(open_at(&store, "a", 1_000).epoch(), first + 8);
    assert_eq!(open_at(&store, "b", 1_000).epoch(), first);
}

#[test]
fn opening_a_session_removes_the_journal_of_a_process_that_died_since() {
    let files = Watched::new();
    let store = FileStore::open_on(Arc::new(files.clone()), ROOT).unwrap();
    let (mut a, mut b) = (open(&store, "a"), open(&store, "b"));
    say(&mut a, "one");
    say(&mut b, "one");
    let mut bytes = Vec::new();
    for name in ["a", "b"] {
        let record = Record {
            session: id(name),
            segment: 7,
            epoch: 1,
            offset: 0,
            bytes: b"old".to_vec(),
        };
        record.write(1, seed(store.id()), &mut bytes);
    }
    plant(&files, &bytes);
    let left = || journals(&files.inner, Path::new(ROOT)).unwrap().len();
    drop(a);
    let a = open(&store, "a");
    assert_eq!(left(), 1, "somebody has the other session");
    drop((a, b));
    assert_eq!(texts(&open(&store, "b")), ["one"]);
    assert_eq!(left(), 0);
}

#[test]
fn opening_a_session_reads_what_the_journals_hold_and_no_more() {
    let files = Watched::new();
    let store = store(&files, 4 << 20);
    let mut session = open(&store, "a");
    say(&mut session, "one");
    files.journal_reads();
    // Zeros follow the records.
    say(&mut open(&store, "b"), "one");
    let step = 256 << 10;
    // Once for an epoch, once for its records.
    assert_eq!(files.journal_reads(), 2 * step);
    drop(open(&store, "b"));
    assert_eq!(files.journal_reads(), step);
    // Of one that is longer than any, and of a process that died: once more to settle it.
    let long = Record {
        session: id("c"),
        segment: 9,
        epoch: 1,
        offset: 0,
        bytes: vec![7; 60_000],
    };
    let mut bytes = Vec::new();
    while bytes.len() < 20 << 20 {
        long.write(1, seed(store.id()), &mut bytes);
    }
    plant(&files, &bytes);
    drop(open(&store, "b"));
    let most = usize::try_from(JOURNAL_MAX).unwrap() + step;
    let read = files.journal_reads();
    assert!((most..=2 * most + step).contains(&read), "{read}");
    drop(open(&store, "b"));
    assert_eq!(files.journal_reads(), step, "it is gone");
}

#[test]
fn what_only_the_journal_of_a_process_that_died_holds_is_kept_when_it_is_removed() {
    let files = Watched::new();
    let first = store(&files, 64 << 10);
    let mut session = open(&first, "a");
    say(&mut session, "one");
    say(&mut session, "two");
    let second = FileStore::open_on(Arc::new(files.clone()), ROOT).unwrap();
    // It ends, and syncs nothing more.
    files.plan.is_segment_broken.store(true, Ordering::SeqCst);
    drop((session, first));
    files.plan.is_segment_broken.store(false, Ordering::SeqCst);
    let left = || journals(&files.inner, Path::new(ROOT)).unwrap().len();
    assert_eq!(left(), 1);
    assert_eq!(texts(&open(&second, "a")), ["one", "two"]);
    assert_eq!(left(), 0);
    let after = after_power_cut(&files.inner);
    assert_eq!(texts(&open(&after, "a")), ["one", "two"]);
}
