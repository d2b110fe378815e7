//! A session that is saved when something asks for it, looked back on, restored, and forked.
//!
//! ```text
//! cargo run --example save_and_restore
//! ```
//!
//! Keeps its log in a temporary folder. The program fails when a state is not what it should be.

#![allow(clippy::print_stdout, reason = "a command-line program")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use agent_checkpoint::{Checkpointer, FileStore, Message, Query, Why};
use agent_primitives::{CheckpointKind, ManualClock, SessionId, Timestamp};

type Done = Result<(), Box<dyn Error>>;

fn main() -> Done {
    let folder = tempfile::tempdir()?;
    let store = FileStore::open(folder.path())?;
    let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_700_000_000));
    let open = |name: &str| -> Result<Checkpointer, Box<dyn Error>> {
        let builder = Checkpointer::builder(store.clone(), SessionId::new(name)?);
        Ok(builder.clock(Arc::new(clock.clone())).open()?)
    };

    let mut session = open("fix-the-build")?;
    session.push(Message::user("Fix the build."))?;
    session.push(Message::assistant("A test fails; I shall read it."))?;
    session.save(CheckpointKind::Auto)?;

    println!("-- a save that is due");
    session.push(Message::assistant("It asserts the wrong number."))?;
    assert_eq!(session.save_if_due()?, None);
    clock.advance(Duration::from_secs(30 * 60));
    let due = session.save_if_due()?.ok_or("half an hour makes it due")?;
    println!("{}", session.checkpoint(due.as_str())?);

    println!("-- before something risky, and a label");
    let before = session.before_risky("delete the test")?;
    session.label(&before, "the test is there")?;
    session.push(Message::assistant("I deleted the test."))?;
    session.update(|work| work.next_steps = vec!["tell nobody".into()]);
    session.save(CheckpointKind::Auto)?;
    for checkpoint in session.list() {
        println!("{checkpoint}");
    }
    assert_eq!(
        session.checkpoint(before.as_str())?.why,
        Some(Why::BeforeRisky)
    );

    println!("-- what going back would change");
    let named = Query::new().label("the test*");
    let target = session
        .find(&named)
        .next()
        .ok_or("it was labelled")?
        .id
        .clone();
    let plan = session.plan_restore(&target)?;
    println!("{}", plan.diff());
    assert_eq!((plan.diff().removed, plan.diff().components.len()), (1, 1));
    let done = plan.commit()?;
    assert_eq!(session.history().len(), 3);

    println!("-- a second thought, and another way at the same time");
    let mut other = session.fork(&done.now, SessionId::new("another-way")?)?;
    other.push(Message::assistant("I corrected the number."))?;
    other.save(CheckpointKind::Auto)?;
    session.undo_restore()?;
    let step = session.state().work.next_steps.first();
    assert_eq!(step.map(|step| step.text.as_str()), Some("tell nobody"));
    drop((session, other));
    for name in ["fix-the-build", "another-way"] {
        let session = open(name)?;
        assert!(session.report().is_clean());
        let last = session
            .history()
            .last()
            .map_or("", |message| message.content.as_str());
        println!(
            "{name}: {} messages, the last: {last}",
            session.history().len()
        );
    }
    Ok(())
}
