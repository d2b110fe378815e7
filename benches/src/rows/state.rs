//! Saving the whole state of a host that cannot say what changed in it.

use agent_checkpoint::{Checkpointer, Codec, Durability, FileStore, Snapshot};
use agent_primitives::{CheckpointKind, SessionId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::setting::Setting;
use crate::harness::{Broken, Case, Footprint, Group, Kind, Plan, Steps, version_of};
use crate::session::{Message, Role, Source, ToolCall, json_len};
use crate::stores::{JsonFile, Maker, SqliteBlob, Sync, disk_bytes};

const SEED: u64 = 7;
const LARGE: u64 = 10_000_000;
const DOING: &str = "save the whole state";

const PEERS: [Maker; 2] = [
    Maker::peer("JSON file, replaced", "serde_json", JsonFile::create),
    Maker::peer("SQLite blob, WAL", "rusqlite", SqliteBlob::create),
];

pub(super) fn plans(setting: &Setting) -> Vec<Plan> {
    let setting = setting.clone();
    vec![Plan::new(
        "save the whole state, 10 MB, one turn new",
        move |name| {
            let mut cases = vec![
                ours::<AsJson>(&setting, "checkpoint log, JSON")?,
                ours::<AsMessagePack>(&setting, "checkpoint log, MessagePack")?,
                ours::<AsBincode>(&setting, "checkpoint log, bincode")?,
            ];
            cases.push(alone(&setting)?);
            for maker in PEERS {
                let folder = setting.folder()?;
                let mut log = (maker.create)(folder.path(), Sync::Synced)?;
                let mut source = Source::new(SEED);
                log.fill(turns(&mut source, &setting)?)?;
                let peer = Peer {
                    log,
                    source,
                    _folder: folder,
                };
                let version = version_of(maker.package);
                cases.push(Case::steps(maker.kind, maker.name, version, peer));
            }
            Ok(Group::new(name, cases).samples(25))
        },
    )]
}

fn turns(source: &mut Source, setting: &Setting) -> Result<Vec<Vec<Message>>, Broken> {
    source
        .turns(setting.bytes(LARGE))
        .map_err(Broken::when("measure the session"))
}

/// A message that every codec takes: nothing is left out of it.
#[derive(Debug, Serialize, Deserialize)]
struct Plain {
    role: Role,
    content: String,
    calls: Vec<ToolCall>,
    answers: Option<String>,
}

impl Plain {
    fn of(message: Message) -> Self {
        Self {
            role: message.role,
            content: message.content,
            calls: message.tool_calls,
            answers: message.tool_call_id,
        }
    }
}

/// The state of a host, by codec.
trait Whole: Snapshot {
    fn messages(&mut self) -> &mut Vec<Plain>;
}

macro_rules! whole {
    ($name:ident, $kind:literal, $codec:expr) => {
        #[derive(Debug, Default, Serialize, Deserialize)]
        struct $name {
            messages: Vec<Plain>,
        }
        impl Snapshot for $name {
            const KIND: &'static str = $kind;
            const VERSION: u16 = 1;
            const CODEC: Codec = $codec;
        }
        impl Whole for $name {
            fn messages(&mut self) -> &mut Vec<Plain> {
                &mut self.messages
            }
        }
    };
}

whole!(AsJson, "json", Codec::Json);
whole!(AsMessagePack, "message_pack", Codec::MessagePack);
whole!(AsBincode, "bincode", Codec::Bincode);

fn ours<T: Whole + Default + DeserializeOwned + 'static>(
    setting: &Setting,
    name: &'static str,
) -> Result<Case, Broken> {
    let folder = setting.folder()?;
    let store = FileStore::open(folder.path()).map_err(Broken::when(DOING))?;
    let id = SessionId::new("bench").map_err(Broken::when(DOING))?;
    let session = Checkpointer::builder(store, id)
        .durability(Durability::Synced)
        .open()
        .map_err(Broken::when(DOING))?;
    let mut source = Source::new(SEED);
    let mut state = T::default();
    let all = turns(&mut source, setting)?.concat();
    state.messages().extend(all.into_iter().map(Plain::of));
    let mut ours = Ours {
        session,
        state,
        source,
        added: 0,
        folder,
    };
    ours.run()?;
    Ok(Case::steps(
        Kind::Ours,
        name,
        version_of("agent-checkpoint"),
        ours,
    ))
}

struct Ours<T> {
    session: Checkpointer,
    state: T,
    source: Source,
    added: u64,
    folder: TempDir,
}

impl<T: Whole> Steps for Ours<T> {
    fn prepare(&mut self) -> Result<(), Broken> {
        let turn = self.source.turn();
        self.added = json_len(&turn).map_err(Broken::when("measure the session"))?;
        self.state
            .messages()
            .extend(turn.into_iter().map(Plain::of));
        Ok(())
    }

    fn run(&mut self) -> Result<(), Broken> {
        self.session
            .put(&self.state)
            .and_then(|()| self.session.save(CheckpointKind::Auto))
            .map(|_| ())
            .map_err(Broken::when(DOING))
    }

    fn footprint(&mut self) -> Result<Option<Footprint>, Broken> {
        let disk = disk_bytes(self.folder.path()).map_err(Broken::when("weigh the files"))?;
        let held = serde_json::to_vec(self.state.messages()).map_err(Broken::when(DOING))?;
        Ok(Some(Footprint {
            added: self.added,
            held: u64::try_from(held.len()).unwrap_or(u64::MAX),
            disk,
        }))
    }
}

/// What telling a state as JSON takes by itself, into memory that is there already.
fn alone(setting: &Setting) -> Result<Case, Broken> {
    let mut source = Source::new(SEED);
    let all = turns(&mut source, setting)?.concat();
    let messages = all.into_iter().map(Plain::of).collect();
    let mut alone = Alone {
        state: AsJson { messages },
        source,
        json: Vec::new(),
    };
    alone.run()?;
    Ok(Case::steps(
        Kind::Floor,
        "JSON into memory alone",
        version_of("serde_json"),
        alone,
    ))
}

struct Alone {
    state: AsJson,
    source: Source,
    json: Vec<u8>,
}

impl Steps for Alone {
    fn prepare(&mut self) -> Result<(), Broken> {
        let turn = self.source.turn();
        self.state.messages.extend(turn.into_iter().map(Plain::of));
        Ok(())
    }

    fn run(&mut self) -> Result<(), Broken> {
        self.json.clear();
        serde_json::to_writer(&mut self.json, &self.state).map_err(Broken::when(DOING))
    }
}

struct Peer {
    log: Box<dyn crate::stores::Log>,
    source: Source,
    _folder: TempDir,
}

impl Steps for Peer {
    fn prepare(&mut self) -> Result<(), Broken> {
        self.log.stage(self.source.turn())
    }

    fn run(&mut self) -> Result<(), Broken> {
        self.log.save()
    }
}
