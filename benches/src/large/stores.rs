//! The stores that keep a long session, and the ways to read each.

use std::path::Path;

use crate::harness::Broken;
use crate::stores::{Create, JsonFile, Jsonl, Ours, Reader, Redb, SnapshotFile, Sqlite, Sync};

/// A store by its name. The first one is what is built here, the last what ratios refer to.
pub(super) struct Kept {
    pub(super) name: &'static str,
    pub(super) writes: Writes,
    /// What is read, and how.
    pub(super) reads: &'static [(&'static str, Reader)],
}

#[derive(Clone, Copy)]
pub(super) enum Writes {
    /// Turn by turn, then as it is left by a process that ends.
    Turns(Create),
    /// Turn by turn, then all that is left to do is done.
    Settled(Create),
    /// All at once: turn by turn it would take hours.
    AtOnce(fn(&Path, &[crate::session::Message]) -> Result<(), Broken>),
}

pub(super) const WHOLE: &str = "whole";
pub(super) const END: &str = "last 20 turns";
pub(super) const LISTING: &str = "listing";
/// What whole restores are compared with.
pub(super) const SNAPSHOT: &str = "JSON snapshot, zstd";

pub(super) const STORES: [Kept; 7] = [
    Kept {
        name: "checkpoint log, sealed",
        writes: Writes::Settled(Ours::create_keeping_all),
        reads: OURS,
    },
    Kept {
        name: "checkpoint log, as left",
        writes: Writes::Turns(Ours::create_keeping_all),
        reads: OURS,
    },
    Kept {
        name: "JSONL append",
        writes: Writes::Turns(Jsonl::create),
        reads: &[
            (WHOLE, Jsonl::read),
            (END, Jsonl::read_tail),
            (LISTING, Jsonl::list),
        ],
    },
    Kept {
        name: "SQLite rows, WAL",
        writes: Writes::Turns(Sqlite::create),
        reads: &[
            (WHOLE, Sqlite::read),
            (END, Sqlite::read_tail),
            (LISTING, Sqlite::list),
        ],
    },
    Kept {
        name: "redb rows, zstd",
        writes: Writes::Turns(Redb::create),
        reads: &[(WHOLE, Redb::read), (END, Redb::read_tail)],
    },
    Kept {
        name: "JSON file",
        writes: Writes::AtOnce(json_file),
        reads: &[(WHOLE, JsonFile::read)],
    },
    Kept {
        name: SNAPSHOT,
        writes: Writes::AtOnce(snapshot),
        reads: &[(WHOLE, SnapshotFile::read)],
    },
];

const OURS: &[(&str, Reader)] = &[
    (WHOLE, Ours::read),
    (END, Ours::read_tail),
    ("last 20 turns, to go on", Ours::resume),
    (LISTING, Ours::list),
];

fn json_file(folder: &Path, messages: &[crate::session::Message]) -> Result<(), Broken> {
    JsonFile::create(folder, Sync::Buffered)?.fill(vec![messages.to_vec()])
}

fn snapshot(folder: &Path, messages: &[crate::session::Message]) -> Result<(), Broken> {
    SnapshotFile::write(folder, messages)
}
