//! What this version writes is what version 1 of the format says, byte by byte.

use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{AgentId, CheckpointKind, ManualClock, SessionId, Timestamp, TokenUsage};

use crate::format::compress::Packer;
use crate::format::keys::Keys;
use crate::{Checkpointer, MemoryStore, Message, Store, StoreId, ToolCall};

/// Written once by version 0.1.0; never changed, whatever comes.
const RAW: &[u8] = include_bytes!("../../tests/fixtures/v1/raw.ckl");

/// The session that `tests/it/golden.rs` reads from both fixtures.
fn play(session: &mut Checkpointer, clock: &ManualClock) {
    let save = |session: &mut Checkpointer, kind| {
        clock.advance(Duration::from_millis(250));
        session.save(kind).unwrap()
    };
    session.push(Message::system("Be brief.")).unwrap();
    session.push(Message::user("Fix the build.")).unwrap();
    let first = save(session, CheckpointKind::Auto);
    let call = ToolCall::new("call_1", "read_file", "{\"path\": \"build.log\"}");
    session
        .push(Message::assistant("").with_tool_call(call))
        .unwrap();
    session
        .push(Message::tool("call_1", "error: no such file\n".repeat(20)))
        .unwrap();
    save(session, CheckpointKind::Auto);
    session.update(|work| {
        work.usage = TokenUsage::new(1_200, 34).with_cache_read(900);
        work.next_steps = vec!["write the file".into()];
    });
    session
        .push(Message::assistant("The file is missing."))
        .unwrap();
    save(session, CheckpointKind::Manual);
    session
        .cut_with_summary(
            crate::Truncate::to(4).without_work(),
            &|_: &Message| 1,
            Message::assistant("Read the log: a file is missing."),
        )
        .unwrap();
    save(session, CheckpointKind::Auto);
    session.restore(&first).unwrap();
    session.push(Message::assistant("Another way.")).unwrap();
    save(session, CheckpointKind::Auto);
    session.prune().unwrap();
}

fn written(store: &MemoryStore, packer: Option<Packer>, keys: Keys) -> Vec<u8> {
    let id = SessionId::new("golden").unwrap();
    let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_700_000_000));
    let mut session = Checkpointer::builder(store.clone(), id.clone())
        .agent(AgentId::new("coder").unwrap())
        .clock(Arc::new(clock.clone()))
        .retention(crate::Retention::last(4.try_into().unwrap()))
        .keys(keys)
        .open()
        .unwrap();
    session.packer = packer.unwrap_or(session.packer);
    play(&mut session, &clock);
    drop(session);
    store.read(&id, 1, usize::MAX).unwrap()
}

#[test]
fn raw_frames_are_written_as_ever() {
    let store = MemoryStore::with_id(StoreId::from_bytes(*b"golden store 001"));
    let bytes = written(&store, Some(Packer::raw()), Keys::default());
    is_as_ever(&bytes, RAW);
}

/// The same session with the key and the salt of zeros. Written once by the version that brought encryption.
#[cfg(feature = "encryption")]
const ENCRYPTED: &[u8] = include_bytes!("../../tests/fixtures/v1_2/raw.ckl");

#[cfg(feature = "encryption")]
#[test]
fn encrypted_frames_are_written_as_ever() {
    use crate::encrypt::{Key, Keyring};
    let store = MemoryStore::with_id(StoreId::from_bytes(*b"golden store 001"));
    let keys = Keyring::new(Key::from_bytes([0; 32])).with_salt([0; 32]);
    let bytes = written(&store, Some(Packer::raw_with(&keys)), keys);
    if let Some(to) = std::env::var_os("WRITE_GOLDEN_1_2_RAW") {
        std::fs::write(to, &bytes).unwrap();
    }
    is_as_ever(&bytes, ENCRYPTED);
}

fn is_as_ever(bytes: &[u8], fixture: &[u8]) {
    // The header's minor version and epoch are of today, and with them its sum.
    let as_ever =
        |at: usize| !((10..12).contains(&at) || (40..48).contains(&at) || (60..64).contains(&at));
    let differs = (0..bytes.len().min(fixture.len()))
        .filter(|at| as_ever(*at))
        .find(|at| bytes[*at] != fixture[*at]);
    assert_eq!(
        (differs, bytes.len()),
        (None, fixture.len()),
        "first difference, and length"
    );
}
