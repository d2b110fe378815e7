//! Restoring a whole session that is not in the page cache.

use std::any::Any;
use std::rc::Rc;

use tempfile::TempDir;

use super::setting::Setting;
use crate::harness::{Broken, Case, Group, Kind, Plan, Steps, version_of};
use crate::session::{Message, Source};
use crate::stores::{Create, JsonFile, Jsonl, Ours, Reader, SnapshotFile, Sqlite, Sync, make_cold};

const SEED: u64 = 7;
const LARGE: u64 = 10_000_000;

pub(super) fn plans(setting: &Setting) -> Vec<Plan> {
    let setting = setting.clone();
    vec![Plan::new("restore 10 MB, cold", move |name| {
        let turns = Source::new(SEED).turns(setting.bytes(LARGE));
        let turns = Rc::new(turns.map_err(Broken::when("measure the session"))?);
        let saved = |kind, case: &'static str, package, create: Option<Create>, reader: Reader| {
            let cold = Cold::new(&setting, &turns, create, reader)?;
            Ok(Case::steps(kind, case, version_of(package), cold))
        };
        let cases = vec![
            saved(
                Kind::Ours,
                "checkpoint log",
                "agent-checkpoint",
                Some(Ours::create),
                Ours::read,
            )?,
            saved(
                Kind::Peer,
                "JSON file",
                "serde_json",
                Some(JsonFile::create),
                JsonFile::read,
            )?,
            saved(
                Kind::Peer,
                "JSONL",
                "serde_json",
                Some(Jsonl::create),
                Jsonl::read,
            )?,
            saved(
                Kind::Peer,
                "SQLite rows",
                "rusqlite",
                Some(Sqlite::create),
                Sqlite::read,
            )?,
            saved(
                Kind::Peer,
                "JSON snapshot, zstd",
                "zstd",
                None,
                SnapshotFile::read,
            )?,
            saved(
                Kind::Floor,
                "the same, not decoded",
                "zstd",
                None,
                SnapshotFile::unpack,
            )?,
        ];
        Ok(Group::new(name, cases).samples(25))
    })]
}

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
