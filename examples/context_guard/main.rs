//! State is saved before an agent CLI's context runs out, though the agent knows nothing of it: its OpenTelemetry tells
//! how full its context is, and a checkpointer that hears of it saves in time.
//!
//! ```text
//! cargo run --release --example context_guard
//! ```
//!
//! The agent is one that others could have written: it speaks OTLP through the OpenTelemetry SDK over real HTTP. The
//! host keeps its conversation, receives what it tells, and passes on what is expected to be in use a turn from now.
//!
//! Ends with 0 where state was saved before 70 % of the context were in use and before the agent compacted it, and with
//! 1 where it was not.

#![allow(clippy::print_stdout, reason = "a command-line program")]
#![allow(clippy::print_stderr, reason = "a command-line program")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use agent_checkpoint::{Checkpointer, FileStore, Message};
use agent_primitives::{SessionId, TokenUsage};
use agent_telemetry::otlp::{Processor, Receiver};
use agent_telemetry::{ContextWatch, MemorySink, Prices, Telemetry};
use support::{WatchedAgent, WatchedCall};

const FAILED: u8 = 1;
const MODEL: &str = "claude-sonnet-4-5";
const PATIENCE: Duration = Duration::from_secs(10);
/// The share at which the checkpointer saves unless it is told otherwise, in percent.
const THRESHOLD: u64 = 70;
/// What a turn adds to the context, in tokens: prompts, files that are read, outputs of tools.
const TURNS: [u64; 16] = [
    14_000, 9_000, 3_000, 12_000, 11_000, 2_000, 16_000, 9_000, 13_000, 7_000, 12_000, 11_000,
    14_000, 15_000, 9_000, 12_000,
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("context_guard: {error}");
            ExitCode::from(FAILED)
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let id = SessionId::new("guarded")?;
    let mut session = Checkpointer::builder(FileStore::open(folder.path())?, id).open()?;

    // The bridge: what the receiver is told about contexts, the checkpointer hears.
    let telemetry = Telemetry::builder(MemorySink::new()).start()?;
    let processor = Processor::builder(&telemetry)
        .contexts(ContextWatch::new(Prices::shipped()).turns_ahead(1))
        .observer(session.signal())
        .start()?;
    let receiver = Receiver::builder(processor.clone())
        .bind("127.0.0.1:0")
        .start()?;

    let endpoint = format!("http://{}", receiver.local_addr());
    let agent = WatchedAgent::start(&endpoint, "guarded", None)?;
    println!(
        "{:>4}  {:>7}  {:>6}  {:>12}",
        "turn", "tokens", "in use", "with another"
    );
    let (mut used, mut saved_at) = (0, None);
    for (turn, added) in (1_u32..).zip(TURNS) {
        let cached = used;
        used += added;
        session.push(Message::user(format!("turn {turn}: {added} tokens")))?;
        agent.call(&WatchedCall {
            request: format!("req_{turn}"),
            model: MODEL,
            usage: TokenUsage::new(added - 500, 500).with_cache_read(cached),
            cost_micros: 3 * added,
            latency: Duration::from_millis(1_200),
        });
        agent.send()?;
        if !processor.flush(PATIENCE) {
            return Err("the recorder did not store what was sent".into());
        }
        let contexts = processor.contexts();
        let context = contexts.first().ok_or("no context was told")?;
        let (now, then) = (context.in_use(), context.pressure());
        let (now, then) = now.zip(then).ok_or("the window is not known")?;
        let saved = session.save_if_due()?;
        let note = if saved.is_some() { "  saved" } else { "" };
        println!(
            "{turn:>4}  {:>7}  {:>4} %  {:>10} %{note}",
            context.used,
            now.percent(),
            then.percent()
        );
        if saved.is_some() && saved_at.is_none() {
            saved_at = Some(now.percent());
        }
    }
    receiver.shutdown(PATIENCE)?;
    let Some(saved_at) = saved_at else {
        return Err("nothing was saved".into());
    };
    if saved_at >= THRESHOLD {
        return Err(format!("the first save came at {saved_at} %, which is too late").into());
    }
    println!("saved at {saved_at} %, a turn before {THRESHOLD} % would have been in use");
    Ok(())
}
