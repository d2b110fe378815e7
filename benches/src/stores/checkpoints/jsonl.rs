//! One file of lines: a message, then the checkpoint with the state.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Entry, Saved};
use crate::harness::Broken;
use crate::session::Message;
use crate::stores::Sync;
use crate::stores::json_file::replace;

const NAME: &str = "session.jsonl";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line<'a> {
    Message(Message),
    Checkpoint {
        entry: Entry,
        #[serde(borrow)]
        state: std::borrow::Cow<'a, str>,
    },
}

/// As much of a line as a listing needs.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Listed {
    Message(serde::de::IgnoredAny),
    Checkpoint { entry: Entry },
}

pub(crate) struct JsonlPoints;

impl JsonlPoints {
    pub(crate) fn write(folder: &Path, saved: &[Saved]) -> Result<(), Broken> {
        write(folder, saved).map_err(Broken::when("write the lines"))
    }

    pub(crate) fn list(folder: &Path) -> Result<(usize, Box<dyn std::any::Any>), Broken> {
        let entries = entries(folder).map_err(Broken::when("list the lines"))?;
        Ok((entries.len(), Box::new(entries)))
    }

    pub(crate) fn prune(folder: &Path, kept: u64) -> Result<(), Broken> {
        prune(folder, kept).map_err(Broken::when("prune the lines"))
    }
}

type Failure = Box<dyn std::error::Error>;

fn write(folder: &Path, saved: &[Saved]) -> Result<(), Failure> {
    let mut file = BufWriter::new(File::create(folder.join(NAME))?);
    for saved in saved {
        let message = Line::Message(saved.message.clone());
        let checkpoint = Line::Checkpoint {
            entry: saved.entry.clone(),
            state: saved.state.as_str().into(),
        };
        for line in [message, checkpoint] {
            serde_json::to_writer(&mut file, &line)?;
            file.write_all(b"\n")?;
        }
    }
    Ok(file.into_inner()?.sync_all()?)
}

fn entries(folder: &Path) -> Result<Vec<Entry>, Failure> {
    let mut file = BufReader::new(File::open(folder.join(NAME))?);
    let (mut line, mut entries) = (Vec::new(), Vec::new());
    while file.read_until(b'\n', &mut line)? > 0 {
        if let Listed::Checkpoint { entry } = serde_json::from_slice(&line)? {
            entries.push(entry);
        }
        line.clear();
    }
    Ok(entries)
}

fn prune(folder: &Path, kept: u64) -> Result<(), Failure> {
    let text = fs::read(folder.join(NAME))?;
    let mut lines: Vec<(Line<'_>, &[u8])> = Vec::new();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        lines.push((serde_json::from_slice(line)?, line));
    }
    let next = lines.iter().filter_map(|(line, _)| match line {
        Line::Checkpoint { entry, .. } => Some(entry.number + 1),
        Line::Message(_) => None,
    });
    let from = next.max().unwrap_or(0).saturating_sub(kept);
    lines.retain(|(line, _)| match line {
        Line::Checkpoint { entry, .. } => entry.number >= from,
        Line::Message(_) => true,
    });
    let rest: Vec<u8> = lines
        .into_iter()
        .flat_map(|(_, line)| line)
        .copied()
        .collect();
    Ok(replace(folder, NAME, &rest, Sync::Synced)?)
}
