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
        let saved = |kind, case: &'static str, package, writer: Writer, reader: Reader| {
            let cold = Cold::new(&setting, &turns, writer, reader)?;
            Ok(Case::steps(kind, case, version_of(package), cold))
        };
        let cases = vec![
            saved(
                Kind::Ours,
                "checkpoint log",
                "agent-checkpoint",
                Writer::Turns(Ours::create),
                Ours::read,
            )?,
            saved(
                Kind::Peer,
                "JSON file",
                "serde_json",
                Writer::Whole(JsonFile::create),
                JsonFile::read,
            )?,
            saved(
                Kind::Peer,
                "JSONL",
                "serde_json",
                Writer::Turns(Jsonl::create),
                Jsonl::read,
            )?,
            saved(
                Kind::Peer,
                "SQLite rows",
                "rusqlite",
                Writer::Turns(Sqlite::create),
                Sqlite::read,
            )?,
            saved(
                Kind::Peer,
                "JSON snapshot, zstd",
                "zstd",
                Writer::Snapshot,
                SnapshotFile::read,
            )?,
            saved(
                Kind::Floor,
                "the same, not decoded",
                "zstd",
                Writer::Snapshot,
                SnapshotFile::unpack,
            )?,
        ];
        Ok(Group::new(name, cases).samples(25))
    })]
}

/// How the session came to lie on the disk.
#[derive(Clone, Copy)]
enum Writer {
    /// Saved after each turn, as it grew.
    Turns(Create),
    /// Saved once.
    Whole(Create),
    Snapshot,
}

struct Cold {
    folder: TempDir,
    reader: Reader,
    messages: usize,
    restored: Option<Box<dyn Any>>,
}

impl Cold {
    fn new(
        setting: &Setting,
        turns: &[Vec<Message>],
        writer: Writer,
        reader: Reader,
    ) -> Result<Self, Broken> {
        let folder = setting.folder()?;
        let all = turns.concat();
        let messages = all.len();
        let saves = match writer {
            Writer::Snapshot => {
                SnapshotFile::write(folder.path(), &all)?;
                None
            }
            Writer::Whole(create) => Some((create, vec![all])),
            Writer::Turns(create) => Some((create, turns.to_vec())),
        };
        if let Some((create, saves)) = saves {
            let mut log = create(folder.path(), Sync::Buffered)?;
            for save in saves {
                log.stage(save)?;
                log.save()?;
            }
        }
        Ok(Self {
            folder,
            reader,
            messages,
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
