//! What a database of records says about agents, models and tools, over any period.
//!
//! ```text
//! cargo run --release --example telemetry_report -- --demo
//! cargo run --release --example telemetry_report -- stats --db telemetry.db --period 7d
//! cargo run --release --example telemetry_report -- details --db telemetry.db --period 24h
//! cargo run --release --example telemetry_report -- models --db telemetry.db --period 2026-11-01..2026-12-01 --json
//! ```
//!
//! Ends with 0 where there was something to report, with 1 where the database cannot be read or written,
//! with 2 where the arguments cannot be used, and with 3 where the period is empty.

#![allow(clippy::print_stdout, reason = "a command-line program")]
#![allow(clippy::print_stderr, reason = "a command-line program")]

mod demo;
mod options;

use std::error::Error;
use std::process::ExitCode;

use agent_telemetry::{
    AgentsReport, ModelsReport, Period, SqliteStore, Stats, StoreError, StoredRollups, ToolsReport,
};

use options::{Options, Question};

const UNREADABLE: u8 = 1;
const REFUSED: u8 = 2;
const EMPTY: u8 = 3;

fn main() -> ExitCode {
    let options = match Options::from_env() {
        Ok(Some(options)) => options,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("telemetry_report: {error}; see --help");
            return ExitCode::from(REFUSED);
        }
    };
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(EMPTY),
        Err(error) => {
            eprintln!("telemetry_report: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::from(UNREADABLE)
        }
    }
}

/// Whether there was anything to report.
fn run(options: &Options) -> Result<bool, Box<dyn Error>> {
    if let Some(demo) = &options.demo {
        let filled = demo::fill(&options.database, demo)?;
        eprintln!("{filled}, in {}", options.database.display());
    }
    if !options.database.exists() {
        return Err(format!(
            "there is no {}; name a database that a SqliteSink has written with --db, or make one with --demo",
            options.database.display()
        )
        .into());
    }
    if options.database.is_dir() {
        return Err(format!(
            "{} is a folder; name the database in it with --db",
            options.database.display()
        )
        .into());
    }
    let store = SqliteStore::open_read_only(&options.database)?;
    let mut is_any = false;
    for (place, question) in options.questions.iter().enumerate() {
        let (text, is_told) = if *question == Question::Details {
            let stats = stats(&store, options.period)?;
            let text = if options.json {
                line(&stats)?
            } else {
                stats.to_string()
            };
            (text, stats.overview.records > 0)
        } else {
            let stored = store.rollups(options.period)?.ok_or(
                "the database is of a version before there were sums; open it for writing once, with SqliteSink::open, or ask for details",
            )?;
            let text = answer(*question, &stored, options.json)?;
            (text, !stored.rollups.is_empty())
        };
        let gap = if place > 0 && !options.json { "\n" } else { "" };
        print!("{gap}{text}");
        is_any |= is_told;
    }
    Ok(is_any)
}

/// From the records themselves, which say more than the sums and are not kept as long.
fn stats(store: &SqliteStore, period: Period) -> Result<Stats, StoreError> {
    Stats::try_of(store.records_in(period.from()..period.to()))
}

fn answer(
    question: Question,
    stored: &StoredRollups,
    json: bool,
) -> Result<String, Box<dyn Error>> {
    let (period, sums) = (stored.covered, &stored.rollups);
    let told = match (question, json) {
        (Question::Stats, false) => AgentsReport::of(period, sums).to_string(),
        (Question::Models, false) => ModelsReport::of(period, sums).to_string(),
        (Question::Tools, false) => ToolsReport::of(period, sums).to_string(),
        (Question::Stats, true) => line(&AgentsReport::of(period, sums))?,
        (Question::Models, true) => line(&ModelsReport::of(period, sums))?,
        (Question::Tools, true) => line(&ToolsReport::of(period, sums))?,
        (Question::Details, _) => return Err("details are no sums".into()),
    };
    Ok(told)
}

fn line(report: &impl serde::Serialize) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string(report)? + "\n")
}
