//! Watches agent CLIs that speak OpenTelemetry: start it, point Claude Code, Codex, Gemini CLI or any other at it, and
//! see their sessions with tokens, cost, context and alerts.
//!
//! ```text
//! cargo run --release --example otlp_receiver                     # on 127.0.0.1:4318, until Ctrl-C
//! cargo run --release --example otlp_receiver -- --db agents.db   # and keep what comes
//! cargo run --release --example otlp_receiver -- --demo           # with agents of its own that speak OTLP, 6 seconds
//! ```
//!
//! It prints the variables to paste into the shell that the agent CLI is started from. Reports on what it keeps are those
//! of the example `telemetry_report`.
//!
//! Ends with 0, with 1 where it cannot work, and with 2 where the arguments cannot be used.

#![allow(clippy::print_stdout, reason = "a command-line program")]
#![allow(clippy::print_stderr, reason = "a command-line program")]

mod demo;
mod environment;
mod options;
mod sessions;
mod table;

use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use agent_primitives::{Event, Stamp};
use agent_telemetry::otlp::{Processor, Receiver};
use agent_telemetry::{LiveConfig, LiveItem, MemorySink, Sink, SqliteSink, Telemetry};

use options::Options;
use sessions::Sessions;

const FAILED: u8 = 1;
const REFUSED: u8 = 2;
const SECOND: Duration = Duration::from_secs(1);
const SHUTDOWN: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let options = match Options::from_env() {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("otlp_receiver: {error}; see --help");
            return ExitCode::from(REFUSED);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("otlp_receiver: {error}");
            ExitCode::from(FAILED)
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let sink: Box<dyn Sink> = match &options.db {
        Some(path) => Box::new(SqliteSink::open(path)?),
        None => Box::new(MemorySink::with_capacity(1_024)),
    };
    let telemetry = Telemetry::builder(sink).start()?;
    let mut live = telemetry.subscribe(LiveConfig::new().without_totals())?;

    let sessions = Arc::new(Mutex::new(Sessions::new(options.budget)));
    let filling = Arc::clone(&sessions);
    let processor = Processor::builder(&telemetry)
        .window(SECOND)
        .observer(move |stamp: Stamp<'_>, event: &Event| {
            locked(&filling).hear(stamp, event);
        })
        .start()?;
    let mut receiver = Receiver::builder(processor.clone()).bind(&options.bind);
    if let Some(token) = &options.token {
        receiver = receiver.token(token.clone());
    }
    let receiver = receiver.start()?;
    let endpoint = format!("http://{}", receiver.local_addr());
    println!(
        "{}",
        environment::block(&endpoint, options.token.as_deref())
    );

    let demo = options
        .demo
        .then(|| demo::start(&endpoint, options.token.clone()));
    let ends = options.time.map(|time| Instant::now() + time);
    let mut shown = Instant::now();
    while ends.is_none_or(|end| Instant::now() < end) {
        match live.recv(SECOND) {
            Ok(LiveItem::Record(record)) => locked(&sessions).add(&record),
            Ok(_) => {}
            Err(error) if error.is_empty() => {}
            Err(error) => return Err(error.into()),
        }
        if shown.elapsed() >= SECOND {
            shown = Instant::now();
            println!("{}", table::of(&locked(&sessions), &processor.coverage()));
        }
    }
    if let Some(demo) = demo {
        demo.join().map_err(|_| "an agent of the demo failed")?;
    }
    let stats = receiver.shutdown(SHUTDOWN)?;
    while let Ok(LiveItem::Record(record)) = live.recv(Duration::from_millis(100)) {
        locked(&sessions).add(&record);
    }
    println!("{}", table::of(&locked(&sessions), &processor.coverage()));
    println!("{}", table::received(&stats, &processor.figures()));
    drop(processor);
    telemetry.shutdown(SHUTDOWN)?;
    Ok(())
}

fn locked(sessions: &Mutex<Sessions>) -> std::sync::MutexGuard<'_, Sessions> {
    sessions.lock().unwrap_or_else(PoisonError::into_inner)
}
