//! What a session costs on disk as it grows: bytes for each byte of JSON that was saved.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use agent_checkpoint::{Checkpointer, Durability, FileStore};
use agent_primitives::{CheckpointKind, Event, SessionId, Stamp};
use serde::Serialize;

use crate::harness::Broken;
use crate::session::{Message, Source, json_len};
use crate::stores::disk_bytes;

const SEED: u64 = 7;

/// After how many saved units a checkpoint is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// After each message.
    Message,
    /// After each turn: what the model says and calls, and what the tools answer.
    Turn,
}

/// A session at one size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Growth {
    /// How often it was saved.
    pub pace: Pace,
    /// Turns in it.
    pub turns: usize,
    /// Checkpoints that were made.
    pub checkpoints: usize,
    /// Bytes of its messages as JSON.
    pub logical: u64,
    /// Bytes of the log as it was written.
    pub log: u64,
    /// Bytes that the files take once the log is sealed.
    pub sealed: u64,
    /// Bytes that rewriting one JSON file at each of these checkpoints would have written.
    pub rewritten: u64,
}

impl Growth {
    /// Bytes of the log for each byte of JSON.
    pub fn log_per_byte(&self) -> f64 {
        ratio(self.log, self.logical)
    }

    /// Bytes on disk after sealing for each byte of JSON.
    pub fn sealed_per_byte(&self) -> f64 {
        ratio(self.sealed, self.logical)
    }
}

/// Grows a session of so many turns in `folder`, which is empty, and weighs it.
///
/// # Errors
/// When the session cannot be written.
pub fn grow(folder: &Path, pace: Pace, turns: usize) -> Result<Growth, Broken> {
    let doing = "grow a session";
    let store = FileStore::open(folder).map_err(Broken::when(doing))?;
    let id = SessionId::new("growth").map_err(Broken::when(doing))?;
    let log = Arc::new(AtomicU64::new(0));
    let written = Arc::clone(&log);
    let mut session = Checkpointer::builder(store, id)
        .durability(Durability::Buffered)
        .observer(move |_: Stamp<'_>, event: &Event| {
            if let Event::CheckpointSaved(saved) = event {
                written.fetch_add(saved.stored_bytes, Ordering::Relaxed);
            }
        })
        .open()
        .map_err(Broken::when(doing))?;
    let mut source = Source::new(SEED);
    let (mut checkpoints, mut logical, mut rewritten) = (0, 0_u64, 0_u64);
    for _ in 0..turns {
        for part in parts(source.turn(), pace) {
            logical += json_len(&part).map_err(Broken::when("measure a message"))?;
            for message in part {
                session
                    .push(message.into_ours())
                    .map_err(Broken::when(doing))?;
            }
            session
                .save(CheckpointKind::Auto)
                .map_err(Broken::when(doing))?;
            checkpoints += 1;
            rewritten += logical;
        }
    }
    session.seal().map_err(Broken::when("seal the session"))?;
    Ok(Growth {
        pace,
        turns,
        checkpoints,
        logical,
        log: log.load(Ordering::Relaxed),
        sealed: disk_bytes(folder).map_err(Broken::when("weigh the files"))?,
        rewritten,
    })
}

/// What each checkpoint of a turn adds.
fn parts(turn: Vec<Message>, pace: Pace) -> Vec<Vec<Message>> {
    match pace {
        Pace::Message => turn.into_iter().map(|message| vec![message]).collect(),
        Pace::Turn => vec![turn],
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pace = match self.pace {
            Pace::Message => "message",
            Pace::Turn => "turn",
        };
        write!(
            f,
            "{pace:<8} {:>6} {:>7} {:>9.2} {:>8.3} {:>8.3} {:>10.1}",
            self.turns,
            self.checkpoints,
            ratio(self.logical, 1_000_000),
            self.log_per_byte(),
            self.sealed_per_byte(),
            ratio(self.rewritten, self.logical),
        )
    }
}

/// The line above rows of [`Growth`].
pub const HEADER: &str = "pace      turns   saves   JSON MB  log/JSON  sealed/J.  rewrite/J.";

fn ratio(bytes: u64, of: u64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "shown with three digits; sizes are far below 2^52"
    )]
    let float = |n: u64| n as f64;
    float(bytes) / float(of.max(1))
}
