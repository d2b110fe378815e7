//! A session that is longer than the window of its model: it goes on in fresh sessions, and loses nothing.
//!
//! ```text
//! cargo run --example continuous_session -- [FILE WINDOW]
//! ```
//!
//! Plays a recorded session (SWE-agent's `.traj`; one that comes with the examples unless another is named) in
//! windows of so many tokens, which are too few for it. The program fails when something that must be known is not.

#![allow(clippy::print_stdout, reason = "a command-line program")]

use std::error::Error;

use agent_checkpoint::cycle::Cycle;
use agent_checkpoint::handoff::Inherited;
use agent_checkpoint::history::check;
use agent_checkpoint::{Checkpointer, Decision, EstimateTokens, FileStore, Message, Reader, Role};
use agent_primitives::{CheckpointKind, SessionId, Timestamp};
use support::Recording;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (recording, window) = match arguments.as_slice() {
        [] => (Recording::sample(), 1_500),
        [file, window] => (Recording::load(file)?, window.parse()?),
        _ => return Err("usage: continuous_session [FILE WINDOW]".into()),
    };
    let messages = recording.messages();
    let cycle = Cycle::of_window(window).brief_tokens(400);
    println!(
        "{} messages, a window of {} tokens",
        messages.len(),
        cycle.window
    );

    let folder = tempfile::tempdir()?;
    let store = FileStore::open(folder.path())?;
    let mut session = Checkpointer::builder(store.clone(), SessionId::new("s")?).open()?;
    let mut decided = 0;
    for message in messages {
        session.push(message.clone())?;
        if message.role == Role::Assistant {
            decided += 1;
            session.update(|work| {
                let decision = Decision::new(Timestamp::UNIX_EPOCH, format!("plan {decided}"), "");
                work.decisions.push(decision);
                work.next_steps = vec![format!("finish plan {decided}").into()];
            });
        }
        session.save(CheckpointKind::Auto)?;
        // The one line that a host adds: before each request.
        if let Some(cycled) = session.cycle_if_due(&cycle, &EstimateTokens)? {
            println!(
                "{} is full at {} tokens; {} goes on with {}",
                cycled.from,
                cycled.tokens_before,
                session.session(),
                cycled.tokens
            );
        }
        assert_eq!(check(&session.context()), [], "a provider takes it");
    }
    session.save(CheckpointKind::Auto)?;
    let last = session.session().clone();
    drop(session);

    println!("-- after a restart, by the first session's name");
    let first = Checkpointer::builder(store.clone(), SessionId::new("s")?);
    let session = first.continued()?.open()?;
    let work = &session.state().work;
    assert_eq!((session.session(), work.decisions.len()), (&last, decided));
    let next = work.next_steps.first().ok_or("there is a next step")?;
    println!("{last} has {decided} decisions; to do: {}", next.text);

    println!("-- the whole conversation, from session to session");
    let given = Inherited::of(work).unwrap_or_default();
    let mut said: Vec<Message> = Vec::new();
    let earlier = given.earlier.into_iter().map(|link| link.session);
    for id in earlier.chain([last]) {
        let state = Reader::open(store.clone(), id.clone())?.state()?;
        let given = Inherited::of(&state.work).unwrap_or_default();
        let own = state.conversation.get(usize::try_from(given.opening)?..);
        let own = own.unwrap_or_default();
        println!("{id}: {} messages said here", own.len());
        said.extend_from_slice(own);
    }
    assert!(said == messages, "nothing is lost");
    println!("{} messages in all, as they were said", said.len());
    Ok(())
}
