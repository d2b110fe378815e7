//! Ours without files: what is left is the work of the processor, which can be counted to the instruction.

use std::any::Any;

use agent_checkpoint::{Checkpointer, Durability, MemoryStore, Reader, Resume, Store};
use agent_primitives::SessionId;

use super::setting::Setting;
use super::whole::{Whole, write};
use crate::harness::{Broken, Case, Group, Kind, Plan, Steps, version_of};
use crate::session::Source;
use crate::stores::{PointsInMemory, TAIL, saved};

const SEED: u64 = 7;
const MIDDLE: u64 = 1_000_000;
const LISTED: u64 = 1_000;

pub(super) fn plans(setting: &Setting) -> Vec<Plan> {
    let plan = |name, setup: fn(&Setting) -> Result<Vec<Case>, Broken>| {
        let setting = setting.clone();
        Plan::new(name, move |name| {
            Ok(Group::new(name, setup(&setting)?).samples(101))
        })
    };
    vec![
        plan("save the whole state, 1 MB, in memory", |setting| {
            let session = open(MemoryStore::new(), Resume::Whole)?;
            let whole = Whole::new(session, Source::new(SEED), setting.bytes(MIDDLE))?;
            Ok(vec![case("checkpoint log, JSON", whole)])
        }),
        plan("restore 1 MB, in memory", |setting| {
            let whole: Read = |store| Ok(Box::new(open(store, Resume::Whole)?));
            Ok(vec![
                case("checkpoint log", Restored::new(setting, false, whole)?),
                case(
                    "checkpoint log, sealed",
                    Restored::new(setting, true, whole)?,
                ),
            ])
        }),
        plan("last 20 turns of 1 MB, in memory", |setting| {
            let look: Read = |store| {
                let doing = "read the end of the session";
                let reader = Reader::open(store, id()?).map_err(Broken::when(doing))?;
                Ok(Box::new(reader.tail(TAIL).map_err(Broken::when(doing))?))
            };
            let resume: Read = |store| Ok(Box::new(open(store, Resume::Last(TAIL))?));
            Ok(vec![
                case("checkpoint log", Restored::new(setting, false, look)?),
                case(
                    "checkpoint log, to go on",
                    Restored::new(setting, false, resume)?,
                ),
            ])
        }),
        plan("list 1 000 checkpoints, in memory", |setting| {
            let session = PointsInMemory::new(&saved(setting.count(LISTED), 200, 100))?;
            Ok(vec![case("checkpoint log", Listed(session))])
        }),
    ]
}

fn case(name: &'static str, steps: impl Steps + 'static) -> Case {
    Case::steps(Kind::Ours, name, version_of("agent-checkpoint"), steps)
}

fn id() -> Result<SessionId, Broken> {
    SessionId::new("bench").map_err(Broken::when("name the session"))
}

fn open(store: impl Store + 'static, resume: Resume) -> Result<Checkpointer, Broken> {
    Checkpointer::builder(store, id()?)
        .durability(Durability::Buffered)
        .resume(resume)
        .open()
        .map_err(Broken::when("open the session"))
}

type Read = fn(MemoryStore) -> Result<Box<dyn Any>, Broken>;

struct Restored {
    store: MemoryStore,
    read: Read,
    held: Option<Box<dyn Any>>,
}

impl Restored {
    fn new(setting: &Setting, is_sealed: bool, read: Read) -> Result<Self, Broken> {
        let doing = "write the session";
        let store = MemoryStore::new();
        let mut session = open(store.clone(), Resume::Whole)?;
        write(&mut session, &mut Source::new(SEED), setting.bytes(MIDDLE))?;
        if is_sealed {
            session.seal().map_err(Broken::when(doing))?;
        }
        drop(session);
        Ok(Self {
            store,
            read,
            held: None,
        })
    }
}

impl Steps for Restored {
    fn prepare(&mut self) -> Result<(), Broken> {
        self.held = None;
        Ok(())
    }

    fn run(&mut self) -> Result<(), Broken> {
        self.held = Some((self.read)(self.store.clone())?);
        Ok(())
    }
}

struct Listed(PointsInMemory);

impl Steps for Listed {
    fn run(&mut self) -> Result<(), Broken> {
        match self.0.listed() {
            0 => Err(Broken::new("list the checkpoints", "there are none")),
            _ => Ok(()),
        }
    }
}
