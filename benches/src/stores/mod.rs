//! The ways to keep a session on disk that are compared: ours, and what hosts do today.

mod checkpoints;
mod fork;
mod in_place;
mod json_file;
mod jsonl;
mod ours;
mod redb;
#[cfg(test)]
mod round_trip;
mod snapshot_file;
mod sqlite;
mod sqlite_blob;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

pub(crate) use checkpoints::{
    JsonlPoints, List, OurPoints, PointsInMemory, Prune, RedbPoints, SqlitePoints, Write, saved,
};
pub(crate) use fork::{Fork, Forking, copied, ours_resumed, ours_whole, redb_rows, sqlite_rows};
pub(crate) use in_place::InPlace;
pub(crate) use json_file::JsonFile;
pub(crate) use jsonl::Jsonl;
pub(crate) use ours::Ours;
pub(crate) use redb::Redb;
pub(crate) use snapshot_file::SnapshotFile;
pub(crate) use sqlite::Sqlite;
pub(crate) use sqlite_blob::SqliteBlob;

use crate::harness::{Broken, Kind};
use crate::session::Message;

/// Whether a save is on the device when it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sync {
    /// It is with the operating system.
    Buffered,
    /// It survives a power cut.
    Synced,
}

/// A session that grows on disk.
pub(crate) trait Log {
    /// Takes what the next [`save`](Self::save) is to store. Copies and conversions that a host would
    /// not make belong here, outside the time.
    fn stage(&mut self, messages: Vec<Message>) -> Result<(), Broken>;

    /// Brings the session to a size outside any time: turn by turn, as it would have grown.
    fn fill(&mut self, turns: Vec<Vec<Message>>) -> Result<(), Broken> {
        for turn in turns {
            self.stage(turn)?;
            self.save()?;
        }
        Ok(())
    }

    /// Makes later saves as durable as `sync` says, once everything before is on the device: a
    /// session is filled quickly and measured durably.
    fn sync_from_now(&mut self, sync: Sync) -> Result<(), Broken>;

    /// Stores it.
    fn save(&mut self) -> Result<(), Broken>;

    /// Ends the session: what a store would still do behind the caller's back is done when this returns.
    fn settle(&mut self) -> Result<(), Broken> {
        Ok(())
    }
}

/// Begins a session in an empty folder.
pub(crate) type Create = fn(&Path, Sync) -> Result<Box<dyn Log>, Broken>;

/// A store by its name, for setting up one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Maker {
    pub(crate) name: &'static str,
    /// The package whose version is shown; empty for a floor.
    pub(crate) package: &'static str,
    pub(crate) kind: Kind,
    pub(crate) create: Create,
}

impl Maker {
    pub(crate) const fn ours(create: Create) -> Self {
        Self {
            name: "checkpoint log",
            package: "agent-checkpoint",
            kind: Kind::Ours,
            create,
        }
    }

    pub(crate) const fn peer(name: &'static str, package: &'static str, create: Create) -> Self {
        Self {
            name,
            package,
            kind: Kind::Peer,
            create,
        }
    }

    pub(crate) const fn floor(name: &'static str, create: Create) -> Self {
        Self {
            name,
            package: "",
            kind: Kind::Floor,
            create,
        }
    }
}

/// Messages that a resumed session begins with: the last twenty turns or so.
pub(crate) const TAIL: usize = 50;

/// Reads a session or its end; the count of its messages and what holds them, so that dropping them is
/// not part of the time.
pub(crate) type Reader = fn(&Path) -> Result<(usize, Box<dyn std::any::Any>), Broken>;

/// The files below `folder`.
pub(crate) fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(self::files(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

/// Bytes that the files below `folder` take on the disk: what is allocated, not what is used.
pub(crate) fn disk_bytes(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for file in files(folder)? {
        bytes += allocated(&file.metadata()?);
    }
    Ok(bytes)
}

#[cfg(unix)]
fn allocated(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(metadata) * 512
}

#[cfg(not(unix))]
fn allocated(metadata: &fs::Metadata) -> u64 {
    metadata.len()
}

/// Drops the files below `folder` from the page cache, so that the next read comes from the device.
/// Elsewhere than on Linux reads stay warm, for all alike.
pub(crate) fn make_cold(folder: &Path) -> io::Result<()> {
    for path in files(folder)? {
        let file = File::open(path)?;
        // Only pages that are on the device can be dropped.
        file.sync_all()?;
        #[cfg(target_os = "linux")]
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
    }
    Ok(())
}

/// Makes a new name in `folder` survive a power cut.
fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}
