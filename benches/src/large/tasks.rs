//! The one thing that a process does.

use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::memory::{resident, spent};
use super::stores::{STORES, Writes};
use super::words::Teller;
use crate::harness::{Broken, Spread};
use crate::session::{FOLDER, json_len, recorded};
use crate::stores::Sync;

/// What one process is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Writes a session of so many bytes of JSON.
    Write {
        /// The store, by its name.
        store: String,
        /// Bytes of JSON.
        bytes: u64,
        /// Turns that are saved durably once it is as long, to see what one takes then.
        more: usize,
    },
    /// Tells as much and writes none of it, so that what telling takes is known.
    Tell {
        /// Bytes of JSON.
        bytes: u64,
    },
    /// Reads a session, or what of it is asked for.
    Read {
        /// The store, by its name.
        store: String,
        /// What is read, by its name.
        what: String,
    },
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Milliseconds that it took.
    pub ms: f64,
    /// Milliseconds that all threads spent at it on a processor; `None` where the system does not tell.
    pub cpu_ms: Option<f64>,
    /// Most bytes of resident memory of the process; `None` where the system does not tell.
    pub peak: Option<u64>,
    /// Bytes of resident memory while it still held what was read or written.
    pub held: Option<u64>,
    /// Messages, or entries of a listing.
    pub count: usize,
    /// Bytes of JSON that were told; 0 where something was read.
    pub logical: u64,
    /// The median of milliseconds that saving one more turn took, on the device when it returns; `None` where a
    /// store is not written turn by turn.
    pub save_ms: Option<f64>,
    /// The 99th percentile of the same.
    pub save_p99_ms: Option<f64>,
}

/// Does it, in `folder`.
///
/// # Errors
/// When there is no such store, or it cannot be written or read.
pub fn perform(task: &Task, folder: &Path) -> Result<Outcome, Broken> {
    match task {
        Task::Write { store, bytes, more } => {
            let found = STORES.iter().find(|kept| kept.name == *store);
            let found = found.ok_or_else(|| unknown(store))?;
            write(Some(found.writes), *bytes, *more, folder)
        }
        Task::Tell { bytes } => write(None, *bytes, 0, folder),
        Task::Read { store, what } => {
            let found = STORES.iter().find(|kept| kept.name == *store);
            let reads = found.ok_or_else(|| unknown(store))?.reads.iter();
            let found = reads.into_iter().find(|(name, _)| name == what);
            let (_, reader) = found.ok_or_else(|| unknown(what))?;
            let started = Started::now();
            let (count, held) = reader(folder)?;
            let outcome = started.ended(count);
            drop(held);
            Ok(outcome)
        }
    }
}

fn unknown(name: &str) -> Broken {
    Broken::new(format!("find {name:?}"), "there is none of that name")
}

struct Started(Instant, Option<std::time::Duration>);

impl Started {
    fn now() -> Self {
        Self(Instant::now(), spent())
    }

    fn ended(&self, count: usize) -> Outcome {
        let took = self.0.elapsed();
        let cpu = spent()
            .zip(self.1)
            .map(|(now, then)| now.saturating_sub(then));
        let memory = resident();
        Outcome {
            ms: took.as_secs_f64() * 1e3,
            cpu_ms: cpu.map(|cpu| cpu.as_secs_f64() * 1e3),
            peak: memory.map(|(_, most)| most),
            held: memory.map(|(now, _)| now),
            count,
            logical: 0,
            save_ms: None,
            save_p99_ms: None,
        }
    }
}

fn write(
    writes: Option<Writes>,
    bytes: u64,
    more: usize,
    folder: &Path,
) -> Result<Outcome, Broken> {
    let mut teller = Teller::new(recorded(Path::new(FOLDER)).ok());
    let (mut count, mut logical) = (0, 0);
    let mut next = || -> Result<Option<_>, Broken> {
        if logical >= bytes {
            return Ok(None);
        }
        let turn = teller.turn();
        logical += json_len(&turn).map_err(Broken::when("measure a turn"))?;
        count += turn.len();
        Ok(Some(turn))
    };
    let started = Started::now();
    match writes {
        None => while next()?.is_some() {},
        Some(Writes::AtOnce(write)) => {
            let mut messages = Vec::new();
            while let Some(turn) = next()? {
                messages.extend(turn);
            }
            // As many as the others hold.
            for _ in 0..more {
                let turn = teller.turn();
                logical += json_len(&turn).map_err(Broken::when("measure a turn"))?;
                messages.extend(turn);
            }
            count = messages.len();
            write(folder, &messages)?;
        }
        Some(Writes::Turns(create) | Writes::Settled(create)) => {
            let mut log = create(folder, Sync::Buffered)?;
            while let Some(turn) = next()? {
                log.stage(turn)?;
                log.save()?;
            }
            log.sync_from_now(Sync::Synced)?;
            let mut saves = Vec::new();
            for _ in 0..more {
                let turn = teller.turn();
                logical += json_len(&turn).map_err(Broken::when("measure a turn"))?;
                count += turn.len();
                log.stage(turn)?;
                let before = Instant::now();
                log.save()?;
                saves.push(before.elapsed().as_secs_f64() * 1e3);
            }
            if matches!(writes, Some(Writes::Settled(_))) {
                log.settle()?;
            }
            let spread = Spread::of(saves);
            return Ok(Outcome {
                logical,
                save_ms: spread.map(|spread| spread.median),
                save_p99_ms: spread.map(|spread| spread.p99),
                ..started.ended(count)
            });
        }
    }
    Ok(Outcome {
        logical,
        ..started.ended(count)
    })
}
