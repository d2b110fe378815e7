//! Has one process after the other do its one thing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::report::{LargeSession, Read, Written};
use super::stores::{SNAPSHOT, STORES, WHOLE};
use super::tasks::{Outcome, Task};
use crate::harness::{Broken, Spread};
use crate::session::{FOLDER, recorded};
use crate::stores::{disk_bytes, make_cold};

/// How a long session is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Bytes of JSON of the session.
    pub bytes: u64,
    /// Turns that are saved durably once it is as long.
    pub more: usize,
    /// How often each way to read is taken; the median is shown.
    pub rounds: usize,
    /// Where sessions are written, on a disk and not in memory.
    pub scratch: PathBuf,
    /// The program that does one [`Task`], given as JSON, in a folder, and prints its [`Outcome`] as JSON.
    pub program: PathBuf,
}

/// Writes the session into each store, and reads it in each way.
///
/// # Errors
/// When a process cannot be started or fails.
pub fn measure(asked: &Asked) -> Result<LargeSession, Broken> {
    let doing = "make a folder to write to";
    fs::create_dir_all(&asked.scratch).map_err(Broken::when(doing))?;
    let scratch = tempfile::tempdir_in(&asked.scratch).map_err(Broken::when(doing))?;
    let bytes = asked.bytes;
    let told = asked.run(&Task::Tell { bytes }, scratch.path())?;
    let (mut written, mut folders) = (Vec::new(), Vec::new());
    for (at, kept) in STORES.iter().enumerate() {
        let folder = scratch.path().join(at.to_string());
        fs::create_dir(&folder).map_err(Broken::when(doing))?;
        let store = kept.name.to_owned();
        let outcome = asked.run(&asked.write(store), &folder)?;
        written.push(Written {
            store: kept.name,
            disk: disk_bytes(&folder).map_err(Broken::when("weigh the files"))?,
            outcome,
        });
        folders.push(folder);
    }
    let mut read: Vec<(Read, Vec<Outcome>)> = Vec::new();
    for round in 0..asked.rounds.max(1) {
        let mut at = 0;
        for (kept, folder) in STORES.iter().zip(&folders) {
            for (what, _) in kept.reads {
                make_cold(folder).map_err(Broken::when("drop the files from the cache"))?;
                let task = Task::Read {
                    store: kept.name.to_owned(),
                    what: (*what).to_owned(),
                };
                let outcome = asked.run(&task, folder)?;
                if round == 0 {
                    read.push((Read::new(kept.name, what, &outcome), Vec::new()));
                }
                if let Some((_, outcomes)) = read.get_mut(at) {
                    outcomes.push(outcome);
                }
                at += 1;
            }
        }
    }
    let mut read: Vec<Read> = read
        .into_iter()
        .map(|(read, outcomes)| read.middle_of(&outcomes))
        .collect();
    let snapshot = read
        .iter()
        .find(|read| read.store == SNAPSHOT && read.what == WHOLE)
        .cloned();
    for read in &mut read {
        read.beside(snapshot.as_ref());
    }
    Ok(LargeSession {
        is_recorded: recorded(Path::new(FOLDER)).is_ok(),
        rounds: asked.rounds.max(1),
        told,
        written,
        read,
    })
}

impl Asked {
    fn write(&self, store: String) -> Task {
        Task::Write {
            store,
            bytes: self.bytes,
            more: self.more,
        }
    }

    fn run(&self, task: &Task, folder: &Path) -> Result<Outcome, Broken> {
        let doing = "have a process do one thing";
        let task = serde_json::to_string(task).map_err(Broken::when(doing))?;
        let output = Command::new(&self.program)
            .args(["--task", &task])
            .arg("--scratch")
            .arg(folder)
            .stderr(Stdio::inherit())
            .output()
            .map_err(Broken::when(doing))?;
        if !output.status.success() {
            return Err(Broken::new(format!("do {task}"), output.status));
        }
        serde_json::from_slice(&output.stdout).map_err(Broken::when(doing))
    }
}

impl Read {
    /// Itself, with the medians of `outcomes`.
    fn middle_of(mut self, outcomes: &[Outcome]) -> Self {
        let middle = |of: &dyn Fn(&Outcome) -> Option<f64>| {
            let values: Vec<f64> = outcomes.iter().filter_map(of).collect();
            Spread::of(values).map(|spread| spread.median)
        };
        self.ms = middle(&|outcome| Some(outcome.ms)).unwrap_or_default();
        self.cpu_ms = middle(&|outcome| outcome.cpu_ms);
        // The largest: a peak is a peak.
        self.peak = outcomes.iter().filter_map(|outcome| outcome.peak).max();
        self.held = outcomes.iter().filter_map(|outcome| outcome.held).max();
        self
    }
}
