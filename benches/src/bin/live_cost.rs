//! Prints what those who watch a recorder cost the thread that records, and how far behind it they are:
//! `live_cost [--short]`.
//!
//! The recorders take turns, round by round, each with a database of its own: one that nobody watches, one with a reader
//! that reads, one with a reader that is stuck. Then calls are recorded at a steady rate, and each one says when.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the figures are the product"
)]

use std::num::NonZeroUsize;
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use agent_benches::harness::Broken;
use agent_primitives::{AgentId, SessionId, ToolName};
use agent_telemetry::{
    Body, Live, LiveConfig, LiveItem, Session, SessionStart, SqliteSink, Telemetry, ToolHandle,
    ToolOutcome,
};

/// Calls between two times that the queue is emptied: fewer than it holds.
const CALLS: u32 = 20_000;
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    match run(std::env::args().any(|argument| argument == "--short")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(broken) => {
            eprintln!("live_cost: {broken}");
            ExitCode::FAILURE
        }
    }
}

fn run(is_short: bool) -> Result<(), Broken> {
    let folder = tempfile::tempdir().map_err(Broken::when("make a folder"))?;
    let (rounds, seconds) = if is_short { (11, 1) } else { (201, 10) };
    cost(folder.path(), rounds)?;
    for a_second in [100, 1_000, 20_000] {
        delay(folder.path(), a_second, seconds)?;
    }
    Ok(())
}

/// A recorder with a session and a tool of it.
struct Recorder {
    telemetry: Telemetry,
    _session: Session,
    tool: ToolHandle,
}

impl Recorder {
    fn new(folder: &Path, name: &str) -> Result<Self, Broken> {
        let doing = "start telemetry";
        let sink = SqliteSink::open(folder.join(name)).map_err(Broken::when(doing))?;
        let telemetry = Telemetry::builder(sink)
            .start()
            .map_err(Broken::when(doing))?;
        let id = SessionId::new("bench").map_err(Broken::when(doing))?;
        let agent = AgentId::new("bench").map_err(Broken::when(doing))?;
        let session = telemetry.session(SessionStart::new(id, agent));
        let tool = session.tool(ToolName::new("grep").map_err(Broken::when(doing))?);
        Ok(Self {
            telemetry,
            _session: session,
            tool,
        })
    }

    fn subscribe(&self) -> Result<Live, Broken> {
        let config = LiveConfig::new()
            .without_totals()
            .patience(NonZeroUsize::MAX);
        let live = self.telemetry.subscribe(config);
        live.map_err(Broken::when("subscribe"))
    }

    fn flush(&self) -> Result<(), Broken> {
        let flushed = self.telemetry.flush(PATIENCE);
        flushed.map(drop).map_err(Broken::when("flush"))
    }

    /// Nanoseconds of a call.
    fn round(&self) -> f64 {
        let began = Instant::now();
        for number in 0..CALLS {
            let elapsed = Duration::from_nanos(number.into());
            self.tool
                .record(std::hint::black_box(ToolOutcome::Ok), elapsed);
        }
        began.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
    }
}

/// What a call costs its thread.
fn cost(folder: &Path, rounds: usize) -> Result<(), Broken> {
    let names = [
        "nobody watches",
        "a reader that reads",
        "a reader that is stuck",
    ];
    let mut recorders = Vec::new();
    let mut stuck = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let recorder = Recorder::new(folder, name)?;
        match number {
            1 => {
                let live = recorder.subscribe()?;
                thread::spawn(move || live.for_each(drop));
            }
            2 => stuck.push(recorder.subscribe()?),
            _ => {}
        }
        recorders.push((name, recorder, Vec::new()));
    }
    let count = recorders.len();
    for round in 0..rounds {
        for place in 0..count {
            let Some((_, recorder, times)) = recorders.get_mut((round + place) % count) else {
                continue;
            };
            times.push(recorder.round());
            recorder.flush()?;
        }
    }
    for (name, recorder, mut times) in recorders {
        times.sort_by(f64::total_cmp);
        let at = |share: usize| {
            times
                .get(times.len() * share / 100)
                .copied()
                .unwrap_or(f64::NAN)
        };
        println!(
            "{name:<24} {:6.1} ns a call, median of {rounds} rounds (quarter {:.1}, three quarters {:.1}); dropped {}, missed {}",
            at(50),
            at(25),
            at(75),
            recorder.telemetry.dropped().total(),
            recorder.telemetry.health().live.missed,
        );
    }
    Ok(())
}

/// How long a record takes to its reader, at so many a second.
fn delay(folder: &Path, a_second: u32, seconds: u32) -> Result<(), Broken> {
    let recorder = Recorder::new(folder, &format!("delay-{a_second}"))?;
    let live = recorder.subscribe()?;
    let origin = Instant::now();
    let reader = thread::spawn(move || behind(live, origin));
    let (_never, pause): (_, Receiver<()>) = mpsc::channel();
    let between = Duration::from_secs(1) / a_second;
    for number in 1..=a_second * seconds {
        recorder.tool.record(ToolOutcome::Ok, origin.elapsed());
        let left = (between * number).saturating_sub(origin.elapsed());
        if !left.is_zero() {
            let _ = pause.recv_timeout(left);
        }
    }
    let shut = recorder.telemetry.shutdown(PATIENCE);
    shut.map_err(Broken::when("shut down"))?;
    let read = reader.join();
    let mut delays = read.map_err(|_| Broken::new("read", "the reader panicked"))?;
    delays.sort();
    let at = |share: usize| {
        let place = (delays.len() * share / 1_000).min(delays.len().saturating_sub(1));
        delays
            .get(place)
            .map_or(f64::NAN, |it| it.as_secs_f64() * 1e3)
    };
    println!(
        "{a_second:>6} records a second: {:.2} ms behind at p50, {:.2} at p95, {:.2} at p99, {:.2} at p99.9, of {}; missed {}",
        at(500),
        at(950),
        at(990),
        at(999),
        delays.len(),
        recorder.telemetry.health().live.missed,
    );
    Ok(())
}

fn behind(live: Live, origin: Instant) -> Vec<Duration> {
    let mut delays = Vec::new();
    for item in live {
        let LiveItem::Record(record) = item else {
            continue;
        };
        if let Body::ToolCall(call) = &record.body {
            delays.push(origin.elapsed().saturating_sub(call.elapsed));
        }
    }
    delays
}
