//! Restoring a whole session that is not in the page cache.

use std::any::Any;
use std::rc::Rc;

use tempfile::TempDir;

use super::setting::Setting;
use crate::harness::{Broken, Case, Group, Kind, Plan, Steps, version_of};
use crate::session::{Message, Source};
use crate::stores::{
    Create, JsonFile, Jsonl, Ours, Reader, Redb, SnapshotFile, Sqlite, SqliteBlob, Sync, TAIL,
    make_cold,
};

const SEED: u64 = 7;
const LARGE: u64 = 10_000_000;
const HUGE: u64 = 50_000_000;

pub(super) fn plans(setting: &Setting) -> Vec<Plan> {
    let plan = |name, bytes, samples, ways: &'static [Way], most| {
        let setting = setting.clone();
        Plan::new(name, move |name| {
            Ok(Group::new(name, cases(&setting, bytes, ways, most)?).samples(samples))
        })
    };
    vec![
        plan("restore 10 MB, cold", LARGE, 25, &WHOLE, usize::MAX),
        plan("restore 50 MB, cold", HUGE, 9, &WHOLE, usize::MAX),
        plan("last 20 turns of 10 MB, cold", LARGE, 51, &END, TAIL),
        plan("last 20 turns of 50 MB, cold", HUGE, 51, &END, TAIL),
    ]
}

/// A session of `bytes` for each of the `ways` to read it, or its last `most` messages.
fn cases(setting: &Setting, bytes: u64, ways: &[Way], most: usize) -> Result<Vec<Case>, Broken> {
    let turns = Source::new(SEED).turns(setting.bytes(bytes));
    let turns = Rc::new(turns.map_err(Broken::when("measure the session"))?);
    let mut cases = Vec::new();
    for ((kind, name, package), create, reader) in ways {
        let is_settled = [SEALED.1, SEALED_RESUMED.1].contains(name);
        let cold = Cold::new(setting, &turns, *create, is_settled, *reader, most)?;
        cases.push(Case::steps(*kind, *name, version_of(package), cold));
    }
    Ok(cases)
}

const WHOLE: [Way; 9] = [
    (OURS, Some(Ours::create), Ours::read),
    (SEALED, Some(Ours::create), Ours::read),
    (JSON_FILE, Some(JsonFile::create), JsonFile::read),
    (JSONL, Some(Jsonl::create), Jsonl::read),
    (SQLITE, Some(Sqlite::create), Sqlite::read),
    (REDB, Some(Redb::create), Redb::read),
    (SQLITE_BLOB, Some(SqliteBlob::create), SqliteBlob::read),
    (SNAPSHOT, None, SnapshotFile::read),
    (FLOOR, None, SnapshotFile::unpack),
];
const END: [Way; 7] = [
    (OURS, Some(Ours::create), Ours::read_tail),
    (SEALED, Some(Ours::create), Ours::read_tail),
    (RESUMED, Some(Ours::create), Ours::resume),
    (SEALED_RESUMED, Some(Ours::create), Ours::resume),
    (JSONL, Some(Jsonl::create), Jsonl::read_tail),
    (SQLITE, Some(Sqlite::create), Sqlite::read_tail),
    (REDB, Some(Redb::create), Redb::read_tail),
];

type Named = (Kind, &'static str, &'static str);
/// A store, what writes it (one snapshot where nothing does) and what reads it.
type Way = (Named, Option<Create>, Reader);

const OURS: Named = (Kind::Ours, "checkpoint log", "agent-checkpoint");
const RESUMED: Named = (Kind::Ours, "checkpoint log, to go on", "agent-checkpoint");
/// What is above is a log as a process leaves it that ends in the middle of its work: the newest segments are not
/// sealed yet.
const SEALED: Named = (Kind::Ours, "checkpoint log, sealed", "agent-checkpoint");
const SEALED_RESUMED: Named = (
    Kind::Ours,
    "checkpoint log, sealed, to go on",
    "agent-checkpoint",
);
const JSON_FILE: Named = (Kind::Peer, "JSON file", "serde_json");
const JSONL: Named = (Kind::Peer, "JSONL", "serde_json");
const SQLITE: Named = (Kind::Peer, "SQLite rows", "rusqlite");
const SQLITE_BLOB: Named = (Kind::Peer, "SQLite blob", "rusqlite");
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
        is_settled: bool,
        reader: Reader,
        most: usize,
    ) -> Result<Self, Broken> {
        let folder = setting.folder()?;
        match create {
            Some(create) => {
                let mut log = create(folder.path(), Sync::Buffered)?;
                log.fill(turns.to_vec())?;
                if is_settled {
                    log.settle()?;
                }
            }
            None => SnapshotFile::write(folder.path(), &turns.concat())?,
        }
        Ok(Self {
            folder,
            reader,
            messages: turns.iter().map(Vec::len).sum::<usize>().min(most),
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
