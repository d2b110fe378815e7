//! Fills a database with so many handoffs over 30 days and prints how long the report on them takes: asked once,
//! kept and asked again, and asked again after ten more records: `handoff_answers [--handoffs 100000]`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the figures are the product"
)]

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use agent_benches::harness::Broken;
use agent_benches::large::resident;
use agent_primitives::{
    AgentId, Handoff, HandoffReason, InvalidId, ModelId, Party, ProviderId, SessionId, Timestamp,
    Usd,
};
use agent_telemetry::{
    Body, ModelCall, Outcome, Period, Record, Retention, SessionEnd, SessionStart, Sink,
    SqliteSink, SqliteStore,
};
use fastrand::Rng;
use lexopt::{Arg, Parser, ValueExt};

/// Records of a batch, as the recorder writes them under load.
const BATCH: usize = 500;
const END: i64 = 1_795_219_200;
const DAYS: i64 = 30;
const ROUNDS: usize = 51;
const PROVIDERS: [&str; 4] = ["claude", "groq", "house", "openai"];
const AGENTS: [&str; 3] = ["coder", "reviewer", "planner"];
const TASKS: [&str; 3] = ["bug_fix", "review", "refactoring"];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(broken) => {
            eprintln!("handoff_answers: {broken}");
            ExitCode::FAILURE
        }
    }
}

fn handoffs() -> Result<u32, Broken> {
    let doing = "read the arguments (known: --handoffs N)";
    let mut handoffs = 100_000;
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next().map_err(Broken::when(doing))? {
        match argument {
            Arg::Long("handoffs") => {
                let value = parser.value().map_err(Broken::when(doing))?;
                handoffs = value.parse().map_err(Broken::when(doing))?;
            }
            other => return Err(Broken::new(doing, other.unexpected())),
        }
    }
    Ok(handoffs)
}

fn call(provider: &str, rng: &mut Rng) -> Result<Body, InvalidId> {
    let call = ModelCall::new(ProviderId::new(provider)?, ModelId::new("model-7b")?)
        .latency(Duration::from_micros(rng.u64(80_000..9_000_000)))
        .cost(Usd::from_picos(rng.i128(1_000_000..90_000_000_000)));
    Ok(call.into())
}

/// A session that begins at this second, of some minutes; every second one with two handoffs.
fn session(number: u32, begins: i64, rng: &mut Rng) -> Result<Vec<Record>, InvalidId> {
    let pick = |rng: &mut Rng, names: &[&'static str]| rng.choice(names).copied().unwrap_or("none");
    let id = SessionId::new(format!("session-{number}"))?;
    let agent = AgentId::new(pick(rng, &AGENTS))?;
    let start = SessionStart::new(id.clone(), agent.clone()).task_type(pick(rng, &TASKS));
    let mut at = pick(rng, &PROVIDERS);
    let mut bodies: Vec<Body> = vec![Body::SessionStart(start.task), call(at, rng)?];
    for _ in 0..2 {
        if number.is_multiple_of(2) {
            let to = pick(rng, &PROVIDERS);
            let [from, taker] = [at, to].map(ProviderId::new);
            let reason = *rng
                .choice(HandoffReason::ALL)
                .unwrap_or(&HandoffReason::Manual);
            bodies.push(Handoff::automatic(Party::from(from?), taker?, reason).into());
            at = to;
        }
        bodies.push(call(at, rng)?);
    }
    let outcome = if rng.u8(..5) == 0 {
        Outcome::Failed
    } else {
        Outcome::Success
    };
    bodies.push(SessionEnd::new(outcome, Duration::from_secs(600)).into());
    let records = (begins..).step_by(97).zip(bodies).map(|(second, body)| {
        Record::new(Timestamp::from_unix_seconds(second), body)
            .of_session(id.clone())
            .of_agent(agent.clone())
    });
    Ok(records.collect())
}

/// As many sessions as handoffs, each half way into the ones before and after it.
fn records(handoffs: u32) -> Result<Vec<Record>, Broken> {
    let mut rng = Rng::with_seed(7);
    let mut records = Vec::new();
    for number in 0..handoffs {
        let span = DAYS * 86_400 - 900;
        let begins = END - DAYS * 86_400 + span * i64::from(number) / i64::from(handoffs.max(1));
        let told = session(number, begins, &mut rng);
        records.extend(told.map_err(Broken::when("tell a session"))?);
    }
    records.sort_by_key(|record| record.at);
    Ok(records)
}

fn fill(path: &Path, records: &[Record]) -> Result<SqliteSink, Broken> {
    let sink = SqliteSink::open(path).map_err(Broken::when("make the database"))?;
    let mut sink = sink.retention(Retention::FOREVER);
    for batch in records.chunks(BATCH) {
        sink.write(batch).map_err(Broken::when("write a batch"))?;
    }
    Ok(sink)
}

/// Milliseconds, least, median and most.
fn spread(
    rounds: usize,
    mut turn: impl FnMut(usize) -> Result<Duration, Broken>,
) -> Result<String, Broken> {
    let mut times = Vec::with_capacity(rounds);
    for round in 0..rounds {
        times.push(turn(round)?.as_secs_f64() * 1e3);
    }
    times.sort_unstable_by(f64::total_cmp);
    let of = |place: usize| times.get(place).copied().unwrap_or_default();
    let (least, median, most) = (of(0), of(rounds / 2), of(rounds.saturating_sub(1)));
    Ok(format!("{least:>10.3} {median:>10.3} {most:>10.3}"))
}

fn timed<T>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, agent_telemetry::StoreError>,
) -> Result<Duration, Broken> {
    let begin = Instant::now();
    let done = work().map_err(Broken::when(doing))?;
    let taken = begin.elapsed();
    drop(std::hint::black_box(done));
    Ok(taken)
}

fn run() -> Result<(), Broken> {
    let folder = tempfile::tempdir().map_err(Broken::when("make a folder"))?;
    let path = folder.path().join("telemetry.db");
    let told = records(handoffs()?)?;
    let mut sink = fill(&path, &told)?;
    let reading = "read the database";
    let open = || SqliteStore::open_read_only(&path).map_err(Broken::when(reading));
    let now = Timestamp::from_unix_seconds(END - 60);
    let [day, week, month] = [
        Period::last_24_hours(now),
        Period::last_7_days(now),
        Period::last_30_days(now),
    ];
    println!("records             {:>12}", told.len());
    println!("milliseconds               least     median       most");
    let before = resident();
    let mut kept = open()?.into_handoffs();
    let line = spread(1, |_| timed(reading, || kept.report(month)))?;
    println!("kept, the first     {line}");
    if let (Some((before, _)), Some((after, _))) = (before, resident()) {
        println!(
            "kept in memory      {:>10} kB",
            after.saturating_sub(before) / 1_000
        );
    }
    let report = kept.report(month).map_err(Broken::when(reading))?;
    let paths = report.paths.len();
    println!(
        "handoffs            {:>12}   on {paths} paths",
        report.handoffs
    );
    let store = open()?;
    for (name, period) in [("24 h", day), ("7 d", week), ("30 d", month)] {
        let line = spread(3, |_| timed(reading, || store.handoffs_report(period)))?;
        println!("asked once, {name:<8}{line}");
    }
    for (name, period) in [("24 h", day), ("7 d", week), ("30 d", month)] {
        let line = spread(ROUNDS, |_| timed(reading, || kept.report(period)))?;
        println!("again, {name:<13}{line}");
    }
    let all = spread(ROUNDS, |_| timed(reading, || kept.report(Period::ALL)))?;
    println!("again, all time     {all}");
    // Of sessions of the last day, as new ones would be, and of any time.
    for (name, from) in [("new", told.len().saturating_sub(2_000)), ("late", 0)] {
        let line = spread(ROUNDS, |round| {
            let some = told
                .iter()
                .skip(from)
                .step_by(if from == 0 { 50_021 } else { 151 });
            let batch: Vec<Record> = some.skip(round % 3).take(10).cloned().collect();
            sink.write(&batch).map_err(Broken::when("write a batch"))?;
            timed(reading, || kept.report(month))
        })?;
        println!("after ten {name:<10}{line}");
    }
    Ok(())
}
