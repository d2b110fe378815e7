//! Stores model calls on a Postgres server and in an SQLite file in turns, reads their reports, and prints
//! how fast that is: `AGENT_TELEMETRY_POSTGRES="host=... dbname=..." server_store [--batches 40]`.
//!
//! Writes into the schema `telemetry_bench`, which must not exist and stays.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the figures are the product"
)]

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use agent_benches::harness::Broken;
use agent_primitives::{AgentId, ModelId, ProviderId, SessionId, Timestamp, TokenUsage, Usd};
use agent_telemetry::{
    ModelCall, Period, PostgresConfig, PostgresSink, PostgresStore, Record, Retention, Rollups,
    Sink, SqliteSink, SqliteStore,
};
use lexopt::{Arg, Parser, ValueExt};

const AGENTS: [&str; 4] = ["coder", "reviewer", "tester", "planner"];
const MODELS: [&str; 4] = ["large", "small", "fast", "open"];
const START: i64 = 1_795_219_200;
const SIZES: [u64; 3] = [64, 500, 4_096];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(broken) => {
            eprintln!("server_store: {broken}");
            ExitCode::FAILURE
        }
    }
}

/// Call `number`: 20 a second, each session 50 calls long.
fn call(number: u64) -> Result<Record, Broken> {
    let doing = "make a record";
    let pick = |names: [&'static str; 4], place: u64| {
        let place = usize::try_from(place % 4).unwrap_or(0);
        names.get(place).copied().unwrap_or("none")
    };
    let model = ModelId::new(pick(MODELS, number)).map_err(Broken::when(doing))?;
    let provider = ProviderId::new("claude").map_err(Broken::when(doing))?;
    let call = ModelCall::new(provider, model)
        .usage(TokenUsage::new(400 + number % 512, 200).with_cache_read(number % 9_000))
        .cost(Usd::from_picos(i128::from(number % 100_000) * 1_000_000))
        .latency(Duration::from_millis(400 + number * 7_919 % 9_000));
    let nanos = i64::try_from(number).unwrap_or(0) * 50_000_000;
    let at = Timestamp::from_unix_nanos(START * 1_000_000_000 + nanos);
    let session = SessionId::new(format!("session-{}", number / 50));
    let agent = AgentId::new(pick(AGENTS, number / 7));
    Ok(Record::new(at, call)
        .of_session(session.map_err(Broken::when(doing))?)
        .of_agent(agent.map_err(Broken::when(doing))?))
}

fn batches(first: u64, size: u64, count: u64) -> Result<Vec<Vec<Record>>, Broken> {
    let batch = |it: u64| {
        (first + it * size..first + (it + 1) * size)
            .map(call)
            .collect()
    };
    (0..count).map(batch).collect()
}

/// The median time of a batch.
fn store(sink: &mut impl Sink, batches: &[Vec<Record>]) -> Result<Duration, Broken> {
    let mut times = Vec::with_capacity(batches.len());
    for batch in batches {
        let begun = Instant::now();
        sink.write(batch).map_err(Broken::when("store a batch"))?;
        times.push(begun.elapsed());
    }
    times.sort();
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}

fn rate(records: u64, time: Duration) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a rate is no exact figure")]
    let records = records as f64;
    format!("{:8.0} records/s", records / time.as_secs_f64())
}

fn run() -> Result<(), Broken> {
    let usage = Broken::when::<lexopt::Error>;
    let doing = "read the arguments (known: --batches N)";
    let mut count = 40_u64;
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next().map_err(usage(doing))? {
        match argument {
            Arg::Long("batches") => {
                let value = parser.value().map_err(usage(doing))?;
                count = value.parse().map_err(usage(doing))?;
            }
            other => return Err(Broken::new(doing, other.unexpected())),
        }
    }
    let server = std::env::var("AGENT_TELEMETRY_POSTGRES");
    let server = server.map_err(Broken::when("read AGENT_TELEMETRY_POSTGRES"))?;
    let mut config = PostgresConfig::new(server);
    "telemetry_bench".clone_into(&mut config.schema);
    let connect = || PostgresSink::connect(&config).map_err(Broken::when("connect"));
    let folder = tempfile::tempdir().map_err(Broken::when("make a folder"))?;
    let path = folder.path().join("telemetry.db");
    let mut file = SqliteSink::open(&path)
        .map_err(Broken::when("open the file"))?
        .retention(Retention::FOREVER);
    let mut sink = connect()?.retention(Retention::FOREVER);
    let mut first = 0;
    for size in SIZES {
        let batches = batches(first, size, count)?;
        first += size * count;
        // In turns, so that a busy machine is busy for both.
        let (ours, other) = batches.split_at(batches.len() / 2);
        let mut times = [Duration::MAX; 2];
        for half in [ours, other] {
            times[0] = times[0].min(store(&mut sink, half)?);
            times[1] = times[1].min(store(&mut file, half)?);
        }
        let [server, file] = times;
        println!(
            "batches of {size:4}: Postgres {}, SQLite {}",
            rate(size, server),
            rate(size, file)
        );
    }
    let batches: Vec<_> = [batches(first, 500, count)?, batches(first, 500, count)?].into();
    first += 1_000 * count;
    let sinks = [connect()?, connect()?].map(|sink| sink.retention(Retention::FOREVER));
    let begun = Instant::now();
    thread::scope(|scope| {
        let work = |(mut sink, batches): (PostgresSink, &Vec<Vec<Record>>)| {
            batches.iter().try_for_each(|batch| sink.write(batch))
        };
        let running = sinks
            .into_iter()
            .zip(&batches)
            .map(|it| scope.spawn(move || work(it)));
        let running: Vec<_> = running.collect();
        running
            .into_iter()
            .try_for_each(|it| it.join().unwrap_or(Ok(())))
    })
    .map_err(Broken::when("store with two writers"))?;
    println!(
        "two writers, 500: Postgres {}",
        rate(count * 1_000, begun.elapsed())
    );
    let mut store = PostgresStore::connect(&config).map_err(Broken::when("connect"))?;
    let lite = SqliteStore::open_read_only(&path).map_err(Broken::when("open the file"))?;
    let begun = Instant::now();
    let sums = store
        .rollups(Period::ALL)
        .map_err(Broken::when("read sums"))?;
    let server = begun.elapsed();
    let begun = Instant::now();
    let of_file = lite
        .rollups(Period::ALL)
        .map_err(Broken::when("read sums"))?;
    println!(
        "all sums:         Postgres {server:?}, SQLite {:?}",
        begun.elapsed()
    );
    let begun = Instant::now();
    let mut records = Vec::new();
    for record in store.records() {
        records.push(record.map_err(Broken::when("read records"))?);
    }
    println!(
        "all records:      Postgres {} ({first} stored, {} read)",
        rate(records.len() as u64, begun.elapsed()),
        records.len()
    );
    let right = sums.rollups == Rollups::of(&records, Period::ALL);
    drop(of_file);
    if right {
        Ok(())
    } else {
        Err(Broken::new(
            "compare the sums with the records",
            "they differ",
        ))
    }
}
