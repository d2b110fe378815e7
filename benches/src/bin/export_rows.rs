//! Exports so many records and prints what that takes: `export_rows [--rows 1000000] [--format csv]
//! [--out FILE]`. Memory is that of the process at its most, which is not to grow with the rows.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the figures are the product"
)]

use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use agent_primitives::{
    AgentId, FailureKind, InvalidId, ModelId, ProviderId, SessionId, Timestamp, TokenUsage,
    ToolName, Usd,
};
use agent_telemetry::{
    ExportConfig, ExportFormat, ModelCall, Record, Severity, ToolCall, ToolOutcome, Violation,
};
use lexopt::{Arg, Parser, ValueExt};

const START: i64 = 1_795_219_200;
const MODELS: [(&str, &str); 3] = [
    ("claude", "claude-sonnet-4-5"),
    ("claude", "claude-haiku-4-5"),
    ("groq", "openai/gpt-oss-120b"),
];
const AGENTS: [&str; 3] = ["coder", "reviewer", "planner"];
const TOOLS: [&str; 6] = ["bash", "edit", "grep", "open", "run_tests", "write"];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("export_rows: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let (mut rows, mut format, mut out) = (1_000_000_u64, ExportFormat::Csv, None);
    let mut args = Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("rows") => rows = args.value()?.parse()?,
            Arg::Long("format") => {
                let word = args.value()?.string()?;
                format =
                    ExportFormat::from_word(&word).ok_or("write csv, jsonl, json or parquet")?;
            }
            Arg::Long("out") => out = Some(PathBuf::from(args.value()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    let file: Box<dyn Write + Send> = match &out {
        Some(path) => Box::new(File::create(path)?),
        None => Box::new(io::sink()),
    };
    let started = Instant::now();
    let exported = ExportConfig::new(format).try_write((0..rows).map(record), file)?;
    let took = started.elapsed();
    let bytes = out
        .map(|path| path.metadata())
        .transpose()?
        .map(|it| it.len());
    println!(
        "{format}: {} rows in {took:.2?}, {:.0} ns a row, {} bytes a row, {} MiB at most",
        exported.records,
        took.as_secs_f64() * 1e9 / to_f64(rows),
        bytes.map_or_else(
            || "?".to_owned(),
            |it| format!("{:.1}", to_f64(it) / to_f64(rows))
        ),
        peak().map_or_else(|| "?".to_owned(), |it| it.to_string()),
    );
    Ok(())
}

/// Three model calls to six tool calls and a violation, in sessions of a hundred.
fn record(number: u64) -> Result<Record, InvalidId> {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let of = |names: &[&'static str]| {
        names
            .get(pick(mixed, names.len()))
            .copied()
            .unwrap_or("none")
    };
    let at = Timestamp::from_unix_seconds(START)
        + Duration::from_micros(number * 137_000 + mixed % 1_000);
    let record = match number % 10 {
        0..=2 => {
            let (provider, model) = MODELS
                .get(pick(mixed, MODELS.len()))
                .copied()
                .unwrap_or_default();
            let (input, output) = (mixed % 9_000, mixed % 800);
            let call = ModelCall::new(ProviderId::new(provider)?, ModelId::new(model)?)
                .usage(TokenUsage::new(input, output).with_cache_read(mixed % 90_000))
                .latency(Duration::from_micros(mixed % 9_000_000))
                .cost(Usd::from_picos(i128::from(
                    input * 3_000_000 + output * 15_000_000,
                )));
            let call = if mixed.is_multiple_of(50) {
                call.failed(FailureKind::Timeout)
            } else {
                call
            };
            Record::new(at, call)
        }
        3..=8 => {
            let elapsed = Duration::from_micros(mixed % 3_000_000);
            Record::new(
                at,
                ToolCall::new(ToolName::new(of(&TOOLS))?, ToolOutcome::Ok, elapsed),
            )
        }
        _ => {
            let text = format!("line {} is too long, \"mend\" it", mixed % 4_000);
            Record::new(at, Violation::new("line_length", Severity::Warning, text))
        }
    };
    let session = SessionId::new(format!("session-{:08}", number / 100))?;
    Ok(record
        .of_session(session)
        .of_agent(AgentId::new(of(&AGENTS))?))
}

fn pick(mixed: u64, choices: usize) -> usize {
    usize::try_from(mixed / 7 % choices as u64).unwrap_or(0)
}

#[expect(clippy::cast_precision_loss, reason = "printed with few digits")]
const fn to_f64(count: u64) -> f64 {
    count as f64
}

/// The most memory that the process had, in MiB.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes / 1_024)
}
