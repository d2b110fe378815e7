//! Journals that somebody else made: no bytes in them change what sessions say.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

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
