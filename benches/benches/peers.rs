//! Runs every row and prints the table.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is the product"
)]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use agent_benches::harness::{Broken, Counted, Effort, Options, Report, Skipped, counted_by};
use agent_benches::rows::{self, Setting};

/// Inside the target folder, so on the disk that builds go to and not in memory.
const SCRATCH: &str = env!("CARGO_TARGET_TMPDIR");
const COUNTER: &str = env!("CARGO_BIN_EXE_count_allocations");

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(broken) => {
            eprintln!("{broken}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Broken> {
    let options = Options::parse(std::env::args_os().skip(1))?;
    let scratch = options.scratch.clone().unwrap_or_else(|| SCRATCH.into());
    let mut report = Report::new(options.effort, &scratch);
    for skipped in rows::skipped() {
        report.skip(skipped);
    }
    let mut counted = counted(&options).unwrap_or_else(|broken| {
        report.skip(Skipped::new("allocations", broken.to_string()));
        Vec::new()
    });
    if options.effort == Effort::Test {
        // Those of small sessions and cold caches are not those that the rows stand for.
        counted.clear();
    }
    for plan in rows::plans(&Setting::new(scratch, options.effort)) {
        if options.wants(plan.name) {
            eprintln!("{}", plan.name);
            report.add(plan.group()?, &counted)?;
        }
    }
    println!("{report}");
    if let Some(path) = summary(&options) {
        report.save(&path)?;
        println!("summary: {}", path.display());
    }
    Ok(())
}

fn counted(options: &Options) -> Result<Vec<Counted>, Broken> {
    let mut arguments = vec!["--scratch".into(), SCRATCH.into()];
    if options.effort == Effort::Full {
        arguments.push(OsString::from("--bench"));
    }
    if let Some(filter) = &options.filter {
        arguments.extend(["--filter".into(), filter.into()]);
    }
    counted_by(Path::new(COUNTER), &arguments)
}

/// Where the summary goes. A run that was only a test or only a part does not replace the figures of
/// a whole one, unless a path is given.
fn summary(options: &Options) -> Option<PathBuf> {
    if options.json.is_some() {
        return options.json.clone();
    }
    let whole = options.effort == Effort::Full && options.filter.is_none();
    let target = Path::new(SCRATCH).parent()?;
    whole.then(|| target.join("bench-summary.json"))
}
