//! Ours without files: what is left is the work of the processor, which can be counted to the instruction.

use std::any::Any;

use agent_checkpoint::{Checkpointer, Durability, MemoryStore, Reader, Resume, Snapshot, Store};
use agent_primitives::{CheckpointKind, SessionId};
use serde::{Deserialize, Serialize};

use super::setting::Setting;
use crate::harness::{Broken, Case, Group, Kind, Plan, Steps, version_of};
use crate::session::{Message, Source};
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
            Ok(vec![case("checkpoint log, JSON", Whole::new(setting)?)])
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

/// The state of a host that cannot say what changed in it.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    messages: Vec<Message>,
}

impl Snapshot for State {
    const KIND: &'static str = "state";
    const VERSION: u16 = 1;
}

/// Its last turn is another one each time, so that it stays as long as it is.
struct Whole {
    session: Checkpointer,
    state: State,
    /// Messages that stay.
    kept: usize,
    source: Source,
}

impl Whole {
    fn new(setting: &Setting) -> Result<Self, Broken> {
        let mut source = Source::new(SEED);
        let turns = source.turns(setting.bytes(MIDDLE));
        let messages = turns.map_err(Broken::when("measure the session"))?.concat();
        let mut whole = Self {
            session: open(MemoryStore::new(), Resume::Whole)?,
            kept: messages.len(),
            state: State { messages },
            source,
        };
        whole.run()?;
        Ok(whole)
    }
}

impl Steps for Whole {
    fn prepare(&mut self) -> Result<(), Broken> {
        self.state.messages.truncate(self.kept);
        self.state.messages.extend(self.source.turn());
        Ok(())
    }

    fn run(&mut self) -> Result<(), Broken> {
        self.session
            .put(&self.state)
            .and_then(|()| self.session.save(CheckpointKind::Auto))
            .map(|_| ())
            .map_err(Broken::when("save the whole state"))
    }
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
        let turns = Source::new(SEED).turns(setting.bytes(MIDDLE));
        for turn in turns.map_err(Broken::when("measure the session"))? {
            for message in turn {
                let pushed = session.push(message.into_ours());
                pushed.map_err(Broken::when(doing))?;
            }
            let saved = session.save(CheckpointKind::Auto);
            saved.map_err(Broken::when(doing))?;
        }
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
