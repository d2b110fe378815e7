//! What a database of records says about agents, models and tools, over any period.
//!
//! ```text
//! cargo run --release --example telemetry_report -- --demo
//! cargo run --release --example telemetry_report -- stats --db telemetry.db --period 7d
//! cargo run --release --example telemetry_report -- details --db telemetry.db --period 24h
//! cargo run --release --example telemetry_report -- compare handoffs cost --db telemetry.db
//! cargo run --release --example telemetry_report -- errors performance --db telemetry.db
//! cargo run --release --example telemetry_report -- models --db telemetry.db --period 2026-11-01..2026-12-01 --json
//! cargo run --release --example telemetry_report -- --db telemetry.db --html report.html
//! cargo run --release --example telemetry_report -- alerts --db telemetry.db --rules rules.json
//! cargo run --release --example telemetry_report -- forecast --db telemetry.db --budget 50usd/day
//! cargo run --release --example telemetry_report -- export --db telemetry.db --out records.parquet
//! ```
//!
//! Ends with 0 where there was something to report, with 1 where the database cannot be read or written,
//! with 2 where the arguments cannot be used, and with 3 where the period is empty.

#![allow(clippy::print_stdout, reason = "a command-line program")]
#![allow(clippy::print_stderr, reason = "a command-line program")]

mod alerts;
mod demo;
mod export;
mod options;
mod shown;

use std::error::Error;
use std::process::ExitCode;

use agent_telemetry::{
    AgentsReport, ModelsReport, Period, SqliteStore, Stats, StoreError, ToolsReport,
};

use options::{Options, Question};
use shown::Output;

const UNREADABLE: u8 = 1;
const REFUSED: u8 = 2;
const EMPTY: u8 = 3;

const BEFORE_SUMS: &str = "the database is of a version before there were sums; open it for writing once, with SqliteSink::open, or ask for details";
/// Sessions that are named as the dearest.
const DEAREST: u32 = 5;

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
    if let Some(export) = &options.export {
        return Ok(export.run(&store, options.period)?.records > 0);
    }
    if let Some(past) = &options.alerts {
        return past.run(&store, options.period, options.json);
    }
    let mut output = Output::new(options);
    let mut is_any = false;
    for question in &options.questions {
        is_any |= answer(*question, &store, options, &mut output)?;
    }
    output.finish()?;
    Ok(is_any)
}

/// Whether there was anything to say.
fn answer(
    question: Question,
    store: &SqliteStore,
    options: &Options,
    output: &mut Output<'_>,
) -> Result<bool, Box<dyn Error>> {
    let period = options.period;
    match question {
        Question::Stats | Question::Models | Question::Tools => {
            let stored = store.rollups(period)?.ok_or(BEFORE_SUMS)?;
            let (period, sums) = (stored.covered, &stored.rollups);
            match question {
                Question::Models => output.show("models", &ModelsReport::of(period, sums))?,
                Question::Tools => {
                    let mut report = ToolsReport::of(period, sums);
                    report.sequences = Some(store.tool_sequences_report(options.period)?);
                    output.show("tools", &report)?;
                }
                _ => output.show("stats", &AgentsReport::of(period, sums))?,
            }
            Ok(!sums.is_empty())
        }
        Question::Details => {
            let stats = stats(store, period)?;
            output.show("details", &stats)?;
            Ok(stats.overview.records > 0)
        }
        Question::Compare => {
            let report = store.compare_report(period, &options.compare)?;
            output.show("compare", &report)?;
            Ok(!report.sides.is_empty())
        }
        Question::Handoffs => {
            let report = store.handoffs_report(period)?;
            output.show("handoffs", &report)?;
            Ok(report.handoffs > 0)
        }
        Question::Cost => {
            let mut report = store.cost_report(period)?.ok_or(BEFORE_SUMS)?;
            report.sessions = store.dearest_sessions(report.period, DEAREST)?;
            output.show("cost", &report)?;
            Ok(!report.is_empty())
        }
        Question::Errors => {
            let report = store.errors_report(period)?;
            output.show("errors", &report)?;
            Ok(!report.is_empty())
        }
        Question::Performance => {
            let report = store.performance_report(period)?;
            output.show("performance", &report)?;
            Ok(!report.is_empty())
        }
        Question::Quality => {
            let report = store.quality_report(period)?;
            output.show("quality", &report)?;
            Ok(!report.is_empty())
        }
        Question::Suggestions => {
            let report = store.suggestions_report(period, &options.suggest)?;
            output.show("suggestions", &report)?;
            Ok(!report.told.is_zero())
        }
        Question::Forecast => {
            let report = store.forecast_report(options.now, &options.forecast)?;
            let report = report.ok_or(BEFORE_SUMS)?;
            output.show("forecast", &report)?;
            Ok(!report.is_empty())
        }
    }
}

/// From the records themselves, which say more than the sums and are not kept as long.
fn stats(store: &SqliteStore, period: Period) -> Result<Stats, StoreError> {
    Stats::try_of(store.records_in(period.from()..period.to()))
}
