//! Any bytes as a session file of another agent, through `import`.
//!
//! Input: one letter for the reader; the file.
#![no_main]

use agent_checkpoint::import::{self, ImportError, Imported, Limits};
use agent_checkpoint::{Checkpointer, MemoryStore, export, history};
use agent_fuzz::Input;
use agent_primitives::{CheckpointKind, SessionId};
use libfuzzer_sys::fuzz_target;

type Read = fn(&[u8], &Limits) -> Result<Imported, ImportError>;

const READERS: [Read; 4] = [
    |file, limits| import::any(file, limits),
    |file, limits| import::codex(file, limits),
    |file, limits| import::claude_code(file, limits),
    |file, limits| import::goose(file, limits),
];

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let read = input.pick(&READERS);
    let file = input.rest();
    let mut limits = Limits::default();
    limits.bytes = 8 << 20;
    limits.kept_bytes = 1 << 20;
    limits.messages = 500;
    let Ok(imported) = read(file, &limits) else {
        return;
    };
    assert_eq!(read(file, &limits).ok().as_ref(), Some(&imported));

    let repaired = imported.repaired();
    assert!(history::check(&repaired.messages).is_empty());
    for branch in &imported.branches {
        assert!(
            branch
                .from
                .is_none_or(|from| from <= imported.state.conversation.len())
        );
    }

    let id = SessionId::new("s").expect("a name");
    let mut written = Vec::new();
    export::write(
        &mut written,
        &id,
        &imported.state,
        imported.context.as_deref(),
    )
    .expect("every state is JSON");
    let back = import::any(written.as_slice(), &Limits::default()).expect("its own format");
    assert_eq!(
        (&back.state, &back.context),
        (&imported.state, &imported.context)
    );

    let store = MemoryStore::new();
    let builder = || Checkpointer::builder(store.clone(), id.clone());
    let state = imported.state.clone();
    let mut session = imported
        .open_in(builder())
        .expect("what is imported can be saved");
    session.save(CheckpointKind::Manual).expect("saved");
    drop(session);
    let session = builder().redaction(agent_checkpoint::redact::Redaction::off());
    let session = session.open().expect("opened");
    // Secrets are masked on their way into the log.
    assert_eq!(session.history().len(), state.conversation.len());
});
