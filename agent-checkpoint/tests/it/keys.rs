//! Keys that are wrong, missing, old or new, and sessions that get one later.

use std::collections::BTreeMap;
use std::path::Path;

use agent_checkpoint::cycle::Cycle;
use agent_checkpoint::encrypt::{Key, KeyUse, Keyring};
use agent_checkpoint::recover::Recovery;
use agent_checkpoint::{
    Builder, Checkpointer, Durability, Error, EstimateTokens, FileStore, MemoryStore, Message,
    Mirrored, Reader, Resume, Sealing, Store, TakeOver,
};
use agent_primitives::{CheckpointKind, SessionId};

fn id(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

fn key(byte: u8) -> Key {
    Key::from_bytes([byte; 32])
}

fn ring(byte: u8) -> Keyring {
    Keyring::new(key(byte))
}

fn builder(store: &(impl Store + Clone + 'static), name: &str) -> Builder {
    Checkpointer::builder(store.clone(), id(name)).sealing(Sealing::Never)
}

fn open(
    store: &(impl Store + Clone + 'static),
    name: &str,
    keyring: Keyring,
) -> Result<Checkpointer, Error> {
    builder(store, name).encryption(keyring).open()
}

fn say(session: &mut Checkpointer, numbers: std::ops::Range<usize>) {
    for n in numbers {
        session
            .push(Message::user(format!(
                "message {n}, of which there are many"
            )))
            .unwrap();
        session.save(CheckpointKind::Manual).unwrap();
    }
}

fn assert_said(session: &Checkpointer, count: usize) {
    assert!(session.report().is_clean(), "{}", session.report());
    assert_eq!(session.history().len(), count);
    assert_eq!(
        session.history().last().unwrap().content,
        format!("message {}, of which there are many", count - 1)
    );
}

/// Files beneath a folder, but for the lock and what goes with it.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if !path.ends_with("lock") && !path.ends_with("claim") {
            found.insert(path.display().to_string(), std::fs::read(&path).unwrap());
        }
    }
    found
}

fn assert_wants(error: &Error, wanted: u8) {
    assert!(error.is_wrong_key(), "{error}");
    let wanted = key(wanted).id().to_string();
    assert_eq!(error.wanted_key(), Some(wanted.as_str()));
    assert!(error.to_string().contains(&wanted), "{error}");
}

#[test]
fn without_the_key_nobody_gets_an_empty_session_and_nothing_is_mended() {
    for seals in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::open(folder.path()).unwrap();
        let mut session = open(&store, "s", ring(1)).unwrap();
        say(&mut session, 0..30);
        let newest = session.latest().unwrap().id;
        if seals {
            session.seal().unwrap();
        }
        drop(session);
        // A torn tail, that a writer with the key would cut off.
        let last = format!("sessions/s/seg-00000{}.ckl", if seals { 2 } else { 1 });
        let path = folder.path().join(last);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend(b"torn");
        std::fs::write(&path, bytes).unwrap();
        let before = files(folder.path());
        for keyring in [
            None,
            Some(ring(2)),
            Some(ring(2).accept_plain().with_older(key(3))),
        ] {
            let attempt = |builder: Builder| match &keyring {
                Some(keyring) => builder.encryption(keyring.clone()).open(),
                None => builder.open(),
            };
            assert_wants(&attempt(builder(&store, "s")).unwrap_err(), 1);
            let last = builder(&store, "s").resume(Resume::Last(3));
            assert_wants(&attempt(last).unwrap_err(), 1);
            let fork = builder(&store, "f").fork_of(id("s"), newest.clone());
            assert_wants(&attempt(fork).unwrap_err(), 1);
            let keyring = keyring.clone().unwrap_or_else(|| ring(9));
            let read = Reader::open_encrypted(store.clone(), id("s"), Reader::LIMIT, keyring);
            assert_wants(&read.and_then(|reader| reader.list()).unwrap_err(), 1);
            let read = Reader::open(store.clone(), id("s"));
            assert_wants(&read.and_then(|reader| reader.verify()).unwrap_err(), 1);
        }
        assert_eq!(files(folder.path()), before);
        let session = open(&store, "s", ring(2).with_older(key(1))).unwrap();
        assert_eq!(session.history().len(), 30);
        assert_eq!(session.report().lost_bytes, 4, "the torn tail alone");
    }
}

#[test]
fn a_fork_of_a_session_whose_key_is_missing_says_so() {
    let store = MemoryStore::new();
    let mut session = open(&store, "s", ring(1)).unwrap();
    say(&mut session, 0..5);
    let id_of = session.latest().unwrap().id;
    session.seal().unwrap();
    let mut fork = session.fork(&id_of, id("f")).unwrap();
    say(&mut fork, 5..7);
    drop((fork, session));
    assert_wants(&open(&store, "f", ring(2)).unwrap_err(), 1);
    assert_wants(&builder(&store, "f").open().unwrap_err(), 1);
    assert_said(&open(&store, "f", ring(1)).unwrap(), 7);
    let reader = Reader::open_encrypted(store, id("f"), Reader::LIMIT, ring(1)).unwrap();
    assert_eq!(reader.tail(7).unwrap().len(), 7);
    assert!(reader.verify().unwrap().is_clean());
}

#[test]
fn after_rekeying_the_old_key_may_go() {
    let store = MemoryStore::new();
    let mut session = open(&store, "s", ring(1)).unwrap();
    say(&mut session, 0..40);
    session.seal().unwrap();
    say(&mut session, 40..60);
    let listed = session.list();
    let middle = session.list()[9].id.clone();
    let mut fork = session.fork(&middle, id("f")).unwrap();
    let forked = fork.history().len();
    say(&mut fork, forked..forked + 1);
    drop((fork, session));
    let shared = KeyUse::of(&store, &id("f")).unwrap();
    assert!(shared.encrypted[&key(1).id()] > 10, "{shared:?}");

    let both = || ring(2).with_older(key(1));
    let mut session = open(&store, "s", both()).unwrap();
    say(&mut session, 60..61);
    let used = KeyUse::of(&store, &id("s")).unwrap();
    let mut ids = [key(1).id(), key(2).id()];
    ids.sort_unstable();
    assert!(used.keys().eq(ids), "{used:?}");
    assert_eq!(
        used.encrypted[&key(2).id()],
        2,
        "later records have the new key"
    );
    let done = session.rekey().unwrap();
    assert_eq!((done.segments, done.left), (2, 0), "{done:?}");
    assert_eq!(
        session.rekey().unwrap().segments,
        0,
        "nothing is left to do"
    );
    drop(session);
    assert!(
        KeyUse::of(&store, &id("s"))
            .unwrap()
            .keys()
            .eq([key(2).id()])
    );
    let session = open(&store, "s", ring(2)).unwrap();
    assert_said(&session, 61);
    let list = session.list();
    drop(session);
    let ids = |list: &[agent_checkpoint::Checkpoint]| -> Vec<_> {
        list.iter()
            .map(|checkpoint| checkpoint.id.clone())
            .collect()
    };
    assert_eq!(ids(&list[1..]), ids(&listed[..9]), "the last ten stay");

    // The other session keeps what it shares, with its own copies.
    assert_wants(&open(&store, "f", ring(2)).unwrap_err(), 1);
    let mut fork = open(&store, "f", both()).unwrap();
    assert!(fork.rekey().unwrap().segments > 0);
    drop(fork);
    assert!(
        KeyUse::of(&store, &id("f"))
            .unwrap()
            .keys()
            .eq([key(2).id()])
    );
    assert_said(&open(&store, "f", ring(2)).unwrap(), forked + 1);
    assert_said(&open(&store, "s", ring(2)).unwrap(), 61);
}

#[test]
fn a_session_from_before_it_had_keys_is_taken_over_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    let mut session = builder(&store, "s").open().unwrap();
    say(&mut session, 0..20);
    session.seal().unwrap();
    say(&mut session, 20..25);
    drop(session);
    let before = files(folder.path());
    let error = open(&store, "s", ring(1)).unwrap_err();
    assert!(error.is_unencrypted() && !error.is_wrong_key(), "{error}");
    let reader = Reader::open_encrypted(store.clone(), id("s"), Reader::LIMIT, ring(1));
    assert!(
        reader
            .and_then(|reader| reader.state())
            .unwrap_err()
            .is_unencrypted()
    );
    assert_eq!(files(folder.path()), before);

    let mut session = open(&store, "s", ring(1).accept_plain()).unwrap();
    say(&mut session, 25..28);
    drop(session);
    let used = KeyUse::of(&store, &id("s")).unwrap();
    assert!(
        used.plain > 0 && used.encrypted[&key(1).id()] == 6,
        "{used:?}"
    );
    // Whoever has no key cannot go on either.
    assert_wants(&builder(&store, "s").open().unwrap_err(), 1);
    assert_wants(&Reader::open(store.clone(), id("s")).unwrap_err(), 1);
    let mut session = open(&store, "s", ring(1).accept_plain()).unwrap();
    assert_said(&session, 28);
    session.rekey().unwrap();
    drop(session);
    assert_eq!(KeyUse::of(&store, &id("s")).unwrap().plain, 0);
    assert_said(&open(&store, "s", ring(1)).unwrap(), 28);
    let later: Vec<u8> = files(folder.path()).into_values().flatten().collect();
    assert!(!later.windows(8).any(|part| part == b"message "));
}

#[test]
fn the_mirror_holds_the_same_secret_bytes_and_gives_the_session_back() {
    let primary = MemoryStore::new();
    let mirror = MemoryStore::with_id(primary.id());
    let both = Mirrored::new(primary.clone(), mirror.clone()).unwrap();
    let mut session = Checkpointer::builder(both, id("s"))
        .sealing(Sealing::Never)
        .durability(Durability::Replicated)
        .encryption(ring(1))
        .open()
        .unwrap();
    say(&mut session, 0..10);
    session.seal().unwrap();
    say(&mut session, 10..12);
    drop(session);
    for segment in primary.segments(&id("s")).unwrap() {
        let read = |store: &MemoryStore| store.read(&id("s"), segment, usize::MAX).unwrap();
        assert_eq!(read(&primary), read(&mirror), "segment {segment}");
    }
    primary.remove(&id("s")).unwrap();
    assert_said(&open(&mirror, "s", ring(1)).unwrap(), 12);
}

#[test]
fn the_end_of_a_long_session_and_any_part_of_it_are_read_with_the_key() {
    let store = MemoryStore::new();
    let mut session = open(&store, "s", ring(1)).unwrap();
    let long = "a long text that is stored once ".repeat(1_200);
    session.push(Message::user(long.clone())).unwrap();
    say(&mut session, 1..120);
    session.seal().unwrap();
    session.push(Message::user(long.clone())).unwrap();
    say(&mut session, 121..130);
    drop(session);
    let reader = Reader::open_encrypted(store.clone(), id("s"), Reader::LIMIT, ring(1)).unwrap();
    assert!(!reader.is_newer());
    assert_eq!(reader.tail(10).unwrap()[0].content, long);
    assert_eq!(reader.messages(0..2).unwrap()[0].content, long);
    assert_eq!(reader.latest().unwrap().unwrap().messages, 130);
    assert_eq!(reader.list().unwrap()[0].messages, 130);
    let session = builder(&store, "s")
        .encryption(ring(1))
        .resume(Resume::Last(10))
        .open()
        .unwrap();
    assert_eq!((session.skipped(), session.history().len()), (120, 10));
    assert_eq!(session.history()[0].content, long);
}

#[test]
fn recovery_and_cycles_go_on_with_the_same_keys() {
    let store = MemoryStore::new();
    let mut session = open(&store, "s", ring(1)).unwrap();
    say(&mut session, 0..3);
    let cycle = Cycle::of_window(10_000);
    session.cycle(&cycle, &EstimateTokens).unwrap();
    assert_ne!(session.session().as_str(), "s");
    let next = session.session().to_string();
    drop(session);
    assert_wants(&builder(&store, &next).open().unwrap_err(), 1);
    let go_on = |keyring| builder(&store, "s").encryption(keyring).continued();
    let session = go_on(ring(1)).unwrap().open().unwrap();
    assert_eq!(session.session().as_str(), next);
    drop(session);
    assert_wants(&go_on(ring(2)).unwrap_err(), 1);

    let recover = |keyring| {
        let builder = builder(&store, "s").encryption(keyring);
        builder.recover(&Recovery::default())
    };
    let refused = recover(ring(2)).unwrap_err();
    assert!(
        refused.to_string().contains(&key(1).id().to_string()),
        "{refused}"
    );
    let recovered = recover(ring(1)).unwrap();
    assert!(recovered.report.is_clean(), "{}", recovered.report);
    assert_eq!(recovered.session.history().len(), 3);
}

#[test]
fn who_could_not_read_a_session_takes_it_from_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let files = FileStore::open(folder.path()).unwrap();
    let memory = MemoryStore::new();
    taken_in_vain(&files);
    taken_in_vain(&memory);
}

fn taken_in_vain(store: &(impl Store + Clone + 'static)) {
    let mut owner = open(store, "s", ring(1)).unwrap();
    say(&mut owner, 0..3);
    let force = || builder(store, "s").take_over(TakeOver::Force);
    assert_wants(&force().encryption(ring(2)).open().unwrap_err(), 1);
    assert_wants(&force().open().unwrap_err(), 1);
    let small = force().encryption(ring(1)).read_limit(10).open();
    assert!(small.unwrap_err().is_too_large());
    say(&mut owner, 3..6);
    let taken = force().encryption(ring(1)).open().unwrap();
    assert_said(&taken, 6);
    owner.push(Message::user("too late")).unwrap();
    let error = owner.save(CheckpointKind::Manual).unwrap_err();
    assert!(error.is_fenced(), "{error}");
}
