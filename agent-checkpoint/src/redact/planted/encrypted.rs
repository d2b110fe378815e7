//! Encrypted stores: no secret, no mask and no word of what was said is in any byte.

use super::crashes::crash_anywhere;
use super::left::{damaged, is_quarantined};
use super::*;
use crate::encrypt::{Key, KeyUse, Keyring};

/// Texts that sessions say in plain, and the masks that they say instead of secrets.
fn said(samples: &[Sample]) -> Vec<String> {
    let masks = samples.iter().map(|it| format!("[redacted:{}]", it.family));
    let words = [
        "what a tool printed, line by line",
        "row 1 of a board that changes little",
        "[redacted:crm]",
        "log in as [red",
        "\"role\":\"user\"",
        "\"tool_calls\":[{",
        "\"decisions\":[{\"",
        "\"next_steps\":[{",
        "correct horse battery",
        "summary: note",
        "{\"rows\":[\"row",
    ];
    words.into_iter().map(str::to_owned).chain(masks).collect()
}

fn all_needles(samples: &[Sample]) -> Needles {
    let said = said(samples);
    let others = said.iter().map(String::as_str);
    let others: Vec<&str> = others.chain([LITERAL]).collect();
    Needles::of(samples, &others)
}

fn key(byte: u8) -> Key {
    Key::from_bytes([byte; 32])
}

fn way(keyring: Keyring, durability: Durability) -> Way {
    Way {
        durability,
        keys: keyring.with_salt([0; 32]),
    }
}

#[test]
fn no_word_is_in_any_byte_of_an_encrypted_store() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let primary = FileStore::open(folder.path()).unwrap();
    let mirror = FileStore::open_mirror(other.path(), primary.id()).unwrap();
    let store: Arc<dyn Store> = Arc::new(Mirrored::new(primary.clone(), mirror).unwrap());
    let samples = samples(6);
    let needles = all_needles(&samples);
    let replicated = way(Keyring::new(key(1)), Durability::Replicated);
    play(&store, &replicated, &samples, 6);
    let look = |what: &str| {
        for folder in [folder.path(), other.path()] {
            let sought = needles.seek_below(folder);
            assert!(sought.files > 4, "{sought:?}");
            assert_eq!(sought.frames, 0, "nothing in it can be inflated");
            sought.report(what);
        }
    };
    look("an encrypted session and its mirror");

    let both = way(
        Keyring::new(key(2)).with_older(key(1)),
        Durability::Replicated,
    );
    for name in ["planted", "forked"] {
        let mut session = open(&store, name, &both);
        session.rekey().unwrap();
        drop(session);
        let used = KeyUse::of(&store, &id(name)).unwrap();
        assert_eq!(used.keys().collect::<Vec<_>>(), [key(2).id()], "{name}");
        assert_eq!(used.plain, 0, "{name}");
    }
    look("after other keys");

    drop(store);
    let store: Arc<dyn Store> = Arc::new(primary.clone());
    let synced = way(Keyring::new(key(2)), Durability::Synced);
    damaged(&primary, &store, &synced, &samples);
    assert!(is_quarantined(folder.path()));
    look("with quarantine");
}

#[test]
fn no_word_is_left_by_a_crash_anywhere_in_an_encrypted_store() {
    let samples = samples(7);
    for (what, journal, samples) in [
        ("crashes, encrypted", None, &samples[..25]),
        (
            "crashes, encrypted, with a journal",
            Some(8_192),
            &samples[25..37],
        ),
    ] {
        let way = way(Keyring::new(key(1)), Durability::Synced);
        crash_anywhere(what, journal, &way, samples, &all_needles(samples));
    }
}
