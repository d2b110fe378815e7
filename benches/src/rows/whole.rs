//! What the rows of sessions in memory have in common: one that is written turn by turn, and the state of a host that
//! cannot say what changed in it.

use agent_checkpoint::{Checkpointer, Snapshot};
use agent_primitives::CheckpointKind;
use serde::{Deserialize, Serialize};

use crate::harness::{Broken, Steps};
use crate::session::{Message, Source};

/// Saves turns of `source` into `session` until so many bytes were saved.
pub(super) fn write(
    session: &mut Checkpointer,
    source: &mut Source,
    bytes: u64,
) -> Result<(), Broken> {
    let doing = "write the session";
    let turns = source.turns(bytes);
    for turn in turns.map_err(Broken::when("measure the session"))? {
        for message in turn {
            let pushed = session.push(message.into_ours());
            pushed.map_err(Broken::when(doing))?;
        }
        let saved = session.save(CheckpointKind::Auto);
        saved.map_err(Broken::when(doing))?;
    }
    Ok(())
}

#[derive(Debug, Serialize, Deserialize)]
struct State {
    messages: Vec<Message>,
}

impl Snapshot for State {
    const KIND: &'static str = "state";
    const VERSION: u16 = 1;
}

/// Its last turn is another one each time, so that it stays as long as it is.
pub(super) struct Whole {
    session: Checkpointer,
    state: State,
    /// Messages that stay.
    kept: usize,
    source: Source,
}

impl Whole {
    /// Saved once in `session`.
    pub(super) fn new(
        session: Checkpointer,
        mut source: Source,
        bytes: u64,
    ) -> Result<Self, Broken> {
        let turns = source.turns(bytes);
        let messages = turns.map_err(Broken::when("measure the session"))?.concat();
        let mut whole = Self {
            session,
            kept: messages.len(),
            state: State { messages },
            source,
        };
        whole.run()?;
        Ok(whole)
    }

    pub(super) const fn session(&self) -> &Checkpointer {
        &self.session
    }
}

impl Steps for Whole {
    fn prepare(&mut self) -> Result<(), Broken> {
        self.state.messages.truncate(self.kept);
        self.state.messages.extend(self.source.turn());
        Ok(())
    }

    fn run(&mut self) -> Result<(), Broken> {
        self.session
            .put(&self.state)
            .and_then(|()| self.session.save(CheckpointKind::Auto))
            .map(drop)
            .map_err(Broken::when("save the whole state"))
    }
}
