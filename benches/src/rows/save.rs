//! Saving: one message, one turn into a small and into a large session, and a session from its first
//! message to its last.

use std::path::Path;
use std::rc::Rc;

use tempfile::TempDir;

use super::setting::Setting;
use crate::harness::{Broken, Case, Footprint, Group, Kind, Plan, Steps, version_of};
use crate::session::{FOLDER, Message, Source, json_len, recorded};
use crate::stores::{
    InPlace, JsonFile, Jsonl, Log, Maker, Ours, Redb, Sqlite, SqliteBlob, Sync, disk_bytes,
};

const SEED: u64 = 7;
const SMALL: u64 = 100_000;
const MIDDLE: u64 = 1_000_000;
const LARGE: u64 = 10_000_000;
const HUGE: u64 = 50_000_000;

const OURS: Maker = Maker::ours(Ours::create);
const IN_MEMORY: Maker = Maker::ours(Ours::in_memory);
const JSONL: Maker = Maker::peer("JSONL append", "serde_json", Jsonl::create);
const SQLITE: Maker = Maker::peer("SQLite row, WAL", "rusqlite", Sqlite::create);
const REDB: Maker = Maker::peer("redb row, zstd", "redb", Redb::create);
const SQLITE_BLOB: Maker = Maker::peer("SQLite blob, WAL", "rusqlite", SqliteBlob::create);
const JSON_FILE: Maker = Maker::peer("JSON file, replaced", "serde_json", JsonFile::create);
const IN_PLACE: Maker = Maker::floor("JSON written in place", InPlace::create);
/// Saves that are weighed together: one takes less than the device writes at a time.
const TOGETHER: u32 = 100;
/// Without a sync there is no floor among them: what is left is the copy into the page cache.
const BUFFERED: [Maker; 4] = [OURS, JSONL, SQLITE, REDB];
const SYNCED: [Maker; 5] = [OURS, JSONL, SQLITE, REDB, IN_PLACE];
const ALL: [Maker; 7] = [OURS, JSONL, SQLITE, REDB, SQLITE_BLOB, JSON_FILE, IN_PLACE];

pub(super) fn plans(setting: &Setting) -> Vec<Plan> {
    let plan = |name, setup: fn(&'static str, &Setting) -> Result<Group, Broken>| {
        let setting = setting.clone();
        Plan::new(name, move |name| setup(name, &setting))
    };
    let mut plans = vec![
        plan("append a message, in memory", |name, setting| {
            let cases = grown(setting, &[IN_MEMORY], SMALL, Unit::Message, Sync::Buffered)?;
            Ok(Group::new(name, cases).samples(501))
        }),
        plan("append a message, in memory, synced", |name, setting| {
            let cases = grown(setting, &[IN_MEMORY], SMALL, Unit::Message, Sync::Synced)?;
            Ok(Group::new(name, cases).samples(501))
        }),
        plan("save a turn, in memory", |name, setting| {
            let cases = grown(setting, &[IN_MEMORY], SMALL, Unit::Turn, Sync::Buffered)?;
            Ok(Group::new(name, cases).samples(501))
        }),
        plan("append a message, buffered", |name, setting| {
            let cases = grown(setting, &BUFFERED, SMALL, Unit::Message, Sync::Buffered)?;
            Ok(Group::new(name, cases).samples(1001))
        }),
        plan("append a message, synced", |name, setting| {
            let cases = grown(setting, &SYNCED, SMALL, Unit::Message, Sync::Synced)?;
            Ok(Group::new(name, cases).samples(501))
        }),
        plan("save a turn, 100 KB session, synced", |name, setting| {
            let cases = grown(setting, &ALL, SMALL, Unit::Turn, Sync::Synced)?;
            Ok(Group::new(name, cases).samples(201))
        }),
        plan("save a turn, 10 MB session, synced", |name, setting| {
            let cases = grown(setting, &ALL, LARGE, Unit::Turn, Sync::Synced)?;
            Ok(Group::new(name, cases).samples(201))
        }),
        plan("save a turn, 50 MB session, synced", |name, setting| {
            let cases = grown(setting, &SYNCED, HUGE, Unit::Turn, Sync::Synced)?;
            Ok(Group::new(name, cases).samples(201))
        }),
        plan("write 1 MB, message by message, synced", |name, setting| {
            let turns = Source::new(SEED).turns(setting.bytes(MIDDLE));
            let turns = turns.map_err(Broken::when("measure the session"))?;
            Ok(Group::new(name, whole(setting, turns.concat())?).samples(5))
        }),
    ];
    if let Ok(messages) = recorded(Path::new(FOLDER)) {
        let setting = setting.clone();
        let name = "write recorded sessions, message by message, synced";
        plans.push(Plan::new(name, move |name| {
            Ok(Group::new(name, whole(&setting, messages)?).samples(5))
        }));
    }
    plans
}

/// What one save holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Message,
    Turn,
}

/// A case for each of `makers`, with a session of `bytes` that goes on growing.
fn grown(
    setting: &Setting,
    makers: &[Maker],
    bytes: u64,
    unit: Unit,
    sync: Sync,
) -> Result<Vec<Case>, Broken> {
    let mut cases = Vec::new();
    for maker in makers {
        let folder = setting.folder()?;
        let mut log = (maker.create)(folder.path(), Sync::Buffered)?;
        let mut source = Source::new(SEED);
        let turns = source.turns(setting.bytes(bytes));
        let turns = turns.map_err(Broken::when("measure the session"))?;
        let mut filled = 0;
        for turn in &turns {
            filled += json_len(turn).map_err(Broken::when("measure the session"))?;
        }
        log.fill(turns)?;
        log.sync_from_now(sync)?;
        let grown = Grown {
            log,
            source,
            unit,
            weighed: match (unit, sync) {
                (Unit::Message, Sync::Synced) => TOGETHER,
                _ => 1,
            },
            waiting: Vec::new(),
            filled,
            added: Vec::new(),
            folder,
        };
        let version = version_of(maker.package);
        cases.push(Case::steps(maker.kind, maker.name, version, grown));
    }
    Ok(cases)
}

struct Grown {
    log: Box<dyn Log>,
    source: Source,
    unit: Unit,
    weighed: u32,
    /// Messages of the current turn, the next one last.
    waiting: Vec<Message>,
    /// Bytes of JSON that it began with.
    filled: u64,
    /// And of each save.
    added: Vec<u64>,
    folder: TempDir,
}

impl Grown {
    fn next(&mut self) -> Vec<Message> {
        if self.unit == Unit::Turn {
            return self.source.turn();
        }
        if self.waiting.is_empty() {
            self.waiting = self.source.turn();
            self.waiting.reverse();
        }
        self.waiting.pop().into_iter().collect()
    }
}

impl Steps for Grown {
    fn prepare(&mut self) -> Result<(), Broken> {
        let next = self.next();
        let len = json_len(&next).map_err(Broken::when("measure a message"))?;
        self.added.push(len);
        self.log.stage(next)
    }

    fn run(&mut self) -> Result<(), Broken> {
        self.log.save()
    }

    fn weighed(&self) -> u32 {
        self.weighed
    }

    fn footprint(&mut self) -> Result<Option<Footprint>, Broken> {
        if self.weighed <= 1 {
            return Ok(None);
        }
        let weighed = usize::try_from(self.weighed).unwrap_or(usize::MAX);
        let disk = disk_bytes(self.folder.path()).map_err(Broken::when("weigh the files"))?;
        if disk == 0 {
            // In memory.
            return Ok(None);
        }
        Ok(Some(Footprint {
            added: self.added.iter().rev().take(weighed).sum(),
            held: self.filled + self.added.iter().sum::<u64>(),
            disk,
        }))
    }
}

/// A case for each store that writes `messages` from the first on; their bytes are weighed.
fn whole(setting: &Setting, messages: Vec<Message>) -> Result<Vec<Case>, Broken> {
    let bytes = json_len(&messages).map_err(Broken::when("measure the session"))?;
    let messages = Rc::new(messages);
    let mut cases = Vec::new();
    for maker in ALL {
        let written = Whole {
            maker,
            setting: setting.clone(),
            messages: Rc::clone(&messages),
            bytes,
            saves: Vec::new(),
            log: None,
            folder: None,
        };
        let version = version_of(maker.package);
        cases.push(Case::steps(maker.kind, maker.name, version, written));
    }
    Ok(cases)
}

struct Whole {
    maker: Maker,
    setting: Setting,
    messages: Rc<Vec<Message>>,
    bytes: u64,
    /// What the run consumes, copied outside its time.
    saves: Vec<Vec<Message>>,
    log: Option<Box<dyn Log>>,
    folder: Option<TempDir>,
}

impl Steps for Whole {
    fn prepare(&mut self) -> Result<(), Broken> {
        self.log = None;
        self.saves = self.messages.iter().map(|one| vec![one.clone()]).collect();
        let folder = self.setting.folder()?;
        self.log = Some((self.maker.create)(folder.path(), Sync::Synced)?);
        self.folder = Some(folder);
        Ok(())
    }

    fn run(&mut self) -> Result<(), Broken> {
        let Some(log) = &mut self.log else {
            return Err(Broken::new("write a session", "no store was prepared"));
        };
        for save in self.saves.drain(..) {
            log.stage(save)?;
            log.save()?;
        }
        Ok(())
    }

    /// The store is closed first: some write again then, and some give space back.
    fn footprint(&mut self) -> Result<Option<Footprint>, Broken> {
        self.log = None;
        let (Some(folder), false) = (&self.folder, self.maker.kind == Kind::Floor) else {
            return Ok(None);
        };
        let disk = disk_bytes(folder.path()).map_err(Broken::when("weigh the files"))?;
        Ok(Some(Footprint {
            added: self.bytes,
            held: self.bytes,
            disk,
        }))
    }
}
