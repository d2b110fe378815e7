//! Three weeks of checkpoints, and what a policy makes of them.
//!
//! ```text
//! cargo run --example retention
//! ```
//!
//! Prints the plan before it is carried out, a line with the reason for each checkpoint. The program fails
//! when what is kept cannot be restored.

#![allow(clippy::print_stdout, reason = "a command-line program")]

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use agent_checkpoint::{Checkpointer, MemoryStore, Message, Retention};
use agent_primitives::{CheckpointKind, ManualClock, SessionId, Timestamp};

/// As it would stand in a host's settings.
const POLICY: &str = r#"{"last": 3, "hourly": 4, "daily": 5, "weekly": 2}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let policy: Retention = serde_json::from_str(POLICY)?;
    // A Monday at midnight.
    let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_704_067_200));
    let store = MemoryStore::new();
    let open = |policy| -> Result<Checkpointer, Box<dyn Error>> {
        let builder = Checkpointer::builder(store.clone(), SessionId::new("long")?);
        Ok(builder
            .clock(Arc::new(clock.clone()))
            .retention(policy)
            .open()?)
    };

    let mut saved = BTreeMap::new();
    let mut session = open(Retention::all())?;
    for turn in 0..30 {
        clock.advance(Duration::from_secs(if turn < 20 {
            24 * 3_600
        } else {
            25 * 60
        }));
        session.push(Message::user(format!("turn {turn}")))?;
        let id = session.save(CheckpointKind::Auto)?;
        saved.insert(id, session.state().clone());
    }
    let first = session.list().last().ok_or("there are 30")?.id.clone();
    session.label(&first, "how it began")?;
    drop(session);

    let mut session = open(policy)?;
    let plan = session.plan_prune();
    println!("{plan}");
    assert!(
        plan.rulings()
            .iter()
            .all(|ruling| ruling.id != first || ruling.keeps())
    );
    assert_eq!(session.prune()?, plan);

    let kept: Vec<_> = plan.kept().map(|ruling| ruling.id.clone()).collect();
    for id in &kept {
        let plan = session.plan_restore(id)?;
        assert_eq!(Some(plan.state()), saved.get(id));
    }
    println!("each of the {} can be restored", kept.len());
    assert_eq!(session.history().len(), 30, "no message is dropped");
    Ok(())
}
