//! Prints what it takes to read transcripts of Claude Code for the first time, again, and after one more answer, into a
//! database; fails where a token is lost or counted twice: `import_transcripts [--short]`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the figures are the product"
)]

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use agent_benches::harness::Broken;
use agent_primitives::{Clock, SystemClock, Timestamp};
use agent_telemetry::otlp::{ClaudeTranscripts, Processor};
use agent_telemetry::{Body, SqliteSink, SqliteStore, Telemetry};

const SESSIONS: usize = 100;
/// Lines of one answer: one for each of its blocks, each with the usage of the whole.
const BLOCKS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("import_transcripts: the sums are not those of the transcripts");
            ExitCode::FAILURE
        }
        Err(broken) => {
            eprintln!("import_transcripts: {broken}");
            ExitCode::FAILURE
        }
    }
}

/// Tokens and calls that were written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Written {
    calls: u64,
    tokens: u64,
}

fn run() -> Result<bool, Broken> {
    let is_short = std::env::args().any(|argument| argument == "--short");
    let bytes = if is_short { 50_000_000 } else { 1_000_000_000 };
    let folder = tempfile::tempdir().map_err(Broken::when("make a folder"))?;
    let logs = folder.path().join("projects");
    let mut written = Written::default();
    let now = SystemClock.timestamp();
    let size =
        corpus(&logs, now, bytes, &mut written).map_err(Broken::when("write transcripts"))?;

    let path = folder.path().join("telemetry.db");
    let sink = SqliteSink::open(&path).map_err(Broken::when("open a database"))?;
    let telemetry = Telemetry::builder(sink)
        .start()
        .map_err(Broken::when("start a recorder"))?;
    let processor = Processor::builder(&telemetry)
        .start()
        .map_err(Broken::when("start a processor"))?;
    let mut transcripts = ClaudeTranscripts::new(&logs);
    let mut import = |what: &str| {
        let began = (Instant::now(), processor_time());
        processor
            .import(&mut transcripts)
            .map_err(Broken::when("read transcripts"))?;
        let read = began.0.elapsed();
        if !processor.flush(PATIENCE) {
            return Err(Broken::new("store what was read", "it took too long"));
        }
        let (stored, ticks) = (began.0.elapsed(), processor_time() - began.1);
        let cpu = Duration::from_millis(10 * ticks);
        println!("{what:<28} read {read:>10.1?}  stored {stored:>10.1?}  processor {cpu:>8.2?}");
        Ok(())
    };
    println!(
        "{} MB in {SESSIONS} files, {} calls",
        size / 1_000_000,
        written.calls
    );
    import("the first time")?;
    import("again, nothing is new")?;
    let last = logs.join("session-0.jsonl");
    let mut file = fs::OpenOptions::new()
        .append(true)
        .open(last)
        .map_err(Broken::when("open a transcript"))?;
    let mut text = String::new();
    turn(&mut text, now, 0, usize::MAX / 2, &mut written);
    file.write_all(text.as_bytes())
        .map_err(Broken::when("write one more answer"))?;
    import("one more answer")?;
    Ok(stored(&path)? == written)
}

fn corpus(folder: &Path, now: Timestamp, bytes: usize, written: &mut Written) -> io::Result<usize> {
    fs::create_dir_all(folder)?;
    let mut size = 0;
    for session in 0..SESSIONS {
        let mut text = String::new();
        let mut number = 0;
        while text.len() < bytes / SESSIONS {
            turn(&mut text, now, session, number, written);
            number += 1;
        }
        size += text.len();
        fs::write(folder.join(format!("session-{session}.jsonl")), text)?;
    }
    Ok(size)
}

/// An answer, and what the tool said that it called.
fn turn(to: &mut String, now: Timestamp, session: usize, number: usize, written: &mut Written) {
    let (input, output) = (1_000 + number % 977, 100 + number % 331);
    // Sessions begin six hours after one another, none before a month ago, and their answers every twenty seconds.
    let ago = 86_400 + 21_600 * session;
    let began = now - Duration::from_secs(ago as u64);
    let time =
        |millis: usize| began + Duration::from_millis((20_000 * (number % 4_000) + millis) as u64);
    let words = "the quick brown fox jumps over the lazy dog \\n ";
    for block in 0..BLOCKS {
        let time = time(100 * block);
        let content = match block {
            0 => format!(r#"{{"type":"thinking","thinking":"{}"}}"#, words.repeat(12)),
            1 => format!(r#"{{"type":"text","text":"{}"}}"#, words.repeat(20)),
            _ => format!(
                r#"{{"type":"tool_use","id":"toolu_{session:08}{number:020}","name":"Bash","input":{{"command":"{}"}}}}"#,
                words.repeat(4)
            ),
        };
        let _ = writeln!(
            to,
            r#"{{"parentUuid":"p{number}","isSidechain":false,"cwd":"/work","sessionId":"session-{session}","version":"2.1.248","type":"assistant","timestamp":"{time}","requestId":"req_{session}_{number}","message":{{"id":"msg_{session}_{number}","type":"message","role":"assistant","model":"claude-haiku-4-5","content":[{content}],"usage":{{"input_tokens":{input},"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":{output}}}}}}}"#
        );
    }
    let time = time(900);
    let _ = writeln!(
        to,
        r#"{{"parentUuid":"q{number}","isSidechain":false,"cwd":"/work","sessionId":"session-{session}","version":"2.1.248","type":"user","timestamp":"{time}","message":{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"toolu_{session:08}{number:020}","content":"{}"}}]}}}}"#,
        words.repeat(60)
    );
    written.calls += 1;
    written.tokens += (input + output) as u64;
}

fn stored(path: &Path) -> Result<Written, Broken> {
    let store = SqliteStore::open_read_only(path).map_err(Broken::when("open the database"))?;
    let mut stored = Written::default();
    for record in store.records() {
        let record = record.map_err(Broken::when("read a record"))?;
        if let Body::ModelCall(call) = &record.body {
            stored.calls += 1;
            stored.tokens += call.usage.total();
        }
    }
    Ok(stored)
}

/// Hundredths of seconds that all threads of this process had; zero where the system does not say.
fn processor_time() -> u64 {
    let said = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = said.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks = behind_name.split(' ').skip(11).take(2);
    ticks.filter_map(|it| it.parse::<u64>().ok()).sum()
}
