//! What names are taken, and that a refusal names what it refuses.

use agent_checkpoint::{Checkpointer, MemoryStore, Message, Migrations, Snapshot, Store};
use agent_primitives::{CheckpointKind, SessionId};
use serde::{Deserialize, Serialize};

fn open(store: &MemoryStore) -> Checkpointer {
    Checkpointer::builder(store.clone(), SessionId::new("s").unwrap())
        .open()
        .unwrap()
}

/// A text of kind `$kind`.
macro_rules! named {
    ($name:ident, $kind:expr) => {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct $name(String);
        impl Snapshot for $name {
            const KIND: &'static str = $kind;
            const VERSION: u16 = 1;
        }
    };
}

named!(Board, "board");
named!(Empty, "");
named!(Blank, " board");
named!(Lines, "bo\nard");
named!(Turned, "board\u{202e}");
named!(
    Long,
    "a123456789a123456789a123456789a123456789a123456789a123456789a123456789a123456789a123456789a123456789a123456789a123456789a12345678"
);

fn is_refused<T: Snapshot>(value: &T) {
    let store = MemoryStore::new();
    let mut session = open(&store);
    let put = session.put(value).unwrap_err();
    let read = session.component::<T>().map(|_| ()).unwrap_err();
    let checked = Migrations::check::<T>().unwrap_err();
    for refused in [put, read, checked] {
        assert!(refused.is_invalid(), "{refused}");
        let text = refused.to_string();
        assert!(text.contains(&format!("{:?}", T::KIND)), "{text}");
        assert!(text.contains(std::any::type_name::<T>()), "{text}");
    }
    session.put(&Board("kept".into())).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    assert_eq!(
        open_after(session, &store).component::<Board>().unwrap(),
        Some(Board("kept".into()))
    );
}

fn open_after(session: Checkpointer, store: &MemoryStore) -> Checkpointer {
    drop(session);
    open(store)
}

#[test]
fn a_kind_that_is_no_name_is_refused_before_anything_is_saved() {
    is_refused(&Empty(String::new()));
    is_refused(&Blank(String::new()));
    is_refused(&Lines(String::new()));
    is_refused(&Turned(String::new()));
    is_refused(&Long(String::new()));
}

#[test]
fn a_label_shows_as_what_it_is() {
    let mut session = open(&MemoryStore::new());
    session.push(Message::user("one")).unwrap();
    let hidden = [
        '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}',
        '\u{2068}', '\u{2069}', '\u{200e}', '\u{200f}', '\u{61c}', '\u{2028}', '\u{2029}', '\u{7}',
        '\u{85}', '\u{1b}',
    ];
    for c in hidden {
        let refused = session.save_labelled(&format!("a{c}b")).unwrap_err();
        assert!(refused.is_invalid(), "{refused}");
        assert!(
            !refused.to_string().contains(c),
            "it is shown escaped: {refused}"
        );
    }
    assert!(session.list().is_empty(), "nothing was saved");
    for good in [
        "vor dem Umbau",
        "до слияния",
        "לפני המיזוג",
        "\u{1f468}\u{200d}\u{1f4bb}",
    ] {
        let id = session.save_labelled(good).unwrap();
        assert_eq!(session.by_label(good).unwrap().id, id);
    }
    let id = session.latest().unwrap().id.clone();
    assert!(
        session
            .move_label(&id, "a\u{202e}b")
            .unwrap_err()
            .is_invalid()
    );
}

#[test]
fn what_a_checkpoint_was_made_before_shows_as_what_it_is() {
    let mut session = open(&MemoryStore::new());
    session.push(Message::user("one")).unwrap();
    session.before_risky("rm \u{202e}gpj.exe").unwrap();
    let latest = session.latest().unwrap();
    assert_eq!(latest.what.as_deref(), Some("rm  gpj.exe"));
}

#[test]
fn a_value_that_is_too_long_is_refused_by_name_at_once() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    session.put(&Board("kept".into())).unwrap();
    let refused = session.put(&Board("x".repeat(64 << 20))).unwrap_err();
    assert!(refused.is_too_large(), "{refused}");
    let text = refused.to_string();
    let (len, max) = ((64 << 20) + 2, (64 << 20) - (64 << 10) - 2);
    assert_eq!(
        text,
        format!("component board has {len} bytes where {max} are the limit; make it smaller")
    );
    session.save(CheckpointKind::Auto).unwrap();
    let session = open_after(session, &store);
    assert_eq!(
        session.component::<Board>().unwrap(),
        Some(Board("kept".into()))
    );
}

#[test]
fn errors_of_a_log_name_its_session() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    session.push(Message::user("one ".repeat(1_000))).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    drop(session);
    let id = SessionId::new("s").unwrap();
    let builder = Checkpointer::builder(store.clone(), id.clone()).read_limit(100);
    let refused = builder.open().unwrap_err();
    assert!(refused.is_too_large());
    assert!(refused.to_string().contains("session s"), "{refused}");
    let refused = store.read(&id, 1, 10).unwrap_err();
    assert!(
        refused.to_string().contains("segment 1 of session s"),
        "{refused}"
    );
}
