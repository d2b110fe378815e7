//! What this version writes is what version 1 of the format says, byte by byte.

use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{AgentId, CheckpointKind, ManualClock, SessionId, Timestamp, TokenUsage};

use crate::format::compress::Packer;
use crate::{Checkpointer, MemoryStore, Message, Store, StoreId, ToolCall};

/// Written once by version 0.1.0; never changed, whatever comes.
const RAW: &[u8] = include_bytes!("../../tests/fixtures/v1/raw.ckl");

/// The session that `tests/golden.rs` reads from both fixtures.
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

fn written(store: &MemoryStore, packer: Option<Packer>) -> Vec<u8> {
    let id = SessionId::new("golden").unwrap();
    let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_700_000_000));
    let mut session = Checkpointer::builder(store.clone(), id.clone())
        .agent(AgentId::new("coder").unwrap())
        .clock(Arc::new(clock.clone()))
        .retention(crate::Retention::last(4.try_into().unwrap()))
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
    let bytes = written(&store, Some(Packer::raw()));
    // The header's minor version and epoch are of today, and with them its sum.
    let as_ever =
        |at: usize| !((10..12).contains(&at) || (40..48).contains(&at) || (60..64).contains(&at));
    let differs = (0..bytes.len().min(RAW.len()))
        .filter(|at| as_ever(*at))
        .find(|at| bytes[*at] != RAW[*at]);
    assert_eq!(
        (differs, bytes.len()),
        (None, RAW.len()),
        "first difference, and length"
    );
}
