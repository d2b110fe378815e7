//! Test: files that would fill the memory of whoever opens them do not. Each is opened in a process of its own, whose peak
//! the system tells.

use std::path::Path;
use std::process::Command;

use agent_primitives::SessionId;

use super::hostile::{Forge, body};
use crate::checkpointer::{Checkpointer, Resume};
use crate::format::payload::{Reference, Span};
use crate::format::segment::Opening;
use crate::format::tags::{Flags, Kind};
use crate::format::varint;
use crate::log::chain::payload_digest;
use crate::log::numbering::wide;
use crate::recover::Recovery;
use crate::{FileStore, MemoryStore, Reader, Store};

/// What the files may take, in bytes.
const LIMIT: u64 = 3 << 19;
/// What reading takes beside it: two windows of segments, the longest payload, working memory; in bytes.
const BESIDE: u64 = 32 << 20;
/// Payloads that are within the limit by their length, in bytes.
const LONG: usize = 1 << 20;

const FOLDER: &str = "AGENT_CHECKPOINT_BOMB";

/// What the system says that this process took at most, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let words: Vec<&str> = line.unwrap().split_whitespace().collect();
    words[1].parse::<u64>().unwrap() << 10
}

/// Does nothing unless another test starts it.
#[test]
fn a_child_opens_what_it_is_given() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let store = FileStore::open(&folder).unwrap();
    let id = SessionId::new("s").unwrap();
    let builder = || Checkpointer::builder(store.clone(), id.clone()).read_limit(LIMIT);
    let mut told = Vec::new();
    let mut tell = |what: &str, error: Option<String>| {
        told.push(format!(
            "{what} {} {}",
            peak() >> 10,
            error.unwrap_or_default()
        ));
    };
    match Reader::open_within(store.clone(), id.clone(), LIMIT) {
        Ok(reader) => {
            tell("reader", None);
            tell("latest", reader.latest().err().map(|e| e.to_string()));
            tell("tail", reader.tail(3).err().map(|e| e.to_string()));
            tell(
                "messages",
                reader.messages(0..100_000).err().map(|e| e.to_string()),
            );
            tell("list", reader.list().err().map(|e| e.to_string()));
            tell("verify", reader.verify().err().map(|e| e.to_string()));
            tell("state", reader.state().err().map(|e| e.to_string()));
        }
        Err(error) => tell("reader", Some(error.to_string())),
    }
    tell(
        "last",
        builder()
            .resume(Resume::Last(3))
            .open()
            .err()
            .map(|e| e.to_string()),
    );
    tell("open", builder().open().err().map(|e| e.to_string()));
    tell(
        "recover",
        builder()
            .recover(&Recovery::default())
            .err()
            .map(|e| e.to_string()),
    );
    println!("\nTOLD {}", told.join(" | "));
}

/// What a process that opens the segment takes at most, in bytes, and what it found on the way.
fn opened(segment: Option<&[u8]>, store: &FileStore, folder: &Path) -> (u64, String) {
    if let Some(bytes) = segment {
        let mut writer = store.writer(&SessionId::new("s").unwrap()).unwrap();
        writer.start(1, bytes).unwrap();
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "checkpointer::bombs::a_child_opens_what_it_is_given",
            "--nocapture",
        ])
        .env(FOLDER, folder)
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(
        child.status.success(),
        "{out}{}",
        String::from_utf8_lossy(&child.stderr)
    );
    let told = out.split_once("TOLD ").unwrap().1.lines().next().unwrap();
    let last = told.rsplit(" | ").next().unwrap();
    let peak: u64 = last.split(' ').nth(1).unwrap().parse().unwrap();
    (peak << 10, told.to_owned())
}

/// Opens what `forge` makes, and holds the memory that it takes against the limit.
fn check(name: &str, opening: Opening, forge: impl FnOnce(&mut Forge)) {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    let (least, _) = opened(None, &store, folder.path());
    let mut log = Forge::of(MemoryStore::with_id(store.id()), opening);
    forge(&mut log);
    let (most, told) = opened(Some(&log.bytes), &store, folder.path());
    println!(
        "{name}: {} KiB stored, {} KiB more: {told}",
        log.bytes.len() >> 10,
        most.saturating_sub(least) >> 10
    );
    assert!(
        most.saturating_sub(least) <= LIMIT + BESIDE,
        "{name}: {} KiB: {told}",
        most.saturating_sub(least) >> 10
    );
}

fn repeated(start: &str, part: &str, end: &str) -> Vec<u8> {
    let count = (LONG - start.len() - end.len()) / part.len();
    [start, &part.repeat(count), end].concat().into_bytes()
}

/// Items, and a checkpoint that has them.
fn with_items(raw: &[u8], count: u64) -> impl FnOnce(&mut Forge) {
    move |forge| {
        forge.frame(Kind::ITEMS, Flags::NONE, raw.to_vec(), count);
        let span = Span {
            first: 0,
            last: count - 1,
            count,
        };
        forge.commit(&body(0, vec![span]), &[payload_digest(raw)]);
    }
}

#[test]
fn next_to_empty_messages_stay_within_the_limit() {
    let raw = repeated("[0,{\"role\":\"user\"}", ",{\"role\":\"user\"}", "]");
    let count = wide(raw.split(|byte| *byte == b'{').count() - 1);
    check("messages", Opening::default(), with_items(&raw, count));
}

#[test]
fn tiny_objects_in_messages_stay_within_the_limit() {
    let raw = repeated("[0,{\"role\":\"user\",\"parts\":[0", ",{\"\":0}", "]}]");
    check("parts", Opening::default(), with_items(&raw, 1));
    let deep = format!(",{}0{}", "{\"\":".repeat(110), "}".repeat(110));
    let raw = repeated("[0,{\"role\":\"user\",\"x\":[0", &deep, "]}]");
    check("deep", Opening::default(), with_items(&raw, 1));
    let raw = repeated(
        "[0,{\"role\":\"user\",\"tool_calls\":[{\"id\":\"\",\"name\":\"\",\"x\":[0",
        ",[[],{}]",
        "]}]}]",
    );
    check("lists", Opening::default(), with_items(&raw, 1));
}

#[test]
fn many_frames_of_little_stay_within_the_limit() {
    check("many", Opening::default(), |forge| {
        for _ in 0..6 {
            let parts = ",{\"\":0}".repeat(LONG / 8 / 7);
            let raw = format!("[0,{{\"role\":\"user\",\"parts\":[0{parts}]}}]");
            forge.frame(Kind::ITEMS, Flags::COMMIT, raw.into_bytes(), 1);
        }
    });
}

#[test]
fn what_inflates_to_more_than_the_limit_is_refused_from_wherever_it_is_read() {
    check("texts", Opening::default(), |forge| {
        let raw = format!(
            "[0,{{\"role\":\"user\",\"content\":\"{}\"}}]",
            "a".repeat((1 << 20) - 99)
        );
        for _ in 0..100 {
            forge.packed(Kind::ITEMS, Flags::NONE, raw.as_bytes(), 1);
        }
        forge.commit(
            &body(0, Vec::new()),
            &vec![payload_digest(raw.as_bytes()); 100],
        );
    });
    check("one", Opening::default(), |forge| {
        let part = |n: u32| format!("{:08x}{}", n.wrapping_mul(2_654_435_761), "a".repeat(1_000));
        let text: String = (0..16_000).map(part).collect();
        let raw = format!("[0,{{\"role\":\"user\",\"content\":\"{text}\"}}]");
        forge.packed(Kind::ITEMS, Flags::NONE, raw.as_bytes(), 1);
        forge.commit(&body(0, Vec::new()), &[payload_digest(raw.as_bytes())]);
    });
}

#[test]
fn a_text_that_is_referred_to_again_and_again_is_put_back_within_the_limit() {
    check("references", Opening::default(), |forge| {
        let text = "a".repeat(1 << 20);
        let digest = payload_digest(text.as_bytes());
        forge.packed(Kind::BLOB, Flags::MUST_UNDERSTAND, text.as_bytes(), 1);
        let hash = blake3::Hash::from_bytes(digest).to_hex();
        let reference = format!(
            ",{{\"role\":\"user\",\"content\":\"\\u00000 {} {hash}\"}}",
            text.len()
        );
        let raw = format!("[0{}]", reference.repeat(1_000));
        forge.packed(Kind::ITEMS, Flags::BLOB_REF, raw.as_bytes(), 1_000);
        let span = Span {
            first: 1,
            last: 1_000,
            count: 1_000,
        };
        forge.commit(
            &body(0, vec![span]),
            &[digest, payload_digest(raw.as_bytes())],
        );
    });
}

#[test]
fn what_checkpoints_say_stays_within_the_limit() {
    check("commit", Opening::default(), |forge| {
        let mut said = body(0, Vec::new());
        let list = serde_json::from_slice(&repeated("[0", ",{\"\":0}", "]")).unwrap();
        said.other.insert("x".into(), list);
        forge.commit(&said, &[]);
    });
    check("component", Opening::default(), |forge| {
        let raw = repeated("{\"work.x\":[0", ",{\"\":0}", "]}");
        let digest = payload_digest(&raw);
        let seq = forge.frame(Kind::SNAPSHOT, Flags::NONE, raw, 1);
        let mut said = body(0, Vec::new());
        said.components
            .insert("work.x".into(), Reference { seq, schema: 1 });
        forge.commit(&said, &[digest]);
    });
    check("tombstone", Opening::default(), |forge| {
        let raw = repeated("{\"through\":1,\"keep\":[0", ",7", "]}");
        forge.frame(Kind::TOMBSTONE, Flags::NONE, raw, 1);
    });
}

#[test]
fn packs_and_indexes_of_next_to_nothing_stay_within_the_limit() {
    let sealed = Opening {
        is_sealed: true,
        ..Opening::default()
    };
    for (name, kind, payload) in [("labels", Kind::LABEL, "{}"), ("unknown", Kind(99), "")] {
        check(name, sealed, |forge| {
            for _ in 0..3 {
                let count = 65_536_usize;
                let mut raw = Vec::new();
                varint::write(&mut raw, wide(count));
                for at in 0..count {
                    raw.extend([kind.0, 1, 0, 0, 1, 0, u8::from(at > 0)]);
                    varint::write(&mut raw, wide(payload.len()));
                }
                raw.extend(payload.repeat(count).into_bytes());
                forge.packed(Kind::PACK, Flags::MUST_UNDERSTAND, &raw, wide(count));
            }
        });
    }
    check("index", sealed, |forge| {
        let mut raw = blake3::hash(&forge.bytes).as_bytes().to_vec();
        let count = LONG / 13;
        raw.push(0);
        varint::write(&mut raw, wide(count));
        raw.extend([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].repeat(count));
        raw.extend([0, 0]);
        forge.frame(Kind::INDEX, Flags::MUST_UNDERSTAND, raw, 0);
    });
}
