//! Storing model calls in batches, as a group commit does: ours with its sums by minute, hour and day,
//! beside a table of twelve columns as a host would make it.

use std::time::Duration;

use agent_primitives::{AgentId, ModelId, ProviderId, SessionId, Timestamp, TokenUsage, Usd};
use agent_telemetry::{JsonlSink, ModelCall, Record, Sink, SqliteSink};
use rusqlite::Connection;
use tempfile::TempDir;

use super::Setting;
use crate::harness::{Broken, Case, Group, Kind, Plan, Steps, version_of};

/// Records of a batch.
const BATCH: u32 = 500;
const AGENTS: [&str; 4] = ["coder", "reviewer", "tester", "planner"];
const MODELS: [(&str, &str); 4] = [
    ("claude", "claude-sonnet-4-5"),
    ("openai", "gpt-5"),
    ("gemini", "gemini-2.5-pro"),
    ("groq", "openai/gpt-oss-120b"),
];
/// Midnight.
pub(super) const START: i64 = 1_795_219_200;

pub(super) fn plans(setting: &Setting) -> Vec<Plan> {
    let setting = setting.clone();
    vec![Plan::new(
        "store a model call, in batches of 500",
        move |name| {
            let cases = vec![
                ours(&setting)?,
                lines(&setting)?,
                peer(&setting, "SQLite row of 12 columns", Rows::default())?,
                peer(
                    &setting,
                    "SQLite row with two indexes",
                    Rows {
                        indexes: true,
                        ..Rows::default()
                    },
                )?,
                peer(
                    &setting,
                    "SQLite row by row",
                    Rows {
                        one_by_one: true,
                        ..Rows::default()
                    },
                )?,
            ];
            Ok(Group::new(name, cases).samples(201))
        },
    )]
}

/// Call `number`, so many nanoseconds after the start: of several agents and models, each session 50 calls
/// long.
pub(super) fn call(number: u64, nanos: i64) -> Result<Record, Broken> {
    let doing = "make a record";
    let place = usize::try_from(number).unwrap_or(0);
    let (provider, model) = MODELS.get(place % 4).copied().unwrap_or_default();
    let agent = AGENTS.get(place / 7 % 4).copied().unwrap_or_default();
    let at = Timestamp::from_unix_nanos(START * 1_000_000_000 + nanos);
    let call = ModelCall::new(
        ProviderId::new(provider).map_err(Broken::when(doing))?,
        ModelId::new(model).map_err(Broken::when(doing))?,
    )
    .usage(TokenUsage::new(400 + number % 512, 200 + number % 256).with_cache_read(number % 9_000))
    .cost(Usd::from_picos(i128::from(number % 100_000) * 1_000_000))
    .latency(Duration::from_millis(400 + number * 7_919 % 9_000));
    let session = SessionId::new(format!("session-{}", number / 50));
    Ok(Record::new(at, call)
        .of_session(session.map_err(Broken::when(doing))?)
        .of_agent(AgentId::new(agent).map_err(Broken::when(doing))?))
}

/// A batch is made outside the time.
#[derive(Default)]
struct Batches {
    next: u64,
    batch: Vec<Record>,
}

impl Batches {
    fn turn(&mut self) -> Result<(), Broken> {
        self.batch.clear();
        for _ in 0..BATCH {
            // 20 a second.
            let nanos = i64::try_from(self.next).unwrap_or(0) * 50_000_000;
            self.batch.push(call(self.next, nanos)?);
            self.next += 1;
        }
        Ok(())
    }
}

struct Ours<S> {
    batches: Batches,
    sink: S,
    _folder: TempDir,
}

impl<S: Sink> Steps for Ours<S> {
    fn prepare(&mut self) -> Result<(), Broken> {
        self.batches.turn()
    }

    fn calls(&self) -> u32 {
        BATCH
    }

    fn run(&mut self) -> Result<(), Broken> {
        let written = self.sink.write(&self.batches.batch);
        written.map_err(Broken::when("write a batch"))
    }
}

fn ours(setting: &Setting) -> Result<Case, Broken> {
    let folder = setting.folder()?;
    let sink = SqliteSink::open(folder.path().join("telemetry.db"));
    let steps = Ours {
        batches: Batches::default(),
        sink: sink.map_err(Broken::when("open the database"))?,
        _folder: folder,
    };
    let version = version_of("agent-telemetry");
    Ok(Case::steps(Kind::Ours, "row and sums", version, steps))
}

fn lines(setting: &Setting) -> Result<Case, Broken> {
    let folder = setting.folder()?;
    let steps = Ours {
        batches: Batches::default(),
        sink: JsonlSink::open(folder.path()).map_err(Broken::when("open the folder"))?,
        _folder: folder,
    };
    let version = version_of("agent-telemetry");
    Ok(Case::steps(Kind::Ours, "line of JSON", version, steps))
}

/// What a host would write by hand, with what SQLite advises: one transaction a batch, statements kept.
#[derive(Default)]
struct Rows {
    indexes: bool,
    one_by_one: bool,
}

struct Peer {
    batches: Batches,
    rows: Rows,
    connection: Connection,
    _folder: TempDir,
}

pub(super) const TABLE: &str = "CREATE TABLE calls (
    id INTEGER PRIMARY KEY, at INTEGER, session TEXT, agent TEXT, provider TEXT, model TEXT,
    input INTEGER, cache_read INTEGER, output INTEGER, cost INTEGER, latency INTEGER, outcome TEXT)";
const INDEXES: &str = "CREATE INDEX by_agent ON calls (agent, at);
    CREATE INDEX by_model ON calls (model, at);";
const INSERT: &str =
    "INSERT INTO calls VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

fn peer(setting: &Setting, name: &'static str, rows: Rows) -> Result<Case, Broken> {
    let folder = setting.folder()?;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open(folder.path().join("calls.db"))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.execute_batch(TABLE)?;
        if rows.indexes {
            connection.execute_batch(INDEXES)?;
        }
        Ok(connection)
    };
    let connection = open().map_err(Broken::when("open the database"))?;
    let steps = Peer {
        batches: Batches::default(),
        rows,
        connection,
        _folder: folder,
    };
    Ok(Case::steps(Kind::Peer, name, version_of("rusqlite"), steps))
}

impl Peer {
    fn write(&mut self) -> rusqlite::Result<()> {
        if self.rows.one_by_one {
            for record in &self.batches.batch {
                insert(&self.connection, record)?;
            }
            return Ok(());
        }
        let transaction = self.connection.transaction()?;
        for record in &self.batches.batch {
            insert(&transaction, record)?;
        }
        transaction.commit()
    }
}

pub(super) fn insert(connection: &Connection, record: &Record) -> rusqlite::Result<()> {
    let agent_telemetry::Body::ModelCall(call) = &record.body else {
        return Ok(());
    };
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    connection.prepare_cached(INSERT)?.execute((
        record.at.unix_nanos(),
        record.session.as_ref().map(SessionId::as_str),
        record.agent.as_ref().map(AgentId::as_str),
        call.provider.as_str(),
        call.model.as_str(),
        count(call.usage.input()),
        count(call.usage.cache_read()),
        count(call.usage.output()),
        call.cost.and_then(|cost| i64::try_from(cost.picos()).ok()),
        i64::try_from(call.latency.as_nanos()).unwrap_or(i64::MAX),
        call.failure.map_or("success", |kind| kind.as_str()),
    ))?;
    Ok(())
}

impl Steps for Peer {
    fn prepare(&mut self) -> Result<(), Broken> {
        self.batches.turn()
    }

    fn calls(&self) -> u32 {
        BATCH
    }

    fn run(&mut self) -> Result<(), Broken> {
        self.write().map_err(Broken::when("write a batch"))
    }
}
