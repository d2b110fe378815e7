//! Listing ten thousand checkpoints, and leaving all but ten of a thousand out.

use std::any::Any;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use tempfile::TempDir;

use super::setting::Setting;
use crate::harness::{Broken, Case, Group, Kind, Plan, Steps, version_of};
use crate::stores::{
    JsonlPoints, List, OurPoints, Prune, RedbPoints, SqlitePoints, Write, files, make_cold, saved,
};

const LISTED: u64 = 10_000;
const PRUNED: u64 = 1_000;
const KEPT: u64 = 10;
/// Bytes of a message and of a state.
const SMALL: (usize, usize) = (200, 100);
const LARGE: (usize, usize) = (1_000, 4_000);

const LISTS: [(Named, Write, List); 5] = [
    (OURS, OurPoints::write, OurPoints::list),
    (LOOK, OurPoints::write, OurPoints::look),
    (JSONL, JsonlPoints::write, JsonlPoints::list),
    (SQLITE, SqlitePoints::write, SqlitePoints::list),
    (REDB, RedbPoints::write, RedbPoints::list),
];
const PRUNES: [(Named, Write, Prune); 5] = [
    (COMPACT, OurPoints::write, OurPoints::prune),
    (DROP, OurPoints::write, OurPoints::drop_from_listing),
    (JSONL, JsonlPoints::write, JsonlPoints::prune),
    (SQLITE, SqlitePoints::write, SqlitePoints::prune),
    (REDB, RedbPoints::write, RedbPoints::prune),
];

type Named = (Kind, &'static str, &'static str);

const OURS: Named = (Kind::Ours, "checkpoint log, to go on", "agent-checkpoint");
const LOOK: Named = (Kind::Ours, "checkpoint log", "agent-checkpoint");
const COMPACT: Named = (Kind::Ours, "checkpoint log", "agent-checkpoint");
// Gives no room back, which all others do.
const DROP: Named = (
    Kind::Ours,
    "checkpoint log, listing alone",
    "agent-checkpoint",
);
const JSONL: Named = (Kind::Peer, "JSONL", "serde_json");
const SQLITE: Named = (Kind::Peer, "SQLite rows", "rusqlite");
const REDB: Named = (Kind::Peer, "redb rows, zstd", "redb");

pub(super) fn plans(setting: &Setting) -> Vec<Plan> {
    let (first, second) = (setting.clone(), setting.clone());
    vec![
        Plan::new("list 10 000 checkpoints, cold", move |name| {
            let saved = saved(first.count(LISTED), SMALL.0, SMALL.1);
            let mut cases = Vec::new();
            for ((kind, case, package), write, list) in LISTS {
                let folder = first.folder()?;
                write(folder.path(), &saved)?;
                let listing = Listing {
                    folder,
                    list,
                    count: saved.len(),
                    listed: None,
                };
                cases.push(Case::steps(kind, case, version_of(package), listing));
            }
            Ok(Group::new(name, cases).samples(25))
        }),
        Plan::new("prune 1 000 checkpoints to 10, synced", move |name| {
            let saved = saved(second.count(PRUNED), LARGE.0, LARGE.1);
            let mut cases = Vec::new();
            for ((kind, case, package), write, prune) in PRUNES {
                let pruned = Rc::new(second.folder()?);
                write(pruned.path(), &saved)?;
                let pruning = Pruning {
                    setting: second.clone(),
                    all: pruned,
                    prune,
                    folder: None,
                };
                cases.push(Case::steps(kind, case, version_of(package), pruning));
            }
            Ok(Group::new(name, cases).samples(15))
        }),
    ]
}

struct Listing {
    folder: TempDir,
    list: List,
    count: usize,
    listed: Option<Box<dyn Any>>,
}

impl Steps for Listing {
    fn prepare(&mut self) -> Result<(), Broken> {
        self.listed = None;
        make_cold(self.folder.path()).map_err(Broken::when("drop the files from the cache"))
    }

    fn run(&mut self) -> Result<(), Broken> {
        let (count, listed) = (self.list)(self.folder.path())?;
        self.listed = Some(listed);
        if count == self.count {
            return Ok(());
        }
        let why = format!("{count} of {} are listed", self.count);
        Err(Broken::new("list the checkpoints", why))
    }
}

/// Each run prunes a copy.
struct Pruning {
    setting: Setting,
    all: Rc<TempDir>,
    prune: Prune,
    folder: Option<TempDir>,
}

impl Steps for Pruning {
    fn prepare(&mut self) -> Result<(), Broken> {
        let doing = "copy a session";
        let folder = self.setting.folder()?;
        copy(self.all.path(), folder.path()).map_err(Broken::when(doing))?;
        self.folder = Some(folder);
        Ok(())
    }

    fn run(&mut self) -> Result<(), Broken> {
        let Some(folder) = &self.folder else {
            return Err(Broken::new("prune a session", "none was prepared"));
        };
        (self.prune)(folder.path(), KEPT)
    }
}

/// What was read stays in the page cache: pruning comes when a session has just been at work.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for path in files(from)? {
        let Ok(name) = path.strip_prefix(from) else {
            continue;
        };
        let copied = to.join(name);
        if let Some(folder) = copied.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::copy(&path, &copied)?;
        fs::File::open(&copied)?.sync_all()?;
    }
    Ok(())
}
