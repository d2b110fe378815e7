//! Fills a database with the records of so many sessions over 30 days and prints what they take, and how
//! long the reports do: `million_sessions [--sessions 1000000] [--db PATH] [--json PATH]`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the figures are the product"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use agent_benches::harness::Broken;
use agent_benches::large::resident;
use agent_primitives::{
    AgentId, Handoff, HandoffReason, InvalidId, ModelId, ProviderId, SessionId, Timestamp,
    TokenUsage, ToolName, Usd,
};
use agent_telemetry::{
    Body, CompareConfig, Metric, ModelCall, Outcome, Period, Record, Rollups, SessionEnd,
    SessionStart, Sink, SqliteSink, SqliteStore, ToolCall, ToolOutcome,
};
use fastrand::Rng;
use lexopt::{Arg, Parser, ValueExt};
use serde_json::json;

/// Records of a batch, as the recorder writes them under load.
const BATCH: usize = 500;
const END: i64 = 1_795_219_200;
const DAYS: i64 = 30;
const ROUNDS: usize = 21;
const MODELS: [(&str, &str); 4] = [
    ("claude", "claude-sonnet-4-5"),
    ("claude", "claude-haiku-4-5"),
    ("groq", "openai/gpt-oss-120b"),
    ("house", "house-model-7b"),
];
const AGENTS: [&str; 3] = ["coder", "reviewer", "planner"];
const TASKS: [&str; 3] = ["bug_fix", "review", "refactoring"];
const TOOLS: [&str; 6] = ["bash", "edit", "grep", "open", "run_tests", "write"];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(broken) => {
            eprintln!("million_sessions: {broken}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    sessions: u32,
    database: Option<PathBuf>,
    json: Option<PathBuf>,
}

fn options() -> Result<Options, Broken> {
    let doing = "read the arguments (known: --sessions N, --db PATH, --json PATH)";
    let usage = Broken::when::<lexopt::Error>;
    let mut options = Options {
        sessions: 1_000_000,
        database: None,
        json: None,
    };
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next().map_err(usage(doing))? {
        match argument {
            Arg::Long("sessions") => {
                let value = parser.value().map_err(usage(doing))?;
                options.sessions = value.parse().map_err(usage(doing))?;
            }
            Arg::Long("db") => {
                options.database = Some(parser.value().map_err(usage(doing))?.into());
            }
            Arg::Long("json") => options.json = Some(parser.value().map_err(usage(doing))?.into()),
            other => return Err(Broken::new(doing, other.unexpected())),
        }
    }
    Ok(options)
}

/// The records of one session, which begins at this second.
fn session(number: u32, begins: i64, rng: &mut Rng) -> Result<Vec<Record>, InvalidId> {
    let pick = |rng: &mut Rng, names: &[&'static str]| rng.choice(names).copied().unwrap_or("none");
    let id = SessionId::new(format!("session-{number}"))?;
    let agent = AgentId::new(pick(rng, &AGENTS))?;
    let start = SessionStart::new(id.clone(), agent.clone()).task_type(pick(rng, &TASKS));
    let mut bodies: Vec<Body> = vec![Body::SessionStart(start.task)];
    for _ in 0..3 {
        let (provider, model) = rng.choice(MODELS).unwrap_or(("none", "none"));
        let latency = Duration::from_micros(rng.u64(80_000..9_000_000));
        let usage = TokenUsage::new(rng.u64(200..4_000), rng.u64(20..900));
        let mut call = ModelCall::new(ProviderId::new(provider)?, ModelId::new(model)?)
            .usage(usage.with_cache_read(rng.u64(0..90_000)))
            .latency(latency)
            .first_token(latency / 5);
        if provider != "house" {
            call = call.cost(Usd::from_picos(rng.i128(1_000_000..90_000_000_000)));
        }
        bodies.push(call.into());
        let outcome = if rng.u8(..20) == 0 {
            ToolOutcome::Failed
        } else {
            ToolOutcome::Ok
        };
        let elapsed = Duration::from_micros(rng.u64(300..4_000_000));
        bodies.push(ToolCall::new(ToolName::new(pick(rng, &TOOLS))?, outcome, elapsed).into());
    }
    if rng.u8(..10) == 0 {
        let [from, to] = [ProviderId::new("claude")?, ProviderId::new("groq")?];
        bodies.push(Handoff::automatic(from, to, HandoffReason::Overloaded).into());
    }
    bodies.push(Metric::count("files_changed", rng.u32(1..9)).into());
    let outcome = if rng.u8(..5) == 0 {
        Outcome::Failed
    } else {
        Outcome::Success
    };
    bodies.push(SessionEnd::new(outcome, Duration::from_secs(60)).into());
    let records = (begins..).zip(bodies).map(|(second, body)| {
        Record::new(Timestamp::from_unix_seconds(second), body)
            .of_session(id.clone())
            .of_agent(agent.clone())
    });
    Ok(records.collect())
}

fn fill(path: &Path, sessions: u32) -> Result<(u64, u64), Broken> {
    let mut sink = SqliteSink::open(path).map_err(Broken::when("make the database"))?;
    let mut rng = Rng::with_seed(7);
    let mut batch = Vec::with_capacity(2 * BATCH);
    let (mut records, mut calls) = (0, 0);
    let mut write = |batch: &mut Vec<Record>| {
        sink.write(batch).map_err(Broken::when("write a batch"))?;
        records += batch.len() as u64;
        let is_call = |record: &&Record| matches!(record.body, Body::ModelCall(_));
        calls += batch.iter().filter(is_call).count() as u64;
        batch.clear();
        Ok(())
    };
    for number in 0..sessions {
        let span = DAYS * 86_400 - 120;
        let begins = END - DAYS * 86_400 + span * i64::from(number) / i64::from(sessions.max(1));
        let told = session(number, begins, &mut rng);
        batch.extend(told.map_err(Broken::when("tell a session"))?);
        if batch.len() >= BATCH {
            write(&mut batch)?;
        }
    }
    write(&mut batch)?;
    Ok((records, calls))
}

/// Bytes of the database and what lies beside it.
fn on_disk(path: &Path) -> u64 {
    let names = ["", "-wal", "-shm"].map(|end| format!("{}{end}", path.display()));
    let sizes = names.iter().filter_map(|name| std::fs::metadata(name).ok());
    sizes.map(|file| file.len()).sum()
}

/// The median time of so many turns, in milliseconds.
fn median(rounds: usize, mut turn: impl FnMut() -> Result<usize, Broken>) -> Result<f64, Broken> {
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let begin = Instant::now();
        std::hint::black_box(turn()?);
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_unstable_by(f64::total_cmp);
    Ok(times.get(rounds / 2).copied().unwrap_or_default())
}

/// Day by day from the sums, and from the records of all sessions: milliseconds for the costs, the handoffs and the
/// comparison.
fn from_records(store: &SqliteStore, period: Period) -> Result<[f64; 3], Broken> {
    let reading = "read the database";
    let cost = median(3, || {
        let report = store.cost_report(period).map_err(Broken::when(reading))?;
        Ok(report.map_or(0, |report| report.to_string().len()))
    })?;
    let handoffs = median(1, || {
        let report = store
            .handoffs_report(period)
            .map_err(Broken::when(reading))?;
        Ok(report.to_string().len())
    })?;
    let compare = median(1, || {
        let config = CompareConfig::default();
        let report = store.compare_report(period, &config);
        Ok(report.map_err(Broken::when(reading))?.to_string().len())
    })?;
    Ok([cost, handoffs, compare])
}

fn run() -> Result<(), Broken> {
    let options = options()?;
    let folder = tempfile::tempdir().map_err(Broken::when("make a folder"))?;
    let path = options
        .database
        .unwrap_or_else(|| folder.path().join("telemetry.db"));
    let (begin, empty) = (Instant::now(), resident());
    let (records, calls) = fill(&path, options.sessions)?;
    let seconds = begin.elapsed().as_secs_f64();
    let filled = resident();
    let bytes = on_disk(&path);

    let reading = "read the database";
    let store = SqliteStore::open_read_only(&path).map_err(Broken::when(reading))?;
    let period = Period::last_30_days(Timestamp::from_unix_seconds(END - 60));
    let sums = || -> Result<Rollups, Broken> {
        let stored = store.rollups(period).map_err(Broken::when(reading))?;
        Ok(stored.unwrap_or_default().rollups)
    };
    let read = median(ROUNDS, || Ok(sums()?.models.len()))?;
    // From the database to the text.
    let agents = median(ROUNDS, || {
        let report = store.agents_report(period).map_err(Broken::when(reading))?;
        Ok(report.map_or(0, |report| report.to_string().len()))
    })?;
    let models = median(ROUNDS, || {
        let report = store.models_report(period).map_err(Broken::when(reading))?;
        Ok(report.map_or(0, |report| report.to_string().len()))
    })?;
    let tools = median(ROUNDS, || {
        let report = store.tools_report(period).map_err(Broken::when(reading))?;
        Ok(report.map_or(0, |report| report.to_string().len()))
    })?;
    let scan =
        "SELECT provider, model, count(*), sum(cost_picos), sum(input + cache_read + output),
                       sum(failure IS NOT NULL), max(latency_ns)
                FROM model_calls WHERE at >= ?1 AND at < ?2 GROUP BY provider, model";
    let plain = rusqlite::Connection::open(&path).map_err(Broken::when(reading))?;
    let bounds = (period.from().unix_nanos(), period.to().unix_nanos());
    let scanned = median(3, || {
        let mut select = plain.prepare_cached(scan).map_err(Broken::when(reading))?;
        let rows = select.query_map(bounds, |row| row.get::<_, i64>(2));
        let counts: Result<Vec<i64>, _> = rows.map_err(Broken::when(reading))?.collect();
        Ok(counts.map_err(Broken::when(reading))?.len())
    })?;
    let done = resident();
    let [cost, handoffs, compare] = from_records(&store, period)?;
    let followed = resident();

    #[expect(clippy::cast_precision_loss, reason = "shown with four digits")]
    let float = |number: u64| number as f64;
    let per_record = float(bytes) / float(records.max(1));
    let megabytes = |memory: Option<(u64, u64)>| memory.map(|(now, _)| float(now) / 1e6);
    let peak = done.map(|(_, peak)| float(peak) / 1e6);
    let figures = json!({
        "sessions": options.sessions, "records": records, "model_calls": calls,
        "bytes": bytes, "bytes_per_record": per_record,
        "fill_seconds": seconds, "records_per_second": float(records) / seconds,
        "read_sums_ms": read, "stats_ms": agents, "models_ms": models, "tools_ms": tools,
        "scan_models_ms": scanned,
        "cost_ms": cost, "handoffs_ms": handoffs, "compare_ms": compare,
        "resident_mb": {"before": megabytes(empty), "filled": megabytes(filled), "peak": peak},
    });
    println!("sessions            {:>12}", options.sessions);
    println!("records             {records:>12}   of them {calls} model calls");
    println!(
        "on disk             {:>12.1} MB {per_record:>8.1} B a record",
        float(bytes) / 1e6
    );
    println!(
        "fill                {seconds:>12.1} s  {:>8.0} records a second",
        float(records) / seconds
    );
    println!("sums of 30 days     {read:>12.3} ms");
    println!("stats, models, tools {agents:>11.3} ms {models:>8.3} ms {tools:>8.3} ms");
    println!("the same by a scan  {scanned:>12.1} ms");
    println!("cost, day by day    {cost:>12.3} ms");
    println!("handoffs, compare   {handoffs:>12.1} ms {compare:>8.1} ms");
    if let Some((_, peak)) = followed {
        println!("resident by then    {:>12.1} MB at most", float(peak) / 1e6);
    }
    if let (Some(before), Some(after), Some(peak)) = (megabytes(empty), megabytes(filled), peak) {
        println!(
            "resident            {before:>12.1} MB before {after:>6.1} filled {peak:>6.1} at most"
        );
    }
    if let Some(path) = options.json {
        let text = format!("{figures:#}\n");
        std::fs::write(path, text).map_err(Broken::when("write the figures"))?;
    }
    Ok(())
}
