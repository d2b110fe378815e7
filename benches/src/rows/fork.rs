//! A second session that begins where a long one stands.

use tempfile::TempDir;

use super::setting::Setting;
use crate::harness::{Broken, Case, Group, Kind, Plan, Steps, version_of};
use crate::session::Source;
use crate::stores::{
    Create, Fork, Forking, JsonFile, Jsonl, Ours, Redb, Sqlite, Sync, copied, ours_resumed,
    ours_whole, redb_rows, sqlite_rows,
};

const SEED: u64 = 7;
const LARGE: u64 = 10_000_000;

type Named = (Kind, &'static str, &'static str);

const FORKS: [(Named, Create, Fork); 6] = [
    (OURS, Ours::create, ours_resumed),
    (WHOLE, Ours::create, ours_whole),
    (JSON_FILE, JsonFile::create, copied),
    (JSONL, Jsonl::create, copied),
    (SQLITE, Sqlite::create, sqlite_rows),
    (REDB, Redb::create, redb_rows),
];

const OURS: Named = (Kind::Ours, "checkpoint log, to go on", "agent-checkpoint");
// Reads the whole history, which no peer does here.
const WHOLE: Named = (
    Kind::Ours,
    "checkpoint log, all of it read",
    "agent-checkpoint",
);
const JSON_FILE: Named = (Kind::Peer, "JSON file, copied", "serde_json");
const JSONL: Named = (Kind::Peer, "JSONL, copied", "serde_json");
const SQLITE: Named = (Kind::Peer, "SQLite rows, copied", "rusqlite");
const REDB: Named = (Kind::Peer, "redb rows, zstd, copied", "redb");

pub(super) fn plans(setting: &Setting) -> Vec<Plan> {
    let setting = setting.clone();
    vec![Plan::new("fork a 10 MB session, synced", move |name| {
        let turns = Source::new(SEED).turns(setting.bytes(LARGE));
        let turns = turns.map_err(Broken::when("measure the session"))?;
        let mut cases = Vec::new();
        for ((kind, case, package), create, fork) in FORKS {
            let folder = setting.folder()?;
            create(folder.path(), Sync::Buffered)?.fill(turns.clone())?;
            let forked = Forked {
                forking: fork(folder.path())?,
                is_there: false,
                _folder: folder,
            };
            cases.push(Case::steps(kind, case, version_of(package), forked));
        }
        Ok(Group::new(name, cases).samples(25))
    })]
}

struct Forked {
    forking: Box<dyn Forking>,
    is_there: bool,
    _folder: TempDir,
}

impl Steps for Forked {
    fn prepare(&mut self) -> Result<(), Broken> {
        if self.is_there {
            self.forking.forget()?;
        }
        self.is_there = false;
        Ok(())
    }

    fn run(&mut self) -> Result<(), Broken> {
        self.is_there = true;
        self.forking.fork()
    }
}
