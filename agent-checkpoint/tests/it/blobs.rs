//! Long texts are stored once, and come back byte for byte or not at all.

use agent_checkpoint::{
    Checkpointer, CountTokens, Durability, FileStore, MemoryStore, Message, Reader, Retention,
    Store, ToolCall,
};
use agent_primitives::{CheckpointKind, SessionId};
use serde_json::json;

fn id() -> SessionId {
    SessionId::new("blobs").unwrap()
}

fn open(store: &MemoryStore) -> Checkpointer {
    Checkpointer::builder(store.clone(), id()).open().unwrap()
}

fn save(session: &mut Checkpointer) {
    session.save(CheckpointKind::Auto).unwrap();
}

/// What base64 of a picture looks like to a compressor.
fn picture(seed: u64, len: usize) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut word = seed;
    let text = std::iter::repeat_with(|| {
        word = word
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from(letters[usize::try_from(word >> 58).unwrap()])
    });
    text.take(len).collect()
}

fn shows(data: &str) -> Message {
    Message::user("Look:").with_part(json!({
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": data},
    }))
}

#[test]
fn a_picture_shown_138_times_is_stored_once_through_restarts() {
    let store = MemoryStore::new();
    let data = picture(1, 200_000);
    let mut session = open(&store);
    session.push(shows(&data)).unwrap();
    save(&mut session);
    let once = session.figures().unwrap().stored_bytes;
    for at in 1..138 {
        if at % 46 == 0 {
            drop(session);
            session = open(&store);
        }
        session.push(shows(&data)).unwrap();
        save(&mut session);
    }
    let all = session.figures().unwrap().stored_bytes;
    assert!(once < 153_000, "{once} bytes once");
    // A reference and the words beside it in a frame, and now and then a commit.
    let frame = (all - once) / 137;
    assert!(frame <= 210, "{frame} bytes each");
    drop(session);
    let session = open(&store);
    assert!(session.report().is_clean(), "{}", session.report());
    assert_eq!(session.history().len(), 138);
    assert!(session.history().iter().all(|m| *m == shows(&data)));
}

#[test]
fn long_texts_in_every_place_come_back_beside_texts_that_look_like_references() {
    let store = MemoryStore::new();
    let long = |seed| picture(seed, 40_000);
    let mut everything = Message::assistant(long(1)).with_part(json!([long(2), {"\0a": "\0"}]));
    let mut call = ToolCall::new("c1", "write_file", long(3));
    call.extra.insert("raw".into(), json!({"again": long(1)}));
    everything.tool_calls.push(call);
    everything.extra.insert("thinking".into(), long(4).into());
    let mut host = Message::tool("\0c1", "\u{0}0 40000 00");
    host.extra
        .insert("marks".into(), json!(["\0", "\0\0", "\0\0\0", "x\0"]));
    let messages = [
        everything,
        host,
        Message::user(long(2)),
        Message::user("\0alone"),
    ];
    let mut session = open(&store);
    for message in &messages[..3] {
        session.push(message.clone()).unwrap();
    }
    save(&mut session);
    // A frame without references is not escaped.
    session.push(messages[3].clone()).unwrap();
    save(&mut session);
    drop(session);
    let session = open(&store);
    assert!(session.report().is_clean(), "{}", session.report());
    assert_eq!(session.history(), messages);
    // Four texts, two frames of items, the commit.
    assert_eq!(session.report().frames, 7);
}

#[test]
fn summaries_and_older_checkpoints_keep_their_long_texts() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    let long = picture(5, 50_000);
    session.push(Message::user("task")).unwrap();
    session.push(Message::user(long.clone())).unwrap();
    let with_long = session.save(CheckpointKind::Manual).unwrap();
    for at in 0..6 {
        session
            .push(Message::assistant(format!("step {at}")))
            .unwrap();
    }
    let one_each: &dyn CountTokens = &|_: &Message| 1;
    let summary = Message::assistant(long.clone());
    session.cut_with_summary(4, one_each, summary).unwrap();
    save(&mut session);
    let context: Vec<Message> = session.context().into_iter().cloned().collect();
    assert!(context.iter().any(|message| message.content == long));
    drop(session);
    let mut session = open(&store);
    assert!(session.report().is_clean(), "{}", session.report());
    let again: Vec<Message> = session.context().into_iter().cloned().collect();
    assert_eq!(again, context);
    session.restore(&with_long).unwrap();
    assert_eq!(session.history()[1].content, long);
    let stored = session.figures().unwrap().stored_bytes;
    assert!(stored < 45_000, "stored once: {stored} bytes");
}

#[test]
fn a_reader_of_a_part_finds_long_texts_that_lie_before_it() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    let long = picture(9, 40_000);
    session.push(Message::user(long.clone())).unwrap();
    save(&mut session);
    for at in 0..4_200 {
        session
            .push(Message::assistant(format!("step {at}")))
            .unwrap();
    }
    save(&mut session);
    session.push(Message::user(long.clone())).unwrap();
    save(&mut session);
    for at in 0..20 {
        session
            .push(Message::assistant(format!("later {at}")))
            .unwrap();
        session.save(CheckpointKind::Manual).unwrap();
    }
    let reader = Reader::open(store, id()).unwrap();
    for len in [1, 20, 21, 22] {
        let tail = reader.tail(len).unwrap();
        assert_eq!(tail, session.history()[4_222 - len..], "the last {len}");
    }
    for range in [0..2, 10..12, 4_200..4_203] {
        let part = reader.messages(range.clone()).unwrap();
        assert_eq!(part, session.history()[range]);
    }
}

#[test]
fn a_damaged_long_text_costs_the_checkpoints_that_need_it_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let store = FileStore::open(folder.path()).unwrap();
        Checkpointer::builder(store, id())
            .durability(Durability::Buffered)
            .open()
            .unwrap()
    };
    let mut session = open();
    session.push(Message::user("task")).unwrap();
    let before = session.save(CheckpointKind::Auto).unwrap();
    let long = picture(6, 60_000);
    let mut needy = Vec::new();
    for _ in 0..2 {
        session.push(Message::user(long.clone())).unwrap();
        needy.push(session.save(CheckpointKind::Auto).unwrap());
    }
    session.push(Message::user("later")).unwrap();
    needy.push(session.save(CheckpointKind::Manual).unwrap());
    drop(session);

    let store = FileStore::open(folder.path()).unwrap();
    let path = folder.path().join("sessions/blobs/seg-000001.ckl");
    let mut bytes = store.read(&id(), 1, usize::MAX).unwrap();
    bytes[20_000] ^= 1;
    std::fs::write(&path, &bytes).unwrap();

    let mut session = open();
    let report = session.report();
    assert_eq!(report.head, Some(before));
    assert_eq!(report.degraded, needy);
    // The task, its commit, and then the text.
    assert_eq!(report.missing.len(), 1);
    assert_eq!(report.missing[0], 2..3);
    assert_eq!(session.history(), [Message::user("task")]);
    // What is damaged is not referred to.
    session.push(Message::user(long.clone())).unwrap();
    save(&mut session);
    drop(session);
    assert_eq!(
        open().history(),
        [Message::user("task"), Message::user(long)]
    );
}

/// Bytes of the log once what no checkpoint needs is left out.
fn compacted(session: &mut Checkpointer) -> u64 {
    session.compact().unwrap();
    session.figures().unwrap().stored_bytes
}

#[test]
fn a_text_that_no_checkpoint_needs_goes_and_may_come_again() {
    let store = MemoryStore::new();
    let one = Retention::last(1.try_into().unwrap()).backups(1.try_into().unwrap());
    let open = || {
        let builder = Checkpointer::builder(store.clone(), id()).retention(one);
        builder.open().unwrap()
    };
    let (kept, shared, lost) = (picture(1, 90_000), picture(2, 90_000), picture(3, 90_000));
    let mut session = open();
    session.push(shows(&kept)).unwrap();
    session.push(shows(&shared)).unwrap();
    save(&mut session);
    let before = session.latest().unwrap().id.clone();
    session.pin(&before).unwrap();
    session.push(shows(&lost)).unwrap();
    session.push(shows(&shared)).unwrap();
    save(&mut session);
    session.restore(&before).unwrap();
    // A later backup takes the place of the one that still needs it.
    session.push(Message::user("on another way")).unwrap();
    save(&mut session);
    let whole = session.figures().unwrap().stored_bytes;
    let again = session.latest().unwrap().id.clone();
    session.pin(&again).unwrap();
    session.push(Message::user("and on")).unwrap();
    save(&mut session);
    session.restore(&again).unwrap();
    for id in [&before, &again] {
        session.unpin(id).unwrap();
    }
    let left = compacted(&mut session);
    assert!(left + 60_000 < whole, "{left} of {whole}");
    assert!(left > 130_000, "two of three stay: {left}");
    for text in [&kept, &shared] {
        assert!(session.history().contains(&shows(text)));
    }

    // The same text once more is written anew, and refers to nothing that went.
    session.push(shows(&lost)).unwrap();
    session.push(shows(&kept)).unwrap();
    save(&mut session);
    let history = session.history().to_vec();
    drop(session);
    let mut session = open();
    assert!(session.report().is_clean(), "{}", session.report());
    assert_eq!(session.history(), history);
    let later = compacted(&mut session);
    assert!(later > left + 60_000);
    assert_eq!(compacted(&mut session), later, "nothing more to leave out");
    drop(session);
    let session = open();
    assert!(session.report().is_clean(), "{}", session.report());
    assert_eq!(session.history(), history);
    let reader = Reader::open(store.clone(), id()).unwrap();
    assert_eq!(reader.tail(9).unwrap(), history);
}
