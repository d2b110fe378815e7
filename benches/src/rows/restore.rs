//! Restoring a whole session that is not in the page cache.

use std::any::Any;
use std::rc::Rc;

use tempfile::TempDir;

use super::setting::Setting;
use crate::harness::{Broken, Case, Group, Kind, Plan, Steps, version_of};
use crate::session::{Message, Source};
use crate::stores::{
    Create, JsonFile, Jsonl, Ours, Reader, Redb, SnapshotFile, Sqlite, Sync, make_cold,
};

const SEED: u64 = 7;
const LARGE: u64 = 10_000_000;
const HUGE: u64 = 50_000_000;

pub(super) fn plans(setting: &Setting) -> Vec<Plan> {
    let plan = |name, bytes, samples| {
        let setting = setting.clone();
        Plan::new(name, move |name| {
            Ok(Group::new(name, whole(&setting, bytes)?).samples(samples))
        })
    };
    vec![
        plan("restore 10 MB, cold", LARGE, 25),
        plan("restore 50 MB, cold", HUGE, 9),
    ]
}

/// Ways to read a whole session of `bytes`.
fn whole(setting: &Setting, bytes: u64) -> Result<Vec<Case>, Broken> {
    let turns = Source::new(SEED).turns(setting.bytes(bytes));
    let turns = Rc::new(turns.map_err(Broken::when("measure the session"))?);
    let ways: [Way; 7] = [
        (OURS, Some(Ours::create), Ours::read),
        (JSON_FILE, Some(JsonFile::create), JsonFile::read),
        (JSONL, Some(Jsonl::create), Jsonl::read),
        (SQLITE, Some(Sqlite::create), Sqlite::read),
        (REDB, Some(Redb::create), Redb::read),
        (SNAPSHOT, None, SnapshotFile::read),
        (FLOOR, None, SnapshotFile::unpack),
    ];
    let mut cases = Vec::new();
    for ((kind, name, package), create, reader) in ways {
        let cold = Cold::new(setting, &turns, create, reader)?;
        cases.push(Case::steps(kind, name, version_of(package), cold));
    }
    Ok(cases)
}

type Named = (Kind, &'static str, &'static str);
/// A store, what writes it (one snapshot where nothing does) and what reads it.
type Way = (Named, Option<Create>, Reader);

const OURS: Named = (Kind::Ours, "checkpoint log", "agent-checkpoint");
const JSON_FILE: Named = (Kind::Peer, "JSON file", "serde_json");
const JSONL: Named = (Kind::Peer, "JSONL", "serde_json");
const SQLITE: Named = (Kind::Peer, "SQLite rows", "rusqlite");
const REDB: Named = (Kind::Peer, "redb rows, zstd", "redb");
const SNAPSHOT: Named = (Kind::Peer, "JSON snapshot, zstd", "zstd");
const FLOOR: Named = (Kind::Floor, "the same, not decoded", "zstd");

struct Cold {
    folder: TempDir,
    reader: Reader,
    messages: usize,
    restored: Option<Box<dyn Any>>,
}

impl Cold {
    /// A session of `turns`, written by the log that `create` makes or as one snapshot.
    fn new(
        setting: &Setting,
        turns: &[Vec<Message>],
        create: Option<Create>,
        reader: Reader,
    ) -> Result<Self, Broken> {
        let folder = setting.folder()?;
        match create {
            Some(create) => create(folder.path(), Sync::Buffered)?.fill(turns.to_vec())?,
            None => SnapshotFile::write(folder.path(), &turns.concat())?,
        }
        Ok(Self {
            folder,
            reader,
            messages: turns.iter().map(Vec::len).sum(),
            restored: None,
        })
    }
}

impl Steps for Cold {
    fn prepare(&mut self) -> Result<(), Broken> {
        self.restored = None;
        make_cold(self.folder.path()).map_err(Broken::when("drop the files from the cache"))
    }

    fn run(&mut self) -> Result<(), Broken> {
        let (messages, restored) = (self.reader)(self.folder.path())?;
        self.restored = Some(restored);
        // The floor decodes nothing and counts none.
        if messages == self.messages || messages == 0 {
            Ok(())
        } else {
            let why = format!("{messages} of {} messages came back", self.messages);
            Err(Broken::new("restore the session", why))
        }
    }
}
